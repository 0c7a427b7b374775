"""The four-wire kernel: areas one after another, each through all hours of a run, block by block.

A block is iterated by walks (`walk`) until the voltages stand and tallied by one more (`tally`,
`unit`). The voltages of a block are the start of the next: the same hours of the day before.
The compiled kernel is kept on disk under a fingerprint of all files that it is made of (see
`ruralgrid.flow.sweep`).
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types; the arrays are described in ruralgrid.flow.four_wire.arrays

from __future__ import annotations

import inspect
import sys
import zlib
from typing import Final

import numpy as np
from numba import njit

from ruralgrid.flow import arrays as flow_arrays
from ruralgrid.flow import vectors
from ruralgrid.flow.arrays import (
    CONVERGED,
    LEAST_PU,
    LOSS_ABOVE_LOAD,
    LOW_VOLTAGE,
    NO_CONVERGENCE,
    SOUND_PU,
)
from ruralgrid.flow.compiled import compiled
from ruralgrid.flow.four_wire import arrays
from ruralgrid.flow.four_wire import tally as tally_file
from ruralgrid.flow.four_wire import unit as unit_file
from ruralgrid.flow.four_wire import walk as walk_file
from ruralgrid.flow.four_wire.arrays import LANES, PAIR, ROW
from ruralgrid.flow.four_wire.tally import tally_walk
from ruralgrid.flow.four_wire.unit import power_above, tally_unit
from ruralgrid.flow.four_wire.walk import backwards, draw, forwards
from ruralgrid.flow.vectors import WIDTH, addresses, load, spread, store

__all__ = ["solve_areas"]

_MAX_WALKS: Final = 400
_LEAST_SHRINK: Final = 0.1  # a luckier pair of changes is not believed


@njit(nogil=True)
def _error_left(now, before, limit):
    """Largest voltage error [pu] that one more walk leaves, the changes shrinking as they did."""
    worst = 0.0
    for i in range(LANES):
        e, b = now[i], before[i]
        if not e < 1e30:
            return np.inf
        if e <= 0.01 * limit:  # at rounding level a change shrinks no more
            continue
        shrink = max(e / b, _LEAST_SHRINK) if 0.0 < b < np.inf else 1.0
        worst = max(worst, e * shrink * shrink / (1.0 - shrink) if shrink < 1.0 else 1e29)
    return worst


@njit(nogil=True)
def _converge(first, last, h, w, d, hours, tolerance_pu, s):
    """Iterate one area for one block until one more walk is exact within `tolerance_pu`.

    It starts with what is drawn at the voltages of the block before.
    """
    for i in range(LANES):
        s.before[i] = np.inf
    for k in range(first, last):
        draw(k, k - first + 1, h, w, d, hours, s)
    backwards(first, last, w, s)
    for walks in range(1, _MAX_WALKS + 1):
        s.walks[0] = walks
        forwards(first, last, h, w, d, hours, s)
        backwards(first, last, w, s)
        left = _error_left(s.change, s.before, tolerance_pu)
        if left <= tolerance_pu:
            return CONVERGED
        if left == np.inf:
            return NO_CONVERGENCE
        for i in range(LANES):
            s.before[i] = s.change[i]
    return NO_CONVERGENCE


@njit(nogil=True)
def _worst_lane(change):
    """The hour of the largest change; the first that is not a number, if any."""
    lane = 0
    for i in range(LANES):
        if change[i] != change[i]:
            return i
        if change[i] > change[lane]:
            lane = i
    return lane


@njit(nogil=True)
def _lowest_lane(first, last, g, s):
    """The hour of the lowest voltage of the block, over all phases that are there."""
    lane, least = 0, np.inf
    for k in range(first, last):
        for phase in range(3):
            if g.present[k] & (1 << phase):
                at = (k - first + 1) * ROW + phase * PAIR
                for i in range(LANES):
                    square = s.u[at + i] ** 2 + s.u[at + LANES + i] ** 2
                    if square < least:
                        lane, least = i, square
    return lane


@njit(nogil=True)
def _clear(rows, s):
    for c in range(0, rows * ROW, WIDTH):
        store(s.u, c, spread(0.0))
        store(s.j, c, spread(0.0))
    _clear_earth(rows, s)


@njit(nogil=True)
def _clear_earth(rows, s):
    for c in range(0, rows * PAIR, WIDTH):
        store(s.un, c, spread(0.0))
        store(s.earth, c, spread(0.0))


@njit(nogil=True)
def _set_source(area, h, w, hours, s):
    """The voltage behind the transformer into the first row."""
    at = area * hours.span[0] + h
    for i in range(3):
        er, ei = w.source[6 * area + 2 * i], w.source[6 * area + 2 * i + 1]
        for c in range(0, LANES, WIDTH):
            store(s.u, i * PAIR + c, er * load(hours.vm_pu, at + c))
            store(s.u, i * PAIR + LANES + c, ei * load(hours.vm_pu, at + c))


@njit(nogil=True)
def _tally_block(area, h, w, d, g, hours, s, t):
    """The last walk; returns a status and the hour that it speaks of."""
    first, last = w.first[area], w.first[area + 1]
    least, excess = tally_walk(first, last, h, w, d, g, hours, s, t)
    power_above(area, h, w, hours, s)
    excess += tally_unit(area, h, w, hours, s, t)
    if w.earthed[first]:
        _clear_earth(last - first + 1, s)
    if least >= LEAST_PU**2 and not (excess > 0.0 and least < SOUND_PU**2):
        return CONVERGED, 0
    hour = hours.place[h + _lowest_lane(first, last, g, s)]
    return (LOSS_ABOVE_LOAD if least >= LEAST_PU**2 else LOW_VOLTAGE), hour


@njit(nogil=True)
def _solve_area(area, w, d, g, hours, tolerance_pu, tallied, s, t):
    first, last = w.first[area], w.first[area + 1]
    _clear(last - first + 1, s)
    for h in range(0, hours.span[0], LANES):
        _set_source(area, h, w, hours, s)
        status = _converge(first, last, h, w, d, hours, tolerance_pu, s)
        t.walks[area] += s.walks[0]
        hour = hours.place[h + _worst_lane(s.change)]
        if status == CONVERGED and tallied:
            status, hour = _tally_block(area, h, w, d, g, hours, s, t)
        else:
            power_above(area, h, w, hours, s)
        if status != CONVERGED:
            t.status[area] = status
            t.failed_hour[area] = hour
            return


def _compile(fingerprint):
    def solve_areas(areas, wires, demand, gauges, hours, tolerance_pu, tallied, scratch, tally):
        """Solve the named areas for a run of hours; with `tallied`, add them to the tally.

        What each area draws stands in `hours` then. One without a solution is marked, and left.
        """
        _ = fingerprint  # a part of the key under which numba keeps the compiled code
        for area in areas:
            _solve_area(
                area, addresses(wires), addresses(demand), addresses(gauges), addresses(hours),
                tolerance_pu, tallied, addresses(scratch), addresses(tally),
            )  # fmt: skip

    return compiled(solve_areas)


_FILES: Final = (
    flow_arrays, arrays, vectors, walk_file, tally_file, unit_file, sys.modules[__name__],
)  # fmt: skip

solve_areas = _compile(zlib.crc32("".join(map(inspect.getsource, _FILES)).encode()))
