"""The workbook of a study: numbers as numbers, both languages in the heads, nothing that runs."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ruralgrid.files import write_bytes
from ruralgrid.report.official import (
    area_losses,
    household_capacity,
    supply_radii,
    voltage_pass_rates,
)
from ruralgrid.report.page.frames import audit_frame, line_frames, transformer_frame
from ruralgrid.report.page.tables import digits_of
from ruralgrid.report.page.words import pair, word_of
from ruralgrid.report.staged import StagedStudy
from ruralgrid.report.terms import column_title

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

    from ruralgrid.studies import Study

__all__ = ["study_workbook", "workbook_bytes", "workbook_tables", "write_workbook"]

_WIDEST: Final = 60
_NARROWEST: Final = 9
_ILLEGAL: Final = dict.fromkeys([*range(9), 11, 12, *range(14, 32)])
"""Control characters, which a workbook must not hold."""

_OFFICIAL: Final = {
    "台区线损 area losses": area_losses,
    "供电半径 supply radius": supply_radii,
    "户均容量 capacity": household_capacity,
}


def write_workbook(study: Study | StagedStudy, path: str | Path) -> Path:
    """Write the tables of a study as one Excel workbook.

    The first sheets are those that a utility files: 台区线损, 电压合格率, 供电半径, 户均容量; then
    the study's own. Every text is stored as a text, so that no name can be run as a formula.

    Parameters
    ----------
    study : Study or StagedStudy
        Of `ruralgrid.study`; staged where several reports are written of it.
    path : str or Path
        The file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        The file cannot be written; what stood there before is untouched.
    """
    path = Path(path)
    write_bytes(path, workbook_bytes(study))
    return path


def workbook_bytes(study: Study | StagedStudy) -> bytes:
    """The file of the workbook; see `write_workbook`."""
    held = io.BytesIO()
    study_workbook(study).save(held)
    return held.getvalue()


def study_workbook(study: Study | StagedStudy) -> Workbook:
    """The workbook, not yet written; see `write_workbook`. It can be saved once."""
    from openpyxl import Workbook

    staged = study if isinstance(study, StagedStudy) else StagedStudy(study)
    book = Workbook(write_only=True)
    _add_guide(book, staged.study)
    for title, frame in workbook_tables(staged).items():
        _add_sheet(book, title, frame)
    return book


def workbook_tables(staged: StagedStudy) -> dict[str, pd.DataFrame]:
    """The tables of the workbook by the title of their sheet (31 signs at most)."""
    study = staged.study
    tables = {
        title: pd.concat([table(staged, stage) for stage in staged.ends], ignore_index=True)
        for title, table in _OFFICIAL.items()
    }
    tables["电压合格率 pass rates"] = voltage_pass_rates(staged)
    tables["变压器 transformers"] = transformer_frame(staged)
    tables["方案核对 audit"] = audit_frame(study)
    tables |= {f"线路设计 {name}": frame for name, frame in line_frames(study).items()}
    # `tables` of a study also holds the pass rates of the sheet above, in another shape
    own = {name: frame for name, frame in study.tables.items() if name != "pass_rates"}
    order = ["台区线损 area losses", "电压合格率 pass rates", "供电半径 supply radius"]
    first = {title: tables.pop(title) for title in [*order, "户均容量 capacity"]}
    return {title: frame for title, frame in (first | own | tables).items() if len(frame)}


def _add_guide(book: Workbook, study: Study) -> None:
    """The first sheet: what this is, and what low means."""
    sheet = book.create_sheet("说明 guide")
    sheet.column_dimensions["A"].width = 110
    title = pair("title", {"county": study.county.name})
    lines = [*title, study.limits.title_zh, study.limits.title, *pair("rests.technical")]
    if study.claim is not None:
        lines += [study.claim.verdict_zh, study.claim.verdict]
    if study.county.origin is not None:
        lines += pair("model_county")
    for line in lines:
        sheet.append([_text_cell(sheet, line)])


def _add_sheet(book: Workbook, title: str, frame: pd.DataFrame) -> None:
    """Head of two languages, frozen; a filter over all; widths that show what stands there."""
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "B2"
    last = get_column_letter(len(frame.columns))
    sheet.auto_filter.ref = f"A1:{last}{len(frame) + 1}"
    columns = [_shown(str(name), frame[name]) for name in frame.columns]
    heads = [_head(str(name)) for name in frame.columns]
    for k, (head, values) in enumerate(zip(heads, columns, strict=True), start=1):
        sheet.column_dimensions[get_column_letter(k)].width = _width(head, values)
    sheet.append([_text_cell(sheet, head, bold=True) for head in heads])
    # a write-only sheet writes a row at once, so that one cell a column serves all rows
    cells = [_format_cell(sheet, str(name)) for name in frame.columns]
    for row in zip(*columns, strict=True):
        sheet.append([_filled(cell, value) for cell, value in zip(cells, row, strict=True)])


def _head(column: str) -> str:
    term = column_title(column)
    unit = f" [{term.unit}]" if term.unit else ""
    return f"{term.zh}\n{term.en}{unit}" if term.zh != term.en else f"{term.en}{unit}"


def _shown(name: str, column: pd.Series) -> list[Any]:
    """Words in both languages, numbers as they are, nothing where nothing is known."""
    words: dict[Any, str] = {}
    for value in column.dropna().unique():
        plain = bool(value) if column.dtype == bool else value
        term = word_of(name, plain)
        if term is not None:
            words[value] = f"{term.zh} {term.en}" if term.zh != term.en else term.en
    return [words.get(value, value) for value in column.astype(object)]


def _number_format(column: str) -> str:
    digits = digits_of(column)
    if digits is None:
        return "General"
    return "#,##0" + ("." + "0" * digits if digits else "")


def _width(head: str, values: Iterable[Any]) -> float:
    """Wide enough for the longest of the first values; a Chinese sign takes the room of two."""
    longest = max((_room(str(value)) for value in list(values)[:200]), default=0)
    words = max(_room(word) for line in head.split("\n") for word in line.split(" "))
    return float(min(_WIDEST, max(_NARROWEST, longest, words + 2) + 2))


def _room(text: str) -> int:
    return sum(2 if ord(sign) > 0x2E80 else 1 for sign in text)


def _format_cell(sheet: WriteOnlyWorksheet, column: str) -> WriteOnlyCell:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet)
    cell.number_format = _number_format(column)
    return cell


def _filled(cell: WriteOnlyCell, value: Any) -> WriteOnlyCell | None:
    """The cell with a value; a text is marked as text, whatever it begins with."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, str):
        cell.value = value.translate(_ILLEGAL)
        cell.data_type = "s"
        return cell
    number = float(value)
    if not math.isfinite(number):
        return None
    cell.value = int(number) if number == int(number) else number
    return cell


def _text_cell(sheet: WriteOnlyWorksheet, text: str, *, bold: bool = False) -> WriteOnlyCell:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    cell = WriteOnlyCell(sheet)
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    cell.font = Font(bold=bold)
    return _filled(cell, text)
