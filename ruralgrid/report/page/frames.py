"""Which tables the report shows, and what is said below each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from ruralgrid.errors import InputError
from ruralgrid.report.official import (
    area_losses,
    household_capacity,
    unit_ratings,
    voltage_pass_rates,
)
from ruralgrid.report.page.more_charts import treated_gains
from ruralgrid.report.page.words import Pair, pair
from ruralgrid.report.terms import find_term

if TYPE_CHECKING:
    from ruralgrid.report.staged import StagedStudy
    from ruralgrid.studies import Study

__all__ = ["audit_frame", "line_frames", "page_frames", "transformer_frame"]

_NO_NOTE: Final = ("", "")

_GAIN_COLUMNS: Final = [
    "village",
    "stage",
    "plan_class",
    "households",
    "v_before_v",
    "v_after_v",
    "gain_v",
    "hours_low_before",
    "hours_low_after",
    "households_low_before",
    "households_low_after",
    "outcome",
]
_STAGE_COLUMNS: Final = [
    "stage",
    "fed_kwh",
    "served_kwh",
    "loss_kwh",
    "loss_percent",
    "peak_mw",
    "hours_of_use_h",
    "villages_low",
    "households_low",
    "households_unsupplied",
]
_TARGET_COLUMNS: Final = [
    "village",
    "judged",
    "households",
    "batch",
    "v_min_v",
    "hours_low",
    "households_low",
    "drop_10kv_v",
    "drop_transformer_v",
    "drop_0_4kv_v",
    "level_at_fault",
]
_NET_COLUMNS: Final = [
    "calibration",
    "hours",
    "basis",
    "scope",
    "copper_kwh",
    "no_load_kwh",
    "net_kwh",
    "share_of_claim",
    "scale_same_network",
    "kwh_per_household_same_network",
]
_FINDING_COLUMNS: Final = [
    "severity",
    "code",
    "subject",
    "value",
    "limit",
    "unit",
    "message",
    "advice",
]
_AREA_COLUMNS: Final = [
    "transformer",
    "town",
    "type",
    "kva",
    "households",
    "sold_kwh",
    "area_loss_kwh",
    "area_loss_percent",
    "no_load_loss_kwh",
    "load_loss_kwh",
]

Frames = dict[str, tuple[pd.DataFrame, Pair]]


def page_frames(staged: StagedStudy) -> Frames:
    """Every table of the report by name, with its note; those without a row are left out."""
    study = staged.study
    capacity = [household_capacity(staged, stage) for stage in staged.ends]
    gains = treated_gains(study)
    if len(gains):
        gains = gains.sort_values("gain_v", ascending=False, kind="stable")[_GAIN_COLUMNS]
    frames: Frames = {
        "stages": (study.stages[_STAGE_COLUMNS], pair("note.stages")),
        "losses": (study.losses, pair("note.losses")),
        "gains": (gains, pair("note.gains")),
        "transformers": (transformer_frame(staged), pair("note.loading")),
        "area_losses": (_worst_areas(staged, staged.ends[-1]), pair("note.area_losses")),
        "pass_rates": (voltage_pass_rates(staged), pair("note.pass_rates")),
        "capacity": (pd.concat(capacity, ignore_index=True), pair("note.capacity")),
        "voltages": (study.voltages, pair("note.voltages")),
        "phases": (study.phases, pair("note.phases")),
        "radius": (study.radius, pair("note.radius")),
        "audit": (audit_frame(study), pair("note.audit")),
        **{name: (frame, _NO_NOTE) for name, frame in line_frames(study).items()},
        "assumptions": (study.county.assumptions, pair("note.assumptions")),
        "findings": (_findings(study.findings.to_frame()), pair("note.findings")),
        "targets": (
            study.targets[_TARGET_COLUMNS] if len(study.targets) else study.targets,
            _NO_NOTE,
        ),
        "savings": (study.savings, _NO_NOTE),
        "calibrations": (
            study.tables.get("calibrations", pd.DataFrame()),
            pair("note.calibrations"),
        ),
        "claim_nets": (_claim_nets(study), _NO_NOTE),
        "sensitivity": (study.sensitivity, pair("note.sensitivity_table")),
        "built": (study.built, _NO_NOTE),
        "quick_methods": (study.quick_methods.drop(columns="method_zh", errors="ignore"), _NO_NOTE),
        "representative": (study.representative, _NO_NOTE),
    }
    return {name: both for name, both in frames.items() if len(both[0])}


def _worst_areas(staged: StagedStudy, stage: int) -> pd.DataFrame:
    areas = area_losses(staged, stage)[_AREA_COLUMNS]
    return areas.sort_values("area_loss_percent", ascending=False, ignore_index=True, kind="stable")


def transformer_frame(staged: StagedStudy) -> pd.DataFrame:
    """Two-winding transformers with their highest loading at the first and at the last stage."""
    stages = staged.ends
    units = pd.concat([unit_ratings(staged.county(k)) for k in reversed(stages)])
    units = units.drop_duplicates("name").drop(columns=["lv_kv", "village"])
    units = units.rename(columns={"hv_kv": "kv"})
    loading = staged.study.transformers.set_index(["stage", "name"])["loading_max_percent"]
    for stage, column in zip(
        stages, ("loading_before_percent", "loading_after_percent"), strict=False
    ):
        units[column] = units["name"].map(loading[stage])
    last = units.columns[-1]
    return units.sort_values(last, ascending=False, ignore_index=True, kind="stable")


def audit_frame(study: Study) -> pd.DataFrame:
    """The plan held against itself; empty where the county was not drawn from one."""
    from ruralgrid.plan import audit

    if study.county.origin is None:
        return pd.DataFrame()
    return _findings(audit(study.county.origin.plan).to_frame())


def line_frames(study: Study) -> dict[str, pd.DataFrame]:
    """The line tables of the plan's design; empty where it has none."""
    from ruralgrid.equipment import line_tables

    origin = study.county.origin
    if origin is None or origin.plan.line_design.span_max_m is None:
        return {}
    try:
        tables = line_tables(origin.plan)
    except InputError:  # a conductor that the catalogue does not have: a finding tells so
        return {}
    return {"conductors": tables.conductors, "spans": tables.spans, "spacing": tables.spacing}


def _findings(frame: pd.DataFrame) -> pd.DataFrame:
    order = frame["severity"].map({"error": 0, "warning": 1, "note": 2})
    # the message is English; what its code means and what to do stands in both languages
    about = "about " + frame["code"].astype(str)
    advice = about.where([find_term("advice", key) is not None for key in about], "")
    rows = order.sort_values(kind="stable").index
    return frame.assign(advice=advice).loc[rows, _FINDING_COLUMNS]


def _claim_nets(study: Study) -> pd.DataFrame:
    if study.claim is None:
        return pd.DataFrame()
    return study.claim.nets[_NET_COLUMNS]
