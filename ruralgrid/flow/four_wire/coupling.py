"""The areas and the net above them, run of hours by run of hours, until they agree.

Given the voltages above, the areas tell what they draw; given that, the net above tells its
voltages. A run is accepted when these move by less than the tolerance; its tally is then added to
that of the year. Memory holds one run of hours of what every area draws, never the year.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from ruralgrid.flow.four_wire.upper import Limits, UpperNet
from ruralgrid.flow.solution import YearSolution

__all__ = ["Areas", "Habits", "SolvedRun", "first_habits", "learned_habits", "solve_run"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Powers = tuple[FloatArray, FloatArray]

_AGREED_PU: Final = 1e-7
_MOST_PASSES: Final = 30
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

    def hours(self, chosen: IntArray, place: int) -> Hours:
        """A run of hours, voltages still to be filled in."""
        width = len(chosen)
        stride = -(-width // LANES) * LANES
        factors = np.empty((len(self.values), stride))
        factors[:, :width] = self.values[:, chosen]
        factors[:, width:] = factors[:, width - 1 : width]
        weight = np.zeros(stride)
        weight[:width] = 1.0
        rows = [np.zeros((self.count, stride)) for _ in range(3)]
        span = np.array([stride, width, place])
        return Hours(factors, rows[0], weight, rows[1], rows[2], span)

    def tally(self) -> Tally:
        """A tally of no hours."""
        limits = int(self.gauges.sizes[0] + self.gauges.sizes[1])
        return empty_tally(len(self.wires.parent), self.count, len(self.demand.p), limits)

    def solve(self, which: IntArray, hours: Hours, tallied: bool) -> Tally:
        """Solve the areas `which` at the voltages in `hours`, and fill in what they draw."""
        tally, local = self.tally(), threading.local()
        longest = int(np.diff(self.wires.first).max(initial=1))

        def solve_some(parcel: IntArray) -> None:
            if not hasattr(local, "scratch"):
                local.scratch = empty_scratch(longest)
            scratch: Scratch = local.scratch
            solve_areas(
                parcel, self.wires, self.demand, self.gauges, hours, self.tolerance_pu, tallied,
                scratch, tally,
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
    hours, width = areas.hours(chosen, 0), len(chosen)
    hours.set_voltages(run.vm_pu * (1 + _PROBE))
    areas.solve(np.flatnonzero(run.drawing), hours, tallied=False)
    shares, polynomials = [], []
    for now, probed, own, old, line in zip(
        (run.p_kw, run.q_kvar), (hours.p_kw, hours.q_kvar), nominal,
        (habits.elastic_p, habits.elastic_q), (habits.p, habits.q), strict=True,
    ):  # fmt: skip
        share = _shares(now, probed[:, :width], run.vm_pu, old)
        polynomial = _polynomials(own, now / _rise(share, run.vm_pu))
        shares.append(np.where(run.drawing, share, old))
        polynomials.append(np.where(run.drawing[:, None], polynomial, line))
    return Habits(*shares, *polynomials)


def _rise(share: FloatArray, vm_pu: FloatArray) -> FloatArray:
    """Power at a voltage over that at 1 pu, a share of it an impedance."""
    return 1 - share[:, None] + share[:, None] * vm_pu**2


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
    `drawing` tells which do.
    """

    upper: YearSolution
    tally: Tally
    vm_pu: FloatArray
    p_kw: FloatArray
    q_kvar: FloatArray
    drawing: npt.NDArray[np.bool_]


def solve_run(
    areas: Areas,
    upper: UpperNet,
    habits: Habits,
    chosen: IntArray,
    place: int,
    alive: npt.NDArray[np.bool_],
    nominal: Powers,
    limits: tuple[Limits, Limits],
) -> SolvedRun:
    """Solve one run of hours; `nominal` is what the customers draw at nominal voltage.

    The first pass tells what the areas draw at about the right voltage; from it the net above
    follows with loads that depend on the voltage to first order, which is all but the solution.
    """
    hours = areas.hours(chosen, place)
    status, failed_hour = np.zeros(areas.count, dtype=np.int64), np.full(areas.count, -1)
    powers = habits.expected(nominal)
    at = np.ones_like(powers[0])
    drawing, step = alive, np.full(len(chosen), np.inf)
    for number in range(_MOST_PASSES):
        masked = [np.where(drawing[:, None], part, 0.0) for part in powers]
        vm = upper.elastic(chosen, *masked, at, habits.elastic_p, habits.elastic_q)
        supplied = np.isfinite(vm).all(axis=1)
        at = np.where(supplied[:, None], vm, 1.0)
        hours.set_voltages(at)
        which = np.flatnonzero(alive & supplied & (status == CONVERGED))
        tally = areas.solve(which, hours, tallied=number > 0)
        powers = hours.p_kw[:, : len(chosen)], hours.q_kvar[:, : len(chosen)]
        drawing = np.zeros(areas.count, dtype=bool)
        drawing[which] = tally.status[which] == CONVERGED
        if number == 0:  # these voltages are too rough to give an area up
            continue
        new = tally.status != CONVERGED
        status[new], failed_hour[new] = tally.status[new], tally.failed_hour[new]
        p, q = (np.where(drawing[:, None], part, 0.0) for part in powers)
        solution, final = upper.fixed(chosen, p, q, limits)
        step = np.nan_to_num(np.abs(final - vm)).max(axis=0, initial=0.0)
        if step.max() < areas.agreed_pu:
            tally.status[:], tally.failed_hour[:] = status, failed_hour
            return SolvedRun(solution, tally, at, p, q, drawing)
    raise ConvergenceError(
        f"the 0.4 kV nets and the net above them do not agree after {_MOST_PASSES} passes: "
        f"voltages still move by {step.max():.2g} pu",
        hour=int(chosen[np.argmax(step)]),
    )
