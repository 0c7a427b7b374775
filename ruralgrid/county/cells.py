"""One cell of a file: text in, a value or a fault out; and back, so that it reads as it was.

A file holds texts. What a text must look like follows from the type of its column; every float is
written with the digits that give its very bits again.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ruralgrid.county.number_hints import number_hint
from ruralgrid.county.tables import Column

__all__ = ["MAX_TEXT", "CellFault", "format_cell", "parse_cells"]

MAX_TEXT: Final = 32_767
"""Characters of one cell, the limit of spreadsheets."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)

_TRUE: Final = frozenset({"true", "yes", "1", "1.0", "是"})
_FALSE: Final = frozenset({"false", "no", "0", "0.0", "否", ""})

_INT64: Final = 2**63


@dataclass(frozen=True, slots=True)
class CellFault:
    """A cell that is not what its column wants: its row's index, its text, what is wrong."""

    index: int
    value: str
    message: str


def parse_cells(column: Column, texts: Sequence[str]) -> tuple[list[Any], list[CellFault]]:
    """The values of a column's texts, and every fault among them.

    Parameters
    ----------
    column : Column
        Its type decides: text is taken as it stands; a number may have full-width digits and blanks
        around it, and neither a decimal comma nor a unit; a flag is true or false, yes or no, 1 or
        0, 是 or 否, or empty.
    texts : sequence of str

    Returns
    -------
    values : list
        One for each text, a blank of the type where there is a fault.
    faults : list of CellFault
    """
    parse, blank = _PARSERS[column.type]
    values, faults = [], []
    for index, text in enumerate(texts):
        try:
            if len(text) > MAX_TEXT:
                shown = f"{len(text)} characters; a cell holds {MAX_TEXT} at the most"
                raise ValueError(shown)
            values.append(parse(column, text))
        except ValueError as error:
            values.append(blank)
            faults.append(CellFault(index, text[:80], str(error)))
    return values, faults


def format_cell(column: Column, value: Any) -> str:
    """The text of a value, which `parse_cells` turns into that very value again."""
    return _FORMATTERS[column.type](value)


def _plain(text: str) -> str:
    """Without blanks around it, full-width characters as their common ones."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def _text(_column: Column, text: str) -> str:
    return text


def _number(column: Column, text: str) -> float:
    plain = _plain(text)
    if _NUMBER.fullmatch(plain):
        value = float(plain)
        if math.isinf(value) and "inf" not in plain.lower():
            raise ValueError(f"{text!r} is too large for a number")
        return value
    if not plain:
        return math.nan
    unit = f" in {column.unit}" if column.unit else ""
    hint = number_hint(text, column.unit)
    raise ValueError(f"a number{unit} is expected, received {text[:80]!r}{hint}")


def _integer(column: Column, text: str) -> int:
    plain = _plain(text)
    if not plain:
        if column.required:
            raise ValueError("the cell is empty; a whole number is expected")
        return 0
    if _WHOLE.fullmatch(plain):
        value = int(plain)
    else:
        number = _number(column, text)
        if not number.is_integer():  # inf is none either
            raise ValueError(f"a whole number is expected, received {text[:80]!r}")
        value = int(number)
    if not -_INT64 <= value < _INT64:
        raise ValueError(f"{text[:80]!r} is too large for a whole number")
    return value


def _flag(_column: Column, text: str) -> bool:
    plain = _plain(text).lower()
    if plain in _TRUE:
        return True
    if plain in _FALSE:
        return False
    raise ValueError(f"true or false (是 or 否) is expected, received {text[:80]!r}")


def _value(_column: Column, text: str) -> float | int | str:
    """A number where the text is one; an apostrophe before a number makes it a text."""
    if text.startswith("'") and _looks_like_a_number(text):
        return text[1:]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return math.nan if text == "nan" else text


def _format_number(value: Any) -> str:
    number = float(value)
    return "" if math.isnan(number) else repr(number)


def _format_value(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}" if _looks_like_a_number(value) else value
    if isinstance(value, float):  # numpy's too
        return repr(float(value))
    return str(value)


def _looks_like_a_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text.lstrip("'"))) or text.lstrip("'") == "nan"


_PARSERS: Final[dict[str, tuple[Callable[[Column, str], Any], Any]]] = {
    "text": (_text, ""),
    "number": (_number, math.nan),
    "integer": (_integer, 0),
    "flag": (_flag, False),
    "value": (_value, ""),
}

_FORMATTERS: Final[dict[str, Callable[[Any], str]]] = {
    "text": str,
    "number": _format_number,
    "integer": lambda value: str(int(value)),
    "flag": lambda value: "true" if value else "false",
    "value": _format_value,
}
