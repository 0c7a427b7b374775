"""Voltage pass rate (电压合格率) of points, of their classes, and composite."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from ruralgrid.assess.tables import CountyTables, SolutionTables, by_name, looked_up
from ruralgrid.assess.voltage import HOURS_BELOW
from ruralgrid.errors import InputError

__all__ = ["HOURS_ABOVE", "composite_pass_rate", "pass_rates", "point_classes"]

HOURS_ABOVE: Final = "hours_above_limit"

_CLASSES: Final = ("A", "B", "C", "D")


def point_classes(county: CountyTables) -> pd.DataFrame:
    """The points at which the pass rate is taken: `name, point_class`.

    A: 10 kV busbars of stations (the lower side of a transformer from 35 kV or above); B: nodes of
    35 kV and above with a customer; C: nodes of 1 to 20 kV with a customer; D: nodes below 1 kV
    with a customer. Every such node is taken, not the sample of two points per hundred transformers
    that meters are set at in practice. (State Grid rule, recalled: grade unverified.)
    """
    kv = by_name(county.nodes, "nodes")["kv"]
    units = county.transformers
    sides = [units["lv_node"]]
    if "mv_node" in units.columns:
        sides.append(units["mv_node"])
    stepped = pd.concat(
        [
            side[looked_up(units["hv_node"], kv, "node", "transformers, hv_node") >= 35]
            for side in sides
        ]
    )
    stations = pd.Index(stepped[stepped.fillna("") != ""].unique())
    stations = stations[kv.reindex(stations).between(1, 20)]
    nodes = pd.Index(county.consumers["node"].unique())
    of_node = looked_up(pd.Series(nodes), kv, "node", "consumers, node").to_numpy(dtype=float)
    classes = np.select([of_node >= 35, of_node >= 1], ["B", "C"], default="D")
    points = pd.concat(
        [
            pd.DataFrame({"name": stations, "point_class": "A"}),
            pd.DataFrame({"name": nodes, "point_class": classes}),
        ],
        ignore_index=True,
    )
    # a customer at the busbar itself does not make it two points
    return points.drop_duplicates("name", ignore_index=True)


def pass_rates(points: pd.DataFrame, solution: SolutionTables, *, hours: float) -> pd.DataFrame:
    """The pass rate of every point: (1 - hours outside the limits / hours) x 100 [%].

    Parameters
    ----------
    points : pandas.DataFrame
        `name, point_class`, for example from `point_classes`.
    solution : SolutionTables
        With `hours_below_limit` and `hours_above_limit`.
    hours : float
        Hours that the solution stands for [h], 8760 for a year.

    Returns
    -------
    pandas.DataFrame
        `name, point_class, hours_low, hours_high, pass_rate_percent`; NaN where the bus has no
        solution or no supply: neither passed nor failed, and left out of the means.
    """
    if not hours > 0:
        raise InputError(f"a number of hours above 0 is expected, got {hours!r}", "hours")
    buses = by_name(solution.buses, "solution.buses", ("status", HOURS_BELOW, HOURS_ABOVE))
    known = pd.Series(buses.index, index=buses.index)
    looked_up(points["name"], known, "bus of the solution", "points, name")
    of_point = buses.loc[points["name"]].reset_index()
    is_solved = of_point["status"] == "solved"
    low, high = (of_point[column].where(is_solved) for column in (HOURS_BELOW, HOURS_ABOVE))
    return pd.DataFrame(
        {
            "name": of_point["name"],
            "point_class": points["point_class"].to_numpy(),
            "hours_low": low,
            "hours_high": high,
            "pass_rate_percent": (1 - (low + high) / hours) * 100,
        }
    )


def composite_pass_rate(rates: pd.DataFrame) -> pd.Series:
    """Means of the classes, and V = 0.5 VA + 0.5 (VB + VC + VD) / (classes present) [%].

    Without A points V is the mean of the others, without others VA. (State Grid rule, recalled:
    grade unverified.)

    Returns
    -------
    pandas.Series
        `A, B, C, D` (NaN where there is no point with a solution) and `composite`.
    """
    by_class = rates.groupby("point_class")["pass_rate_percent"].mean().reindex(list(_CLASSES))
    customers = by_class[["B", "C", "D"]].mean()
    parts = pd.Series([by_class["A"], customers])
    return pd.concat([by_class, pd.Series({"composite": parts.mean()})])
