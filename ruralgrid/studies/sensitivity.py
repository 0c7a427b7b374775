"""What moves the answer: one assumption at a time, the rest as in the middle calibration.

Representative hours are enough here: the table shows differences, and its first row is the middle
calibration at the same hours. The network keeps the length of its tails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ruralgrid.assess import loss_scopes
from ruralgrid.county.synthesis import draw_county
from ruralgrid.studies.stage import Stage, equal_energy, prepare, representative_hours, solve_stage

if TYPE_CHECKING:
    from ruralgrid.county import County
    from ruralgrid.limits import LimitSet

__all__ = ["one_at_a_time"]


@dataclass(frozen=True)
class _Variant:
    """One row of the table: what is changed, and how to solve both ends of the works with it."""

    parameter: str
    setting: str
    before: Callable[[], Stage]
    after: Callable[[], Stage]
    unbalance_factor: float


def one_at_a_time(
    county: County, limits: LimitSet, unbalance_factor: float, advance: Callable[[], object]
) -> pd.DataFrame:
    """The net saving at equal energy, 10 kV and below, under one changed assumption a row.

    Parameters
    ----------
    county : County
        A synthetic county at stage 0 (it knows what it was drawn from).
    limits : LimitSet
    unbalance_factor : float
        The middle surcharge for unbalance.
    advance : callable
        Called after each row, for a progress bar.

    Returns
    -------
    pandas.DataFrame
        parameter, setting, net_kwh (saved a year, 10 kV and below, at equal energy), change_kwh
        (against the first row), households_low (before the works).
    """
    rows = []
    for variant in _variants(county, limits, unbalance_factor):
        before, after = variant.before(), variant.after()
        equal = equal_energy(after, before, limits, variant.unbalance_factor)
        scope = loss_scopes(before.losses).set_index("scope")["total_kwh"]
        later = loss_scopes(equal.losses).set_index("scope")["total_kwh"]
        rows.append(
            {
                "parameter": variant.parameter,
                "setting": variant.setting,
                "net_kwh": float((scope - later)["10 kV and below"]),
                "households_low": int(before.villages["households_low"].sum()),
            }
        )
        advance()
    table = pd.DataFrame(rows)
    table.insert(3, "change_kwh", table["net_kwh"] - table["net_kwh"].iloc[0])
    return table


ROWS = 14
"""Rows of the table, for a progress bar."""


def _variants(county: County, limits: LimitSet, factor: float) -> Iterator[_Variant]:
    last = county.at(county.stages[-1])
    hours = representative_hours()
    prepared = {id(at): prepare(at) for at in (county, last)}

    def solved(
        at: County, *, scale: float = 1.0, floor: float | None = None, unbalance: float = factor
    ) -> Callable[[], Stage]:
        def solve() -> Stage:
            case = prepared[id(at)] if id(at) in prepared and not floor else prepare(at, floor)
            scales = np.full(len(at.consumers), scale)
            return solve_stage(case, limits, hours, unbalance_factor=unbalance, load_scale=scales)

        return solve

    def both(parameter: str, setting: str, **options: float) -> _Variant:
        unbalance = options.get("unbalance", factor)
        return _Variant(
            parameter, setting, solved(county, **options), solved(last, **options), unbalance
        )

    yield both("(middle calibration)", "-")
    households = county.consumers[county.consumers["kind"] == "household"]
    mean_kwh = households["kwh_per_year"].sum() / households["count"].sum()
    for kwh in (600.0, 900.0):
        yield both("kWh a year and household", f"{kwh:g}", scale=kwh / mean_kwh)
    for percent in (15.0, 35.0):
        yield both("surcharge for unbalance", f"{percent:g} %", unbalance=1 + percent / 100)
    for floor in (0.22, 0.32):
        yield both("coincidence, floor of Ks", f"{floor:g}", floor=floor)
    for series in ("S9", "S13"):
        at = _with_new_transformers(last, series=series)
        yield _Variant("type of the new transformers", series, solved(county), solved(at), factor)
    at = _with_new_transformers(last, larger=True)
    yield _Variant(
        "size of the new transformers", "one rating up", solved(county), solved(at), factor
    )
    for step in (-1, 1):
        yield _Variant(
            "10 kV voltage at the stations",
            f"{-2.5 * step:+g} %",
            solved(_with_station_taps(county, step)),
            solved(_with_station_taps(last, step)),
            factor,
        )
    yield from _divided(county, solved, factor)


def _divided(
    county: County, solved: Callable[..., Callable[[], Stage]], factor: float
) -> Iterator[_Variant]:
    """Other divisions of the 10 kV kilometres into spurs, trunk and ties: drawn anew."""
    origin = county.origin
    if origin is None:
        return
    for name, value, setting in (
        ("spur_share", 0.88, "spurs 12 % shorter, trunk longer"),
        ("tie_share_percent", 20.0, "ties 20 % of the works, trunk shorter"),
    ):
        drawn = draw_county(origin.plan, origin.seed, origin.assumptions.replace({name: value}))
        at = drawn.at(drawn.stages[-1])
        yield _Variant("division of the 10 kV works", setting, solved(drawn), solved(at), factor)


def _with_new_transformers(
    county: County, *, series: str | None = None, larger: bool = False
) -> County:
    """Another series or the next rating for the transformers that the batches added."""
    units = county.transformers.copy()
    new = units["name"].str.endswith("新变")
    parts = units.loc[new, "type"].str.extract(r"(?P<series>[A-Z]+\d+)-(?P<kva>\d+)/10")
    ratings = [30, 50, 80, 100, 125, 160, 200, 250, 315]
    kva = parts["kva"].astype(int)
    if larger:
        kva = kva.map(dict(pairwise(ratings)))
    units.loc[new, "type"] = (series or parts["series"]) + "-" + kva.astype(str) + "/10"
    if series in ("S7", "S9"):  # taps of 5 % instead of 2.5 %
        units.loc[new, "tap"] = (units.loc[new, "tap"] / 2).round().astype(int)
    return county.with_tables(transformers=units)


def _with_station_taps(county: County, step: int) -> County:
    units = county.transformers.copy()
    stations = units["type"].str.endswith("/35")
    units.loc[stations, "tap"] = (units.loc[stations, "tap"] + step).clip(-3, 3)
    return county.with_tables(transformers=units)
