"""Headers of a user's own files: which column each one means, and in which unit.

`length_km`, `Length km`, `length_km [km]`, `长度` and `长度（公里）` all mean the column
`length_km`; `length_m` means none, and is told so with the unit that is expected.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ruralgrid.county.tables import Column
from ruralgrid.errors import UnknownNameError, nearest_names

__all__ = ["HeaderFault", "find_columns", "fold", "match_headers", "unit_of", "unknown_name"]

_UNIT_IN_BRACKETS = re.compile(r"(.*?)\s*[\[(]([^\[\]()]*)[\])]")

_UNITS_ZH: Final = {
    "公里": "km",
    "千米": "km",
    "米": "m",
    "千伏": "kv",
    "伏": "v",
    "度": "kwh",
    "千瓦时": "kwh",
    "万千瓦时": "万kwh",
    "兆瓦时": "mwh",
    "千瓦": "kw",
    "千乏": "kvar",
    "兆伏安": "mva",
    "千伏安": "kva",
    "欧": "ohm",
    "欧姆": "ohm",
    "ω": "ohm",
    "标幺值": "pu",
    "标幺": "pu",
    "p.u.": "pu",
    "°": "deg",
    "degree": "deg",
    "degrees": "deg",
}
_UNITLESS: Final = {"", "-", "1", "户", "人", "个", "台"}
_UNIT_SUFFIXES: Final = (
    *("km", "m", "mm", "cm", "kv", "v", "mv", "kw", "mw", "w", "kwh", "mwh", "wh", "kvar", "mvar"),
    *("kva", "mva", "va", "ka", "deg", "rad", "pu", "percent", "ohm"),
)


@dataclass(frozen=True, slots=True)
class HeaderFault:
    """A header that is not as expected: the index of its column (None: there is none)."""

    index: int | None
    header: str
    message: str


def fold(text: str) -> str:
    """A name as it is compared: common widths, no blanks around it, lower case, `_` for blanks."""
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    return re.sub(r"[\s_-]+", "_", plain)


def match_headers(
    headers: Sequence[str], columns: Sequence[Column]
) -> tuple[dict[str, int], list[HeaderFault]]:
    """Which header means which column.

    Parameters
    ----------
    headers : sequence of str
        As they stand in the file; empty ones are passed over.
    columns : sequence of Column

    Returns
    -------
    position : dict
        Index of the header by the column's name.
    faults : list of HeaderFault
        Unknown headers with the nearest names, wrong units, two headers of one column, absent
        columns that are required.
    """
    by_alias = _by_alias(columns)
    position: dict[str, int] = {}
    faults = []
    for index, header in enumerate(headers):
        if not header.strip():
            continue
        column = _column_of(header, by_alias)
        message = _fault_of(header, column, by_alias, columns)
        if column is not None and column.name in position:
            first = headers[position[column.name]]
            message = f"the column {column.name!r} stands twice: as {first!r} and as {header!r}"
        elif column is not None:
            position[column.name] = index
        if message:
            faults.append(HeaderFault(index, header[:80], message))
    for column in columns:
        if column.required and column.name not in position:
            message = f"the column {column.name!r} ({column.meaning_zh}) is required and absent"
            faults.append(HeaderFault(None, column.name, message))
    return position, faults


def find_columns(headers: Sequence[str], columns: Sequence[Column]) -> dict[str, int]:
    """Index of the header of each column that is there, whatever else stands beside them."""
    by_alias = _by_alias(columns)
    position: dict[str, int] = {}
    for index, header in enumerate(headers):
        column = _column_of(header, by_alias)
        if column is not None:
            position.setdefault(column.name, index)
    return position


def _by_alias(columns: Sequence[Column]) -> dict[str, Column]:
    return {fold(alias): c for c in columns for alias in (c.meaning_zh, c.name)}


def _bracketed(header: str) -> re.Match[str] | None:
    """A header with its unit in brackets: what stands before it, and the unit."""
    return _UNIT_IN_BRACKETS.fullmatch(unicodedata.normalize("NFKC", header).strip())


def _column_of(header: str, by_alias: dict[str, Column]) -> Column | None:
    """The column that a header means."""
    column = by_alias.get(fold(header))
    bracketed = _bracketed(header) if column is None else None
    return by_alias.get(fold(bracketed[1])) if bracketed else column


def _fault_of(
    header: str, column: Column | None, by_alias: dict[str, Column], columns: Sequence[Column]
) -> str:
    """What is wrong with a header that means `column`, or none."""
    whole, bracketed = fold(header), _bracketed(header)
    if whole in by_alias:
        return ""
    if column is not None and bracketed:
        return _wrong_unit(header, bracketed[2], column)
    stem, _, suffix = whole.rpartition("_")
    if suffix in _UNIT_SUFFIXES:
        for other in columns:
            of_column, _, unit = other.name.rpartition("_")
            if unit in _UNIT_SUFFIXES and stem == of_column:
                return _other_unit(header, suffix, other)
    stem = bracketed[1] if bracketed else header
    titles = {column.name: column.meaning_zh for column in columns}
    return unknown_name("column", header[:80], stem[:80], titles)


def unknown_name(kind: str, received: str, stem: str, titles: Mapping[str, str]) -> str:
    """What is told of a name that is none: the nearest ones, English for a Chinese one too.

    Parameters
    ----------
    kind, received : str
    stem : str
        What is compared: `received` without its unit.
    titles : mapping
        The Chinese title of each name.
    """
    if received.isascii():
        return str(UnknownNameError(kind, received, titles))
    names = {title: name for name, title in titles.items()}
    near = nearest_names(unicodedata.normalize("NFKC", stem), names)
    if not near:
        return str(UnknownNameError(kind, received, [f"{n} ({t})" for n, t in titles.items()]))
    shown = ", ".join(f"{names[title]} ({title})" for title in near)
    return f"no {kind} is named {received!r}; the nearest: {shown}"


def unit_of(word: str) -> str | None:
    """The unit that a word means, in lower case; empty for what counts, None for any other word."""
    folded = fold(word)
    unit = _UNITS_ZH.get(folded, folded)
    if unit in _UNITLESS:
        return ""
    return unit if unit in (*_UNIT_SUFFIXES, *_UNITS_ZH.values()) else None


def _wrong_unit(header: str, unit: str, column: Column) -> str:
    given = fold(unit)
    given = _UNITS_ZH.get(given, given)
    if given == column.unit.casefold() or (given in _UNITLESS and not column.unit):
        return ""
    if given == "kwh" and column.unit == "deg" and fold(unit) == "度":
        return ""  # 度 is a degree too
    return _other_unit(header, unit, column)


def _other_unit(header: str, unit: str, column: Column) -> str:
    expected = f"in {column.unit}" if column.unit else "without a unit"
    return f"{header[:80]!r} is in {unit}; the column {column.name!r}, {expected}, is expected"
