"""A county by one word: a packaged plan, a plan's file, or a county's own tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.county.files import is_county_file, read_county
from ruralgrid.errors import InputError
from ruralgrid.plan import read_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ruralgrid.county import County

__all__ = ["open_county", "require_stages"]


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
    from ruralgrid.calibrate import synthesise

    return synthesise(read_plan(source), seed)


def require_stages(source: str | Path, wanted: list[int] | None) -> None:
    """Raise InputError for a stage that the county does not have; nothing is drawn for it.

    A county's own tables begin at the stage that its table `county` gives, a plan at 0.
    """
    if is_county_file(source):
        known: Sequence[int] = read_county(source).stages
    else:
        known = range(len(read_plan(source).batches) + 1)
    for stage in wanted or ():
        if stage not in known:
            raise InputError(
                f"there is no stage {stage}; the county has {', '.join(map(str, known))}", "stages"
            )
