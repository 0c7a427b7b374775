"""Writing tables as CSV that a spreadsheet opens and does not run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.files import require_folder, write_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["require_folder", "write_tables", "write_text"]

_NUMBER = re.compile(r"[+-]?[\d.,]* ?%?")
"""A sign, a number, a per cent: text that runs nothing."""

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write each table as ``<name>.csv``; text that a spreadsheet would run is quoted.

    Returns
    -------
    list of Path
        The files written.
    """
    require_folder(folder)
    written = []
    for name, table in tables.items():
        safe = table.copy()
        for column in safe.select_dtypes("object").columns:
            safe[column] = safe[column].map(_defused)
        write_text(folder / f"{name}.csv", safe.to_csv(index=False, lineterminator="\n"))
        written.append(folder / f"{name}.csv")
    return written


def _defused(value: object) -> object:
    """A text that begins like a formula gets an apostrophe, which a spreadsheet takes for text.

    A bare carriage return would end the row, for the writer quotes line feeds only.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r", " ")
    harmless = _NUMBER.fullmatch(text) is not None
    return "'" + text if value.startswith(_STARTS_A_FORMULA) and not harmless else text
