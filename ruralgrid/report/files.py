"""Writing results: a file is written beside its name and then renamed, never half-written."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.errors import WriteError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["require_folder", "write_tables", "write_text"]

_NUMBER = re.compile(r"[+-]?[\d.,]* ?%?")
"""A sign, a number, a per cent: text that runs nothing."""

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def require_folder(folder: Path) -> None:
    """Raise WriteError where `folder`, or what it is to lie in, is a file."""
    for place in (folder, *folder.parents):
        if place.exists():
            if not place.is_dir():
                raise WriteError(f"{place} is a file; a folder is expected")
            return


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
