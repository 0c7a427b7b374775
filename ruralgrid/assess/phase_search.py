"""Searching the phases of one area: by climbing, or exactly for the worst drop.

A set of moves is worth what it gains less `least` for every consumer that has left its phase: so a
move that gains less than that is not made, and one that a better one supersedes is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from ruralgrid.assess.linear_area import TURN, LinearArea
from ruralgrid.units import KILO

__all__ = ["Goal", "Objective", "better_phases", "least_drop", "worst_drop_v"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Objective = Literal["loss", "voltage"]

_DUST: Final = 1e-7
"""kWh or V that rounding makes of nothing."""

_IDLE_V: Final = 1e-4
"""A move that gains less is none to the exact search [V]."""

_CHUNK: Final = 2000
"""Steps whose drops are in memory together."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is searched for.

    Parameters
    ----------
    objective : {"loss", "voltage"}
        Energy lost in a year, or the worst connected phase voltage with no more loss than before.
    moves : int
        Most consumers that leave their phase.
    least : float
        What one move must be worth [kWh a year, or V].
    """

    objective: Objective
    moves: int
    least: float


def worst_drop_v(area: LinearArea, phase: Ints) -> float:
    """Worst drop of a connected phase [V]."""
    drop = area.drops_v(area.currents(phase))
    return float(np.max(drop, where=area.connected(phase) > 0, initial=-np.inf))


def better_phases(area: LinearArea, goal: Goal) -> Ints:
    """The phases of the movers of an area that climbing reaches; its own where nothing gains.

    Each step is the best single move, and where none gains the best two moves at once. The worst
    drop is a maximum over many points, where such a climb gets stuck early: for it two more climbs
    are made, one that weighs every two moves at each step, and one from the phases of the smallest
    loss; the best end counts.
    """
    end = _climbed(area, area.phase, goal)
    if goal.objective == "loss":
        return end
    by_loss = _climbed(area, area.phase, Goal("loss", goal.moves, 0.0))
    ends = [
        end,
        _climbed(area, area.phase, goal, in_pairs=True),
        _climbed(area, by_loss, goal, in_pairs=True),
    ]
    return max(ends, key=lambda phase: _worth_v(area, phase, goal))


def _worth_v(area: LinearArea, phase: Ints, goal: Goal) -> float:
    return -worst_drop_v(area, phase) - goal.least * int((phase != area.phase).sum())


def _climbed(area: LinearArea, phase: Ints, goal: Goal, *, in_pairs: bool = False) -> Ints:
    spare_w = area.loss_w(area.currents(area.phase)) - area.loss_w(area.currents(phase))
    while True:
        options = _Options(area, phase, spare_w)
        step = None if in_pairs else _best_step(options, options.singles(), goal)
        if step is None:
            step = _best_step(options, options.pairs(), goal)
        if step is None and in_pairs:
            step = _best_step(options, options.singles(), goal)
        if step is None:
            return phase
        spare_w += float(options.saved_w(step[None])[0])
        phase = phase.copy()
        phase[options.mover[step]] = options.to[step]


def _best_step(options: _Options, steps: Ints, goal: Goal) -> Ints | None:
    """The step that is worth most, if it is worth anything."""
    area = options.area
    left = goal.moves - int((options.phase != area.phase).sum())
    steps = steps[options.leaving[steps].sum(axis=1) <= left]
    if not len(steps):
        return None
    saved_w = options.saved_w(steps)
    if goal.objective == "loss":
        gain = saved_w * area.loss_hours / KILO
    else:
        gain = worst_drop_v(area, options.phase) - options.worst_v(steps)
        gain[saved_w + options.spare_w < 0] = -np.inf
    worth = gain - goal.least * options.leaving[steps].sum(axis=1)
    best = int(np.argmax(worth))
    return np.asarray(steps[best]) if worth[best] > _DUST else None


class _Options:
    """Every single move from a state of an area, and what it changes.

    `mover`, `to`: which consumer, to which phase; `leaving`: 1 where it leaves its first phase, -1
    where it returns. A step is a row of one option or two.
    """

    def __init__(self, area: LinearArea, phase: Ints, spare_w: float) -> None:
        free = area.can_take.copy()
        free[np.arange(len(phase)), phase] = False
        self.area, self.phase, self.spare_w = area, phase, spare_w
        self.mover, self.to = np.nonzero(free)
        first = area.phase[self.mover]
        self.leaving = (self.to != first).astype(np.int64) - (phase[self.mover] != first)
        self.point = area.point[self.mover]
        of, option = phase[self.mover], np.arange(len(self.mover))
        self.change_a = np.zeros((len(option), 3), dtype=complex)
        self.change_a[option, self.to] = area.current_a[self.mover] * TURN[self.to]
        self.change_a[option, of] = -area.current_a[self.mover] * TURN[of]
        self.currents = area.currents(phase)
        heat = np.einsum("kjab,jb->ka", area.impedance_ohm.real, self.currents)
        linear = 2 * np.einsum("ca,ca->c", self.change_a.conj(), heat[self.point])
        self._alone_w = -np.real(linear) - self._crossed_w(option, option)

    def _crossed_w(self, one: Ints, two: Ints) -> Floats:
        ohm = self.area.impedance_ohm.real[self.point[one], self.point[two]]
        change = self.change_a
        return np.real(np.einsum("ca,cab,cb->c", change[one].conj(), ohm, change[two]))

    def singles(self) -> Ints:
        """Steps of one option."""
        return np.arange(len(self.mover))[:, None]

    def pairs(self) -> Ints:
        """Steps of two options with two consumers."""
        one, two = np.triu_indices(len(self.mover), 1)
        return np.column_stack([one, two])[self.mover[one] != self.mover[two]]

    def saved_w(self, steps: Ints) -> Floats:
        """Loss that each step saves [W]."""
        saved = self._alone_w[steps].sum(axis=1)
        if steps.shape[1] == 2:
            saved -= 2 * self._crossed_w(steps[:, 0], steps[:, 1])
        return np.asarray(saved)

    def worst_v(self, steps: Ints) -> Floats:
        """Worst drop of a connected phase after each step [V]."""
        area, option = self.area, np.arange(len(self.mover))
        sag = np.einsum("kcab,cb->cka", area.impedance_ohm[:, self.point], self.change_a)
        sag_v = np.real(sag * TURN.conj())
        joined = np.zeros(sag_v.shape, dtype=np.int64)
        joined[option, self.point, self.to] = 1
        joined[option, self.point, self.phase[self.mover]] = -1
        drop_v, connected = area.drops_v(self.currents), area.connected(self.phase)
        worst = np.empty(len(steps))
        for first in range(0, len(steps), _CHUNK):
            part = steps[first : first + _CHUNK]
            count = connected + joined[part].sum(axis=1)
            drop = np.where(count > 0, drop_v + sag_v[part].sum(axis=1), -np.inf)
            worst[first : first + _CHUNK] = drop.max(axis=(1, 2))
        return worst


def least_drop(area: LinearArea, moves: int) -> Ints:
    """The phase of each mover at the smallest worst drop t.

    Variables: x, one per mover and phase that it can take, and t. Every connected phase of a point
    lies below t; where a mover's own choice connects it, only if it is chosen.
    """
    mover, to = np.nonzero(area.can_take)
    if not len(mover):
        return area.phase
    change = np.zeros((len(mover), 3), dtype=complex)
    change[np.arange(len(mover)), to] = area.current_a[mover] * TURN[to]
    sag = np.einsum("kcab,cb->kac", area.impedance_ohm[:, area.point[mover]], change)
    sag = np.real(sag * TURN.conj()[:, None])
    base = area.drops_v(area.fixed_a)
    most = float((np.abs(base) + np.abs(sag).sum(axis=2)).max())
    held = np.abs(area.fixed_a) > 0
    always = np.column_stack([sag[held], -np.ones(held.sum())])
    at = (area.point[mover], to)
    chosen = np.column_stack([sag[at] + 2 * most * np.eye(len(mover)), -np.ones(len(mover))])
    one = np.zeros((len(area.phase), len(mover) + 1))
    one[mover, np.arange(len(mover))] = 1.0
    stays = np.append((to == area.phase[mover]).astype(float), 0.0)
    rules = [
        LinearConstraint(one, 1, 1),
        LinearConstraint(stays[None], len(area.phase) - moves, np.inf),
        LinearConstraint(always, -np.inf, -base[held]),
        LinearConstraint(chosen, -np.inf, 2 * most - base[at]),
    ]
    cost = np.append(-_IDLE_V * stays[:-1], 1.0)
    kind = np.append(np.ones(len(mover)), 0)
    bounds = Bounds(np.append(np.zeros(len(mover)), -most), np.append(np.ones(len(mover)), most))
    found = milp(cost, integrality=kind, bounds=bounds, constraints=[r for r in rules if r.A.size])
    share = np.zeros((len(area.phase), 3))
    share[mover, to] = found.x[:-1]
    return np.argmax(share, axis=1).astype(np.int64)
