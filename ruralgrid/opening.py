"""A county by one word: a packaged plan, a plan's file, or a county's own tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.county.files import OTHER_WORKBOOKS, is_county_file, read_county
from ruralgrid.errors import InputError
from ruralgrid.plan import read_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ruralgrid.county import County

__all__ = ["open_county", "require_stages"]

_SHOWN = 8
"""Files of a folder that are named."""


def open_county(source: str | Path, seed: int = 1) -> County:
    """The county that a word names, at stage 0.

    Parameters
    ----------
    source : str or Path
        A folder of CSV with a ``nodes.csv``, or a workbook: read as it is. Else a plan (a packaged
        name, a TOML, a folder with ``plan.toml``): drawn and calibrated.
    seed : int
        Of a drawn county; a county's own tables know none.

    Raises
    ------
    InputError
        If there is no such file or plan, or what it holds is not as expected.
    """
    if is_county_file(source):
        return read_county(source)
    _require_plan(source)
    from ruralgrid.calibrate import synthesise

    return synthesise(read_plan(source), seed)


def require_stages(source: str | Path, wanted: list[int] | None) -> None:
    """Raise InputError for a stage that the county does not have; nothing is drawn for it.

    A county's own tables begin at the stage that its table `county` gives, a plan at 0.
    """
    if is_county_file(source):
        known: Sequence[int] = read_county(source).stages
    else:
        _require_plan(source)
        known = range(len(read_plan(source).batches) + 1)
    begins = f"; its tables begin at {known[0]} (--stage {known[0]})" if known[0] else ""
    for stage in wanted or ():
        if stage not in known:
            has = ", ".join(map(str, known))
            raise InputError(f"there is no stage {stage}; the county has {has}{begins}", "stages")


def _require_plan(source: str | Path) -> None:
    """Raise InputError for what is no county's files and cannot be a plan either."""
    place = Path(source)
    if place.suffix.lower() in (*OTHER_WORKBOOKS, ".csv"):
        is_table = place.suffix.lower() == ".csv"
        better = "name the folder of all tables" if is_table else "open it and save it as .xlsx"
        raise InputError(f"no {place.suffix} is read by itself; {better}", str(source))
    if place.is_dir() and not (place / "plan.toml").exists():
        names = sorted(each.name for each in place.iterdir())[:_SHOWN]
        raise InputError(
            "neither a county nor a plan: a county's folder has nodes.csv and the other tables "
            "(`ruralgrid template FOLDER` writes them), a plan's has plan.toml; this one holds "
            f"{', '.join(names) or 'nothing'}",
            str(source),
        )
