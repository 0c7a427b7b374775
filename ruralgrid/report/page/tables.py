"""Frames as the page carries them: titles in both languages, numbers as numbers."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from ruralgrid.report.digits import digits_for
from ruralgrid.report.page.words import Pair, vocabulary_of, word_of
from ruralgrid.report.terms import column_title

__all__ = ["digits_of", "page_table"]

_DIGITS: Final = {
    "_v": 1,
    "_pu": 3,
    "_percent": 2,
    "_points": 2,
    "percent_of_fed": 2,
    "percent_of_total": 2,
    "_kwh": 0,
    "kwh_per_household": 0,
    "kwh_per_household_same_network": 0,
    "kwh_per_household_same_voltage": 0,
    "_mw": 2,
    "_km": 3,
    "_h": 0,
    "kva_per_household": 2,
    "_ka": 3,
    "length_km": 2,
    "mean_hours_low": 1,
    "mean_hours_high": 1,
    "mean_hours_above_10kv": 0,
    "mean_hours_above_0_4kv": 0,
    "scale_same_network": 2,
    "scale_same_voltage": 2,
    "share_of_claim": 2,
}
_MOST_DIGITS: Final = 9

Table = dict[str, Any]


def digits_of(column: str) -> int | None:
    """Digits after the point that a column is shown with; None: as many as it has."""
    fitting = [ending for ending in _DIGITS if column.endswith(ending)]
    return _DIGITS[max(fitting, key=len)] if fitting else None


def page_table(frame: pd.DataFrame, title: Pair, note: Pair = ("", "")) -> Table:
    """A table as JSON holds it.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its columns are named in the table of terms.
    title, note : (str, str)
        English and Chinese.

    Returns
    -------
    dict
        ``title, note``; ``columns``: key, words, digits, whether it holds numbers; ``rows``: lists
        of numbers, texts and nulls; ``words``: the texts that are words, in both languages.
    """
    columns: list[Table] = []
    words: dict[str, Pair] = {}
    for name in frame.columns:
        term = column_title(str(name))
        columns.append(
            {
                "key": str(name),
                "words": [term.label("en"), term.label("zh")],
                "digits": _digits(str(name), frame[name]),
                "number": _is_number(frame[name]),
                "word": bool(vocabulary_of(str(name))) or frame[name].dtype == bool,
            }
        )
        words |= _words(str(name), frame[name])
    rows = [
        [_cell(value, column["digits"]) for value, column in zip(row, columns, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    return {"title": title, "note": note, "columns": columns, "rows": rows, "words": words}


def _digits(name: str, column: pd.Series) -> int | None:
    """Of energies and powers as many as the largest of the column asks for."""
    digits = digits_of(name)
    if digits is None or not name.endswith(("_kwh", "_mw")):
        return digits
    return digits_for(column.dropna().astype(float), digits)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column)) and column.dtype != bool


def _words(name: str, column: pd.Series) -> dict[str, Pair]:
    """The words of a column's texts: what the page shows for each."""
    if not vocabulary_of(name) and column.dtype != bool:
        return {}
    found = {}
    for value in column.dropna().unique():
        value = bool(value) if column.dtype == bool else value
        term = word_of(name, value)
        if term is not None:
            found[_key(value)] = (term.label("en"), term.label("zh"))
    return found


def _key(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(value: Any, digits: int | None) -> Any:
    if value is None or value is pd.NA:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return _key(bool(value))
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) else _rounded(number, digits)


def _rounded(number: float, digits: int | None) -> float:
    """Two digits more than are shown, for who takes the table away as CSV."""
    if digits is None:
        return float(f"{number:.{_MOST_DIGITS}g}")
    return round(number, digits + 2)
