r"""Regulated transformers within a walk: their branch by the hour, and their steps.

A regulated branch obeys :math:`U = a U_p - z J` and hands :math:`a J + y U_p` to its parent, each
factor that of the hour's tap. Every hour steps as `pandapower.runpp` with ``run_control=True``
does: from the net's own tap, all units of one level together, one tap at a time, each decided at
the solved voltage. The voltage need not stand to the last digit for that: an hour takes its steps
as soon as what is left of the iteration can turn the decision of none of its units. Nor must the
areas be walked at every tap on the way: the first walks are made at the taps of the day before,
which are most likely the last ones of this day too, and the steps are then gone through above the
areas, these standing in to first order.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated"
# numba infers the types; the arrays are described in ruralgrid.flow.arrays

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from ruralgrid.flow.arrays import LANES, TAP_PARTS
from ruralgrid.flow.nodes import ROW, add_up, draw, keep_branch
from ruralgrid.flow.vectors import WIDTH, load, spread, store

__all__ = [
    "MAX_STEPS",
    "are_remembered",
    "enter_regulated",
    "forget_changes",
    "leave_regulated",
    "mark_whole_walk",
    "parts_of",
    "record_taps",
    "regulated_voltage",
    "rest_taps",
    "start_taps",
    "step_taps",
]

MAX_STEPS: Final = 200
"""Steps of one hour after which its units are taken to hunt."""

RESTING: Final = 1 << 30
"""Level of an hour that does not step."""

_LEFT: Final = 0.5  # of what the last whole walk moved: left over for those that follow
_BENT: Final = 0.1  # pu for a ratio off by one: how far areas to first order bend away


@njit(nogil=True, forceinline=True)
def parts_of(c, u, s):
    """a, z, near and far of unit `u` for eight hours."""
    row = u * TAP_PARTS * LANES + c
    return (
        load(s.part, row),
        load(s.part, row + LANES),
        load(s.part, row + 2 * LANES),
        load(s.part, row + 3 * LANES),
        load(s.part, row + 4 * LANES),
        load(s.part, row + 5 * LANES),
        load(s.part, row + 6 * LANES),
    )


@njit(nogil=True, forceinline=True)
def regulated_voltage(c, d, k, u, s):
    """U = a U_parent - z J."""
    a, zr, zi, _, _, _, _ = parts_of(c, u, s)
    jr, ji = load(s.branch, k * ROW + c), load(s.branch, k * ROW + LANES + c)
    ur = a * load(s.voltage, (d - 1) * ROW + c) - zr * jr + zi * ji
    ui = a * load(s.voltage, (d - 1) * ROW + LANES + c) - zr * ji - zi * jr
    return ur, ui


@njit(nogil=True)
def _read_held(d, u, taps, s):
    """The voltage that unit `u` holds, and by how much its ratio would lift it."""
    for i in range(LANES):
        pr, pi = s.voltage[(d - 1) * ROW + i], s.voltage[(d - 1) * ROW + LANES + i]
        ur, ui = s.voltage[d * ROW + i], s.voltage[d * ROW + LANES + i]
        if taps.holds_child[u]:
            size = np.sqrt(ur * ur + ui * ui)
            s.held[u * LANES + i] = taps.scale[u] * size
            s.lift[u * LANES + i] = taps.scale[u] * (pr * ur + pi * ui) / size
        else:
            s.held[u * LANES + i] = taps.scale[u] * np.sqrt(pr * pr + pi * pi)
            s.lift[u * LANES + i] = 0.0


@njit(nogil=True)
def enter_regulated(d, k, tree, demand, taps, block, s):
    """Voltage and own current of the position below unit u, and the voltage that u holds."""
    u = tree.unit[k]
    for c in range(0, LANES, WIDTH):
        ur, ui = regulated_voltage(c, d, k, u, s)
        store(s.voltage, d * ROW + c, ur)
        store(s.voltage, d * ROW + LANES + c, ui)
    draw(d, k, tree, demand, block, s)
    for c in range(0, LANES, WIDTH):
        _, _, _, _, _, fr, fi = parts_of(c, u, s)
        ur, ui = load(s.voltage, d * ROW + c), load(s.voltage, d * ROW + LANES + c)
        cr, ci = load(s.current, d * ROW + c), load(s.current, d * ROW + LANES + c)
        store(s.current, d * ROW + c, cr + (fr * ur - fi * ui))
        store(s.current, d * ROW + LANES + c, ci + (fr * ui + fi * ur))
        store(s.change, d * LANES + c, spread(0.0))
    _read_held(d, u, taps, s)


@njit(nogil=True)
def leave_regulated(d, k, tree, s):
    """All children have been: keep the branch current, and hand up what the parent gives."""
    u = tree.unit[k]
    for c in range(0, LANES, WIDTH):
        a, _, _, nr, ni, _, _ = parts_of(c, u, s)
        cr, ci = load(s.current, d * ROW + c), load(s.current, d * ROW + LANES + c)
        ur = load(s.voltage, (d - 1) * ROW + c)
        ui = load(s.voltage, (d - 1) * ROW + LANES + c)
        keep_branch(c, d, k, cr, ci, load(s.change, d * LANES + c), tree, s)
        add_up(c, d, a * cr + (nr * ur - ni * ui), a * ci + (nr * ui + ni * ur), s)


@njit(nogil=True)
def _set_tap(u, i, tap, taps, s):
    """Put unit `u` on a tap, and lift the voltage that it holds by what the ratio does at once."""
    at = u * LANES + i
    before = s.part[u * TAP_PARTS * LANES + i]
    s.tap[at] = tap
    for part in range(TAP_PARTS):
        s.part[(u * TAP_PARTS + part) * LANES + i] = taps.table[tap * TAP_PARTS + part]
    s.held[at] += s.lift[at] * (s.part[u * TAP_PARTS * LANES + i] - before)


@njit(nogil=True)
def rest_taps(first, last, taps, s):
    """Every hour at the taps of the hour before, at rest; returns how many units this tree has."""
    own = 0
    for i in range(LANES):
        s.level[i] = RESTING
        s.steps[i] = 0
    for u in range(taps.counts[0]):
        s.is_own[u] = first <= taps.position[u] < last
        own += s.is_own[u]
        for i in range(LANES):
            at = u * LANES + i
            _set_tap(u, i, s.tap[at], taps, s)
            s.held_before[at] = np.inf
            s.moved[at] = np.inf
    return own


@njit(nogil=True)
def are_remembered(taps, s):
    """Whether it is known where the units of this tree stood when the hours were last solved."""
    for at in range(taps.counts[0] * LANES):
        if s.is_own[at // LANES] and s.stood[at] < np.inf:
            return True
    return False


@njit(nogil=True)
def _repeats(i, slack, tolerance_pu, taps, s):
    """Whether hour `i` takes the steps again that it took when it was last solved.

    It does where no voltage held has moved by half of what would have turned a decision then, or
    by what two solutions may differ: such a decision is as good as the other. While voltages do not
    stand yet, they are given `slack` times as much.
    """
    for u in range(taps.counts[0]):
        at = u * LANES + i
        moved = abs(s.held[at] - s.stood[at])
        if s.is_own[u] and not moved < slack * max(0.5 * s.room[at], 2.0 * tolerance_pu):
            return False
    return True


@njit(nogil=True)
def start_taps(slack, tolerance_pu, taps, s):
    """Put hours that rest to the net's own taps, where their steps begin; returns whether any is.

    An hour that would take the steps again that led to its taps rests on.
    """
    started = False
    for i in range(LANES):
        if s.level[i] == RESTING and not _repeats(i, slack, tolerance_pu, taps, s):
            started = True
            _start_hour(i, taps, s)
            s.stepped[i] = 1
    _remember_held(taps, s)
    return started


@njit(nogil=True)
def _remember_held(taps, s):
    """Keep the voltages held, to be compared with those of the next walk.

    An hour that has just stepped has nothing to be compared with: the walk that follows takes its
    voltages from the branch currents before the step, and so finds the estimate again.
    """
    for i in range(LANES):
        for u in range(taps.counts[0]):
            at = u * LANES + i
            s.held_before[at] = np.inf if s.stepped[i] else s.held[at]
        s.stepped[i] = 0


@njit(nogil=True)
def _start_hour(i, taps, s):
    s.level[i] = 0
    for u in range(taps.counts[0]):
        at = u * LANES + i
        if s.is_own[u]:
            s.stood[at], s.room[at] = np.inf, np.inf
            if s.tap[at] != taps.first[u]:
                _set_tap(u, i, taps.first[u], taps, s)


@njit(nogil=True)
def mark_whole_walk(taps, s):
    """Remember the ratios at which the areas were walked: away from them they are estimates."""
    for u in range(taps.counts[0]):
        for i in range(LANES):
            s.walked[u * LANES + i] = s.part[u * TAP_PARTS * LANES + i]


@njit(nogil=True)
def forget_changes(taps, s):
    """Hours that are not on the taps of the last whole walk have nothing to be compared with."""
    for u in range(taps.counts[0]):
        for i in range(LANES if s.is_own[u] else 0):
            if s.part[u * TAP_PARTS * LANES + i] != s.walked[u * LANES + i]:
                s.before[i] = np.inf


@njit(nogil=True)
def _doubt(i, taps, s):
    """What may be wrong with the voltages [pu] of hour `i` because its areas are estimates."""
    worst = 0.0
    for u in range(taps.counts[0]):
        if s.is_own[u]:
            off = s.part[u * TAP_PARTS * LANES + i] / s.walked[u * LANES + i] - 1.0
            worst = max(worst, abs(off))
    return _BENT * worst * worst


@njit(nogil=True)
def _wish(u, i, margin, taps, s):
    """The step that unit `u` wants: -1, 0 or 1; 2 if `margin` may turn the answer."""
    tap, held, raises = s.tap[u * LANES + i], s.held[u * LANES + i], taps.raises[u]
    up_end, down_end = taps.high_end[u], taps.low_end[u]
    if raises < 0:
        up_end, down_end = down_end, up_end
    may_raise = raises * (up_end - tap) > 0
    may_lower = raises * (tap - down_end) > 0
    if may_raise and held < taps.low_pu[u] + margin:
        return raises if held < taps.low_pu[u] - margin else 2
    if may_lower and held > taps.high_pu[u] - margin:
        return -raises if held > taps.high_pu[u] + margin else 2
    return 0


@njit(nogil=True)
def _margin(u, i, exact, doubt, s):
    """By how much the voltage that unit `u` holds may still be off."""
    at = u * LANES + i
    if exact:
        return 0.0
    return abs(s.held[at] - s.held_before[at]) + _LEFT * s.moved[at] + doubt


@njit(nogil=True)
def _keep_room(u, i, margin, taps, s):
    """Note how far the decision of unit `u` was from being another."""
    at = u * LANES + i
    distance = min(abs(s.held[at] - taps.low_pu[u]), abs(s.held[at] - taps.high_pu[u]))
    s.room[at] = min(s.room[at], distance - margin)


@njit(nogil=True)
def _step_hour(i, exact, taps, s):
    """Step the units of hour `i`, if all of them are decided; returns whether any did."""
    wanted, doubt = False, 0.0 if exact else _doubt(i, taps, s)
    for u in range(taps.counts[0]):
        if s.is_own[u] and taps.level[u] == s.level[i]:
            wish = _wish(u, i, _margin(u, i, exact, doubt, s), taps, s)
            if wish == 2:
                return False
            wanted = wanted or wish != 0
    for u in range(taps.counts[0]):
        if s.is_own[u] and taps.level[u] == s.level[i]:
            _keep_room(u, i, _margin(u, i, exact, doubt, s), taps, s)
            wish = _wish(u, i, 0.0, taps, s)
            if wish != 0:
                _set_tap(u, i, s.tap[u * LANES + i] + wish, taps, s)
    if wanted:
        s.steps[i] += 1
    else:
        s.level[i] += 1
    return wanted


@njit(nogil=True)
def step_taps(after_whole, exact, taps, s):
    """Step the hours whose units are all decided.

    Parameters
    ----------
    after_whole : bool
        The walk before the last was one of the whole tree.
    exact : bool
        The voltages stand: decide every unit, and those again that were found to rest.

    Returns
    -------
    bool
        Whether any hour has changed.
    """
    if exact:
        for i in range(LANES):
            if s.level[i] == taps.counts[1]:
                s.level[i] -= 1
    elif after_whole:
        for at in range(taps.counts[0] * LANES):
            known = s.held_before[at] < np.inf
            s.moved[at] = abs(s.held[at] - s.held_before[at]) if known else 0.0
    changed = False
    for i in range(LANES):
        steps = s.steps[i]
        while s.level[i] < taps.counts[1]:
            level = s.level[i]
            changed = _step_hour(i, exact, taps, s) or changed
            if s.level[i] == level:
                break
        s.stepped[i] = s.steps[i] != steps
    _remember_held(taps, s)
    return changed


@njit(nogil=True)
def record_taps(taps, block, s):
    """Keep the tap of every hour, counted from its unit's first row, and where its voltage is."""
    units, start, width, hours = taps.counts[0], block.span[0], block.span[1], block.span[2]
    for u in range(units):
        for i in range(width if s.is_own[u] else 0):
            held = s.held[u * LANES + i]
            low, high = held < taps.low_pu[u], held > taps.high_pu[u]
            block.taps[u * hours + start + i] = s.tap[u * LANES + i] - taps.row[u]
            block.taps[(units + u) * hours + start + i] = high - low
        for at in range(u * LANES, (u + 1) * LANES if s.is_own[u] else 0):
            s.stood[at] = s.held[at] if s.stood[at] == np.inf else s.stood[at]
