"""35 kV stations: where they stand, which transformers they hold, which lines join them.

The plan counts stations, transformers, kVA, lines and kilometres. Its projects name some stations;
the others are placed where they shorten the way to the people most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.geography import to_plane_km
from ruralgrid.errors import InputError
from ruralgrid.plan import Township

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.places import Land
    from ruralgrid.plan import Plan

__all__ = [
    "Line",
    "choose_stations",
    "join_stations",
    "rate_stations",
    "source_place",
    "station_frame",
    "town_named",
]

Floats = NDArray[np.float64]

RATINGS_35KV = (2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000, 20000)
"""Standard ratings of 35 kV transformers [kVA]."""

_WAY_WEIGHTS = (0.5, 0.38, 0.25, 0.1, 0.0)
"""How much of the way back to the source counts beside the length of a new 35 kV line: the first
weight whose lines are not longer than the stated total."""


@dataclass(frozen=True, slots=True)
class Line:
    """A 35 kV line between two stations; -1 is the source."""

    from_station: int
    to_station: int
    straight_km: float
    normally_open: bool
    number: int = 1


def town_named(plan: Plan, name: str) -> str | None:
    """The town that a project means by `name`; None where it means no town."""
    place = plan.place(name)
    return place.name if isinstance(place, Township) else None


def choose_stations(plan: Plan, land: Land, assumed: str) -> list[str]:
    """The towns with a 35 kV station: those that projects start from, then those assumed.

    `assumed` names towns, apart by spaces. Where they do not suffice, each further station goes to
    the town that lessens people times distance most; towns that a project gives a new station are
    left out.
    """
    named: list[str | None] = []
    planned: set[str | None] = set()
    for project in plan.hv_projects:
        for line in project.lines:
            if line.kv == 35:
                named.append(town_named(plan, line.from_place))
                end = town_named(plan, line.to_place)
                if project.transformer_mva:
                    planned.add(end)
                else:
                    named.append(end)
    named += [plan.town(name).name for name in assumed.split()]
    chosen = [town for town in dict.fromkeys(named) if town and town not in planned]
    chosen = chosen[: plan.existing.substations_35kv]
    if plan.existing.substations_35kv > len(land.towns) - len(planned - set(chosen)):
        raise InputError(
            f"{plan.existing.substations_35kv} stations of 35 kV are stated, "
            f"{len(land.towns)} towns can hold one each",
            "existing, substations_35kv",
        )
    people = np.array([float(town.population or 1) for town in plan.townships])
    gaps = np.hypot(*(land.seats[:, None] - land.seats[None]).transpose(2, 0, 1))
    while len(chosen) < min(plan.existing.substations_35kv, len(land.towns)):
        have = [land.towns.index(town) for town in chosen]
        now = gaps[:, have].min(axis=1) if have else np.full(len(people), gaps.max() + 1)
        gain = (people[:, None] * np.maximum(now[:, None] - gaps, 0)).sum(axis=0)
        gain[[land.towns.index(t) for t in land.towns if t in planned]] = -1
        gain[have] = -1
        chosen.append(land.towns[int(np.argmax(gain))])
    return chosen


def rate_stations(plan: Plan, weight: Floats) -> list[tuple[int, ...]]:
    """Ratings [kVA] of each station's transformers: standard ones that add up exactly.

    Transformers are dealt evenly, the larger stations (by `weight`) first; those of one station are
    alike. Of all sets of ratings that make the stated capacity, the one nearest to the weights.

    Raises
    ------
    InputError
        If no set of standard ratings makes the stated capacity.
    """
    stations, units = len(weight), plan.existing.transformers_35kv
    if units < stations:
        raise InputError(
            f"{units} transformers cannot stand in {stations} stations",
            "existing, transformers_35kv",
        )
    order = np.argsort(-weight, kind="stable")
    count = np.full(stations, units // stations)
    count[order[: units % stations]] += 1
    total = round(plan.existing.transformer_capacity_35kv_kva)
    ideal = weight[order] / weight.sum() * total / np.maximum(count[order], 1)
    best = _best_ratings(tuple(count[order]), tuple(ideal), total)
    if best is None:
        raise InputError(
            f"no set of standard ratings makes {total:,} kVA from {units} transformers in "
            f"{stations} stations; ratings: {', '.join(map(str, RATINGS_35KV))}",
            "existing, transformer_capacity_35kv_kva",
        )
    ratings: list[tuple[int, ...]] = [()] * stations
    for place, rating in zip(order, best, strict=True):
        ratings[place] = (rating,) * int(count[place])
    return ratings


def _best_ratings(
    count: tuple[int, ...], ideal: tuple[float, ...], total: int
) -> tuple[int, ...] | None:
    """Falling ratings with ``sum(count * rating) = total`` nearest to `ideal`; None if none."""
    # state: kVA used and the last rating; value: misfit and the ratings so far
    states: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {
        (0, RATINGS_35KV[-1]): (0.0, ())
    }
    for units, wish in zip(count, ideal, strict=True):
        following: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
        for (used, last), (misfit, ratings) in states.items():
            for rating in RATINGS_35KV:
                now = used + int(units) * rating
                if rating > last or now > total:
                    break
                offer = (misfit + float(np.log(rating / wish)) ** 2, (*ratings, rating))
                key = (now, rating)
                if key not in following or offer < following[key]:
                    following[key] = offer
        states = following
    fits = [value for (used, _), value in states.items() if used == total]
    return min(fits)[1] if fits else None


def join_stations(plan: Plan, source: Floats, places: Floats, towns: list[str]) -> list[Line]:
    """The 35 kV lines: a tree from the source in service, the rest of the count normally open.

    The further lines are the shortest that there are: second circuits and cross-links. A pair that
    a project is to join is not joined before.
    """
    points = np.vstack([source, places])
    gaps = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    planned = _planned_pairs(plan, towns)
    for a, b in planned:
        gaps[a + 1, b + 1] = gaps[b + 1, a + 1] = np.inf
    for way_weight in _WAY_WEIGHTS:
        lines = _with_spares(_tree(gaps, way_weight), gaps, plan.existing.lines_35kv)
        straight = sum(line.straight_km for line in lines)
        if straight <= plan.existing.length_35kv_km:
            return lines
    raise InputError(
        f"{plan.existing.length_35kv_km:g} km are stated, the shortest {len(lines)} lines between "
        f"the stations measure {straight:.1f} km",
        "existing, length_35kv_km",
    )


def _with_spares(tree: list[Line], gaps: Floats, wanted: int) -> list[Line]:
    if wanted < len(tree):
        raise InputError(
            f"{wanted} lines of 35 kV cannot reach {len(tree)} stations", "existing, lines_35kv"
        )
    taken = {frozenset((line.from_station, line.to_station)) for line in tree}
    spare = []
    for a in range(-1, len(gaps) - 1):
        for b in range(a + 1, len(gaps) - 1):
            if np.isfinite(gaps[a + 1, b + 1]):
                number = 2 if frozenset((a, b)) in taken else 1
                spare.append(Line(a, b, float(gaps[a + 1, b + 1]), True, number))
    spare.sort(key=lambda line: (line.straight_km, line.from_station, line.to_station))
    return tree + spare[: wanted - len(tree)]


def _planned_pairs(plan: Plan, towns: list[str]) -> set[tuple[int, int]]:
    pairs = set()
    for project in plan.hv_projects:
        for line in project.lines:
            ends = [town_named(plan, line.from_place), town_named(plan, line.to_place)]
            if line.kv == 35 and all(end in towns for end in ends):
                pairs.add((towns.index(str(ends[0])), towns.index(str(ends[1]))))
    return pairs


def _tree(gaps: Floats, way_weight: float) -> list[Line]:
    count = len(gaps)
    way = np.full(count, np.inf)
    way[0] = 0.0
    lines: list[Line] = []
    inside = [0]
    while len(inside) < count:
        outside = [k for k in range(count) if k not in inside]
        cost = np.array([[gaps[a, b] + way_weight * way[a] for b in outside] for a in inside])
        a, b = np.unravel_index(int(np.argmin(cost)), cost.shape)
        above, new = inside[a], outside[b]
        way[new] = way[above] + gaps[above, new]
        lines.append(Line(above - 1, new - 1, float(gaps[above, new]), False))
        inside.append(new)
    return lines


def station_frame(land: Land, towns: list[str]) -> pd.DataFrame:
    """Stations at the seats of their towns; columns name, town, x, y."""
    places = land.seats[[land.towns.index(town) for town in towns]]
    short = [town.removesuffix("镇").removesuffix("乡") for town in towns]
    return pd.DataFrame(
        {"name": [f"{s}站" for s in short], "town": towns, "x": places[:, 0], "y": places[:, 1]}
    )


def source_place(plan: Plan, land: Land) -> Floats:
    """Where the 330 kV station stands; at the seat of the county where the plan names none."""
    name = plan.existing.substation_330kv
    place = plan.place(name) if name else None
    if place is None:
        return land.seats[land.towns.index(plan.county.seat)] + np.array([0.5, 0.5])
    return to_plane_km(place.lon_deg, place.lat_deg, land.origin)
