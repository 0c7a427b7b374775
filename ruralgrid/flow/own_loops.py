"""What the frames tell of branches whose two ends are one electrical node: shunts at that node."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ruralgrid.flow.gauges import end_factors
from ruralgrid.flow.radial.conversion import BRANCH_TABLES

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.flow.arrays import Tally
    from ruralgrid.flow.radial import Branches, Tree

__all__ = ["LoopResults", "read_own_loops"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LoopResults:
    """Own loops of one table that a source reaches.

    Attributes
    ----------
    row, position : int arrays
        Row of the table, and position in the tree.
    loss : array
        Loss [pu h].
    peak, hour : arrays
        Highest current (kA, or percent of the rating of a transformer) and the hour of it, which is
        that of the highest voltage.
    """

    row: IntArray
    position: IntArray
    loss: FloatArray
    peak: FloatArray
    hour: IntArray


def read_own_loops(
    net: pandapowerNet, branches: Branches, tree: Tree, tally: Tally, table: str
) -> LoopResults:
    """What the own loops of ``net[table]`` lose and carry."""
    loops = branches.own_loops
    here = (loops.kind == BRANCH_TABLES.index(table)) & (tree.position[loops.node] >= 0)
    node, position = loops.node[here], tree.position[loops.node[here]]
    as_branches = replace(
        branches,
        from_node=node,
        to_node=node,
        kind=loops.kind[here],
        row=loops.row[here],
        leg=np.zeros(len(node), dtype=np.int64),
    )
    at_from, at_to = loops.at_from[here], loops.at_to[here]
    from_end, to_end = end_factors(net, as_branches)
    per_volt = np.maximum(np.abs(at_from) * from_end, np.abs(at_to) * to_end)
    return LoopResults(
        row=loops.row[here],
        position=position,
        loss=(at_from + at_to).real * tree.ratio[position] ** 2 * tally.u2[position],
        peak=per_volt * np.sqrt(np.maximum(tally.v2_max[position], 0.0)),
        hour=tally.v2_max_hour[position],
    )
