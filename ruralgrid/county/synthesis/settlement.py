"""Natural villages: how many households live where, and which of them the plan treats.

The plan counts the villages and households of each batch and names towns; which villages they are
is drawn among the administrative villages of those towns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.synthesis.draft import exact_shares
from ruralgrid.errors import InputError

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.county.synthesis.draft import Streams
    from ruralgrid.plan import Plan

__all__ = ["LOW_VOLTAGE", "THREE_PHASE", "households_of_county", "settle"]

LOW_VOLTAGE, THREE_PHASE = "low_voltage", "three_phase"

_LEAST_HOUSEHOLDS = 8
"""An ordinary natural village has at least this many."""


def households_of_county(plan: Plan, assumptions: Assumptions) -> int:
    """Households of the county: its people over the people of a household."""
    return round(plan.county.population / assumptions["persons_per_household"])


def settle(
    plan: Plan, admin: pd.DataFrame, assumptions: Assumptions, streams: Streams
) -> pd.DataFrame:
    """The natural villages, ordinary and treated, ordered by administrative village.

    Returns
    -------
    pandas.DataFrame
        name, town, admin_village, of_admin (row of `admin`), households, population, batch,
        plan_class. Households and people add up to the county's exactly.
    """
    total = households_of_county(plan, assumptions)
    of_admin = exact_shares(_admin_weights(plan, admin, streams), total)
    treated = _treated(plan, admin, of_admin, streams)
    left = of_admin - np.bincount(
        treated["of_admin"], treated["households"], minlength=len(admin)
    ).astype(np.int64)
    ordinary = _ordinary(left, assumptions["households_per_village"], streams)
    villages = pd.concat([ordinary, treated], ignore_index=True)
    villages = villages.sort_values(["of_admin", "batch"], kind="stable", ignore_index=True)
    villages["population"] = exact_shares(villages["households"], plan.county.population)
    return _named(villages, admin)


def _admin_weights(plan: Plan, admin: pd.DataFrame, streams: Streams) -> NDArray[np.float64]:
    people = {town.name: float(town.population or 0) for town in plan.townships}
    known = [p for p in people.values() if p]
    typical = sum(known) / len(known) if known else 1.0
    counts = admin["town"].value_counts()
    per_village = admin["town"].map({t: (p or typical) / counts[t] for t, p in people.items()})
    return per_village.to_numpy() * (0.75 + 0.5 * streams("admin households").random(len(admin)))


def _treated(
    plan: Plan, admin: pd.DataFrame, of_admin: NDArray[np.int64], streams: Streams
) -> pd.DataFrame:
    rng = streams("treated villages")
    left = of_admin.astype(float)
    pieces = []
    for batch in plan.batches:
        place = np.flatnonzero(admin["town"].isin(plan.towns_of(batch)))
        if not len(place):
            raise InputError(f"batch {batch.year} names no town of the county", "batch, towns")
        for plan_class, works in (
            (LOW_VOLTAGE, batch.low_voltage),
            (THREE_PHASE, batch.three_phase),
        ):
            if not works.villages:
                if works.households:
                    raise InputError(
                        f"{works.households} households in no village", f"batch[{batch.year}]"
                    )
                continue
            sizes = exact_shares(0.65 + 0.7 * rng.random(works.villages), works.households)
            luck = rng.random(len(place))
            chosen = []
            for size in sizes:
                best = place[np.argmax(left[place] * (0.5 + luck))]
                left[best] -= size
                luck[place == best] = -0.4  # the next one goes elsewhere as long as it can
                chosen.append(best)
            pieces.append(
                pd.DataFrame(
                    {
                        "of_admin": chosen,
                        "households": sizes,
                        "batch": batch.year,
                        "plan_class": plan_class,
                    }
                )
            )
    if (left < _LEAST_HOUSEHOLDS).any():
        raise InputError(
            "the households of the batches do not fit into the villages of their towns", "batch"
        )
    if not pieces:
        columns = {"of_admin": "int64", "households": "int64", "batch": "int64"}
        return pd.DataFrame(columns=[*columns, "plan_class"]).astype(columns)
    return pd.concat(pieces, ignore_index=True)


def _ordinary(left: NDArray[np.int64], typical: float, streams: Streams) -> pd.DataFrame:
    rng = streams("ordinary villages")
    pieces = []
    for index, households in enumerate(left):
        count = max(1, round(households / typical))
        weights = 0.6 + 0.8 * rng.random(count)
        pieces.append(
            pd.DataFrame({"of_admin": index, "households": exact_shares(weights, int(households))})
        )
    return pd.concat(pieces, ignore_index=True).assign(batch=0, plan_class="")


def _named(villages: pd.DataFrame, admin: pd.DataFrame) -> pd.DataFrame:
    number = villages.groupby("of_admin").cumcount() + 1
    town = admin["town"].to_numpy()[villages["of_admin"]]
    village = admin["admin_village"].to_numpy()[villages["of_admin"]]
    names = [f"{t}{v}{n}组" for t, v, n in zip(town, village, number, strict=True)]
    return villages.assign(name=names, town=town, admin_village=village)
