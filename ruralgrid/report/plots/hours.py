"""Hours of a year: the voltage of a village sorted, the load of the county."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from ruralgrid.demand import load_of
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.report.plots.canvas import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    SKY,
    VERMILION,
    axes_or_new,
)
from ruralgrid.report.plots.lettering import Lang, lettering
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ruralgrid.county import County
    from ruralgrid.studies import Study

__all__ = ["plot_duration", "plot_load", "village_hours"]

_STAGE_STYLES: Final = ((VERMILION, "-"), (BLUE, "-"), (GREEN, "--"), (AMBER, "-."), (SKY, ":"))
_MONTHS: Final = {1: BLUE, 4: GREEN, 7: VERMILION, 10: AMBER}
_DAYS_OF_MONTH: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def village_hours(study: Study, village: str, stages: Sequence[int]) -> pd.DataFrame:
    """Phase voltage of a village's worst service point in every hour; a column a stage [V].

    The node is the one that is lowest at the first of `stages`. Each stage is built and solved
    again, for a study keeps no hours: seconds a stage. It is the balanced flow, the mean of the
    phases, whatever the study judged by.

    Raises
    ------
    UnknownNameError
        There is no such village.
    InputError
        A stage was not studied, or the village has no voltage there.
    """
    from ruralgrid.flow import solve_year
    from ruralgrid.studies.stage import prepare

    node = _node_of(study, village, stages)
    columns = {}
    for stage in stages:
        case = prepare(study.county.at(stage), phases="balanced")
        bus = case.net.bus.index[case.net.bus["name"] == node]
        if not len(bus):
            raise InputError(f"{node} does not stand at stage {stage}", "stages")
        solved = solve_year(case.net, case.profiles, record_buses=bus, progress=False)
        assert solved.recorded is not None
        columns[stage] = solved.recorded[bus[0]].to_numpy() * 0.4 * KILO / SQRT3
    frame = pd.DataFrame(columns)
    frame.attrs["node"] = node
    return frame


def plot_duration(
    study: Study,
    village: str,
    *,
    stages: Sequence[int] | None = None,
    lang: Lang = "en",
    ax: Axes | None = None,
) -> Axes:
    """Voltage duration curve of a village: for how many hours its voltage lies above a figure.

    Of the balanced flow: see `village_hours`.

    Parameters
    ----------
    study : Study
    village : str
        A natural village; its node that is lowest at the first stage is followed.
    stages : sequence of int, optional
        By default before the works and after the last batch. Each is solved again.
    lang : {"en", "zh"}
        Language of the labels.
    ax : matplotlib Axes, optional
        Where to draw.

    Raises
    ------
    UnknownNameError, InputError
        See `village_hours`.
    """
    ends = {int(study.stages["stage"].min()), int(study.stages["stage"].max())}
    volts = village_hours(study, village, sorted(ends) if stages is None else stages)
    words = lettering(lang)
    axes = axes_or_new(ax)
    for i, stage in enumerate(volts):
        colour, style = _STAGE_STYLES[i % len(_STAGE_STYLES)]
        curve = np.sort(volts[stage].to_numpy())[::-1]
        axes.plot(curve, style, color=colour, label=words.stage(int(stage)))
    for bound in (study.limits.low_pu(0.4), study.limits.high_pu(0.4)):
        limit_v = round(bound * 0.4 * KILO / SQRT3, 1)
        label = words.word("limit_v", {"volts": limit_v})
        axes.axhline(limit_v, color=GREY, linestyle="--", linewidth=1.0, label=label)
    node = words.name(volts.attrs["node"], "the village's lowest node")
    axes.set(
        xlabel=words.word("hours"),
        ylabel=words.word("volts"),
        title=words.word("duration", {"node": node}),
        xlim=(0, len(volts)),
    )
    axes.legend(fontsize="small")
    return words.apply(axes)


def _node_of(study: Study, village: str, stages: Sequence[int]) -> str:
    if not len(stages):
        raise InputError("a stage or more is expected", "stages")
    studied = set(study.stages["stage"])
    for stage in stages:
        if stage not in studied:
            known = ", ".join(map(str, sorted(studied)))
            raise InputError(f"stage {stage} was not studied; there are {known}", "stages")
    rows = study.villages[study.villages["stage"] == stages[0]].set_index("village")
    if village not in rows.index:
        raise UnknownNameError("village", village, rows.index)
    node = str(rows.loc[village, "worst_node"])
    if not node:
        raise InputError(f"{village} has no voltage at stage {stages[0]}", "village")
    return node


def plot_load(
    county: County | Study,
    kind: Literal["sorted", "days"] = "sorted",
    *,
    lang: Lang = "en",
    ax: Axes | None = None,
) -> Axes:
    """Load of all customers at nominal voltage: hours sorted, or typical days.

    Parameters
    ----------
    county : County or Study
        At the stage that its tables stand at.
    kind : {"sorted", "days"}
        The load duration curve, or the mean day of January, April, July and October and the day of
        the peak.
    lang : {"en", "zh"}
        Language of the labels.
    ax : matplotlib Axes, optional
        Where to draw.

    Raises
    ------
    UnknownNameError
        There is no such kind.
    """
    from ruralgrid.studies import Study

    if kind not in ("sorted", "days"):
        raise UnknownNameError("kind of plot", kind, ("sorted", "days"))
    of = county.county if isinstance(county, Study) else county
    words = lettering(lang)
    mw = load_of(of).total_kw() / KILO
    axes = axes_or_new(ax)
    axes.set_ylabel(words.word("load_mw"))
    axes.set_title(words.word("load", {"county": words.name(of.name, "the county")}))
    if kind == "sorted":
        axes.plot(np.sort(mw)[::-1], color=BLUE)
        axes.fill_between(range(len(mw)), np.sort(mw)[::-1], color=SKY, alpha=0.3, linewidth=0)
        axes.set(xlim=(0, len(mw)), xlabel=words.word("load_sorted"))
    else:
        days = mw.reshape(-1, 24)
        of_month = np.repeat(np.arange(1, 13), _DAYS_OF_MONTH)
        for month, colour in _MONTHS.items():
            label = words.word(f"month_{month}")
            axes.plot(days[of_month == month].mean(axis=0), color=colour, label=label)
        peak = days[np.argmax(mw) // 24]
        axes.plot(peak, "--", color="black", label=words.word("peak_day"))
        axes.set(xlim=(0, 23), xlabel=words.word("hour_of_day"), xticks=range(0, 24, 3))
        axes.legend(fontsize="small")
    axes.set_ylim(bottom=0.0)
    return words.apply(axes)
