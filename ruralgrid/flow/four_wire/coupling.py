"""The areas and the net above them, run of hours by run of hours, until they agree.

Given the voltages above, the areas tell what they draw; given that, the net above tells its
voltages. A run is accepted when these move by less than the tolerance; its tally is then added to
that of the year. Memory holds one run of hours of what every area draws, never the year.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ruralgrid.errors import ConvergenceError
from ruralgrid.flow.arrays import CONVERGED
from ruralgrid.flow.four_wire.arrays import (
    LANES,
    Demand,
    Gauges,
    Hours,
    Scratch,
    Tally,
    Wires,
    empty_scratch,
    empty_tally,
)
from ruralgrid.flow.four_wire.sweep import solve_areas
from ruralgrid.flow.four_wire.upper import Limits, UpperNet, rise
from ruralgrid.flow.solution import YearSolution

__all__ = ["Areas", "Coupling", "Habits", "SolvedRun", "first_habits", "learned_habits"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Powers = tuple[FloatArray, FloatArray]

_AGREED_PU: Final = 1e-7
_LAST_PASS: Final = {False: 30, True: 12}  # hours with undecided tap changers stand after the last
_SHRINK: Final = 0.03  # of the voltage's move from pass to pass
_FIRST_FLIP_PU: Final = (
    8e-3  # voltages that move by more after the first pass: a tap changer stepped
)
_FLIP_PU: Final = 1e-3  # and after a later one: it steps to and fro
_ROUGH: Final = 10  # times the tolerance, where nothing is tallied
_EXCESS: Final = 3e-10  # of the energy: the balance of a year is to close within 1e-9
_PROBE: Final = 0.01  # relative step of the voltage that tells how power follows it
_PARCEL: Final = 40  # areas that a thread takes at a time


@dataclass(frozen=True, eq=False)
class Areas:
    """The areas in the kernel's arrays, and how to solve them.

    Attributes
    ----------
    wires, demand, gauges
        See `ruralgrid.flow.four_wire.arrays`.
    values : array (profiles, hours)
        The profiles.
    tolerance_pu : float
        Voltage error [pu] that the iteration may leave.
    threads : int
        Threads at work; no result depends on it.
    """

    wires: Wires
    demand: Demand
    gauges: Gauges
    values: npt.NDArray[np.floating]
    tolerance_pu: float
    threads: int

    @property
    def agreed_pu(self) -> float:
        """Voltage [pu] by which the net above may still move."""
        return max(_AGREED_PU, self.tolerance_pu)

    @property
    def count(self) -> int:
        """Number of areas."""
        return len(self.wires.first) - 1

    def hours(self, chosen: IntArray, place: IntArray) -> Hours:
        """A run of hours at their places in the year, voltages still to be filled in."""
        width = len(chosen)
        stride = -(-width // LANES) * LANES
        factors = np.empty((len(self.values), stride))
        factors[:, :width] = self.values[:, chosen]
        factors[:, width:] = factors[:, width - 1 : width]
        weight = np.zeros(stride)
        weight[:width] = 1.0
        vm_pu, p_kw, q_kvar = (np.zeros((self.count, stride)) for _ in range(3))
        places = np.concatenate([place, np.repeat(place[-1:], stride - width)])
        span = np.array([stride, width])
        return Hours(factors, vm_pu, weight, p_kw, q_kvar, places, span)

    def tally(self) -> Tally:
        """A tally of no hours."""
        limits = int(self.gauges.sizes[0] + self.gauges.sizes[1])
        return empty_tally(len(self.wires.parent), self.count, len(self.demand.p), limits)

    def solve(self, which: IntArray, hours: Hours, tallied: bool) -> Tally:
        """Solve the areas `which` at the voltages in `hours`, and fill in what they draw."""
        tally, local = self.tally(), threading.local()
        tolerance_pu = self.tolerance_pu * (1 if tallied else _ROUGH)
        longest = int(np.diff(self.wires.first).max(initial=1))

        def solve_some(parcel: IntArray) -> None:
            if not hasattr(local, "scratch"):
                local.scratch = empty_scratch(longest)
            scratch: Scratch = local.scratch
            solve_areas(
                parcel, self.wires, self.demand, self.gauges, hours, tolerance_pu, tallied, scratch,
                tally,
            )  # fmt: skip

        parcels = np.array_split(which, max(1, -(-len(which) // _PARCEL)))
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in pool.map(solve_some, parcels):
                pass
        return tally


@dataclass(frozen=True, eq=False)
class Habits:
    """How areas draw, learned from a few hours: the start of every other run.

    Attributes
    ----------
    elastic_p, elastic_q : arrays (areas,)
        Share of impedance by which active and reactive power follow the voltage.
    p, q : arrays (areas, 3)
        Power [kW, kvar] at 1 pu as a polynomial of the customers' own at nominal voltage.
    """

    elastic_p: FloatArray
    elastic_q: FloatArray
    p: FloatArray
    q: FloatArray

    def expected(self, nominal: Powers) -> Powers:
        """What the areas draw at 1 pu, about, where their customers would draw `nominal`."""
        p, q = (
            part[:, :1] + part[:, 1:2] * own + part[:, 2:] * own**2
            for part, own in zip((self.p, self.q), nominal, strict=True)
        )
        return p, q


def first_habits(elastic: FloatArray) -> Habits:
    """Before anything is learned: the customers' own, without losses."""
    line = np.tile([0.0, 1.0, 0.0], (len(elastic), 1))
    return Habits(elastic, elastic, line, line)


def learned_habits(
    areas: Areas, chosen: IntArray, run: SolvedRun, nominal: Powers, habits: Habits
) -> Habits:
    """Habits from a solved run: how power follows the voltage, and the customers' own power."""
    hours, width = areas.hours(chosen, chosen), len(chosen)
    hours.set_voltages(run.vm_pu * (1 + _PROBE))
    areas.solve(np.flatnonzero(run.drawing), hours, tallied=False)
    shares, polynomials = [], []
    for now, probed, own, old, line in zip(
        (run.p_kw, run.q_kvar), (hours.p_kw, hours.q_kvar), nominal,
        (habits.elastic_p, habits.elastic_q), (habits.p, habits.q), strict=True,
    ):  # fmt: skip
        share = _shares(now, probed[:, :width], run.vm_pu, old)
        polynomial = _polynomials(own, now / rise(share, run.vm_pu))
        shares.append(np.where(run.drawing, share, old))
        polynomials.append(np.where(run.drawing[:, None], polynomial, line))
    return Habits(*shares, *polynomials)


def _shares(now: FloatArray, probed: FloatArray, vm_pu: FloatArray, old: FloatArray) -> FloatArray:
    """Share of impedance that gives the slope found, weighted with the power; `old` without any."""
    total = np.abs(now).sum(axis=1)
    known = total > 0
    slope = np.divide(
        (probed - now).sum(axis=1), _PROBE * now.sum(axis=1), out=2 * old, where=known
    )
    square = np.divide(
        (np.abs(now) * vm_pu**2).sum(axis=1), total, out=np.ones_like(old), where=known
    )
    return np.clip(slope / (2 * square + slope * (1 - square)), 0.0, 1.0)


def _polynomials(own: FloatArray, power: FloatArray) -> FloatArray:
    """Least squares of power over the customers' own, by area: constant, linear, square."""
    size = np.maximum(np.abs(own).max(axis=1, initial=0.0), 1e-9)
    x = own / size[:, None]
    columns = np.stack([np.ones_like(x), x, x**2], axis=2)
    normal = np.einsum("ahi,ahj->aij", columns, columns) + 1e-9 * np.eye(3)
    solved = np.linalg.solve(normal, np.einsum("ahi,ah->ai", columns, power)[:, :, None])[:, :, 0]
    return np.asarray(solved / size[:, None] ** np.arange(3))


@dataclass(frozen=True, eq=False)
class SolvedRun:
    """A run of hours on which the areas and the net above agree.

    `vm_pu` is the voltage above the areas, `p_kw` and `q_kvar` what they draw (areas, hours),
    `drawing` tells which do. `place` are the hours' places in the year, `aside` those of hours that
    were left out: their tap changers stand at a threshold.
    """

    upper: YearSolution
    tally: Tally
    vm_pu: FloatArray
    p_kw: FloatArray
    q_kvar: FloatArray
    drawing: npt.NDArray[np.bool_]
    place: IntArray
    aside: IntArray


@dataclass
class Coupling:
    """The areas and the net above them, and what is known of each area so far.

    Attributes
    ----------
    areas, upper, habits
        What is solved, and how it starts.
    limits : tuple
        Low and high limits [pu] by row of the whole net's buses.
    alive : bool array (areas,)
        Areas that are solved at all.
    """

    areas: Areas
    upper: UpperNet
    habits: Habits
    limits: tuple[Limits, Limits]
    alive: npt.NDArray[np.bool_]

    def run(
        self, chosen: IntArray, place: IntArray, nominal: Powers, undecided: bool = False
    ) -> SolvedRun:
        """Solve one run of hours; `nominal` is what the customers draw at nominal voltage.

        The first pass tells what the areas draw at about the right voltage; from it the net above
        follows with loads that depend on the voltage to first order, which is all but the solution.

        A tap changer at its threshold may step to and fro between passes. Hours in which one does
        are left out; with `undecided` they are solved by constant power, which mostly holds the tap
        that it finds; if not, they stand as the last pass finds them.
        """
        run = _Run(self, chosen, place, self.habits.expected(nominal), undecided)
        last = _LAST_PASS[undecided]
        for number in range(last + 1):
            tallied = number == last or (number > 0 and run.nearly_settled)
            run.one_pass(tallied, rough=number == 0)
            if tallied and (run.settled or undecided):
                return run.result()
            flips = run.step > (_FLIP_PU if number else _FIRST_FLIP_PU)
            if undecided or not flips.any() or (number == 0 and flips.mean() > 0.5):
                continue
            if flips.all():
                left = np.isin(place, run.place)
                rest = nominal[0][:, left], nominal[1][:, left]
                return replace(self.run(run.chosen, run.place, rest, True), aside=run.aside)
            run.leave_out(flips)
        raise ConvergenceError(
            f"the 0.4 kV nets and the net above them do not agree after {last + 1} passes: "
            f"voltages still move by {run.step.max():.2g} pu",
            hour=int(run.chosen[np.argmax(run.step)]),
        )


class _Run:
    """A run of hours between its passes."""

    def __init__(
        self, coupling: Coupling, chosen: IntArray, place: IntArray, powers: Powers, stiff: bool
    ) -> None:
        self.coupling = coupling
        self.chosen, self.place, self.aside = chosen, place, place[:0]
        self.hours = coupling.areas.hours(chosen, place)
        self.drawing = coupling.alive
        self.status = np.zeros(coupling.areas.count, dtype=np.int64)
        self.failed_hour = np.full(coupling.areas.count, -1)
        self.shares = coupling.habits.elastic_p, coupling.habits.elastic_q
        self.powers, self.at = powers, np.ones_like(powers[0])
        self.look_above()
        if stiff:
            self.shares = np.zeros_like(self.shares[0]), np.zeros_like(self.shares[1])

    def look_above(self) -> None:
        """The net above with what the areas draw, and how its voltages move with that."""
        p, q = (np.where(self.drawing[:, None], part, 0.0) for part in self.powers)
        upper, limits = self.coupling.upper, self.coupling.limits
        self.solution, self.vm, drawn = upper.solve(
            self.chosen, (p, q), self.at, self.shares, limits
        )
        self.step = np.nan_to_num(np.abs(self.vm - self.at)).max(axis=0, initial=0.0)
        self.excess = abs(float(np.nansum(drawn - p))) / max(float(np.abs(p).sum()), 1e-9)

    @property
    def nearly_settled(self) -> bool:
        """Whether the next pass is expected to be the last: only then is it worth a tally."""
        return bool(_SHRINK * self.step.max(initial=0.0) < self.coupling.areas.agreed_pu)

    @property
    def settled(self) -> bool:
        """Whether voltages stand, and the energy drawn above is that drawn below."""
        agreed = self.step.max(initial=0.0) < self.coupling.areas.agreed_pu
        return bool(agreed and self.excess < _EXCESS)

    def one_pass(self, tallied: bool, rough: bool) -> None:
        """What the areas draw at the voltages above them, and what becomes of these with that.

        The first voltages are too rough to give an area up at them.
        """
        areas, width = self.coupling.areas, len(self.chosen)
        supplied = np.asarray(np.isfinite(self.vm).all(axis=1))
        self.at = np.where(supplied[:, None], self.vm, 1.0)
        self.hours.set_voltages(self.at)
        which = np.flatnonzero(self.coupling.alive & supplied & (self.status == CONVERGED))
        self.tally = areas.solve(which, self.hours, tallied=tallied)
        self.powers = self.hours.p_kw[:, :width].copy(), self.hours.q_kvar[:, :width].copy()
        self.drawing = np.zeros(areas.count, dtype=bool)
        self.drawing[which] = self.tally.status[which] == CONVERGED
        if not rough:
            new = self.tally.status != CONVERGED
            self.status[new] = self.tally.status[new]
            self.failed_hour[new] = self.tally.failed_hour[new]
        self.look_above()

    def leave_out(self, some: npt.NDArray[np.bool_]) -> None:
        """Go on without some of the hours."""
        self.aside = np.concatenate([self.aside, self.place[some]])
        self.chosen, self.place = self.chosen[~some], self.place[~some]
        self.at, self.vm = self.at[:, ~some], self.vm[:, ~some]
        self.powers = self.powers[0][:, ~some], self.powers[1][:, ~some]
        self.hours = self.coupling.areas.hours(self.chosen, self.place)

    def result(self) -> SolvedRun:
        """What was found in the last pass."""
        self.tally.status[:], self.tally.failed_hour[:] = self.status, self.failed_hour
        p, q = (np.where(self.drawing[:, None], part, 0.0) for part in self.powers)
        return SolvedRun(
            self.solution, self.tally, self.at, p, q, self.drawing, self.place, self.aside
        )
