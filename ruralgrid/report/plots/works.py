"""What the works do: loss by level, gain by village, the claim in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from ruralgrid.errors import InputError
from ruralgrid.report.plots.canvas import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    SKY,
    VERMILION,
    axes_or_new,
)
from ruralgrid.report.plots.lettering import Lang, Lettering, lettering
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ruralgrid.assess import ClaimAnswer
    from ruralgrid.studies import Study

__all__ = ["plot_claim", "plot_gains", "plot_losses"]

_PARTS: Final = {
    "line_kwh": (BLUE, ""),
    "transformer_load_kwh": (SKY, "//"),
    "transformer_no_load_kwh": (AMBER, ""),
    "unbalance_surcharge_kwh": (PURPLE, "xx"),
}
"""Components of loss from the bottom of a bar up, with colour and hatch."""

_BATCHES: Final = ((BLUE, "o"), (VERMILION, "s"), (GREEN, "^"), (PURPLE, "D"), (AMBER, "v"))
_SCOPE: Final = "10 kV and below"


def plot_losses(
    study: Study,
    *,
    highest_kv: float = 1000.0,
    lang: Lang = "en",
    ax: Axes | None = None,
) -> Axes:
    """Loss energy of each stage: a bar for every level, stacked by component.

    Parameters
    ----------
    study : Study
    highest_kv : float
        Leave out the levels above it [kV]; 10 shows what the batches work on.
    lang : {"en", "zh"}
        Language of the labels.
    ax : matplotlib Axes, optional
        Where to draw.

    Raises
    ------
    InputError
        No level is left.
    """
    words = lettering(lang)
    table = study.losses[study.losses["level_kv"] <= highest_kv]
    if table.empty:
        raise InputError(f"no level of {highest_kv:g} kV or below", "highest_kv")
    stages = sorted(table["stage"].unique())
    levels = sorted(table["level_kv"].unique(), reverse=True)
    axes = axes_or_new(ax, 1.6 + 1.5 * len(stages))
    places = {
        (stage, level): s * (len(levels) + 1) + i
        for s, stage in enumerate(stages)
        for i, level in enumerate(levels)
    }
    at = np.array([places[key] for key in zip(table["stage"], table["level_kv"], strict=True)])
    bottom = np.zeros(len(table))
    for column, (colour, hatch) in _PARTS.items():
        mwh = table[column].to_numpy() / KILO
        if not mwh.any():  # no surcharge where every wire is solved
            continue
        axes.bar(
            at,
            mwh,
            0.86,
            bottom,
            color=colour,
            hatch=hatch,
            label=words.column(column),
            edgecolor="w",
        )
        bottom += mwh
    axes.set_ylim(0.0, 1.06 * bottom.max())
    middle = (len(levels) - 1) / 2
    axes.set_xticks(at, [f"{level:g}" for level in table["level_kv"]], rotation=90, fontsize=7)
    axes.set(xlabel=words.word("level_kv"), ylabel=words.word("loss_mwh"))
    axes.set_title(words.word("losses"), pad=22)
    for stage in stages:
        where = (places[stage, levels[0]] + middle, 1.02)
        text, transform = words.stage(int(stage)), axes.get_xaxis_transform()
        axes.annotate(text, where, xycoords=transform, ha="center", fontsize="small")
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return words.apply(axes)


def plot_gains(study: Study, *, lang: Lang = "en", ax: Axes | None = None) -> Axes:
    """Lowest voltage of every treated village before the works and after its own batch, sorted.

    An open mark is before, a full one after; villages stand by batch and, in it, by gain.

    Parameters
    ----------
    study : Study
    lang : {"en", "zh"}
        Language of the labels.
    ax : matplotlib Axes, optional
        Where to draw.

    Raises
    ------
    InputError
        No village was treated between the stages studied.
    """
    words = lettering(lang)
    table = _treated(study)
    if table.empty:
        raise InputError("no village is treated between the stages of this study", "study")
    axes = axes_or_new(ax, 8.0)
    for batch, villages in table.groupby("stage"):
        colour, marker = _BATCHES[(int(batch) - 1) % len(_BATCHES)]
        at, before, after = villages.index, villages["v_before_v"], villages["v_after_v"]
        axes.vlines(at, before, after, colors=colour, linewidth=1.0, alpha=0.6)
        axes.plot(at, before, marker, color=colour, fillstyle="none", markersize=4)
        label = words.word("batch", {"stage": int(batch)})
        axes.plot(at, after, marker, color=colour, markersize=4, label=label)
    for bound, style in ((study.limits.low_pu(0.4), "--"), (study.limits.high_pu(0.4), ":")):
        limit_v = bound * 0.4 * KILO / SQRT3
        label = words.word("limit_v", {"volts": round(limit_v, 1)})
        axes.axhline(limit_v, color=GREY, linestyle=style, linewidth=1.0, label=label)
    axes.set_xticks([])
    axes.set(
        xlabel=words.word("villages_sorted"),
        ylabel=words.word("volts_lowest"),
        title=words.word("gains"),
    )
    axes.legend(fontsize="small", loc="lower right")
    return words.apply(axes)


def _treated(study: Study) -> pd.DataFrame:
    """The treated villages, each from before the works to after its own batch."""
    gains = study.gains
    if gains.empty:
        return gains
    batches = gains[gains["span"] == "batch"] if "span" in gains else gains
    treated = batches[batches["treated"] & batches["v_after_v"].notna()]
    first = study.villages[study.villages["stage"] == study.stages["stage"].min()]
    before = treated["village"].map(first.set_index("village")["v_min_v"])
    table = treated.assign(v_before_v=before, rise_v=treated["v_after_v"] - before)
    return table.sort_values(["stage", "rise_v"], ascending=[True, False], ignore_index=True)


def plot_claim(claim: Study | ClaimAnswer, *, lang: Lang = "en", ax: Axes | None = None) -> Axes:
    """The claimed saving against the load flow: from gross copper saved to net, as a waterfall.

    10 kV and below, at equal energy served, middle calibration; the last bar carries the band of
    the calibrations, and the claim is a line.

    Parameters
    ----------
    claim : Study or ClaimAnswer
        A study whose plan claims something, or the answer itself.
    lang : {"en", "zh"}
        Language of the labels.
    ax : matplotlib Axes, optional
        Where to draw.

    Raises
    ------
    InputError
        The study has no claim: its plan claims nothing, or not all stages were studied.
    """
    from ruralgrid.studies import Study

    answer = claim.claim if isinstance(claim, Study) else claim
    if answer is None:
        raise InputError("the study answers no claim; its plan states none, or a stage is missing")
    words = lettering(lang)
    axes = axes_or_new(ax, 8.8)
    bars = _waterfall(answer)
    heads = [answer.claimed_kwh / KILO, *(kwh / KILO for kwh in answer.band_kwh()), 0.0]
    heads += [figure for _, *ends in bars for figure in ends]
    digits = 0 if max(heads) >= 100 else 1
    for at, (key, start, end) in enumerate(bars):
        is_sum = key in ("part_gross", "part_net")
        colour = GREY if is_sum else BLUE if end >= start else VERMILION
        axes.bar(at, end - start, 0.62, start, color=colour, hatch="" if end >= start else "//")
        if at + 1 < len(bars):
            axes.plot([at + 0.31, at + 0.69], [end, end], color="0.3", linewidth=0.8)
        figure = f"{end:,.{digits}f}" if is_sum else f"{end - start:+,.{digits}f}"
        top = (at, max(start, end, 0.0))
        text = figure.replace("-", "−")
        axes.annotate(text, top, (0, 3), textcoords="offset points", ha="center")
    _draw_band_and_claim(axes, answer, len(bars) - 1, words)
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(bars)), [words.word(key) for key, *_ in bars], fontsize="small")
    axes.set(ylabel=words.word("saved_mwh"), title=words.word("claim"))
    room = 0.1 * (max(heads) - min(heads))
    axes.set_ylim(min(heads) - (room if min(heads) < 0 else 0.0), max(heads) + room)
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return words.apply(axes)


def _waterfall(answer: ClaimAnswer) -> list[tuple[str, float, float]]:
    """Label, foot and head of each bar [MWh a year]."""
    chosen = answer.parts[
        (answer.parts["calibration"] == "middle")
        & (answer.parts["basis"] == "equal energy")
        & (answer.parts["scope"] == _SCOPE)
    ]
    mwh = chosen.groupby("part")["kwh"].sum() / KILO
    lines = mwh["lines"] + mwh["unbalance surcharge"]
    gross = lines + mwh["transformer copper"]
    after_new = gross + mwh["no-load, new transformers"]
    net = after_new + mwh["no-load, other transformers"]
    return [
        ("part_lines", 0.0, lines),
        ("part_copper", lines, gross),
        ("part_gross", 0.0, gross),
        ("part_new", gross, after_new),
        ("part_others", after_new, net),
        ("part_net", 0.0, net),
    ]


def _draw_band_and_claim(axes: Axes, answer: ClaimAnswer, at: int, words: Lettering) -> None:
    low, middle, high = (kwh / KILO for kwh in answer.band_kwh())
    by_hours = f" ({answer.end_hours} h)" if answer.end_hours else ""
    if high > low:
        axes.errorbar(
            at + 0.2,
            middle,
            [[middle - low], [high - middle]],
            color="black",
            capsize=4,
            label=f"{words.word('band')}{by_hours}: {low:,.0f}–{high:,.0f}",
        )
    claimed = answer.claimed_kwh / KILO
    label = words.word("claimed", {"mwh": claimed})
    axes.axhline(claimed, color="black", linestyle="--", linewidth=1.2, label=label)
