"""Where people live: administrative villages in their towns, natural villages about them.

A point lies in the town whose seat is nearest. The plan gives seats and names, not places: all
positions but the seats are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.geography import to_plane_km

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.draft import Streams
    from ruralgrid.plan import Plan

__all__ = ["Land", "admin_villages", "scatter"]

Floats = NDArray[np.float64]

_CANDIDATES_PER_VILLAGE = 60
_LLOYD_ROUNDS = 12


@dataclass(frozen=True)
class Land:
    """The plane of a county: its origin (lon, lat) and the seats of its towns [km]."""

    origin: tuple[float, float]
    towns: tuple[str, ...]
    seats: Floats

    @classmethod
    def of(cls, plan: Plan) -> Land:
        """The land of a plan, its origin in the middle of the seats."""
        lon = np.array([town.lon_deg for town in plan.townships])
        lat = np.array([town.lat_deg for town in plan.townships])
        origin = (round(float(lon.mean()), 4), round(float(lat.mean()), 4))
        names = tuple(town.name for town in plan.townships)
        return cls(origin, names, to_plane_km(lon, lat, origin))

    def town_of(self, points: Floats) -> NDArray[np.int64]:
        """The town whose seat is nearest to each point."""
        gaps = np.hypot(*(points[:, None, :] - self.seats[None]).transpose(2, 0, 1))
        return np.argmin(gaps, axis=1)

    def pulled_in(self, points: Floats, anchors: Floats, town: NDArray[np.int64]) -> Floats:
        """Points that left their town, moved half-way to their anchors until they lie in it."""
        points = points.copy()
        for _ in range(20):
            out = self.town_of(points) != town
            if not out.any():
                return points
            points[out] = (points[out] + anchors[out]) / 2
        points[out] = anchors[out]
        return points

    def reached(
        self,
        anchor: Floats,
        distance_km: Floats,
        town: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Floats:
        """Points at a distance from their anchors: the first of 24 directions that stays in town.

        The anchor itself where none does.
        """
        start = 2 * np.pi * rng.random(len(anchor))
        place = anchor.copy()
        settled = np.zeros(len(anchor), dtype=bool)
        for turn in range(24):
            angle = start + 2 * np.pi * turn / 24
            way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
            offer = anchor + distance_km[:, None] * way
            fits = ~settled & (self.town_of(offer) == town)
            place[fits] = offer[fits]
            settled |= fits
        return place


def admin_villages(plan: Plan, land: Land, streams: Streams) -> pd.DataFrame:
    """Administrative villages spread evenly over their towns; columns town, admin_village, x, y.

    A town's land is the part of a disc about its seat that no other seat is nearer to; the disc's
    area is the town's share of the county's by number of villages. The first village of a town
    stands at its seat.
    """
    names: dict[str, list[str]] = {town: [] for town in land.towns}
    for village in plan.villages:
        names[village.town].append(village.name)
    for town in plan.townships:
        missing = town.administrative_villages - len(names[town.name])
        known = len(names[town.name])
        names[town.name] += [f"{town.name}{known + i + 1}村" for i in range(max(missing, 0))]
    total = sum(map(len, names.values()))
    pieces = []
    for index, name in enumerate(land.towns):
        count = len(names[name])
        radius = 1.3 * np.sqrt(plan.county.area_km2 * count / total / np.pi)
        points = _spread(land, index, count, radius, streams(f"admin {name}"))
        pieces.append(
            pd.DataFrame(
                {"town": name, "admin_village": names[name], "x": points[:, 0], "y": points[:, 1]}
            )
        )
    return pd.concat(pieces, ignore_index=True)


def _spread(
    land: Land, town: int, count: int, radius_km: float, rng: np.random.Generator
) -> Floats:
    size = _CANDIDATES_PER_VILLAGE * max(count, 4)
    angle, reach = 2 * np.pi * rng.random(size), radius_km * np.sqrt(rng.random(size))
    seat = land.seats[town]
    cloud = seat + np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)
    cloud = cloud[land.town_of(cloud) == town]
    centres = np.vstack([seat, cloud[: count - 1]])
    for _ in range(_LLOYD_ROUNDS):
        nearest = np.argmin(np.hypot(*(cloud[:, None] - centres[None]).transpose(2, 0, 1)), axis=1)
        for k in range(1, count):  # the first one stays at the seat
            if (nearest == k).any():
                centres[k] = cloud[nearest == k].mean(axis=0)
    return land.pulled_in(centres, np.repeat(seat[None], count, axis=0), np.full(count, town))


def scatter(
    land: Land,
    admin: pd.DataFrame,
    of_admin: NDArray[np.int64],
    spread: float,
    rng: np.random.Generator,
) -> Floats:
    """Natural villages about their administrative villages [km], one row for each `of_admin`.

    The first one of a village stands at its centre; the others lie within `spread` times half the
    way to the nearest other village.
    """
    centres = admin[["x", "y"]].to_numpy()
    gaps = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    np.fill_diagonal(gaps, np.inf)
    half_way = gaps.min(axis=1) / 2 if len(centres) > 1 else np.array([1.0])
    angle = 2 * np.pi * rng.random(len(of_admin))
    reach = spread * half_way[of_admin] * np.sqrt(0.04 + 0.96 * rng.random(len(of_admin)))
    first = np.r_[True, of_admin[1:] != of_admin[:-1]]
    reach[first] = 0.0
    anchors = centres[of_admin]
    points = anchors + np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)
    town = np.array([land.towns.index(t) for t in admin["town"]])[of_admin]
    return land.pulled_in(points, anchors, town)
