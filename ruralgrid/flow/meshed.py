"""Nets with loops: the hours by power-grid-model's batch solver, tallied as the sweep does.

The net goes over branch by branch as pandapower converts it (`ruralgrid.flow.radial.Branches`), so
that both engines and `pandapower.runpp` solve one and the same model.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ruralgrid.errors import InputError, TopologyError
from ruralgrid.flow.arrays import (
    CONVERGED,
    LEAST_PU,
    LOSS_ABOVE_LOAD,
    LOW_VOLTAGE,
    NO_CONVERGENCE,
    SOUND_PU,
    Gauges,
    Tally,
    empty_tally,
)
from ruralgrid.flow.blocks import BlockPlan
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import Branches, Demand, Tree
from ruralgrid.flow.radial.tree import name_branch
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["solve_meshed"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_LEAST_TOLERANCE_PU: Final = 1e-10  # of power-grid-model: below it, rounding keeps it from its end
_HOURS_AT_ONCE: Final = 96
_STIFF_VA: Final = 1e25  # short-circuit power of a source that holds its voltage
_VA: Final = 1e6


@dataclass(frozen=True, eq=False)
class _Mesh:
    """One tree with its loops: what every chunk of hours needs, and its part of the tally."""

    branches: Branches
    tree: Tree
    demand: Demand
    gauges: Gauges
    tally: Tally
    model: Any
    first_load: int
    loads: tuple[IntArray, FloatArray, FloatArray]

    @property
    def order(self) -> IntArray:
        """Column of each row's node in power-grid-model's results."""
        return np.searchsorted(np.flatnonzero(self.tree.position >= 0), self.tree.node)


def solve_meshed(
    net: pandapowerNet,
    branches: Branches,
    tree: Tree,
    demand: Demand,
    gauges: Gauges,
    profiles: LoadProfiles,
    hours: IntArray,
    recorded: FloatArray,
    plan: BlockPlan,
) -> Tally:
    """Solve all `hours` of a net with loops; `tree` comes from `build_mesh`.

    Each part below a source is solved by itself: one that has no solution in some hour is marked
    and left alone from then on, as by our own engine.

    Raises
    ------
    InputError
        power-grid-model is not installed.
    TopologyError
        A transformer whose leakage is split unevenly, which power-grid-model cannot hold.
    """
    pgm = _import_pgm()
    uneven = np.abs(branches.shunt_from - branches.shunt_to) > 1e-12
    if uneven.any():
        name = name_branch(net, branches, int(np.flatnonzero(uneven)[0]))
        raise TopologyError(f"{name} stands in a net with loops and has an uneven leakage ratio")
    trees = len(tree.source_vm_pu)
    tally = empty_tally(len(tree.node), len(gauges.probe_limit2), len(demand.p), trees)
    starts = range(0, len(hours), _HOURS_AT_ONCE)
    show = sys.stderr.isatty() if plan.progress is None else plan.progress
    with tqdm(total=trees * len(starts), desc="year", disable=not show, leave=False) as bar:
        for number in range(trees):
            mesh = _one_tree(pgm, branches, tree, demand, gauges, tally, number)
            for start in starts:
                if mesh.tally.status[0] == CONVERGED:
                    chosen = hours[start : start + _HOURS_AT_ONCE]
                    factors = np.ones((len(demand.profiles_used) + 1, len(chosen)))
                    factors[:-1] = profiles.values[np.ix_(demand.profiles_used, chosen)]
                    _solve_chunk(pgm, mesh, factors, start, recorded, plan)
                bar.update()
    return tally


def _one_tree(
    pgm: Any,
    branches: Branches,
    tree: Tree,
    demand: Demand,
    gauges: Gauges,
    tally: Tally,
    number: int,
) -> _Mesh:
    """The part of everything that belongs to one tree; its tally is a view of the whole."""
    first, last = tree.first[number : number + 2].tolist()
    rows, one = slice(first, last), slice(number, number + 1)
    groups = slice(*demand.start[[first, last]].tolist())
    probes = slice(*gauges.probe_start[[first, last]].tolist())
    inside = (tree.position >= first) & (tree.position < last)
    part = replace(
        tree,
        node=tree.node[rows],
        position=np.where(inside, tree.position - first, -1),
        parent=np.where(tree.parent[rows] >= 0, tree.parent[rows] - first, -1),
        branch=tree.branch[rows],
        near_shunt=tree.near_shunt[rows],
        far_shunt=tree.far_shunt[rows],
        child_is_to=tree.child_is_to[rows],
        first=np.array([0, last - first]),
        source_vm_pu=tree.source_vm_pu[one],
    )
    drawn = replace(
        demand,
        start=demand.start[first : last + 1] - groups.start,
        **{name: getattr(demand, name)[groups] for name in ("profile", "p", "q", "zip_p", "zip_q")},
    )
    measured = gauges._replace(
        near_factor2=gauges.near_factor2[rows],
        far_factor2=gauges.far_factor2[rows],
        probe_start=gauges.probe_start[first : last + 1] - probes.start,
        probe_limit2=gauges.probe_limit2[probes],
        probe_sign=gauges.probe_sign[probes],
        record_row=gauges.record_row[rows],
    )
    own = _view(tally, rows, groups, probes, one)
    return _Mesh(branches, part, drawn, measured, own, *_model(pgm, branches, part, drawn))


def _view(tally: Tally, rows: slice, groups: slice, probes: slice, one: slice) -> Tally:
    """The part of a tally that belongs to one tree; what is written there stands in the whole."""
    of_tree = ("fed", "fed_max", "fed_max_hour", "status", "failed_hour", "failed_at", "walks")
    kinds = dict.fromkeys(of_tree, one)
    kinds |= {"served": groups, "beyond": probes, "unit_shunt": slice(0)}
    return Tally(*(getattr(tally, name)[kinds.get(name, rows)] for name in Tally._fields))


def _import_pgm() -> Any:
    try:
        import power_grid_model
    except ImportError as error:
        raise InputError(
            "this net has loops, and they are solved by power-grid-model, which is not installed: "
            "pip install 'ruralgrid[fast]', or open the loops"
        ) from error
    return power_grid_model


def _model(
    pgm: Any, branches: Branches, tree: Tree, demand: Demand
) -> tuple[Any, int, tuple[IntArray, FloatArray, FloatArray]]:
    """power-grid-model's input. Ids: nodes by number, then branches, sources, shunts and loads."""
    rows = np.flatnonzero(tree.position >= 0)
    kv = branches.base_kv
    node = pgm.initialize_array("input", "node", len(rows))
    node["id"], node["u_rated"] = rows, kv[rows] * KILO
    branch = _generic_branches(pgm, branches, tree)
    source = pgm.initialize_array("input", "source", len(tree.source_vm_pu))
    source["id"] = len(kv) + len(branch) + np.arange(len(source))
    source["node"] = tree.node[tree.first[:-1]]
    source["status"], source["u_ref"], source["sk"] = 1, tree.source_vm_pu, _STIFF_VA
    shunted = np.flatnonzero((branches.shunt != 0) & (tree.position >= 0))
    shunt = pgm.initialize_array("input", "shunt", len(shunted))
    shunt["id"] = source["id"].max() + 1 + np.arange(len(shunted))
    siemens = branches.shunt[shunted] * branches.base_mva / kv[shunted] ** 2
    shunt["node"], shunt["status"] = shunted, 1
    shunt["g1"], shunt["b1"] = siemens.real, siemens.imag
    first = int(source["id"].max()) + 1 + len(shunt)
    load, parts = _loads(pgm, branches, tree, demand, first)
    tables = {"node": node, "generic_branch": branch, "source": source, "shunt": shunt}
    return pgm.PowerGridModel({**tables, "sym_load": load}), first, parts


def _generic_branches(pgm: Any, branches: Branches, tree: Tree) -> Any:
    """Those of a tree, in the order of its rows."""
    own = tree.branch[tree.branch >= 0]
    to_node = branches.to_node[own]
    branch = pgm.initialize_array("input", "generic_branch", len(own))
    ohm = branches.base_kv[to_node] ** 2 / branches.base_mva
    impedance, shunts = branches.impedance[own] * ohm, 2 * branches.shunt_to[own] / ohm
    branch["id"] = len(branches.base_kv) + np.arange(len(branch))
    branch["from_node"], branch["to_node"] = branches.from_node[own], to_node
    branch["from_status"] = branch["to_status"] = 1
    branch["r1"], branch["x1"] = impedance.real, impedance.imag
    branch["g1"], branch["b1"] = shunts.real, shunts.imag
    branch["k"], branch["theta"] = branches.ratio[own], np.deg2rad(branches.shift_degree[own])
    branch["sn"] = branches.base_mva * _VA
    return branch


def _loads(
    pgm: Any, branches: Branches, tree: Tree, demand: Demand, first: int
) -> tuple[Any, tuple[IntArray, FloatArray, FloatArray]]:
    """Up to three loads for each group: constant power, current and impedance."""
    at = np.repeat(np.arange(len(tree.node)), np.diff(demand.start))
    watts = branches.base_mva * _VA
    kinds = [getattr(pgm.LoadGenType, f"const_{of}") for of in ("power", "current", "impedance")]
    p = (demand.zip_p.T * demand.p * watts).reshape(-1)
    q = (demand.zip_q.T * demand.q * watts).reshape(-1)
    kept = np.flatnonzero((p != 0) | (q != 0))
    load = pgm.initialize_array("input", "sym_load", len(kept))
    load["id"] = first + np.arange(len(load))
    load["node"], load["status"] = np.tile(tree.node[at], 3)[kept], 1
    load["type"] = np.repeat([int(kind) for kind in kinds], len(at))[kept]
    load["p_specified"] = load["q_specified"] = 0.0
    return load, (kept % max(len(at), 1), p[kept], q[kept])


def _solve_chunk(
    pgm: Any,
    mesh: _Mesh,
    factors: FloatArray,
    start: int,
    recorded: FloatArray,
    plan: BlockPlan,
) -> None:
    group, p, q = mesh.loads
    follow = factors[mesh.demand.profile[group]].T
    update = pgm.initialize_array("update", "sym_load", follow.shape)
    update["id"] = mesh.first_load + np.arange(len(group))
    update["p_specified"], update["q_specified"] = p * follow, q * follow
    result = mesh.model.calculate_power_flow(
        update_data={"sym_load": update},
        output_component_types=["node", "generic_branch", "source"],
        continue_on_batch_error=True,
        threading=plan.threads,
        error_tolerance=max(plan.tolerance_pu, _LEAST_TOLERANCE_PU),
        calculation_method=pgm.CalculationMethod.newton_raphson,
    )
    failed = np.zeros(factors.shape[1], dtype=bool)
    if mesh.model.batch_error is not None:
        failed[mesh.model.batch_error.failed_scenarios] = True
    u = np.where(failed[:, np.newaxis], np.nan, result["node"]["u_pu"])
    v2 = (u**2)[:, mesh.order].T
    drawn = _drawn(mesh, v2, factors)
    lost = _lost(mesh, result, v2)
    tally = mesh.tally
    _mark_failed(mesh, failed, v2, drawn, lost, start)
    if tally.status[0] == CONVERGED:
        tally.served[:] += drawn.sum(axis=1)
        rows = np.flatnonzero(mesh.tree.branch >= 0)
        tally.loss[rows] += lost.sum(axis=0)
        _read_nodes(mesh, v2, start, recorded)
        _read_currents(mesh, result, start)
        _read_sources(mesh, result, start)


def _drawn(mesh: _Mesh, v2: FloatArray, factors: FloatArray) -> FloatArray:
    """What every group draws in every hour, over its power [1]: (groups, hours)."""
    demand = mesh.demand
    at = np.repeat(np.arange(len(v2)), np.diff(demand.start))
    share, vm = demand.zip_p, np.sqrt(v2[at])
    dependent = share[:, :1] + share[:, 1:2] * vm + share[:, 2:] * vm**2
    return np.asarray(factors[demand.profile] * dependent)


def _lost(mesh: _Mesh, result: Any, v2: FloatArray) -> FloatArray:
    """Loss [pu] in the series impedance of every branch in every hour: (hours, branches)."""
    tree = mesh.tree
    rows = np.flatnonzero(tree.branch >= 0)
    out = result["generic_branch"]
    taken = (out["p_from"] + out["p_to"]) / (mesh.branches.base_mva * _VA)
    near = tree.near_shunt.real[rows] * v2[tree.parent[rows]].T
    return np.asarray(taken - near - tree.far_shunt.real[rows] * v2[rows].T)


def _mark_failed(
    mesh: _Mesh, failed: BoolArray, v2: FloatArray, drawn: FloatArray, lost: FloatArray, start: int
) -> None:
    """Mark the tree by the first hour without a solution, or with one on the wrong branch."""
    least = np.where(failed, np.inf, v2.min(axis=0))
    asked = np.abs(drawn * mesh.demand.p[:, np.newaxis]).sum(axis=0)
    above = (lost.sum(axis=1) > asked) & (least < SOUND_PU**2)
    for bad, status in (
        (failed, NO_CONVERGENCE),
        (least < LEAST_PU**2, LOW_VOLTAGE),
        (above & ~failed, LOSS_ABOVE_LOAD),
    ):
        if bad.any() and mesh.tally.status[0] == CONVERGED:
            mesh.tally.status[0] = status
            mesh.tally.failed_hour[0] = start + int(np.argmax(bad))


def _read_nodes(mesh: _Mesh, v2: FloatArray, start: int, recorded: FloatArray) -> None:
    tally, gauges = mesh.tally, mesh.gauges
    tally.u2[:] += v2.sum(axis=1)
    _keep(tally.v2_min, tally.v2_min_hour, v2.min(axis=1), start + v2.argmin(axis=1), np.less)
    _keep(tally.v2_max, tally.v2_max_hour, v2.max(axis=1), start + v2.argmax(axis=1), np.greater)
    at = np.repeat(np.arange(len(v2)), np.diff(gauges.probe_start))
    beyond = gauges.probe_sign[:, np.newaxis] * v2[at] < gauges.probe_limit2[:, np.newaxis]
    tally.beyond[:] += beyond.sum(axis=1)
    kept = gauges.record_row >= 0
    recorded[gauges.record_row[kept], start : start + v2.shape[1]] = np.sqrt(v2[kept])


def _read_currents(mesh: _Mesh, result: Any, start: int) -> None:
    tree, branches, tally = mesh.tree, mesh.branches, mesh.tally
    rows = np.flatnonzero(tree.branch >= 0)
    own, out = tree.branch[rows], result["generic_branch"]
    if not len(rows):
        return
    pu = [
        out[f"i_{end}"] * SQRT3 * branches.base_kv[ends[own]] * KILO / (branches.base_mva * _VA)
        for end, ends in (("from", branches.from_node), ("to", branches.to_node))
    ]
    is_to = tree.child_is_to[rows]
    near2 = np.where(is_to, pu[0], pu[1]) ** 2 * mesh.gauges.near_factor2[rows]
    far2 = np.where(is_to, pu[1], pu[0]) ** 2 * mesh.gauges.far_factor2[rows]
    highest = np.maximum(near2, far2)
    value, hour = tally.current2[rows], tally.current_hour[rows]
    _keep(value, hour, highest.max(axis=0), start + highest.argmax(axis=0), np.greater)
    tally.current2[rows], tally.current_hour[rows] = value, hour


def _read_sources(mesh: _Mesh, result: Any, start: int) -> None:
    tally, fed = mesh.tally, result["source"]["p"] / (mesh.branches.base_mva * _VA)
    tally.fed[:] += fed.sum(axis=0)
    hour = start + fed.argmax(axis=0)
    _keep(tally.fed_max, tally.fed_max_hour, fed.max(axis=0), hour, np.greater)


def _keep(
    value: FloatArray, hour: IntArray, other: FloatArray, other_hour: IntArray, better: np.ufunc
) -> None:
    wins = better(other, value)
    value[wins], hour[wins] = other[wins], other_hour[wins]
