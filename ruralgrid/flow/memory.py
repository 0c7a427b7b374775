"""What is kept of a solution for the next one of the same hours."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# numba infers the types of what is compiled

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ruralgrid.flow.arrays import LANES
from ruralgrid.flow.compiled import compiled

__all__ = ["Memory", "empty_memory", "memory_of"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Memory(NamedTuple):
    """Of each block of hours, what its last solution leaves: the start of the next.

    Branch currents, taps, and ``stood`` and ``room`` of `ruralgrid.flow.arrays.Scratch`, by block;
    whether there are any.
    """

    branch: FloatArray
    tap: IntArray
    stood: FloatArray
    room: FloatArray
    known: npt.NDArray[np.bool_]


def empty_memory(blocks: int, positions: int, units: int) -> Memory:
    """Nothing is known of any block yet."""
    branch = np.zeros((blocks, positions, 2 * LANES))
    tap = np.zeros((blocks, units, LANES), dtype=np.int64)
    stood, room = (np.full((blocks, units, LANES), np.inf) for _ in range(2))
    return Memory(branch, tap, stood, room, np.zeros(blocks, dtype=bool))


def memory_of(memory: Memory, places: IntArray) -> Memory:
    """The same of some of the hours, the last one repeated to fill up a block."""
    blocks = -(-len(places) // LANES)
    hours = np.concatenate([places, np.repeat(places[-1:], blocks * LANES - len(places))])
    block_of, lane_of = np.divmod(hours.reshape(blocks, LANES), LANES)
    some = empty_memory(blocks, memory.branch.shape[1], memory.tap.shape[1])
    for name in ("branch", "tap", "stood", "room"):
        old, new = getattr(memory, name), getattr(some, name)
        rows = new.shape[1] * new.shape[2] // LANES
        _gather(old.reshape(-1, rows, LANES), block_of, lane_of, new.reshape(-1, rows, LANES))
    some.known[:] = memory.known[block_of].all(axis=1)
    return some


@compiled
def _gather(old, block_of, lane_of, new):
    """``new[b, k, i] = old[block_of[b, i], k, lane_of[b, i]]``, without an array between."""
    blocks, rows, lanes = new.shape
    for b in range(blocks):
        for k in range(rows):
            for i in range(lanes):
                new[b, k, i] = old[block_of[b, i], k, lane_of[b, i]]
