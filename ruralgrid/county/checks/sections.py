"""The first fault of the sections that a net cannot be built with, raised as `study` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ruralgrid.county.checks.loops import check_loops, may_have_loops
from ruralgrid.county.checks.view import View
from ruralgrid.county.checks.wiring import wiring_of
from ruralgrid.errors import InputError

if TYPE_CHECKING:
    from ruralgrid.county.tables import County

__all__ = ["require_sound_sections"]


def require_sound_sections(county: County) -> None:
    """Refuse lengths that are none, and closed loops below 35 kV.

    Raises
    ------
    InputError
        With table, row and column as `validate` gives them.
    """
    view = View(county, base=county.stage == 0)
    length = county.sections["length_km"].to_numpy(dtype=float)
    wrong = np.flatnonzero(~(np.isfinite(length) & (length > 0)))
    if len(wrong):
        row = int(wrong[0])
        name = str(county.sections["name"].iloc[row])
        where = view.where("sections", row, name, "length_km")
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise InputError(f"received {length[row]:g}, expected above 0, for {name}{more}", where)
    wiring = wiring_of(view)
    if not may_have_loops(wiring):  # looking for their ways takes longer
        return
    for found in check_loops(view, wiring):
        if found.code == "loop":
            raise InputError(found.message, found.where)
