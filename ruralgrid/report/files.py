"""Tables as CSV that a spreadsheet opens as UTF-8 and does not run."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.files import defused, require_folder, write_files

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_files", "require_folder", "write_tables"]


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write each table as ``<name>.csv``; see `csv_files`.

    Returns
    -------
    list of Path
        The files written.
    """
    require_folder(folder)
    return write_files(folder, csv_files(tables)) if tables else []


def csv_files(tables: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    """The content of ``<name>.csv`` for each table, with the mark by which spreadsheets know UTF-8.

    Text that a spreadsheet would run is defused.
    """
    return {f"{name}.csv": _csv(table) for name, table in tables.items()}


def _csv(table: pd.DataFrame) -> bytes:
    safe = table.copy()
    for column in safe.select_dtypes("object").columns:
        safe[column] = safe[column].map(_cell)
    return codecs.BOM_UTF8 + safe.to_csv(index=False, lineterminator="\n").encode("utf-8")


def _cell(value: object) -> object:
    return defused(value) if isinstance(value, str) else value
