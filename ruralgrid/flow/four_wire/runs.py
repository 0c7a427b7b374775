"""Years of the net above, solved run of hours by run of hours, as one."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final

import numpy as np
import pandas as pd

from ruralgrid.flow.solution import FAILED, SOLVED, YearSolution

__all__ = ["joined_runs"]

_EXTREMES: Final = {
    "vm_min_pu": ("vm_min_hour", np.less),
    "vm_max_pu": ("vm_max_hour", np.greater),
    "loading_max_percent": ("loading_max_hour", np.greater),
    "i_max_ka": ("", np.greater),
    "peak_mw": ("peak_hour", np.greater),
}
_APART: Final = ("recorded", "taps", "feeders")
_KEYS: Final = ("name", "vn_kv", "status", "root", "buses", "cause", "failed_hour")


def joined_runs(runs: list[YearSolution]) -> YearSolution:
    """One solution of all runs: sums added, extremes kept with their hours, recordings dropped.

    What failed in one run has failed: its numbers are NaN.
    """
    first = runs[0]
    frames = {
        field.name: _joined([getattr(run, field.name) for run in runs])
        for field in fields(first)
        if isinstance(getattr(first, field.name), pd.DataFrame) and field.name not in _APART
    }
    taps = pd.concat([run.taps for run in runs]).sort_index()
    return replace(
        first,
        **{name: frame for name, frame in frames.items() if name != "tap_changers"},
        balance=sum((run.balance for run in runs[1:]), start=first.balance),
        hours=np.concatenate([run.hours for run in runs]),
        recorded=None,
        taps=taps,
        feeders=_feeders([run.feeders for run in runs]),
        tap_changers=_tap_changers(frames["tap_changers"], taps),
    )


def _tap_changers(joined: pd.DataFrame, taps: pd.DataFrame) -> pd.DataFrame:
    """Hours are added up already; what the taps did is read from all of them.

    A unit that failed in one run has failed, and its taps in the other runs tell nothing.
    """
    if joined.empty:
        return joined
    known = taps.reindex(columns=joined.index).astype(float)
    did = pd.DataFrame(
        {
            "tap_min": known.min(),
            "tap_max": known.max(),
            "tap_mean": known.mean(),
            "tap_changes": known.diff().abs().sum(),
        }
    )
    solved = joined["status"] == SOLVED
    return joined.assign(**{str(name): column.where(solved) for name, column in did.items()})


def _feeders(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """A row for each root of any run: parts that fell alone are not the same in all of them.

    What failed in one run has failed, in the first such hour; a tree has the buses that no run cut.
    """
    key = ["root", "copy"]  # names may repeat
    rows = pd.concat(
        [part.assign(copy=part.groupby("root").cumcount()) for part in parts], ignore_index=True
    )
    buses = rows.groupby(key, sort=False)["buses"].min()
    solved = rows.assign(solved=rows["status"] != FAILED)
    told = solved.sort_values("solved", kind="stable").drop_duplicates(key).set_index(key)
    told = told.loc[buses.index].drop(columns="solved").assign(buses=buses)
    return told.reset_index()[list(parts[0].columns)]


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    total = parts[0].copy()
    hours = {hour for hour, _ in _EXTREMES.values()}
    for name in total.columns:
        if name in _EXTREMES:
            _keep_extreme(total, parts[1:], name)
        elif name not in _KEYS and name not in hours and total[name].dtype.kind in "fi":
            total[name] = np.sum([part[name].to_numpy() for part in parts], axis=0)
    if "status" in total:
        _keep_failures(total, parts)
    if "asked_kwh" in total:  # asked for in all hours, and not served where one of them failed
        total["asked_kwh"] = np.sum([part["asked_kwh"].to_numpy() for part in parts], axis=0)
        served = total["status"] == SOLVED
        total["not_served_kwh"] = total["asked_kwh"].where(~served, 0.0)
    return total


def _keep_extreme(total: pd.DataFrame, later: list[pd.DataFrame], name: str) -> None:
    hour, better = _EXTREMES[name]
    for part in later:
        wins = better(part[name].to_numpy(), total[name].to_numpy())
        total.loc[wins, name] = part.loc[wins, name]
        if hour:
            total.loc[wins, hour] = part.loc[wins, hour]


def _keep_failures(total: pd.DataFrame, parts: list[pd.DataFrame]) -> None:
    for part in parts[1:]:
        new = (part["status"] == FAILED).to_numpy() & (total["status"] != FAILED).to_numpy()
        if new.any():
            total.loc[new] = part.loc[new]
    failed = (total["status"] == FAILED).to_numpy()
    if failed.any() and "root" not in total:
        for name in total.columns.drop([key for key in _KEYS if key in total]):
            total.loc[failed, name] = np.nan if total[name].dtype.kind == "f" else pd.NA
