"""Orders of a tree: loops over all positions that no array operation does."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# numba infers the types

from __future__ import annotations

import numpy as np

from ruralgrid.flow.compiled import compiled

__all__ = ["depth_first", "ends_of_subtrees", "ratios_below"]


@compiled
def depth_first(start, neighbour, via, roots):
    """Walk a graph depth-first from its roots; of the neighbours of a node, the last one first.

    Parameters
    ----------
    start, neighbour, via : int arrays (nodes + 1,), (ends,), (ends,)
        Neighbours of node i, and the branches that lead there, are rows ``start[i]:start[i + 1]``.
    roots : int array (trees,)

    Returns
    -------
    rows : int array (positions, 4)
        Node, position of its parent (-1: none), depth, and branch from the parent (-1: none).
    first : int array (trees + 1,)
        First position of each tree; fewer trees than roots: the root after them was met before.
    closing : int array (closing branches, 3)
        Branches that close a loop, the node that they were met from, and the other one.
    """
    nodes = len(start) - 1
    rows, stack = np.empty((nodes, 4), dtype=np.int64), np.empty((nodes, 4), dtype=np.int64)
    first = np.zeros(len(roots) + 1, dtype=np.int64)
    closing = np.empty((len(via), 3), dtype=np.int64)
    seen, closes = np.zeros(nodes, dtype=np.bool_), np.zeros(len(via), dtype=np.bool_)
    count, trees, closed = 0, 0, 0
    for root in roots:
        if seen[root]:
            break
        seen[root] = True
        stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = root, -1, 0, -1
        height = 1
        while height > 0:
            height -= 1
            rows[count] = stack[height]
            node, depth, arrived = rows[count, 0], rows[count, 2], rows[count, 3]
            for at in range(start[node], start[node + 1]):
                other, branch = neighbour[at], via[at]
                if branch == arrived or closes[branch]:
                    continue
                if seen[other]:
                    closes[branch] = True
                    closing[closed, 0], closing[closed, 1] = branch, node
                    closing[closed, 2] = other
                    closed += 1
                    continue
                seen[other] = True
                stack[height, 0], stack[height, 1] = other, count
                stack[height, 2], stack[height, 3] = depth + 1, branch
                height += 1
            count += 1
        trees += 1
        first[trees] = count
    return rows[:count], first[: trees + 1], closing[:closed]


@compiled
def ratios_below(parent, divides, own):
    """What a transformer multiplies or divides by, gathered from the root on: 1 at the root."""
    ratio = np.ones(len(parent))
    for here in range(len(parent)):
        if parent[here] >= 0:
            above = ratio[parent[here]]
            ratio[here] = above / own[here] if divides[here] else above * own[here]
    return ratio


@compiled
def ends_of_subtrees(depth):
    """One past the last position below each, positions standing depth-first."""
    end, stack, height = np.full(len(depth), len(depth)), np.empty(len(depth), dtype=np.int64), 0
    for here in range(len(depth)):
        while height > 0 and depth[stack[height - 1]] >= depth[here]:
            height -= 1
            end[stack[height]] = here
        stack[height] = here
        height += 1
    return end
