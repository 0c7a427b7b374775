"""Nets with loops: the hours by power-grid-model's batch solver, tallied as the sweep does.

The net goes over branch by branch as pandapower converts it (`ruralgrid.flow.radial.Branches`), so
that both engines and `pandapower.runpp` solve one and the same model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ruralgrid.errors import InputError, TopologyError
from ruralgrid.flow.arrays import LEAST_PU, LOW_VOLTAGE, NO_CONVERGENCE, Gauges, Tally, empty_tally
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import Branches, Demand, Tree
from ruralgrid.flow.radial.tree import name_branch
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["solve_meshed"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_HOURS_AT_ONCE: Final = 96
_STIFF_VA: Final = 1e25  # short-circuit power of a source that holds its voltage
_VA: Final = 1e6


@dataclass(frozen=True, eq=False)
class _Mesh:
    """What every chunk of hours needs."""

    branches: Branches
    tree: Tree
    demand: Demand
    gauges: Gauges
    model: Any
    first_load: int
    loads: tuple[IntArray, FloatArray, FloatArray]


def solve_meshed(
    net: pandapowerNet,
    branches: Branches,
    tree: Tree,
    demand: Demand,
    gauges: Gauges,
    profiles: LoadProfiles,
    hours: IntArray,
    recorded: FloatArray,
    threads: int,
) -> Tally:
    """Solve all `hours` of a net with loops; `tree` comes from `build_mesh`.

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
    mesh = _Mesh(branches, tree, demand, gauges, *_model(pgm, branches, tree, demand))
    trees = len(tree.source_vm_pu)
    tally = empty_tally(len(tree.node), len(gauges.probe_limit2), len(demand.p), trees)
    for start in range(0, len(hours), _HOURS_AT_ONCE):
        chosen = hours[start : start + _HOURS_AT_ONCE]
        factors = np.ones((len(demand.profiles_used) + 1, len(chosen)))
        factors[:-1] = profiles.values[np.ix_(demand.profiles_used, chosen)]
        _solve_chunk(pgm, mesh, factors, start, tally, recorded, threads)
    return tally


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
    branch = pgm.initialize_array("input", "generic_branch", len(branches.from_node))
    ohm = kv[branches.to_node] ** 2 / branches.base_mva
    branch["id"] = len(kv) + np.arange(len(branch))
    branch["from_node"], branch["to_node"] = branches.from_node, branches.to_node
    branch["from_status"] = branch["to_status"] = 1
    branch["r1"], branch["x1"] = branches.impedance.real * ohm, branches.impedance.imag * ohm
    shunts = 2 * branches.shunt_to / ohm
    branch["g1"], branch["b1"] = shunts.real, shunts.imag
    branch["k"], branch["theta"] = branches.ratio, np.deg2rad(branches.shift_degree)
    branch["sn"] = branches.base_mva * _VA
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
    tally: Tally,
    recorded: FloatArray,
    threads: int,
) -> None:
    group, p, q = mesh.loads
    follow = factors[mesh.demand.profile[group]].T
    update = pgm.initialize_array("update", "sym_load", follow.shape)
    update["id"] = mesh.first_load + np.arange(len(group))
    update["p_specified"], update["q_specified"] = p * follow, q * follow
    outputs = ["node", "generic_branch", "source"]
    result = mesh.model.calculate_power_flow(
        update_data={"sym_load": update},
        output_component_types=outputs,
        continue_on_batch_error=True,
        threading=threads,
        error_tolerance=1e-10,
        calculation_method=pgm.CalculationMethod.newton_raphson,
    )
    failed = np.zeros(factors.shape[1], dtype=bool)
    if mesh.model.batch_error is not None:
        failed[mesh.model.batch_error.failed_scenarios] = True
    u = np.where(failed[:, np.newaxis], np.nan, result["node"]["u_pu"])
    low = ~(np.nan_to_num(u, nan=1.0).min(axis=1) >= LEAST_PU)
    for bad, status in ((failed, NO_CONVERGENCE), (low, LOW_VOLTAGE)):
        if bad.any() and not tally.status.any():
            tally.status[:] = status
            tally.failed_hour[:] = start + int(np.argmax(bad))
    if not tally.status.any():
        _read_nodes(mesh, u, factors, start, tally, recorded)
        _read_branches(mesh, result, start, tally)


def _read_nodes(
    mesh: _Mesh, u: FloatArray, factors: FloatArray, start: int, tally: Tally, recorded: FloatArray
) -> None:
    order = np.searchsorted(np.flatnonzero(mesh.tree.position >= 0), mesh.tree.node)
    v2 = (u**2)[:, order].T
    tally.u2[:] += v2.sum(axis=1)
    _keep(tally.v2_min, tally.v2_min_hour, v2.min(axis=1), start + v2.argmin(axis=1), np.less)
    _keep(tally.v2_max, tally.v2_max_hour, v2.max(axis=1), start + v2.argmax(axis=1), np.greater)
    gauges, demand = mesh.gauges, mesh.demand
    at = np.repeat(np.arange(len(order)), np.diff(gauges.probe_start))
    beyond = gauges.probe_sign[:, np.newaxis] * v2[at] < gauges.probe_limit2[:, np.newaxis]
    tally.beyond[:] += beyond.sum(axis=1)
    at = np.repeat(np.arange(len(order)), np.diff(demand.start))
    share, vm = demand.zip_p, np.sqrt(v2[at])
    drawn = share[:, :1] + share[:, 1:2] * vm + share[:, 2:] * vm**2
    tally.served[:] += (factors[demand.profile] * drawn).sum(axis=1)
    kept = gauges.record_row >= 0
    recorded[gauges.record_row[kept], start : start + len(u)] = np.sqrt(v2[kept])


def _read_branches(mesh: _Mesh, result: Any, start: int, tally: Tally) -> None:
    tree, branches = mesh.tree, mesh.branches
    own = tree.branch[tree.branch >= 0]
    rows = np.flatnonzero(tree.branch >= 0)
    out = result["generic_branch"][:, own]
    energy = (out["p_from"] + out["p_to"]).sum(axis=0) / (branches.base_mva * _VA)
    u2 = result["node"]["u_pu"] ** 2
    order = np.searchsorted(np.flatnonzero(tree.position >= 0), tree.node)
    near, far = u2[:, order[tree.parent[rows]]].sum(axis=0), u2[:, order[rows]].sum(axis=0)
    shunts = tree.near_shunt.real[rows] * near + tree.far_shunt.real[rows] * far
    tally.loss[rows] += energy - shunts
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
    fed = result["source"]["p"] / (branches.base_mva * _VA)
    tally.fed[:] += fed.sum(axis=0)
    _keep(
        tally.fed_max, tally.fed_max_hour, fed.max(axis=0), start + fed.argmax(axis=0), np.greater
    )


def _keep(
    value: FloatArray, hour: IntArray, other: FloatArray, other_hour: IntArray, better: np.ufunc
) -> None:
    wins = better(other, value)
    value[wins], hour[wins] = other[wins], other_hour[wins]
