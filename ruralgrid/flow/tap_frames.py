"""From the taps of every hour to the named frames of a `YearSolution`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.flow.radial import Tree
from ruralgrid.flow.solution import FAILED, SOLVED

__all__ = ["frame_tap_changers", "frame_taps"]


def frame_taps(
    trafo: pd.DataFrame,
    tree: Tree,
    row: npt.NDArray[np.int8],
    hours: npt.NDArray[np.int64],
    solved: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """The tap of every regulated transformer, one row per hour; NA where it has no solution.

    Parameters
    ----------
    trafo : DataFrame
        ``net.trafo``.
    tree : Tree
        The net.
    row : int array (units, hours)
        Taps counted from the lowest of each unit.
    hours : int array
        The hours solved.
    solved : bool array (positions,)
        Whether each position has a solution.
    """
    changers = tree.changers
    tap = changers.lowest_tap[:, np.newaxis] + row
    frame = pd.DataFrame(
        tap.T.astype(np.int16),
        index=pd.Index(hours, name="hour"),
        columns=trafo.index[changers.row],
    )
    failed = frame.columns[~solved[tree.taps.position]]
    blank = pd.array([pd.NA] * len(frame), dtype="Int16")
    for unit in failed:
        frame[unit] = blank
    return frame


def frame_tap_changers(
    trafo: pd.DataFrame, tree: Tree, records: npt.NDArray[np.int8], solved: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """What the tap changers did in the hours solved; see `YearSolution.tap_changers`.

    Parameters
    ----------
    trafo : DataFrame
        ``net.trafo``.
    tree : Tree
        The net.
    records : int array (2 * units, hours)
        As in `ruralgrid.flow.arrays.Records`.
    solved : bool array (positions,)
        Whether each position has a solution.
    """
    changers, units = tree.changers, len(tree.changers.row)
    row, side = records[:units].astype(np.int64), records[units:]
    tap = changers.lowest_tap[:, np.newaxis] + row
    first = changers.start[:-1]
    low_end, high_end = (
        (end - first)[:, np.newaxis] for end in (changers.low_end, changers.high_end)
    )
    at_end = (row == low_end) | (row == high_end)
    ok = solved[tree.taps.position]
    columns = {
        "tap_min": tap.min(axis=1),
        "tap_max": tap.max(axis=1),
        "tap_mean": tap.mean(axis=1),
        "tap_changes": np.abs(np.diff(tap, axis=1)).sum(axis=1),
        "hours_at_end": (at_end & (side != 0)).sum(axis=1),
        "hours_below_band": (side < 0).sum(axis=1),
        "hours_above_band": (side > 0).sum(axis=1),
    }
    name = trafo["name"].to_numpy()[changers.row] if "name" in trafo else None
    frame = pd.DataFrame({"name": name}, index=trafo.index[changers.row])
    for column, values in columns.items():
        frame[column] = np.where(ok, values, np.nan)
    frame["status"] = np.where(ok, SOLVED, FAILED).astype(object)
    return frame
