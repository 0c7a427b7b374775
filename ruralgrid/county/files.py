"""A county's tables from a user's files and into them: a folder of CSV, or one Excel workbook.

What `write_county` writes, `read_county` reads as it was: every bit of every number, every text.
Nothing is ever unpickled or run: files hold names, numbers and words alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from ruralgrid.county.batch_sheets import batch_edits, batch_of
from ruralgrid.county.cells import MAX_TEXT, format_cell
from ruralgrid.county.csv_files import csv_bytes, read_csv_sheet
from ruralgrid.county.facts import ASSUMED, read_facts
from ruralgrid.county.headers import fold, unknown_name
from ruralgrid.county.sheet import MAX_ROWS, Sheet
from ruralgrid.county.table_reader import file_fault, parse_sheet
from ruralgrid.county.tables import MAX_STAGE, TABLES, County, conform
from ruralgrid.county.vocabulary import COUNTY, columns_of, table_title
from ruralgrid.county.workbook import read_workbook_sheets, stored_text
from ruralgrid.county.workbook_writer import PASSED_OVER, TableRows, workbook_bytes
from ruralgrid.errors import InputError, WriteError
from ruralgrid.files import write_bytes, write_folder
from ruralgrid.findings import Finding, Findings

__all__ = [
    "OTHER_WORKBOOKS",
    "CountyFileError",
    "folder_contents",
    "is_county_file",
    "read_county",
    "require_written_name",
    "write_county",
]

_WORKBOOKS: Final = (".xlsx", ".xlsm")
OTHER_WORKBOOKS: Final = (".xls", ".xlsb", ".ods", ".et")
"""Workbooks that are not read; a spreadsheet saves them as .xlsx."""

_NOT_WRITTEN: Final = (*OTHER_WORKBOOKS, ".xlsm", ".csv", ".json", ".zip")
_OPTIONAL: Final = ("capacitors", "line_types", "transformer_types", "edits")
_MISPLACED: Final = (".tsv", ".txt", ".xls", ".xlsx", ".ods")
_SHOWN: Final = 50


class CountyFileError(InputError):
    """A county's files cannot be read; `findings` holds every fault with its place."""

    def __init__(self, place: Path, findings: Findings) -> None:
        self.findings = findings
        lines = [f"{each.where}: {each.message}" for each in findings[:_SHOWN]]
        if len(findings) > _SHOWN:
            lines.append(f"... and {len(findings) - _SHOWN} more")
        count = "1 fault" if len(findings) == 1 else f"{len(findings)} faults"
        super().__init__("\n  ".join([count, *lines]), str(place))


def is_county_file(path: str | Path) -> bool:
    """Whether a path looks like a county's files: a folder with a nodes table, or a workbook."""
    place = Path(path)
    if place.is_dir():
        return any(_table_of(each.stem) == "nodes" for each in place.glob("*.csv"))
    return place.suffix.lower() in _WORKBOOKS


def read_county(path: str | Path) -> County:
    """A county from a folder of CSV, one for each table, or from one Excel workbook.

    Parameters
    ----------
    path : str or pathlib.Path
        A folder with ``nodes.csv``, ``sections.csv``, ``transformers.csv``, ``sources.csv``,
        ``consumers.csv``, ``villages.csv`` and, where there are such, ``capacitors.csv``,
        ``line_types.csv``, ``transformer_types.csv``, ``edits.csv``, ``county.csv`` (name, stage,
        assumptions) and sheets of batches; or an .xlsx with sheets of these names.
        `ruralgrid template` writes both, every column explained.

    Returns
    -------
    County
        `origin` is None. What the tables say is not checked here: see `ruralgrid.county.validate`.

    Raises
    ------
    CountyFileError
        An InputError that lists every fault of the files: unknown tables and columns with the
        nearest, units, types, formulas without a value; `findings` holds them.
    InputError
        If there is no such file, or it cannot be opened at all.

    Notes
    -----
    CSV is UTF-8 or GB18030. Headers may be the columns' names or their Chinese titles, with or
    without the unit in brackets. Full-width digits count as digits; a decimal comma is refused.
    Files beyond 100 MB (CSV) or 200 MB unpacked (workbook) are refused.
    """
    place = _existing(path)
    faults: list[Finding] = []
    sheets = _folder_sheets(place, faults) if place.is_dir() else read_workbook_sheets(place)
    chosen, batches = _assigned(sheets, faults)
    frames = {table: _frame(table, chosen.get(table), faults) for table in TABLES}
    edits, places = [frames["edits"]], [""] * len(frames["edits"])
    for sheet, stage, table in batches:
        rows, of_sheet = batch_edits(sheet, stage, table)
        faults += of_sheet
        if len(rows):
            edits.append(rows)
            places += [f"{sheet.title}, row {number}" for number in sheet.numbers[1:]]
    name, stage, assumptions = _facts(chosen.get(COUNTY), place, faults)
    if faults:
        raise CountyFileError(place, Findings(faults))
    frames["edits"] = pd.concat(edits, ignore_index=True) if len(edits) > 1 else edits[0]
    own = tuple(places) if any(places) else ()
    return County(name, **frames, assumptions=assumptions, stage=stage, edit_places=own)


def write_county(county: County, path: str | Path) -> list[Path]:
    """Write a county as a workbook (a path that ends in .xlsx) or as a folder of CSV.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        If a text does not fit into a cell, or there are more rows than a sheet holds.
    WriteError
        If the disk refuses, or the folder holds files that are no tables of a county. What stood
        there before is untouched: files are written beside and renamed.

    Notes
    -----
    `origin` (the plan a county was drawn from) is not written. Text that begins with = + - @ is
    written so that no spreadsheet runs it, and is read as it was.
    """
    place = Path(path)
    require_written_name(place)
    if place.suffix.lower() == ".xlsx":
        write_bytes(place, workbook_bytes(_written_tables(county, workbook=True)))
        return [place]
    contents = folder_contents(county)
    _require_own_folder(place)
    return write_folder(place, contents)


def require_written_name(place: Path) -> None:
    """Raise InputError for a name that promises neither a workbook nor a folder."""
    if place.suffix.lower() in _NOT_WRITTEN:
        raise InputError(f"name a workbook .xlsx, or a folder; not {place.suffix}", str(place))


def folder_contents(county: County) -> dict[str, bytes]:
    """The files of a county's folder by name."""
    return {f"{each.table}.csv": _csv(each) for each in _written_tables(county, workbook=False)}


def _written_tables(county: County, *, workbook: bool) -> list[TableRows]:
    tables = [TableRows(COUNTY, list(_fact_rows(county)))]
    tables += [
        TableRows(table, list(_rows(table, frame))) for table, frame in county.tables.items()
    ]
    for each in tables:
        _require_room(each, workbook)
    return tables


def _existing(path: str | Path) -> Path:
    if not isinstance(path, str | Path):
        raise InputError(f"received {path!r}; a path is expected", "path")
    place = Path(path)
    if not place.exists():
        raise InputError("no such file or folder", str(path))
    if place.suffix.lower() in OTHER_WORKBOOKS and place.is_file():
        raise InputError(f"no {place.suffix} is read; open it and save it as .xlsx", str(path))
    if not place.is_dir() and (place.suffix.lower() not in _WORKBOOKS or not place.is_file()):
        raise InputError("a folder of CSV or an .xlsx workbook is expected", str(path))
    return place


def _folder_sheets(folder: Path, faults: list[Finding]) -> list[Sheet]:
    sheets = []
    try:
        files = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", str(folder)) from error
    for file in files:
        if file.suffix.lower() == ".csv" and file.is_file():
            try:
                sheets.append(read_csv_sheet(file))
            except InputError as error:
                message = str(error).removeprefix(f"{error.where}: ")
                faults.append(file_fault("file-unread", file.name, message))
                sheets.append(Sheet(file.name))
        elif file.suffix.lower() in _MISPLACED and _table_of(file.stem):
            message = f"only CSV is read in a folder; save it as {file.stem}.csv"
            faults.append(file_fault("file-unread", file.name, message))
    return sheets


def _table_of(title: str) -> str:
    """The table of a title, in English or Chinese; empty where there is none."""
    folded = fold(title)
    for table in (*TABLES, COUNTY):
        if folded in (table, table_title(table).title_zh):
            return table
    return ""


def _assigned(
    sheets: list[Sheet], faults: list[Finding]
) -> tuple[dict[str, Sheet], list[tuple[Sheet, int, str]]]:
    """Which sheet is which table, and those of batches; faults for what is neither, or absent."""
    chosen: dict[str, Sheet] = {}
    batches = []
    for sheet in sheets:
        title = sheet.title.removesuffix(".csv").removesuffix(".CSV")
        table, batch = _table_of(title), batch_of(title)
        if table in chosen:
            message = f"the table {table!r} stands twice: also as {chosen[table].title!r}"
            faults.append(file_fault("table-twice", sheet.title, message))
        elif table:
            chosen[table] = sheet
        elif batch and batch[0] > MAX_STAGE:
            message = f"batch {batch[0]}; batches are numbered 1, 2, ... {MAX_STAGE}"
            faults.append(file_fault("table-unknown", sheet.title, message))
        elif batch:
            batches.append((sheet, *batch))
        elif title not in PASSED_OVER and sheet.rows:
            faults.append(file_fault("table-unknown", sheet.title, _no_table(title[:80])))
    for table in TABLES:
        if table not in chosen and table not in _OPTIONAL:
            message = f"the table {table!r} ({table_title(table).title_zh}) is required and absent"
            faults.append(file_fault("table-missing", table, message))
    return chosen, batches


def _no_table(title: str) -> str:
    if fold(title).startswith(("batch", "批次")):
        return "a batch's sheet has number and table in its name: batch 1 sections, 批次1 线路段"
    titles = {table: table_title(table).title_zh for table in (*TABLES, COUNTY)}
    return unknown_name("table", title, title, titles)


def _frame(table: str, sheet: Sheet | None, faults: list[Finding]) -> pd.DataFrame:
    if sheet is None or any(each.where == sheet.title for each in faults):
        return conform(table, pd.DataFrame())  # told already
    values, of_sheet = parse_sheet(sheet, columns_of(table))
    faults += of_sheet
    return conform(table, pd.DataFrame() if of_sheet else pd.DataFrame(values))


def _facts(
    sheet: Sheet | None, place: Path, faults: list[Finding]
) -> tuple[str, int, pd.DataFrame]:
    """Name, stage and assumptions; by default the place's name, 0 and none."""
    if sheet is None or any(each.where == sheet.title for each in faults):
        return place.stem, 0, pd.DataFrame(columns=ASSUMED)
    name, stage, assumptions, of_sheet = read_facts(sheet, place.stem)
    faults += of_sheet
    return name, stage, assumptions


def _fact_rows(county: County) -> Iterator[list[str]]:
    columns = columns_of(COUNTY)
    facts = [("name", county.name, "", "", ""), ("stage", county.stage, "", "", "")]
    rows = county.assumptions[ASSUMED].itertuples(index=False)
    for row in (*facts, *rows):
        yield [format_cell(column, value) for column, value in zip(columns, row, strict=True)]


def _rows(table: str, frame: pd.DataFrame) -> Iterator[list[str]]:
    columns = columns_of(table)
    texts = [[format_cell(each, value) for value in frame[each.name].tolist()] for each in columns]
    return (list(row) for row in zip(*texts, strict=True))


def _csv(each: TableRows) -> bytes:
    columns = columns_of(each.table)
    header = [column.name for column in columns]
    return csv_bytes(header, each.rows, [column.type in ("text", "value") for column in columns])


def _require_room(each: TableRows, workbook: bool) -> None:
    rows = list(each.rows)
    if len(rows) > MAX_ROWS:
        raise InputError(f"{len(rows):,} rows; a file holds {MAX_ROWS:,} at the most", each.table)
    names = [column.name for column in columns_of(each.table)]
    for number, row in enumerate(rows, start=2):
        for name, text in zip(names, row, strict=True):
            if len(text) > MAX_TEXT // 7 or not text.isascii():
                _require_text(f"{each.table}, row {number}, {name}", text, workbook)


def _require_text(where: str, text: str, workbook: bool) -> None:
    """A cell holds 32,767 characters, and none that are half a character."""
    length = len(stored_text(text)) if workbook else len(text)
    if length > MAX_TEXT:
        raise InputError(f"{length} characters; a cell holds {MAX_TEXT}", where)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{text[:80]!r} holds half a character (a surrogate)", where) from error


def _require_own_folder(folder: Path) -> None:
    """The folder will be replaced: nothing else may lie in it."""
    if not folder.is_dir():
        return
    for each in folder.iterdir():
        title = each.stem
        own = each.suffix.lower() == ".csv" and each.is_file()
        if not own or not (_table_of(title) or batch_of(title) or title in PASSED_OVER):
            message = f"{folder} holds {each.name!r}, which is no table of a county"
            raise WriteError(f"{message}; name a new or empty folder")
