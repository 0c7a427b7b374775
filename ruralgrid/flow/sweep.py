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

All compiled functions stand in this one file, and only the entry is cached on disk: numba's cache
notices a change in the file of the function called, and in no other.
"""

# mypy: disable-error-code="no-untyped-def"
# numba infers the types; the arrays are described in ruralgrid.flow.arrays

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from ruralgrid.flow.arrays import CONVERGED, LANES, LOW_VOLTAGE, NO_CONVERGENCE

__all__ = ["solve_block"]

_MAX_WALKS: Final = 400
_CLAMP2: Final = 0.25  # below 0.5 pu a load is an impedance, so that no walk runs away from 1/0
_REJECT2: Final = 0.25  # a solution below 0.5 pu is on the wrong branch
_FAST: Final = {"reassoc", "contract", "nsz", "arcp"}  # NaN and infinity keep their meaning


@njit(fastmath=_FAST, nogil=True)
def _drop_voltage(ur, ui, vr, vi, jr, ji, zr, zi):
    """U = V - z J."""
    for i in range(LANES):
        a, b = jr[i], ji[i]
        ur[i] = vr[i] - (zr * a - zi * b)
        ui[i] = vi[i] - (zr * b + zi * a)


@njit(fastmath=_FAST, nogil=True)
def _start_current(cr, ci, err, ur, ui, yr, yi):
    """The current of the shunts, on which loads and children are then added."""
    if yr == 0.0 and yi == 0.0:
        for i in range(LANES):
            cr[i] = 0.0
            ci[i] = 0.0
            err[i] = 0.0
    else:
        for i in range(LANES):
            cr[i] = yr * ur[i] - yi * ui[i]
            ci[i] = yr * ui[i] + yi * ur[i]
            err[i] = 0.0


@njit(fastmath=_FAST, nogil=True)
def _draw(cr, ci, ur, ui, p, q, factor_p, factor_q, zip_p, zip_q, ratio2):
    """Add conj(S/U) for shares of constant power and impedance."""
    ap, cp, aq, cq = zip_p[0], zip_p[2], zip_q[0], zip_q[2]
    for i in range(LANES):
        a, b = ur[i], ui[i]
        m2 = (a * a + b * b) * ratio2
        r = 1.0 / (m2 if m2 > _CLAMP2 else _CLAMP2)
        wp = p * factor_p[i] * (ap * r + cp)
        wq = q * factor_q[i] * (aq * r + cq)
        cr[i] += wp * a + wq * b
        ci[i] += wp * b - wq * a


@njit(fastmath=_FAST, nogil=True)
def _draw_zip(cr, ci, ur, ui, p, q, factor_p, factor_q, zip_p, zip_q, ratio2):
    """Add conj(S/U) for shares of constant power, current and impedance."""
    ap, bp, cp = zip_p[0], zip_p[1], zip_p[2]
    aq, bq, cq = zip_q[0], zip_q[1], zip_q[2]
    for i in range(LANES):
        a, b = ur[i], ui[i]
        m2 = (a * a + b * b) * ratio2
        s = 1.0 / np.sqrt(m2 if m2 > _CLAMP2 else _CLAMP2)
        wp = p * factor_p[i] * ((ap * s + bp) * s + cp)
        wq = q * factor_q[i] * ((aq * s + bq) * s + cq)
        cr[i] += wp * a + wq * b
        ci[i] += wp * b - wq * a


@njit(fastmath=_FAST, nogil=True)
def _gather_power(pr, qr, demand, factors, first, last):
    pr[:] = 0.0
    qr[:] = 0.0
    for g in range(first, last):
        row = factors[demand.profile[g]]
        p, q = demand.p[g], demand.q[g]
        for i in range(LANES):
            pr[i] += p * row[i]
            qr[i] += q * row[i]


@njit(fastmath=_FAST, nogil=True)
def _draw_demand(k, cr, ci, ur, ui, demand, factors, ratio2, pr, qr):
    """Add the current of all that is drawn at position `k`."""
    first, last = demand.start[k], demand.start[k + 1]
    if first == last:
        return
    if last - first == 1:
        row = factors[demand.profile[first]]
        p, q = demand.p[first], demand.q[first]
        pf, qf = row, row
    else:
        _gather_power(pr, qr, demand, factors, first, last)
        p, q = 1.0, 1.0
        pf, qf = pr, qr
    if demand.has_current[k]:
        _draw_zip(cr, ci, ur, ui, p, q, pf, qf, demand.zip_p[k], demand.zip_q[k], ratio2)
    else:
        _draw(cr, ci, ur, ui, p, q, pf, qf, demand.zip_p[k], demand.zip_q[k], ratio2)


@njit(fastmath=_FAST, nogil=True)
def _hand_up(jr, ji, cr, ci, up_cr, up_ci, err, up_err, z_abs):
    """Keep the new branch current, add it to the parent's, and bound the change it brings."""
    for i in range(LANES):
        nr, ni = cr[i], ci[i]
        e = z_abs * (abs(nr - jr[i]) + abs(ni - ji[i])) + err[i]
        up = up_err[i]
        up_err[i] = e if e > up else up
        up_cr[i] += nr
        up_ci[i] += ni
        jr[i] = nr
        ji[i] = ni


@njit(fastmath=_FAST, nogil=True)
def _walk(first, last, tree, demand, factors, vm_pu, s):
    """One iteration of the tree in rows `first` to `last`; ``err[0]`` bounds its change."""
    top = -1
    for k in range(first, last):
        d = tree.depth[k]
        while top >= d and top > 0:
            j = s.at[top] - first
            _hand_up(
                s.jr[j], s.ji[j], s.cr[top], s.ci[top], s.cr[top - 1], s.ci[top - 1],
                s.err[top], s.err[top - 1], tree.z_abs[s.at[top]],
            )  # fmt: skip
            top -= 1
        if d == 0:
            s.ur[0, :] = vm_pu
            s.ui[0, :] = 0.0
        else:
            j = k - first
            _drop_voltage(
                s.ur[d], s.ui[d], s.ur[d - 1], s.ui[d - 1], s.jr[j], s.ji[j],
                tree.zr[k], tree.zi[k],
            )  # fmt: skip
        _start_current(s.cr[d], s.ci[d], s.err[d], s.ur[d], s.ui[d], tree.yr[k], tree.yi[k])
        _draw_demand(
            k, s.cr[d], s.ci[d], s.ur[d], s.ui[d], demand, factors, tree.ratio2[k], s.pr, s.qr
        )
        s.at[d] = k
        top = d
    while top > 0:
        j = s.at[top] - first
        _hand_up(
            s.jr[j], s.ji[j], s.cr[top], s.ci[top], s.cr[top - 1], s.ci[top - 1],
            s.err[top], s.err[top - 1], tree.z_abs[s.at[top]],
        )  # fmt: skip
        top -= 1


@njit(nogil=True)
def _error_left(now, before, limit):
    """Largest voltage error [pu] that one more walk leaves, the changes shrinking as they did.

    Never below ten times the last change: losses are products of voltages and reactances and hold
    fewer digits. Not a number is infinity.
    """
    worst = 0.0
    for i in range(LANES):
        e, b = now[i], before[i]
        if not e < 1e30:
            return np.inf
        if e <= 0.01 * limit:  # at rounding level a change shrinks no more
            continue
        shrink = e / b if b > 0.0 else 1.0
        left = e * shrink / (1.0 - shrink) if shrink < 1.0 else 1e29
        worst = max(worst, left, 10.0 * e)
    return worst


@njit(nogil=True)
def _converge_tree(first, last, tree, demand, factors, vm_pu, tolerance_pu, s):
    """Iterate one tree for one block of hours until one more walk is exact within `tolerance_pu`.

    Returns
    -------
    status : int
        `CONVERGED` or `NO_CONVERGENCE`.
    walks : int
        Iterations done.
    lane : int
        The worst hour of the block, if it did not converge.
    """
    s.jr[: last - first] = 0.0
    s.ji[: last - first] = 0.0
    before = np.full(LANES, np.inf)
    for walk in range(_MAX_WALKS):
        _walk(first, last, tree, demand, factors, vm_pu, s)
        left = _error_left(s.err[0], before, tolerance_pu)
        if left <= tolerance_pu:
            return CONVERGED, walk + 1, 0
        if left == np.inf:
            break
        before[:] = s.err[0]
    lane = 0
    for i in range(LANES):
        if not s.err[0, i] <= s.err[0, lane]:
            lane = i
    return NO_CONVERGENCE, _MAX_WALKS, lane


@njit(fastmath=_FAST, nogil=True)
def _branch_loss(jr, ji, cr, ci, zr, zi, width):
    """Sum over the hours of Re(z J conj J')."""
    dot, cross = 0.0, 0.0
    for i in range(width):
        dot += jr[i] * cr[i] + ji[i] * ci[i]
        cross += ji[i] * cr[i] - jr[i] * ci[i]
    return zr * dot - zi * cross


@njit(fastmath=_FAST, nogil=True)
def _end_current(out, cr, ci, ur, ui, yr, yi, factor2):
    """Raise `out` to the squared current at one end: the series current and the end's shunt."""
    for i in range(LANES):
        a = cr[i] + (yr * ur[i] - yi * ui[i])
        b = ci[i] + (yr * ui[i] + yi * ur[i])
        m = factor2 * (a * a + b * b)
        out[i] = m if m > out[i] else out[i]


@njit(nogil=True)
def _highest(row, width):
    best = 0
    for i in range(1, width):
        if row[i] > row[best]:
            best = i
    return best


@njit(nogil=True)
def _lowest(row, width):
    best = 0
    for i in range(1, width):
        if row[i] < row[best]:
            best = i
    return best


@njit(fastmath=_FAST, nogil=True)
def _count_beyond(v2, limit2, is_low, width):
    count = 0
    if is_low:
        for i in range(width):
            count += 1 if v2[i] < limit2 else 0
    else:
        for i in range(width):
            count += 1 if v2[i] > limit2 else 0
    return count


@njit(fastmath=_FAST, nogil=True)
def _served(v2, factor, cp, ci, cz, width):
    """Sum over the hours of profile times voltage dependence."""
    total = 0.0
    if ci == 0.0 and cz == 0.0:
        for i in range(width):
            total += factor[i]
        return total
    for i in range(width):
        total += factor[i] * (cp + ci * np.sqrt(v2[i]) + cz * v2[i])
    return total


@njit(fastmath=_FAST, nogil=True)
def _squares(v2, ur, ui, ratio2, width):
    total = 0.0
    for i in range(width):
        m = ur[i] * ur[i] + ui[i] * ui[i]
        v2[i] = m * ratio2
        total += m
    return total


@njit(nogil=True)
def _read_voltage(k, hour, width, tree, demand, gauges, factors, s, d, tally, recorded):
    """Everything that position `k` tells while its voltage is on the stack."""
    v2 = s.pr
    tally.u2[k] += _squares(v2, s.ur[d], s.ui[d], tree.ratio2[k], width)
    low, high = _lowest(v2, width), _highest(v2, width)
    if v2[low] < tally.v2_min[k]:
        tally.v2_min[k], tally.v2_min_hour[k] = v2[low], hour + low
    if v2[high] > tally.v2_max[k]:
        tally.v2_max[k], tally.v2_max_hour[k] = v2[high], hour + high
    for probe in range(gauges.probe_start[k], gauges.probe_start[k + 1]):
        tally.beyond[probe] += _count_beyond(
            v2, gauges.probe_limit2[probe], gauges.probe_is_low[probe], width
        )
    row = gauges.record_row[k]
    if row >= 0:
        for i in range(width):
            recorded[row, hour + i] = np.sqrt(v2[i])
    for g in range(demand.start[k], demand.start[k + 1]):
        zp = demand.zip_p[k] / tree.ratio2[k]
        tally.served[g] += _served(v2, factors[demand.profile[g]], zp[0], zp[1], zp[2], width)
    return v2[low]


@njit(nogil=True)
def _read_branch(k, j, d, hour, width, tree, gauges, s, tally):
    """Loss and highest current of the branch above position `k`."""
    tally.loss[k] += _branch_loss(s.jr[j], s.ji[j], s.cr[d], s.ci[d], tree.zr[k], tree.zi[k], width)
    row = s.pr
    row[:] = 0.0
    _end_current(
        row, s.cr[d], s.ci[d], s.ur[d - 1], s.ui[d - 1],
        gauges.near_yr[k], gauges.near_yi[k], gauges.near_factor2[k],
    )  # fmt: skip
    _end_current(
        row, s.cr[d], s.ci[d], s.ur[d], s.ui[d],
        -gauges.far_yr[k], -gauges.far_yi[k], gauges.far_factor2[k],
    )  # fmt: skip
    high = _highest(row, width)
    if row[high] > tally.current2[k]:
        tally.current2[k], tally.current_hour[k] = row[high], hour + high
    s.cr[d - 1] += s.cr[d]
    s.ci[d - 1] += s.ci[d]


@njit(nogil=True)
def _tally_walk(
    number, first, last, hour, width, tree, demand, gauges, factors, vm_pu, s, tally, recorded
):
    """The last walk of a block; returns where the voltage was lowest, and that voltage squared."""
    top, lowest, where = -1, np.inf, first
    for k in range(first, last):
        d = tree.depth[k]
        while top >= d and top > 0:
            _read_branch(s.at[top], s.at[top] - first, top, hour, width, tree, gauges, s, tally)
            top -= 1
        if d == 0:
            s.ur[0, :] = vm_pu
            s.ui[0, :] = 0.0
        else:
            j = k - first
            _drop_voltage(
                s.ur[d], s.ui[d], s.ur[d - 1], s.ui[d - 1], s.jr[j], s.ji[j],
                tree.zr[k], tree.zi[k],
            )  # fmt: skip
        _start_current(s.cr[d], s.ci[d], s.err[d], s.ur[d], s.ui[d], tree.yr[k], tree.yi[k])
        _draw_demand(
            k, s.cr[d], s.ci[d], s.ur[d], s.ui[d], demand, factors, tree.ratio2[k], s.pr, s.qr
        )
        low = _read_voltage(k, hour, width, tree, demand, gauges, factors, s, d, tally, recorded)
        if not low >= lowest:
            lowest, where = low, k
        s.at[d] = k
        top = d
    while top > 0:
        _read_branch(s.at[top], s.at[top] - first, top, hour, width, tree, gauges, s, tally)
        top -= 1
    for i in range(width):
        fed = vm_pu * s.cr[0, i]
        tally.fed[number] += fed
        if fed > tally.fed_max[number]:
            tally.fed_max[number], tally.fed_max_hour[number] = fed, hour + i
    return where, lowest


@njit(cache=True, nogil=True)
def solve_block(
    trees, vm_pu, hour, width, tree, demand, gauges, factors, tolerance_pu, s, tally, recorded
):
    """Solve all trees for the `width` hours from `hour` on, and add them to `tally`.

    A tree that has no solution in some hour is marked and left alone from then on.
    """
    for number in range(len(vm_pu)):
        if tally.status[number] != CONVERGED:
            continue
        first, last = trees[number], trees[number + 1]
        status, walks, lane = _converge_tree(
            first, last, tree, demand, factors, vm_pu[number], tolerance_pu, s
        )
        tally.walks[number] += walks
        where = -1
        if status == CONVERGED:
            where, lowest = _tally_walk(
                number, first, last, hour, width, tree, demand, gauges, factors,
                vm_pu[number], s, tally, recorded,
            )  # fmt: skip
            if not lowest >= _REJECT2:
                status, lane = LOW_VOLTAGE, tally.v2_min_hour[where] - hour
        if status != CONVERGED:
            tally.status[number] = status
            tally.failed_hour[number] = hour + min(lane, width - 1)
            tally.failed_at[number] = where
