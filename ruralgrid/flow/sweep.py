"""The batch kernel: backward/forward sweeps over trees, a block of hours side by side.

A block is iterated by walks (`ruralgrid.flow.walk`) until the voltages stand, and tallied by one
more (`ruralgrid.flow.tally`). The compiled kernel is kept on disk. numba's cache notices a change
only in the file of the function called; a fingerprint of all files that the kernel is made of is
therefore a part of its key.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types; the arrays are described in ruralgrid.flow.arrays

from __future__ import annotations

import inspect
import sys
import zlib
from typing import Final

import numpy as np
from numba import njit

from ruralgrid.flow import arrays, nodes, vectors
from ruralgrid.flow import tally as tally_file
from ruralgrid.flow import taps as taps_file
from ruralgrid.flow import walk as walk_file
from ruralgrid.flow.arrays import (
    CONVERGED,
    HUNTING,
    LANES,
    LEAST_PU,
    LOSS_ABOVE_LOAD,
    LOW_VOLTAGE,
    NO_CONVERGENCE,
    SOUND_PU,
)
from ruralgrid.flow.compiled import compiled
from ruralgrid.flow.tally import read_source, tally_walk
from ruralgrid.flow.taps import (
    MAX_STEPS,
    are_remembered,
    forget_changes,
    mark_whole_walk,
    rest_taps,
    start_taps,
    step_taps,
)
from ruralgrid.flow.vectors import addresses
from ruralgrid.flow.walk import walk, walk_above

__all__ = ["solve_block"]

_MAX_WALKS: Final = 400
_MAX_WALKS_ABOVE: Final = 12
_WALKS_AT_REST: Final = 1  # before tap changers step: the areas then stand near their voltages
_SLACK: Final = 2.0  # for voltages that do not stand yet, when it is asked which hours must step
_LEAST_SHRINK: Final = 0.1  # a luckier pair of changes is not believed
_AREA_SHARE: Final = 0.01  # of the last walk's change that an area may leave


@njit(nogil=True)
def _highest_of(row, first):
    worst = 0.0
    for i in range(first, first + LANES):
        worst = max(worst, row[i])
    return worst


@njit(nogil=True)
def _error_left(now, first, before, limit):
    """Largest voltage error [pu] that one more walk leaves, the changes shrinking as they did.

    Never below the change of that walk: losses are products of its currents and of those before.
    Not a number is infinity.
    """
    worst = 0.0
    for i in range(LANES):
        e, b = now[first + i], before[i]
        if not e < 1e30:
            return np.inf
        if e <= 0.01 * limit:  # at rounding level a change shrinks no more
            continue
        shrink = max(e / b, _LEAST_SHRINK) if 0.0 < b < np.inf else 1.0  # the first walk tells none
        then = e * shrink
        after = then * shrink / (1.0 - shrink) if shrink < 1.0 else 1e29
        worst = max(worst, then, after)
    return worst


@njit(nogil=True)
def _mark_runaways(floor, s):
    """Hours whose currents are beyond bounds, or no numbers, have changed without bound."""
    for i in range(LANES):
        at = floor * 2 * LANES + i
        if not abs(s.current[at]) + abs(s.current[at + LANES]) < 1e30:
            s.change[floor * LANES + i] = np.inf


@njit(nogil=True)
def _walk_above_areas(first, last, floor, tree, demand, taps, units, block, vm_pu, s):
    """Walk what lies above the areas, and again while tap changers step there."""
    count, left = 0, tree.walks_above[0]
    while count < left:
        walk_above(first, last, floor, tree, demand, taps, block, vm_pu, s)
        count += 1
        if units > 0 and step_taps(count == 1, False, taps, s):
            left = min(count + tree.walks_above[0], _MAX_WALKS_ABOVE)


@njit(nogil=True)
def _most_steps(s):
    most = 0
    for i in range(LANES):
        most = i if s.steps[i] > s.steps[most] else most
    return most


@njit(nogil=True)
def _worst_lane(row, first):
    """The first hour that ran away; if none did, the one that changed most."""
    lane = 0
    for i in range(LANES):
        if not row[first + i] < 1e30:
            return i
        if row[first + i] > row[first + lane]:
            lane = i
    return lane


@njit(nogil=True)
def _converge(first, last, floor, tree, demand, taps, block, vm_pu, tolerance_pu, s):
    """Iterate one feeder for one block of hours until one more walk is exact within `tolerance_pu`.

    The branch currents of the last block are the start: the same hours of the day before.

    Returns status, iterations done, and the worst hour of the block.
    """
    for i in range(LANES):
        s.before[i] = np.inf
    units = rest_taps(first, last, taps, s)
    at_rest = _WALKS_AT_REST + are_remembered(taps, s)
    status, walks, worst = NO_CONVERGENCE, 0, np.inf
    while walks < _MAX_WALKS:
        if walks > 0:
            _walk_above_areas(first, last, floor, tree, demand, taps, units, block, vm_pu, s)
            forget_changes(taps, s)
        walk(first, last, floor, tree, demand, taps, block, vm_pu, _AREA_SHARE * worst, s)
        walks += 1
        _mark_runaways(floor, s)
        worst = _highest_of(s.change, floor * LANES)
        left = _error_left(s.change, floor * LANES, s.before, tolerance_pu)
        if left == np.inf:
            break
        for i in range(LANES):
            s.before[i] = s.change[floor * LANES + i]
        if units > 0:
            left = _step(walks - at_rest, left, tolerance_pu, tree, taps, s)
            if s.steps[_most_steps(s)] > MAX_STEPS:
                return HUNTING, walks, _most_steps(s)
        if left <= tolerance_pu:
            status = CONVERGED
            break
    return status, walks, _worst_lane(s.change, floor * LANES)


@njit(nogil=True)
def _step(since_rest, left, tolerance_pu, tree, taps, s):
    """Let tap changers step after a whole walk; returns the error left, infinite if they do."""
    mark_whole_walk(taps, s)
    if since_rest < 0:
        step_taps(tree.walks_above[0] == 0, False, taps, s)
        return np.inf
    if since_rest == 0:
        slack = 1.0 if left <= tolerance_pu else _SLACK
        return np.inf if start_taps(slack, tolerance_pu, taps, s) else left
    exact = left <= tolerance_pu
    changed = step_taps(tree.walks_above[0] == 0, exact, taps, s)
    if exact:
        changed = start_taps(1.0, tolerance_pu, taps, s) or changed
    return np.inf if changed else left


@njit(nogil=True)
def _solve_feeder(
    number, first, last, floor, vm_pu, tree, demand, taps, gauges, block, tolerance_pu, s, tally
):
    """Solve one feeder of tree `number` and add it to the tally, or mark the tree as failed."""
    status, walks, lane = _converge(
        first, last, floor, tree, demand, taps, block, vm_pu, tolerance_pu, s
    )
    tally.walks[number] += walks * (last - first)
    where, hour = -1, block.span[0]
    if status == CONVERGED:
        where, lane, least, excess = tally_walk(
            first, last, floor, tree, demand, taps, gauges, block, vm_pu, s, tally
        )
        if not least >= LEAST_PU**2:
            status = LOW_VOLTAGE
        elif excess > 0.0 and least < SOUND_PU**2:
            status = LOSS_ABOVE_LOAD
    if status != CONVERGED:
        tally.status[number] = status
        tally.failed_hour[number] = hour + min(lane, block.span[1] - 1)
        tally.failed_at[number] = where


@njit(nogil=True)
def _solve_tree(number, vm_pu, tree, demand, taps, gauges, block, tolerance_pu, s, tally):
    """Solve the feeders of one tree, and read what its source has fed."""
    for i in range(LANES):
        s.fed[i] = 0.0
    for feeder in range(tree.feeder_of[number], tree.feeder_of[number + 1]):
        _solve_feeder(
            number, tree.feeder_first[feeder], tree.feeder_last[feeder], tree.floor[feeder], vm_pu,
            tree, demand, taps, gauges, block, tolerance_pu, s, tally,
        )  # fmt: skip
        if tally.status[number] != CONVERGED:
            return
    read_source(number, vm_pu, block, s, tally)


def _compile(fingerprint):
    def solve_block(vm_pu, tree, demand, taps, gauges, block, tolerance_pu, scratch, tally):
        """Solve all trees for the hours of `block` and add them to `tally`.

        A tree that has no solution in some hour is marked and left alone from then on.
        """
        _ = fingerprint  # a part of the key under which numba keeps the compiled code
        for number in range(len(vm_pu)):
            if tally.status[number] == CONVERGED:
                _solve_tree(
                    number, vm_pu[number], addresses(tree),
                    addresses(demand), addresses(taps), addresses(gauges), addresses(block),
                    tolerance_pu, addresses(scratch), addresses(tally),
                )  # fmt: skip

    return compiled(solve_block)


_FILES: Final = (arrays, vectors, nodes, taps_file, walk_file, tally_file, sys.modules[__name__])

solve_block = _compile(zlib.crc32("".join(map(inspect.getsource, _FILES)).encode()))
