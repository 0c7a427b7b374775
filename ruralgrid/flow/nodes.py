"""What is done at one node of a walk, a row of hours at a time: voltage, currents, change.

Every step is a short loop over the hours of a row. Longer ones, which would do all of a node for
eight hours at a time, run out of registers and wait for each other's divisions.

See `ruralgrid.flow.walk` for the walk and `ruralgrid.flow.arrays` for the arrays.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types

from __future__ import annotations

from typing import Final

from numba import njit

from ruralgrid.flow.arrays import (
    CLAMP,
    LANES,
    NOTHING,
    ONE_GROUP,
    P_ELASTIC,
    P_POWER,
    Q_ELASTIC,
    Q_POWER,
    RECORD,
    WITH_CURRENT,
    YI,
    YR,
    Z_ABS,
    ZI,
    ZR,
)
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

__all__ = ["ROW", "add_up", "draw", "hand_up", "hand_up_leaf", "keep_branch", "set_voltage"]

ROW: Final = 2 * LANES
"""Numbers in a row of complex ones: real parts, then imaginary parts."""


@njit(nogil=True, forceinline=True)
def set_voltage(d, k, tree, s):
    """U = U_parent - z J, in row `d` of the stack."""
    zr, zi = tree.record[k * RECORD + ZR], tree.record[k * RECORD + ZI]
    for c in range(0, LANES, WIDTH):
        jr, ji = load(s.branch, k * ROW + c), load(s.branch, k * ROW + LANES + c)
        ur = load(s.voltage, (d - 1) * ROW + c) - zr * jr + zi * ji
        ui = load(s.voltage, (d - 1) * ROW + LANES + c) - zr * ji - zi * jr
        store(s.voltage, d * ROW + c, ur)
        store(s.voltage, d * ROW + LANES + c, ui)


@njit(nogil=True, forceinline=True)
def draw(d, k, tree, demand, block, s):
    """Current of the shunts and of all that is drawn at the voltage in row `d`: y U + conj(S/U)."""
    kind = demand.kind[k]
    if kind == NOTHING:
        _draw_nothing(d, k, tree, s)
    elif kind == ONE_GROUP:
        _draw_one(d, k, tree, demand, block, s)
    else:
        _draw_groups(d, k, kind == WITH_CURRENT, tree, demand, block, s)


@njit(nogil=True, forceinline=True)
def _draw_nothing(d, k, tree, s):
    yr, yi = tree.record[k * RECORD + YR], tree.record[k * RECORD + YI]
    for c in range(0, LANES, WIDTH):
        ur, ui = load(s.voltage, d * ROW + c), load(s.voltage, d * ROW + LANES + c)
        store(s.current, d * ROW + c, yr * ur - yi * ui)
        store(s.current, d * ROW + LANES + c, yr * ui + yi * ur)


@njit(nogil=True, forceinline=True)
def _draw_one(d, k, tree, demand, block, s):
    """One group without constant current: S = f (constant + elastic U squared)."""
    at, profile = k * RECORD, demand.profile[demand.start[k]]
    yr, yi, clamp = tree.record[at + YR], tree.record[at + YI], tree.record[at + CLAMP]
    power_p, elastic_p = tree.record[at + P_POWER], tree.record[at + P_ELASTIC]
    power_q, elastic_q = tree.record[at + Q_POWER], tree.record[at + Q_ELASTIC]
    for c in range(0, LANES, WIDTH):
        ur, ui = load(s.voltage, d * ROW + c), load(s.voltage, d * ROW + LANES + c)
        factor = load(block.factors, profile * LANES + c)
        r = reciprocal(larger(ur * ur + ui * ui, spread(clamp)))
        p = factor * (r * power_p + elastic_p) + yr
        q = factor * (r * power_q + elastic_q) - yi
        store(s.current, d * ROW + c, p * ur + q * ui)
        store(s.current, d * ROW + LANES + c, p * ui - q * ur)


@njit(nogil=True, forceinline=True)
def _asked(c, part, k, demand, block):
    """What position `k` asks for as one of the six parts of `KernelDemand.terms`."""
    first, last = demand.terms[6 * k + part], demand.terms[6 * k + part + 1]
    asked = spread(0.0)
    for n in range(first, last):
        factor = load(block.factors, demand.term_profile[n] * LANES + c)
        asked = asked + demand.term[n] * factor
    return asked


@njit(nogil=True, forceinline=True)
def _draw_groups(d, k, with_current, tree, demand, block, s):
    """All groups of a position together: S = constant + current U + elastic U squared."""
    at = k * RECORD
    yr, yi, clamp = tree.record[at + YR], tree.record[at + YI], tree.record[at + CLAMP]
    for c in range(0, LANES, WIDTH):
        ur, ui = load(s.voltage, d * ROW + c), load(s.voltage, d * ROW + LANES + c)
        square = larger(ur * ur + ui * ui, spread(clamp))
        r = reciprocal_sqrt(square) if with_current else reciprocal(square)
        p, q = r * _asked(c, 0, k, demand, block), r * _asked(c, 3, k, demand, block)
        if with_current:
            p = r * (p + _asked(c, 1, k, demand, block))
            q = r * (q + _asked(c, 4, k, demand, block))
        p = p + (_asked(c, 2, k, demand, block) + yr)
        q = q + (_asked(c, 5, k, demand, block) - yi)
        store(s.current, d * ROW + c, p * ur + q * ui)
        store(s.current, d * ROW + LANES + c, p * ui - q * ur)


@njit(nogil=True, forceinline=True)
def add_up(c, d, cr, ci, s):
    """Add a branch current to what the parent has gathered so far."""
    store(s.current, (d - 1) * ROW + c, load(s.current, (d - 1) * ROW + c) + cr)
    store(s.current, (d - 1) * ROW + LANES + c, load(s.current, (d - 1) * ROW + LANES + c) + ci)


@njit(nogil=True, forceinline=True)
def keep_branch(c, d, k, cr, ci, change, tree, s):
    """Keep a new branch current, and bound the change that it brings."""
    dr = cr - load(s.branch, k * ROW + c)
    di = ci - load(s.branch, k * ROW + LANES + c)
    store(s.branch, k * ROW + c, cr)
    store(s.branch, k * ROW + LANES + c, ci)
    change = change + tree.record[k * RECORD + Z_ABS] * (size_of(dr) + size_of(di))
    store(s.change, (d - 1) * LANES + c, larger(load(s.change, (d - 1) * LANES + c), change))


@njit(nogil=True, forceinline=True)
def hand_up(d, k, tree, s):
    """All children have been: keep the branch current, and hand it and its change to the parent."""
    for c in range(0, LANES, WIDTH):
        cr, ci = load(s.current, d * ROW + c), load(s.current, d * ROW + LANES + c)
        keep_branch(c, d, k, cr, ci, load(s.change, d * LANES + c), tree, s)
        add_up(c, d, cr, ci, s)


@njit(nogil=True, forceinline=True)
def hand_up_leaf(d, k, tree, s):
    """`hand_up` where nothing is below."""
    for c in range(0, LANES, WIDTH):
        cr, ci = load(s.current, d * ROW + c), load(s.current, d * ROW + LANES + c)
        keep_branch(c, d, k, cr, ci, spread(0.0), tree, s)
        add_up(c, d, cr, ci, s)
