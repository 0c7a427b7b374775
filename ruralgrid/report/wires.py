"""The wires of a way at 0.4 kV: the one that is judged at its end, and the others."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

__all__ = ["WIRE_COLUMNS", "followed_phase"]

WIRE_COLUMNS: Final = {phase: f"v_{phase}_min_pu" for phase in "abc"}
"""The lowest voltage of the year of each phase wire, of nodes solved wire by wire."""


def followed_phase(way: pd.DataFrame) -> str:
    """The phase whose voltage is the node's own at the end of a way.

    At each node the lowest phase *with customers* is judged, which is another one from pole to
    pole: those values do not belong to one wire, and no line can be drawn through them.

    Parameters
    ----------
    way : pandas.DataFrame
        Rows of `Study.nodes`, from the feeding end.

    Returns
    -------
    str
        "a", "b" or "c"; empty where 0.4 kV was solved balanced, or has no solution there.
    """
    columns = list(WIRE_COLUMNS.values())
    if not set(columns) <= set(way.columns):
        return ""
    end = way.iloc[-1]
    gaps = np.abs(end[columns].to_numpy(dtype=float) - float(end["vm_min_pu"]))
    return "" if np.isnan(gaps).all() else "abc"[int(np.nanargmin(gaps))]
