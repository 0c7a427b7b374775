"""Where everything stands: villages with their 10 kV tree, their hubs, and the tails of old.

This is the county before it becomes tables: a frame of villages, a tree, and arrays beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.synthesis import energy, places, stations
from ruralgrid.county.synthesis.draft import METRES, drawn, exact_lengths
from ruralgrid.county.synthesis.low_voltage import tail_length_km
from ruralgrid.county.synthesis.medium_voltage import Trees, assign_feeders, grow_trees
from ruralgrid.county.synthesis.settlement import LOW_VOLTAGE, settle
from ruralgrid.county.synthesis.works import deal_transformers
from ruralgrid.equipment import get_conductor, line_parameters
from ruralgrid.errors import InputError

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.county.synthesis.draft import Streams
    from ruralgrid.county.synthesis.places import Land
    from ruralgrid.plan import Plan

__all__ = [
    "Sites",
    "survey",
]

Floats = NDArray[np.float64]

FOUR_WIRE_OLD = "0.4kV-hor4-50"
_SPREAD_ROUNDS = 8


@dataclass(frozen=True)
class Sites:
    """The county's places.

    Parameters
    ----------
    admin : pandas.DataFrame
        Administrative villages: town, admin_village, x, y, station, busbar, feeder, feeder_id.
    stations : pandas.DataFrame
        name, town, x, y, kva, busbars.
    lines : list of Line
        The 35 kV lines.
    source : array
        Place of the 330 kV station.
    villages : pandas.DataFrame
        Villages with a 10 kV node first, then the low-voltage villages (class `low_voltage`), which
        have none yet: name, town, admin_village, of_admin, households, population, batch,
        plan_class, kwh_each, x, y, feeder_id, new_transformers, hubs; and for the low-voltage ones
        host (row of the village whose transformer feeds them), tail_km, tail_conductor.
    trees : Trees
        Over the first `trees.parent.size` villages.
    section_km : array
        Length of each 10 kV section, from its parent.
    demand : Demand
        The energy of the county by kind.
    """

    admin: pd.DataFrame
    stations: pd.DataFrame
    lines: list[stations.Line]
    source: Floats
    villages: pd.DataFrame
    trees: Trees
    section_km: Floats
    demand: energy.Demand


def survey(plan: Plan, land: Land, assumptions: Assumptions, streams: Streams) -> Sites:
    """Place people, stations, feeders, 10 kV trees and tails."""
    admin = places.admin_villages(plan, land, streams)
    villages = settle(plan, admin, assumptions, streams)
    demand = energy.county_demand(plan, assumptions)
    villages["kwh_each"] = energy.household_kwh(
        villages,
        demand.kwh["household"],
        assumptions["village_energy_spread"],
        streams("energy of villages"),
    )
    villages = _with_works(plan, villages)
    source = stations.source_place(plan, land)
    station = _stations(plan, land, admin, villages, assumptions)
    lines = stations.join_stations(
        plan, source, station[["x", "y"]].to_numpy(), list(station["town"])
    )
    admin = _fed(admin, villages, station, assumptions)
    villages["feeder_id"] = admin["feeder_id"].to_numpy()[villages["of_admin"]]
    villages = villages.sort_values(
        "plan_class", key=lambda c: c == LOW_VOLTAGE, kind="stable", ignore_index=True
    )
    villages, trees = _on_feeders(plan, land, admin, villages, station, assumptions, streams)
    section_km = exact_lengths(trees.straight_km, plan.existing.length_10kv_km)
    villages = _with_tails(land, villages, assumptions, streams)
    return Sites(admin, station, lines, source, villages, trees, section_km, demand)


def _with_works(plan: Plan, villages: pd.DataFrame) -> pd.DataFrame:
    """New transformers of each treated village, and the hubs that they ask for."""
    new = np.zeros(len(villages), dtype=np.int64)
    for batch in plan.batches:
        own = np.flatnonzero(villages["batch"] == batch.year)
        if not len(own) and (batch.transformers or batch.length_0_4kv_km):
            raise InputError(
                f"{batch.transformers} transformers and {batch.length_0_4kv_km:g} km of 0.4 kV, "
                "but no village to build them in",
                f"batch[{batch.year}]",
            )
        of_batch = villages.iloc[own]
        new[own] = deal_transformers(
            of_batch["households"].to_numpy(),
            (of_batch["plan_class"] == LOW_VOLTAGE).to_numpy(),
            batch.transformers,
        )
    standing = np.where(villages["plan_class"] == LOW_VOLTAGE, 0, 1)
    return villages.assign(new_transformers=new, hubs=np.maximum(new + standing, 1))


def _stations(
    plan: Plan,
    land: Land,
    admin: pd.DataFrame,
    villages: pd.DataFrame,
    assumptions: Assumptions,
) -> pd.DataFrame:
    towns = stations.choose_stations(plan, land, assumptions.text("stations_35kv"))
    frame = stations.station_frame(land, towns)
    points, seats = admin[["x", "y"]].to_numpy(), frame[["x", "y"]].to_numpy()
    gaps = np.hypot(*(points[:, None] - seats[None]).transpose(2, 0, 1))
    households = villages.groupby("of_admin")["households"].sum().reindex(range(len(admin)))
    weight = np.bincount(np.argmin(gaps, axis=1), households, minlength=len(frame))
    frame["kva"] = stations.rate_stations(plan, np.maximum(weight, 1))
    frame["busbars"] = [len(kva) for kva in frame["kva"]]
    return frame


def _fed(
    admin: pd.DataFrame, villages: pd.DataFrame, station: pd.DataFrame, assumptions: Assumptions
) -> pd.DataFrame:
    households = villages.groupby("of_admin")["households"].sum().reindex(range(len(admin)))
    fed = assign_feeders(admin, households.to_numpy(), station, assumptions)
    identity = pd.factorize(fed["station"] + fed["feeder"].astype(str), sort=True)[0]
    return pd.concat([admin, fed.assign(feeder_id=identity)], axis=1)


def _on_feeders(
    plan: Plan,
    land: Land,
    admin: pd.DataFrame,
    villages: pd.DataFrame,
    station: pd.DataFrame,
    assumptions: Assumptions,
    streams: Streams,
) -> tuple[pd.DataFrame, Trees]:
    """Villages with a 10 kV node, spread so that the trees have the stated length."""
    fed = villages[villages["plan_class"] != LOW_VOLTAGE]
    of_admin, feeder = fed["of_admin"].to_numpy(), fed["feeder_id"].to_numpy()
    firsts = admin.drop_duplicates("feeder_id").set_index("feeder_id").sort_index()
    where = station.set_index("name")[["x", "y"]]
    roots = where.loc[firsts["station"]].to_numpy()
    wanted = plan.existing.length_10kv_km / assumptions["detour_10kv"]
    low, high = 0.02, 1.6
    for _ in range(_SPREAD_ROUNDS):  # a wider spread makes a longer tree
        spread = (low + high) / 2
        points = places.scatter(land, admin, of_admin, spread, streams("natural villages"))
        trees = grow_trees(_off_roots(points, roots[feeder]), roots, feeder)
        low, high = (spread, high) if trees.straight_km.sum() < wanted else (low, spread)
    straight_km = float(trees.straight_km.sum())
    if straight_km > plan.existing.length_10kv_km:
        raise InputError(
            f"{plan.existing.length_10kv_km:g} km are stated, the shortest feeders over the "
            f"villages measure {straight_km:.1f} km",
            "existing, length_10kv_km",
        )
    points = _off_roots(points, roots[feeder])
    villages = villages.copy()
    villages.loc[: len(fed) - 1, ["x", "y"]] = points
    return villages, trees


def _off_roots(points: Floats, roots: Floats) -> Floats:
    """Points apart from their station: a village at its seat lies 300 m from the busbars."""
    gap = np.hypot(*(points - roots).T)
    return np.where((gap < 0.1)[:, None], points + np.array([0.2, 0.22]), points)


def _with_tails(
    land: Land, villages: pd.DataFrame, assumptions: Assumptions, streams: Streams
) -> pd.DataFrame:
    """Host, tail and place of the low-voltage villages."""
    rng = streams("tails")
    low = np.flatnonzero(villages["plan_class"] == LOW_VOLTAGE)
    count = len(low)
    host = _hosts(villages, low, rng)
    shares = assumptions.shares("tail_conductors")
    conductor = drawn(shares, rng.random(count))
    middle, spread = assumptions["tail_relative_moment"], assumptions["tail_moment_spread"]
    moment = middle * (1 + spread * (2 * rng.random(count) - 1))
    wires = {name: line_parameters(get_conductor(name), FOUR_WIRE_OLD) for name in shares}
    length = tail_length_km(
        moment,
        energy.peak_kw(
            villages["households"].to_numpy()[low],
            villages["kwh_each"].to_numpy()[low],
            assumptions,
        ),
        np.array([wires[name].r_ohm_per_km for name in conductor]),
        np.array([wires[name].x_ohm_per_km for name in conductor]),
        0.92,
    )
    length = np.round(length / METRES) * METRES
    villages = villages.assign(host=-1, tail_km=0.0, tail_conductor="")
    rows = villages.index[low]
    villages.loc[rows, "host"] = host
    villages.loc[rows, "tail_km"] = length
    villages.loc[rows, "tail_conductor"] = conductor
    anchor = villages[["x", "y"]].to_numpy()[host]
    straight = length / assumptions["detour_10kv"]
    town = np.array([land.towns.index(name) for name in villages["town"].to_numpy()[low]])
    villages.loc[rows, ["x", "y"]] = land.reached(anchor, straight, town, rng)
    return villages


def _hosts(villages: pd.DataFrame, low: NDArray[np.int64], rng: np.random.Generator) -> list[int]:
    """An ordinary village of the same administrative village for each; none twice if it can."""
    taken: set[int] = set()
    hosts = []
    ordinary = villages.index[villages["plan_class"] == ""].to_numpy()
    of_admin = villages["of_admin"].to_numpy()
    for village in low:
        near = ordinary[of_admin[ordinary] == of_admin[village]]
        free = [k for k in near if k not in taken] or list(near)
        hosts.append(int(free[int(rng.random() * len(free))]))
        taken.add(hosts[-1])
    return hosts
