"""From the cells of a sheet to typed columns; every fault is told with its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ruralgrid.county.cells import parse_cells
from ruralgrid.county.headers import find_columns, match_headers
from ruralgrid.county.sheet import MAX_COLUMNS, Sheet, column_letters
from ruralgrid.county.tables import Column
from ruralgrid.findings import Finding

__all__ = ["file_fault", "parse_sheet"]

_TITLE_ROWS = 4
"""A title, a unit or a date may stand in the first rows of a printed table."""

_DTYPES = {"text": object, "number": float, "integer": np.int64, "flag": bool, "value": object}


def file_fault(code: str, where: str, message: str, value: str | None = None) -> Finding:
    """A fault of a file, which keeps it from being read."""
    return Finding(code, where.partition(",")[0], message, value, severity="error", where=where)


def parse_sheet(
    sheet: Sheet, columns: Sequence[Column]
) -> tuple[dict[str, np.ndarray[Any, Any]], list[Finding]]:
    """The columns that a sheet holds, typed, and every fault in it.

    Parameters
    ----------
    sheet : Sheet
        Its first row is the header; an empty sheet is a fault.
    columns : sequence of Column
        What may stand there.

    Returns
    -------
    values : dict
        An array for each column that the sheet has; a blank where a cell is faulty.
    faults : list of Finding
    """
    if not sheet.rows:
        return {}, [file_fault("file-empty", sheet.title, "empty; a row of headers is expected")]
    header = sheet.rows[0]
    position, faulty = match_headers(header, columns)
    below = _header_below(sheet, columns, len(position))
    if below:
        message = f"the headers stand in row {below}; delete what stands above them"
        return {}, [file_fault("column-header", f"{sheet.title}, row 1", message)]
    faults = [
        file_fault("column-header", _place(sheet, None, header, fault.index), fault.message)
        for fault in faulty
    ]
    faults += _unread_cells(sheet) + _gaps(sheet) + _ragged(sheet)
    unread = {(row, column) for row, column, _ in sheet.faults}
    values = {}
    for name, index in position.items():
        column = next(each for each in columns if each.name == name)
        texts = [row[index] if index < len(row) else "" for row in sheet.rows[1:]]
        typed, wrong = parse_cells(column, texts)
        values[name] = np.array(typed, dtype=_DTYPES[column.type])
        for fault in wrong:
            number = sheet.numbers[fault.index + 1]
            if (number, index) not in unread:
                where = _place(sheet, number, header, index)
                faults.append(file_fault("cell-value", where, fault.message, fault.value))
    return values, faults


def _header_below(sheet: Sheet, columns: Sequence[Column], matched: int) -> int | None:
    """Number of the row that holds the headers where a title stands above them."""
    required = {column.name for column in columns if column.required}
    for number, row in zip(sheet.numbers[1:_TITLE_ROWS], sheet.rows[1:_TITLE_ROWS], strict=True):
        found = find_columns(row, columns)
        if len(found) > max(matched, 1) and 2 * len(required & set(found)) > len(required):
            return number
    return None


def _place(sheet: Sheet, number: int | None, header: Sequence[str], index: int | None) -> str:
    parts = [sheet.title, "header" if number is None else f"row {number}"]
    if index is not None:
        name = header[index][:80].strip() if index < len(header) else ""
        parts.append(name or f"column {column_letters(index)}")
    return ", ".join(parts)


def _unread_cells(sheet: Sheet) -> list[Finding]:
    header = sheet.rows[0]
    return [
        file_fault("cell-unread", _place(sheet, row, header, column), message)
        for row, column, message in sheet.faults
    ]


def _gaps(sheet: Sheet) -> list[Finding]:
    """Rows left empty before others: the numbers of later findings would be off by them."""
    faults = []
    for before, after in zip([0, *sheet.numbers], sheet.numbers, strict=False):
        if after > before + 1:
            which = f"row {before + 1} is" if after == before + 2 else f"rows {before + 1} to"
            which += "" if after == before + 2 else f" {after - 1} are"
            where = f"{sheet.title}, row {before + 1}"
            message = f"{which} empty, and others follow; delete what is empty"
            faults.append(file_fault("row-empty", where, message))
    return faults


def _ragged(sheet: Sheet) -> list[Finding]:
    """Rows with fewer cells than the header, or with something beyond it or below no header."""
    header = sheet.rows[0]
    named = [bool(text.strip()) for text in header]
    faults = []
    if len(header) > MAX_COLUMNS:
        faults.append(file_fault("row-length", sheet.title, f"more than {MAX_COLUMNS} columns"))
    for number, row in zip(sheet.numbers[1:], sheet.rows[1:], strict=True):
        if len(row) < len(header):
            message = f"{len(row)} cells; the header has {len(header)}"
            faults.append(file_fault("row-length", f"{sheet.title}, row {number}", message))
        if len(row) == len(header) and all(named):
            continue
        for index, text in enumerate(row):
            if text and (index >= len(named) or not named[index]):
                where = f"{sheet.title}, row {number}, column {column_letters(index)}"
                faults.append(
                    file_fault("row-length", where, "no header stands above it", text[:80])
                )
                break
    return faults
