"""One stage of a county: its year of hours, and what that says of villages, losses and loading."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.assess import (
    Levels,
    chain_nodes,
    chain_voltages,
    drop_shares,
    energy_balance,
    levels_of,
    loading_table,
    loss_table,
    supply_paths,
    village_voltages,
)
from ruralgrid.demand import load_of
from ruralgrid.errors import ConvergenceError
from ruralgrid.flow.four_wire import solve_year_four_wire
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.year import YearSolution, solve_year
from ruralgrid.network import build
from ruralgrid.network.four_wire import FourWireAreas, build_four_wire
from ruralgrid.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.county import County
    from ruralgrid.limits import LimitSet

__all__ = [
    "Case",
    "Phases",
    "Stage",
    "batches_alone",
    "equal_energy",
    "prepare",
    "representative_hours",
    "solve_stage",
    "whole_year",
]

_TOLERANCE_PU = 1e-6
"""0.2 mV of 230 V: a study judges volts."""

_EQUAL = 1e-4
_MOST_ROUNDS = 3

Phases = Literal["balanced", "four-wire"]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Case:
    """A county at one stage, ready to be solved.

    Parameters
    ----------
    county : County
        The county at the stage.
    net : pandapowerNet
        Its net, loads at their yearly mean.
    profiles : LoadProfiles
        What the loads follow.
    areas : FourWireAreas, optional
        Its 0.4 kV nets with every wire; None where the balanced flow judges.
    """

    county: County
    net: pandapowerNet
    profiles: LoadProfiles
    areas: FourWireAreas | None = None

    @cached_property
    def levels(self) -> Levels:
        """The voltage level of every element."""
        return levels_of(self.county)

    @cached_property
    def paths(self) -> pd.DataFrame:
        """How every customer's node is fed."""
        return supply_paths(self.county)

    @property
    def balanced(self) -> Case:
        """The same without its phases."""
        return replace(self, areas=None)

    def held_at(self, county: County) -> Case:
        """The same with other voltages at the sources or behind the tap changers above 0.4 kV."""
        return replace(self, county=county, net=build(county, hour="mean"))

    def with_units(self, county: County) -> Case:
        """The same with other types and taps of transformers; customers stay as they are."""
        areas = self.areas and build_four_wire(county)
        return replace(self, county=county, net=build(county, hour="mean"), areas=areas)

    def following(self, coincidence_floor: float) -> Case:
        """The same with curves of another floor of the coincidence factor; energies stay."""
        load = load_of(self.county, coincidence_floor)
        return replace(self, profiles=LoadProfiles(load.curves, load.curve_of))


def batches_alone(county: County) -> County:
    """The county without its projects above 10 kV and what hangs on them.

    A county that knows no plan stays as it is.
    """
    projects = [p.name for p in county.origin.plan.hv_projects] if county.origin else []
    of = county.edits["project"]
    above = of.isin(projects) | of.str.startswith("outlets of")
    return county.with_tables(edits=county.edits[~above])


def prepare(county: County, *, phases: Phases = "four-wire") -> Case:
    """Build the net and the load curves of a county at its stage.

    Parameters
    ----------
    county : County
        Already at its stage.
    phases : "four-wire" or "balanced"
        Whether 0.4 kV is solved wire by wire.

    Raises
    ------
    InputError
        If the phases of the tables do not fit together (see `check_phases`).
    """
    load = load_of(county)
    profiles = LoadProfiles(load.curves, load.curve_of)
    areas = build_four_wire(county) if phases == "four-wire" else None
    if areas is not None and not len(areas.transformer_row):
        areas = None  # no 0.4 kV net: nothing to solve wire by wire
    return Case(county, build(county, hour="mean"), profiles, areas)


@dataclass(frozen=True, eq=False)
class Stage:
    """A county at one stage, solved.

    Parameters
    ----------
    case : Case
        The county, its net and its profiles.
    hours : array of int
        The hours that were solved.
    solution : YearSolution
        Their solution; sums are over these hours.
    losses : pandas.DataFrame
        Of `loss_table`, for a whole year.
    limits : LimitSet
        What voltages and loadings are held against.
    load_scale : array, optional
        The factor on each consumer's load that it was solved with.
    with_faults : bool
        Whether `villages` tells the level at fault.
    """

    case: Case
    hours: Ints
    solution: YearSolution
    losses: pd.DataFrame
    limits: LimitSet
    load_scale: Floats | None = None
    with_faults: bool = False

    @cached_property
    def villages(self) -> pd.DataFrame:
        """Of `village_voltages`: made when asked for, as many stages are solved for losses only."""
        villages = village_voltages(
            self.county, self.solution, self.limits, hours_each=self.per_year
        )
        if self.with_faults:
            return _with_level_at_fault(villages, self.case, self.load_scale, self.limits)
        return villages

    @cached_property
    def loading(self) -> pd.DataFrame:
        """Of `loading_table`."""
        return loading_table(self.solution, self.limits)

    @property
    def county(self) -> County:
        """The county at the stage."""
        return self.case.county

    @property
    def fed_kwh(self) -> float:
        """Energy from the sources in a year."""
        return float(self.solution.balance["fed_kwh"]) * self.per_year

    @property
    def served_kwh(self) -> float:
        """Energy that the customers draw in a year."""
        return float(self.solution.balance["served_kwh"]) * self.per_year

    @property
    def peak_mw(self) -> float:
        """Highest power from the sources."""
        return float(self.solution.sources["peak_mw"].sum())

    @property
    def per_year(self) -> float:
        """Hours of a year over the hours solved: 1 for a whole year."""
        return HOURS_PER_YEAR / len(self.hours)

    def new_no_load_kwh(self, before: Stage) -> dict[float, float]:
        """No-load loss of the transformers that `before` does not have, by level [kWh a year]."""
        levels = self.case.levels.transformers
        units = pd.concat([self.solution.transformers, self.solution.transformers3w])
        new = units[~units["name"].isin(before.county.transformers["name"])]
        kv = levels.loc[new["name"]].to_numpy()
        by_level = new["no_load_kwh"].groupby(kv).sum() * self.per_year
        return {float(level): float(kwh) for level, kwh in by_level.items()}


def whole_year() -> Ints:
    """All 8,760 hours."""
    return np.arange(HOURS_PER_YEAR)


def representative_hours() -> Ints:
    """The 24 hours of the 15th of each month: 288 hours that stand for a year."""
    first_days = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    return ((first_days + 14)[:, None] * 24 + np.arange(24)).ravel()


def solve_stage(
    case: Case,
    limits: LimitSet,
    hours: Ints,
    *,
    unbalance_factor: float = 1.0,
    load_scale: Floats | None = None,
    with_faults: bool = False,
) -> Stage:
    """Solve the hours of a case and judge them.

    Parameters
    ----------
    case : Case
        See `prepare`.
    limits : LimitSet
        What voltages and loadings are held against.
    hours : array of int
        `whole_year()` or `representative_hours()`.
    unbalance_factor : float
        Surcharge on the loss of 0.4 kV lines (see `loss_table`) of a balanced flow; none is put on
        what was solved wire by wire.
    load_scale : array, shape (consumers,), optional
        A factor on each consumer's load.
    with_faults : bool
        Also find the level at fault of each low village.

    Raises
    ------
    ConvergenceError
        If a part of the net has no solution; carries stage, hour and feeder.
    """
    solution = _solved(case, limits, hours, load_scale)
    energy_balance(solution)
    factor = unbalance_factor if case.areas is None else 1.0
    losses = loss_table(solution, case.levels, unbalance_factor=factor)
    energies = [name for name in losses.columns if name.endswith("_kwh")]
    losses[energies] *= HOURS_PER_YEAR / len(hours)
    return Stage(case, hours, solution, losses, limits, load_scale, with_faults)


def _solved(case: Case, limits: LimitSet, hours: Ints, load_scale: Floats | None) -> YearSolution:
    vn_kv = case.net.bus["vn_kv"].to_numpy()
    low, high = {"limit": limits.low_pu(vn_kv)}, {"limit": limits.high_pu(vn_kv)}
    solve = solve_year
    if case.areas is not None:
        solve = partial(solve_year_four_wire, case.areas)
    solution = solve(
        case.net,
        case.profiles,
        hours=hours,
        low_limits_pu=low,
        high_limits_pu=high,
        load_scale=load_scale,
        tolerance_pu=_TOLERANCE_PU,
        progress=False,
    )
    try:
        return solution.require_solved()
    except ConvergenceError as error:
        raise ConvergenceError(
            error.message, case.county.stage, error.hour, error.feeder
        ) from error


def _with_level_at_fault(
    villages: pd.DataFrame, case: Case, load_scale: Floats | None, limits: LimitSet
) -> pd.DataFrame:
    """Drops by level at each low or treated village's worst hour, and the level at fault.

    Busbars are taken from the balanced flow, the village itself from the flow that judges: what
    unbalance adds is told at 0.4 kV.
    """
    asked = villages[(villages["status"] == "low") | (villages["batch"] > 0)]
    asked = asked[asked["worst_hour"].notna()]
    chains = chain_nodes(asked, case.paths)
    nodes = pd.unique(chains.filter(like="node").to_numpy().ravel())
    bus = case.net.bus
    buses = bus.index[bus["name"].isin(nodes)]
    if asked.empty:  # nothing low, no works: no level is at fault
        return villages.assign(level_at_fault="")
    worst = np.unique(asked["worst_hour"].to_numpy(dtype=np.int64))
    recorded = solve_year(
        case.net,
        case.profiles,
        hours=worst,
        record_buses=buses,
        load_scale=load_scale,
        progress=False,
    )
    voltages = chain_voltages(chains, recorded.recorded, recorded.buses["name"])
    if case.areas is not None:
        lowest = asked.set_index("village")["v_min_pu"]
        voltages["v_end_pu"] = lowest.loc[voltages["village"]].to_numpy()
    drops = drop_shares(voltages, limits).set_index("village")
    return villages.join(drops, on="village")


def equal_energy(after: Stage, before: Stage, limits: LimitSet, unbalance_factor: float) -> Stage:
    """The later stage with its loads scaled so that each customer draws what it drew before.

    Better voltage makes a load that follows the voltage draw more; the losses of two stages are
    fairly compared at the same energy served: that of all together within 1e-4. A round of scaling
    moves the voltages a little; mostly one is enough.
    """
    names = after.county.consumers["name"]
    wanted = before.solution.loads.set_index("name")["served_kwh"].reindex(names).to_numpy()
    came = np.isnan(wanted)  # customers that came with the works keep what they draw
    wanted = np.where(came, after.solution.loads["served_kwh"].to_numpy(), wanted)
    equal = after
    for _ in range(_MOST_ROUNDS):
        served = equal.solution.loads["served_kwh"].to_numpy()
        scale = equal.load_scale if equal.load_scale is not None else np.ones(len(wanted))
        scale = scale * np.divide(wanted, served, out=np.ones_like(wanted), where=served > 0)
        equal = solve_stage(
            after.case, limits, after.hours, unbalance_factor=unbalance_factor, load_scale=scale
        )
        if abs(equal.solution.loads["served_kwh"].sum() / wanted.sum() - 1) < _EQUAL:
            break
    return equal
