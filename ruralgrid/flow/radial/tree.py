"""Branches in the order of a depth-first walk from the sources, with the ratios taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ruralgrid.errors import TopologyError
from ruralgrid.flow.radial.conversion import BRANCH_TABLES, Branches
from ruralgrid.flow.radial.order import depth_first, ends_of_subtrees, ratios_below
from ruralgrid.flow.radial.tap_changers import NO_TAP_CHANGERS, TapChangers

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["Taps", "Tree", "build_mesh", "build_tree", "has_loops", "name_branch"]

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Taps:
    """What every tap of the regulated transformers is in a tree: U = a U_parent - z J.

    The parent is handed a J + near U_parent. Units and rows are those of `TapChangers`.

    Attributes
    ----------
    position : int array (units,)
        Where each unit stands in the tree.
    holds_child : bool array (units,)
        Whether it holds the voltage at its own position; else its parent's.
    scale : array (units,)
        T where the voltage is held: V = T U.
    a : array (taps,)
        The ratio taken out over the ratio of the tap, or its inverse against the branch [1].
    z, near, far : complex arrays (taps,)
        Scaled impedance, and shunts at the parent's and at the child's end [pu].
    """

    position: IntArray
    holds_child: npt.NDArray[np.bool_]
    scale: FloatArray
    a: FloatArray
    z: ComplexArray
    near: ComplexArray
    far: ComplexArray


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes in preorder: a parent stands before its children, a subtree is one stretch of rows.

    ::

        U_parent ──●── z ──●── U      z_k, y_k scaled by T_k: see the package's docstring
                   │       │
               near_shunt  far_shunt  (both already contained in y of their node)

    A regulated transformer has no shunts here: they are those of its tap, in `taps`.

    Attributes
    ----------
    node : int array (positions,)
        The node of `Branches` at each position.
    position : int array (nodes,)
        Where each node stands, -1 if no source reaches it.
    parent, depth, branch : int arrays (positions,)
        Position of the parent, distance in branches, index of the branch above (-1 at a source).
    ratio : array (positions,)
        T, the product of the off-nominal ratios from the source [1]: V = T U.
    z, y, near_shunt, far_shunt : complex arrays (positions,)
        Scaled series impedance of the branch to the parent, sum of all shunts at the node, and the
        branch's own shunts at its parent's and at its child's end [pu].
    child_is_to : bool array (positions,)
        Whether the branch's to end is here, at the child.
    is_area : bool array (positions,)
        Whether the branch above is a transformer with no other transformer below, if not regulated.
    unit : int array (positions,)
        Number of the regulated transformer above, -1: none.
    first : int array (trees + 1,)
        Where each tree begins; the last entry is the number of positions.
    source_vm_pu : array (trees,)
        Voltage of each tree's source [pu].
    changers, taps : TapChangers, Taps
        The regulated transformers.
    """

    node: IntArray
    position: IntArray
    parent: IntArray
    depth: IntArray
    branch: IntArray
    ratio: FloatArray
    z: ComplexArray
    y: ComplexArray
    near_shunt: ComplexArray
    far_shunt: ComplexArray
    child_is_to: npt.NDArray[np.bool_]
    is_area: npt.NDArray[np.bool_]
    unit: IntArray
    first: IntArray
    source_vm_pu: FloatArray
    changers: TapChangers
    taps: Taps


def build_tree(
    net: pandapowerNet, branches: Branches, changers: TapChangers = NO_TAP_CHANGERS
) -> Tree:
    """Order `branches` as trees below their sources; the taps of `changers` move by the hour.

    Raises
    ------
    TopologyError
        A branch closes a loop or joins two sources; names it.
    """
    node, parent, depth, branch, first, closing = _walk(net, branches)
    if len(closing):
        name = name_branch(net, branches, int(closing[0, 0]))
        raise TopologyError(
            f"{name} closes a loop; the radial engine takes trees only (open a tie, or use "
            "engine='auto')"
        )
    child_is_to = _child_is_to(branches, node, branch)
    ratio = _ratios(parent, branch, child_is_to, branches.ratio)
    behind_ratio = np.where(child_is_to, ratio, ratio[parent])  # T at the branch's to side
    near, far = _end_shunts(branches, branch, child_is_to, behind_ratio**2, behind_ratio**2)
    unit = _units(branch, changers)
    near, far = np.where(unit < 0, near, 0), np.where(unit < 0, far, 0)
    z = np.zeros(len(node), dtype=complex)
    below = branch >= 0
    z[below] = branches.impedance[branch[below]] / behind_ratio[below] ** 2
    y = branches.shunt[node] * ratio**2 + far
    np.add.at(y, parent[below], near[below])
    return Tree(
        node, _positions(branches, node), parent, depth, branch, ratio, z, y, near, far,
        child_is_to, _area_roots(branches, depth, branch) & (unit < 0), unit, first,
        _source_vm_pu(branches, node[first[:-1]]), changers,
        _scaled_taps(branches, changers, unit, child_is_to, ratio),
    )  # fmt: skip


def _units(branch: IntArray, changers: TapChangers) -> IntArray:
    """The unit above each position; units stand in the order of their branches."""
    if not len(changers.branch):
        return np.full(len(branch), -1, dtype=np.int64)
    number = np.minimum(np.searchsorted(changers.branch, branch), len(changers.branch) - 1)
    return np.where(changers.branch[number] == branch, number, -1)


def _scaled_taps(
    branches: Branches,
    changers: TapChangers,
    unit: IntArray,
    child_is_to: npt.NDArray[np.bool_],
    ratio: FloatArray,
) -> Taps:
    """The taps with T taken out, whichever end of their branch is above."""
    position = np.full(len(changers.branch), -1, dtype=np.int64)
    position[unit[unit >= 0]] = np.flatnonzero(unit >= 0)
    down = child_is_to[position]
    own = np.repeat(np.arange(len(position)), np.diff(changers.start))
    along = down[own]
    own_ratio = branches.ratio[changers.branch]
    relative = changers.ratio / own_ratio[own]  # 1 at the tap taken out
    to_side = (ratio[position] / np.where(down, 1.0, own_ratio))[own] ** 2
    above = ratio[position] * np.where(down, own_ratio, 1 / own_ratio)
    holds_child = changers.holds_to == down
    a: FloatArray = np.where(along, 1 / relative, relative)
    shunts = (changers.shunt_from * to_side, changers.shunt_to * to_side)
    z = changers.impedance / to_side * np.where(along, 1.0, a**2)
    return Taps(
        position=position,
        holds_child=holds_child,
        scale=np.where(holds_child, ratio[position], above),
        a=a,
        z=z,
        near=np.where(along, a**2 * shunts[0], shunts[1]),
        far=np.where(along, shunts[1], shunts[0] / a**2),
    )


def build_mesh(net: pandapowerNet, branches: Branches) -> Tree:
    """The same rows for a net with loops, nothing scaled: a row more for every closing branch.

    The rows say who stands where; `ratio` is 1 throughout, and `z` and `y` are left empty. Rows of
    closing branches stand at the end of their tree; their node is the end that has a row of its own
    already, which is the one that `position` tells.
    """
    node, parent, depth, branch, first, extra = _walk(net, branches)
    own = _positions(branches, node)
    number = np.repeat(np.arange(len(first) - 1), np.diff(first))
    number = np.concatenate([number, number[own[extra[:, 1]]]])
    order = np.argsort(number, kind="stable")
    row = np.empty(len(order), dtype=np.int64)
    row[order] = np.arange(len(order))
    position = np.where(own >= 0, row[own], -1)
    parent = np.concatenate([parent, own[extra[:, 2]]])[order]
    parent = np.where(parent >= 0, row[parent], -1)
    node = np.concatenate([node, extra[:, 1]])[order]
    branch = np.concatenate([branch, extra[:, 0]])[order]
    depth = np.concatenate([depth, np.zeros(len(extra), dtype=np.int64)])[order]
    first = np.searchsorted(number[order], np.arange(len(first)))
    child_is_to = _child_is_to(branches, node, branch)
    at_from = np.ones(len(node))
    at_from[branch >= 0] = 1 / branches.ratio[branch[branch >= 0]] ** 2
    near, far = _end_shunts(branches, branch, child_is_to, at_from, np.ones(len(node)))
    nothing = np.zeros(len(node), dtype=complex)
    return Tree(
        node, position, parent, depth, branch, np.ones(len(node)), nothing, nothing, near, far,
        child_is_to, np.zeros(len(node), dtype=bool), np.full(len(node), -1), first,
        _source_vm_pu(branches, node[first[:-1]]), NO_TAP_CHANGERS,
        _scaled_taps(branches, NO_TAP_CHANGERS, node[:0], child_is_to, np.ones(1)),
    )  # fmt: skip


def _area_roots(branches: Branches, depth: IntArray, branch: IntArray) -> npt.NDArray[np.bool_]:
    """Positions below a transformer that have no other one further down."""
    is_transformer = np.zeros(len(branch), dtype=bool)
    is_transformer[branch >= 0] = branches.kind[branch[branch >= 0]] == BRANCH_TABLES.index("trafo")
    met = np.cumsum(is_transformer)
    return is_transformer & (met[ends_of_subtrees(depth) - 1] == met)


def has_loops(branches: Branches) -> bool:
    """Whether a fed branch closes a loop: no tree has as many branches as nodes."""
    ends, count = (branches.from_node, branches.to_node), len(branches.base_kv)
    joined = coo_array((np.ones(len(ends[0])), ends), shape=(count, count))
    part = connected_components(joined, directed=False)[1]
    nodes, edges = np.bincount(part), np.bincount(part[ends[0]], minlength=part.max() + 1)
    fed = part[branches.source_node]
    return bool(np.any(edges[fed] >= nodes[fed]))


def _positions(branches: Branches, node: IntArray) -> IntArray:
    position = np.full(len(branches.base_kv), -1, dtype=np.int64)
    position[node] = np.arange(len(node))
    return position


def _source_vm_pu(branches: Branches, roots: IntArray) -> FloatArray:
    order = np.argsort(branches.source_node, kind="stable")
    at = np.searchsorted(branches.source_node[order], roots)
    return branches.source_vm_pu[order][at]


def _child_is_to(branches: Branches, node: IntArray, branch: IntArray) -> npt.NDArray[np.bool_]:
    below = branch >= 0
    is_to = np.zeros(len(node), dtype=bool)
    is_to[below] = branches.to_node[branch[below]] == node[below]
    return is_to


def _end_shunts(
    branches: Branches,
    branch: IntArray,
    child_is_to: npt.NDArray[np.bool_],
    scale_from: FloatArray,
    scale_to: FloatArray,
) -> tuple[ComplexArray, ComplexArray]:
    """Shunts of the branch above each row, at its parent's and at its child's end."""
    at_from, at_to = np.zeros((2, len(branch)), dtype=complex)
    below = branch >= 0
    at_from[below] = branches.shunt_from[branch[below]] * scale_from[below]
    at_to[below] = branches.shunt_to[branch[below]] * scale_to[below]
    return np.where(child_is_to, at_from, at_to), np.where(child_is_to, at_to, at_from)


def name_branch(net: pandapowerNet, branches: Branches, branch: int) -> str:
    """An element as a reader of the net knows it: ``line 7 ('trunk 3')``."""
    table = BRANCH_TABLES[branches.kind[branch]]
    index = net[table].index[branches.row[branch]]
    name = net[table].at[index, "name"] if "name" in net[table] else None
    return f"{table} {index} ({name!r})" if isinstance(name, str) and name else f"{table} {index}"


def _walk(
    net: pandapowerNet, branches: Branches
) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray, IntArray]:
    """Depth-first, children in the order of their nodes, so that row order changes nothing.

    Last come the branches that close a loop, with their two nodes.
    """
    roots = np.unique(branches.source_node)
    rows, first, closing = depth_first(*_adjacency(branches), roots)
    if len(first) <= len(roots):
        raise TopologyError(f"two external grids feed the same part of the net: {_feeds(net)}")
    node, parent, depth, branch = rows.T.copy()
    return node, parent, depth, branch, first, closing


def _feeds(net: pandapowerNet) -> str:
    return ", ".join(f"ext_grid {i}" for i in net.ext_grid.index[net.ext_grid["in_service"]])


def _adjacency(branches: Branches) -> tuple[IntArray, IntArray, IntArray]:
    both = np.column_stack([branches.from_node, branches.to_node])
    ends, others, nodes = both.ravel(), both[:, ::-1].ravel(), len(branches.base_kv)
    # the walk turns the order round: of a node's neighbours the last one first, then by branch
    order = np.argsort(ends * nodes - others, kind="stable")
    start = np.searchsorted(ends[order], np.arange(nodes + 1))
    return start, others[order], order // 2


def _ratios(
    parent: IntArray, branch: IntArray, child_is_to: npt.NDArray[np.bool_], own: FloatArray
) -> FloatArray:
    """T of every position: divided by a ratio on the way from its from to its to end."""
    step = np.ones(len(parent))
    step[branch >= 0] = own[branch[branch >= 0]]
    ratio: FloatArray = ratios_below(parent, child_is_to, step)
    return ratio
