"""10 kV: stations, their feeders, and a tree over the villages of each feeder.

A feeder is a tree that weighs the length of wire against the length of way (Prim and Dijkstra in
one): a trunk with branches rather than a comb. Its villages lie in a sector about the station.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions

__all__ = ["Trees", "assign_feeders", "grow_trees"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_WAY_WEIGHT = 0.25
"""How much of the way back to the station counts beside the length of a new section."""


@dataclass(frozen=True)
class Trees:
    """The 10 kV trees: one section for each village, from its parent.

    Parameters
    ----------
    parent : array of int
        Row of the village that feeds this one; -1 where the station's busbar does.
    straight_km : array
        Straight distance to the parent.
    order : array of int
        Villages so that parents come before children.
    """

    parent: Ints
    straight_km: Floats
    order: Ints

    def below(self, weight: Floats) -> Floats:
        """Sum of `weight` over each village and all that it feeds."""
        total = np.asarray(weight, dtype=float).copy()
        for village in self.order[::-1]:
            if self.parent[village] >= 0:
                total[self.parent[village]] += total[village]
        return total

    def along(self, step: Floats) -> Floats:
        """Sum of `step` over each village's way from the station."""
        total = np.zeros(len(step))
        for village in self.order:
            up = self.parent[village]
            total[village] = step[village] + (total[up] if up >= 0 else 0.0)
        return total


def assign_feeders(
    admin: pd.DataFrame, households: Ints, stations: pd.DataFrame, assumptions: Assumptions
) -> pd.DataFrame:
    """The station, the busbar and the feeder of each administrative village.

    A village belongs to the nearest station; a station's villages are dealt to its feeders by
    sector, so that each feeder has about as many households; feeders go to the busbars in turn.

    Returns
    -------
    pandas.DataFrame
        station, busbar (0, 1), feeder (number within the station, from 1); rows as in `admin`.
    """
    points = admin[["x", "y"]].to_numpy()
    places = stations[["x", "y"]].to_numpy()
    gaps = np.hypot(*(points[:, None] - places[None]).transpose(2, 0, 1))
    station = np.argmin(gaps, axis=1)
    feeder = np.zeros(len(admin), dtype=np.int64)
    busbars = stations["busbars"].to_numpy()
    for index in range(len(stations)):
        own = np.flatnonzero(station == index)
        count = max(1, round(assumptions["feeders_per_10kv_busbar"] * busbars[index]))
        feeder[own] = _sectors(points[own] - places[index], households[own], min(count, len(own)))
    return pd.DataFrame(
        {
            "station": stations["name"].to_numpy()[station],
            "busbar": (feeder - 1) % busbars[station],
            "feeder": feeder,
        }
    )


def _sectors(offsets: Floats, households: Ints, count: int) -> Ints:
    angle = np.arctan2(offsets[:, 1], offsets[:, 0])
    order = np.argsort(angle, kind="stable")
    # the cut goes through the widest gap between directions, not through due west
    gaps = np.diff(angle[order], append=angle[order][:1] + 2 * np.pi)
    order = np.roll(order, -(int(np.argmax(gaps)) + 1))
    middle = np.cumsum(households[order]) - households[order] / 2
    sector = np.minimum((middle / households.sum() * count).astype(np.int64), count - 1)
    result = np.zeros(len(offsets), dtype=np.int64)
    result[order] = sector + 1
    return result


def grow_trees(points: Floats, roots: Floats, feeder_of: Ints) -> Trees:
    """A tree for each feeder, from its station (`roots`, one a feeder) over its villages."""
    parent = np.full(len(points), -1, dtype=np.int64)
    straight = np.zeros(len(points))
    order: list[int] = []
    for feeder in range(len(roots)):
        own = np.flatnonzero(feeder_of == feeder)
        grown, above, length = _grow(points[own], roots[feeder])
        parent[own] = np.where(above >= 0, own[above], -1)
        straight[own] = length
        order.extend(own[grown])
    return Trees(parent, straight, np.array(order, dtype=np.int64))


def _grow(points: Floats, root: Floats) -> tuple[Ints, Ints, Floats]:
    count = len(points)
    gap = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    length = np.hypot(*(points - root).T)
    cost, above, way = length.copy(), np.full(count, -1, dtype=np.int64), length.copy()
    open_ = np.ones(count, dtype=bool)
    grown = np.zeros(count, dtype=np.int64)
    for step in range(count):
        new = int(np.argmin(np.where(open_, cost, np.inf)))
        grown[step], open_[new] = new, False
        offer = gap[new] + _WAY_WEIGHT * way[new]
        better = open_ & (offer < cost)
        cost[better], above[better], length[better] = offer[better], new, gap[new][better]
        way[better] = way[new] + gap[new][better]
    return grown, above, length
