"""The tables of a study, each from its solved stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ruralgrid.assess import (
    access_by_stage,
    composite_pass_rate,
    pass_rates,
    point_classes,
    radius_findings,
    supply_radius_areas,
    supply_radius_feeders,
    three_phase_capacity,
    unbalance_findings,
    unbalance_summary,
    village_findings,
    voltage_findings,
    voltage_summary,
)
from ruralgrid.findings import Finding, Findings

if TYPE_CHECKING:
    from ruralgrid.county import County
    from ruralgrid.limits import LimitSet
    from ruralgrid.studies.stage import Stage

__all__ = [
    "access_table",
    "calibration_row",
    "capacity_table",
    "node_table",
    "pass_rate_table",
    "phase_row",
    "radius_table",
    "stacked",
    "stage_table",
    "study_findings",
    "target_table",
    "unit_table",
    "voltage_table",
    "yearly",
]

Stages = dict[int, "Stage"]

_SINGLE_BUSES_KV = 35.0


def stacked(by_stage: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """The frames of all stages, one below the other, with the column `stage` first."""
    return pd.concat(
        [frame.assign(stage=k) for k, frame in by_stage.items()], ignore_index=True
    ).pipe(lambda table: table[["stage", *table.columns.drop("stage")]])


def yearly(frame: pd.DataFrame, stage: Stage) -> pd.DataFrame:
    """Sums over the hours solved as sums of a year."""
    sums = [c for c in frame.columns if c.endswith("_kwh") or c.startswith("hours_")]
    return frame.assign(**{name: frame[name] * stage.per_year for name in sums})


def node_table(stage: Stage) -> pd.DataFrame:
    """Buses of a stage; those solved wire by wire with the lowest voltage of each phase."""
    buses = yearly(stage.solution.buses, stage)
    if stage.solution.phases is None:
        return buses
    return buses.join(stage.solution.phases[[f"v_{phase}_min_pu" for phase in "abc"]])


def unit_table(stage: Stage) -> pd.DataFrame:
    """Transformers of two and three windings of a stage."""
    both = [stage.solution.transformers, stage.solution.transformers3w]
    return yearly(pd.concat([frame for frame in both if len(frame)] or both[:1]), stage)


def stage_table(solved: Stages) -> pd.DataFrame:
    """A row per stage: energy, loss, peak, balance, buses too high, what is low."""
    return pd.DataFrame([_stage_row(k, stage) for k, stage in solved.items()])


def _stage_row(number: int, stage: Stage) -> dict[str, float]:
    loss = stage.fed_kwh - stage.served_kwh
    balance = stage.solution.balance
    return {
        "stage": number,
        "fed_kwh": stage.fed_kwh,
        "served_kwh": stage.served_kwh,
        "loss_kwh": loss,
        "loss_percent": 100 * loss / stage.fed_kwh,
        "peak_mw": stage.peak_mw,
        "hours_of_use_h": stage.fed_kwh / 1000 / stage.peak_mw,
        "balance_residual": float(balance["residual_kwh"] / balance["fed_kwh"]),
        **_above(stage),
        "villages_low": int((stage.villages["status"] == "low").sum()),
        "households_low": int(stage.villages["households_low"].sum()),
        "households_low_own_phase": int(stage.villages["households_low_own_phase"].sum()),
        "households_unsupplied": int(stage.villages["households_unsupplied"].sum()),
    }


def _above(stage: Stage) -> dict[str, float]:
    """Buses above their upper limit at some hour [% of those of the level], and the mean hours."""
    buses = stage.solution.buses
    shares = {}
    for kv, name in ((10.0, "10kv"), (0.4, "0_4kv")):
        hours = buses.loc[buses["vn_kv"] == kv, "hours_above_limit"] * stage.per_year
        shares[f"buses_above_{name}_percent"] = 100 * float((hours > 0).mean())
        shares[f"mean_hours_above_{name}"] = float(hours.mean())
    return shares


def voltage_table(solved: Stages, limits: LimitSet) -> pd.DataFrame:
    """How many buses of each level are inside their band, by stage (see `voltage_summary`)."""
    return stacked({k: voltage_summary(s.solution, limits) for k, s in solved.items()})


def pass_rate_table(solved: Stages) -> pd.DataFrame:
    """Voltage pass rate (电压合格率) by stage [%]: classes A to D and the composite rate."""
    rows = []
    for number, stage in solved.items():
        points = point_classes(stage.county)
        rates = pass_rates(points, stage.solution, hours=float(len(stage.hours)))
        rows.append({"stage": number, **composite_pass_rate(rates).add_suffix("_percent")})
    return pd.DataFrame(rows)


def phase_row(number: int, stage: Stage, balanced: Stage, limits: LimitSet) -> dict[str, float]:
    """A stage solved wire by wire beside its balanced flow, losses a year; and its unbalance."""
    assert stage.solution.phases is not None
    tables = (balanced.losses, stage.losses)
    low = [float(table.loc[table["level_kv"] < 1, "line_kwh"].sum()) for table in tables]
    return {
        "stage": number,
        "households_low_balanced": int(balanced.villages["households_low"].sum()),
        "households_low_four_wire": int(stage.villages["households_low"].sum()),
        "line_loss_0_4kv_balanced_kwh": low[0],
        "line_loss_0_4kv_four_wire_kwh": low[1],
        "surcharge_percent": 100 * (low[1] / low[0] - 1) if low[0] > 0 else float("nan"),
        "neutral_loss_kwh": float(stage.solution.lines["neutral_loss_kwh"].sum()) * stage.per_year,
        "loss_balanced_kwh": balanced.fed_kwh - balanced.served_kwh,
        "loss_four_wire_kwh": stage.fed_kwh - stage.served_kwh,
        **unbalance_summary(stage.solution.phases, limits),
    }


def access_table(county: County, stages: list[int]) -> pd.DataFrame:
    """Villages and households with four-wire supply, by stage (see `access_by_stage`)."""
    table = access_by_stage(county)
    return table[table["stage"].isin(stages)].reset_index(drop=True)


def capacity_table(solved: Stages, limits: LimitSet) -> pd.DataFrame:
    """The three-phase load that each village can take, by stage (see `three_phase_capacity`)."""
    tables = {}
    for number, stage in solved.items():
        tables[number] = three_phase_capacity(
            stage.county,
            stage.villages,
            stage.solution.transformers,
            limits,
            phases=stage.solution.phases,
        )
    return stacked(tables)


def target_table(before: pd.DataFrame) -> pd.DataFrame:
    """Each village that the plan calls low or the load flow finds low, before the works."""
    planned = before["plan_class"] == "low_voltage"
    low = before["status"] == "low"
    table = before[planned | low].copy()
    table.insert(1, "judged", "found")
    table.loc[planned & ~low, "judged"] = "missed"
    table.loc[~planned & low, "judged"] = "extra"
    return table.sort_values(["judged", "village"], ignore_index=True)


def radius_table(solved: Stages, limits: LimitSet) -> pd.DataFrame:
    """Transformer areas and feeders beyond their supply radius, by stage."""
    tables = [_radii(k, stage, limits) for k, stage in solved.items()]
    return pd.concat(tables, ignore_index=True)


def _radii(number: int, stage: Stage, limits: LimitSet) -> pd.DataFrame:
    areas = supply_radius_areas(stage.county, limits, stage.case.paths).rename(
        columns={"transformer": "name", "service_points": "points"}
    )
    feeders = supply_radius_feeders(stage.county, limits).rename(
        columns={"feeder": "name", "transformers": "points"}
    )
    kinds = [areas.assign(level="0.4 kV"), feeders.assign(level="10 kV")]
    both = pd.concat([table for table in kinds if len(table)] or kinds[:1])
    columns = ["stage", "level", "name", "points", "furthest_node", "radius_km", "limit_km"]
    return both[both["exceeds"]].assign(stage=number)[columns]


def calibration_row(name: str, county: County, first: Stage, last: Stage) -> dict[str, object]:
    """What a calibration assumes, and what it finds before and after the works."""
    assumed = county.assumptions.set_index("parameter")["value"]
    tails = county.villages.loc[county.villages["plan_class"] == "low_voltage", "name"]
    before = first.villages.set_index("village")
    low = before["status"] == "low"
    return {
        "calibration": name,
        "hours": len(first.hours),
        "entry_voltage_v": assumed.get(f"entry_voltage_{name}_v"),
        "tail_relative_moment": assumed.get("tail_relative_moment"),
        "villages_low": int(low.sum()),
        "of_the_plans": int(low.reindex(tails).sum()),
        "households_low": int(before["households_low"].sum()),
        "households_low_after": int(last.villages["households_low"].sum()),
        "median_lowest_v": float(before.loc[tails, "v_min_v"].median()),
    }


def study_findings(solved: Stages, limits: LimitSet) -> Findings:
    """What is worth a look, errors first; of single buses those of 35 kV and above."""
    last = solved[max(solved)]
    findings = village_findings(last.villages, limits)
    findings += radius_findings(last.county, limits, last.case.paths)
    high = last.solution.buses.loc[last.solution.buses["vn_kv"] >= _SINGLE_BUSES_KV, "name"]
    of_bus = voltage_findings(last.solution, limits)
    findings += [finding for finding in of_bus if finding.subject in set(high)]
    if last.solution.phases is not None:
        findings += unbalance_findings(last.solution.phases, limits, max(solved))
    for number, stage in solved.items():
        unsupplied = int(stage.villages["households_unsupplied"].sum())
        if unsupplied:
            findings += [
                Finding(
                    "households-unsupplied",
                    f"stage {number}",
                    f"{unsupplied} households have no supply at stage {number}",
                    float(unsupplied),
                    0.0,
                    "households",
                    "error",
                )
            ]
    return Findings(sorted(findings, key=lambda f: ("error", "warning", "note").index(f.severity)))
