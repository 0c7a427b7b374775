"""Transformer areas: hubs, service points, 0.4 kV sections and the households on them.

All lengths of the stated 2,604.2 km (or whatever a plan states) are dealt here: tails and links as
they are drawn, the rebuilt parts of each batch as stated, the rest over the ordinary villages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.synthesis.draft import METRES, drawn, exact_lengths, exact_shares
from ruralgrid.county.synthesis.low_voltage import layout_circuits
from ruralgrid.county.synthesis.settlement import LOW_VOLTAGE, THREE_PHASE
from ruralgrid.errors import InputError

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.county.synthesis.draft import Streams
    from ruralgrid.county.synthesis.places import Land
    from ruralgrid.county.synthesis.sites import Sites
    from ruralgrid.plan import Plan

__all__ = [
    "Areas",
    "lay_out",
    "old_conductors",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Areas:
    """The 0.4 kV side of the county before the works.

    Parameters
    ----------
    hubs : pandas.DataFrame
        A row per hub: village (row of sites.villages), number (1, 2, ...), name (of its busbar),
        x, y, link_km (to the first hub, 0 for it), households.
    points : pandas.DataFrame
        A row per service point: hub (row of `hubs`), name, x, y, parent (name of the node before
        it), length_km of the section to it, households, below (households at it and beyond),
        circuit.
    """

    hubs: pd.DataFrame
    points: pd.DataFrame


def lay_out(
    plan: Plan, sites: Sites, land: Land, assumptions: Assumptions, streams: Streams
) -> Areas:
    """Hubs and circuits of every village; section lengths add up to the stated total exactly."""
    hubs = _hubs(sites.villages, land, assumptions, streams)
    budget = _budgets(plan, sites, hubs, streams)
    points = _circuits(sites.villages, hubs, budget, assumptions, streams)
    points["length_km"] = _dealt_lengths(plan, sites, hubs, points)
    return Areas(_with_households(hubs, points), points)


def _hubs(
    villages: pd.DataFrame, land: Land, assumptions: Assumptions, streams: Streams
) -> pd.DataFrame:
    rng = streams("hubs")
    village = np.repeat(np.arange(len(villages)), villages["hubs"])
    number = np.arange(len(village)) - np.searchsorted(village, village) + 1
    least, most = assumptions["link_least_km"], assumptions["link_most_km"]
    straight = least + (most - least) * rng.random(len(village))
    straight[number == 1] = 0.0
    centre = villages[["x", "y"]].to_numpy()[village]
    town = land.town_of(centre)
    place = land.reached(centre, straight, town, rng)
    link = np.round(straight * assumptions["detour_0_4kv"] / METRES) * METRES
    names = [
        f"{name}{n}台区0.4kV母线"
        for name, n in zip(villages["name"].to_numpy()[village], number, strict=True)
    ]
    return pd.DataFrame(
        {
            "village": village,
            "number": number,
            "name": names,
            "x": place[:, 0],
            "y": place[:, 1],
            "link_km": link,
        }
    )


def _budgets(plan: Plan, sites: Sites, hubs: pd.DataFrame, streams: Streams) -> Floats:
    """0.4 kV kilometres of each village without tails and links."""
    villages = sites.villages
    rng = streams("0.4 kV lengths")
    weight = villages["households"].to_numpy() ** 0.7 * (0.7 + 0.6 * rng.random(len(villages)))
    budget = np.zeros(len(villages))
    for batch in plan.batches:
        own = (villages["batch"] == batch.year).to_numpy()
        budget[own] = weight[own] / weight[own].sum() * batch.length_0_4kv_km
    ordinary = (villages["batch"] == 0).to_numpy()
    rest = (
        plan.existing.length_0_4kv_km
        - budget.sum()
        - villages["tail_km"].sum()
        - hubs["link_km"].sum()
    )
    if rest < 0.1 * ordinary.sum():
        raise InputError(
            f"{plan.existing.length_0_4kv_km:g} km of 0.4 kV leave {rest:.1f} km for "
            f"{ordinary.sum()} ordinary villages after the works' own lines, tails and links",
            "existing, length_0_4kv_km",
        )
    budget[ordinary] = weight[ordinary] / weight[ordinary].sum() * rest
    return budget


def _circuits(
    villages: pd.DataFrame,
    hubs: pd.DataFrame,
    budget: Floats,
    assumptions: Assumptions,
    streams: Streams,
) -> pd.DataFrame:
    spacing = assumptions["service_point_spacing_m"] / 1000
    two_wire = (villages["plan_class"] == THREE_PHASE).to_numpy()
    reach_m = (assumptions["circuit_reach_m"], assumptions["two_wire_circuit_reach_m"])
    pieces = []
    households = villages["households"].to_numpy()
    names = villages["name"].to_numpy()
    hub_name, hub_place = list(hubs["name"]), hubs[["x", "y"]].to_numpy()
    for village, of_village in hubs.groupby("village", sort=True):
        rng = streams(f"circuits {names[village]}")  # one village's lines do not move another's
        wanted = max(round(budget[village] / spacing), 2 * len(of_village))
        count = exact_shares(
            np.ones(len(of_village)), min(wanted, max(households[village], len(of_village)))
        )
        reach_km = reach_m[int(two_wire[village])] / 1000
        share = exact_shares(0.5 + rng.random(count.sum()), int(households[village]))
        first = 0
        for hub, points in zip(of_village.index, count, strict=True):
            length = budget[village] * points / count.sum()
            layout = layout_circuits(points, length, reach_km, assumptions["detour_0_4kv"], rng)
            own = share[first : first + points]
            labels = [f"{names[village]}-{first + k + 1:03d}杆" for k in range(points)]
            origin = str(hub_name[hub])
            pieces.append(
                {
                    "hub": np.full(points, hub),
                    "name": labels,
                    "x": hub_place[hub, 0] + layout.offset[:, 0],
                    "y": hub_place[hub, 1] + layout.offset[:, 1],
                    "parent": [origin if p < 0 else labels[p] for p in layout.parent],
                    "circuit": layout.circuit,
                    "households": own,
                    "below": _beyond(own, layout.circuit),
                    "length_km": np.full(points, length / points),
                }
            )
            first += points
    return pd.DataFrame(
        {key: np.concatenate([np.asarray(piece[key]) for piece in pieces]) for key in pieces[0]}
    )


def _beyond(households: NDArray[np.int64], circuit: NDArray[np.int64]) -> NDArray[np.int64]:
    """Households at each point and beyond it; points of a circuit stand in a row."""
    running = np.cumsum(households)
    last = np.searchsorted(circuit, circuit, side="right") - 1
    return running[last] - running + households


def _dealt_lengths(plan: Plan, sites: Sites, hubs: pd.DataFrame, points: pd.DataFrame) -> Floats:
    batch = sites.villages["batch"].to_numpy()[hubs["village"].to_numpy()[points["hub"]]]
    length = points["length_km"].to_numpy().copy()
    for works in plan.batches:
        own = batch == works.year
        length[own] = exact_lengths(length[own], works.length_0_4kv_km)
    ordinary = batch == 0
    fixed = length[~ordinary].sum() + sites.villages["tail_km"].sum() + hubs["link_km"].sum()
    length[ordinary] = exact_lengths(length[ordinary], plan.existing.length_0_4kv_km - fixed)
    return length


def _with_households(hubs: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    of_hub = np.bincount(points["hub"], points["households"], minlength=len(hubs))
    return hubs.assign(households=of_hub.astype(np.int64))


def old_conductors(
    villages: pd.DataFrame,
    hubs: pd.DataFrame,
    points: pd.DataFrame,
    assumptions: Assumptions,
    streams: Streams,
) -> list[str]:
    """The wire of each section before the works, one for each village.

    Assumptions `old_conductors_*` say which; a large ordinary village has the last of its list.
    """
    luck = streams("0.4 kV conductors").random(len(villages))
    ordinary = assumptions.shares("old_conductors_ordinary")
    poor = assumptions.shares("old_conductors_low_voltage")
    large = villages["households"].to_numpy() > assumptions["large_village_households"]
    plan_class = villages["plan_class"].to_numpy()
    of_village = np.select(
        [plan_class == LOW_VOLTAGE, plan_class == THREE_PHASE, large],
        [drawn(poor, luck), assumptions.text("old_conductor_three_phase"), list(ordinary)[-1]],
        drawn(ordinary, luck),
    )
    return list(of_village[hubs["village"].to_numpy()[points["hub"]]])
