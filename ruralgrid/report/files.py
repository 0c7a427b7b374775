"""Writing results: a file is written beside its name and then renamed, never half-written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.errors import WriteError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_tables", "write_text"]

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) so that `path` holds either what it held or all of it.

    Raises
    ------
    WriteError
        If the disk is full or the folder refuses; what stood there before is untouched.
    """
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except OSError as error:
        if beside is not None:
            Path(beside).unlink(missing_ok=True)
        raise WriteError(f"{path}: {error.strerror or error}") from error


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write each table as ``<name>.csv``; text that a spreadsheet would run is quoted.

    Returns
    -------
    list of Path
        The files written.
    """
    written = []
    for name, table in tables.items():
        safe = table.copy()
        for column in safe.select_dtypes("object").columns:
            safe[column] = safe[column].map(_defused)
        write_text(folder / f"{name}.csv", safe.to_csv(index=False, lineterminator="\n"))
        written.append(folder / f"{name}.csv")
    return written


def _defused(value: object) -> object:
    """A text that begins like a formula gets an apostrophe, which a spreadsheet takes for text."""
    if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA):
        return "'" + value
    return value
