"""Branches in the order of a depth-first walk from the sources, with the ratios taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ruralgrid.errors import TopologyError
from ruralgrid.flow.radial.conversion import BRANCH_TABLES, Branches

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["Tree", "build_tree", "name_branch"]

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes in preorder: a parent stands before its children, a subtree is one stretch of rows.

    ::

        U_parent ──●── z ──●── U      z_k, y_k scaled by T_k: see the package's docstring
                   │       │
               near_shunt  far_shunt  (both already contained in y of their node)

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
    first : int array (trees + 1,)
        Where each tree begins; the last entry is the number of positions.
    source_vm_pu : array (trees,)
        Voltage of each tree's source [pu].
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
    first: IntArray
    source_vm_pu: FloatArray


def build_tree(net: pandapowerNet, branches: Branches) -> Tree:
    """Order `branches` as trees below their sources.

    Raises
    ------
    TopologyError
        A branch closes a loop or joins two sources; names it.
    """
    node, parent, depth, branch, first, vm_pu = _walk(net, branches)
    position = np.full(len(branches.base_kv), -1, dtype=np.int64)
    position[node] = np.arange(len(node))
    below = branch >= 0
    own = branch[below]
    child_is_to = np.zeros(len(node), dtype=bool)
    child_is_to[below] = branches.to_node[own] == node[below]
    ratio = _ratios(parent, branch, child_is_to, branches.ratio)
    z, near, far = np.zeros((3, len(node)), dtype=complex)
    behind_ratio = np.where(child_is_to, ratio, ratio[parent])[below]  # T at the branch's to side
    z[below] = branches.impedance[own] / behind_ratio**2
    to_child = child_is_to[below]
    at_child = np.where(to_child, branches.shunt_to[own], branches.shunt_from[own])
    at_parent = np.where(to_child, branches.shunt_from[own], branches.shunt_to[own])
    far[below] = at_child * behind_ratio**2
    near[below] = at_parent * behind_ratio**2
    y = branches.shunt[node] * ratio**2 + far
    np.add.at(y, parent[below], near[below])
    return Tree(
        node, position, parent, depth, branch, ratio, z, y, near, far, child_is_to, first, vm_pu
    )


def name_branch(net: pandapowerNet, branches: Branches, branch: int) -> str:
    """An element as a reader of the net knows it: ``line 7 ('trunk 3')``."""
    table = BRANCH_TABLES[branches.kind[branch]]
    index = net[table].index[branches.row[branch]]
    name = net[table].at[index, "name"] if "name" in net[table] else None
    return f"{table} {index} ({name!r})" if isinstance(name, str) and name else f"{table} {index}"


def _walk(
    net: pandapowerNet, branches: Branches
) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray, FloatArray]:
    """Depth-first, children in the order of their nodes, so that row order changes nothing."""
    start, neighbour, via = _adjacency(branches)
    seen = np.zeros(len(branches.base_kv), dtype=bool)
    roots, which = np.unique(branches.source_node, return_index=True)
    walked: list[tuple[int, int, int, int]] = []
    first = [0]
    for root in roots.tolist():
        if seen[root]:
            raise TopologyError(f"two external grids feed the same part of the net: {_feeds(net)}")
        stack = [(root, -1, 0, -1)]
        seen[root] = True
        while stack:
            node, parent, depth, arrived = stack.pop()
            here = len(walked)
            walked.append((node, parent, depth, arrived))
            for other, branch in _neighbours(start, neighbour, via, node):
                if branch == arrived:
                    continue
                if seen[other]:
                    raise TopologyError(
                        f"{name_branch(net, branches, branch)} closes a loop; the radial engine "
                        "takes trees only (open a tie, or use engine='auto')"
                    )
                seen[other] = True
                stack.append((other, here, depth + 1, branch))
        first.append(len(walked))
    table = np.array(walked, dtype=np.int64).reshape(-1, 4)
    vm_pu = branches.source_vm_pu[which]
    return (*table[:, [0, 1, 2, 3]].T.copy(), np.array(first), vm_pu)


def _feeds(net: pandapowerNet) -> str:
    return ", ".join(f"ext_grid {i}" for i in net.ext_grid.index[net.ext_grid["in_service"]])


def _adjacency(branches: Branches) -> tuple[list[int], list[int], list[int]]:
    ends = np.concatenate([branches.from_node, branches.to_node])
    others = np.concatenate([branches.to_node, branches.from_node])
    via = np.tile(np.arange(len(branches.from_node)), 2)
    order = np.lexsort((via, -others, ends))  # the stack turns the order round
    start = np.searchsorted(ends[order], np.arange(len(branches.base_kv) + 1))
    return start.tolist(), others[order].tolist(), via[order].tolist()


def _neighbours(
    start: list[int], neighbour: list[int], via: list[int], node: int
) -> zip[tuple[int, int]]:
    rows = slice(start[node], start[node + 1])
    return zip(neighbour[rows], via[rows], strict=True)


def _ratios(
    parent: IntArray, branch: IntArray, child_is_to: npt.NDArray[np.bool_], own: FloatArray
) -> FloatArray:
    """T of every position: divided by a ratio on the way from its from to its to end."""
    ratio = np.ones(len(parent))
    for here in range(len(parent)):
        if branch[here] >= 0:
            step = own[branch[here]]
            above = ratio[parent[here]]
            ratio[here] = above / step if child_is_to[here] else above * step
    return ratio
