r"""The last walk of a block: the reductions of a year, taken while the voltages are at hand.

The sums close exactly, as in `ruralgrid.flow.tally`: the voltages obey Kirchhoff's second law with
the old currents, the new currents, drawn at exactly these voltages, the first; by Tellegen's
theorem the losses :math:`\Re(\Delta u_k J_k^*)` and the loads sum to what leaves the transformer.
What returns through the earth moves loss from the sections to the electrodes: a section's own is
its share and :math:`\Re(\Delta u_n X^*)`, an electrode's heat is counted with the section above.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types; the arrays are described in ruralgrid.flow.four_wire.arrays

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from ruralgrid.flow.four_wire.arrays import BETWEEN, LANES, PAIR, ROW
from ruralgrid.flow.four_wire.walk import (
    between,
    current_at,
    draw,
    neutral_at,
    three_phases,
)
from ruralgrid.flow.vectors import (
    WIDTH,
    any_above,
    any_below,
    highest,
    is_below,
    larger,
    load,
    lowest,
    reciprocal,
    reciprocal_sqrt,
    size_of,
    smaller,
    spread,
    store,
    total,
)

__all__ = ["tally_walk"]

_HALF_ROOT: Final = 0.75**0.5


@njit(nogil=True)
def _hour_of(row, value):
    """The first hour in which `row` holds `value`; those that fill up a block are its last."""
    for i in range(LANES):
        if row[i] == value:
            return i
    return LANES - 1


@njit(nogil=True, forceinline=True)
def _hour(h, lane, hours):
    """Place of a lane in the year."""
    return hours.place[h + lane]


@njit(nogil=True, forceinline=True)
def _read_phase(i, k, r, h, present, g, hours, s, t):
    """Voltages squared of one phase into its row; lowest, highest and hours below limits."""
    low, high = spread(np.inf), spread(0.0)
    for c in range(0, LANES, WIDTH):
        at = r * ROW + i * PAIR + c
        ur, ui = load(s.u, at), load(s.u, at + LANES)
        square = ur * ur + ui * ui
        store(s.square, i * LANES + c, square)
        low, high = smaller(low, square), larger(high, square)
    if not present & (1 << i):
        return
    if any_above(high, t.max_u[3 * k + i]):
        t.max_u[3 * k + i] = highest(high)
    if any_below(low, t.min_u[3 * k + i]):
        t.min_u[3 * k + i] = lowest(low)
    for n in range(g.sizes[0]):
        slot = n * g.sizes[2] + k
        if any_below(low, g.limit2[slot]):
            hits = spread(0.0)
            for c in range(0, LANES, WIDTH):
                hit = is_below(load(s.square, i * LANES + c), g.limit2[slot])
                hits = hits + hit * load(hours.weight, h + c)
            t.phase_beyond[3 * slot + i] += total(hits)


@njit(nogil=True, forceinline=True)
def _count_beyond(h, sign, limit2, slot, hours, s, t):
    """Hours in which the row at hand, times `sign`, is below a limit."""
    hits = spread(0.0)
    for c in range(0, LANES, WIDTH):
        hit = is_below(sign * load(s.row, c), sign * limit2)
        hits = hits + hit * load(hours.weight, h + c)
    t.beyond[slot] += total(hits)


@njit(nogil=True, forceinline=True)
def _read_lowest(k, h, connected, g, hours, s, t):
    """Lowest of the connected phases, and the hours of it below limits (NaN is none)."""
    worst = spread(np.inf)
    for c in range(0, LANES, WIDTH):
        least = spread(np.inf)
        for i in range(3):
            if connected & (1 << i):
                least = smaller(least, load(s.square, i * LANES + c))
        store(s.row, c, least)
        worst = smaller(worst, least)
    if any_below(worst, t.u2_min[k]):
        t.u2_min[k] = lowest(worst)
        t.u2_min_hour[k] = _hour(h, _hour_of(s.row, t.u2_min[k]), hours)
    for n in range(g.sizes[0]):
        slot = n * g.sizes[2] + k
        if any_below(worst, g.limit2[slot]):
            _count_beyond(h, 1.0, g.limit2[slot], slot, hours, s, t)
    return worst


@njit(nogil=True, forceinline=True)
def _read_highest(k, h, connected, g, hours, s, t):
    """Highest of the connected phases, and the hours of it above limits (NaN is none)."""
    worst = spread(0.0)
    for c in range(0, LANES, WIDTH):
        most = spread(0.0)
        for i in range(3):
            if connected & (1 << i):
                most = larger(most, load(s.square, i * LANES + c))
        store(s.row, c, most)
        worst = larger(worst, most)
    if any_above(worst, t.u2_max[k]):
        t.u2_max[k] = highest(worst)
        t.u2_max_hour[k] = _hour(h, _hour_of(s.row, t.u2_max[k]), hours)
    for n in range(g.sizes[0], g.sizes[0] + g.sizes[1]):
        slot = n * g.sizes[2] + k
        if any_above(worst, g.limit2[slot]):
            _count_beyond(h, -1.0, g.limit2[slot], slot, hours, s, t)


@njit(nogil=True, forceinline=True)
def _read_unbalance(k, r, s, t):
    """Negative over positive sequence, squared, of the three voltages, where it is the highest."""
    before, more = t.unbalance2[k], spread(0.0)
    for c in range(0, LANES, WIDTH):
        a, b, d = r * ROW + c, r * ROW + PAIR + c, r * ROW + 2 * PAIR + c
        br, bi = load(s.u, b), load(s.u, b + LANES)
        cr, ci = load(s.u, d), load(s.u, d + LANES)
        mr = load(s.u, a) - 0.5 * (br + cr)
        mi = load(s.u, a + LANES) - 0.5 * (bi + ci)
        xr, xi = _HALF_ROOT * (ci - bi), _HALF_ROOT * (br - cr)
        pr, pi, nr, ni = mr + xr, mi + xi, mr - xr, mi - xi
        negative, positive = nr * nr + ni * ni, pr * pr + pi * pi
        if any_above(negative - before * positive, 0.0):
            more = larger(more, negative * reciprocal(positive))
    t.unbalance2[k] = max(before, highest(more))


@njit(nogil=True, forceinline=True)
def _read_neutral(k, r, s, t):
    worst = spread(0.0)
    for c in range(0, LANES, WIDTH):
        nr, ni = load(s.un, r * PAIR + c), load(s.un, r * PAIR + LANES + c)
        worst = larger(worst, nr * nr + ni * ni)
    if any_above(worst, t.un2_max[k]):
        t.un2_max[k] = highest(worst)


@njit(nogil=True, forceinline=True)
def _following(square, cp, ci, cz):
    """Power at a voltage squared over that at nominal voltage."""
    drawn = cp + cz * square
    if ci != 0.0:
        drawn = drawn + ci * (square * reciprocal_sqrt(square))
    return drawn


@njit(nogil=True, forceinline=True)
def _drawn_of(c, i, r, cp, ci, cz, s):
    """The same of a load on phase `i`, or in the mean of three legs between the phases."""
    if i != BETWEEN:
        return _following(load(s.square, i * LANES + c), cp, ci, cz)
    drawn = spread(0.0)
    for leg in range(3):
        _, _, square = between(c, leg, (leg + 1) % 3, r, s)
        drawn = drawn + _following(square, cp, ci, cz)
    return drawn * (1.0 / 3.0)


@njit(nogil=True, forceinline=True)
def _read_demand(k, r, h, d, hours, s, t):
    """Energy of every group of a position; returns the sum of all, each hour without sign."""
    share, drawn_by_all = d.share_p, spread(0.0)
    for point in range(d.point[k], d.point[k + 1]):
        i = d.phase[point]
        for g in range(d.group[point], d.group[point + 1]):
            energy, unsigned, at = spread(0.0), spread(0.0), d.profile[g] * hours.span[0] + h
            cp, ci, cz = share[3 * g], share[3 * g + 1], share[3 * g + 2]
            for c in range(0, LANES, WIDTH):
                drawn = _drawn_of(c, i, r, cp, ci, cz, s)
                part = load(hours.factors, at + c) * (load(hours.weight, h + c) * drawn)
                energy, unsigned = energy + part, unsigned + size_of(part)
            t.served[g] += total(energy)
            drawn_by_all = drawn_by_all + abs(d.p[g]) * unsigned
    return drawn_by_all


@njit(nogil=True, forceinline=True)
def _line_loss(c, r, up, s):
    """Active power that the section above row `r` takes from its phases, against the neutral."""
    power = spread(0.0)
    for i in range(3):
        at, above = r * ROW + i * PAIR + c, up * ROW + i * PAIR + c
        jr, ji = load(s.j, at), load(s.j, at + LANES)
        dr = load(s.u, above) - load(s.u, at)
        di = load(s.u, above + LANES) - load(s.u, at + LANES)
        power = power + dr * jr + di * ji
    return power


@njit(nogil=True, forceinline=True)
def _earth_loss(c, k, r, up, g, s):
    """What the earth's return adds to a section, and the heat of the electrode behind it."""
    at, above = r * PAIR + c, up * PAIR + c
    nr, ni = load(s.un, at), load(s.un, at + LANES)
    xr = load(s.earth, at) + g.electrode[k] * nr
    xi = load(s.earth, at + LANES) + g.electrode[k] * ni
    store(s.earth, at, xr)
    store(s.earth, at + LANES, xi)
    store(s.earth, above, load(s.earth, above) + xr)
    store(s.earth, above + LANES, load(s.earth, above + LANES) + xi)
    dr, di = load(s.un, above) - nr, load(s.un, above + LANES) - ni
    return dr * xr + di * xi + g.electrode[k] * (nr * nr + ni * ni)


@njit(nogil=True, forceinline=True)
def _read_section(k, r, up, h, w, g, hours, s, t):
    """Loss and highest currents of the section above row `r`; hands its currents up."""
    loss, heat = spread(0.0), spread(0.0)
    peak, neutral_peak, loading = spread(0.0), spread(0.0), spread(0.0)
    for c in range(0, LANES, WIDTH):
        weight = load(hours.weight, h + c)
        power = _line_loss(c, r, up, s)
        nr, ni, most = spread(0.0), spread(0.0), spread(0.0)
        if w.earthed[k]:
            power = power + _earth_loss(c, k, r, up, g, s)
            nr, ni = load(s.earth, r * PAIR + c), load(s.earth, r * PAIR + LANES + c)
        for i in range(3):
            jr, ji = current_at(c, i, r, s)
            nr, ni = nr - jr, ni - ji
            most = larger(most, jr * jr + ji * ji)
            at = up * ROW + i * PAIR + c
            store(s.j, at, load(s.j, at) + jr)
            store(s.j, at + LANES, load(s.j, at + LANES) + ji)
        neutral = nr * nr + ni * ni
        loss, heat = loss + weight * power, heat + weight * neutral
        peak, neutral_peak = larger(peak, most), larger(neutral_peak, neutral)
        both = larger(most, g.neutral_factor2[k] * neutral)
        store(s.row, c, both)
        loading = larger(loading, both)
    t.neutral2[k] += total(heat)
    if any_above(peak, t.current2[k]):
        t.current2[k] = highest(peak)
    if any_above(neutral_peak, t.neutral2_max[k]):
        t.neutral2_max[k] = highest(neutral_peak)
    if any_above(loading, t.loading2[k]):
        t.loading2[k] = highest(loading)
        t.loading_hour[k] = _hour(h, _hour_of(s.row, t.loading2[k]), hours)
    lost = total(loss)
    t.loss[k] += lost
    return lost


@njit(nogil=True)
def tally_walk(first, last, h, w, d, g, hours, s, t):
    """The last walk of a block over an area.

    Returns the lowest voltage squared of the connected phases and by how much loss exceeds load.
    """
    least, drawn, excess = spread(np.inf), spread(0.0), 0.0
    for k in range(first, last):
        r = k - first + 1
        up = w.parent[k] - first + 1 if k > first else 0
        neutral_at(k, r, up, w, s)
        three_phases(k, r, up, 0, w, s)
        draw(k, r, h, w, d, hours, s)
        present, connected = g.present[k], g.connected[k]
        for i in range(3):
            _read_phase(i, k, r, h, present, g, hours, s, t)
        least = smaller(least, _read_lowest(k, h, connected, g, hours, s, t))
        _read_highest(k, h, connected, g, hours, s, t)
        if present == 7:
            _read_unbalance(k, r, s, t)
        _read_neutral(k, r, s, t)
        drawn = drawn + _read_demand(k, r, h, d, hours, s, t)
    if w.earthed[first]:
        for c in range(0, (last - first + 1) * PAIR, WIDTH):
            store(s.earth, c, spread(0.0))
    for k in range(last - 1, first, -1):
        r, up = k - first + 1, w.parent[k] - first + 1
        excess += _read_section(k, r, up, h, w, g, hours, s, t)
    return lowest(least), excess - total(drawn)
