r"""One walk over a transformer area for a block of hours: forwards for voltages, backwards for
currents.

The neutral is eliminated exactly. Without an electrode on the line all current of the phases
returns in it, and the drop from phase to neutral is

.. math:: \Delta u_i = \sum_j (Z_{ij} - Z_{in} - Z_{nj} + Z_{nn}) J_j,

a matrix of three phases with no approximation. With electrodes, :math:`X_k` returns through the
earth, which is the sum of their currents behind section k: the drop gains :math:`(Z_{in} - Z_{nn})
X_k`, and the voltage of the neutral, :math:`u_n`, falls by :math:`w J + Z_{nn} X_k` with :math:`w_j
= Z_{nj} - Z_{nn}`. At given phase currents that is a linear tree, solved by elimination in the same
two passes: :math:`X_k = Y_k u_n + C_k` at the parent's :math:`u_n`, where

.. math:: G_k = g_k + \sum Y, \quad Y_k = G_k / (1 + G_k Z_{nn}),
   \quad C_k = (\sum C - G_k w J) / (1 + G_k Z_{nn}),

sums over the children, g the electrode; at the star point :math:`u_n = -\sum C / (g + G)`.

A section carries only the phases that have load behind them. Each row holds `LANES` hours of one
quantity, eight of them to a vector register.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types; the arrays are described in ruralgrid.flow.four_wire.arrays

from __future__ import annotations

from typing import Final

from numba import njit

from ruralgrid.flow.four_wire.arrays import BETWEEN, LANES, PAIR, ROW
from ruralgrid.flow.vectors import (
    WIDTH,
    larger,
    load,
    reciprocal,
    reciprocal_sqrt,
    size_of,
    spread,
    store,
)

__all__ = [
    "backwards",
    "between",
    "current_at",
    "draw",
    "forwards",
    "neutral_at",
    "neutral_drop",
    "neutral_forwards",
    "three_phases",
]

_CLAMP: Final = 0.25
"""Below half the voltage (squared) a load is taken as an impedance: no walk runs away."""


@njit(nogil=True, forceinline=True)
def current_at(c, j, r, s):
    """Current of phase `j` of the section above row `r`."""
    at = r * ROW + j * PAIR + c
    return load(s.j, at), load(s.j, at + LANES)


@njit(nogil=True, forceinline=True)
def _taken_off(ur, ui, i, j, k, jr, ji, w):
    """Voltage of phase `i` less what the current of phase `j` of section `k` takes off it."""
    zr, zi = w.zr[9 * k + 3 * i + j], w.zi[9 * k + 3 * i + j]
    return ur - zr * jr + zi * ji, ui - zr * ji - zi * jr


@njit(nogil=True, forceinline=True)
def _above(c, i, up, s):
    """Voltage of phase `i` at the parent."""
    at = up * ROW + i * PAIR + c
    return load(s.u, at), load(s.u, at + LANES)


@njit(nogil=True, forceinline=True)
def neutral_drop(c, k, r, w, s):
    """What the phase currents of the section above row `r` take off the neutral's voltage."""
    dr, di = spread(0.0), spread(0.0)
    for j in range(3):
        jr, ji = current_at(c, j, r, s)
        wr, wi = w.wr[3 * k + j], w.wi[3 * k + j]
        dr, di = dr + wr * jr - wi * ji, di + wr * ji + wi * jr
    return dr, di


@njit(nogil=True, forceinline=True)
def _star_point(k, r, w, s):
    """Voltage of the neutral at the transformer, row `r`."""
    yr, yi = w.gain[4 * k], w.gain[4 * k + 1]
    for c in range(0, LANES, WIDTH):
        at = r * PAIR + c
        sr, si = load(s.earth, at), load(s.earth, at + LANES)
        store(s.un, at, yr * sr - yi * si)
        store(s.un, at + LANES, yr * si + yi * sr)
        store(s.earth, at, spread(0.0))
        store(s.earth, at + LANES, spread(0.0))


@njit(nogil=True, forceinline=True)
def neutral_forwards(k, r, up, w, s):
    """Voltage of the neutral at row `r`, and X of its section in the place of C."""
    yr, yi, zr, zi = w.gain[4 * k], w.gain[4 * k + 1], w.nr[k], w.ni[k]
    for c in range(0, LANES, WIDTH):
        at = r * PAIR + c
        nr, ni = load(s.un, up * PAIR + c), load(s.un, up * PAIR + LANES + c)
        dr, di = neutral_drop(c, k, r, w, s)
        if w.earthed[k]:
            xr = load(s.earth, at) + (yr * nr - yi * ni)
            xi = load(s.earth, at + LANES) + (yr * ni + yi * nr)
            store(s.earth, at, xr)
            store(s.earth, at + LANES, xi)
            dr, di = dr + (zr * xr - zi * xi), di + (zr * xi + zi * xr)
        store(s.un, at, nr - dr)
        store(s.un, at + LANES, ni - di)


@njit(nogil=True, forceinline=True)
def neutral_at(k, r, up, w, s):
    """Voltage of the neutral at row `r`, at the star point or behind a section."""
    if up > 0:
        neutral_forwards(k, r, up, w, s)
    elif w.earthed[k]:
        _star_point(k, r, w, s)


@njit(nogil=True, forceinline=True)
def _neutral_backwards(k, r, up, w, s):
    """C of the section above row `r` from the sum of those behind it; handed to the parent."""
    gr, gi = w.gain[4 * k + 2], w.gain[4 * k + 3]  # G / (1 + G Znn) is Y; here 1 / (1 + G Znn)
    yr, yi = w.gain[4 * k], w.gain[4 * k + 1]
    for c in range(0, LANES, WIDTH):
        at = r * PAIR + c
        dr, di = neutral_drop(c, k, r, w, s)
        sr, si = load(s.earth, at), load(s.earth, at + LANES)
        cr = (gr * sr - gi * si) - (yr * dr - yi * di)
        ci = (gr * si + gi * sr) - (yr * di + yi * dr)
        store(s.earth, at, cr)
        store(s.earth, at + LANES, ci)
        at = up * PAIR + c
        store(s.earth, at, load(s.earth, at) + cr)
        store(s.earth, at + LANES, load(s.earth, at + LANES) + ci)


@njit(nogil=True, forceinline=True)
def _less_earth(c, i, k, r, ur, ui, w, s):
    xr, xi = load(s.earth, r * PAIR + c), load(s.earth, r * PAIR + LANES + c)
    zr, zi = w.wr[3 * k + i], w.wi[3 * k + i]
    return ur - zr * xr + zi * xi, ui - zr * xi - zi * xr


@njit(nogil=True, forceinline=True)
def _keep(c, i, r, ur, ui, tips, s):
    """Store a voltage; where a phase ends, note by how much it changed."""
    at = r * ROW + i * PAIR + c
    if tips & (1 << i):
        dr, di = ur - load(s.u, at), ui - load(s.u, at + LANES)
        change = size_of(dr) + size_of(di)
        store(s.change, c, larger(load(s.change, c), change))
    store(s.u, at, ur)
    store(s.u, at + LANES, ui)


@njit(nogil=True, forceinline=True)
def _one_of_three(c, i, k, r, up, tips, ar, ai, br, bi, cr, ci, w, s):
    ur, ui = _above(c, i, up, s)
    ur, ui = _taken_off(ur, ui, i, 0, k, ar, ai, w)
    ur, ui = _taken_off(ur, ui, i, 1, k, br, bi, w)
    ur, ui = _taken_off(ur, ui, i, 2, k, cr, ci, w)
    if w.earthed[k]:
        ur, ui = _less_earth(c, i, k, r, ur, ui, w, s)
    _keep(c, i, r, ur, ui, tips, s)


@njit(nogil=True, forceinline=True)
def three_phases(k, r, up, tips, w, s):
    """Voltages of all three phases at row `r`."""
    for c in range(0, LANES, WIDTH):
        ar, ai = current_at(c, 0, r, s)
        br, bi = current_at(c, 1, r, s)
        cr, ci = current_at(c, 2, r, s)
        _one_of_three(c, 0, k, r, up, tips, ar, ai, br, bi, cr, ci, w, s)
        _one_of_three(c, 1, k, r, up, tips, ar, ai, br, bi, cr, ci, w, s)
        _one_of_three(c, 2, k, r, up, tips, ar, ai, br, bi, cr, ci, w, s)


@njit(nogil=True, forceinline=True)
def _one_of_two(c, i, a, b, k, r, up, tips, ar, ai, br, bi, w, s):
    ur, ui = _above(c, i, up, s)
    ur, ui = _taken_off(ur, ui, i, a, k, ar, ai, w)
    ur, ui = _taken_off(ur, ui, i, b, k, br, bi, w)
    if w.earthed[k]:
        ur, ui = _less_earth(c, i, k, r, ur, ui, w, s)
    _keep(c, i, r, ur, ui, tips, s)


@njit(nogil=True, forceinline=True)
def _two_phases(a, b, k, r, up, tips, w, s):
    for c in range(0, LANES, WIDTH):
        ar, ai = current_at(c, a, r, s)
        br, bi = current_at(c, b, r, s)
        _one_of_two(c, a, a, b, k, r, up, tips, ar, ai, br, bi, w, s)
        _one_of_two(c, b, a, b, k, r, up, tips, ar, ai, br, bi, w, s)


@njit(nogil=True, forceinline=True)
def _one_phase(i, k, r, up, tips, w, s):
    for c in range(0, LANES, WIDTH):
        ar, ai = current_at(c, i, r, s)
        ur, ui = _above(c, i, up, s)
        ur, ui = _taken_off(ur, ui, i, i, k, ar, ai, w)
        if w.earthed[k]:
            ur, ui = _less_earth(c, i, k, r, ur, ui, w, s)
        _keep(c, i, r, ur, ui, tips, s)


@njit(nogil=True, forceinline=True)
def _drawn(c, g, inverse, has_current, h, d, hours):
    """What group `g` draws over the voltage squared, active and reactive."""
    factor, at, of = load(hours.factors, d.profile[g] * hours.span[0] + h + c), 6 * g, d.drawn
    if has_current:
        p = factor * ((inverse * of[at] + of[at + 1]) * inverse + of[at + 2])
        q = factor * ((inverse * of[at + 3] + of[at + 4]) * inverse + of[at + 5])
    else:
        p = factor * (inverse * of[at] + of[at + 2])
        q = factor * (inverse * of[at + 3] + of[at + 5])
    return p, q


@njit(nogil=True, forceinline=True)
def _inverse(square, has_current):
    """1/U where a share of constant current asks for it, else 1/U squared, which is cheaper."""
    return reciprocal_sqrt(square) if has_current else reciprocal(square)


@njit(nogil=True, forceinline=True)
def between(c, i, j, r, s):
    """Voltage from phase `i` to phase `j`, and its square over that of a balanced system."""
    a, b = r * ROW + i * PAIR + c, r * ROW + j * PAIR + c
    ur, ui = load(s.u, a) - load(s.u, b), load(s.u, a + LANES) - load(s.u, b + LANES)
    return ur, ui, (ur * ur + ui * ui) * (1.0 / 3.0)


@njit(nogil=True)
def _draw_between(r, h, first, last, has_current, d, hours, s):
    """Add the currents of loads between the phases: a third of the power in each leg.

    What leaves phase i for phase j returns there: no current is left for the neutral.
    """
    for i in range(3):
        j = (i + 1) % 3
        for c in range(0, LANES, WIDTH):
            ur, ui, square = between(c, i, j, r, s)
            inverse = _inverse(larger(square, spread(_CLAMP)), has_current)
            p, q = _drawn(c, first, inverse, has_current, h, d, hours)
            for g in range(first + 1, last):
                more_p, more_q = _drawn(c, g, inverse, has_current, h, d, hours)
                p, q = p + more_p, q + more_q
            jr, ji = (p * ur + q * ui) * (1.0 / 9.0), (p * ui - q * ur) * (1.0 / 9.0)
            at, to = r * ROW + i * PAIR + c, r * ROW + j * PAIR + c
            store(s.j, at, load(s.j, at) + jr)
            store(s.j, at + LANES, load(s.j, at + LANES) + ji)
            store(s.j, to, load(s.j, to) - jr)
            store(s.j, to + LANES, load(s.j, to + LANES) - ji)


@njit(nogil=True, forceinline=True)
def draw(k, r, h, w, d, hours, s):
    """Currents of the loads of position `k` into its row; zero where a phase has none."""
    blank = w.blank[k]
    for i in range(3):
        if blank & (1 << i):
            for c in range(0, PAIR, WIDTH):
                store(s.j, r * ROW + i * PAIR + c, spread(0.0))
    for point in range(d.point[k], d.point[k + 1]):
        first, last = d.group[point], d.group[point + 1]
        if d.phase[point] == BETWEEN:  # the last point of a position: the others are stored
            _draw_between(r, h, first, last, d.has_current[point] != 0, d, hours, s)
            continue
        base, has_current = r * ROW + d.phase[point] * PAIR, d.has_current[point] != 0
        for c in range(0, LANES, WIDTH):
            ur, ui = load(s.u, base + c), load(s.u, base + LANES + c)
            inverse = _inverse(larger(ur * ur + ui * ui, spread(_CLAMP)), has_current)
            p, q = _drawn(c, first, inverse, has_current, h, d, hours)
            for g in range(first + 1, last):
                more_p, more_q = _drawn(c, g, inverse, has_current, h, d, hours)
                p, q = p + more_p, q + more_q
            store(s.j, base + c, p * ur + q * ui)
            store(s.j, base + LANES + c, p * ui - q * ur)


@njit(nogil=True)
def forwards(first, last, h, w, d, hours, s):
    """Voltages and load currents of an area, from the currents of the walk before."""
    for c in range(0, LANES, WIDTH):
        store(s.change, c, spread(0.0))
    for k in range(first, last):
        r, count, tips = k - first + 1, w.carried[k], w.tips[k]
        up = w.parent[k] - first + 1 if k > first else 0
        if w.earthed[k]:
            neutral_at(k, r, up, w, s)
        if count == 3:
            three_phases(k, r, up, tips, w, s)
        elif count == 2:
            _two_phases(w.phase_a[k], w.phase_b[k], k, r, up, tips, w, s)
        elif count == 1:
            _one_phase(w.phase_a[k], k, r, up, tips, w, s)
        draw(k, r, h, w, d, hours, s)


@njit(nogil=True, forceinline=True)
def _hand_up(i, r, up, s):
    for c in range(0, PAIR, WIDTH):
        at = up * ROW + i * PAIR + c
        store(s.j, at, load(s.j, at) + load(s.j, r * ROW + i * PAIR + c))


@njit(nogil=True)
def backwards(first, last, w, s):
    """Branch currents of an area from its load currents; C of what returns through the earth."""
    if w.earthed[first]:
        for c in range(0, (last - first + 1) * PAIR, WIDTH):
            store(s.earth, c, spread(0.0))
    for k in range(last - 1, first, -1):
        r, up, count = k - first + 1, w.parent[k] - first + 1, w.carried[k]
        if count == 3:
            for i in range(3):
                _hand_up(i, r, up, s)
        else:
            if count > 0:
                _hand_up(w.phase_a[k], r, up, s)
            if count > 1:
                _hand_up(w.phase_b[k], r, up, s)
        if w.earthed[k]:
            _neutral_backwards(k, r, up, w, s)
