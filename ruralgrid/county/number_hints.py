"""The next step for the usual ways of writing a number that is none in a table.

A hint names a number only where that number is what the writer meant: followed to the letter it
must not move a node by half a degree, nor make a kilometre of a metre.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ruralgrid.county.headers import unit_of

__all__ = ["number_hint"]

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_DECIMAL_STOP = re.compile(r"([+-]?\d+)[。．·](\d+)", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_OTHER_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:['’‘`]| )\d{3})+(?:\.\d+)?", re.ASCII)
_WITH_UNIT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))\s*([^\d\s.,+-]\S{0,9})", re.ASCII)
_FRACTION = re.compile(r"[+-]?\d+\s*[⁄/]\s*\d+", re.ASCII)
_DEGREES = re.compile(
    r"(?:[NSEW]|东经|西经|北纬|南纬)?\s*(\d{1,3})\s*[°º度]"
    r"(?:\s*(\d{1,2}(?:\.\d+)?)\s*['′’分]"
    r"(?:\s*(\d{1,2}(?:\.\d+)?)\s*(?:\"|″|”|''|′′|秒))?)?\s*([NSEW])?",
    re.ASCII | re.IGNORECASE,
)
_NONE: Final = frozenset({"nan", "na", "n/a", "null", "none", "-", "/", "无"})


def number_hint(text: str, unit: str) -> str:
    """What to write instead of `text` in a column of `unit`, behind a semicolon; or nothing."""
    if "½" in text or _FRACTION.fullmatch(unicodedata.normalize("NFKC", text).strip()):
        return "; write the fraction as a decimal number"
    # NFKC would make two apostrophes of a double prime
    plain = unicodedata.normalize("NFKC", text.replace("″", '"')).strip()
    return _of_separators(plain) or _of_measure(plain, unit) or _of_none(plain)


def _of_separators(plain: str) -> str:
    bare = plain.replace(",", "")
    thousands = f"{bare} where the comma separates thousands" if _THOUSANDS.fullmatch(plain) else ""
    if _DECIMAL_COMMA.fullmatch(plain):
        either = f", or {thousands}" if thousands else ""
        return f"; write a decimal point: {plain.replace(',', '.')}{either}"
    if _THOUSANDS.fullmatch(plain):
        return f"; write {bare}: thousands are not separated"
    if _OTHER_THOUSANDS.fullmatch(plain):
        return f"; write {re.sub('[^0-9.+-]', '', plain)}: thousands are not separated"
    stop = _DECIMAL_STOP.fullmatch(plain)
    return f"; write a decimal point: {stop[1]}.{stop[2]}" if stop else ""


def _of_measure(plain: str, unit: str) -> str:
    return (_of_degrees(plain) if unit == "deg" else "") or _of_unit(plain, unit)


def _of_degrees(plain: str) -> str:
    """Degrees, minutes and seconds as decimal degrees, to a tenth of a metre."""
    match = _DEGREES.fullmatch(plain)
    if match is None:
        return ""
    minutes, seconds = float(match[2] or 0), float(match[3] or 0)
    if minutes >= 60 or seconds >= 60:
        return "; write decimal degrees"
    degrees = int(match[1]) + minutes / 60 + seconds / 3600
    south = re.search(r"[SW]|西经|南纬", plain, re.IGNORECASE)
    return f"; write decimal degrees: {'-' if south else ''}{round(degrees, 6)!r}"


def _of_unit(plain: str, unit: str) -> str:
    """A number with its unit behind it: only the column's own unit may simply be left out."""
    match = _WITH_UNIT.fullmatch(plain)
    if match is None:
        return ""
    number, word = match[1], match[2]
    if word in ("%", "‰"):
        return _of_share(number, unit) if word == "%" else ""
    given = unit_of(word)
    if given is None:
        return ""
    if given == unit.casefold():
        return f"; the unit stands in the header, write {number} alone"
    expected = f"in {unit}" if unit else "without a unit"
    return f"; the column is {expected}, give the value so and write the number alone"


def _of_share(number: str, unit: str) -> str:
    if unit == "%":
        return f"; the column is in per cent, write {number} alone"
    if unit in ("", "pu"):
        return f"; the column is no percentage, a share of 1 would be {float(number) / 100:g}"
    return f"; the column is in {unit}, no percentage"


def _of_none(plain: str) -> str:
    return "; leave the cell empty where there is none" if plain.lower() in _NONE else ""
