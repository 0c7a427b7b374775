"""Tables as plain text: columns apart, headers on two lines, Chinese signs counted as two."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import pandas as pd

__all__ = ["display_width", "plain_table"]

_BETWEEN: Final = "  "
_LONGEST_HEADER: Final = 12
"""A header that is wider than this, and than its cells, is broken in two lines."""

_NUMBER: Final = re.compile(r"[+\-−]?[\d,]*\.?\d+(e[+\-]?\d+)?|-|–|nan|")


def display_width(text: str) -> int:
    """Columns of a terminal that a text takes: two for each Chinese sign."""
    return sum(_width(sign) for sign in text)


def _width(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def plain_table(table: pd.DataFrame) -> str:
    """A table as plain text: numbers right, words left, nothing for what is not known.

    Two blanks at least stand between columns, so that headers of several words can be told apart.
    """
    if not len(table):
        return "(none)"
    columns = [_column(str(name), table.iloc[:, at]) for at, name in enumerate(table.columns)]
    height = max(len(head) for head, _ in columns)
    drawn = [_drawn([""] * (height - len(head)) + head, cells) for head, cells in columns]
    return "\n".join(_BETWEEN.join(line).rstrip() for line in zip(*drawn, strict=True))


def _column(name: str, values: pd.Series) -> tuple[list[str], list[str]]:
    cells = [_text(value) for value in values]
    return _broken(name, max(map(display_width, cells))), cells


def _text(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _broken(header: str, widest_cell: int) -> list[str]:
    """A header in one line, or in two at the blank that makes them alike."""
    words = header.split()
    if display_width(header) <= max(_LONGEST_HEADER, widest_cell) or len(words) < 2:
        return [header]
    cuts = [at for at in range(1, len(words)) if not words[at - 1][-1].isdigit()]  # not 0.4 | kV
    pairs = [[" ".join(words[:at]), " ".join(words[at:])] for at in cuts]
    return min(pairs, key=lambda pair: max(map(display_width, pair)), default=[header])


def _drawn(head: Sequence[str], cells: Sequence[str]) -> list[str]:
    """The lines of a column, all of one width."""
    lines = [*head, *cells]
    width = max(map(display_width, lines))
    to_the_right = all(_NUMBER.fullmatch(cell) for cell in cells)
    return [_filled(line, width, to_the_right) for line in lines]


def _filled(text: str, width: int, to_the_right: bool) -> str:
    blanks = " " * (width - display_width(text))
    return blanks + text if to_the_right else text + blanks
