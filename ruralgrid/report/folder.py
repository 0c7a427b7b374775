"""All that is written of a study: the report, the workbook, the map's villages, CSV and text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruralgrid.files import require_folder, write_files
from ruralgrid.report.files import csv_files
from ruralgrid.report.html import report_html
from ruralgrid.report.staged import StagedStudy
from ruralgrid.report.terms import Lang, language
from ruralgrid.report.text import summary_text
from ruralgrid.report.workbook import workbook_bytes

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
        If a file cannot be written; all are made before the first is, and those that stood there
        before stay whole.
    """
    language(lang)
    require_folder(folder)
    staged = StagedStudy(study)
    contents = {
        "report.html": report_html(staged, lang=lang).encode("utf-8"),
        "study.xlsx": workbook_bytes(staged),
        **_villages(staged),
        "summary.txt": summary_text(study).encode("utf-8"),
        **csv_files(study.tables),
    }
    return write_files(folder, contents)


def _villages(staged: StagedStudy) -> dict[str, bytes]:
    """The villages with the results of every stage; nothing where no node has coordinates."""
    from ruralgrid.network.geojson import geojson_layers

    county = staged.county(min(staged.stages))
    placed = county.nodes["lon_deg"].notna() & county.nodes["lat_deg"].notna()
    if county.villages.empty or not placed.any():
        return {}
    layer = geojson_layers(county, staged.study)["villages"]
    return {"villages.geojson": _json(layer)}


def _json(layer: dict[str, Any]) -> bytes:
    return (json.dumps(layer, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
