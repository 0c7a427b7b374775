"""Loss by level and component; each treated village before and after its batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ruralgrid.report.page.drawing import Drawing, Scale, ticks
from ruralgrid.report.page.words import Pair, pair
from ruralgrid.report.terms import column_title
from ruralgrid.units import LV_PHASE_BASE_V

if TYPE_CHECKING:
    import pandas as pd

    from ruralgrid.studies import Study

__all__ = ["COMPONENTS", "gains_chart", "losses_chart", "low_limit_v", "treated_gains"]

COMPONENTS: Final = (
    "line_kwh",
    "unbalance_surcharge_kwh",
    "transformer_load_kwh",
    "transformer_no_load_kwh",
)
"""The components of loss, as they are stacked from the bottom."""

_MWH: Final = 1e-3


def low_limit_v(study: Study) -> float:
    """The lower limit of a single-phase customer [V]."""
    return float(study.limits.low_pu(0.4)) * LV_PHASE_BASE_V


def losses_chart(study: Study) -> Drawing:
    """A panel for each level, a bar for each stage, stacked by component; one scale for all."""
    table = study.losses
    stages = [int(stage) for stage in study.stages["stage"]]
    levels = sorted(table["level_kv"].unique(), reverse=True)
    drawing = Drawing("losses", 760, 320, pair("chart.losses"))
    marks = ticks(0, float(table["total_kwh"].max()) * _MWH)
    y = Scale((marks[0], marks[-1]), (250, 36))
    for mark in marks:
        drawing.line((56, y(mark), 752, y(mark)), "axis" if mark == 0 else "grid")
        drawing.text((48, y(mark) + 4), f"{mark:,.0f}", "end", "tick")
    drawing.text((4, 12), pair("chart.mwh"), "start", "note")
    panel = 696 / len(levels)
    for k, level in enumerate(levels):
        left = 56 + k * panel
        _loss_panel(drawing, table[table["level_kv"] == level], stages, (left, panel), y)
        drawing.text((left + panel / 2, 290), f"{level:g} kV", "middle", "value")
        if k:
            drawing.line((left, 24, left, 272), "grid")
    drawing.text((404, 310), pair("chart.stages_axis"), "middle", "note")
    return drawing


def _loss_panel(
    drawing: Drawing,
    rows: pd.DataFrame,
    stages: list[int],
    place: tuple[float, float],
    y: Scale,
) -> None:
    left, panel = place
    pitch = (panel - 20) / len(stages)
    for row in rows.to_dict("records"):
        x, below = left + 10 + stages.index(int(row["stage"])) * pitch, 0.0
        for component in COMPONENTS:
            value = float(row[component]) * _MWH
            title = _loss_title(row, component, value)
            box = (x + pitch * 0.1, y(below), pitch * 0.8, y(below + value) - y(below))
            if value > 0:
                drawing.rect(box, f"part-{component.removesuffix('_kwh')}", title)
            below += value
        drawing.text((x + pitch / 2, 266), str(int(row["stage"])), "middle", "tick")


def _loss_title(row: dict[str, float], component: str, value: float) -> Pair:
    term = column_title(component)
    where = f"{row['level_kv']:g} kV, {value:,.1f} MWh"
    return (
        f"{term.en}, {where}, {pair('stage.number', {'stage': int(row['stage'])})[0]}",
        f"{term.zh}，{where}，{pair('stage.number', {'stage': int(row['stage'])})[1]}",
    )


def gains_chart(study: Study) -> Drawing | None:
    """Each treated village, batch by batch, lowest first: voltage before, an arrow, and after."""
    table = treated_gains(study)
    if table.empty:
        return None
    drawing = Drawing("gains", 760, 320, pair("chart.gains"))
    limit = low_limit_v(study)
    high = float(study.limits.high_pu(0.4)) * LV_PHASE_BASE_V
    every = [*table["v_before_v"], *table["v_after_v"], limit]
    marks = ticks(min(every), max(every), 6)
    y = Scale((marks[0], marks[-1]), (268, 34))
    for mark in marks:
        drawing.line((46, y(mark), 752, y(mark)), "grid")
        drawing.text((40, y(mark) + 4), f"{mark:,.0f}", "end", "tick")
    drawing.text((4, 12), pair("chart.volts"), "start", "note")
    batches = sorted(table["stage"].unique())
    pitch = (700 - 14 * len(batches)) / len(table)
    x = 46.0
    for batch in batches:
        rows = table[table["stage"] == batch].sort_values("v_before_v", kind="stable")
        x += 7
        for k, row in enumerate(rows.to_dict("records")):
            _gain_mark(drawing, row, x + (k + 0.5) * pitch, y)
        middle = x + len(rows) * pitch / 2
        drawing.text((middle, 290), pair("stage.batch", {"stage": batch}), "middle", "value")
        drawing.text((middle, 307), pair("chart.count", {"count": len(rows)}), "middle", "note")
        x += len(rows) * pitch + 7
    for volts in (limit, *([high] if max(table["v_after_v"]) > high else [])):
        drawing.line((46, y(volts), 752, y(volts)), "limit-line")
        words = pair("chart.limit", {"volts": f"{volts:.0f}"})
        drawing.text((750, y(volts) + (14 if volts == limit else -6)), words, "end", "limit-label")
    return drawing


def treated_gains(study: Study) -> pd.DataFrame:
    """The gain of each treated village by its own batch, where both voltages are known."""
    table = study.gains
    if table.empty or "treated" not in table:
        return table.iloc[:0]
    if "span" in table:
        table = table[table["span"] == "batch"]
    known = table["v_before_v"].notna() & table["v_after_v"].notna()
    return table[table["treated"] & known]


def _gain_mark(drawing: Drawing, row: dict[str, object], x: float, y: Scale) -> None:
    before, after = float(str(row["v_before_v"])), float(str(row["v_after_v"]))
    figures = {"village": row["village"], "before": f"{before:.1f}", "after": f"{after:.1f}"}
    title = pair("chart.gain_title", figures)
    drawing.line((x, y(before), x, y(after)), "gain-link")
    low = row["status_before"] == "low"
    top = y(before)
    if low:
        drawing.path(f"M{x - 3.2:.1f} {top - 2.4:.1f}h6.4l-3.2 5.6z", "dot-low", title)
    else:
        drawing.circle((x, top), 2.2, "dot-before", title)
    css = "dot-low" if row["status_after"] == "low" else "dot-after"
    drawing.circle((x, y(after)), 2.6, css, title)
