"""The areas and the net above them, run of hours by run of hours, until they agree.

Given the voltages above, the areas tell what they draw; given that, the net above tells its
voltages. A run is accepted when these move by less than `_AGREED_PU`; its tally is then added to
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
    merge_tally,
)
from ruralgrid.flow.four_wire.sweep import solve_areas
from ruralgrid.flow.four_wire.upper import Limits, UpperNet
from ruralgrid.flow.solution import YearSolution

__all__ = ["Areas", "solve_run"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_AGREED_PU: Final = 1e-7
_MOST_PASSES: Final = 30
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


def solve_run(
    areas: Areas,
    upper: UpperNet,
    chosen: IntArray,
    place: int,
    alive: npt.NDArray[np.bool_],
    nominal: tuple[FloatArray, FloatArray],
    low_pu: Limits,
    high_pu: Limits,
) -> tuple[YearSolution, Tally]:
    """Solve one run of hours; `nominal` is what the areas draw [kW, kvar] at 1 pu, about."""
    hours, width = areas.hours(chosen, place), len(chosen)
    status, failed_hour = np.zeros(areas.count, dtype=np.int64), np.full(areas.count, -1)
    p, q = (np.where(alive[:, None], part, 0.0) for part in nominal)
    _, vm = upper.solve(chosen, p, q, np.ones_like(p))
    for number in range(_MOST_PASSES):
        supplied = np.isfinite(vm).all(axis=1)
        hours.vm_pu[:, :width] = np.where(supplied[:, None], vm, 1.0)
        hours.vm_pu[:, width:] = hours.vm_pu[:, width - 1 : width]
        which = np.flatnonzero(alive & supplied & (status == CONVERGED))
        tally = areas.solve(which, hours, tallied=number > 0)
        if number:  # the first voltages are too rough to give an area up
            new = tally.status != CONVERGED
            status[new], failed_hour[new] = tally.status[new], tally.failed_hour[new]
        drawing = np.zeros(areas.count, dtype=bool)
        drawing[which] = tally.status[which] == CONVERGED
        p = np.where(drawing[:, None], hours.p_kw[:, :width], 0.0)
        q = np.where(drawing[:, None], hours.q_kvar[:, :width], 0.0)
        limits = (low_pu, high_pu) if number else (None, None)
        solution, moved = upper.solve(chosen, p, q, None if number else vm, *limits)
        step = np.nan_to_num(np.abs(moved - vm)).max(axis=0, initial=0.0)
        change, vm = step.max(), moved
        if number and change < _AGREED_PU:
            tally.status[:], tally.failed_hour[:] = status, failed_hour
            return solution, tally
    raise ConvergenceError(
        f"the 0.4 kV nets and the net above them do not agree after {_MOST_PASSES} passes: "
        f"voltages still move by {change:.2g} pu",
        hour=int(chosen[np.argmax(step)]),
    )
