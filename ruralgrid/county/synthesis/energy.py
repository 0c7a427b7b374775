"""Customers: the county's energy, its shares by kind, and the transformers they ask for.

The plan states no load. The peak follows from the stated capacity of the 35 kV stations over the
capacity-load ratio, the energy from the hours of use of the peak, the use per household from the
households' share of it: none of them is free once the shares are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ruralgrid.county.coincidence import coincidence_factor
from ruralgrid.county.kinds import CONSTANT, list_kinds
from ruralgrid.units import KILO

if TYPE_CHECKING:
    import pandas as pd

    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.plan import Plan

__all__ = ["Demand", "county_demand", "household_kwh", "peak_kw", "rating_above"]

Floats = NDArray[np.float64]

RATINGS_10KV = np.array([30, 50, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630])
"""Ratings [kVA] of distribution transformers that the synthesis uses."""


@dataclass(frozen=True)
class Demand:
    """Energy of the county's customers [kWh a year] by kind, at nominal voltage."""

    peak_mw: float
    kwh: dict[str, float]

    @property
    def total_kwh(self) -> float:
        """All kinds together."""
        return sum(self.kwh.values())


def county_demand(plan: Plan, assumptions: Assumptions) -> Demand:
    """``P = S cos phi / (capacity-load ratio) / (1 + loss)``; ``E_kind = share P T / sum``.

    Plan and assumptions give S [kVA] and the rest; P is the customers' common peak.
    """
    at_stations_kw = (
        plan.existing.transformer_capacity_35kv_kva
        * assumptions["peak_power_factor"]
        / assumptions["capacity_load_ratio"]
    )
    peak_kw = at_stations_kw / (1 + assumptions["loss_allowance_percent"] / 100)
    shares = {kind: assumptions[f"share_{kind}"] for kind in list_kinds() if kind != CONSTANT}
    kwh = peak_kw * assumptions["hours_of_use_h"] * assumptions["energy_scale"]
    whole = sum(shares.values())
    return Demand(peak_kw / KILO, {kind: kwh * share / whole for kind, share in shares.items()})


def household_kwh(
    villages: pd.DataFrame, kwh: float, spread: float, rng: np.random.Generator
) -> Floats:
    """Use per household [kWh a year] of each village: even about the mean, `kwh` in all."""
    weight = 1 + spread * (2 * rng.random(len(villages)) - 1)
    return kwh * weight / float((weight * villages["households"]).sum())


def peak_kw(households: ArrayLike, kwh_each: ArrayLike, assumptions: Assumptions) -> Floats:
    """Yearly peak [kW] of a group of households: its share of the county's, times coincidence."""
    floor = assumptions["coincidence_floor"]
    common = np.asarray(households) * np.asarray(kwh_each) / assumptions["household_hours_of_use_h"]
    return common * coincidence_factor(households, floor) / floor


def rating_above(kva: ArrayLike) -> NDArray[np.int64]:
    """The smallest usual rating [kVA] that is not below; the largest where none is."""
    index = np.searchsorted(RATINGS_10KV, np.asarray(kva, dtype=float) - 1e-9)
    return RATINGS_10KV[np.minimum(index, len(RATINGS_10KV) - 1)]
