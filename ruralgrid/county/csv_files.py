"""A county as a folder of CSV: one file a table.

Written as UTF-8 with the mark by which spreadsheets know it; read as that, as plain UTF-8 or as
GB18030. A text that a spreadsheet would run (``=1+1``) is written behind an apostrophe, which the
reader takes off again.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Final

from ruralgrid.county.sheet import MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Sheet
from ruralgrid.errors import InputError
from ruralgrid.files import RUN_BY_SPREADSHEETS

__all__ = ["MAX_CSV_BYTES", "csv_bytes", "read_csv_sheet"]

MAX_CSV_BYTES: Final = 100_000_000
"""A table of the reference county (32,000 nodes) has 6 MB."""

_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]], texts: Sequence[bool]) -> bytes:
    """A CSV file of the rows; `texts` says of each column whether it holds text."""
    lines = [",".join(map(_field, header))]
    for row in rows:
        cells = (
            f"'{cell}" if text and RUN_BY_SPREADSHEETS.match(cell) else cell
            for cell, text in zip(row, texts, strict=True)
        )
        lines.append(",".join(map(_field, cells)))
    return codecs.BOM_UTF8 + ("\n".join(lines) + "\n").encode("utf-8")


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def read_csv_sheet(path: Path) -> Sheet:
    """The cells of one CSV file.

    Raises
    ------
    InputError
        If the file is too large, is no text, or is no CSV.
    """
    where = path.name
    try:
        size = path.stat().st_size
        if size > MAX_CSV_BYTES:
            raise InputError(
                f"the file has {size / 1e6:,.0f} MB; {MAX_CSV_BYTES / 1e6:,.0f} MB are taken", where
            )
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror or error}", where) from error
    return _sheet(where, _decoded(content, where))


def _sheet(where: str, text: str) -> Sheet:
    sheet = Sheet(where)
    if text.count(",") > MAX_CELLS:
        raise InputError(f"more than {MAX_CELLS:,} cells", where)
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    before = 0
    try:
        for cells in reader:
            number, before = before + 1, reader.line_num
            _require_size(where, number, len(sheet.rows) + sheet.skipped, len(cells))
            if any(cells):
                sheet.add(len(sheet.rows) + sheet.skipped + 1, [_unescaped(c) for c in cells])
            else:
                sheet.skipped += 1
    except csv.Error as error:
        message = f"the row that begins in line {before + 1} is not CSV: {error}"
        raise InputError(f"{message}; the file may be cut off", where) from error
    _require_commas(sheet)
    return sheet


def _require_size(where: str, number: int, rows: int, columns: int) -> None:
    if rows > MAX_ROWS:
        raise InputError(f"more than {MAX_ROWS:,} rows", where)
    if columns > MAX_COLUMNS:
        message = f"line {number} has {columns:,} columns; {MAX_COLUMNS} are taken"
        raise InputError(message, where)


def _require_commas(sheet: Sheet) -> None:
    if sheet.rows and len(sheet.rows[0]) == 1:
        for sign, called in ((";", "semicolons"), ("\t", "tabs")):
            if sign in sheet.rows[0][0]:
                raise InputError(
                    f"the columns are separated by {called}; save the file with commas", sheet.title
                )


def _unescaped(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and RUN_BY_SPREADSHEETS.match(cell) else cell


def _decoded(content: bytes, where: str) -> str:
    """Text of the file: UTF-8 with or without its mark, else GB18030.

    A UTF-8 file with a damaged byte would pass as GB18030 and come out as other characters: where
    most of what is not ASCII reads as UTF-8, the damage is told instead.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError("the file is UTF-16; save it as CSV UTF-8", where)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        message = f"line {row} is neither UTF-8 nor GB18030; save the file as CSV UTF-8"
        lenient = content.decode("utf-8", errors="replace")
        bad = lenient.count("\ufffd")
        good = sum(1 for c in lenient if c > "\x7f") - bad
        if good > bad or content.startswith(codecs.BOM_UTF8):
            damaged = f"line {row} holds bytes that are no UTF-8; the file is damaged"
            raise InputError(damaged, where) from error
        try:
            return content.decode("gb18030")
        except UnicodeDecodeError as second:
            raise InputError(message, where) from second
