"""Where a year is measured: limits at buses, currents at branch ends, recorded voltages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ruralgrid.errors import InputError
from ruralgrid.flow.arguments import limit_per_bus, require_limits
from ruralgrid.flow.arrays import Gauges
from ruralgrid.flow.radial import Branches, Tree
from ruralgrid.flow.radial.conversion import BRANCH_TABLES
from ruralgrid.units import SQRT3

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["Probes", "end_factors", "no_gauges", "place_gauges", "place_probes", "position_of_bus"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Probes:
    """Which probe counts for which bus and limit, and which buses are recorded.

    Attributes
    ----------
    column : dict of str to int array (rows of net.bus,)
        For each column ``hours_below_*`` or ``hours_above_*`` the probe of each bus, -1: none.
    start, limit_pu, is_low : arrays
        Probes of position k are rows ``start[k]:start[k + 1]``.
    recorded_row, recorded_position : int arrays
        Rows of net.bus asked for, and positions recorded (each once, in order).
    """

    column: dict[str, IntArray]
    start: IntArray
    limit_pu: FloatArray
    is_low: npt.NDArray[np.bool_]
    recorded_row: IntArray
    recorded_position: IntArray


def position_of_bus(branches: Branches, tree: Tree) -> IntArray:
    """Position of each row of net.bus in the tree, -1 where it is not supplied."""
    node = branches.node_of_bus
    return np.where(node >= 0, tree.position[node], -1)


def place_probes(
    net: pandapowerNet,
    branches: Branches,
    tree: Tree,
    low_limits_pu: Mapping[str, float | npt.ArrayLike],
    high_limits_pu: Mapping[str, float | npt.ArrayLike],
    record_buses: Iterable[int] | Literal["all"] | None,
) -> Probes:
    """One probe for every distinct limit at a position, shared by all that ask for it."""
    position = position_of_bus(branches, tree)
    asked: dict[str, tuple[FloatArray, bool]] = {}
    require_limits("low_limits_pu", low_limits_pu)
    require_limits("high_limits_pu", high_limits_pu)
    for limits, side, is_low in (
        (low_limits_pu, "below", True),
        (high_limits_pu, "above", False),
    ):
        for name, limit in limits.items():
            asked[f"hours_{side}_{name}"] = limit_per_bus(net, name, limit), is_low
    keys = [
        np.column_stack([position, limit, np.full(len(position), is_low)])
        for limit, is_low in asked.values()
    ]
    table = np.concatenate(keys) if keys else np.zeros((0, 3))
    wanted = (table[:, 0] >= 0) & np.isfinite(table[:, 1])
    order = np.flatnonzero(wanted)[np.lexsort(table[wanted].T[::-1])]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = np.any(np.diff(table[order], axis=0) != 0, axis=1)
    probe = np.full(len(table), -1, dtype=np.int64)
    probe[order] = np.cumsum(is_new) - 1
    unique = table[order[is_new]]
    rows = _recorded_rows(net, record_buses)
    supplied = position[rows]
    return Probes(
        column=dict(zip(asked, probe.reshape(len(asked), len(position)), strict=True)),
        start=np.searchsorted(unique[:, 0], np.arange(len(tree.node) + 1)),
        limit_pu=unique[:, 1].copy(),
        is_low=unique[:, 2].astype(bool),
        recorded_row=rows,
        recorded_position=np.unique(supplied[supplied >= 0]),
    )


def _recorded_rows(
    net: pandapowerNet, record_buses: Iterable[int] | Literal["all"] | None
) -> IntArray:
    if record_buses is None:
        return np.zeros(0, dtype=np.int64)
    if isinstance(record_buses, str):
        if record_buses != "all":
            raise InputError(f"expected bus indices or 'all', got {record_buses!r}", "record_buses")
        return np.arange(len(net.bus))
    if not isinstance(record_buses, Iterable):
        raise InputError(f"expected bus indices or 'all', got {record_buses!r}", "record_buses")
    asked = list(dict.fromkeys(record_buses))  # each once
    rows = net.bus.index.get_indexer(asked)
    if np.any(rows < 0):
        odd = asked[int(np.argmin(rows))]
        raise InputError(
            f"there is no bus {odd!r}; expected indices of net.bus, not names", "record_buses"
        )
    return rows.astype(np.int64)


def place_gauges(net: pandapowerNet, branches: Branches, tree: Tree, probes: Probes) -> Gauges:
    """The kernel's gauges: limits squared, branch-end shunts and current factors squared."""
    record_row = np.full(len(tree.node), -1, dtype=np.int64)
    record_row[probes.recorded_position] = np.arange(len(probes.recorded_position))
    near, far = _position_factors(net, branches, tree)
    sign = np.where(probes.is_low, 1.0, -1.0)
    return Gauges(
        near_yr=tree.near_shunt.real.copy(),
        near_yi=tree.near_shunt.imag.copy(),
        far_yr=tree.far_shunt.real.copy(),
        far_yi=tree.far_shunt.imag.copy(),
        near_factor2=near**2,
        far_factor2=far**2,
        probe_start=probes.start,
        probe_limit2=sign * probes.limit_pu**2,
        probe_sign=sign,
        record_row=record_row,
    )


def no_gauges(tree: Tree) -> Gauges:
    """Gauges that measure nothing but what every tally holds."""
    zero = np.zeros(len(tree.node))
    none = np.zeros(0)
    return Gauges(
        zero, zero, zero, zero, zero, zero,
        probe_start=np.zeros(len(tree.node) + 1, dtype=np.int64),
        probe_limit2=none,
        probe_sign=none,
        record_row=np.full(len(tree.node), -1, dtype=np.int64),
    )  # fmt: skip


def end_factors(net: pandapowerNet, branches: Branches) -> tuple[FloatArray, FloatArray]:
    """What one pu of current at a branch's from and to end means: kA, or percent of a rating.

    Lines (and all else that has no rating of its own) in kA; transformers in percent of the rated
    current of the winding at that end, as pandapower's ``loading_percent`` by current.
    The star point of a three-winding transformer has no rating: 0.
    """
    from_ka = branches.base_mva / (SQRT3 * branches.base_kv[branches.from_node])
    to_ka = branches.base_mva / (SQRT3 * branches.base_kv[branches.to_node])
    for table, rate in (("trafo", _rate_trafo), ("trafo3w", _rate_trafo3w)):
        here = branches.kind == BRANCH_TABLES.index(table)
        if here.any():
            from_rate, to_rate = rate(net, branches, here)
            from_ka[here] *= from_rate
            to_ka[here] *= to_rate
    return from_ka, to_ka


def _rate_trafo(
    net: pandapowerNet, branches: Branches, here: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    trafo = net.trafo.iloc[branches.row[here]]
    rated = (trafo["sn_mva"] * trafo["parallel"] * trafo["df"]).to_numpy(dtype=float)
    percent_kv = 100 * SQRT3 / rated
    return (
        trafo["vn_hv_kv"].to_numpy(dtype=float) * percent_kv,
        trafo["vn_lv_kv"].to_numpy(dtype=float) * percent_kv,
    )


def _rate_trafo3w(
    net: pandapowerNet, branches: Branches, here: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    trafo, leg = net.trafo3w.iloc[branches.row[here]], branches.leg[here]
    sides = np.stack(
        [
            100 * SQRT3 * (trafo[f"vn_{side}_kv"] / trafo[f"sn_{side}_mva"]).to_numpy(dtype=float)
            for side in ("hv", "mv", "lv")
        ]
    )
    own = sides[leg, np.arange(len(leg))]
    return np.where(leg == 0, own, 0.0), np.where(leg == 0, 0.0, own)


def _position_factors(
    net: pandapowerNet, branches: Branches, tree: Tree
) -> tuple[FloatArray, FloatArray]:
    """`end_factors` at the parent's and the child's end, the scaling of currents by T undone."""
    from_end, to_end = end_factors(net, branches)
    near, far = np.zeros((2, len(tree.node)))
    below = tree.branch >= 0
    own, to_child = tree.branch[below], tree.child_is_to[below]
    near[below] = np.where(to_child, from_end[own], to_end[own]) / tree.ratio[tree.parent[below]]
    far[below] = np.where(to_child, to_end[own], from_end[own]) / tree.ratio[below]
    return near, far
