"""The guard: are the points of supply inside their voltage band, and what is new about it.

A county is solved at one stage with its own load curves; a pandapower net with the profiles that it
carries, else in the one hour that it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from ruralgrid.assess import VIOLATION_KINDS, voltage_violations
from ruralgrid.county import County
from ruralgrid.errors import ConvergenceError, InputError, UnknownNameError
from ruralgrid.flow.four_wire import solve_year_four_wire
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.year import YearSolution, solve_year
from ruralgrid.limits import LimitSet, voltage_limits
from ruralgrid.network import bus_labels, is_net, village_of_bus
from ruralgrid.studies.net_profiles import net_with_profiles
from ruralgrid.studies.stage import Phases, prepare, representative_hours
from ruralgrid.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.network.four_wire import FourWireAreas

__all__ = ["GuardHours", "VoltageCheck", "check_voltages", "points_of_net"]

GuardHours = Literal["all", "representative", "peak"]
Villages: TypeAlias = pd.DataFrame | Mapping[Any, str] | None

_HOURS_AT_ONCE: Final = 730
"""Hours of voltages held at a time to find the first one: a twelfth of a year."""
_TOLERANCE_PU: Final = 1e-6


@dataclass(frozen=True, eq=False)
class VoltageCheck:
    """What `check_voltages` found.

    Parameters
    ----------
    name : str
        The county or net.
    stage : int
        The county's stage; 0 of a net.
    hours : {"all", "representative", "peak"}
        The hours asked for.
    limits : LimitSet
        What the voltages are held against.
    points : pandas.DataFrame
        The points of supply: `node, village, phases`.
    solution : YearSolution
        Solved with those limits.
    violations : pandas.DataFrame
        Of `ruralgrid.assess.voltage_violations`, worst first, with `first_hour`.
    net : pandapowerNet
        What was solved.
    profiles : LoadProfiles
        What its loads followed.
    areas : FourWireAreas, optional
        Its 0.4 kV wire by wire, where that was asked for. `first_hour` is NA then: the four-wire
        year keeps the worst hour alone.
    """

    name: str
    stage: int
    hours: GuardHours
    limits: LimitSet
    points: pd.DataFrame
    solution: YearSolution
    violations: pd.DataFrame
    net: pandapowerNet
    profiles: LoadProfiles
    areas: FourWireAreas | None = None

    def under(self, limits: str | LimitSet) -> VoltageCheck:
        """The same hours held against other limits; itself where they are the same."""
        other = voltage_limits(limits)
        if other == self.limits:
            return self
        case = _Case(self.name, self.stage, self.net, self.profiles, self.points, self.areas)
        return _checked(case, other, self.hours, self.solution.hours)

    def without(self, kinds: Collection[str]) -> VoltageCheck:
        """A copy that does not speak of these kinds of violations."""
        for kind in kinds:
            if kind not in VIOLATION_KINDS:
                raise UnknownNameError("kind of violation", kind, VIOLATION_KINDS)
        kept = self.violations[~self.violations["kind"].isin(list(kinds))]
        return replace(self, violations=kept.reset_index(drop=True))

    def __repr__(self) -> str:
        kinds = self.violations["kind"].value_counts()
        found = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"
        return (
            f"<VoltageCheck of {self.name!r}, stage {self.stage}, {len(self.solution.hours)} "
            f"hours, {len(self.points)} points of supply: violations {found}>"
        )


@dataclass(frozen=True, eq=False)
class _Case:
    """A net to be solved, with the points that are judged."""

    name: str
    stage: int
    net: pandapowerNet
    profiles: LoadProfiles
    points: pd.DataFrame
    areas: FourWireAreas | None = None


def check_voltages(
    subject: County | pandapowerNet,
    *,
    limits: str | LimitSet = "GBT12325_2008",
    stage: int | None = None,
    hours: GuardHours = "all",
    phases: Phases | None = None,
    villages: Villages = None,
    all_nodes: bool = False,
) -> VoltageCheck:
    """Hold every point of supply of a county or a pandapower net against its voltage band.

    Parameters
    ----------
    subject : County or pandapowerNet
        A net is solved as it is: with the profiles in ``net.profiles`` (simbench's form), else in
        the single hour that its loads state.
    limits : str or LimitSet
        A name of `list_limits()`, the path of a TOML of your own, or a set.
    stage : int, optional
        The county's stage; its own by default.
    hours : {"all", "representative", "peak"}
        8,760 hours, 288 that stand for them, or the one of the highest load.
    phases : {"four-wire", "balanced"}, optional
        By default a county's 0.4 kV is solved wire by wire, as in `study`, and the worst phase with
        customers is judged; a net is solved balanced.
    villages : mapping or DataFrame, optional
        The village of each bus of a net (see `ruralgrid.from_pandapower`); by default its column
        ``net.bus.village``.
    all_nodes : bool
        Judge every node, not only those with a customer.

    Returns
    -------
    VoltageCheck

    Raises
    ------
    InputError
        An argument is not as expected, or no band covers the voltage of a point of supply.
    ConvergenceError
        The load flow found no solution; carries stage, hour and feeder.
    """
    if hours not in get_args(GuardHours):
        raise UnknownNameError("choice of hours", hours, get_args(GuardHours))
    if phases is not None and phases not in get_args(Phases):
        raise UnknownNameError("choice of phases", phases, get_args(Phases))
    judged = voltage_limits(limits)
    case = _case(subject, stage, phases, villages, all_nodes)
    return _checked(case, judged, hours, _chosen_hours(case, hours))


def _case(
    subject: object, stage: int | None, phases: Phases | None, villages: Villages, all_nodes: bool
) -> _Case:
    """The net of a county or of the caller, after a look at what was asked of it."""
    if isinstance(subject, County):
        if villages is not None:
            raise InputError("a county has its villages in its own tables", "villages")
        return _case_of_county(subject, stage, phases or "four-wire", all_nodes)
    if not is_net(subject):
        received = f"received {type(subject).__name__} {str(subject)[:60]!r}"
        raise InputError(
            f"{received}; a County (read_county, synthesise) or a pandapowerNet "
            "(read_pandapower_json) is expected",
            "subject",
        )
    if stage not in (None, 0):
        raise InputError(f"a net has no stage {stage}", "stage")
    if phases == "four-wire":
        raise InputError("a net's wires are not known; a county's tables have them", "phases")
    return _case_of_net(subject, villages, all_nodes)


def _case_of_county(county: County, stage: int | None, phases: Phases, all_nodes: bool) -> _Case:
    at = county if stage is None or stage == county.stage else county.at(stage)
    prepared = prepare(at, phases=phases)
    consumers = at.consumers[["node", "village", "phases"]]
    points = consumers.drop_duplicates(["node", "village"])
    if all_nodes:
        nodes = at.nodes.rename(columns={"name": "node"})[["node", "village"]].assign(phases="abc")
        points = pd.concat([points, nodes[~nodes["node"].isin(points["node"])]])
    points = points.reset_index(drop=True)
    return _Case(at.name, at.stage, prepared.net, prepared.profiles, points, prepared.areas)


def _case_of_net(net: pandapowerNet, villages: Villages, all_nodes: bool) -> _Case:
    points = points_of_net(net, villages, all_nodes=all_nodes)
    own, profiles = net_with_profiles(net)
    return _Case(net.name or "net", 0, own, profiles, points)


def points_of_net(
    net: pandapowerNet, villages: Villages = None, *, all_nodes: bool = False
) -> pd.DataFrame:
    """The buses of a net with a load in service, or all of them: `node, village, phases`."""
    village = village_of_bus(net, villages)
    with_load = net.load.loc[net.load["in_service"].astype(bool), "bus"].unique()
    bus = net.bus.index if all_nodes else net.bus.index[net.bus.index.isin(with_load)]
    names = bus_labels(net)
    return pd.DataFrame(
        {"node": names[bus].to_numpy(), "village": village[bus].to_numpy(), "phases": "abc"}
    )


def _chosen_hours(case: _Case, hours: GuardHours) -> NDArray[np.int64]:
    count = case.profiles.hours
    if hours == "representative" and count >= HOURS_PER_YEAR:
        return representative_hours()
    if hours == "peak":
        load = case.net.load
        drawn = (load["p_mw"] * load["scaling"]).where(load["in_service"], 0.0).to_numpy()
        weight = np.bincount(case.profiles.of_load, drawn, minlength=len(case.profiles.values))
        return np.array([int(np.argmax(weight @ case.profiles.values))])
    return np.arange(count)


def _checked(
    case: _Case, limits: LimitSet, hours: GuardHours, chosen: NDArray[np.int64]
) -> VoltageCheck:
    names = bus_labels(case.net)
    low, high = _bounds(case, limits, names)
    solve = solve_year if case.areas is None else partial(solve_year_four_wire, case.areas)
    solution = solve(
        case.net,
        case.profiles,
        hours=chosen,
        low_limits_pu={"limit": low},
        high_limits_pu={"limit": high},
        tolerance_pu=_TOLERANCE_PU,
        progress=False,
    )
    try:
        solution.require_solved()
    except ConvergenceError as error:
        raise type(error)(error.message, case.stage, error.hour, error.feeder) from error
    solution = replace(solution, buses=solution.buses.assign(name=names))
    violations = _judged(solution, case.points, limits)
    if case.areas is None:
        violations["first_hour"] = _first_hours(case, violations, chosen, (low, high), names)
    else:
        violations["phases"] = _worst_phases(violations, solution)
    return VoltageCheck(
        case.name,
        case.stage,
        hours,
        limits,
        case.points,
        solution,
        violations,
        case.net,
        case.profiles,
        case.areas,
    )


def _judged(solution: YearSolution, points: pd.DataFrame, limits: LimitSet) -> pd.DataFrame:
    """Violations; the hours solved stand for a year, but a single one stands for itself."""
    count = len(solution.hours)
    return voltage_violations(
        solution.buses,
        points,
        limits,
        hours_each=max(1.0, HOURS_PER_YEAR / count) if count > 1 else 1.0,
        hours_allowed=None if count > 1 else 0.0,
    )


def _worst_phases(violations: pd.DataFrame, solution: YearSolution) -> pd.Series:
    """The phase that was judged: the lowest or highest of those with customers."""
    assert solution.phases is not None
    volts = solution.phases.set_index("name")
    worst = violations["phases"].copy()
    for side, kind in (("min", "low"), ("max", "high")):
        rows = violations.index[(violations["kind"] == kind) & violations["node"].isin(volts.index)]
        of_node = volts.loc[violations.loc[rows, "node"]]
        for row, (_, found) in zip(rows, of_node.iterrows(), strict=True):
            connected = [phase for phase in "abc" if phase in (found["connected"] or "abc")]
            by_phase = pd.Series({phase: found[f"v_{phase}_{side}_pu"] for phase in connected})
            worst[row] = by_phase.idxmin() if side == "min" else by_phase.idxmax()
    return worst


def _bounds(
    case: _Case, limits: LimitSet, names: pd.Series
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits [pu] of the buses that are judged; NaN elsewhere: a net may have levels of its own."""
    judged = names.isin(case.points["node"]).to_numpy()
    vn_kv = case.net.bus["vn_kv"].to_numpy(dtype=float)
    low, high = np.full((2, len(vn_kv)), np.nan)
    low[judged], high[judged] = limits.low_pu(vn_kv[judged]), limits.high_pu(vn_kv[judged])
    return low, high


def _first_hours(
    case: _Case,
    violations: pd.DataFrame,
    chosen: NDArray[np.int64],
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]],
    names: pd.Series,
) -> pd.api.extensions.ExtensionArray:
    """The first hour of each violation: solved again for these buses alone, a month at a time."""
    bus_of = pd.Series(names.index, index=names.to_numpy())
    row_of = pd.Series(np.arange(len(names)), index=names.index)
    sided = violations["kind"].isin(["low", "high"])
    open_ = violations.loc[sided, ["node", "kind"]].assign(bus=violations["node"].map(bus_of))
    first = pd.Series(pd.NA, index=violations.index, dtype="Int64")
    first[violations["kind"] == "unsupplied"] = int(chosen[0])
    for start in range(0, len(chosen), _HOURS_AT_ONCE):
        if open_.empty:
            break
        part = chosen[start : start + _HOURS_AT_ONCE]
        recorded = solve_year(
            case.net,
            case.profiles,
            hours=part,
            record_buses=open_["bus"].unique(),
            tolerance_pu=_TOLERANCE_PU,
            progress=False,
        ).recorded
        assert recorded is not None
        volts = recorded[open_["bus"]].to_numpy()
        row = row_of[open_["bus"]].to_numpy()
        is_low = (open_["kind"] == "low").to_numpy()
        beyond = np.where(is_low, volts < bounds[0][row], volts > bounds[1][row])
        found = beyond.any(axis=0)
        first[open_.index[found]] = part[beyond.argmax(axis=0)[found]]
        open_ = open_[~found]
    return first.array
