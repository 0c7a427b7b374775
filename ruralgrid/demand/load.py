"""From customers to kW and kvar: a few hundred curves, and which customer follows which.

8,760 hours times tens of thousands of customers are never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.kinds import get_kind
from ruralgrid.demand.diversity import class_of, excess_of, levels
from ruralgrid.demand.shapes import yearly_shape
from ruralgrid.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from ruralgrid.county import County

__all__ = ["Load", "load_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Load:
    """The load of a county's customers at nominal voltage.

    Parameters
    ----------
    curves : array, shape (curves, 8760)
        Load over its own yearly mean; every curve has the mean 1.
    curve_of : array of int, shape (consumers,)
        The curve that each row of `county.consumers` follows.
    mean_kw, mean_kvar : array, shape (consumers,)
        Yearly means [kW], [kvar].
    const_z_percent, const_i_percent : array, shape (consumers,)
        Shares of the load that follow the square of the voltage, and the voltage [%].
    """

    curves: Floats
    curve_of: NDArray[np.int64]
    mean_kw: Floats
    mean_kvar: Floats
    const_z_percent: Floats
    const_i_percent: Floats

    def total_kw(self) -> Floats:
        """Load of all customers together at each hour [kW]; shape (8760,)."""
        weight = np.bincount(self.curve_of, self.mean_kw, minlength=len(self.curves))
        return weight @ self.curves

    @property
    def peak_hour(self) -> int:
        """The hour of the county's highest load."""
        return int(np.argmax(self.total_kw()))


def load_of(county: County, coincidence_floor: float | None = None) -> Load:
    """The load of the county's customers.

    Households of a village form a group whose coincidence raises its peak and keeps its energy (see
    `ruralgrid.demand.diversity`); other customers follow the curve of their kind.

    Parameters
    ----------
    county : County
    coincidence_floor : float, optional
        The floor of the coincidence factor; by default the county's own assumption, else 0.26.
    """
    consumers = county.consumers
    floor = coincidence_floor if coincidence_floor is not None else _floor_of(county)
    distinct, curve_of = _curve_keys(county, floor)
    mean_kw = consumers["kwh_per_year"].to_numpy() / HOURS_PER_YEAR
    tangent = np.tan(np.arccos(consumers["power_factor"].to_numpy()))
    kind_of, names = pd.factorize(consumers["kind"], use_na_sentinel=False)
    kinds = [get_kind(name) for name in names]
    return Load(
        curves=np.stack([_curve(*key) for key in distinct])
        if distinct
        else np.zeros((0, HOURS_PER_YEAR)),
        curve_of=curve_of,
        mean_kw=mean_kw,
        mean_kvar=mean_kw * tangent,
        const_z_percent=np.array([kind.const_z_percent for kind in kinds])[kind_of],
        const_i_percent=np.array([kind.const_i_percent for kind in kinds])[kind_of],
    )


def _floor_of(county: County) -> float:
    table = county.assumptions
    row = table.loc[table["parameter"] == "coincidence_floor", "value"]
    return float(row.iloc[0]) if len(row) else 0.26


Key = tuple[str, int, float]


def _curve_keys(county: County, floor: float) -> tuple[list[Key], NDArray[np.int64]]:
    """Kind, class and excess: customers with the same key share a curve.

    The distinct keys in order, and the key of each consumer.
    """
    consumers = county.consumers
    size = county.villages.set_index("name")["households"]
    group = consumers["village"].where(consumers["village"] != "", consumers["node"])
    households = consumers["village"].map(size)
    by_group = consumers.groupby(group)["count"].transform("sum")
    excess = excess_of(np.maximum(households.fillna(by_group).to_numpy(dtype=float), 1), floor)
    is_household = (consumers["kind"] == "household").to_numpy(dtype=bool)
    group_of, names = pd.factorize(group, use_na_sentinel=False)
    classes = np.array([class_of(str(name)) for name in names], dtype=np.int64)
    steps, step_of = np.unique(excess, return_inverse=True)
    rounded = np.array([round(float(step), 2) for step in steps])
    keys = pd.DataFrame(
        {
            "kind": consumers["kind"].to_numpy(),
            "class": np.where(is_household, classes[group_of], 0),
            "excess": np.where(is_household, rounded[step_of], 0.0),
        }
    )
    number = keys.groupby(list(keys), sort=True, dropna=False).ngroup().to_numpy()
    _, firsts = np.unique(number, return_index=True)
    distinct = list(keys.iloc[firsts].itertuples(index=False, name=None))
    return distinct, number.astype(np.int64)


def _curve(kind: str, of_class: int, excess: float) -> Floats:
    curve = yearly_shape(kind) * (1 + excess * levels()[of_class])
    return curve / curve.mean()
