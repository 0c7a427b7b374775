"""The arrows in a row: stages solved and judged, the claim answered. No physics here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from ruralgrid.assess import (
    ClaimAnswer,
    ClaimCase,
    answer_claim,
    gain_between,
    gains,
    phase_moves,
    savings,
)
from ruralgrid.calibrate import CALIBRATIONS, calibrations
from ruralgrid.county import County, built_by_stage
from ruralgrid.county.checks.loops import has_fast
from ruralgrid.county.validate import validate
from ruralgrid.errors import InputError, UnknownNameError, counted, require_kind
from ruralgrid.findings import Findings
from ruralgrid.limits import LimitSet, voltage_limits
from ruralgrid.studies import sensitivity
from ruralgrid.studies.quick import quick_method_table
from ruralgrid.studies.result import Study
from ruralgrid.studies.stage import (
    Case,
    Phases,
    Stage,
    batches_alone,
    equal_energy,
    prepare,
    representative_hours,
    solve_stage,
    whole_year,
)
from ruralgrid.studies.tables import (
    access_table,
    calibration_row,
    capacity_table,
    node_table,
    pass_rate_table,
    phase_row,
    radius_table,
    stacked,
    stage_table,
    study_findings,
    target_table,
    unit_table,
    voltage_table,
    yearly,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["study"]

_ERRORS_SHOWN = 20
_HOURS = {"all": whole_year, "representative": representative_hours}


def study(
    county: County,
    *,
    limits: str | LimitSet = "GBT12325_2008",
    hours: Literal["all", "representative"] = "all",
    phases: Phases = "four-wire",
    stages: Sequence[int] | None = None,
    sensitivity_table: bool = True,
    progress: bool | None = None,
) -> Study:
    """Study a county over its stages: villages, gains, losses and the claim.

    Parameters
    ----------
    county : County
        At stage 0. A synthetic one brings its low and high calibration to the claim's band.
    limits : str or LimitSet
        A name of `list_limits()`, a path of a TOML, or a set.
    hours : {"all", "representative"}
        8,760 hours of each stage, or 288 that stand for them.
    phases : {"four-wire", "balanced"}
        Whether 0.4 kV is solved wire by wire, and a village judged by its worst connected phase; or
        as if every load were spread over three phases, with a surcharge on the loss.
    stages : sequence of int, optional
        All by default. The claim needs the first and the last.
    sensitivity_table : bool
        Whether to vary one assumption at a time (synthetic counties only).
    progress : bool, optional
        Show a bar on standard error; by default only in a terminal.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        An argument is not as expected, or `validate` finds an error in the tables.
    ConvergenceError
        The load flow found no solution; carries stage, hour and feeder.
    """
    require_kind(county, County, "county", "synthesise and read_county")
    if hours not in _HOURS:
        raise UnknownNameError("choice of hours", hours, _HOURS)
    if phases not in get_args(Phases):
        raise UnknownNameError("choice of phases", phases, get_args(Phases))
    if county.stage != 0:
        raise InputError(
            f"the county stands at stage {county.stage}; stage 0 is expected", "county"
        )
    judged = voltage_limits(limits)
    faults = _validated(county, phases)
    chosen = _chosen_stages(county, stages)
    run = _Run(county, judged, _HOURS[hours](), phases, _unbalance_factor(county))
    own = county.origin.calibration if county.origin else ""
    whole = [chosen[0], chosen[-1]] == [county.stages[0], county.stages[-1]]
    calibrated = bool(own) and len(chosen) > 1 and whole
    others = [c for c in CALIBRATIONS if calibrated and c != own]
    steps = len(chosen) + 1 + 3 * len(others) + bool(others)
    steps += len(chosen) if phases == "four-wire" else 0
    steps += sensitivity.ROWS if calibrated and sensitivity_table else 0
    with tqdm(total=steps, desc="study", unit="step", disable=_hidden(progress)) as bar:
        solved = run.stages(chosen, bar.update)
        compared = run.compared(solved, bar.update)
        alone, together, found = run.cases(county, solved, others, bar.update)
        varied = (
            sensitivity.one_at_a_time(county, judged, phases, run.unbalance_factor, bar.update)
            if calibrated and sensitivity_table
            else pd.DataFrame()
        )
    result = _assembled(run, solved, (alone, together), found, varied, compared)
    return replace(result, findings=Findings([*result.findings, *faults]))


def _validated(county: County, phases: Phases) -> Findings:
    """The warnings of the tables; their errors stop the study.

    Transformers on one 0.4 kV busbar have no four-wire flow; a balanced one has power-grid-model.
    """
    findings = validate(county)
    if phases == "balanced" and has_fast():
        findings = Findings(
            replace(each, severity="warning") if each.code == "area-fed-twice" else each
            for each in findings
        )
    errors = findings.of_severity("error")
    if len(errors):
        lines = [f"{each.where}: {each.message}" for each in errors[:_ERRORS_SHOWN]]
        more = [f"... and {len(errors) - len(lines)} more"] if len(errors) > len(lines) else []
        count = f"{counted(len(errors), 'fault')} in the tables of {county.name}"
        raise InputError("\n  ".join([count, *lines, *more]), "county")
    return findings.of_severity("warning")


def _hidden(progress: bool | None) -> bool | None:
    return None if progress is None else not progress


def _chosen_stages(county: County, stages: Sequence[int] | None) -> list[int]:
    chosen = sorted(set(county.stages if stages is None else stages))
    for stage in chosen:
        if stage not in county.stages:
            known = ", ".join(map(str, county.stages))
            raise InputError(f"there is no stage {stage}; the county has {known}", "stages")
    return chosen


def _unbalance_factor(county: County) -> float:
    table = county.assumptions
    row = table.loc[table["parameter"] == "unbalance_surcharge_percent", "value"]
    return 1 + (float(row.iloc[0]) if len(row) else 20.0) / 100


@dataclass
class _Run:
    """What every stage of a study is solved with."""

    county: County
    limits: LimitSet
    hours: NDArray[np.int64]
    phases: Phases
    unbalance_factor: float

    def stages(self, chosen: list[int], advance: Callable[[], object]) -> dict[int, Stage]:
        """The stages by number, each county made of the one before."""
        solved: dict[int, Stage] = {}
        county = self.county
        for number in chosen:
            county = county.at(number)
            solved[number] = self.stage(county, advance)
        return solved

    def stage(
        self,
        county: County,
        advance: Callable[[], object],
        faults: bool = True,
    ) -> Stage:
        solved = solve_stage(
            prepare(county, phases=self.phases),
            self.limits,
            self.hours,
            unbalance_factor=self.unbalance_factor,
            with_faults=faults,
        )
        advance()
        return solved

    def compared(self, solved: dict[int, Stage], advance: Callable[[], object]) -> pd.DataFrame:
        """Each stage beside its balanced flow; empty where that is what judges."""
        rows = []
        for number, stage in solved.items() if self.phases == "four-wire" else ():
            if stage.case.areas is None:
                continue
            balanced = solve_stage(stage.case.balanced, self.limits, self.hours)
            rows.append(phase_row(number, stage, balanced, self.limits))
            advance()
        return pd.DataFrame(rows)

    def cases(
        self,
        county: County,
        solved: dict[int, Stage],
        others: list[str],
        advance: Callable[[], object],
    ) -> tuple[list[ClaimCase], list[ClaimCase], pd.DataFrame]:
        """The claim's cases: the batches alone by every calibration, all works by the own one.

        With them what each calibration finds before the works.
        """
        if len(solved) < 2 or {min(solved), max(solved)} != {county.stages[0], county.stages[-1]}:
            return [], [], pd.DataFrame()  # the claim is of all batches
        first, last = solved[min(solved)], solved[max(solved)]
        own = (county.origin.calibration if county.origin else "") or "middle"
        with_projects = self._case(own, first, last)
        alone = self._alone(county, last)
        cases = [self._case(own, first, alone) if alone is not last else with_projects]
        found = [calibration_row(own, county, first, last)]
        advance()
        if others:
            assert county.origin is not None
            drawn = calibrations(county.origin, others)
            some = self._some_hours(first.case), self._some_hours(alone.case)
            by_some = self._case(own, *some)
            if len(some[0].hours) < len(first.hours):  # what the others are to be held against
                found.append(calibration_row(own, county, *some))
            advance()
        for calibration in others:
            before = drawn[calibration].at(min(solved))
            first = self._some_hours(prepare(before, phases=self.phases))
            advance()
            after = batches_alone(drawn[calibration]).at(max(solved))
            last = self._some_hours(prepare(after, phases=self.phases))
            advance()
            case = self._case(calibration, first, last)
            cases.append(_of_the_year(case, by_some, cases[0]))
            found.append(calibration_row(calibration, drawn[calibration], first, last))
            advance()
        return cases, [with_projects], pd.DataFrame(found)

    def _some_hours(self, case: Case) -> Stage:
        hours = representative_hours()
        return solve_stage(case, self.limits, hours, unbalance_factor=self.unbalance_factor)

    def _alone(self, county: County, last: Stage) -> Stage:
        """The last stage of the batches by themselves; `last` where there is no project."""
        alone = batches_alone(county)
        if len(alone.edits) == len(county.edits):
            return last
        return self.stage(alone.at(last.county.stage), lambda: None, faults=False)

    def _case(self, calibration: str, first: Stage, last: Stage) -> ClaimCase:
        households = first.county.consumers
        households = households[households["kind"] == "household"]
        equal = equal_energy(last, first, self.limits, self.unbalance_factor)
        return ClaimCase(
            calibration,  # type: ignore[arg-type]
            first.losses,
            last.losses,
            equal.losses,
            last.new_no_load_kwh(first),
            float(households["kwh_per_year"].sum() / households["count"].sum()),
            hours=len(first.hours),
        )


def _of_the_year(case: ClaimCase, by_some: ClaimCase, by_all: ClaimCase) -> ClaimCase:
    """A case solved by representative hours, brought to all hours.

    What the own calibration loses more by all hours than by those is added to each of its tables.
    """
    tables = {}
    for name in ("before", "after", "after_equal"):
        table = getattr(case, name).copy()
        energies = [column for column in table.columns if column.endswith("_kwh")]
        whole, some = (
            getattr(one, name).set_index("level_kv")[energies] for one in (by_all, by_some)
        )
        more = (whole - some).reindex(table["level_kv"]).to_numpy()
        table[energies] += np.nan_to_num(more)
        tables[name] = table
    return replace(case, **tables)


def _assembled(
    run: _Run,
    solved: dict[int, Stage],
    cases: tuple[list[ClaimCase], list[ClaimCase]],
    found: pd.DataFrame,
    varied: pd.DataFrame,
    compared: pd.DataFrame,
) -> Study:
    county = run.county
    villages = {k: stage.villages for k, stage in solved.items()}
    losses = {k: stage.losses for k, stage in solved.items()}
    several = len(solved) > 1
    every = gains(villages) if several else pd.DataFrame()
    if len(solved) > 2:
        whole = gain_between(villages[min(villages)], villages[max(villages)], stage=max(villages))
        every = pd.concat([every.assign(span="batch"), whole.assign(span="all")], ignore_index=True)
    return Study(
        county=county,
        limits=run.limits,
        stages=stage_table(solved),
        villages=stacked(villages),
        gains=every,
        losses=stacked(losses),
        savings=savings(losses) if several else pd.DataFrame(),
        targets=target_table(villages[0]) if 0 in villages else pd.DataFrame(),
        claim=_claim(county, cases[0]),
        claim_with_projects=_claim(county, cases[1]),
        sensitivity=sensitivity.beside_headline(varied, solved[min(solved)], cases[0]),
        built=built_by_stage(county),
        loading=stacked(
            {k: s.loading[s.loading["loading_class"] != "normal"] for k, s in solved.items()}
        ),
        radius=radius_table(solved, run.limits),
        calibrations=found,
        voltages=voltage_table(solved, run.limits),
        pass_rates=pass_rate_table(solved),
        findings=study_findings(solved, run.limits),
        phases=compared,
        access=access_table(county, list(solved)),
        capacity=capacity_table(solved, run.limits),
        phase_moves=phase_moves(solved[min(solved)].county) if len(compared) else pd.DataFrame(),
        representative=_compared(run, solved),
        quick_methods=_quick(solved[min(solved)]),
        nodes=stacked({k: node_table(stage) for k, stage in solved.items()}),
        lines=stacked({k: yearly(stage.solution.lines, stage) for k, stage in solved.items()}),
        transformers=stacked({k: unit_table(stage) for k, stage in solved.items()}),
    )


def _claim(county: County, cases: list[ClaimCase]) -> ClaimAnswer | None:
    plan = county.origin.plan if county.origin else None
    claimed = plan.claims.energy_saved_kwh_per_year if plan else None
    if not claimed or not cases:
        return None
    if "middle" not in {case.calibration for case in cases}:
        return None
    return answer_claim(claimed, cases)


def _quick(first: Stage) -> pd.DataFrame:
    """The quick methods need every hour."""
    return quick_method_table(first) if len(first.hours) == len(whole_year()) else pd.DataFrame()


def _compared(run: _Run, solved: dict[int, Stage]) -> pd.DataFrame:
    """The first stage by representative hours beside the whole year."""
    first = solved[min(solved)]
    if len(first.hours) < len(whole_year()):
        return pd.DataFrame()
    quick = solve_stage(
        first.case, run.limits, representative_hours(), unbalance_factor=run.unbalance_factor
    )
    rows = [
        ("energy fed [kWh]", first.fed_kwh, quick.fed_kwh),
        (
            "loss [kWh]",
            first.fed_kwh - first.served_kwh,
            quick.fed_kwh - quick.served_kwh,
        ),
        ("peak [MW]", first.peak_mw, quick.peak_mw),
        (
            "households low",
            float(first.villages["households_low"].sum()),
            float(quick.villages["households_low"].sum()),
        ),
    ]
    table = pd.DataFrame(rows, columns=["quantity", "all_hours", "representative_hours"])
    table["difference_percent"] = 100 * (table.iloc[:, 2] / table.iloc[:, 1] - 1)
    return table
