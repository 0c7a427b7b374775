"""What moves the answer: one assumption at a time, the rest as in the middle calibration.

Representative hours are enough here: the table shows differences, and its first row is the middle
calibration by the same hours. A study by all hours puts its headline, which is another figure, into
the second row. The network keeps the length of its tails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ruralgrid.assess import loss_scopes
from ruralgrid.county.synthesis import draw_county
from ruralgrid.county.synthesis.energy import rating_above
from ruralgrid.errors import ConvergenceError
from ruralgrid.studies.stage import (
    Case,
    Phases,
    Stage,
    batches_alone,
    equal_energy,
    prepare,
    representative_hours,
    solve_stage,
)

if TYPE_CHECKING:
    from ruralgrid.assess import ClaimCase
    from ruralgrid.county import County
    from ruralgrid.limits import LimitSet

__all__ = ["beside_headline", "one_at_a_time"]


ROWS = 14
"""Rows of the table, for a progress bar."""

_SCOPE = "10 kV and below"
_KEPT = 2  # the middle calibration before and after: variants of the works start from it too

Row = tuple[str, str, float, int | None, str]


@dataclass(frozen=True)
class _Variant:
    """One changed assumption: the county as it stands before the works, and after the last batch.

    `scale` is a factor on every load.
    """

    parameter: str
    setting: str
    before: Case
    after: Case
    scale: float = 1.0


def one_at_a_time(
    county: County,
    limits: LimitSet,
    phases: Phases,
    unbalance_factor: float,
    advance: Callable[[], object],
) -> pd.DataFrame:
    """The saving of the batches alone under one changed assumption a row.

    At 10 kV and below, at equal energy served.

    Parameters
    ----------
    county : County
        A synthetic county at stage 0 (it knows what it was drawn from).
    limits : LimitSet
    phases : "four-wire" or "balanced"
        How 0.4 kV is solved.
    unbalance_factor : float
        The middle surcharge for unbalance, of a balanced flow.
    advance : callable
        Called after each row, for a progress bar.

    Returns
    -------
    pandas.DataFrame
        parameter, setting, hours (that were solved), net_kwh (saved a year, 10 kV and below, at
        equal energy), change_kwh (against the first row), households_low (before the works), note.
        Where a tail carries no more at the changed assumption there is no solution: no figures, and
        the note says where.
    """
    rows: list[Row] = []
    known: dict[tuple[Case, float], Stage] = {}
    for variant in _variants(county, phases):
        row, saved = _saving(variant, limits, unbalance_factor, known)
        rows.append(row)
        advance()
        if len(rows) == 1 and phases == "balanced":
            rows += _surcharges(row, saved, unbalance_factor)
            advance()
            advance()
    table = pd.DataFrame(
        rows, columns=["parameter", "setting", "net_kwh", "households_low", "note"]
    )
    table.insert(2, "hours", len(representative_hours()))
    table.insert(4, "change_kwh", table["net_kwh"] - table["net_kwh"].iloc[0])
    table["households_low"] = table["households_low"].astype("Int64")
    return table


def beside_headline(table: pd.DataFrame, first: Stage, cases: Sequence[ClaimCase]) -> pd.DataFrame:
    """The table with the study's own headline as the second row, where its hours are others.

    Both are the middle calibration; the changes stand against the first row, by the same hours.
    """
    if table.empty or not cases or len(first.hours) == table["hours"].iloc[0]:
        return table
    saved = _in_losses(cases[0].before) - _in_losses(cases[0].after_equal)
    row = {
        **table.iloc[0],
        "setting": "the headline",
        "hours": len(first.hours),
        "net_kwh": float(saved["total_kwh"]),
        "change_kwh": np.nan,
        "households_low": int(first.villages["households_low"].sum()),
    }
    own = pd.DataFrame([row], columns=table.columns).astype(table.dtypes)
    return pd.concat([table.iloc[:1], own, table.iloc[1:]], ignore_index=True)


def _saving(
    variant: _Variant, limits: LimitSet, factor: float, known: dict[tuple[Case, float], Stage]
) -> tuple[Row, pd.Series]:
    """The row of a variant, and what it saves by part; `known` are cases solved before."""

    def solved(case: Case) -> Stage:
        stage = known.get((case, variant.scale)) or solve_stage(
            case,
            limits,
            representative_hours(),
            unbalance_factor=factor,
            load_scale=np.full(len(case.county.consumers), variant.scale),
        )
        if len(known) < _KEPT:
            known[case, variant.scale] = stage
        return stage

    try:
        before, after = solved(variant.before), solved(variant.after)
        equal = equal_energy(after, before, limits, factor)
    except ConvergenceError as error:
        row = (variant.parameter, variant.setting, np.nan, None, f"no solution: {error}")
        return row, pd.Series(dtype=float)
    saved = _in_scope(before) - _in_scope(equal)
    low = int(before.villages["households_low"].sum())
    return (variant.parameter, variant.setting, float(saved["total_kwh"]), low, ""), saved


def _surcharges(middle: Row, saved: pd.Series, factor: float) -> list[Row]:
    """Other surcharges: a factor on a loss that is solved already."""
    rows: list[Row] = []
    for percent in (15.0, 35.0):
        share = percent / 100 / (factor - 1) if factor > 1 else 0.0
        net = float(saved["total_kwh"] + (share - 1) * saved["unbalance_surcharge_kwh"])
        rows.append(("surcharge for unbalance", f"{percent:g} %", net, middle[3], ""))
    return rows


def _in_scope(stage: Stage) -> pd.Series:
    return _in_losses(stage.losses)


def _in_losses(losses: pd.DataFrame) -> pd.Series:
    return loss_scopes(losses).set_index("scope").loc[_SCOPE]


def _variants(county: County, phases: Phases) -> Iterator[_Variant]:
    county = batches_alone(county)
    last = county.at(county.stages[-1])
    prepared = partial(prepare, phases=phases)
    before, after = prepared(county), prepared(last)
    yield _Variant("(middle calibration)", "-", before, after)
    households = county.consumers[county.consumers["kind"] == "household"]
    mean_kwh = households["kwh_per_year"].sum() / households["count"].sum()
    for kwh in (600.0, 900.0):
        yield _Variant("kWh a year and household", f"{kwh:g}", before, after, kwh / mean_kwh)
    for floor in (0.22, 0.32):
        cases = before.following(floor), after.following(floor)
        yield _Variant("coincidence, floor of Ks", f"{floor:g}", *cases)
    for series in ("S9", "S13"):
        at = _with_new_transformers(last, series=series)
        yield _Variant("type of the new transformers", series, before, after.with_units(at))
    at = _with_new_transformers(last, larger=True)
    yield _Variant("size of the new transformers", "one rating up", before, after.with_units(at))
    for percent in (-2.5, 2.5):
        first, second = (
            case.held_at(_with_voltage(case.county, percent)) for case in (before, after)
        )
        yield _Variant("10 kV voltage at the stations", f"{percent:+g} %", first, second)
    for parameter, setting, drawn in _redrawn(county, phases):
        cases = prepared(drawn), prepared(drawn.at(drawn.stages[-1]))
        yield _Variant(parameter, setting, *cases)


def _redrawn(county: County, phases: Phases) -> Iterator[tuple[str, str, County]]:
    """Other divisions of the 10 kV kilometres, other shares of the phases: drawn anew."""
    origin = county.origin
    if origin is None:
        return
    works, uneven = "division of the 10 kV works", "unevenness of the phases before"
    for name, value, parameter, setting in (
        ("spur_share", 0.88, works, "spurs 12 % shorter, trunk longer"),
        ("tie_share_percent", 20.0, works, "ties 20 % of the works, trunk shorter"),
        ("phase_share_concentration", 3.0, uneven, "the largest phase 1.5 times the mean"),
        ("phase_share_concentration", 1000.0, uneven, "shares alike, boxes in random order"),
    ):
        if parameter == uneven and phases == "balanced":
            continue
        assumptions = origin.assumptions.replace({name: value})
        drawn = draw_county(origin.plan, origin.seed, assumptions)
        yield parameter, setting, batches_alone(drawn)


def _with_new_transformers(
    county: County, *, series: str | None = None, larger: bool = False
) -> County:
    """Another series or the next rating for the transformers that the batches added."""
    units = county.transformers.copy()
    new = units["name"].str.endswith("新变")
    parts = units.loc[new, "type"].str.extract(r"(?P<series>[A-Z]+\d+)-(?P<kva>\d+)/10")
    kva = parts["kva"].astype(int)
    if larger:
        kva = kva.map(lambda rating: int(rating_above(rating + 1)))
    units.loc[new, "type"] = (series or parts["series"]) + "-" + kva.astype(str) + "/10"
    if series in ("S7", "S9"):  # taps of 5 % instead of 2.5 %
        half = units.loc[new, "tap"].abs() / 2
        units.loc[new, "tap"] = np.sign(units.loc[new, "tap"]) * np.floor(half + 0.5).astype(int)
    return county.with_tables(transformers=units)


def _with_voltage(county: County, percent: float) -> County:
    """Another voltage on the 10 kV busbars: held by their tap changers, else from the source."""
    units, factor = county.transformers, 1 + percent / 100
    if units["held_pu"].notna().any():
        return county.with_tables(transformers=units.assign(held_pu=units["held_pu"] * factor))
    return county.with_tables(sources=county.sources.assign(vm_pu=county.sources["vm_pu"] * factor))
