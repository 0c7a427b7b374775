"""What the report says, section by section: sentences, charts, tables, and the data of its map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruralgrid.report.page.answer import Figure, figures, rests_on, sentences
from ruralgrid.report.page.atlas import map_data, village_data
from ruralgrid.report.page.charts import claim_chart, households_chart, sensitivity_chart
from ruralgrid.report.page.charts import stage_word as stage_words
from ruralgrid.report.page.frames import page_frames
from ruralgrid.report.page.more_charts import COMPONENTS, gains_chart, losses_chart, low_limit_v
from ruralgrid.report.page.profiles import profile_data
from ruralgrid.report.page.tables import page_table
from ruralgrid.report.page.words import Pair, pair
from ruralgrid.report.terms import column_title, find_term, get_term, js_words
from ruralgrid.units import LV_PHASE_BASE_V

if TYPE_CHECKING:
    from ruralgrid.report.page.drawing import Drawing
    from ruralgrid.report.staged import StagedStudy
    from ruralgrid.studies import Study

__all__ = ["Content", "content"]


@dataclass(frozen=True)
class Content:
    """What the template writes.

    Parameters
    ----------
    title, subtitle, made : (str, str)
        English and Chinese.
    is_model : bool
        Whether the county was drawn from a plan.
    figures : list of Figure
        The few numbers at the top.
    sentences, rests : list of (str, str)
        The answer; what it rests on.
    verdict : list of (str, str)
        On the claim; empty where there is none.
    charts : dict
        Drawings by name; None where there is nothing to draw.
    legend : list of ((str, str), str)
        Components of loss and their class.
    tables : list of str
        Which tables there are.
    stages : list of (str, str)
        How the stages are called.
    has_map, has_profiles : bool
    data : dict
        What the scripts read.
    """

    title: Pair
    subtitle: Pair
    made: list[Pair]
    is_model: bool
    figures: list[Figure]
    sentences: list[Pair]
    verdict: list[Pair]
    rests: list[Pair]
    charts: dict[str, Drawing | None]
    legend: list[tuple[Pair, str]]
    tables: list[str]
    stages: list[Pair]
    has_map: bool
    has_profiles: bool
    data: dict[str, Any]


def content(staged: StagedStudy) -> Content:
    """Everything that the report of a study says."""
    study = staged.study
    tables = {
        name: page_table(frame, pair(f"table.{name}"), note)
        for name, (frame, note) in page_frames(staged).items()
    }
    stages = [stage_words(int(stage)) for stage in study.stages["stage"]]
    data = _data(staged, tables, stages)
    said = sentences(study)
    return Content(
        title=pair("title", {"county": study.county.name}),
        subtitle=_subtitle(study),
        made=_made(study),
        is_model=study.county.origin is not None,
        figures=figures(study),
        sentences=said["answer"],
        verdict=said["verdict"],
        rests=rests_on(study),
        charts=_charts(study),
        legend=[
            (_titles(name), f"part-{name.removesuffix('_kwh')}")
            for name in COMPONENTS
            if study.losses[name].any()
        ],
        tables=list(tables),
        stages=stages,
        has_map=data["map"] is not None,
        has_profiles=bool(data["profiles"]),
        data=data,
    )


def _data(staged: StagedStudy, tables: dict[str, Any], stages: list[Pair]) -> dict[str, Any]:
    study, drawn = staged.study, map_data(staged)
    limit, high = low_limit_v(study), float(study.limits.high_pu(0.4)) * LV_PHASE_BASE_V
    nominal = study.limits.band(0.4).nominal_v or LV_PHASE_BASE_V
    return {
        "county": study.county.name,
        "words": js_words(),
        "stages": stages,
        "limits": {
            "low_v": round(limit, 1),
            "high_v": round(high, 1),
            "deep_v": round(limit - 0.08 * nominal),
            "near_v": round(limit + 0.05 * nominal),
            "low_kv": round(10 * float(study.limits.low_pu(10.0)), 2),
            "high_kv": round(10 * float(study.limits.high_pu(10.0)), 2),
        },
        "map": drawn,
        "villages": village_data(study, drawn["places"] if drawn else {}),
        "village_titles": {
            "title": pair("table.villages"),
            **{name: _labels(name) for name in _VILLAGE_COLUMNS},
        },
        "values": {key: _words_of(key) for key in _VALUES},
        "profiles": profile_data(staged),
        "tables": tables,
    }


_VILLAGE_COLUMNS = (
    "village",
    "town",
    "admin_village",
    "households",
    "batch",
    "plan_class",
    "status",
    "v_min_v",
    "hours_low",
    "households_low",
    "level_at_fault",
)

_VALUES = (
    "ok",
    "low",
    "unsupplied",
    "failed",
    "low_voltage",
    "three_phase",
    "0.4 kV",
    "10 kV",
    "transformer",
    "upstream",
)
"""Words of the cells that the scripts fill in themselves."""


def _words_of(key: str) -> Pair:
    term = get_term("value", key)
    return term.en, term.zh


def _charts(study: Study) -> dict[str, Drawing | None]:
    return {
        "households": households_chart(study),
        "claim": claim_chart(study.claim) if study.claim is not None else None,
        "sensitivity": sensitivity_chart(study),
        "losses": losses_chart(study),
        "gains": gains_chart(study),
    }


def _labels(column: str) -> Pair:
    term = column_title(column)
    return term.label("en"), term.label("zh")


def _titles(column: str) -> Pair:
    term = column_title(column)
    return term.en, term.zh


def _subtitle(study: Study) -> Pair:
    # only a whole year is compared with its representative hours
    english, chinese = pair("hours.year" if len(study.representative) else "hours.some")
    limits = study.limits
    count = len(study.stages)
    return (
        pair("subtitle", {"stages": count, "hours": english, "limits": limits.title})[0],
        pair("subtitle", {"stages": count, "hours": chinese, "limits": limits.title_zh})[1],
    )


def _made(study: Study) -> list[Pair]:
    from ruralgrid import __version__

    made = [pair("made_by", {"version": __version__})]
    origin = study.county.origin
    if origin is not None:
        found = find_term("calibration", origin.calibration)
        term = (found.en, found.zh) if found else ("–", "–")
        figures_en = {"seed": origin.seed, "calibration": term[0]}
        figures_zh = {"seed": origin.seed, "calibration": term[1]}
        made.append((pair("made_from", figures_en)[0], pair("made_from", figures_zh)[1]))
    return made
