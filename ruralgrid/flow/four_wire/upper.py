"""The net above the areas: balanced, each distribution transformer a load on its 10 kV node."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.county.area_walk import LOW_VOLTAGE_KV
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.solution import YearSolution
from ruralgrid.flow.year import YearNet, read_year_net, solve_year
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.network.four_wire import FourWireAreas

__all__ = ["UpperNet", "build_upper", "rise"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Limits = Mapping[str, FloatArray]

_SHARES: Final = (
    "const_z_p_percent", "const_z_q_percent", "const_i_p_percent", "const_i_q_percent",
)  # fmt: skip


_BESIDE_PU: Final = 1e-9  # of 1 MVA: no drop to speak of, and no loss


@dataclass(frozen=True, eq=False)
class UpperNet:
    """What remains of a net without its areas, and how to solve it.

    Attributes
    ----------
    read : YearNet
        The reduced net; its last loads are those of the areas: all P rows, then all Q rows.
    bus_row : int array
        Rows of the whole net's buses that it keeps.
    own_load : int array
        Rows of the whole net's loads that it keeps.
    area_bus : array (areas,)
        Index of the bus above each area.
    at_bus : array (areas,)
        Index of the bus that its loads hang on: one of their own where others hang on `area_bus`.
    profiles : LoadProfiles
        Of the whole net.
    scale : array or None
        Of the whole net's loads.
    tolerance_pu : float
        Of `solve_year`.
    threads : int or None
        Of `solve_year`.
    """

    read: YearNet
    bus_row: IntArray
    own_load: IntArray
    area_bus: IntArray
    at_bus: IntArray
    profiles: LoadProfiles
    scale: FloatArray | None
    tolerance_pu: float
    threads: int | None

    def solve(
        self,
        hours: IntArray,
        powers: tuple[FloatArray, FloatArray],
        at_pu: FloatArray,
        shares: tuple[FloatArray, FloatArray],
        limits: tuple[Limits, Limits],
    ) -> tuple[YearSolution, FloatArray, FloatArray]:
        """Solve some hours, the power of the areas following the voltage to first order.

        Parameters
        ----------
        hours : int array (hours,)
            Columns of the profiles.
        powers : tuple of arrays (areas, hours)
            P [kW] and Q [kvar] that the areas draw at `at_pu`.
        at_pu : array (areas, hours)
            Voltage at which they draw it.
        shares : tuple of arrays (areas,)
            Shares of impedance of P and Q; pandapower takes their plain mean at a bus for all its
            load.
        limits : tuple
            Low and high ones [pu], by row of the whole net's buses.

        Returns
        -------
        solution, vm_pu, p_kw
            The year of the reduced net; of each area the voltage above it and what it draws there.
        """
        both = [_mean_by_bus(share, self.at_bus) for share in shares]
        p, q = (part / rise(share, at_pu) for part, share in zip(powers, both, strict=True))
        net = _with_shares(self.read, len(self.own_load), *both)
        none = np.full(len(self.read.net.bus) - len(self.bus_row), np.nan)
        low, high = (
            {name: np.concatenate([part[self.bus_row], none]) for name, part in side.items()}
            for side in limits
        )
        solution, vm_pu = self._solve(net, hours, p, q, low, high)
        return solution, vm_pu, p * rise(both[0], vm_pu)

    def _solve(
        self,
        net: YearNet,
        hours: IntArray,
        p_kw: FloatArray,
        q_kvar: FloatArray,
        low: Limits,
        high: Limits,
    ) -> tuple[YearSolution, FloatArray]:
        own = self.profiles.of_load[self.own_load]
        used, follows = np.unique(own, return_inverse=True)
        shared = np.asarray(self.profiles.values[used][:, hours], dtype=float)
        values = np.concatenate([shared, p_kw, q_kvar, np.zeros((1, len(hours)))])
        scale = np.ones(len(net.net.load))
        if self.scale is not None:
            scale[: len(own)] = self.scale[self.own_load]
        solution = solve_year(
            net,
            LoadProfiles(
                values,
                np.concatenate([follows.reshape(-1), len(used) + np.arange(2 * len(p_kw))]),
            ),
            low_limits_pu=low,
            high_limits_pu=high,
            record_buses=np.unique(self.area_bus),
            load_scale=scale,
            tolerance_pu=self.tolerance_pu,
            n_threads=self.threads,
            progress=False,
        )
        solution = _of_hours(solution, hours)
        if solution.recorded is None:
            return solution, np.zeros((0, len(hours)))
        columns = solution.recorded.columns.get_indexer(self.area_bus)
        return solution, solution.recorded.to_numpy()[:, columns].T


def _of_hours(solution: YearSolution, hours: IntArray) -> YearSolution:
    """The same, columns of the profiles told as the hours that they are of."""
    frames = {}
    for name in ("buses", "lines", "transformers", "transformers3w", "sources", "feeders"):
        frame = getattr(solution, name).copy()
        for column in [column for column in frame.columns if column.endswith("_hour")]:
            known = frame[column].notna().to_numpy()
            at = frame.loc[known, column].to_numpy(dtype=np.int64)
            frame.loc[known, column] = hours[at]
        frames[name] = frame
    taps = solution.taps.set_axis(hours) if len(solution.taps) else solution.taps
    return replace(solution, hours=hours, taps=taps, **frames)


def rise(share: FloatArray, vm_pu: FloatArray) -> FloatArray:
    """Power at a voltage over that at 1 pu, a share of it an impedance."""
    squared = vm_pu * vm_pu
    squared *= share[:, None]
    squared += (1 - share)[:, None]
    return squared


def _with_shares(read: YearNet, own: int, share_p: FloatArray, share_q: FloatArray) -> YearNet:
    """The same net, the areas' loads with these shares of impedance."""
    changed, load = copy.copy(read.net), read.net.load.copy()
    for column, share in zip(_SHARES, (share_p, share_q), strict=False):
        before = load[column].to_numpy(dtype=float)[:own]
        load[column] = np.concatenate([before, np.tile(100 * share, 2)])
    changed["load"] = load
    return replace(read, net=changed)


def build_upper(
    net: pandapowerNet,
    areas: FourWireAreas,
    profiles: LoadProfiles,
    scale: FloatArray | None,
    tolerance_pu: float,
    threads: int | None,
) -> UpperNet:
    """Take the areas out of a net."""
    inside = net.bus["vn_kv"].to_numpy() < LOW_VOLTAGE_KV
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
    at_bus = _own_buses(reduced, load, area_bus)
    reduced["load"] = pd.concat([load, _area_loads(net, at_bus)])
    return UpperNet(
        read=read_year_net(reduced),
        bus_row=np.flatnonzero(~inside),
        own_load=np.flatnonzero(net.load["bus"].isin(bus).to_numpy()),
        area_bus=area_bus,
        at_bus=at_bus,
        profiles=profiles,
        scale=scale,
        tolerance_pu=tolerance_pu,
        threads=threads,
    )


def _mean_by_bus(elastic: FloatArray, area_bus: IntArray) -> FloatArray:
    """The plain mean of the shares at each bus."""
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


def _own_buses(reduced: pandapowerNet, load: pd.DataFrame, area_bus: IntArray) -> IntArray:
    """Buses for the areas' loads; pandapower mixes the voltage dependence of all load at one bus.

    Where customers or generators hang on the node above an area, its loads get a bus beside it.
    """
    import pandapower as pp

    taken = set(load["bus"]) | set(reduced.sgen["bus"])
    shared = sorted(set(area_bus.tolist()) & taken)
    reduced["impedance"] = reduced.impedance.copy()
    beside = {}
    for bus in shared:
        beside[bus] = pp.create_bus(reduced, vn_kv=reduced.bus.at[bus, "vn_kv"])
        pp.create_impedance(reduced, bus, beside[bus], rft_pu=0.0, xft_pu=_BESIDE_PU, sn_mva=1.0)
    return np.array([beside.get(bus, bus) for bus in area_bus.tolist()], dtype=np.int64)


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
