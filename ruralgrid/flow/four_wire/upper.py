"""The net above the areas: balanced, each distribution transformer a load on its 10 kV node."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ruralgrid.county.area_walk import LOW_VOLTAGE_KV
from ruralgrid.flow.arguments import checked_threads, checked_tolerance
from ruralgrid.flow.arrays import Gauges, Records
from ruralgrid.flow.blocks import BlockPlan, Start
from ruralgrid.flow.gauges import Probes, place_gauges, place_probes
from ruralgrid.flow.kernel import Kernel, kernel_of
from ruralgrid.flow.memory import Memory, empty_memory, memory_of
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import Demand, read_demand
from ruralgrid.flow.solution import YearSolution
from ruralgrid.flow.year import YearNet, read_year_net, solve_read
from ruralgrid.flow.year_frames import SolvedYear, assemble_solution
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.network.four_wire import FourWireAreas

__all__ = ["LOADS_PER_AREA", "SolvedUpper", "UpperHours", "UpperNet", "build_upper"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Limits = Mapping[str, FloatArray]
Powers = tuple[FloatArray, FloatArray]

LOADS_PER_AREA: Final = 4
"""Constant P, constant Q, and what of both is an impedance: each with a profile of its own."""

_AS_POWER: Final = (1.0, 0.0, 0.0)
_AS_IMPEDANCE: Final = (0.0, 0.0, 1.0)
_SHARES: Final = (
    "const_z_p_percent", "const_z_q_percent", "const_i_p_percent", "const_i_q_percent",
)  # fmt: skip


_BESIDE_PU: Final = 1e-9  # of 1 MVA: no drop to speak of, and no loss


@dataclass(frozen=True, eq=False)
class SolvedUpper:
    """Some hours of the net above.

    Attributes
    ----------
    vm_pu : array (areas, hours)
        Voltage above each area; NaN where there is none.
    hours : int array (hours,)
        Which hours these are.
    failed : bool array (areas,)
        Whether the net above an area has no solution in one of them.
    failed_at : int
        The first such hour, counted from the first of these; -1: none.
    year, records
        What the frames are made from.
    """

    vm_pu: FloatArray
    hours: IntArray
    failed: npt.NDArray[np.bool_]
    failed_at: int
    year: SolvedYear
    records: Records

    def frames(self) -> YearSolution:
        """The year of the reduced net, told by these hours."""
        return _of_hours(assemble_solution(self.year, self.records), self.hours)


@dataclass(frozen=True, eq=False)
class UpperNet:
    """What remains of a net without its areas, and how to solve it.

    Attributes
    ----------
    read : YearNet
        The reduced net; its last loads are those of the areas, `LOADS_PER_AREA` times all areas.
    demand : Demand
        Its loads; those of the areas are of 1 kW or 1 kvar.
    probes : Probes
        Limits, and the buses above the areas, recorded.
    kernel, gauges
        The same in the kernel's arrays.
    area_bus, area_position : int arrays (areas,)
        Index of the bus above each area, and its position in the tree; -1: not supplied.
    shared : array (profiles, hours)
        What the loads of the reduced net itself follow.
    follows : int array (loads,)
        The row that each load follows: of `shared`, or behind it of what the areas draw.
    plan : BlockPlan
        How tightly it is solved, by how many threads.
    """

    read: YearNet
    demand: Demand
    probes: Probes
    kernel: Kernel
    gauges: Gauges
    area_bus: IntArray
    area_position: IntArray
    shared: npt.NDArray[np.floating]
    follows: IntArray
    plan: BlockPlan

    @property
    def steps(self) -> bool:
        """Whether it has tap changers that step."""
        return len(self.read.tree.changers.row) > 0

    def at(self, hours: IntArray) -> UpperHours:
        """Some hours, to be solved as often as need be."""
        tree, blocks = self.read.tree, -(-len(hours) // self.plan.block_hours)
        memory = empty_memory(blocks, len(tree.node), len(tree.changers.row))
        return self.holding(hours, memory)

    def holding(self, hours: IntArray, memory: Memory) -> UpperHours:
        """Some hours, and what is remembered of them."""
        rows = len(self.shared) + LOADS_PER_AREA * len(self.area_bus)
        values = np.zeros((rows, len(hours)))
        values[: len(self.shared)] = self.shared[:, hours]
        start = Start(self.kernel, self.gauges, memory)
        return UpperHours(self, hours, values, LoadProfiles(values, self.follows), start)


@dataclass(frozen=True, eq=False)
class UpperHours:
    """Some hours of the net above; what the areas draw is ``constant + elastic * vm_pu**2``.

    Attributes
    ----------
    net : UpperNet
    hours : int array (hours,)
        Columns of the profiles.
    values : array (profiles, hours)
        What all loads follow.
    profiles : LoadProfiles
        The same, for the solver.
    start : Start
        Where the last solution has come to.
    """

    net: UpperNet
    hours: IntArray
    values: FloatArray
    profiles: LoadProfiles
    start: Start

    @property
    def constant(self) -> Powers:
        """P [kW] and Q [kvar] of each area (areas, hours) that no voltage moves; to be filled."""
        return self._part(0), self._part(1)

    @property
    def elastic(self) -> Powers:
        """P [kW] and Q [kvar] at 1 pu of each area that follow the voltage squared; the same."""
        return self._part(2), self._part(3)

    def _part(self, number: int) -> FloatArray:
        count = len(self.net.area_bus)
        first = len(self.net.shared) + number * count
        return self.values[first : first + count]

    def of(self, places: IntArray) -> UpperHours:
        """Some of these hours, which start from where these have come to."""
        memory = memory_of(self.start.memory, places)
        return self.net.holding(self.hours[places], memory)

    def solve(self, times_tolerance: float = 1.0) -> SolvedUpper:
        """Solve these hours with what the areas draw, to so many times the tolerance."""
        net = self.net
        every = np.arange(len(self.hours))
        plan = replace(net.plan, tolerance_pu=times_tolerance * net.plan.tolerance_pu)
        year, records = solve_read(
            net.read, net.demand, net.probes, self.profiles, every, plan, self.start
        )
        present = net.area_position >= 0
        ok = present & year.solved[net.area_position]
        row = np.searchsorted(net.probes.recorded_position, net.area_position)
        vm_pu = records.voltage[np.where(ok, row, 0)] if ok.any() else np.zeros_like(self._part(0))
        vm_pu[~ok] = np.nan
        return SolvedUpper(vm_pu, self.hours, present & ~ok, _first_failure(year), year, records)


def _first_failure(year: SolvedYear) -> int:
    """The first hour in which a part has no solution; -1: every part has one."""
    failed = np.concatenate([year.tally.failed_hour[~year.tree_solved], year.cut.failed_hour])
    return int(failed.min()) if len(failed) else -1


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
    return replace(solution, hours=hours, taps=taps, recorded=None, **frames)


def build_upper(
    net: pandapowerNet,
    areas: FourWireAreas,
    profiles: LoadProfiles,
    scale: FloatArray | None,
    limits: tuple[Limits, Limits],
    tolerance_pu: float,
    threads: int | None,
) -> UpperNet:
    """Take the areas out of a net; `limits` [pu] are by row of the whole net's buses."""
    inside = net.bus["vn_kv"].to_numpy() < LOW_VOLTAGE_KV
    area_bus = net.bus.index.to_numpy()[areas.hv_node_row]
    reduced, own_load = _reduced(net, inside, area_bus)
    own = profiles.of_load[own_load]
    used, follows = np.unique(own, return_inverse=True)
    behind = len(used) + np.arange(LOADS_PER_AREA * len(area_bus))
    follows = np.concatenate([follows.reshape(-1), behind]).astype(np.int64)
    factor = np.ones(len(reduced.load))
    if scale is not None:
        factor[: len(own)] = scale[own_load]
    read = read_year_net(reduced)
    node = read.branches.node_of_bus[reduced.bus.index.get_indexer(area_bus)]
    rows = LoadProfiles(np.ones((len(used) + len(behind), 1)), follows)
    demand = _by_group(
        read_demand(reduced, read.branches, read.tree, rows, factor), len(own), len(area_bus)
    )
    none = np.full(len(reduced.bus) - int((~inside).sum()), np.nan)
    low, high = (
        {name: np.concatenate([part[~inside], none]) for name, part in side.items()}
        for side in limits
    )
    probes = place_probes(reduced, read.branches, read.tree, low, high, np.unique(area_bus))
    return UpperNet(
        read=read,
        demand=demand,
        probes=probes,
        kernel=kernel_of(read.tree, demand),
        gauges=place_gauges(reduced, read.branches, read.tree, probes),
        area_bus=area_bus,
        area_position=np.where(node >= 0, read.tree.position[node], -1),
        shared=profiles.values[used],
        follows=follows,
        plan=BlockPlan(
            checked_tolerance(tolerance_pu),
            threads=checked_threads(threads),
            progress=False,
            runs=1,
        ),
    )


def _reduced(
    net: pandapowerNet, inside: npt.NDArray[np.bool_], area_bus: IntArray
) -> tuple[pandapowerNet, IntArray]:
    """The net without what is inside the areas, their loads behind its own; rows of the latter."""
    bus = net.bus.index[~inside]
    reduced = copy.copy(net)
    reduced["bus"] = net.bus[~inside].copy()
    reduced["line"] = _kept(net.line, bus, ("from_bus", "to_bus"))
    reduced["trafo"] = _kept(net.trafo, bus, ("hv_bus", "lv_bus"))
    for table in ("shunt", "sgen"):
        reduced[table] = _kept(net[table], bus, ("bus",))
    reduced["switch"] = _kept_switches(net, reduced)
    load = _kept(net.load, bus, ("bus",))
    at_bus = _own_buses(reduced, load, area_bus)
    reduced["load"] = pd.concat([load, _area_loads(net, at_bus)])
    return reduced, np.flatnonzero(net.load["bus"].isin(bus).to_numpy())


def _by_group(demand: Demand, own: int, areas: int) -> Demand:
    """The areas' loads as constant power and as impedances, each by itself."""
    parts = []
    for table in (demand.zip_p, demand.zip_q):
        part = table.copy()
        for kind, first in ((_AS_POWER, own), (_AS_IMPEDANCE, own + 2 * areas)):
            group = demand.load_group[first : first + 2 * areas]
            part[group[group >= 0]] = kind
        parts.append(part)
    return replace(demand, zip_p=parts[0], zip_q=parts[1])


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
    """Buses for the areas' loads: one node has one voltage dependence for all load of others there.

    Where customers or generators hang on the node above an area, its loads get a bus beside it.
    """
    import pandapower as pp

    node = _nodes(reduced)
    taken = node.reindex([*load["bus"], *reduced.sgen["bus"]])
    above = np.unique(area_bus)
    shared = above[node[above].isin(taken).to_numpy()].tolist()
    reduced["impedance"] = reduced.impedance.copy()
    beside = {}
    for bus in shared:
        beside[bus] = pp.create_bus(reduced, vn_kv=reduced.bus.at[bus, "vn_kv"])
        pp.create_impedance(reduced, bus, beside[bus], rft_pu=0.0, xft_pu=_BESIDE_PU, sn_mva=1.0)
    return np.array([beside.get(bus, bus) for bus in area_bus.tolist()], dtype=np.int64)


def _nodes(net: pandapowerNet) -> pd.Series:
    """A number for each bus, the same for buses that closed switches make one node."""
    closed = net.switch[(net.switch["et"] == "b") & net.switch["closed"]]
    ends = [net.bus.index.get_indexer(closed[end]) for end in ("bus", "element")]
    joined = coo_array((np.ones(len(closed)), ends), shape=(len(net.bus), len(net.bus)))
    return pd.Series(connected_components(joined, directed=False)[1], index=net.bus.index)


def _area_loads(net: pandapowerNet, area_bus: IntArray) -> pd.DataFrame:
    """Loads of 1 kW and of 1 kvar above each area: all constant ones, then all impedances."""
    count = len(area_bus)
    first = int(net.load.index.max()) + 1 if len(net.load) else 0
    kinds = ("constant P", "constant Q", "elastic P", "elastic Q")
    active, reactive = (np.tile(np.repeat(pair, count), 2) / KILO for pair in ([1, 0], [0, 1]))
    columns = {
        "name": [f"area {kind} {number}" for kind in kinds for number in range(count)],
        "bus": np.tile(area_bus, LOADS_PER_AREA),
        "p_mw": active,
        "q_mvar": reactive,
        "scaling": 1.0,
        "in_service": True,
        **dict.fromkeys(_SHARES, 0.0),
    }
    rows = pd.DataFrame(columns, index=np.arange(first, first + LOADS_PER_AREA * count))
    return rows.reindex(columns=net.load.columns).astype(
        {name: kind for name, kind in net.load.dtypes.items() if name in columns}
    )
