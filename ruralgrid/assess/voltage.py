"""Voltage at the customers: a row per village, and the level at which its voltage is lost.

Hours under the limit come from the solution's column `hours_below_limit`; so the year is to be
solved with `low_limits_pu={"limit": limits.low_pu(vn_kv)}` for the nominal voltages of its buses.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.assess.tables import CountyTables, SolutionTables, by_name, looked_up
from ruralgrid.errors import InputError
from ruralgrid.findings import Finding, Findings
from ruralgrid.units import KILO, LV_PHASE_BASE_V, SQRT3

if TYPE_CHECKING:
    from ruralgrid.limits import LimitSet

__all__ = [
    "HOURS_BELOW",
    "VILLAGE_STATUSES",
    "drop_shares",
    "village_findings",
    "village_voltages",
]

HOURS_BELOW: Final = "hours_below_limit"
VILLAGE_STATUSES: Final = ("failed", "no_consumer", "unsupplied", "low", "ok")
"""What a village can be; the first that applies is its status."""

_LOW_VOLTAGE_BELOW_KV: Final = 1.0
_LV_NET_KV: Final = 0.4
_CHAIN: Final = ("v_station_pu", "v_hv_pu", "v_lv_pu", "v_end_pu")
_LEVELS: Final = ("10 kV", "transformer", "0.4 kV")


def village_voltages(
    county: CountyTables, solution: SolutionTables, limits: LimitSet, *, hours_each: float = 1.0
) -> pd.DataFrame:
    """The voltage of every village, judged at its low-voltage service points.

    A service point is a node below 1 kV with a consumer of the village; where it was solved wire by
    wire, it is judged by the worst phase on which a customer hangs. The village is

    - `failed` if a service point has no solution (status `failed`, or NaN though supplied);
    - else `no_consumer` if it has no service point;
    - else `unsupplied` if a service point has no supply;
    - else `low` if a service point lies below the single-phase limit for more than
      `limits.hours_allowed` hours (exactly as many is not low);
    - else `ok`. A NaN is never `ok`.

    Parameters
    ----------
    county : CountyTables
        At the stage that was solved.
    solution : SolutionTables
        Solved with `hours_below_limit` (see the module's docstring).
    limits : LimitSet
        Gives the hours allowed.
    hours_each : float
        Hours of the year for which each hour solved stands.

    Returns
    -------
    pandas.DataFrame
        One row per village in the order of `county.villages`: `village, town, admin_village,
        households, batch, plan_class, v_min_v` (phase to neutral) [V], `v_min_pu` [pu of the net],
        `worst_node` (the node of v_min), `worst_hour`, `hours_low` (of the service point that is
        low the longest) [h of a year], `households_low` (household customers at service points low
        for more than the hours allowed), `households_low_own_phase` (those of them whose own phase
        is low as long; one on three phases has the worst), `households_unsupplied`,
        `service_points, status`.

    Raises
    ------
    InputError, UnknownNameError
        If a column is missing, a service point was solved without limit, a consumer's node is not
        in the solution, or its village not in the county.
    """
    points = _service_points(county, solution)
    points[["hours_low", "own_hours_low"]] *= hours_each
    points["is_low_itself"] = points["own_hours_low"] > limits.hours_allowed
    points["is_low"] = points["hours_low"] > limits.hours_allowed
    points["is_solved"] = (points["status"] == "solved") & points["vm_min_pu"].notna()
    points["is_dead"] = points["status"].isin(["unsupplied", "out_of_service"])
    points["has_failed"] = ~points["is_solved"] & ~points["is_dead"]
    villages = by_name(county.villages, "villages")
    grouped = points.groupby("village")
    households = points["households"]
    table = pd.DataFrame(
        {
            "hours_low": grouped["hours_low"].max(),
            "households_low": households.where(points["is_low"], 0)
            .groupby(points["village"])
            .sum(),
            "households_low_own_phase": households.where(points["is_low_itself"], 0)
            .groupby(points["village"])
            .sum(),
            "households_unsupplied": households.where(points["is_dead"], 0)
            .groupby(points["village"])
            .sum(),
            "service_points": grouped["node"].nunique(),
            "has_failed": grouped["has_failed"].any(),
            "is_dead": grouped["is_dead"].any(),
            "is_low": grouped["is_low"].any(),
        }
    )
    frame = villages[["town", "admin_village", "households", "batch", "plan_class"]]
    frame = frame.join(_worst_points(points)).join(table).rename_axis("village").reset_index()
    return _with_status(frame)


def _service_points(county: CountyTables, solution: SolutionTables) -> pd.DataFrame:
    """A row per consumer row below 1 kV that belongs to a village, with its bus."""
    columns = ("vn_kv", "status", "vm_min_pu", "vm_min_hour", HOURS_BELOW)
    buses = by_name(solution.buses, "solution.buses", columns)
    consumers = county.consumers[county.consumers["village"].fillna("") != ""]
    villages = pd.Series(county.villages["name"].to_numpy(), index=county.villages["name"])
    looked_up(consumers["village"], villages, "village", "consumers, village")
    nodes = pd.Series(buses.index, index=buses.index)
    looked_up(consumers["node"], nodes, "bus of the solution", "consumers, node")
    bus = buses.loc[consumers["node"], list(columns)].reset_index(drop=True)
    bus = bus.rename(columns={HOURS_BELOW: "hours_low"})
    points = consumers[["village", "node", "kind", "count"]].reset_index(drop=True).join(bus)
    points["own_hours_low"] = points["hours_low"]
    if solution.phases is not None:
        _judge_by_phase(points, consumers["phases"].to_numpy(), solution.phases)
    points = points[points["vn_kv"] < _LOW_VOLTAGE_BELOW_KV].copy()
    points["households"] = points["count"].where(points["kind"] == "household", 0)
    # what has no solution has no hours, whatever an engine left in the column
    unsolved = (points["status"] != "solved") | points["vm_min_pu"].isna()
    points.loc[unsolved, ["vm_min_pu", "hours_low", "own_hours_low"]] = np.nan
    untold = points["node"][~unsolved & points["hours_low"].isna()]
    if len(untold):
        raise InputError(
            f"{HOURS_BELOW} of {untold.iloc[0]!r} is NaN: solved without a limit there",
            "solution.buses",
        )
    return points


def _judge_by_phase(
    points: pd.DataFrame, hangs_on: NDArray[np.object_], phases: pd.DataFrame
) -> None:
    """Put the hours of its own phase to every customer that hangs on one."""
    of_node = phases.set_index("name")
    for letter in "abc":
        own = points.index[(hangs_on == letter) & points["node"].isin(of_node.index)]
        hours = of_node.loc[points.loc[own, "node"], f"{HOURS_BELOW}_{letter}"]
        points.loc[own, "own_hours_low"] = hours.to_numpy()


def _worst_points(points: pd.DataFrame) -> pd.DataFrame:
    """The service point of lowest voltage per village; of equal ones the first by name."""
    known = points[points["is_solved"]].sort_values(["vm_min_pu", "node"], kind="stable")
    worst = known.drop_duplicates("village").set_index("village")
    return pd.DataFrame(
        {
            "v_min_v": worst["vm_min_pu"] * worst["vn_kv"] * KILO / SQRT3,
            "v_min_pu": worst["vm_min_pu"],
            "worst_node": worst["node"],
            "worst_hour": worst["vm_min_hour"].astype("Int64"),
        }
    )


def _with_status(frame: pd.DataFrame) -> pd.DataFrame:
    counts = [
        "households_low",
        "households_low_own_phase",
        "households_unsupplied",
        "service_points",
    ]
    frame[counts] = frame[counts].astype(float).fillna(0).astype("int64")
    frame["worst_node"] = frame["worst_node"].fillna("")
    flags = {name: frame[name].eq(True) for name in ("has_failed", "is_dead", "is_low")}
    frame["status"] = np.select(
        [
            flags["has_failed"],
            frame["service_points"] == 0,
            flags["is_dead"],
            flags["is_low"],
            frame["v_min_pu"].notna(),
        ],
        list(VILLAGE_STATUSES),
        default="failed",
    )
    return frame.drop(columns=list(flags))


def village_findings(villages: pd.DataFrame, limits: LimitSet) -> Findings:
    """A finding for every village that is not `ok`, in the order of `village_voltages`' frame.

    Codes: `village-low`, `village-unsupplied`, `village-without-consumer`, `village-failed`.
    """
    faulty = villages[villages["status"] != "ok"]
    return Findings(_village_finding(row, limits) for row in faulty.to_dict("records"))


def _village_finding(row: Mapping[Hashable, Any], limits: LimitSet) -> Finding:
    village = str(row["village"])
    if row["status"] == "low":
        band = limits.band(_LV_NET_KV)
        limit_v = band.low_pu(_LV_NET_KV) * LV_PHASE_BASE_V
        message = (
            f"{row['v_min_v']:.1f} V at {row['worst_node']} in hour {row['worst_hour']}, "
            f"{row['hours_low']:g} h below {limit_v:g} V, {row['households_low']} households low"
        )
        v_min_v = float(row["v_min_v"])
        return Finding("village-low", village, message, v_min_v, limit_v, "V", clause=band.clause)
    if row["status"] == "unsupplied":
        message = f"{row['households_unsupplied']} households have no supply"
        return Finding("village-unsupplied", village, message, severity="error")
    if row["status"] == "no_consumer":
        message = "no consumer of the village hangs on a node below 1 kV"
        return Finding("village-without-consumer", village, message)
    message = "the load flow has no solution at a service point"
    return Finding("village-failed", village, message, severity="error")


def drop_shares(voltages: pd.DataFrame, limits: LimitSet) -> pd.DataFrame:
    """Where the voltage of a village is lost at its worst hour, and which level is at fault.

    The level at fault is the one that exceeds its planning share (`drop_share` of the limits) by
    most; where none exceeds it, the one with the largest drop. Of equal ones, the higher level.

    Parameters
    ----------
    voltages : pandas.DataFrame
        `village, v_station_pu` (10 kV busbar of the station), `v_hv_pu` and `v_lv_pu` (at the
        distribution transformer), `v_end_pu` (service point), all at one hour [pu of the net].
    limits : LimitSet
        With a `drop_share` of `10 kV`, `transformer` and `0.4 kV`.

    Returns
    -------
    pandas.DataFrame
        `village`; `drop_upstream_percent` (1 - v_station, negative where the station is held above
        nominal); for `10kv`, `transformer`, `0_4kv`: `drop_<level>_percent` [percentage points of
        the net's nominal voltage] and `drop_<level>_v` [V, phase to neutral, seen at 0.4 kV];
        `level_at_fault` (`10 kV`, `transformer`, `0.4 kV`, or `unknown` where a voltage is NaN) and
        `exceeds_share`. 1 - the four drops is v_end.
    """
    by_village = by_name(voltages.rename(columns={"village": "name"}), "voltages", _CHAIN)
    chain = by_village[list(_CHAIN)].to_numpy(dtype=float)
    drops = -np.diff(chain, axis=1) * 100
    rules = [limits.limit("drop_share", level) for level in _LEVELS]
    excess = drops - np.array([rule.value for rule in rules])
    exceeds = np.column_stack([rule.is_exceeded(drops[:, i]) for i, rule in enumerate(rules)])
    any_exceeds = np.any(exceeds, axis=1, keepdims=True)
    is_known = np.isfinite(drops).all(axis=1)
    judged = np.where(any_exceeds, np.where(exceeds, excess, -np.inf), drops)
    at_fault = np.array(_LEVELS)[np.nan_to_num(judged, nan=-np.inf).argmax(axis=1)]
    columns: dict[str, object] = {
        "village": by_village.index,
        "drop_upstream_percent": (1 - chain[:, 0]) * 100,
    }
    for i, suffix in enumerate(("10kv", "transformer", "0_4kv")):
        columns[f"drop_{suffix}_percent"] = drops[:, i]
        columns[f"drop_{suffix}_v"] = drops[:, i] / 100 * LV_PHASE_BASE_V
    columns["level_at_fault"] = np.where(is_known, at_fault, "unknown")
    columns["exceeds_share"] = any_exceeds[:, 0] & is_known
    return pd.DataFrame(columns)
