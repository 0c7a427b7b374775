"""A year of hours with four wires in every 0.4 kV net."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from ruralgrid.county import County
from ruralgrid.errors import InputError
from ruralgrid.flow.arrays import CONVERGED
from ruralgrid.flow.four_wire.arrays import Tally, merge_tally
from ruralgrid.flow.four_wire.conversion import AreaLoads, area_demand, area_gauges, area_wires
from ruralgrid.flow.four_wire.coupling import (
    Areas,
    Coupling,
    SolvedRun,
    first_habits,
    learned_habits,
)
from ruralgrid.flow.four_wire.frames import FourWireYear, assemble_four_wire
from ruralgrid.flow.four_wire.runs import joined_runs
from ruralgrid.flow.four_wire.upper import UpperNet, build_upper
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.solution import YearSolution
from ruralgrid.network.four_wire import FourWireAreas, build_four_wire
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["solve_year_four_wire"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Limits = Mapping[str, float | npt.ArrayLike]

_RUN_HOURS = 1460
"""Hours that the areas and the net above agree on at a time: so long is held what areas draw."""

_LEARNED_HOURS = 48
"""Hours, spread over all, from which the habits of the areas are learned."""


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
        ``build(county, hour="mean")``: the balanced net of the same tables. Not changed. Its loads
        are those of the consumers; its nets above 1 kV are solved balanced.
    profiles, low_limits_pu, high_limits_pu, hours, load_scale, tolerance_pu, n_threads, progress
        As in `ruralgrid.flow.solve_year`. At 0.4 kV a limit holds for the phase-to-neutral voltage
        of every phase that a customer hangs on, per unit of the node's voltage over sqrt 3.

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
        As `solve_year`, and as `build_four_wire`.
    ConvergenceError
        The 0.4 kV nets and the net above them do not agree on their voltages.
    """
    areas = (
        build_four_wire(county_or_areas) if isinstance(county_or_areas, County) else county_or_areas
    )
    chosen = _checked_hours(profiles, hours)
    scale = _checked_scale(net, profiles, load_scale)
    _check_net(areas, net)
    loads = _area_loads(areas, net, profiles, scale)
    low = {name: _per_bus(net, name, limit) for name, limit in (low_limits_pu or {}).items()}
    high = {name: _per_bus(net, name, limit) for name, limit in (high_limits_pu or {}).items()}
    demand, consumer_of, group_of = area_demand(areas, loads)
    rows = areas.node_row
    gauges = area_gauges(
        areas,
        {name: limit[rows] for name, limit in low.items()},
        {name: limit[rows] for name, limit in high.items()},
    )
    used, follows = np.unique(demand.profile, return_inverse=True)
    solver = Areas(
        area_wires(areas, loads),
        demand._replace(profile=follows.reshape(-1).astype(np.int64)),
        gauges,
        profiles.values[used],
        tolerance_pu,
        _threads(n_threads),
    )
    upper = build_upper(net, areas, profiles, scale, tolerance_pu, n_threads)
    runs, tally, cause, failed_hour = _solve_all(
        solver, upper, areas, loads, profiles, chosen, (low, high), progress
    )
    upper_year = joined_runs(runs)
    sums = np.array(
        [float(profiles.values[row, chosen].sum()) for row in range(len(profiles.values))]
    )
    year = FourWireYear(
        net=net,
        areas=areas,
        loads=loads,
        demand=demand,
        gauges=gauges,
        consumer_of=consumer_of,
        group_of=group_of,
        upper=upper_year,
        tally=tally,
        cause=cause,
        failed_hour=failed_hour,
        supplied=_supplied(upper_year, upper.area_bus),
        hours=chosen,
        asked=sums[loads.profile],
        limits=[
            *(f"hours_below_{name}" for name in low),
            *(f"hours_above_{name}" for name in high),
        ],
    )
    return assemble_four_wire(year)


def _solve_all(
    solver: Areas,
    upper: UpperNet,
    areas: FourWireAreas,
    loads: AreaLoads,
    profiles: LoadProfiles,
    chosen: IntArray,
    limits: tuple[dict[str, FloatArray], dict[str, FloatArray]],
    progress: bool | None,
) -> tuple[list[YearSolution], Tally, IntArray, IntArray]:
    """All runs of hours; once more without the areas that have no solution in one of them."""
    alive = np.ones(solver.count, dtype=bool)
    cause = np.zeros(solver.count, dtype=np.int64)
    failed_hour = np.full(solver.count, -1, dtype=np.int64)
    disable = None if progress is None else not progress
    coupling = Coupling(solver, upper, first_habits(_elastic(areas, loads)), limits, alive)

    def run(places: IntArray, undecided: bool = False) -> SolvedRun:
        hours = chosen[places]
        nominal = _nominal(areas, loads, profiles, hours)
        return coupling.run(hours, places, nominal, undecided)

    if len(chosen) > _RUN_HOURS:
        learned = run(_sample(loads, profiles, chosen))
        hours = chosen[learned.place]
        nominal = _nominal(areas, loads, profiles, hours)
        coupling.habits = learned_habits(solver, hours, learned, nominal, coupling.habits)
    while True:
        total, runs = solver.tally(), []
        waiting = np.array_split(np.arange(len(chosen)), -(-len(chosen) // _RUN_HOURS))
        for undecided in (False, False, True):
            aside = []
            for places in tqdm(
                waiting, desc="four wires", unit="run", disable=disable, leave=False
            ):
                part = run(places, undecided)
                merge_tally(total, part.tally)
                runs.append(part.upper)
                aside.append(part.aside)
            left = (
                np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *aside]))
                if aside
                else np.zeros(0, dtype=np.int64)
            )
            waiting = np.array_split(left, -(-len(left) // _RUN_HOURS)) if len(left) else []
        new = alive & (total.status != CONVERGED)
        if not new.any():
            return runs, total, cause, failed_hour
        cause[new], failed_hour[new] = total.status[new], total.failed_hour[new]
        alive &= ~new


def _sample(loads: AreaLoads, profiles: LoadProfiles, chosen: IntArray) -> IntArray:
    """Places of hours spread over all, and over all loads from the lowest to the highest."""
    weight = np.bincount(loads.profile, loads.p_kw, minlength=len(profiles.values))
    rank = np.argsort(weight @ profiles.values[:, chosen], kind="stable")
    spread = np.linspace(0, len(chosen) - 1, _LEARNED_HOURS // 2).round().astype(np.int64)
    return np.unique([spread, rank[spread]])


def _nominal(
    areas: FourWireAreas, loads: AreaLoads, profiles: LoadProfiles, hours: IntArray
) -> tuple[FloatArray, FloatArray]:
    """What the consumers of each area draw at nominal voltage [kW, kvar], (areas, hours)."""
    area = areas.area_of[areas.consumer_position]
    size = len(areas.transformer_row), len(profiles.values)
    values = np.asarray(profiles.values[:, hours], dtype=float)
    both = []
    for power in (loads.p_kw, loads.q_kvar):
        weight = np.zeros(size)
        np.add.at(weight, (area, loads.profile), power)
        both.append(weight @ values)
    return both[0], both[1]


def _elastic(areas: FourWireAreas, loads: AreaLoads) -> FloatArray:
    """Share of impedance by which each area's power follows its voltage to first order."""
    area = areas.area_of[areas.consumer_position]
    count = len(areas.transformer_row)
    share = loads.share_p[:, 2] + loads.share_p[:, 1] / 2
    drawn = np.bincount(area, np.abs(loads.p_kw), minlength=count)
    elastic = np.bincount(area, np.abs(loads.p_kw) * share, minlength=count)
    return np.divide(elastic, drawn, out=np.zeros(count), where=drawn > 0)


def _area_loads(
    areas: FourWireAreas, net: pandapowerNet, profiles: LoadProfiles, scale: FloatArray | None
) -> AreaLoads:
    rows = areas.consumer_row
    load = net.load.iloc[rows]
    factor = load["scaling"].to_numpy(dtype=float) * KILO
    if scale is not None:
        factor = factor * scale[rows]
    shares = []
    for letter in "pq":
        z = load[f"const_z_{letter}_percent"].to_numpy(dtype=float) / 100
        i = load[f"const_i_{letter}_percent"].to_numpy(dtype=float) / 100
        shares.append(np.column_stack([1 - z - i, i, z]))
    return AreaLoads(
        load["p_mw"].to_numpy(dtype=float) * factor,
        load["q_mvar"].to_numpy(dtype=float) * factor,
        profiles.of_load[rows].astype(np.int64),
        *shares,
    )


def _supplied(upper: YearSolution, area_bus: IntArray) -> npt.NDArray[np.bool_]:
    return np.asarray((upper.buses.loc[area_bus, "status"] == "solved").to_numpy())


def _check_net(areas: FourWireAreas, net: pandapowerNet) -> None:
    """The net must be of the same tables: rows of one are rows of the other."""
    rows = areas.consumer_row
    same = len(net.load) > rows.max(initial=-1) and tuple(net.load["name"].iloc[rows]) == (
        areas.consumer_name
    )
    known = set(net.trafo["name"])
    if not same or not known.issuperset(areas.transformer_name):
        raise InputError(
            "consumers or transformers of the county are not those of the net; "
            "expected build(county, hour='mean')",
            "net",
        )


def _checked_hours(profiles: LoadProfiles, hours: npt.ArrayLike | None) -> IntArray:
    if hours is None:
        return np.arange(profiles.hours)
    chosen = np.asarray(hours)
    if chosen.ndim != 1 or not chosen.size or not np.issubdtype(chosen.dtype, np.integer):
        raise InputError(f"expected whole hour numbers, at least one, got {hours!r}", "hours")
    if chosen.min() < 0 or chosen.max() >= profiles.hours:
        raise InputError(
            f"hours {chosen.min()} to {chosen.max()} asked, the profiles have {profiles.hours}",
            "hours",
        )
    return chosen.astype(np.int64)


def _checked_scale(
    net: pandapowerNet, profiles: LoadProfiles, load_scale: npt.ArrayLike | None
) -> FloatArray | None:
    if len(profiles.of_load) != len(net.load):
        raise InputError(
            f"profiles for {len(profiles.of_load)} loads, the net has {len(net.load)}",
            "profiles.of_load",
        )
    if load_scale is None:
        return None
    scale = np.asarray(load_scale, dtype=float)
    if scale.shape != (len(net.load),) or not np.isfinite(scale).all():
        raise InputError(
            f"expected one finite factor per load, shape ({len(net.load)},), got {scale.shape}",
            "load_scale",
        )
    return scale


def _per_bus(net: pandapowerNet, name: str, limit: float | npt.ArrayLike) -> FloatArray:
    values = np.asarray(limit, dtype=float)
    if values.ndim == 0:
        values = np.full(len(net.bus), float(values))
    if values.shape != (len(net.bus),) or np.any(values <= 0):
        raise InputError(
            f"expected one positive number or one per bus, shape ({len(net.bus)},)",
            f"limit {name!r}",
        )
    return values


def _threads(n_threads: int | None) -> int:
    if n_threads is None:
        known = hasattr(os, "sched_getaffinity")
        return (len(os.sched_getaffinity(0)) if known else os.cpu_count()) or 1
    if isinstance(n_threads, bool) or not isinstance(n_threads, int) or n_threads < 1:
        raise InputError(f"n_threads is {n_threads!r}; expected a whole number from 1 on")
    return n_threads
