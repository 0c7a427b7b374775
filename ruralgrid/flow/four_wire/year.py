"""A year of hours with four wires in every 0.4 kV net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pandapower.auxiliary import pandapowerNet
from scipy.sparse import csr_array
from tqdm.auto import tqdm

from ruralgrid.county import County
from ruralgrid.errors import require_kind
from ruralgrid.flow.arguments import (
    checked_hours,
    checked_scale,
    checked_threads,
    checked_tolerance,
    limit_per_bus,
    require_limits,
    require_profiles,
)
from ruralgrid.flow.arrays import CONVERGED
from ruralgrid.flow.four_wire.arrays import ABOVE_FAILED, LANES, Demand, Tally, merge_tally
from ruralgrid.flow.four_wire.conversion import AreaLoads, area_demand, area_gauges, area_wires
from ruralgrid.flow.four_wire.coupling import Areas, Coupling, SolvedRun
from ruralgrid.flow.four_wire.frames import FourWireYear, assemble_four_wire
from ruralgrid.flow.four_wire.habits import Draw, first_habits
from ruralgrid.flow.four_wire.reading import area_loads, check_net
from ruralgrid.flow.four_wire.runs import joined_runs
from ruralgrid.flow.four_wire.upper import UpperNet, build_upper
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.solution import FAILED, SOLVED, YearSolution
from ruralgrid.flow.workers import workers
from ruralgrid.flow.year import solve_year
from ruralgrid.network.four_wire import FourWireAreas, build_four_wire

__all__ = ["solve_year_four_wire"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Limits = Mapping[str, float | npt.ArrayLike]

_AREA_HOURS = 600_000
"""Areas times hours of a run, which agree with the net above at a time: each of the threads that
solve runs side by side holds so much of what areas draw."""

_LEAST_RUN_HOURS = 288

_RUNS = 8
"""Of a long year at least, where that leaves them long enough: something to do for every thread."""

_LOOSEST_PU = 1e-4
"""Beyond it what areas and net above leave open adds up to several times the tolerance."""

_LEARNED_HOURS = 48
"""Hours, spread over all, from which the habits of the areas are learned."""

_WORTH_LEARNING = 4 * _LEARNED_HOURS
"""From so many hours on: fewer are solved as soon without."""


def solve_year_four_wire(
    county_or_areas: County | FourWireAreas,
    net: pandapowerNet,
    profiles: LoadProfiles,
    *,
    low_limits_pu: Limits | None = None,
    high_limits_pu: Limits | None = None,
    hours: npt.ArrayLike | None = None,
    load_scale: npt.ArrayLike | None = None,
    tolerance_pu: float = 1e-7,
    n_threads: int | None = None,
    progress: bool | None = None,
) -> YearSolution:
    """Solve the load flow of every hour, the 0.4 kV nets with their phases and neutrals.

    Parameters
    ----------
    county_or_areas : County or FourWireAreas
        The county at its stage, or what `build_four_wire` made of it.
    net : pandapowerNet
        ``build(county, hour="mean")``: the balanced net of the same tables. Not changed. Its nets
        above 1 kV are solved as they stand in it, balanced, and the loads of the consumers are read
        from it; lines and transformers of 0.4 kV are those of the county's tables, whatever their
        lengths and impedances in the net are.
    profiles, low_limits_pu, high_limits_pu, hours, load_scale, tolerance_pu, n_threads, progress
        As in `ruralgrid.flow.solve_year`; the tolerance, by default ten times as large and at most
        1e-4, is also how closely the areas and the net above them agree. At 0.4 kV a limit holds
        for the phase-to-neutral voltage of every phase that a customer hangs on, per unit of the
        node's voltage over sqrt 3.

    Returns
    -------
    YearSolution
        Frames and rows as `solve_year` gives them for `net`. At 0.4 kV `vm_min_pu`, `vm_max_pu` and
        the hours beyond limits are those of the worst phase with customers (at a node without, of
        the worst phase). Besides: `phases` by bus, and of 0.4 kV lines the highest current of a
        wire, the loading of the wire that is loaded most, `neutral_loss_kwh` and
        `neutral_i_max_ka`. An area without a solution has NaN and a status.

    Raises
    ------
    InputError, TopologyError
        As `solve_year`, and as `build_four_wire`; or if `net` has something at 0.4 kV that the
        tables do not have, such as a generator, a load, or an element out of service.
    ConvergenceError
        The 0.4 kV nets and the net above them do not agree on their voltages.
    """
    require_kind(net, pandapowerNet, "net", "build")
    require_profiles(profiles)
    areas = _areas_of(county_or_areas)
    if not len(areas.transformer_row):  # nothing below 1 kV: the balanced flow is the whole of it
        return solve_year(
            net,
            profiles,
            low_limits_pu=low_limits_pu,
            high_limits_pu=high_limits_pu,
            hours=hours,
            load_scale=load_scale,
            tolerance_pu=tolerance_pu,
            n_threads=n_threads,
            progress=progress,
        )
    chosen = checked_hours(profiles, hours)
    checked_tolerance(tolerance_pu, _LOOSEST_PU)
    for name, limits in (("low_limits_pu", low_limits_pu), ("high_limits_pu", high_limits_pu)):
        require_limits(name, limits or {})
    scale = checked_scale(net, profiles, load_scale)
    check_net(areas, net)
    case = _Case(
        areas=areas,
        net=net,
        profiles=profiles,
        hours=chosen,
        loads=area_loads(areas, net, profiles, scale),
        low={
            name: limit_per_bus(net, name, limit) for name, limit in (low_limits_pu or {}).items()
        },
        high={
            name: limit_per_bus(net, name, limit) for name, limit in (high_limits_pu or {}).items()
        },
    )
    demand, consumer_of, group_of = area_demand(areas, case.loads)
    solver = _solver(case, demand, tolerance_pu, checked_threads(n_threads))
    upper = build_upper(net, areas, profiles, scale, (case.low, case.high), tolerance_pu, n_threads)
    solved = _solve_all(case, solver, upper, progress)
    above = joined_runs(solved.runs)
    return assemble_four_wire(
        FourWireYear(
            net=net,
            areas=areas,
            loads=case.loads,
            gauges=solver.gauges,
            consumer_of=consumer_of,
            group_of=group_of,
            upper=above,
            tally=solved.tally,
            cause=solved.cause,
            failed_hour=solved.failed_hour,
            supplied=above.buses.loc[upper.area_bus, "status"].isin([SOLVED, FAILED]).to_numpy(),
            hours=chosen,
            asked=_sums(profiles, chosen)[case.loads.profile],
            limits=case.limit_names,
        )
    )


def _areas_of(county_or_areas: object) -> FourWireAreas:
    if isinstance(county_or_areas, FourWireAreas):
        return county_or_areas
    require_kind(county_or_areas, County, "county_or_areas", "synthesise and read_county")
    assert isinstance(county_or_areas, County)
    return build_four_wire(county_or_areas)


@dataclass(frozen=True, eq=False)
class _Case:
    """What is to be solved; limits by row of the net's buses."""

    areas: FourWireAreas
    net: pandapowerNet
    profiles: LoadProfiles
    hours: IntArray
    loads: AreaLoads
    low: dict[str, FloatArray]
    high: dict[str, FloatArray]

    @property
    def limit_names(self) -> list[str]:
        """Columns of the limits, low ones first."""
        below, above = (f"hours_below_{name}" for name in self.low), self.high
        return [*below, *(f"hours_above_{name}" for name in above)]

    def nominal(self, hours: IntArray) -> Draw:
        """What the consumers of each area draw at nominal voltage."""
        values = np.asarray(self.profiles.values[:, hours], dtype=float)
        return Draw(*(part @ values for part in self._by_profile))

    @cached_property
    def _by_profile(self) -> list[csr_array]:
        """The parts of `Draw` by area and profile."""
        area, loads = self.areas.area_of[self.areas.consumer_position], self.loads
        size = len(self.areas.transformer_row), len(self.profiles.values)
        sides = ((loads.p_kw, loads.share_p), (loads.q_kvar, loads.share_q))
        whole = [power for power, _ in sides]
        elastic = [  # a constant current follows to first order
            power * (share[:, 2] + share[:, 1] / 2) for power, share in sides
        ]
        return [csr_array((part, (area, loads.profile)), shape=size) for part in (*whole, *elastic)]


@dataclass(frozen=True, eq=False)
class _Solved:
    """The year above by runs, that of the areas, and why and when an area failed."""

    runs: list[YearSolution]
    tally: Tally
    cause: IntArray
    failed_hour: IntArray


def _solver(case: _Case, demand: Demand, tolerance_pu: float, threads: int) -> Areas:
    """The areas in the kernel's arrays, with those profiles that they follow."""
    rows = case.areas.node_row
    low, high = (
        {name: limit[rows] for name, limit in side.items()} for side in (case.low, case.high)
    )
    used, follows = np.unique(demand.profile, return_inverse=True)
    return Areas(
        area_wires(case.areas, case.loads),
        demand._replace(profile=follows.reshape(-1).astype(np.int64)),
        area_gauges(case.areas, low, high),
        case.profiles.values[used],
        tolerance_pu,
        threads,
    )


def _solve_all(case: _Case, solver: Areas, upper: UpperNet, progress: bool | None) -> _Solved:
    """All runs of hours; once more without the areas that have no solution in one of them."""
    count = len(case.hours)
    failures = np.zeros((2, solver.count), dtype=np.int64)
    coupling = Coupling(
        solver,
        upper,
        first_habits(solver.count),
        alive=np.ones(solver.count, dtype=bool),
    )
    if count > _WORTH_LEARNING:
        places = _sample(case)
        hours = case.hours[places]
        _give_up(coupling, coupling.learn(hours, places, case.nominal(hours)), failures)
    while True:
        tally, runs = _all_runs(case, coupling, progress)
        if not _give_up(coupling, tally, failures):
            return _Solved(runs, tally, *failures)


def _give_up(coupling: Coupling, tally: Tally, failures: IntArray) -> bool:
    """Leave out the areas that failed, and note why and when; whether there are any.

    One that failed with the net above it is not left out: without its load that net may well have a
    solution, and it is not the one that was asked for.
    """
    failed = coupling.alive & (tally.status != CONVERGED)
    failures[:, failed] = tally.status[failed], tally.failed_hour[failed]
    new = failed & (tally.status != ABOVE_FAILED)
    coupling.alive = coupling.alive & ~new
    return bool(new.any())


def _all_runs(
    case: _Case, coupling: Coupling, progress: bool | None
) -> tuple[Tally, list[YearSolution]]:
    """Every hour once: what a run leaves out is tried again with its like, and then decided."""
    total, runs, alone = coupling.areas.tally(), [], coupling.by_one_thread
    left = np.arange(len(case.hours))
    disable = None if progress is None else not progress
    for undecided in (False, False, True):

        def solve(places: IntArray, undecided: bool = undecided) -> SolvedRun:
            hours = case.hours[places]
            return alone.run(hours, places, case.nominal(hours), undecided)

        parts, aside = _parts(left, coupling.areas.count), [left[:0]]
        with (
            tqdm(
                total=len(parts), desc="four wires", unit="run", disable=disable, leave=False
            ) as bar,
            workers(coupling.areas.threads, coupling.areas.stop) as pool,
        ):
            for run in pool.map(solve, parts):
                merge_tally(total, run.tally)
                runs.append(run.upper)
                aside.append(run.aside)
                bar.update()
        left = np.sort(np.concatenate(aside))
    return total, runs


def _parts(places: IntArray, areas: int) -> list[IntArray]:
    """Hours in runs."""
    most = _run_hours(len(places), areas)
    return np.split(places, range(most, len(places), most)) if len(places) else []


def _run_hours(hours: int, areas: int) -> int:
    """Hours of a run, whole blocks: few where there are many areas."""
    most = max(_LEAST_RUN_HOURS, min(_AREA_HOURS // areas, -(-hours // _RUNS)))
    return most - most % LANES


def _sums(profiles: LoadProfiles, hours: IntArray) -> FloatArray:
    """Sum over the hours of each profile."""
    return np.array([float(row[hours].sum(dtype=float)) for row in profiles.values])


def _sample(case: _Case) -> IntArray:
    """Places of hours spread over all, and over all loads from the lowest to the highest."""
    values = case.profiles.values
    weight = np.bincount(case.loads.profile, case.loads.p_kw, minlength=len(values))
    rank = np.argsort(weight @ values[:, case.hours], kind="stable")
    spread = np.linspace(0, len(rank) - 1, _LEARNED_HOURS // 2).round().astype(np.int64)
    return np.unique([spread, rank[spread]])
