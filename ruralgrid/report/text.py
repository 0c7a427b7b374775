"""What a study says, as sentences and small tables of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ruralgrid.report.digits import digits_for, sized
from ruralgrid.report.page.tables import digits_of
from ruralgrid.report.page.words import word_of
from ruralgrid.report.plain import plain_table
from ruralgrid.report.terms import column_title

if TYPE_CHECKING:
    from ruralgrid.studies.result import Study

__all__ = [
    "ACCESS_NOTE",
    "PHASES_NOTE",
    "STAGES_NOTE",
    "STATISTICS_NOTE",
    "audit_table",
    "plain_section",
    "study_sections",
    "summary_text",
]

STAGES_NOTE = (
    "A household is low when the worst phase with customers at its service point lies below the "
    "limit for more than an hour a year; by own phase: those whose own phase does. Loss is that of "
    "the load flow at all levels; the no-load loss of new stations counts from the stage that "
    "energises them. Station transformers change taps under load; those of distribution "
    "transformers and the capacitor banks are fixed for the year."
)

PHASES_NOTE = (
    "Balanced: every load spread over three phases, two-wire circuits as equivalents. The "
    "surcharge is what the wires lose more; 15-35 % is usual in statistics of whole areas, and "
    "single meter boxes towards the ends of a line raise it."
)

ACCESS_NOTE = (
    "Four wires: all sections from a three-phase transformer to the household. The mill stands at "
    "the village's worst four-wire service point in its worst hour; starting may dip to 85 %."
)

STATISTICS_NOTE = (
    "Technical loss at the energy assumed. Statistical figures (10 kV 4-6 %, 0.4 kV 7-10 %) are "
    "higher: they hold meters, service drops, unbalance and single-phase laterals, theft and "
    "reading errors too, and come from nets with more use per household."
)

Sections = list[tuple[str, pd.DataFrame, str]]
"""Title, table of text, note below it."""


def study_sections(study: Study) -> Sections:
    """The study as titled tables of text, the answer first."""
    sections: Sections = [
        ("Stages / 阶段", _stages(study), STAGES_NOTE),
        ("Loss by level / 分压线损 [MWh a year]", _losses(study), STATISTICS_NOTE),
    ]
    if len(study.targets):
        title = "Low-voltage villages before the works / 低电压自然村"
        sections.append((title, *_targets(study)))
        sections.append(("The same, one by one / 低电压自然村明细", _named(study), ""))
    if len(study.phases):
        sections.append(("Wire by wire and balanced / 四线与平衡潮流", _phases(study), PHASES_NOTE))
    sections.append(("Three-phase access / 三相动力电", _access(study), ACCESS_NOTE))
    sections.append(("Voltage pass rate / 电压合格率 [%]", _worded(study.pass_rates), ""))
    if len(study.gains):
        sections.append(("Villages by batch / 各批次成效", _outcomes(study), ""))
    if len(study.still_low):
        sections.append(("Low after the last stage / 仍低", _still_low(study), ""))
    if study.claim is not None:
        sections.append(("The claim / 节电承诺", _claim(study), study.claim.verdict))
    if "calibrations" in study.tables:
        sections.append(("Calibrations / 标定", _worded(study.calibrations), ""))
    if len(study.sensitivity):
        sections.append(
            (
                "What moves the saving, one at a time / 敏感性",
                _worded(study.sensitivity),
                "10 kV and below, at equal energy, by the hours that stand in each row: what "
                "changes is held against the middle calibration by the same hours. A use per "
                "household is set by all loads in proportion; the 10 kV voltage by the source's.",
            )
        )
    sections.append(("Built / 建设规模", _built(study), ""))
    sections.append(
        ("Beyond heavy loading and supply radius / 重过载与供电半径", _counts(study), "")
    )
    if len(study.quick_methods):
        shown = study.quick_methods.drop(columns=["why", "method_zh"], errors="ignore")
        sections.append(
            (
                "10 kV lines by quick methods / 理论线损简化算法 (DL/T 686)",
                _worded(shown),
                "\n".join(study.quick_methods["method"] + ": " + study.quick_methods["why"]),
            )
        )
    if len(study.representative):
        sections.append(("288 representative hours / 典型日", _representative(study), ""))
    return sections


def summary_text(study: Study) -> str:
    """All sections as plain text."""
    head = [
        f"ruralgrid study of {study.county.name}",
        f"limits: {study.limits.name}",
        "Synthesised where the plan is silent: topology, places, conductors in place and loads are "
        "assumed; see assumptions.csv."
        if study.county.origin
        else "The county's own tables; nothing in them was synthesised.",
        "",
    ]
    return "\n".join([*head, *(plain_section(*section) for section in study_sections(study))])


def plain_section(title: str, table: pd.DataFrame, note: str) -> str:
    """One section as plain text."""
    return "\n".join([title, "-" * 60, plain_table(table), *([note] if note else []), ""])


def audit_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The findings of an audit as text: both figures and the difference."""
    rows = []
    for finding in frame.itertuples():
        value, limit = _figure(finding.value), _figure(finding.limit)
        difference = (
            f"{finding.value - finding.limit:+,.6g}"
            if _is_number(finding.value) and _is_number(finding.limit)
            else ""
        )
        rows.append(
            {
                "severity": finding.severity,
                "rule": finding.code,
                "subject": finding.subject,
                "found": value,
                "stated": limit,
                "difference": difference,
                "unit": finding.unit,
                "message": finding.message,
            }
        )
    return pd.DataFrame(rows)


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not pd.isna(value)


def _figure(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    return f"{value:,.6g}" if isinstance(value, float | int) else str(value)


def _worded(table: pd.DataFrame) -> pd.DataFrame:
    """A table as it is shown: figures with digits, columns and cells that are words in words."""
    text = table.copy()
    for name in text.columns:
        column = text[name]
        if pd.api.types.is_float_dtype(column):
            is_energy = str(name).endswith("kwh")
            text[name] = sized(column) if is_energy else _with_digits(column, _digits(str(name)))
        elif pd.api.types.is_integer_dtype(column):
            text[name] = column.map(lambda v: "" if pd.isna(v) else f"{v:,}")
        else:
            text[name] = [_word(str(name), value) for value in column]
    return text.rename(columns=lambda name: column_title(str(name)).label("en"))


def _digits(column: str) -> int:
    """Digits after the point: of shares and lengths one more than on the page."""
    known = digits_of(column)
    return 3 if known is None or column.endswith(("_percent", "_km")) else known


def _with_digits(column: pd.Series, digits: int) -> pd.Series:
    return column.map(lambda v: "" if pd.isna(v) else f"{v:,.{digits}f}")


def _word(column: str, value: object) -> str:
    term = word_of(column, value)
    return term.en if term is not None else str(value)


def _stages(study: Study) -> pd.DataFrame:
    table = study.stages
    return pd.DataFrame(
        {
            "stage": table["stage"],
            "fed GWh": sized(table["fed_kwh"] / 1e6, 2),
            "loss MWh": sized(table["loss_kwh"] / 1e3),
            "loss %": table["loss_percent"].map("{:.2f}".format),
            "peak MW": sized(table["peak_mw"], 2),
            "hours of use": table["hours_of_use_h"].map("{:,.0f}".format),
            "villages low": table["villages_low"],
            "households low": table["households_low"],
            "by own phase": table["households_low_own_phase"],
            "unsupplied": table["households_unsupplied"],
            "0.4 kV buses too high %": table["buses_above_0_4kv_percent"].map("{:.0f}".format),
            "mean hours too high": table["mean_hours_above_0_4kv"].map("{:,.0f}".format),
            "balance residual": table["balance_residual"].map("{:.0e}".format),
        }
    )


def _losses(study: Study) -> pd.DataFrame:
    table = study.losses
    shown = pd.DataFrame(
        {"stage": table["stage"], "level kV": table["level_kv"].map("{:g}".format)}
    )
    digits = digits_for(table["total_kwh"] / 1e3, 1)
    for column, title in (
        ("line_kwh", "lines"),
        ("transformer_no_load_kwh", "transformers, no load"),
        ("transformer_load_kwh", "transformers, load"),
        ("unbalance_surcharge_kwh", "surcharge for unbalance"),
        ("total_kwh", "total"),
    ):
        shown[title] = (table[column] / 1e3).map(f"{{:,.{digits}f}}".format)
    shown["% of fed into level"] = table["percent_of_fed"].map("{:.2f}".format)
    ends = table["stage"].isin([table["stage"].min(), table["stage"].max()])
    return shown[ends]


def _targets(study: Study) -> tuple[pd.DataFrame, str]:
    table = study.targets
    counts = table.groupby("judged").agg(
        villages=("village", "size"),
        households=("households", "sum"),
        households_low=("households_low", "sum"),
    )
    note = "".join(
        f"{_word('judged', judged)}: "
        + ", ".join(
            f"{row.village} ({row.v_min_v:.0f} V)" for row in rows.itertuples() if judged != "found"
        )
        + "\n"
        for judged, rows in table.groupby("judged")
        if judged != "found"
    )
    return _worded(counts.reset_index()), note.rstrip()


def _named(study: Study) -> pd.DataFrame:
    wanted = ["village", "town", "judged", "households", "households_low", "v_min_v", "hours_low"]
    table = study.targets[[*wanted, "level_at_fault"]].copy()
    for column in ("v_min_v", "hours_low"):
        table[column] = table[column].map("{:,.0f}".format)
    return _worded(table)


def _phases(study: Study) -> pd.DataFrame:
    table = study.phases
    shown = pd.DataFrame({"stage": table["stage"]})
    for column, title in (
        ("households_low_balanced", "households low, balanced"),
        ("households_low_four_wire", "households low, wire by wire"),
    ):
        shown[title] = table[column].map("{:,.0f}".format)
    of_balanced = "line_loss_0_4kv_balanced_kwh"
    digits = digits_for(table[of_balanced] / 1e3, 1)
    for column, title in (
        (of_balanced, "MWh lost in 0.4 kV lines, balanced"),
        ("line_loss_0_4kv_four_wire_kwh", "MWh lost in 0.4 kV lines, wire by wire"),
        ("neutral_loss_kwh", "MWh of it in the neutral"),
    ):
        shown[title] = (table[column] / 1e3).map(f"{{:,.{digits}f}}".format)
    shown["surcharge %"] = table["surcharge_percent"].map("{:.0f}".format)
    shown["nodes unbalanced"] = table["nodes_unbalanced"].map("{:,.0f}".format)
    return shown


def _access(study: Study) -> pd.DataFrame:
    table = study.access
    capacity = study.capacity.groupby("stage")
    shown = pd.DataFrame({"stage": table["stage"]})
    shown["villages with four wires"] = table["villages_four_wire"]
    shown["%"] = table["villages_four_wire_percent"].map("{:.1f}".format)
    shown["households single-phase only"] = table["households_single_phase_only"]
    if table["households_planned"].notna().any():
        shown["as the plan counts"] = table["households_planned"]
    can = (capacity["motors"].agg(lambda n: int((n > 0).sum()))).reindex(table["stage"])
    shown["villages that can run a 7.5 kW mill"] = can.to_numpy()
    starts = capacity["can_start"].agg(lambda can: int(can.fillna(False).sum()))
    shown["and start it"] = starts.reindex(table["stage"]).to_numpy()
    median = capacity["capacity_kw"].median().map("{:.0f}".format)
    shown["median kW of a village"] = median.reindex(table["stage"]).to_numpy()
    return shown


def _outcomes(study: Study) -> pd.DataFrame:
    table = study.gains
    if "span" in table:
        table = table[table["span"] == "batch"]
    treated = table[table["treated"]] if "treated" in table else table
    counts = pd.crosstab(table["stage"], table["outcome"].rename(None))
    median = treated.groupby("stage")["gain_v"].median().map("{:+.1f}".format)
    return counts.join(median.rename("median gain of treated [V]")).reset_index()


def _still_low(study: Study) -> pd.DataFrame:
    wanted = ["village", "status", "households_low", "v_min_v", "hours_low", "level_at_fault"]
    return _worded(study.still_low[[name for name in wanted if name in study.still_low]])


def _claim(study: Study) -> pd.DataFrame:
    assert study.claim is not None
    alone = study.claim.nets
    answers = [alone[alone["scope"] == "10 kV and below"].assign(works="batches alone")]
    if study.claim_with_projects is not None:
        both = study.claim_with_projects.nets
        answers.append(both.assign(works="with projects above 10 kV"))
    nets = pd.concat(answers)
    shown = nets[["calibration", "hours", "works", "basis", "scope"]].copy()
    for column, title in (
        ("copper_kwh", "grows with load"),
        ("no_load_kwh", "no-load"),
        ("net_kwh", "net"),
    ):
        shown[f"{title} kWh"] = nets[column].map("{:+,.0f}".format)
    shown["of the claim"] = nets["share_of_claim"].map("{:.2f}".format)
    shown["holds at kWh/household"] = nets["kwh_per_household_same_network"].map(
        lambda v: "-" if pd.isna(v) else f"{v:,.0f}"
    )
    return shown


def _built(study: Study) -> pd.DataFrame:
    table = study.built.copy()
    if table.empty:
        return table
    table["kv"] = table["kv"].map("{:g}".format)
    table["kva"] = table["kva"].map(lambda v: "" if pd.isna(v) else f"{v:,.0f}")
    return _worded(table)


def _representative(study: Study) -> pd.DataFrame:
    """Each row in digits of its own: energies, a power, households."""
    table = study.representative.astype({"all_hours": object, "representative_hours": object})
    both = table[["all_hours", "representative_hours"]]
    table[both.columns] = [sized(row) for row in both.to_numpy(dtype=float)]
    return _worded(table)


def _counts(study: Study) -> pd.DataFrame:
    loading = study.loading.groupby(["stage", "element", "loading_class"]).size()
    radius = study.radius.groupby(["stage", "level"]).size()
    rows = [(*key, count) for key, count in loading.items()]
    rows += [(stage, level, "supply radius exceeded", n) for (stage, level), n in radius.items()]
    return pd.DataFrame(rows, columns=["stage", "element", "finding", "count"])
