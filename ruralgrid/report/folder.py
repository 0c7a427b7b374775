"""All that is written of a study: the report, the workbook, the map's villages, CSV and text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.files import write_text
from ruralgrid.report.files import write_tables
from ruralgrid.report.html import write_report
from ruralgrid.report.staged import StagedStudy
from ruralgrid.report.terms import Lang, language
from ruralgrid.report.text import summary_text
from ruralgrid.report.workbook import write_workbook

if TYPE_CHECKING:
    from ruralgrid.studies import Study

__all__ = ["write_study"]


def write_study(study: Study, folder: Path, lang: Lang = "en") -> list[Path]:
    """Write everything of a study into a folder; see `Study.write`.

    Returns
    -------
    list of Path
        The files, what people open first in front.

    Raises
    ------
    UnknownNameError
        There is no such language.
    WriteError
        If a file cannot be written; files that stood there before stay whole.
    """
    language(lang)
    staged = StagedStudy(study)
    written = [
        write_report(staged, folder / "report.html", lang=lang),
        write_workbook(staged, folder / "study.xlsx"),
        *_villages(study, folder / "villages.geojson"),
        folder / "summary.txt",
    ]
    write_text(folder / "summary.txt", summary_text(study))
    return [*written, *write_tables(folder, study.tables)]


def _villages(study: Study, path: Path) -> list[Path]:
    """The villages with the results of every stage; nothing where no node has coordinates."""
    from ruralgrid.network.geojson import geojson_layers

    nodes = study.county.nodes
    if not (nodes["lon_deg"].notna() & nodes["lat_deg"].notna()).any():
        return []
    county = study.county.at(int(study.villages["stage"].min()))
    layer = geojson_layers(county, study)["villages"]
    write_text(path, json.dumps(layer, ensure_ascii=False, allow_nan=False) + "\n")
    return [path]
