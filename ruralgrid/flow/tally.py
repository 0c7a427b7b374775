r"""The last walk of a block: the reductions of a year, taken while the voltages are at hand.

The sums close exactly. The voltages obey Kirchhoff's second law with the old currents,
:math:`U_p - U_k = z_k J_k`; the new currents :math:`J'`, of loads and shunts at exactly these
voltages, obey the first. By Tellegen's theorem the losses :math:`\Re(z_k J_k {J'_k}^*)`, the loads
and the shunts then sum to what the source feeds, whatever the iteration has left over.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types; the arrays are described in ruralgrid.flow.arrays

from __future__ import annotations

import numpy as np
from numba import njit

from ruralgrid.flow.arrays import LANES, RECORD, SOUND_PU, ZI, ZR
from ruralgrid.flow.nodes import ROW, add_up, draw, set_voltage
from ruralgrid.flow.taps import enter_regulated, parts_of, record_taps
from ruralgrid.flow.vectors import (
    WIDTH,
    any_above,
    any_below,
    highest,
    is_below,
    larger,
    load,
    lowest,
    reciprocal_sqrt,
    size_of,
    smaller,
    spread,
    store,
    total,
)
from ruralgrid.flow.walk import start_walk

__all__ = ["read_source", "tally_walk"]


@njit(nogil=True)
def _hour_of(row, value, width):
    """The first hour in which `row` holds `value`; those that fill up a block are its last."""
    for i in range(width):
        if row[i] == value:
            return i
    return width - 1


@njit(nogil=True, forceinline=True)
def _keep_extremes(k, block, low, high, tally, s):
    hour, width = block.span[0], block.span[1]
    if any_below(low, tally.v2_min[k]):
        tally.v2_min[k] = lowest(low)
        tally.v2_min_hour[k] = hour + _hour_of(s.row, tally.v2_min[k], width)
    if any_above(high, tally.v2_max[k]):
        tally.v2_max[k] = highest(high)
        tally.v2_max_hour[k] = hour + _hour_of(s.row, tally.v2_max[k], width)


@njit(nogil=True, forceinline=True)
def _read_voltage(d, k, tree, gauges, block, s, tally):
    """Sum and extremes of the voltage squared of position `k`; returns the lowest ones."""
    u2, ratio2 = spread(0.0), tree.ratio2[k]
    low, high = spread(np.inf), spread(-np.inf)
    for c in range(0, LANES, WIDTH):
        ur, ui = load(s.voltage, d * ROW + c), load(s.voltage, d * ROW + LANES + c)
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
    _keep_extremes(k, block, low, high, tally, s)
    return low


@njit(nogil=True, forceinline=True)
def _read_demand(first, last, demand, block, s, tally):
    """Energy of every group of a position, profile times voltage dependence.

    Returns the sum of all without sign, hour by hour: a profile may turn a load into a generator.
    """
    share, drawn_by_all = demand.share_p, spread(0.0)
    for g in range(first, last):
        energy, unsigned, profile = spread(0.0), spread(0.0), demand.profile[g]
        cp, ci, cz = share[3 * g], share[3 * g + 1], share[3 * g + 2]
        for c in range(0, LANES, WIDTH):
            square = load(s.row, c)
            drawn = cp + cz * square
            if ci != 0.0:
                drawn = drawn + ci * (square * reciprocal_sqrt(square))
            part = load(block.factors, profile * LANES + c) * (load(block.weight, c) * drawn)
            energy, unsigned = energy + part, unsigned + size_of(part)
        tally.served[g] += total(energy)
        drawn_by_all = drawn_by_all + abs(demand.p[g]) * unsigned
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
    ur, ui = load(s.voltage, d * ROW + c), load(s.voltage, d * ROW + LANES + c)
    a = cr + yr * ur - yi * ui
    b = ci + yr * ui + yi * ur
    return factor2 * (a * a + b * b)


@njit(nogil=True, forceinline=True)
def _keep_peak(k, peak, block, s, tally):
    if any_above(peak, tally.current2[k]):
        tally.current2[k] = highest(peak)
        hour = _hour_of(s.row, tally.current2[k], block.span[1])
        tally.current_hour[k] = block.span[0] + hour


@njit(nogil=True)
def _read_regulated(d, k, tree, gauges, block, s, tally):
    """As `_read_branch`, with what the tap of every hour makes of the branch."""
    u = tree.unit[k]
    lost, shunted, peak = spread(0.0), spread(0.0), spread(-np.inf)
    for c in range(0, LANES, WIDTH):
        a, zr, zi, nr, ni, fr, fi = parts_of(c, u, s)
        weight = load(block.weight, c)
        jr, ji = load(s.branch, k * ROW + c), load(s.branch, k * ROW + LANES + c)
        cr, ci = load(s.current, d * ROW + c), load(s.current, d * ROW + LANES + c)
        pr = load(s.voltage, (d - 1) * ROW + c)
        pi = load(s.voltage, (d - 1) * ROW + LANES + c)
        ur, ui = load(s.voltage, d * ROW + c), load(s.voltage, d * ROW + LANES + c)
        lost = lost + (zr * (jr * cr + ji * ci) - zi * (ji * cr - jr * ci)) * weight
        shunted = shunted + (nr * (pr * pr + pi * pi) + fr * (ur * ur + ui * ui)) * weight
        up_r, up_i = a * cr + (nr * pr - ni * pi), a * ci + (nr * pi + ni * pr)
        out_r, out_i = cr - (fr * ur - fi * ui), ci - (fr * ui + fi * ur)
        near = gauges.near_factor2[k] * (up_r * up_r + up_i * up_i)
        far = gauges.far_factor2[k] * (out_r * out_r + out_i * out_i)
        both = larger(near, far)
        store(s.row, c, both)
        peak = larger(peak, both)
        add_up(c, d, up_r, up_i, s)
    loss = total(lost)
    tally.loss[k] += loss
    tally.unit_shunt[u] += total(shunted)
    _keep_peak(k, peak, block, s, tally)
    return loss


@njit(nogil=True, forceinline=True)
def _read_branch(d, k, tree, gauges, block, s, tally):
    """Loss and highest current of the branch above position `k`; hands its current up."""
    if tree.unit[k] >= 0:
        return _read_regulated(d, k, tree, gauges, block, s, tally)
    dot, cross, peak = spread(0.0), spread(0.0), spread(-np.inf)
    for c in range(0, LANES, WIDTH):
        jr, ji = load(s.branch, k * ROW + c), load(s.branch, k * ROW + LANES + c)
        cr, ci = load(s.current, d * ROW + c), load(s.current, d * ROW + LANES + c)
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
        add_up(c, d, cr, ci, s)
    at = k * RECORD
    loss = tree.record[at + ZR] * total(dot) - tree.record[at + ZI] * total(cross)
    tally.loss[k] += loss
    _keep_peak(k, peak, block, s, tally)
    return loss


@njit(nogil=True, forceinline=True)
def _stand(d, k, tree, demand, taps, block, s):
    """Voltage and own current of position `k`."""
    if tree.unit[k] >= 0:
        enter_regulated(d, k, tree, demand, taps, block, s)
    else:
        set_voltage(d, k, tree, s)
        draw(d, k, tree, demand, block, s)


@njit(nogil=True)
def tally_walk(first, last, floor, tree, demand, taps, gauges, block, vm_pu, s, tally):
    """The last walk of a block.

    Returns where and in which hour of the block the voltage was lowest, that voltage squared, and
    by how much loss exceeds load.
    """
    start_walk(floor, vm_pu, s)
    top, least, where, lane, excess = floor, np.inf, first, 0, 0.0
    drawn = spread(0.0)
    for k in range(first, last):
        d = tree.depth[k]
        while top >= d:
            excess += _read_branch(top, s.at[top], tree, gauges, block, s, tally)
            top -= 1
        begin, end = demand.start[k], demand.start[k + 1]
        _stand(d, k, tree, demand, taps, block, s)
        low = _read_voltage(d, k, tree, gauges, block, s, tally)
        drawn = drawn + _read_demand(begin, end, demand, block, s, tally)
        _record(k, gauges, block, s)
        if any_below(low, least):
            least, where = lowest(low), k
            if least < SOUND_PU**2:  # such a solution may be none: its hour is asked for
                lane = _hour_of(s.row, least, block.span[1])
        s.at[d] = k
        top = d
    while top > floor:
        excess += _read_branch(top, s.at[top], tree, gauges, block, s, tally)
        top -= 1
    for i in range(LANES):
        s.fed[i] += s.current[floor * ROW + i]
    record_taps(taps, block, s)
    return where, lane, least, excess - total(drawn)


@njit(nogil=True)
def read_source(number, vm_pu, block, s, tally):
    """Power fed by the source of a tree, and its peak."""
    for i in range(block.span[1]):
        fed = vm_pu * s.fed[i]
        tally.fed[number] += fed
        if fed > tally.fed_max[number]:
            tally.fed_max[number] = fed
            tally.fed_max_hour[number] = block.span[0] + i
