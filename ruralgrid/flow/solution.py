"""What a year of hours gives: named frames, a balance, and the way to keep them."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import MISSING, dataclass, field, fields
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.errors import (
    ConvergenceError,
    InputError,
    SolutionRejectedError,
    WriteError,
)

__all__ = [
    "CAUSES",
    "FAILED",
    "OUT_OF_SERVICE",
    "SOLVED",
    "UNSUPPLIED",
    "YearSolution",
    "read_year",
]

SOLVED: Final = "solved"
UNSUPPLIED: Final = "unsupplied"
FAILED: Final = "failed"
OUT_OF_SERVICE: Final = "out_of_service"

CAUSES: Final = {
    0: "",
    1: "the iteration found no solution: too much load for the impedance",
    2: "rejected: a voltage below 0.5 pu",
    3: "rejected: more loss than load",
    4: "a tap changer hunts: it comes to no rest in its band",
}
"""Why a part of a net failed, by the kernel's status."""

_BY_HOUR: Final = {"recorded", "taps"}  # a row per hour, a column per element

_REJECTED: Final = (CAUSES[2], CAUSES[3])


@dataclass(frozen=True, eq=False, repr=False)
class YearSolution:
    """A solved year. Frames are indexed by pandapower's element index and have a column `name`.

    Attributes
    ----------
    buses : DataFrame
        name, vn_kv, status ("solved", "unsupplied", "failed", "out_of_service"), vm_min_pu,
        vm_min_hour, vm_max_pu, vm_max_hour, and hours_below_*, hours_above_* for each limit asked.
    lines : DataFrame
        name, loss_kwh, loading_max_percent, loading_max_hour, i_max_ka, status.
    transformers, transformers3w : DataFrame
        name, no_load_kwh (the shunts of the model at its terminals), load_kwh (the series branch),
        loading_max_percent, loading_max_hour, status.
    loads : DataFrame
        name, served_kwh, asked_kwh (at nominal voltage, supplied or not), not_served_kwh (what is
        asked by loads that are unsupplied or failed, 0 for those solved), status.
    static_generators : DataFrame
        name, kwh (generated as the load flow took it: with the voltage dependence of the loads at
        its bus, like pandapower's solver; `res_sgen` tells the nominal power), status.
    sources : DataFrame
        name, fed_kwh, peak_mw, peak_hour, status.
    feeders : DataFrame
        One row for every part of the net below a source, and one for every transformer area or
        feeder that was cut off because it has no solution: root, buses, status, failed_hour, cause.
    balance : Series
        Energies [kWh] of all solved parts and what they leave over, `residual_kwh`; beside it
        `not_served_kwh`, asked for by loads that are unsupplied or failed.
    hours : array of int
        The hours solved.
    recorded : DataFrame or None
        Voltages [pu] of the buses asked for, one row per hour.
    tap_changers : DataFrame
        The transformers that a `DiscreteTapControl` of the net moves: name, tap_min, tap_max and
        tap_mean (of the taps taken), tap_changes (from one hour to the next of those solved),
        hours_at_end (at an end stop, and beyond the band), hours_below_band, hours_above_band,
        status.
    taps : DataFrame
        The tap of each of them, one row per hour, a column for each index of ``net.trafo``.
    phases : DataFrame or None
        Of a four-wire year, the 0.4 kV buses: name, status, connected (phases with customers),
        v_a_min_pu ... v_c_max_pu (phase to neutral), hours_below_*_a to _c for each low limit,
        neutral_v_max [V], unbalance_max_percent.
    """

    buses: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame
    transformers3w: pd.DataFrame
    loads: pd.DataFrame
    sources: pd.DataFrame
    static_generators: pd.DataFrame
    feeders: pd.DataFrame
    balance: pd.Series
    hours: npt.NDArray[np.int64]
    recorded: pd.DataFrame | None = None
    tap_changers: pd.DataFrame = field(default_factory=pd.DataFrame)
    taps: pd.DataFrame = field(default_factory=pd.DataFrame)
    phases: pd.DataFrame | None = None

    def __repr__(self) -> str:
        states = self.buses["status"].value_counts()
        parts = ", ".join(f"{count} {state}" for state, count in states.items())
        solved = self.buses["vm_min_pu"].dropna()
        lowest = f"; lowest voltage {solved.min():.4f} pu" if len(solved) else ""
        b = self.balance
        lost = b["line_loss_kwh"] + b["no_load_kwh"] + b["load_loss_kwh"]
        return (
            f"YearSolution({len(self.hours)} hours, {len(self.buses)} buses: {parts}{lowest}; "
            f"fed {b['fed_kwh']:,.0f} kWh, lost {lost:,.0f} kWh)"
        )

    def require_solved(self) -> YearSolution:
        """Return this solution, if every supplied part of the net has one.

        Raises
        ------
        ConvergenceError
            A part found no solution (SolutionRejectedError: only one on the wrong branch).
        """
        failed = self.feeders[self.feeders["status"] == FAILED]
        if len(failed):
            row = failed.iloc[0]
            error = SolutionRejectedError if row["cause"] in _REJECTED else ConvergenceError
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise error(row["cause"] + more, hour=int(row["failed_hour"]), feeder=str(row["root"]))
        return self

    def write(self, path: str | Path) -> Path:
        """Write all frames as parquet into the new or replaced folder `path`.

        Raises
        ------
        WriteError
            The folder could not be written, or exists and is no solution; nothing has changed then.
        """
        target = Path(path)
        if target.exists() and not (target / "solution.json").is_file():
            raise WriteError(f"{target} exists and is not a solution written before")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
                fresh = Path(scratch) / "new"
                self._write_into(fresh)
                if target.exists():
                    target.rename(Path(scratch) / "old")
                shutil.move(fresh, target)
        except (OSError, ImportError, ValueError, TypeError) as error:
            raise WriteError(f"{target} could not be written: {error}") from error
        return target

    def _repr_html_(self) -> str:
        states = self.buses["status"].value_counts()
        b = self.balance
        lost = b["line_loss_kwh"] + b["no_load_kwh"] + b["load_loss_kwh"]
        rows = [("hours", f"{len(self.hours):,}")]
        rows += [(f"buses {state}", f"{count:,}") for state, count in states.items()]
        lowest = self.buses.dropna(subset=["vm_min_pu"]).nsmallest(1, "vm_min_pu")
        for bus in lowest.itertuples():
            text = f"{bus.vm_min_pu:.4f} pu at {bus.name} in hour {bus.vm_min_hour}"
            rows.append(("lowest voltage", text))
        share = f" ({100 * lost / b['fed_kwh']:.2f} %)" if b["fed_kwh"] else ""
        rows += [("fed [kWh]", f"{b['fed_kwh']:,.0f}"), ("lost [kWh]", f"{lost:,.0f}{share}")]
        body = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
        return f"<table><caption>A year of hours</caption>{body}</table>"

    def _write_into(self, folder: Path) -> None:
        folder.mkdir()
        for name, frame in _frames(self).items():
            stored = frame.rename(columns=str) if name in _BY_HOUR else frame
            stored.to_parquet(folder / f"{name}.parquet")
        facts = {"balance": self.balance.to_dict(), "hours": self.hours.tolist()}
        (folder / "solution.json").write_text(json.dumps(facts), encoding="utf-8")


def _frames(solution: YearSolution) -> dict[str, pd.DataFrame]:
    every = {one.name: getattr(solution, one.name) for one in fields(solution)}
    return {name: value for name, value in every.items() if isinstance(value, pd.DataFrame)}


_WRITTEN: Final = tuple(
    f"{one.name}.parquet"
    for one in fields(YearSolution)
    if one.type == "pd.DataFrame" and one.default_factory is MISSING
)
"""Tables that every solution has."""


def read_year(path: str | Path) -> YearSolution:
    """Read what `YearSolution.write` wrote.

    Raises
    ------
    InputError
        `path` is not a folder with a solution.
    """
    if not isinstance(path, str | Path):
        raise InputError(f"expected the path of a folder, got {path!r}", "path")
    folder = Path(path)
    for name in ("solution.json", *_WRITTEN):
        if not (folder / name).is_file():
            raise InputError(
                f"not a solution that YearSolution.write wrote: {name} is not there", str(folder)
            )
    try:
        facts = json.loads((folder / "solution.json").read_text(encoding="utf-8"))
        frames = {file.stem: pd.read_parquet(file) for file in sorted(folder.glob("*.parquet"))}
        for name in _BY_HOUR & set(frames):
            frames[name].columns = frames[name].columns.astype(np.int64)
        balance = pd.Series(facts["balance"], name="kwh", dtype=float)
        return YearSolution(
            **frames, balance=balance, hours=np.array(facts["hours"], dtype=np.int64)
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"not a solution that can be read: {error}", str(folder)) from error
