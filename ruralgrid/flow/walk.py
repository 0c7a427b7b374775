r"""One walk over a tree for a block of hours: the iteration of the sweep.

On entering a node its voltage follows from the parent's and from the branch current of the last
walk; its load current follows from the voltage; on leaving it the new branch current is handed to
the parent. Only the branch currents are kept from walk to walk; voltages live on a stack as deep
as the tree. Each row is `LANES` hours of one quantity, eight of them to a vector register.

Convergence is bounded, not sampled: a walk knows by how much every branch current changed, and
carries :math:`e_k = |z_k| (|\Delta\Re J_k| + |\Delta\Im J_k|) + \max_{children} e` up to the
source, which no voltage change of the next walk can exceed.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types; the arrays are described in ruralgrid.flow.arrays

from __future__ import annotations

from typing import Final

from numba import njit

from ruralgrid.flow.arrays import LANES, RECORD, Z_ABS
from ruralgrid.flow.nodes import ROW, add_up, draw, hand_up, hand_up_leaf, set_voltage
from ruralgrid.flow.taps import enter_regulated, leave_regulated
from ruralgrid.flow.vectors import (
    WIDTH,
    any_above,
    larger,
    load,
    reciprocal,
    size_of,
    spread,
    store,
)

__all__ = ["start_walk", "walk", "walk_above"]
_MAX_REPEATS: Final = 50  # of one area in one walk


@njit(nogil=True, forceinline=True)
def _enter(d, k, tree, demand, taps, block, s):
    """Voltage and own current of position `k`; a leaf is done with at once."""
    if tree.unit[k] >= 0:
        enter_regulated(d, k, tree, demand, taps, block, s)
        return
    set_voltage(d, k, tree, s)
    draw(d, k, tree, demand, block, s)
    if tree.is_leaf[k]:
        hand_up_leaf(d, k, tree, s)
    else:
        for c in range(0, LANES, WIDTH):
            store(s.change, d * LANES + c, spread(0.0))


@njit(nogil=True, forceinline=True)
def _leave(d, k, tree, s):
    """All children of the position at stack row `d` have been: hand its branch current up."""
    if tree.unit[k] >= 0:
        leave_regulated(d, k, tree, s)
    else:
        hand_up(d, k, tree, s)


@njit(nogil=True, forceinline=True)
def start_walk(floor, vm_pu, s):
    """The source in row `floor` of the stack."""
    for c in range(0, LANES, WIDTH):
        store(s.voltage, floor * ROW + c, spread(vm_pu))
        store(s.voltage, floor * ROW + LANES + c, spread(0.0))
        store(s.current, floor * ROW + c, spread(0.0))
        store(s.current, floor * ROW + LANES + c, spread(0.0))
        store(s.change, floor * LANES + c, spread(0.0))


@njit(nogil=True, forceinline=True)
def _is_unsettled(d, k, limit, tree, s):
    """Whether the area below position `k`, at stack row `d`, would still change beyond `limit`.

    If so, its branch current is kept, but not handed up: the area is to be walked once more.
    """
    worst = spread(0.0)
    for c in range(0, LANES, WIDTH):
        dr = load(s.current, d * ROW + c) - load(s.branch, k * ROW + c)
        di = load(s.current, d * ROW + LANES + c) - load(s.branch, k * ROW + LANES + c)
        change = tree.record[k * RECORD + Z_ABS] * (size_of(dr) + size_of(di))
        worst = larger(worst, change + load(s.change, d * LANES + c))
    if not any_above(worst, limit):
        return False
    for c in range(0, ROW, WIDTH):
        store(s.branch, k * ROW + c, load(s.current, d * ROW + c))
    return True


@njit(nogil=True, forceinline=True)
def _remember(d, k, tree, s):
    """Keep the voltage above an area at which its current is solved."""
    for c in range(0, ROW, WIDTH):
        store(s.above, tree.area[k] * ROW + c, load(s.voltage, (d - 1) * ROW + c))


@njit(nogil=True, forceinline=True)
def _stand_in(d, k, tree, s):
    """Hand up what an area would draw at the voltage that is now above it, to first order.

    With a the relative change of the voltage, power draws 1 - conj(a) of the current, an impedance
    1 + a, a constant current 1 + j Im(a).
    """
    row, slope = tree.area[k] * ROW, tree.slope[k]
    for c in range(0, LANES, WIDTH):
        ur, ui = load(s.above, row + c), load(s.above, row + LANES + c)
        dr = load(s.voltage, (d - 1) * ROW + c) - ur
        di = load(s.voltage, (d - 1) * ROW + LANES + c) - ui
        scale = reciprocal(ur * ur + ui * ui)
        real = (dr * ur + di * ui) * scale * slope + 1.0
        imaginary = (di * ur - dr * ui) * scale
        jr, ji = load(s.branch, k * ROW + c), load(s.branch, k * ROW + LANES + c)
        add_up(c, d, real * jr - imaginary * ji, real * ji + imaginary * jr, s)


@njit(nogil=True)
def walk_above(first, last, floor, tree, demand, taps, block, vm_pu, s):
    """One iteration of what lies above the areas, these standing in to first order."""
    start_walk(floor, vm_pu, s)
    top, k = floor, first
    while k < last:
        d = tree.depth[k]
        while top >= d:
            _leave(top, s.at[top], tree, s)
            top -= 1
        if tree.area[k] >= 0:
            _stand_in(d, k, tree, s)
            k = tree.area_end[k]
            continue
        _enter(d, k, tree, demand, taps, block, s)
        if not tree.is_leaf[k]:
            s.at[d] = k
            top = d
        k += 1
    while top > floor:
        _leave(top, s.at[top], tree, s)
        top -= 1


@njit(nogil=True)
def walk(first, last, floor, tree, demand, taps, block, vm_pu, limit, s):
    """One iteration of positions `first` to `last`; row `floor` of ``change`` bounds its change.

    An area that would change beyond `limit` is iterated by itself, at the voltage that stands above
    it: a long tail that settles slowly does not hold up the county.
    """
    start_walk(floor, vm_pu, s)
    top, k, repeats = floor, first, 0
    while True:
        d = tree.depth[k] if k < last else floor + 1
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
        _enter(d, k, tree, demand, taps, block, s)
        if not tree.is_leaf[k]:
            s.at[d] = k
            top = d
        k += 1
