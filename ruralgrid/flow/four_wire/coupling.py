"""The areas and the net above them, run of hours by run of hours, until they agree.

Given the voltages above, the areas tell what they draw; given that, the net above tells its
voltages. A run is accepted when these move by less than the tolerance; its tally is then added to
that of the year. Memory holds one run of hours of what every area draws, never the year.
"""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ruralgrid.errors import ConvergenceError
from ruralgrid.flow.arrays import CONVERGED
from ruralgrid.flow.four_wire.arrays import (
    ABOVE_FAILED,
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
from ruralgrid.flow.four_wire.exchange import largest_moves, split_power
from ruralgrid.flow.four_wire.habits import Draw, Habits, polynomials
from ruralgrid.flow.four_wire.sweep import solve_areas
from ruralgrid.flow.four_wire.upper import UpperNet
from ruralgrid.flow.solution import YearSolution
from ruralgrid.flow.workers import workers

__all__ = ["Areas", "Coupling", "SolvedRun"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Powers = tuple[FloatArray, FloatArray]

_AGREED_PU: Final = 1e-10  # closer than rounding lets two solvers come
_LAST_PASS: Final = {False: 30, True: 12}  # hours with undecided tap changers stand after the last
_SHRINK: Final = 1e-3  # of the voltage's move from pass to pass, with habits learned
_FIRST_FLIP_PU: Final = (
    8e-3  # voltages that move by more after the first pass: a tap changer stepped
)
_FLIP_PU: Final = 1e-3  # and after a later one: it steps to and fro
_ROUGH: Final = 20  # times the tolerance, where nothing is tallied
_PROBE: Final = 0.004  # relative step of the voltage that tells how power follows it
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
    stop : threading.Event
        Set when they are to end.
    """

    wires: Wires
    demand: Demand
    gauges: Gauges
    values: npt.NDArray[np.floating]
    tolerance_pu: float
    threads: int
    stop: threading.Event = field(default_factory=threading.Event)

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
        low, high = (int(count) for count in self.gauges.sizes[:2])
        return empty_tally(len(self.wires.parent), self.count, len(self.demand.p), low + high, low)

    def solve(self, which: IntArray, hours: Hours, tallied: bool) -> Tally:
        """Solve the areas `which` at the voltages in `hours`, and fill in what they draw."""
        tally, local = self.tally(), threading.local()
        tolerance_pu = self.tolerance_pu * (1 if tallied else _ROUGH)
        longest = int(np.diff(self.wires.first).max(initial=1))

        def solve_some(parcel: IntArray) -> None:
            if self.stop.is_set():
                raise CancelledError
            if not hasattr(local, "scratch"):
                local.scratch = empty_scratch(longest)
            scratch: Scratch = local.scratch
            solve_areas(
                parcel, self.wires, self.demand, self.gauges, hours, tolerance_pu, tallied, scratch,
                tally,
            )  # fmt: skip

        parcels = np.array_split(which, max(1, -(-len(which) // _PARCEL)))
        if self.threads == 1:
            for parcel in parcels:
                solve_some(parcel)
        else:
            with workers(self.threads, self.stop) as pool:
                for _ in pool.map(solve_some, parcels):
                    pass
        return tally


@dataclass(frozen=True, eq=False)
class SolvedRun:
    """A run of hours on which the areas and the net above agree.

    `aside` are the places in the year of hours that were left out: their tap changers stand at a
    threshold.
    """

    upper: YearSolution
    tally: Tally
    aside: IntArray


@dataclass
class Coupling:
    """The areas and the net above them, and what is known of each area so far.

    Attributes
    ----------
    areas, upper, habits
        What is solved, and how it starts.
    alive : bool array (areas,)
        Areas that are solved at all.
    """

    areas: Areas
    upper: UpperNet
    habits: Habits
    alive: npt.NDArray[np.bool_]

    @property
    def by_one_thread(self) -> Coupling:
        """The same, solved by the thread that asks for it."""
        upper = replace(self.upper, plan=replace(self.upper.plan, threads=1))
        return replace(self, areas=replace(self.areas, threads=1), upper=upper)

    def run(
        self, chosen: IntArray, place: IntArray, nominal: Draw, undecided: bool = False
    ) -> SolvedRun:
        """Solve one run of hours; `nominal` is what the customers draw at nominal voltage.

        The first pass tells what the areas draw at about the right voltage; from it the net above
        follows with loads that depend on the voltage to first order, which is all but the solution.

        A tap changer at its threshold may step to and fro between passes. Hours in which one does
        are left out; with `undecided` they are solved by constant power, which mostly holds the tap
        that it finds; if not, they stand as the last pass finds them.
        """
        draw = self.habits.expected(nominal)
        if undecided:
            draw = Draw(draw.p, draw.q, np.zeros_like(draw.p), np.zeros_like(draw.q))
        run = _Run(self, chosen, place, draw)
        last = _LAST_PASS[undecided]
        for number in range(last + 1):
            tallied = number == last or (number > 0 and run.nearly_settled)
            run.one_pass(tallied, rough=number == 0)
            if tallied and (run.agreed or undecided):
                return run.result()
            flips = run.step > (_FLIP_PU if number else _FIRST_FLIP_PU)
            if undecided or not self.upper.steps or not flips.any():
                continue
            if number == 0 and flips.mean() > 0.5:
                continue
            if flips.all():
                left = np.isin(place, run.place)
                rest = self.run(run.chosen, run.place, nominal.of(left), True)
                return replace(rest, aside=run.aside)
            run.leave_out(flips)
        raise ConvergenceError(
            f"the 0.4 kV nets and the net above them do not agree after {last + 1} passes: "
            f"voltages still move by {run.step.max():.2g} pu",
            hour=int(run.chosen[np.argmax(run.step)]),
        )

    def learn(self, chosen: IntArray, place: IntArray, nominal: Draw) -> Tally:
        """Take on the habits of a few hours: how power follows the voltage, and the customers' own.

        Voltages within some 1e-3 pu of those agreed on tell it as well. Returns what has become of
        the areas in these hours.
        """
        run = _Run(self, chosen, place, self.habits.expected(nominal))
        for tallied in (False, True):
            run.one_pass(tallied, rough=not tallied)
        self.habits = run.habits(nominal)
        return run.told()


class _Run:
    """A run of hours between its passes."""

    def __init__(self, coupling: Coupling, chosen: IntArray, place: IntArray, draw: Draw) -> None:
        self.coupling, self.elastic = coupling, (draw.elastic_p, draw.elastic_q)
        self.chosen, self.place, self.aside = chosen, place, place[:0]
        self.hours = coupling.areas.hours(chosen, place)
        self.upper = coupling.upper.at(chosen)
        self.drawing = coupling.alive
        self.status = np.zeros(coupling.areas.count, dtype=np.int64)
        self.failed_hour = np.full(coupling.areas.count, -1)
        self.powers: Powers = (draw.p, draw.q)
        self.at = np.ones_like(draw.p)
        self.there = coupling.upper.area_position >= 0
        self.look_above(self.at, times_tolerance=_ROUGH)

    def look_above(
        self, around_pu: FloatArray, exactly: bool = False, times_tolerance: float = 1.0
    ) -> None:
        """The net above with what the areas draw, and how far its voltages move by that.

        They draw what they were found to draw where the voltage comes to be `around_pu`, and as
        they are known to follow it where it does not; or `exactly` what they were found to draw, if
        there is a solution above them.
        """
        follows = (
            (self.status == ABOVE_FAILED) if exactly else np.ones(len(self.status), dtype=bool)
        )
        for power, elastic, constant, following in zip(
            self.powers, self.elastic, self.upper.constant, self.upper.elastic, strict=True
        ):
            split_power(power, elastic, around_pu, self.drawing, follows, constant, following)
        self.above = self.upper.solve(times_tolerance)
        self.vm = self.above.vm_pu
        self.step = largest_moves(self.vm, self.at)

    def _look_exactly(self) -> None:
        """What was tallied is drawn above as well, to the last digit: energy is to balance."""
        self.look_above(self.at, exactly=True)
        if self._notice_failures():  # areas that are known to have none draw as they follow
            self.look_above(self.at, exactly=True)
            self._notice_failures()

    def _notice_failures(self) -> bool:
        """Areas below a net without a solution have none; they go on to draw what they drew."""
        new = self.above.failed & (self.status == CONVERGED)
        self.status[new] = ABOVE_FAILED
        self.failed_hour[new] = self.place[max(self.above.failed_at, 0)]
        return bool(new.any())

    @property
    def nearly_settled(self) -> bool:
        """Whether the next pass is expected to be the last: only then is it worth a tally."""
        return bool(_SHRINK * self.step.max(initial=0.0) < self.coupling.areas.agreed_pu)

    @property
    def agreed(self) -> bool:
        """Whether the voltages stand."""
        return bool(self.step.max(initial=0.0) < self.coupling.areas.agreed_pu)

    def one_pass(self, tallied: bool, rough: bool) -> None:
        """What the areas draw at the voltages above them, and what becomes of these with that.

        The first voltages are too rough to give up an area at them, or the net above: they come of
        what customers ask for, of those too whose area has no solution. Where there are none, the
        areas are solved at 1 pu.
        """
        areas, width = self.coupling.areas, len(self.chosen)
        lost = self.status == ABOVE_FAILED
        known = np.isfinite(self.vm)
        self.at = np.where(known, self.vm, 1.0)
        self.hours.set_voltages(self.at)
        solvable = self.there if rough else known.all(axis=1)
        which = np.flatnonzero(self.coupling.alive & solvable & (self.status == CONVERGED))
        self.tally = areas.solve(which, self.hours, tallied=tallied)
        now = self.hours.p_kw[:, :width], self.hours.q_kvar[:, :width]
        for power, found in zip(self.powers, now, strict=True):
            found[lost] = power[lost]
        self.powers = now
        self.drawing = lost & self.coupling.alive
        self.drawing[which] = self.tally.status[which] == CONVERGED
        if not rough:
            new = self.tally.status != CONVERGED
            self.status[new] = self.tally.status[new]
            self.failed_hour[new] = self.tally.failed_hour[new]
        if tallied:
            self._look_exactly()
            if self.agreed:
                return
        self.look_above(self.at)
        self._notice_failures()
        if tallied and self.agreed:
            self._look_exactly()

    def leave_out(self, some: npt.NDArray[np.bool_]) -> None:
        """Go on without some of the hours."""
        kept = ~some
        self.aside = np.concatenate([self.aside, self.place[some]])
        self.chosen, self.place = self.chosen[kept], self.place[kept]
        self.vm, p, q, *elastic = (
            np.compress(kept, part, axis=1) for part in (self.vm, *self.powers, *self.elastic)
        )
        self.powers, self.step = (p, q), self.step[kept]
        self.elastic = elastic[0], elastic[1]
        self.hours = self.coupling.areas.hours(self.chosen, self.place)
        self.upper = self.upper.of(np.flatnonzero(kept))

    def result(self) -> SolvedRun:
        """What was found in the last pass."""
        return SolvedRun(self.above.frames(), self.told(), self.aside)

    def told(self) -> Tally:
        """The tally of the last pass, and what has become of the areas in all of them."""
        return self.tally._replace(status=self.status, failed_hour=self.failed_hour)

    def habits(self, nominal: Draw) -> Habits:
        """What the areas draw in these hours, by what their customers would at nominal voltage."""
        areas, width, square = self.coupling.areas, len(self.chosen), self.at**2
        drawing = self.drawing & (self.status == CONVERGED)
        known = [power.copy() for power in self.powers]
        self.hours.set_voltages(self.at * (1 + _PROBE))
        areas.solve(np.flatnonzero(drawing), self.hours, tallied=False)
        whole, elastic = [], []
        for now, probed in zip(known, (self.hours.p_kw, self.hours.q_kvar), strict=True):
            elastic.append((probed[:, :width] - now) / (square * ((1 + _PROBE) ** 2 - 1)))
            whole.append(now + elastic[-1] * (1 - square))
        found = zip(nominal, (*whole, *elastic), strict=True)
        return Habits(
            *(
                np.where(drawing[:, None], polynomials(own, power), old)
                for (own, power), old in zip(found, self.coupling.habits, strict=True)
            )
        )
