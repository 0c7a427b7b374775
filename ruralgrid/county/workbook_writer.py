"""Tables as an Excel workbook that explains itself: comments on headers, lists of words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from ruralgrid.county.tables import Column
from ruralgrid.county.vocabulary import columns_of, words_of
from ruralgrid.county.workbook import stored_text

if TYPE_CHECKING:
    from openpyxl import Workbook

__all__ = [
    "CATALOGUE",
    "EXPLANATION",
    "PASSED_OVER",
    "TableRows",
    "explanation_rows",
    "workbook_bytes",
]

EXPLANATION: Final = "说明"
"""Title of the sheet that explains every column."""

CATALOGUE: Final = "型号"
"""Title of the sheet that lists the names of the catalogue."""

PASSED_OVER: Final = (EXPLANATION, CATALOGUE)
"""Sheets for the person who fills in the others; the reader passes them over."""

_WIDTHS: Final = {"text": 22, "number": 12, "integer": 10, "flag": 10, "value": 16}
_REQUIRED_FILL: Final = "FFF2CC"
_OPTIONAL_FILL: Final = "E7E6E6"
_LISTED_ROWS: Final = 100_000


@dataclass(frozen=True)
class TableRows:
    """One table to be written: its name and its rows, texts as `format_cell` gives them."""

    table: str
    rows: Iterable[Sequence[str]]


def workbook_bytes(tables: Iterable[TableRows]) -> bytes:
    """An .xlsx with a sheet of explanations, one of the catalogue's names and one for each table.

    Header cells carry a comment in Chinese and English; required columns stand on yellow. A column
    of words offers them as a list. Text is stored as text whatever it begins with, and numbers are
    stored with all their digits.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    _explain(book)
    _list_names(book)
    for each in tables:
        _write_table(book, each)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def explanation_rows() -> list[tuple[str, str, str, str, str, str, str]]:
    """Table, column, required, unit, meaning, meaning in Chinese, words: a row per column."""
    from ruralgrid.county.tables import TABLES
    from ruralgrid.county.vocabulary import COUNTY

    return [
        (
            table,
            column.name,
            "yes 必填" if column.required else "no 可空",
            column.unit,
            column.meaning,
            column.meaning_zh,
            ", ".join(words_of(table, column.name)),
        )
        for table in (COUNTY, *TABLES)
        for column in columns_of(table)
    ]


def _explain(book: Workbook) -> None:
    header = (
        *("table 表", "column 列", "required 必填", "unit 单位"),
        *("meaning", "含义", "words 可选值"),
    )
    widths = (14, 18, 10, 8, 62, 34, 48)
    _fill_page(book.create_sheet(EXPLANATION), header, widths, explanation_rows())


def _list_names(book: Workbook) -> None:
    from ruralgrid.equipment import catalogue_names

    header = ("goes into 填入", "name 型号", "key figures 主要参数")
    _fill_page(book.create_sheet(CATALOGUE), header, (32, 26, 90), catalogue_names())


def _fill_page(
    sheet: Any, header: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[str]]
) -> None:
    """A sheet to be read: a bold header that stays, and rows of text."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    sheet.freeze_panes = "A2"
    for letter, width in zip("ABCDEFG", widths, strict=False):
        sheet.column_dimensions[letter].width = width
    sheet.append([_styled(sheet, text, Font(bold=True)) for text in header])
    for row in rows:
        cells = [WriteOnlyCell(sheet, value=text) for text in row]
        for cell in cells:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.append(cells)


def _styled(sheet: Any, text: str, font: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value=text)
    cell.font = font
    return cell


def _write_table(book: Workbook, each: TableRows) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.utils import get_column_letter

    columns = columns_of(each.table)
    sheet = book.create_sheet(each.table)
    sheet.freeze_panes = "B2"
    for index, column in enumerate(columns, start=1):
        letter = get_column_letter(index)
        sheet.column_dimensions[letter].width = _WIDTHS[column.type]
        _offer_words(sheet, letter, words_of(each.table, column.name))
    sheet.append([_header_cell(sheet, each.table, column) for column in columns])
    kinds = [_TYPES[column.type] for column in columns]
    for row in each.rows:
        cells: list[Any] = []
        for kind, text in zip(kinds, row, strict=True):
            if not text:
                cells.append(None)
                continue
            stored = {"true": "1", "false": "0"}[text] if kind == "b" else stored_text(text)
            cell = WriteOnlyCell(sheet, value=stored)
            # what openpyxl takes for a formula is text; what it would round is the digits we give
            cell.data_type = _type_of(kind, text)
            cells.append(cell)
        sheet.append(cells)


_TYPES: Final = {"text": "s", "number": "n", "integer": "n", "flag": "b", "value": "value"}


def _type_of(kind: str, text: str) -> str:
    """The type of the cell: infinity, and a text among numbers, are text to a spreadsheet."""
    if kind == "n":
        return "s" if text.endswith("inf") else "n"
    if kind == "value":
        return "n" if text[-1].isdigit() and _is_finite(text) else "s"
    return kind


def _is_finite(text: str) -> bool:
    try:
        return float(text) not in (float("inf"), float("-inf")) and text.isascii()
    except ValueError:
        return False


def _header_cell(sheet: Any, table: str, column: Column) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill

    cell = WriteOnlyCell(sheet, value=column.name)
    cell.font = Font(bold=True)
    fill = _REQUIRED_FILL if column.required else _OPTIONAL_FILL
    cell.fill = PatternFill("solid", fgColor=fill)
    unit = f" [{column.unit}]" if column.unit else ""
    need = "required 必填" if column.required else "may be empty 可空"
    words = ", ".join(words_of(table, column.name))
    lines = [f"{column.meaning_zh}{unit}", f"{column.meaning}{unit}", need]
    cell.comment = Comment("\n".join([*lines, *([words] if words else [])]), "ruralgrid", 140, 320)
    return cell


def _offer_words(sheet: Any, letter: str, words: tuple[str, ...]) -> None:
    """A list to choose from; other words are let in, for the check tells them with their place."""
    from openpyxl.worksheet.datavalidation import DataValidation

    if not words:
        return
    offered = DataValidation(type="list", formula1=f'"{",".join(words)}"', allow_blank=True)
    offered.showErrorMessage = False
    offered.add(f"{letter}2:{letter}{_LISTED_ROWS}")
    sheet.data_validations.append(offered)
