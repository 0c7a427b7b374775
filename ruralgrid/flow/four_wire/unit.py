r"""The transformer above an area: its source behind an impedance, what it takes and loses.

With the series impedance z, the magnetising admittance y in its middle (pandapower's T model), E
the unloaded voltage of a phase and J the phase currents that leave it,

.. math:: E' = E / (1 + y z / 2), \quad z' = z/2 + (z/2) / (1 + y z / 2), \quad
   I_{hv} = (\sum_i t_i J_i + n\, y E) / (1 + y z / 2)

where t turns phase i to the angle of phase a and n is the number of phases: only the positive
sequence brings power in, the voltage above being balanced. The matrix of the three phases has z'
in its positive and negative sequence and the zero sequence of the vector group.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types; the arrays are described in ruralgrid.flow.four_wire.arrays

from __future__ import annotations

from typing import Final

from numba import njit

from ruralgrid.flow.four_wire.arrays import LANES, PAIR, ROW, UNIT
from ruralgrid.flow.four_wire.walk import current_at
from ruralgrid.flow.vectors import WIDTH, any_above, highest, larger, load, spread, store, total

__all__ = ["power_above", "tally_unit"]

_TURN_R: Final = (1.0, -0.5, -0.5)
_TURN_I: Final = (0.0, 0.75**0.5, -(0.75**0.5))

_E, _YR, _YI, _TR, _TI, _LV2, _HV2, _STAR, _MASK, _COUNT = range(10)


@njit(nogil=True, forceinline=True)
def _turned(c, i, s):
    """Current of phase `i` at the busbar, turned to the angle of phase a."""
    jr, ji = current_at(c, i, 1, s)
    return _TURN_R[i] * jr - _TURN_I[i] * ji, _TURN_R[i] * ji + _TURN_I[i] * jr


@njit(nogil=True, forceinline=True)
def power_above(area, h, w, hours, s):
    """Store what an area takes above its transformer, P [kW] and Q [kvar], for a block of hours."""
    at, slot = UNIT * area, area * hours.span[0] + h
    count = w.unit[at + _COUNT]
    yr, yi = w.unit[at + _YR] * count, w.unit[at + _YI] * count
    tr, ti = w.unit[at + _TR], w.unit[at + _TI]
    for c in range(0, LANES, WIDTH):
        e = w.unit[at + _E] * load(hours.vm_pu, slot + c)
        ar, ai = _turned(c, 0, s)
        br, bi = _turned(c, 1, s)
        cr, ci = _turned(c, 2, s)
        jr, ji = ar + br + cr, ai + bi + ci
        store(hours.p_kw, slot + c, e * (tr * jr - ti * ji + yr * e))
        store(hours.q_kvar, slot + c, 0.0 - e * (tr * ji + ti * jr + yi * e))


@njit(nogil=True, forceinline=True)
def _winding_currents(c, e, at, w, s):
    """The highest current of the windings, relative to their rating, squared."""
    tr, ti = w.unit[at + _TR], w.unit[at + _TI]
    most, mask = spread(0.0), int(w.unit[at + _MASK])
    for i in range(3):
        if mask & (1 << i):
            jr, ji = _turned(c, i, s)
            most = larger(most, w.unit[at + _LV2] * (jr * jr + ji * ji))
            ar = tr * jr - ti * ji + w.unit[at + _YR] * e
            ai = tr * ji + ti * jr + w.unit[at + _YI] * e
            most = larger(most, w.unit[at + _HV2] * (ar * ar + ai * ai))
    return most


@njit(nogil=True, forceinline=True)
def _power_below(c, s):
    """Active power that leaves the busbar's phases, the sum of the voltages, and of squares."""
    power, square = spread(0.0), spread(0.0)
    sr, si = spread(0.0), spread(0.0)
    for i in range(3):
        jr, ji = current_at(c, i, 1, s)
        ur, ui = load(s.u, ROW + i * PAIR + c), load(s.u, ROW + i * PAIR + LANES + c)
        power = power + (ur * jr + ui * ji)
        square = square + (ur * ur + ui * ui)
        sr, si = sr + ur, si + ui
    return power, square, sr * sr + si * si


@njit(nogil=True, forceinline=True)
def tally_unit(area, h, w, hours, s, t):
    """Energies and highest loading of a transformer; returns what it lost."""
    at, slot = UNIT * area, area * hours.span[0] + h
    count, star = w.unit[at + _COUNT], w.unit[at + _STAR]
    common = 1.0 / 3.0 if count > 1.0 else 0.0
    taken, given, e2, u2, peak = spread(0.0), spread(0.0), spread(0.0), spread(0.0), spread(0.0)
    for c in range(0, LANES, WIDTH):
        weight = load(hours.weight, h + c)
        e = w.unit[at + _E] * load(hours.vm_pu, slot + c)
        power, square, sum2 = _power_below(c, s)
        nr, ni = load(s.un, PAIR + c), load(s.un, PAIR + LANES + c)
        taken = taken + weight * load(hours.p_kw, slot + c)
        given = given + weight * (power - star * (nr * nr + ni * ni))
        e2 = e2 + weight * (e * e * count)
        u2 = u2 + weight * (square - common * sum2)
        loading = _winding_currents(c, e, at, w, s)
        store(s.row, c, loading)
        peak = larger(peak, loading)
    t.e2[area] += total(e2)
    t.u2[area] += total(u2)
    t.taken[area] += total(taken)
    t.given[area] += total(given)
    if any_above(peak, t.unit2[area]):
        high = highest(peak)
        t.unit2[area] = high
        lane = 0
        while lane < LANES - 1 and s.row[lane] != high:
            lane += 1
        t.unit_hour[area] = hours.place[h + lane]
    return total(taken) - total(given)
