"""Parts of a tree that have no solution by themselves, and the tree without them.

A county is one tree. Where one transformer area asks for more than its transformer and wires can
carry, the load flow of the whole tree has no solution, though nothing else is amiss. Each area is
then solved alone, at full voltage above its transformer; those that fail even so are cut off, and
the rest is solved without them. If that does not do, areas are tried at lower and lower voltages,
and after those the larger parts below the transformers above. Where several branches leave a busbar
(a source's or a transformer's low-voltage side), each is a feeder, and tried by itself before the
transformer: a feeder that has no solution does not take down those beside it. The rest is solved as
if the part were opened at its head: its first line or transformer is off, charging included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ruralgrid.flow.arrays import CONVERGED, Tally
from ruralgrid.flow.radial import Branches, Demand, Tree
from ruralgrid.flow.radial.conversion import BRANCH_TABLES

__all__ = ["NOTHING_CUT", "Cut", "solve_without_failing"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Solve = Callable[[Tree, Demand], Tally]

_VOLTAGES_PU = (1.0, 0.95, 0.9, 0.85, 0.8)


@dataclass(frozen=True, eq=False)
class Cut:
    """What was cut off a tree so that the rest has a solution.

    Attributes
    ----------
    root, size : int arrays (parts,)
        First position and number of positions of each part.
    status, failed_hour : int arrays (parts,)
        Why and where in the year the part failed.
    """

    root: IntArray
    size: IntArray
    status: IntArray
    failed_hour: IntArray

    def positions(self, count: int) -> BoolArray:
        """Whether each of `count` positions is in a part that was cut off."""
        edge = np.zeros(count + 1, dtype=np.int64)
        np.add.at(edge, self.root, 1)
        np.add.at(edge, self.root + self.size, -1)
        return np.cumsum(edge[:-1]) > 0


_NOTHING = np.zeros(0, dtype=np.int64)
NOTHING_CUT = Cut(_NOTHING, _NOTHING, _NOTHING, _NOTHING)
"""The cut of a net that is solved as it stands."""


def solve_without_failing(
    branches: Branches, tree: Tree, demand: Demand, solve: Solve, solve_part: Solve
) -> tuple[Tally, Cut]:
    """Solve a forest; where a tree has no solution, solve it without the parts that have none.

    Parameters
    ----------
    branches, tree, demand
        The net.
    solve, solve_part : callable
        Solve all hours of a whole forest, and of parts of it.

    Returns
    -------
    tally, cut
        A tree that has no solution even so is marked in the tally.
    """
    cut = NOTHING_CUT
    tally = solve(tree, demand)
    tries = _tries(branches, tree)
    while np.any(tally.status != CONVERGED):
        step = next(tries, None)
        if step is None:
            return solve(tree, demand), NOTHING_CUT
        candidates = _candidates(tree, tally, cut, step[0])
        found = _failing(tree, demand, candidates, step[1], solve_part)
        if len(found.root):
            cut = _joined(cut, found)
            tally = solve(*_without(tree, demand, cut))
    return tally, cut


def _tries(branches: Branches, tree: Tree) -> Iterator[tuple[IntArray, float]]:
    """Parts with no transformer below them first, each level at falling voltages.

    At one voltage, the feeders of a busbar are tried before the transformer that feeds it.
    """
    is_root = _is_transformer(branches, tree)
    is_head = _is_feeder_head(tree, is_root)
    level = np.zeros(len(tree.node), dtype=np.int64)
    for here in range(len(tree.node) - 1, -1, -1):
        if tree.parent[here] >= 0:
            above = tree.parent[here]
            level[above] = max(level[above], level[here] + is_root[here])
    for height in np.unique(level[is_root | is_head]):
        for voltage_pu in _VOLTAGES_PU:
            for kind in (is_head, is_root):
                yield np.flatnonzero(kind & (level == height)), voltage_pu


def _is_transformer(branches: Branches, tree: Tree) -> BoolArray:
    """Whether the branch above each position is a transformer."""
    below = tree.branch >= 0
    kinds = [BRANCH_TABLES.index(table) for table in ("trafo", "trafo3w")]
    found = np.zeros(len(tree.node), dtype=bool)
    found[below] = np.isin(branches.kind[tree.branch[below]], kinds)
    return found


def _is_feeder_head(tree: Tree, is_transformer: BoolArray) -> BoolArray:
    """Whether a line leaves a busbar here, one of several branches below a source or transformer.

    A feeder that is alone at its busbar is no part of its own: it stands with its transformer.
    """
    below = tree.parent >= 0
    is_busbar = is_transformer | ~below
    branches_below = np.bincount(tree.parent[below], minlength=len(tree.node))
    several = is_busbar & (branches_below > 1)
    return below & ~is_transformer & several[tree.parent]


def _sizes(tree: Tree, roots: IntArray) -> IntArray:
    """Number of positions in the subtree of each root."""
    size = np.ones(len(tree.node), dtype=np.int64)
    for here in range(len(tree.node) - 1, -1, -1):
        if tree.parent[here] >= 0:
            size[tree.parent[here]] += size[here]
    return size[roots]


def _candidates(tree: Tree, tally: Tally, cut: Cut, roots: IntArray) -> IntArray:
    """Roots in trees that failed, but for what is cut off already."""
    failed = np.repeat(tally.status != CONVERGED, np.diff(tree.first))
    return roots[failed[roots] & ~cut.positions(len(tree.node))[roots]]


def _failing(
    tree: Tree, demand: Demand, roots: IntArray, voltage_pu: float, solve_part: Solve
) -> Cut:
    """Those of the parts below `roots` that have no solution at `voltage_pu` above them."""
    if not len(roots):
        return NOTHING_CUT
    size = _sizes(tree, roots)
    rows = np.concatenate([np.arange(root, root + n) for root, n in zip(roots, size, strict=True)])
    number = np.searchsorted(tree.first, roots, side="right") - 1
    part = replace(
        tree,
        node=tree.node[rows],
        depth=tree.depth[rows] - np.repeat(tree.depth[roots], size),
        parent=tree.parent[rows],
        ratio=tree.ratio[rows],
        z=tree.z[rows],
        y=tree.y[rows],
        is_area=tree.is_area[rows],
        unit=tree.unit[rows],
        taps=replace(tree.taps, position=_positions_of(tree.unit[rows], len(tree.changers.row))),
        first=np.concatenate([[0], np.cumsum(size)]),
        source_vm_pu=tree.source_vm_pu[number] * voltage_pu,
    )
    tally = solve_part(part, _demand_of(demand, rows))
    bad = tally.status != CONVERGED
    return Cut(roots[bad], size[bad], tally.status[bad], tally.failed_hour[bad])


def _demand_of(demand: Demand, rows: IntArray) -> Demand:
    count = np.diff(demand.start)[rows]
    start = np.concatenate([[0], np.cumsum(count)])
    groups = np.repeat(demand.start[rows] - start[:-1], count) + np.arange(start[-1])
    return replace(
        demand,
        start=start,
        profile=demand.profile[groups],
        p=demand.p[groups],
        q=demand.q[groups],
        zip_p=demand.zip_p[groups],
        zip_q=demand.zip_q[groups],
    )


def _positions_of(unit: IntArray, units: int) -> IntArray:
    position = np.full(units, -1, dtype=np.int64)
    position[unit[unit >= 0]] = np.flatnonzero(unit >= 0)
    return position


def _joined(cut: Cut, found: Cut) -> Cut:
    """Both; a part within a larger one goes with it."""
    root = np.concatenate([cut.root, found.root])
    size = np.concatenate([cut.size, found.size])
    end = root + size
    inside = [
        bool(np.any((root <= r) & (end >= e) & (size > e - r)))
        for r, e in zip(root, end, strict=True)
    ]
    keep = ~np.array(inside)
    return Cut(
        root[keep],
        size[keep],
        np.concatenate([cut.status, found.status])[keep],
        np.concatenate([cut.failed_hour, found.failed_hour])[keep],
    )


def _without(tree: Tree, demand: Demand, cut: Cut) -> tuple[Tree, Demand]:
    """The forest with nothing drawn in the parts cut off, and the branches at their heads off."""
    off = cut.positions(len(tree.node))
    y = np.where(off, 0.0, tree.y)
    np.subtract.at(y, tree.parent[cut.root], tree.near_shunt[cut.root])
    group_off = np.repeat(off, np.diff(demand.start))
    unit = np.where(off, -1, tree.unit)
    taps = replace(tree.taps, position=_positions_of(unit, len(tree.changers.row)))
    return (
        replace(tree, y=y, z=np.where(off, 0.0, tree.z), unit=unit, taps=taps),
        replace(demand, p=np.where(group_off, 0.0, demand.p), q=np.where(group_off, 0.0, demand.q)),
    )
