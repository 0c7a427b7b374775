"""What is done at one node of a walk, for eight hours at a time: voltage, currents, change.

See `ruralgrid.flow.walk` for the walk and `ruralgrid.flow.arrays` for the arrays.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types

from __future__ import annotations

from typing import Final

from numba import njit

from ruralgrid.flow.arrays import LANES
from ruralgrid.flow.vectors import larger, load, reciprocal, reciprocal_sqrt, spread, store

__all__ = ["ROW", "add_up", "current_of", "hand_up", "keep_branch", "voltage_of"]

ROW: Final = 2 * LANES
"""Numbers in a row of complex ones: real parts, then imaginary parts."""


@njit(nogil=True, forceinline=True)
def voltage_of(c, d, k, tree, s):
    """U = U_parent - z J."""
    jr, ji = load(s.branch, k * ROW + c), load(s.branch, k * ROW + LANES + c)
    zr, zi = tree.zr[k], tree.zi[k]
    ur = load(s.voltage, (d - 1) * ROW + c) - (zr * jr - zi * ji)
    ui = load(s.voltage, (d - 1) * ROW + LANES + c) - (zr * ji + zi * jr)
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
def current_of(c, k, first, last, ur, ui, tree, demand, block):
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
    change = change + tree.z_abs[k] * (larger(dr, 0.0 - dr) + larger(di, 0.0 - di))
    store(s.change, (d - 1) * LANES + c, larger(load(s.change, (d - 1) * LANES + c), change))


@njit(nogil=True, forceinline=True)
def hand_up(c, d, k, cr, ci, change, tree, s):
    """`keep_branch`, and add the current to the parent's."""
    keep_branch(c, d, k, cr, ci, change, tree, s)
    add_up(c, d, cr, ci, s)
