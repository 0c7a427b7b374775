"""The net above the areas: balanced, each distribution transformer a load on its 10 kV node."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.solution import YearSolution
from ruralgrid.flow.year import solve_year
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.network.four_wire import FourWireAreas

__all__ = ["UpperNet", "build_upper"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Limits = Mapping[str, FloatArray]

_SHARES: Final = (
    "const_z_p_percent", "const_z_q_percent", "const_i_p_percent", "const_i_q_percent",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class UpperNet:
    """What remains of a net without its areas, and how to solve it.

    Attributes
    ----------
    net : pandapowerNet
        The reduced net; its last loads are those of the areas: all P rows, then all Q rows.
    bus_row : int array
        Rows of the whole net's buses that it keeps.
    own_load : int array
        Rows of the whole net's loads that it keeps.
    area_bus : array (areas,)
        Index of the bus above each area.
    elastic : array (areas,)
        Share of impedance [1] by which an area's draw follows the voltage to first order.
    profiles : LoadProfiles
        Of the whole net.
    scale : array or None
        Of the whole net's loads.
    tolerance_pu : float
        Of `solve_year`.
    threads : int or None
        Of `solve_year`.
    """

    net: pandapowerNet
    bus_row: IntArray
    own_load: IntArray
    area_bus: IntArray
    elastic: FloatArray
    profiles: LoadProfiles
    scale: FloatArray | None
    tolerance_pu: float
    threads: int | None

    def solve(
        self,
        hours: IntArray,
        p_kw: FloatArray,
        q_kvar: FloatArray,
        at_pu: FloatArray | None,
        low_pu: Limits | None = None,
        high_pu: Limits | None = None,
    ) -> tuple[YearSolution, FloatArray]:
        """Solve some hours with what the areas draw in them.

        Parameters
        ----------
        hours : int array (hours,)
            Columns of the profiles.
        p_kw, q_kvar : arrays (areas, hours)
            Drawn by the areas.
        at_pu : array (areas, hours), optional
            The voltage at which they draw it: they then follow the voltage to first order. Without
            it they draw it at any voltage.
        low_pu, high_pu : mapping of name to array (rows of the whole net's buses,), optional
            Limits [pu].

        Returns
        -------
        solution, vm_pu
            The year of the reduced net, and the voltage above each area (areas, hours).
        """
        net, elastic = self.net, np.zeros_like(self.elastic)
        if at_pu is not None:
            elastic = self.elastic
            denominator = 1 - elastic[:, None] + elastic[:, None] * at_pu**2
            p_kw, q_kvar = p_kw / denominator, q_kvar / denominator
        net = _with_shares(net, len(self.own_load), 100 * np.tile(elastic, 2))
        own = self.profiles.of_load[self.own_load]
        used, follows = np.unique(own, return_inverse=True)
        values = [np.asarray(self.profiles.values[used][:, hours], dtype=float), p_kw, q_kvar]
        count = len(self.area_bus)
        of_load = np.concatenate([follows.reshape(-1), len(used) + np.arange(2 * count)])
        scale = np.ones(len(net.load))
        if self.scale is not None:
            scale[: len(own)] = self.scale[self.own_load]
        solution = solve_year(
            net,
            LoadProfiles(np.concatenate(values) if count else values[0], of_load),
            low_limits_pu={name: limit[self.bus_row] for name, limit in (low_pu or {}).items()},
            high_limits_pu={name: limit[self.bus_row] for name, limit in (high_pu or {}).items()},
            record_buses=np.unique(self.area_bus),
            load_scale=scale,
            tolerance_pu=self.tolerance_pu,
            n_threads=self.threads,
            progress=False,
        )
        assert solution.recorded is not None
        columns = solution.recorded.columns.get_indexer(self.area_bus)
        return solution, solution.recorded.to_numpy()[:, columns].T


def _with_shares(net: pandapowerNet, own: int, percent: FloatArray) -> pandapowerNet:
    """The same net, the areas' loads with these shares of impedance."""
    changed = copy.copy(net)
    load = net.load.copy()
    for column in _SHARES[:2]:
        load[column] = np.concatenate([load[column].to_numpy(dtype=float)[:own], percent])
    changed["load"] = load
    return changed


def build_upper(
    net: pandapowerNet,
    areas: FourWireAreas,
    profiles: LoadProfiles,
    scale: FloatArray | None,
    elastic: FloatArray,
    tolerance_pu: float,
    threads: int | None,
) -> UpperNet:
    """Take the areas out of a net; `elastic` is the share of impedance of each area's load."""
    inside = np.zeros(len(net.bus), dtype=bool)
    inside[net.bus["vn_kv"].to_numpy() < 1.0] = True
    bus = net.bus.index[~inside]
    reduced = copy.copy(net)
    reduced["bus"] = net.bus[~inside].copy()
    reduced["line"] = _kept(net.line, bus, ("from_bus", "to_bus"))
    reduced["trafo"] = _kept(net.trafo, bus, ("hv_bus", "lv_bus"))
    for table in ("shunt", "sgen"):
        reduced[table] = _kept(net[table], bus, ("bus",))
    reduced["switch"] = _kept_switches(net, reduced)
    load = _kept(net.load, bus, ("bus",))
    area_bus = net.bus.index.to_numpy()[areas.hv_node_row]
    reduced["load"] = pd.concat([load, _area_loads(net, area_bus)])
    return UpperNet(
        net=reduced,
        bus_row=np.flatnonzero(~inside),
        own_load=np.flatnonzero(net.load["bus"].isin(bus).to_numpy()),
        area_bus=area_bus,
        elastic=_mean_by_bus(elastic, area_bus),
        profiles=profiles,
        scale=scale,
        tolerance_pu=tolerance_pu,
        threads=threads,
    )


def _mean_by_bus(elastic: FloatArray, area_bus: IntArray) -> FloatArray:
    """pandapower takes the plain mean of the shares of a bus for all its load."""
    _, number = np.unique(area_bus, return_inverse=True)
    number = number.reshape(-1)
    mean = np.bincount(number, elastic) / np.maximum(np.bincount(number), 1)
    return np.asarray(mean[number], dtype=float)


def _kept(frame: pd.DataFrame, bus: pd.Index, ends: tuple[str, ...]) -> pd.DataFrame:
    inside = np.logical_and.reduce([frame[end].isin(bus).to_numpy() for end in ends])
    return frame[inside].copy()


def _kept_switches(net: pandapowerNet, reduced: pandapowerNet) -> pd.DataFrame:
    """Switches at buses and elements that are kept."""
    switch = net.switch
    known = {"l": reduced.line.index, "t": reduced.trafo.index, "t3": net.trafo3w.index,
             "b": reduced.bus.index}  # fmt: skip
    there = np.array(
        [
            element in known[kind]
            for kind, element in zip(switch["et"], switch["element"], strict=True)
        ],
        dtype=bool,
    )
    return switch[there & switch["bus"].isin(reduced.bus.index).to_numpy()].copy()


def _area_loads(net: pandapowerNet, area_bus: IntArray) -> pd.DataFrame:
    """Loads of 1 kW and of 1 kvar above each area."""
    count = len(area_bus)
    first = int(net.load.index.max()) + 1 if len(net.load) else 0
    unit = np.repeat([1 / KILO, 0.0], count)
    columns = {
        "name": [f"area {kind} {number}" for kind in "PQ" for number in range(count)],
        "bus": np.tile(area_bus, 2),
        "p_mw": unit,
        "q_mvar": unit[::-1].copy(),
        "scaling": 1.0,
        "in_service": True,
        **dict.fromkeys(_SHARES, 0.0),
    }
    rows = pd.DataFrame(columns, index=np.arange(first, first + 2 * count))
    return rows.reindex(columns=net.load.columns).astype(
        {name: kind for name, kind in net.load.dtypes.items() if name in columns}
    )
