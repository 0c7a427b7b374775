"""Points of supply outside their voltage band, and what is new against a baseline.

A violation has a name that survives a change of the net: village, node and kind. That is what a
baseline is compared by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.assess.tables import by_name
from ruralgrid.errors import InputError
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from ruralgrid.limits import LimitSet, VoltageBand

__all__ = [
    "VIOLATION_COLUMNS",
    "VIOLATION_KEY",
    "VIOLATION_KINDS",
    "compared_violations",
    "voltage_violations",
    "worst_first",
]

VIOLATION_KINDS: Final = ("unsupplied", "low", "high", "deviation_sum")
VIOLATION_KEY: Final = ("village", "node", "kind")
VIOLATION_COLUMNS: Final = (
    *VIOLATION_KEY, "phases", "value", "limit", "unit", "hours", "first_hour", "worst_hour",
    "clause",
)  # fmt: skip

_TOLERANCE_OF_LIMIT: Final = 0.001
_TOLERANCE_HOURS: Final = 1.0
_TOLERANCE_OF_HOURS: Final = 0.02
_LOW_VOLTAGE_BELOW_KV: Final = 1.0


def voltage_violations(
    buses: pd.DataFrame,
    points: pd.DataFrame,
    limits: LimitSet,
    *,
    hours_each: float = 1.0,
    hours_allowed: float | None = None,
) -> pd.DataFrame:
    """A row for every point of supply outside its band, worst first.

    - `unsupplied`: without a path to a source.
    - `low`: below the band for more than `hours_allowed` hours.
    - `high`: above the band in any hour.
    - `deviation_sum`: from 35 kV on, the sum of the highest and the lowest deviation.

    Parameters
    ----------
    buses : pandas.DataFrame
        Of a solution: `name, vn_kv, status, vm_min_pu, vm_min_hour, vm_max_pu, vm_max_hour` and, if
        it was solved with limits named `limit`, `hours_below_limit` and `hours_above_limit`;
        without them the hours are NaN and any hour is too many.
    points : pandas.DataFrame
        What is judged: `node, village, phases`; a node may serve several villages.
    limits : LimitSet
        Nets below 1 kV are held against the single-phase band, others against the three-phase one.
    hours_each : float
        Hours of a year that each solved hour stands for [h].
    hours_allowed : float, optional
        Hours [h] below the band that are no violation yet; by default `limits.hours_allowed`.
        For a single hour give 0.

    Returns
    -------
    pandas.DataFrame
        `village, node, kind, phases, value, limit, unit, hours, first_hour, worst_hour, clause`.
        Below 1 kV value and limit are phase to neutral [V], above line to line [V], of a sum [%].
        `first_hour` is NA here: a solution does not keep it. Worst first: without supply, then by
        the distance from the limit relative to it.

    Raises
    ------
    InputError
        If a point is not in the solution or a point has no solution.
    """
    known = by_name(buses, "solution.buses", ("vn_kv", "status", "vm_min_pu", "vm_max_pu"))
    absent = points["node"][~points["node"].isin(known.index)]
    if len(absent):
        raise InputError(f"the solution has no bus {absent.iloc[0]!r}", "points, node")
    judged = points.reset_index(drop=True).join(known, on="node")
    judged = judged[judged["status"] != "out_of_service"]
    failed = judged["node"][(judged["status"] == "failed")]
    if len(failed):
        raise InputError(f"the load flow has no solution at {failed.iloc[0]!r}", "solution.buses")
    allowed = limits.hours_allowed if hours_allowed is None else hours_allowed
    pieces = [_unsupplied(judged[judged["status"] == "unsupplied"])]
    for vn_kv, level in judged[judged["status"] == "solved"].groupby("vn_kv"):
        kv = float(str(vn_kv))
        band = limits.band(kv)
        if band.sum_percent is None:
            pieces.append(_low(level, band, kv, hours_each, allowed))
            pieces.append(_high(level, band, kv, hours_each))
        else:
            pieces.append(_deviation_sum(level, band))
    pieces = [piece for piece in pieces if len(piece)]
    if not pieces:
        return _typed(pd.DataFrame(columns=list(VIOLATION_COLUMNS)))
    return _typed(worst_first(pd.concat(pieces, ignore_index=True)))


def worst_first(table: pd.DataFrame) -> pd.DataFrame:
    """Without supply first, then by the distance from the limit relative to it, then by name."""
    distance = _excess(table) / table["limit"].abs()
    order = table.assign(_dead=table["kind"] != "unsupplied", _distance=-distance)
    order = order.sort_values(["_dead", "_distance", *VIOLATION_KEY], kind="stable")
    return order.drop(columns=["_dead", "_distance"]).reset_index(drop=True)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    table = table.assign(first_hour=pd.NA)[list(VIOLATION_COLUMNS)]
    floats = dict.fromkeys(("value", "limit", "hours"), "float64")
    return table.astype({**floats, "first_hour": "Int64", "worst_hour": "Int64"})


def _unsupplied(level: pd.DataFrame) -> pd.DataFrame:
    table = level[["village", "node", "phases"]].assign(kind="unsupplied", value=np.nan)
    return table.assign(limit=np.nan, unit="", hours=np.nan, worst_hour=pd.NA, clause="supply")


def _low(
    level: pd.DataFrame, band: VoltageBand, kv: float, each: float, allowed: float
) -> pd.DataFrame:
    hours = _hours(level, "hours_below_limit") * each
    outside = band.is_low(level["vm_min_pu"], kv) & ~(hours <= allowed).to_numpy()
    return _rows(level, outside, "low", (band.low_pu(kv), kv), band, hours)


def _high(level: pd.DataFrame, band: VoltageBand, kv: float, each: float) -> pd.DataFrame:
    hours = _hours(level, "hours_above_limit") * each
    outside = band.is_high(level["vm_max_pu"], kv)
    return _rows(level, outside, "high", (band.high_pu(kv), kv), band, hours)


def _hours(level: pd.DataFrame, column: str) -> pd.Series:
    return level[column] if column in level else pd.Series(np.nan, index=level.index)


def _rows(
    level: pd.DataFrame,
    outside: NDArray[np.bool_],
    kind: str,
    bound: tuple[float, float],
    band: VoltageBand,
    hours: pd.Series,
) -> pd.DataFrame:
    side = "vm_min" if kind == "low" else "vm_max"
    limit_pu, kv = bound
    volts = kv * KILO / (SQRT3 if kv < _LOW_VOLTAGE_BELOW_KV else 1.0)
    at = level[outside]
    return at[["village", "node", "phases"]].assign(
        kind=kind,
        value=at[f"{side}_pu"] * volts,
        limit=limit_pu * volts,
        unit="V",
        hours=hours[outside],
        worst_hour=at[f"{side}_hour"],
        clause=band.clause,
    )


def _deviation_sum(level: pd.DataFrame, band: VoltageBand) -> pd.DataFrame:
    figure = band.deviation_sum_percent(level["vm_min_pu"], level["vm_max_pu"])
    assert band.sum_percent is not None
    outside = figure > band.sum_percent if band.ends == "closed" else figure >= band.sum_percent
    at = level[outside]
    lower = (1 - at["vm_min_pu"]) > (at["vm_max_pu"] - 1)
    return at[["village", "node", "phases"]].assign(
        kind="deviation_sum",
        value=figure[outside],
        limit=band.sum_percent,
        unit="%",
        hours=np.nan,  # of the extremes of a year: no hour by itself
        worst_hour=at["vm_min_hour"].where(lower, at["vm_max_hour"]),
        clause=band.clause,
    )


def _excess(table: pd.DataFrame) -> pd.Series:
    """Distance beyond the limit, in the unit of the row; 0 where there is no supply at all."""
    return (table["value"] - table["limit"]).abs().fillna(0.0)


def compared_violations(
    violations: pd.DataFrame, baseline: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Violations with their state against a baseline, and those that are gone.

    Parameters
    ----------
    violations : pandas.DataFrame
        Of `voltage_violations`.
    baseline : pandas.DataFrame
        The same of an earlier state: `village, node, kind, value, limit, hours` at least.

    Returns
    -------
    violations : pandas.DataFrame
        With a column `state`: `new`; `worse`, if it lies further beyond its limit by more than
        0.1 % of the limit (0.2 V of 198 V), or lasts longer by more than 1 h and 2 %; `improved`,
        if it is nearer or shorter by as much and not worse; else `known`. New and worse come first.
    gone : pandas.DataFrame
        The rows of the baseline that are violations no longer.
    """
    key = list(VIOLATION_KEY)
    before = baseline.drop_duplicates(key).set_index(key)
    now = pd.MultiIndex.from_frame(violations[key])
    old = before.reindex(now)[["value", "limit", "hours"]].set_axis(violations.index)
    further = _excess(violations) - _excess(old)
    longer = (violations["hours"] - old["hours"]).fillna(0.0)
    some = _TOLERANCE_OF_LIMIT * violations["limit"].abs().fillna(np.inf)
    more = _TOLERANCE_HOURS + _TOLERANCE_OF_HOURS * old["hours"].fillna(0.0)
    worse = (further > some) | (longer > more)
    better = (further < -some) | (longer < -more)
    state = np.select(
        [~now.isin(before.index), worse, better], ["new", "worse", "improved"], "known"
    )
    rank = pd.Series(state, index=violations.index).map({"new": 0, "worse": 0}).fillna(1)
    compared = violations.assign(state=state).loc[rank.sort_values(kind="stable").index]
    gone = before[~before.index.isin(now)].reset_index()
    return compared.reset_index(drop=True), gone[baseline.columns]
