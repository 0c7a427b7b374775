"""Cells of an Excel workbook (.xlsx), read for their values alone.

The reader is a plain one of our own: it takes no formula, no macro, no link and no entity; it knows
a formula without a stored value from an empty cell; it looks at the sizes before it unpacks; and a
number keeps the digits that stand in the file.
"""

from __future__ import annotations

import posixpath
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Final
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from ruralgrid.county.sheet import MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Sheet
from ruralgrid.errors import InputError

__all__ = ["MAX_UNPACKED_BYTES", "read_workbook_sheets", "shown_text", "stored_text"]

MAX_UNPACKED_BYTES: Final = 200_000_000
"""All parts of a workbook unpacked; those of the reference county (32,000 nodes) have 80 MB."""

_MAX_PARTS: Final = 2_000
_OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_DATE_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_DATE_LETTERS = re.compile(r"(?:\"[^\"]*\"|\\.|\[[^\]]*\])|([ymdhs])", re.IGNORECASE)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TO_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|[\x00-\x08\x0b-\x1f\ufffe\uffff]")

_Attributes = Mapping[str, str]


def stored_text(text: str) -> str:
    """A text as a workbook stores it: signs that XML does not hold as ``_x000D_``."""
    return _TO_ESCAPE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def shown_text(stored: str) -> str:
    """The reverse of `stored_text`."""
    if "_x" not in stored:
        return stored
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), stored)


def read_workbook_sheets(path: Path) -> list[Sheet]:
    """Every sheet of a workbook, its cells as text.

    Raises
    ------
    InputError
        If the file is none, is damaged, is protected by a password, or is too large.
    """
    where = path.name
    try:
        with path.open("rb") as file:
            if file.read(8) == _OLE:
                message = "protected by a password, or an .xls; save it as an .xlsx without one"
                raise InputError(message, where)
            file.seek(0)
            with ZipFile(file) as archive:
                _require_sizes(archive, where)
                return _sheets(archive, where)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror or error}", where) from error
    except (BadZipFile, zlib.error, expat.ExpatError, EOFError, RuntimeError) as error:
        raise InputError(f"no whole .xlsx: {error}; it may be cut off", where) from error
    except (LookupError, ValueError, NotImplementedError) as error:
        raise InputError(f"not laid out as an .xlsx is: {error}", where) from error


def _require_sizes(archive: ZipFile, where: str) -> None:
    """By the directory of the archive, before anything is unpacked; no part may lie about it."""
    parts = archive.infolist()
    if len(parts) > _MAX_PARTS:
        raise InputError(f"{len(parts):,} parts; {_MAX_PARTS:,} are taken", where)
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED_BYTES:
        taken = f"{MAX_UNPACKED_BYTES / 1e6:,.0f} MB are taken"
        raise InputError(f"unpacked it has {unpacked / 1e6:,.0f} MB; {taken}", where)
    for part in parts:
        if part.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or part.flag_bits & 1:
            raise InputError(f"the part {part.filename!r} is packed in an unknown way", where)


def _sheets(archive: ZipFile, where: str) -> list[Sheet]:
    book, folder = _book(archive)
    targets = _relations(archive, book)
    strings = _strings(archive, f"{folder}/sharedStrings.xml")
    dates = _date_styles(archive, f"{folder}/styles.xml")
    sheets = []
    for title, relation in _titles(archive, book):
        part = posixpath.normpath(posixpath.join(folder, targets[relation])).lstrip("/")
        if "chartsheet" in part:
            continue
        reader = _SheetReader(f"{where}, {title}", strings, dates)
        with archive.open(part) as file:
            _parse(file, reader.start, reader.end, reader.text)
        sheets.append(reader.sheet(title))
    return sheets


def _book(archive: ZipFile) -> tuple[str, str]:
    """Name of the workbook's part, and its folder."""
    for relation in _elements(archive, "_rels/.rels", "Relationship"):
        if relation.get("Type", "").endswith("/officeDocument"):
            book = relation["Target"].lstrip("/")
            return book, posixpath.dirname(book)
    raise LookupError("no workbook in it")


def _relations(archive: ZipFile, book: str) -> dict[str, str]:
    folder, name = posixpath.split(book)
    relations = _elements(archive, f"{folder}/_rels/{name}.rels", "Relationship")
    absolute = {each["Id"]: each["Target"] for each in relations}
    return {key: f"/{t}" if t.startswith("/") else t for key, t in absolute.items()}


def _titles(archive: ZipFile, book: str) -> list[tuple[str, str]]:
    """Title of each sheet and the relation that leads to its part."""
    sheets = _elements(archive, book, "sheet")
    return [
        (sheet["name"], next(v for k, v in sheet.items() if k.rpartition(" ")[2] == "id"))
        for sheet in sheets
    ]


def _elements(archive: ZipFile, part: str, tag: str) -> list[_Attributes]:
    """The attributes of every element `tag` of a part."""
    found: list[_Attributes] = []

    def start(name: str, attributes: _Attributes) -> None:
        if name == tag:
            found.append(attributes)

    with archive.open(part) as file:
        _parse(file, start, _passed_over, _passed_over)
    return found


def _strings(archive: ZipFile, part: str) -> list[str]:
    """The texts that cells of type "s" refer to; pronunciation aids (`rPh`) are left out."""
    if part not in archive.namelist():
        return []
    strings: list[str] = []
    pieces: list[str] = []
    state = {"text": False, "aid": False}

    def start(name: str, _attributes: _Attributes) -> None:
        if name == "si":
            pieces.clear()
        elif name == "rPh":
            state["aid"] = True
        state["text"] = name == "t" and not state["aid"]

    def end(name: str) -> None:
        state["text"] = False
        if name == "rPh":
            state["aid"] = False
        elif name == "si":
            strings.append(shown_text("".join(pieces)))

    def text(data: str) -> None:
        if state["text"]:
            pieces.append(data)

    with archive.open(part) as file:
        _parse(file, start, end, text)
    return strings


def _date_styles(archive: ZipFile, part: str) -> frozenset[str]:
    """Styles (`s` of a cell) that show a number as a date."""
    if part not in archive.namelist():
        return frozenset()
    formats: set[int] = set(_DATE_FORMATS)
    styles: list[str] = []
    inside = {"cellXfs": False}

    def start(name: str, attributes: _Attributes) -> None:
        if name == "numFmt" and _shows_a_date(attributes.get("formatCode", "")):
            formats.add(int(attributes["numFmtId"]))
        elif name == "cellXfs":
            inside["cellXfs"] = True
        elif name == "xf" and inside["cellXfs"]:
            styles.append(attributes.get("numFmtId", "0"))

    def end(name: str) -> None:
        if name == "cellXfs":
            inside["cellXfs"] = False

    with archive.open(part) as file:
        _parse(file, start, end, _passed_over)
    return frozenset(str(k) for k, style in enumerate(styles) if int(style) in formats)


def _shows_a_date(code: str) -> bool:
    return any(match[1] for match in _DATE_LETTERS.finditer(code))


def _passed_over(_text: str) -> None:
    """For what a reader does not look at."""


def _parse(
    file: IO[bytes],
    start: Callable[[str, _Attributes], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Run a part through the parser; names come without their namespace; no document type."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    plain = cache(lambda name: name.rpartition(" ")[2])

    def refused(*_declaration: object) -> None:
        raise ValueError("it declares a document type")

    parser.StartDoctypeDeclHandler = refused
    parser.StartElementHandler = lambda name, attributes: start(plain(name), attributes)
    parser.EndElementHandler = lambda name: end(plain(name))
    parser.CharacterDataHandler = text
    parser.ParseFile(file)


@cache
def _column_index(letters: str) -> int:
    index = 0
    if not re.fullmatch("[A-Z]{1,3}", letters):
        raise ValueError(f"{letters[:9]!r} is no column")
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


class _SheetReader:
    """Cells of one sheet, taken as the parser passes them."""

    def __init__(self, where: str, strings: list[str], dates: frozenset[str]) -> None:
        self._where, self._strings, self._dates = where, strings, dates
        self._rows: dict[int, list[str]] = {}
        self._faults: list[tuple[int, int, str]] = []
        self._row = self._column = self._cells = 0
        self._kind = self._style = ""
        self._pieces: list[str] = []
        self._collect = self._formula = self._valued = self._aid = False
        self._merged: list[str] = []

    def start(self, name: str, attributes: _Attributes) -> None:
        """An element begins."""
        if name in ("v", "t"):
            self._collect = not self._aid
            self._valued = True
        elif name == "c":
            self._begin_cell(attributes)
        elif name == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = -1
            self._cells += 1
        elif name == "f":
            self._formula = True
        elif name == "rPh":
            self._aid = True
        elif name == "mergeCell":
            self._merged.append(attributes.get("ref", ""))

    def end(self, name: str) -> None:
        """An element ends."""
        self._collect = False
        if name == "c":
            self._end_cell()
        elif name == "rPh":
            self._aid = False

    def text(self, data: str) -> None:
        """Characters between two tags."""
        if self._collect:
            self._pieces.append(data)

    def _begin_cell(self, attributes: _Attributes) -> None:
        place = attributes.get("r", "").rstrip("0123456789")
        self._column = _column_index(place) if place else self._column + 1
        self._cells += 1
        if self._cells > MAX_CELLS:
            raise InputError(f"more than {MAX_CELLS:,} rows and cells", self._where)
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
        self._pieces = []
        self._formula = self._valued = False

    def _end_cell(self) -> None:
        text = "".join(self._pieces)
        fault = ""
        if self._formula and not text and (self._kind != "str" or not self._valued):
            fault = "a formula without a stored value; open the file in a spreadsheet and save it"
        elif self._kind == "e":
            fault = f"the spreadsheet shows the error {text!r}"
        elif self._kind == "s":
            text = self._strings[int(text)] if text else ""
        elif self._kind == "b":
            text = {"1": "true", "0": "false"}.get(text, text)
        elif self._kind == "d" or (self._kind == "n" and text and self._style in self._dates):
            fault = (
                f"a date ({text}); the spreadsheet took the text for one: format the column as "
                "text and type it again"
            )
        else:
            text = shown_text(text)
        if fault:
            self._faults.append((self._row, self._column, fault))
            text = ""
        if text or fault:
            if self._column >= MAX_COLUMNS or self._row > MAX_ROWS + 1:
                taken = f"{MAX_ROWS:,} rows of {MAX_COLUMNS} columns are taken"
                raise InputError(f"something stands beyond the limits: {taken}", self._where)
            cells = self._rows.setdefault(self._row, [])
            cells.extend([""] * (self._column + 1 - len(cells)))
            cells[self._column] = text

    def sheet(self, title: str) -> Sheet:
        """The rows that hold something, each as long as the header."""
        sheet = Sheet(title, faults=self._faults + list(self._merged_faults()))
        faulty = {row for row, _, _ in self._faults}
        for number in sorted(self._rows):
            cells = self._rows[number]
            if any(cells) or number in faulty:
                width = len(sheet.rows[0]) if sheet.rows else len(cells)
                sheet.add(number, cells + [""] * (width - len(cells)))
        return sheet

    def _merged_faults(self) -> Iterator[tuple[int, int, str]]:
        """Ranges of merged cells whose first cell, the only one with a value, holds something."""
        for ref in self._merged:
            first = re.fullmatch(r"([A-Z]{1,3})([0-9]{1,7}):[A-Z]{1,3}[0-9]{1,7}", ref)
            if first is None:
                raise ValueError(f"{ref[:30]!r} is no range of merged cells")
            row, column = int(first[2]), _column_index(first[1])
            if any(self._rows.get(row, [])[column : column + 1]):
                message = f"the cells {ref} are merged, and only the first holds the text"
                yield row, column, f"{message}; unmerge them and fill every cell"
