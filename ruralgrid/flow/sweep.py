r"""The batch kernel: backward/forward sweeps over trees, a block of hours side by side.

One iteration is a single depth-first walk. On entering a node its voltage follows from the
parent's and from the branch current of the last walk; its load current follows from the voltage;
on leaving it the new branch current is handed to the parent. Only the branch currents are kept
from walk to walk; voltages live on a stack as deep as the tree. Each row is `LANES` hours of one
quantity, so that every inner loop is a straight run of vector instructions.

Convergence is bounded, not sampled: a walk knows by how much every branch current changed, and
carries :math:`e_k = |z_k| (|\Delta\Re J_k| + |\Delta\Im J_k|) + \max_{children} e` up to the
source, which no voltage change of the next walk can exceed.

The last walk takes the reductions of the year, and its sums close exactly. The voltages obey
Kirchhoff's second law with the old currents, :math:`U_p - U_k = z_k J_k`; the new currents
:math:`J'`, of loads and shunts at exactly these voltages, obey the first. By Tellegen's theorem
the losses :math:`\Re(z_k J_k {J'_k}^*)`, the loads and the shunts then sum to what the source
feeds, whatever the iteration has left over.

The compiled kernel is kept on disk. numba's cache notices a change only in the file of the function
called; a fingerprint of all files that the kernel is made of is therefore part of its key.
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

from ruralgrid.flow import arrays, vectors
from ruralgrid.flow.arrays import (
    CONVERGED,
    LANES,
    LEAST_PU,
    LOSS_ABOVE_LOAD,
    LOW_VOLTAGE,
    NO_CONVERGENCE,
)
from ruralgrid.flow.vectors import (
    WIDTH,
    addresses,
    highest,
    is_below,
    larger,
    load,
    lowest,
    reciprocal,
    reciprocal_sqrt,
    smaller,
    spread,
    store,
    total,
)

__all__ = ["solve_block"]

_MAX_WALKS: Final = 400
_MAX_REPEATS: Final = 50  # of one area in one walk
_AREA_SHARE: Final = 0.01  # of the last walk's change that an area may leave
_SOUND_PU: Final = 0.8  # above it, more loss than load is a net all but idle
_ROW: Final = 2 * LANES


@njit(nogil=True, forceinline=True)
def _voltage(c, d, k, tree, s):
    """U = U_parent - z J."""
    jr, ji = load(s.branch, k * _ROW + c), load(s.branch, k * _ROW + LANES + c)
    zr, zi = tree.zr[k], tree.zi[k]
    ur = load(s.voltage, (d - 1) * _ROW + c) - (zr * jr - zi * ji)
    ui = load(s.voltage, (d - 1) * _ROW + LANES + c) - (zr * ji + zi * jr)
    return ur, ui


@njit(nogil=True, forceinline=True)
def _drawn(c, g, r, has_current, demand, block):
    """What group `g` draws over the voltage squared, active and reactive; see `_inverse`."""
    zp, zq = demand.zip_p, demand.zip_q
    factor = load(block.factors, demand.profile[g] * LANES + c)
    p, q = demand.p[g] * factor, demand.q[g] * factor
    if has_current:
        p = p * ((r * zp[3 * g] + zp[3 * g + 1]) * r + zp[3 * g + 2])
        q = q * ((r * zq[3 * g] + zq[3 * g + 1]) * r + zq[3 * g + 2])
    else:
        p = p * (r * zp[3 * g] + zp[3 * g + 2])
        q = q * (r * zq[3 * g] + zq[3 * g + 2])
    return p, q


@njit(nogil=True, forceinline=True)
def _inverse(square, has_current):
    """1/U where a share of constant current asks for it, else 1/U squared, which is cheaper."""
    return reciprocal_sqrt(square) if has_current else reciprocal(square)


@njit(nogil=True, forceinline=True)
def _current(c, k, first, last, ur, ui, tree, demand, block):
    """Current of the shunts and of all that is drawn: y U + conj(S/U)."""
    yr, yi = tree.yr[k], tree.yi[k]
    cr, ci = yr * ur - yi * ui, yr * ui + yi * ur
    if first == last:
        return cr, ci
    has_current = demand.has_current[k] != 0
    r = _inverse(larger(ur * ur + ui * ui, spread(tree.clamp[k])), has_current)
    p, q = _drawn(c, first, r, has_current, demand, block)
    for g in range(first + 1, last):
        more_p, more_q = _drawn(c, g, r, has_current, demand, block)
        p, q = p + more_p, q + more_q
    return cr + (p * ur + q * ui), ci + (p * ui - q * ur)


@njit(nogil=True, forceinline=True)
def _add_up(c, d, cr, ci, s):
    """Add a branch current to what the parent has gathered so far."""
    store(s.current, (d - 1) * _ROW + c, load(s.current, (d - 1) * _ROW + c) + cr)
    store(s.current, (d - 1) * _ROW + LANES + c, load(s.current, (d - 1) * _ROW + LANES + c) + ci)


@njit(nogil=True, forceinline=True)
def _hand_up(c, d, k, cr, ci, change, tree, s):
    """Keep a new branch current, add it to the parent's, and bound the change it brings."""
    dr = cr - load(s.branch, k * _ROW + c)
    di = ci - load(s.branch, k * _ROW + LANES + c)
    store(s.branch, k * _ROW + c, cr)
    store(s.branch, k * _ROW + LANES + c, ci)
    _add_up(c, d, cr, ci, s)
    change = change + tree.z_abs[k] * (larger(dr, 0.0 - dr) + larger(di, 0.0 - di))
    store(s.change, (d - 1) * LANES + c, larger(load(s.change, (d - 1) * LANES + c), change))


@njit(nogil=True, forceinline=True)
def _enter(d, k, tree, demand, block, s):
    """Voltage and own current of position `k`; a leaf is done with at once."""
    leaf, first, last = tree.is_leaf[k], demand.start[k], demand.start[k + 1]
    for c in range(0, LANES, WIDTH):
        ur, ui = _voltage(c, d, k, tree, s)
        cr, ci = _current(c, k, first, last, ur, ui, tree, demand, block)
        if leaf:
            _hand_up(c, d, k, cr, ci, spread(0.0), tree, s)
        else:
            store(s.voltage, d * _ROW + c, ur)
            store(s.voltage, d * _ROW + LANES + c, ui)
            store(s.current, d * _ROW + c, cr)
            store(s.current, d * _ROW + LANES + c, ci)
            store(s.change, d * LANES + c, spread(0.0))


@njit(nogil=True, forceinline=True)
def _leave(d, k, tree, s):
    """All children of the position at stack row `d` have been: hand its branch current up."""
    for c in range(0, LANES, WIDTH):
        cr, ci = load(s.current, d * _ROW + c), load(s.current, d * _ROW + LANES + c)
        _hand_up(c, d, k, cr, ci, load(s.change, d * LANES + c), tree, s)


@njit(nogil=True, forceinline=True)
def _start(vm_pu, s):
    """The source at the bottom of the stack."""
    for c in range(0, LANES, WIDTH):
        store(s.voltage, (0) * _ROW + c, spread(vm_pu))
        store(s.voltage, (0) * _ROW + LANES + c, spread(0.0))
        store(s.current, (0) * _ROW + c, spread(0.0))
        store(s.current, (0) * _ROW + LANES + c, spread(0.0))
        store(s.change, (0) * LANES + c, spread(0.0))


@njit(nogil=True, forceinline=True)
def _is_unsettled(d, k, limit, tree, s):
    """Whether the area below position `k`, at stack row `d`, would still change beyond `limit`.

    If so, its branch current is kept, but not handed up: the area is to be walked once more.
    """
    worst = spread(0.0)
    for c in range(0, LANES, WIDTH):
        dr = load(s.current, d * _ROW + c) - load(s.branch, k * _ROW + c)
        di = load(s.current, d * _ROW + LANES + c) - load(s.branch, k * _ROW + LANES + c)
        change = tree.z_abs[k] * (larger(dr, 0.0 - dr) + larger(di, 0.0 - di))
        worst = larger(worst, change + load(s.change, d * LANES + c))
    if not highest(worst) > limit:
        return False
    for c in range(0, _ROW, WIDTH):
        store(s.branch, k * _ROW + c, load(s.current, d * _ROW + c))
    return True


@njit(nogil=True, forceinline=True)
def _remember(d, k, tree, s):
    """Keep the voltage above an area at which its current is solved."""
    for c in range(0, _ROW, WIDTH):
        store(s.above, tree.area[k] * _ROW + c, load(s.voltage, (d - 1) * _ROW + c))


@njit(nogil=True, forceinline=True)
def _stand_in(d, k, tree, s):
    """Hand up what an area would draw at the voltage that is now above it, to first order.

    With a the relative change of the voltage, power draws 1 - conj(a) of the current, an impedance
    1 + a, a constant current 1 + j Im(a).
    """
    row, slope = tree.area[k] * _ROW, tree.slope[k]
    for c in range(0, LANES, WIDTH):
        ur, ui = load(s.above, row + c), load(s.above, row + LANES + c)
        dr = load(s.voltage, (d - 1) * _ROW + c) - ur
        di = load(s.voltage, (d - 1) * _ROW + LANES + c) - ui
        scale = reciprocal(ur * ur + ui * ui)
        real = (dr * ur + di * ui) * scale * slope + 1.0
        imaginary = (di * ur - dr * ui) * scale
        jr, ji = load(s.branch, k * _ROW + c), load(s.branch, k * _ROW + LANES + c)
        _add_up(c, d, real * jr - imaginary * ji, real * ji + imaginary * jr, s)


@njit(nogil=True)
def _walk_above(first, last, tree, demand, block, vm_pu, s):
    """One iteration of what lies above the areas, these standing in to first order."""
    _start(vm_pu, s)
    top, k = 0, first
    while k < last:
        d = tree.depth[k]
        while top >= d:
            _leave(top, s.at[top], tree, s)
            top -= 1
        if tree.area[k] >= 0:
            _stand_in(d, k, tree, s)
            k = tree.area_end[k]
            continue
        _enter(d, k, tree, demand, block, s)
        if not tree.is_leaf[k]:
            s.at[d] = k
            top = d
        k += 1
    while top > 0:
        _leave(top, s.at[top], tree, s)
        top -= 1


@njit(nogil=True)
def _walk(first, last, tree, demand, block, vm_pu, limit, s):
    """One iteration of the tree in rows `first` to `last`; ``change[0]`` bounds its change.

    An area that would change beyond `limit` is iterated by itself, at the voltage that stands above
    it: a long tail that settles slowly does not hold up the county.
    """
    _start(vm_pu, s)
    top, k, repeats = 0, first, 0
    while True:
        d = tree.depth[k] if k < last else 1
        while top >= d:
            at = s.at[top]
            is_area = tree.area[at] >= 0
            if is_area and repeats < _MAX_REPEATS and _is_unsettled(top, at, limit, tree, s):
                repeats += 1
                k, d = at, top
            else:
                _leave(top, at, tree, s)
                repeats = 0 if is_area else repeats
            top -= 1
        if k == last:
            return
        if tree.area[k] >= 0:
            _remember(d, k, tree, s)
        _enter(d, k, tree, demand, block, s)
        if not tree.is_leaf[k]:
            s.at[d] = k
            top = d
        k += 1


@njit(nogil=True)
def _highest_of(row):
    worst = 0.0
    for i in range(LANES):
        worst = max(worst, row[i])
    return worst


@njit(nogil=True)
def _error_left(now, before, limit):
    """Largest voltage error [pu] that one more walk leaves, the changes shrinking as they did.

    Never below four times the last change: losses are products of voltages and reactances and hold
    fewer digits. Not a number is infinity.
    """
    worst = 0.0
    for i in range(LANES):
        e, b = now[i], before[i]
        if not e < 1e30:
            return np.inf
        if e <= 0.01 * limit:  # at rounding level a change shrinks no more
            continue
        shrink = e / b if 0.0 < b < np.inf else 1.0  # nothing to compare the first walk with
        left = e * shrink / (1.0 - shrink) if shrink < 1.0 else 1e29
        worst = max(worst, left, 4.0 * e)
    return worst


@njit(nogil=True)
def _converge(first, last, tree, demand, block, vm_pu, tolerance_pu, s):
    """Iterate one tree for one block of hours until one more walk is exact within `tolerance_pu`.

    The branch currents of the last block are the start: the same hours of the day before.

    Returns status, iterations done, and the worst hour of the block.
    """
    for i in range(LANES):
        s.before[i] = np.inf
    status, walks, worst = NO_CONVERGENCE, 0, np.inf
    while walks < _MAX_WALKS:
        if walks > 0:
            for _ in range(tree.walks_above[0]):
                _walk_above(first, last, tree, demand, block, vm_pu, s)
        _walk(first, last, tree, demand, block, vm_pu, _AREA_SHARE * worst, s)
        walks += 1
        worst = _highest_of(s.change)
        left = _error_left(s.change, s.before, tolerance_pu)
        if left <= tolerance_pu:
            status = CONVERGED
            break
        if left == np.inf:
            break
        for i in range(LANES):
            s.before[i] = s.change[i]
    lane = 0
    for i in range(LANES):
        if not s.change[i] <= s.change[lane]:
            lane = i
    return status, walks, lane


@njit(nogil=True)
def _hour_of(row, value, width):
    """The first hour in which `row` holds `value`; those that fill up a block are its last."""
    for i in range(width):
        if row[i] == value:
            return i
    return width - 1


@njit(nogil=True, forceinline=True)
def _read_square(k, block, square_low, square_high, tally, row):
    hour, width = block.span[0], block.span[1]
    low, high = lowest(square_low), highest(square_high)
    if low < tally.v2_min[k]:
        tally.v2_min[k] = low
        tally.v2_min_hour[k] = hour + _hour_of(row, low, width)
    if high > tally.v2_max[k]:
        tally.v2_max[k] = high
        tally.v2_max_hour[k] = hour + _hour_of(row, high, width)
    return low


@njit(nogil=True, forceinline=True)
def _read_voltage(d, k, tree, gauges, block, s, tally):
    """Sum and extremes of the voltage squared of position `k`; returns the lowest."""
    u2, ratio2 = spread(0.0), tree.ratio2[k]
    low, high = spread(np.inf), spread(-np.inf)
    for c in range(0, LANES, WIDTH):
        ur, ui = load(s.voltage, d * _ROW + c), load(s.voltage, d * _ROW + LANES + c)
        square = ur * ur + ui * ui
        u2 = u2 + square * load(block.weight, c)
        square = square * ratio2
        low, high = smaller(low, square), larger(high, square)
        store(s.row, c, square)
    tally.u2[k] += total(u2)
    for probe in range(gauges.probe_start[k], gauges.probe_start[k + 1]):
        limit2, sign, beyond = gauges.probe_limit2[probe], gauges.probe_sign[probe], spread(0.0)
        for c in range(0, LANES, WIDTH):
            hit = is_below(sign * load(s.row, c), limit2)
            beyond = beyond + hit * load(block.weight, c)
        tally.beyond[probe] += total(beyond)
    return _read_square(k, block, low, high, tally, s.row)


@njit(nogil=True, forceinline=True)
def _read_demand(first, last, demand, block, s, tally):
    """Energy of every group of a position, profile times voltage dependence; returns the sum."""
    share, drawn_by_all = demand.share_p, 0.0
    for g in range(first, last):
        energy, profile = spread(0.0), demand.profile[g]
        cp, ci, cz = share[3 * g], share[3 * g + 1], share[3 * g + 2]
        for c in range(0, LANES, WIDTH):
            square = load(s.row, c)
            drawn = cp + cz * square
            if ci != 0.0:
                drawn = drawn + ci * (square * reciprocal_sqrt(square))
            energy = energy + load(block.factors, profile * LANES + c) * (
                load(block.weight, c) * drawn
            )
        tally.served[g] += total(energy)
        drawn_by_all += abs(demand.p[g]) * total(energy)
    return drawn_by_all


@njit(nogil=True, forceinline=True)
def _record(k, gauges, block, s):
    row, hour = gauges.record_row[k], block.span[0]
    if row >= 0:
        for i in range(block.span[1]):
            block.recorded[row * block.span[2] + hour + i] = np.sqrt(s.row[i])


@njit(nogil=True, forceinline=True)
def _end_current(c, cr, ci, d, yr, yi, factor2, s):
    """Squared current at one end of a branch: the series current and the end's shunt."""
    ur, ui = load(s.voltage, d * _ROW + c), load(s.voltage, d * _ROW + LANES + c)
    a = cr + (yr * ur - yi * ui)
    b = ci + (yr * ui + yi * ur)
    return factor2 * (a * a + b * b)


@njit(nogil=True, forceinline=True)
def _read_branch(d, k, tree, gauges, block, s, tally):
    """Loss and highest current of the branch above position `k`; hands its current up."""
    dot, cross, peak = spread(0.0), spread(0.0), spread(-np.inf)
    for c in range(0, LANES, WIDTH):
        jr, ji = load(s.branch, k * _ROW + c), load(s.branch, k * _ROW + LANES + c)
        cr, ci = load(s.current, d * _ROW + c), load(s.current, d * _ROW + LANES + c)
        dot = dot + (jr * cr + ji * ci) * load(block.weight, c)
        cross = cross + (ji * cr - jr * ci) * load(block.weight, c)
        near = _end_current(
            c, cr, ci, d - 1, gauges.near_yr[k], gauges.near_yi[k], gauges.near_factor2[k], s
        )
        far = _end_current(
            c, cr, ci, d, -gauges.far_yr[k], -gauges.far_yi[k], gauges.far_factor2[k], s
        )
        both = larger(near, far)
        store(s.row, c, both)
        peak = larger(peak, both)
        _add_up(c, d, cr, ci, s)
    loss = tree.zr[k] * total(dot) - tree.zi[k] * total(cross)
    tally.loss[k] += loss
    high = highest(peak)
    if high > tally.current2[k]:
        tally.current2[k] = high
        tally.current_hour[k] = block.span[0] + _hour_of(s.row, high, block.span[1])
    return loss


@njit(nogil=True)
def _tally_walk(first, last, tree, demand, gauges, block, vm_pu, s, tally):
    """The last walk of a block.

    Returns where the voltage was lowest, that voltage squared, and by how much loss exceeds load.
    """
    _start(vm_pu, s)
    top, least, where, excess = 0, np.inf, first, 0.0
    for k in range(first, last):
        d = tree.depth[k]
        while top >= d:
            excess += _read_branch(top, s.at[top], tree, gauges, block, s, tally)
            top -= 1
        begin, end = demand.start[k], demand.start[k + 1]
        for c in range(0, LANES, WIDTH):
            ur, ui = _voltage(c, d, k, tree, s)
            cr, ci = _current(c, k, begin, end, ur, ui, tree, demand, block)
            store(s.voltage, d * _ROW + c, ur)
            store(s.voltage, d * _ROW + LANES + c, ui)
            store(s.current, d * _ROW + c, cr)
            store(s.current, d * _ROW + LANES + c, ci)
        low = _read_voltage(d, k, tree, gauges, block, s, tally)
        excess -= _read_demand(begin, end, demand, block, s, tally)
        _record(k, gauges, block, s)
        if not low >= least:
            least, where = low, k
        s.at[d] = k
        top = d
    while top > 0:
        excess += _read_branch(top, s.at[top], tree, gauges, block, s, tally)
        top -= 1
    return where, least, excess


@njit(nogil=True)
def _read_source(number, vm_pu, block, s, tally):
    """Power fed by the source of a tree, and its peak."""
    for i in range(block.span[1]):
        fed = vm_pu * s.current[i]
        tally.fed[number] += fed
        if fed > tally.fed_max[number]:
            tally.fed_max[number] = fed
            tally.fed_max_hour[number] = block.span[0] + i


@njit(nogil=True)
def _solve_tree(number, first, last, vm_pu, tree, demand, gauges, block, tolerance_pu, s, tally):
    """Solve one tree and add it to the tally, or mark it as failed."""
    status, walks, lane = _converge(first, last, tree, demand, block, vm_pu, tolerance_pu, s)
    tally.walks[number] += walks
    where, hour = -1, block.span[0]
    if status == CONVERGED:
        where, least, excess = _tally_walk(
            first, last, tree, demand, gauges, block, vm_pu, s, tally
        )
        _read_source(number, vm_pu, block, s, tally)
        if not least >= LEAST_PU**2:
            status, lane = LOW_VOLTAGE, tally.v2_min_hour[where] - hour
        elif excess > 0.0 and least < _SOUND_PU**2:
            status, lane = LOSS_ABOVE_LOAD, tally.v2_min_hour[where] - hour
    if status != CONVERGED:
        tally.status[number] = status
        tally.failed_hour[number] = hour + min(lane, block.span[1] - 1)
        tally.failed_at[number] = where


def _compile(fingerprint):
    def solve_block(trees, vm_pu, tree, demand, gauges, block, tolerance_pu, scratch, tally):
        """Solve all trees for the hours of `block` and add them to `tally`.

        A tree that has no solution in some hour is marked and left alone from then on.
        """
        _ = fingerprint  # a part of the key under which numba keeps the compiled code
        for number in range(len(vm_pu)):
            if tally.status[number] == CONVERGED:
                _solve_tree(
                    number, trees[number], trees[number + 1], vm_pu[number], addresses(tree),
                    addresses(demand), addresses(gauges), addresses(block), tolerance_pu,
                    addresses(scratch), addresses(tally),
                )  # fmt: skip

    try:
        return njit(cache=True, nogil=True)(solve_block)
    except RuntimeError:  # no folder may be written: compiled anew in every process then
        return njit(nogil=True)(solve_block)


solve_block = _compile(
    zlib.crc32("".join(map(inspect.getsource, (arrays, vectors, sys.modules[__name__]))).encode())
)
