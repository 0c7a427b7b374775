"""A pytest plugin: fixtures that solve a county or a net, and assertions in plain words.

The fixtures `solve_snapshot` and `solve_year` exist in every test run once ruralgrid is installed,
and cost nothing until a test asks for one. The assertions are plain functions::

    from ruralgrid.testing import assert_losses, assert_no_new_violations, assert_voltages

    def test_my_county(solve_year):
        year = solve_year("my_county/", stage=2)
        assert_voltages(year, "GBT12325_2008", except_villages=["上河村3组"])
        assert_losses(year, at_most_percent=10.0)
        assert_no_new_violations(year, "baseline.json")
"""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from ruralgrid.units import KILO

if TYPE_CHECKING:
    import pandas as pd
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.county import County
    from ruralgrid.flow import YearSolution
    from ruralgrid.limits import LimitSet
    from ruralgrid.studies import VoltageCheck
    from ruralgrid.studies.guard import GuardHours
    from ruralgrid.studies.stage import Phases

__all__ = [
    "SolveSnapshot",
    "SolveYear",
    "assert_losses",
    "assert_no_new_violations",
    "assert_voltages",
    "solve_snapshot",
    "solve_year",
]

_SHOWN = 15
"""Violations that a failure lists."""


class SolveSnapshot(Protocol):
    """What the fixture `solve_snapshot` gives."""

    def __call__(
        self,
        subject: County | pandapowerNet | str | Path,
        *,
        stage: int | None = None,
        hour: int | str = ...,
    ) -> pandapowerNet:
        """A solved net of one hour; see `ruralgrid.solve_snapshot`."""


class SolveYear(Protocol):
    """What the fixture `solve_year` gives."""

    def __call__(
        self,
        subject: County | pandapowerNet | str | Path,
        *,
        stage: int | None = None,
        hours: GuardHours = ...,
        phases: Phases | None = ...,
        limits: str | LimitSet = ...,
    ) -> VoltageCheck:
        """A solved year with its violations; see `ruralgrid.check_voltages`."""


@pytest.fixture(scope="session")
def solve_snapshot() -> SolveSnapshot:
    """``solve_snapshot(county, stage=None, hour="peak")``: a solved pandapower net of one hour.

    `county` is a `County`, a net, or what `ruralgrid check` takes: a folder, a workbook, a plan. It
    is taken at its own stage where none is given.
    """

    def solve(
        subject: County | pandapowerNet | str | Path,
        *,
        stage: int | None = None,
        hour: int | str = "peak",
    ) -> pandapowerNet:
        from ruralgrid import build
        from ruralgrid import solve_snapshot as solved
        from ruralgrid.county import County

        opened = _opened(subject)
        if not isinstance(opened, County):
            return solved(opened)
        return solved(build(opened if stage is None else opened.at(stage), hour=hour))

    return solve


@pytest.fixture(scope="session")
def solve_year() -> SolveYear:
    """``solve_year(county, stage=None, hours="all")``: a year of a county or a net, ready to judge.

    `county` as for `solve_snapshot`; a net follows the profiles that it carries.
    """

    def solve(
        subject: County | pandapowerNet | str | Path,
        *,
        stage: int | None = None,
        hours: GuardHours = "all",
        phases: Phases | None = None,
        limits: str | LimitSet = "GBT12325_2008",
    ) -> VoltageCheck:
        from ruralgrid.studies import check_voltages

        return check_voltages(
            _opened(subject), stage=stage, hours=hours, phases=phases, limits=limits
        )

    return solve


def _opened(subject: County | pandapowerNet | str | Path) -> County | pandapowerNet:
    if isinstance(subject, str | Path):
        from ruralgrid.opening import open_county

        return open_county(subject)
    return subject


def assert_voltages(
    solution: VoltageCheck | YearSolution | pandapowerNet,
    limits: str | LimitSet = "GBT12325_2008",
    *,
    except_villages: Collection[str] = (),
) -> None:
    """Fail if a point of supply lies outside its voltage band.

    Parameters
    ----------
    solution : VoltageCheck, YearSolution or pandapowerNet
        What a fixture gave, or a solved net. A `YearSolution` knows no customers: all its nodes are
        judged, and without its limits any hour is too many.
    limits : str or LimitSet
        A name of `list_limits()`, the path of a TOML of your own, or a set.
    except_villages : collection of str
        Villages that are not judged; each must be there.

    Raises
    ------
    AssertionError
        Lists village, node, phase, voltage, limit and hour, worst first.
    InputError
        `except_villages` names a village that is not there; the net is not solved.
    """
    violations, villages = _violations(solution, limits)
    excepted = [except_villages] if isinstance(except_villages, str) else list(except_villages)
    _require_known(excepted, villages)
    left = violations[~violations["village"].isin(excepted)]
    if len(left):
        raise AssertionError(_listed("points of supply outside their band", left))


def assert_no_new_violations(
    solution: VoltageCheck, baseline: str | Path, *, limits: str | LimitSet | None = None
) -> None:
    """Fail on a violation that a baseline does not have, or that got worse.

    Parameters
    ----------
    solution : VoltageCheck
        What the fixture `solve_year` gave.
    baseline : str or Path
        Written by ``ruralgrid check COUNTY --baseline FILE --update-baseline``.
    limits : str or LimitSet, optional
        By default those that it was solved with.

    Raises
    ------
    AssertionError
        Lists what is new or worse, worst first.
    InputError
        The baseline cannot be read, or is of other limits or hours.
    """
    from ruralgrid.assess import compared_violations
    from ruralgrid.errors import require_kind
    from ruralgrid.report.guard import FAILING, read_baseline
    from ruralgrid.studies import VoltageCheck

    require_kind(solution, VoltageCheck, "solution", "the fixture solve_year and check_voltages")
    check = solution if limits is None else solution.under(limits)
    compared, _ = compared_violations(check.violations, read_baseline(baseline, check))
    failing = compared[compared["state"].isin(FAILING)]
    if len(failing):
        raise AssertionError(_listed(f"violations that {Path(baseline).name} lacks", failing))


def assert_losses(
    solution: VoltageCheck | YearSolution | pandapowerNet,
    *,
    at_most_percent: float | None = None,
    at_most_kwh: float | None = None,
) -> None:
    """Fail if the losses exceed a share of all that is fed in, or an energy.

    Fed in is what external grids feed over the hours solved, as far as they do not take back, and
    all generation.

    Parameters
    ----------
    solution : VoltageCheck, YearSolution or pandapowerNet
        Of a solved net the hour counts: kW as kWh.
    at_most_percent, at_most_kwh : float, optional
        At least one of them: loss of what is fed in [%], loss over the hours solved [kWh].

    Raises
    ------
    AssertionError
        Gives the loss by kind.
    InputError
        Neither bound is given, or one is no positive number; the net is not solved, nothing is fed
        in.
    """
    from ruralgrid.errors import InputError

    if at_most_percent is None and at_most_kwh is None:
        raise InputError("at_most_percent or at_most_kwh is expected", "assert_losses")
    _require_bound("at_most_percent", at_most_percent)
    _require_bound("at_most_kwh", at_most_kwh)
    fed_kwh, parts = _losses(solution)
    if not 0 < fed_kwh < math.inf:
        raise InputError(f"{fed_kwh:g} kWh are fed in; there is no share of it", "solution")
    loss_kwh = sum(parts.values())
    percent = 100 * loss_kwh / fed_kwh
    told = ", ".join(f"{name} {kwh:,.0f} kWh" for name, kwh in parts.items())
    if at_most_percent is not None and percent > at_most_percent:
        raise AssertionError(
            f"losses are {percent:.2f} % of {fed_kwh:,.0f} kWh fed, at most {at_most_percent:g} % "
            f"are allowed: {told}"
        )
    if at_most_kwh is not None and loss_kwh > at_most_kwh:
        raise AssertionError(
            f"losses are {loss_kwh:,.0f} kWh, at most {at_most_kwh:,.0f} are allowed: {told}"
        )


def _violations(solution: object, limits: str | LimitSet) -> tuple[pd.DataFrame, set[str]]:
    """Violations and known villages of whatever was solved."""
    from ruralgrid.assess import voltage_violations
    from ruralgrid.limits import voltage_limits
    from ruralgrid.network import is_net
    from ruralgrid.studies import VoltageCheck
    from ruralgrid.studies.guard import points_of_net

    judged = voltage_limits(limits)
    if isinstance(solution, VoltageCheck):
        return solution.under(judged).violations, set(solution.points["village"])
    if is_net(solution):
        _require_solved(solution)
        points = points_of_net(solution)
        buses = _buses_of_net(solution)
    else:
        buses = _year(solution).buses
        buses = buses.drop(columns=[c for c in buses if str(c).startswith("hours_")])
        points = buses[["name"]].rename(columns={"name": "node"}).assign(village="", phases="abc")
    found = voltage_violations(buses, points, judged, hours_allowed=0.0)
    return found, set(points["village"])


def _year(solution: object) -> YearSolution:
    """The year of what a fixture gave, solved throughout."""
    from ruralgrid.errors import InputError
    from ruralgrid.flow import YearSolution
    from ruralgrid.studies import VoltageCheck

    year = solution.solution if isinstance(solution, VoltageCheck) else solution
    if not isinstance(year, YearSolution):
        received = f"received {type(solution).__name__} {str(solution)[:60]!r}"
        raise InputError(
            f"{received}; a VoltageCheck (the fixture solve_year, check_voltages), a YearSolution "
            "or a solved pandapowerNet (solve_snapshot) is expected",
            "solution",
        )
    return year.require_solved()


def _require_solved(net: pandapowerNet) -> None:
    from ruralgrid.errors import InputError

    if net.res_bus.empty or net.res_bus["vm_pu"].isna().all():
        raise InputError("the net is not solved; see solve_snapshot", net.name or "net")


def _buses_of_net(net: pandapowerNet) -> pd.DataFrame:
    """The buses of a solved net as a solution has them: one hour, whose number nobody knows."""
    import pandas as pd

    from ruralgrid.network import bus_labels

    volts = net.res_bus["vm_pu"].reindex(net.bus.index)
    status = volts.notna().map({True: "solved", False: "unsupplied"})
    status = status.where(net.bus["in_service"].astype(bool), "out_of_service")
    return pd.DataFrame(
        {
            "name": bus_labels(net),
            "vn_kv": net.bus["vn_kv"],
            "status": status,
            "vm_min_pu": volts,
            "vm_max_pu": volts,
            "vm_min_hour": pd.NA,
            "vm_max_hour": pd.NA,
        }
    )


def _losses(solution: object) -> tuple[float, dict[str, float]]:
    """Energy fed in and lost, by kind [kWh]. What a source takes back is no feed of its own."""
    from ruralgrid.network import is_net

    if is_net(solution):
        _require_solved(solution)
        return _losses_of_net(solution)
    year = _year(solution)
    names = {
        "lines": "line_loss_kwh",
        "transformers at no load": "no_load_kwh",
        "transformers under load": "load_loss_kwh",
    }
    # generation with a profile of its own is solved as a load of negative power
    fed_kwh = year.sources["fed_kwh"].clip(lower=0).sum() + year.balance["generated_kwh"]
    fed_kwh -= year.loads["served_kwh"].clip(upper=0).sum()
    return float(fed_kwh), {kind: float(year.balance[name]) for kind, name in names.items()}


def _losses_of_net(net: pandapowerNet) -> tuple[float, dict[str, float]]:
    """Power that flows in and that is lost, by kind, as the energy of an hour [kWh]."""
    tables = {
        "lines": "res_line",
        "transformers": "res_trafo",
        "three-winding transformers": "res_trafo3w",
        "impedances": "res_impedance",
    }
    parts = {name: float(net[table]["pl_mw"].sum()) for name, table in tables.items()}
    feeding = ("ext_grid", "gen", "sgen")
    fed_mw = sum(net[f"res_{table}"]["p_mw"].clip(lower=0).sum() for table in feeding)
    fed_mw -= sum(net[f"res_{table}"]["p_mw"].clip(upper=0).sum() for table in ("load", "storage"))
    return float(fed_mw) * KILO, {name: mw * KILO for name, mw in parts.items() if mw}


def _require_bound(name: str, bound: object) -> None:
    from ruralgrid.errors import InputError

    is_number = isinstance(bound, int | float) and not isinstance(bound, bool)
    if bound is not None and not (is_number and 0 < bound < math.inf):  # type: ignore[operator]
        raise InputError(f"a finite number above 0 is expected, got {bound!r}", name)


def _require_known(villages: Collection[str], known: set[str]) -> None:
    from ruralgrid.errors import UnknownNameError

    for village in villages:
        if village not in known:
            raise UnknownNameError("village", village, known, where="except_villages")


def _listed(what: str, violations: pd.DataFrame) -> str:
    from ruralgrid.report.guard import describe_violation

    rows = violations.head(_SHOWN).to_dict("records")
    lines = [f"{len(violations)} {what}, worst first:"]
    lines += [f"  {describe_violation(row)}" for row in rows]
    if len(violations) > _SHOWN:
        lines.append(f"  and {len(violations) - _SHOWN} more")
    return "\n".join(lines)
