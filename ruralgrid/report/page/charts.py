"""The charts of the report's answer: households low, the claim in parts, what moves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd

from ruralgrid.assess.claim import CLAIM_PARTS
from ruralgrid.report.page.drawing import Drawing, Scale, ticks
from ruralgrid.report.page.words import Pair, pair, word_of

if TYPE_CHECKING:
    from ruralgrid.assess import ClaimAnswer
    from ruralgrid.studies import Study

__all__ = ["claim_chart", "households_chart", "sensitivity_chart", "stage_word"]

_MWH: Final = 1e-3


def stage_word(stage: int) -> Pair:
    """How a stage is called."""
    return pair("stage.after", {"stage": stage}) if stage else pair("stage.before")


def households_chart(study: Study) -> Drawing:
    """Households low before the works and after each batch, a bar each."""
    table = study.stages
    counts = [int(count) for count in table["households_low"]]
    drawing = Drawing("households", 560, 250, pair("chart.households"))
    top = max(*ticks(0, max(*counts, 1)), 1)
    y = Scale((0, top), (205, 30))
    step = (drawing.width - 20) / len(counts)
    drawing.line((10, 205, drawing.width - 10, 205), "axis")
    for k, (stage, count) in enumerate(zip(table["stage"], counts, strict=True)):
        middle = 10 + step * (k + 0.5)
        width = min(step * 0.62, 70)
        if count:
            drawing.rect((middle - width / 2, 205, width, y(count) - 205), "bar-low")
        drawing.text((middle, y(count) - 8), f"{count:,}", "middle", "value")
        drawing.text((middle, 224), stage_word(int(stage)), "middle", "tick")
        villages = pair("chart.villages_low", {"count": f"{int(table['villages_low'].iloc[k]):,}"})
        drawing.text((middle, 241), villages, "middle", "note")
    return drawing


def claim_chart(claim: ClaimAnswer) -> Drawing:
    """From what is saved in copper over the no-load loss added to the net; the claim a line."""
    drawing = Drawing("claim", 690, 312, pair("chart.claim"))
    parts = _headline_parts(claim)
    steps = [0.0, *parts.cumsum()]
    low, net, high = (value * _MWH for value in claim.band_kwh())
    claimed = claim.claimed_kwh * _MWH
    marks = ticks(min(0.0, low, *steps), max(high, claimed, *steps))
    y = Scale((marks[0], marks[-1]), (262, 34))
    _y_axis(drawing, y, marks, 56, 616)
    width, pitch = 60.0, 92.0
    for k, (part, value) in enumerate(parts.items()):
        x = 66 + k * pitch
        drawing.rect((x, y(steps[k]), width, y(steps[k + 1]) - y(steps[k])), _sign(value))
        drawing.line((x, y(steps[k + 1]), x + pitch + width, y(steps[k + 1])), "link")
        edge = min(y(steps[k]), y(steps[k + 1]))
        drawing.text((x + width / 2, edge - 6), _signed(value, steps), "middle", "value")
        _part_label(drawing, str(part), x + width / 2)
    x = 66 + len(parts) * pitch
    drawing.rect((x, y(0), width, y(net) - y(0)), "bar-net")
    for end in (low, high):
        drawing.line((x + width / 2 - 8, y(end), x + width / 2 + 8, y(end)), "whisker")
    drawing.line((x + width / 2, y(low), x + width / 2, y(high)), "whisker")
    drawing.text(
        (x + width / 2, y(max(high, 0)) - 6), _signed(net, steps), "middle", "value strong"
    )
    _part_label(drawing, "net", x + width / 2)
    drawing.line((56, y(claimed), 624, y(claimed)), "claim-line")
    drawing.text((628, y(claimed) - 2), pair("chart.claimed"), "start", "claim-label")
    drawing.text((628, y(claimed) + 13), _amount(claimed, steps), "start", "claim-label")
    return drawing


def _headline_parts(claim: ClaimAnswer) -> pd.Series:
    """MWh a year of each part: middle calibration, equal energy, 10 kV and below.

    There is no surcharge where the flow was solved wire by wire.
    """
    table = claim.parts
    chosen = table[
        (table["calibration"] == "middle")
        & (table["basis"] == "equal energy")
        & (table["scope"] == "10 kV and below")
    ]
    parts = chosen.groupby("part")["kwh"].sum().reindex(list(CLAIM_PARTS)).fillna(0.0) * _MWH
    return parts.drop([name for name in ("unbalance surcharge",) if parts[name] == 0])


def _part_label(drawing: Drawing, part: str, x: float) -> None:
    """A label of two lines below the axis."""
    first, second = pair(f"part.{part}.1"), pair(f"part.{part}.2")
    drawing.text((x, 284), first, "middle", "tick")
    drawing.text((x, 300), second, "middle", "tick")


def sensitivity_chart(study: Study) -> Drawing | None:
    """The net saving under one assumption changed at a time; None where it was not asked for."""
    table = study.sensitivity
    if table.empty or table["net_kwh"].isna().iloc[0]:
        return None
    base = table.iloc[0]
    varied = table.iloc[1:][table["hours"].iloc[1:] == base["hours"]]  # the headline is no variant
    height = 58 + 22 * len(varied)
    drawing = Drawing("sensitivity", 880, height, pair("chart.sensitivity"))
    claimed = study.claim.claimed_kwh * _MWH if study.claim else 0.0
    values = [*(table["net_kwh"].dropna() * _MWH), claimed, 0.0]
    marks = ticks(min(values), max(values))
    x = Scale((marks[0], marks[-1]), (500, 790))
    for mark in marks:
        drawing.line((x(mark), 26, x(mark), height - 26), "grid")
        drawing.text((x(mark), height - 8), _amount(mark, marks), "middle", "tick")
    for k, row in enumerate(varied.itertuples()):
        y, net = 40 + 22 * k, row.net_kwh * _MWH
        start = base["net_kwh"] * _MWH
        drawing.text((490, y + 4), _setting(str(row.parameter), str(row.setting)), "end", "tick")
        if pd.isna(net):
            drawing.text((876, y + 4), pair("chart.no_solution"), "end", "note")
            continue
        drawing.rect((x(start), y - 6, x(net) - x(start), 12), _sign(net - start))
        drawing.text((876, y + 4), _amount(net, values), "end", "value")
    middle = x(base["net_kwh"] * _MWH)
    drawing.line((middle, 22, middle, height - 26), "axis")
    if claimed:
        drawing.line((x(claimed), 22, x(claimed), height - 26), "claim-line")
        drawing.text((x(claimed), 14), pair("chart.claim_short"), "middle", "claim-label")
    return drawing


def _setting(parameter: str, setting: str) -> Pair:
    name, value = word_of("quantity", parameter), word_of("setting", setting)
    english = (name.en if name else parameter, value.en if value else setting)
    chinese = (name.zh if name else parameter, value.zh if value else setting)
    return ": ".join(english), "：".join(chinese)


def _y_axis(drawing: Drawing, y: Scale, marks: list[float], left: float, right: float) -> None:
    for mark in marks:
        drawing.line((left, y(mark), right, y(mark)), "axis" if mark == 0 else "grid")
        drawing.text((left - 8, y(mark) + 4), _amount(mark, marks), "end", "tick")
    drawing.text((4, 12), pair("chart.mwh"), "start", "note")


def _sign(value: float) -> str:
    return "bar-good" if value >= 0 else "bar-bad"


def _signed(value: float, among: Sequence[float]) -> str:
    sign = "+" if value >= 0 else "−"
    return sign + _amount(abs(value), among)


def _amount(value: float, among: Sequence[float]) -> str:
    """A number as it reads among others: with a digit after the point where all are small."""
    whole = max(map(abs, among)) >= 100 or all(number == int(number) for number in among)
    return f"{value:,.{0 if whole else 1}f}".replace("-", "−")
