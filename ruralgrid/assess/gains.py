"""What each batch did to the voltage of each village."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from ruralgrid.assess.tables import by_name
from ruralgrid.errors import InputError

__all__ = ["IMPROVED_FROM_V", "OUTCOMES", "UNCHANGED_BELOW_V", "gain_between", "gains"]

OUTCOMES: Final = (
    "cured",
    "newly low",
    "improved",
    "unchanged",
    "still low",
    "not low",
    "not judged",
)
IMPROVED_FROM_V: Final = 1.0
"""A village that stays low is improved from this gain on [V]."""

UNCHANGED_BELOW_V: Final = 0.1
"""A village that stays low is unchanged while its voltage moves by less than this [V]."""

_NOMINAL_V: Final = 220.0


def gains(villages_by_stage: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """The gain of every village in every batch: the rows of `gain_between` for each two stages.

    Parameters
    ----------
    villages_by_stage : mapping of int to pandas.DataFrame
        Frames of `village_voltages`, two stages or more. Each is compared with the stage before it.

    Raises
    ------
    InputError
        If there are fewer than two stages, or two stages differ in their villages.
    """
    stages = sorted(villages_by_stage)
    if len(stages) < 2:
        raise InputError(f"two stages or more are expected, got {stages}", "villages_by_stage")
    return pd.concat(
        [
            gain_between(villages_by_stage[a], villages_by_stage[b], stage=b)
            for a, b in pairwise(stages)
        ],
        ignore_index=True,
    )


def gain_between(before: pd.DataFrame, after: pd.DataFrame, *, stage: int) -> pd.DataFrame:
    """The gain of every village from one state to another.

    Outcomes, exhaustive and exclusive (status of `village_voltages`; gain = v_after - v_before):

    ========= ========= ============================================= ===========
    before    after     gain [V]                                      outcome
    ========= ========= ============================================= ===========
    low       ok        any                                           cured
    ok        low       any                                           newly low
    low       low       [1, inf)                                      improved
    low       low       (-0.1, 0.1)                                   unchanged
    low       low       (-inf, -0.1] or [0.1, 1)                      still low
    ok        ok        any                                           not low
    ========= ========= ============================================= ===========

    Anything else on either side, or a voltage that is NaN, is `not judged`.

    Parameters
    ----------
    before, after : pandas.DataFrame
        Frames of `village_voltages` with the same villages, in any order.
    stage : int
        What the rows are labelled with: the batch that lies between the two.

    Returns
    -------
    pandas.DataFrame
        In the order of `after`: `stage, village, town, admin_village, households, batch,
        plan_class, treated` (the batch is the village's own), `status_before, status_after,
        v_before_v, v_after_v, gain_v, gain_percent_points` (of 220 V), `hours_low_before,
        hours_low_after, households_low_before, households_low_after, outcome`.

    Raises
    ------
    InputError
        If the villages differ.
    """
    new = by_name(after.rename(columns={"village": "name"}), "villages after")
    old = by_name(before.rename(columns={"village": "name"}), "villages before")
    apart = new.index.symmetric_difference(old.index)
    if len(apart):
        raise InputError(f"{apart[0]!r} stands in one of the two stages only", f"stage {stage}")
    old = old.reindex(new.index)
    gain_v = new["v_min_v"] - old["v_min_v"]
    kept = new[["town", "admin_village", "households", "batch", "plan_class"]]
    frame = kept.assign(
        stage=stage,
        treated=new["batch"] == stage,
        status_before=old["status"],
        status_after=new["status"],
        v_before_v=old["v_min_v"],
        v_after_v=new["v_min_v"],
        gain_v=gain_v,
        gain_percent_points=gain_v / _NOMINAL_V * 100,
        hours_low_before=old["hours_low"],
        hours_low_after=new["hours_low"],
        households_low_before=old["households_low"],
        households_low_after=new["households_low"],
        outcome=_outcome(old["status"], new["status"], gain_v),
    )
    frame = frame.rename_axis("village").reset_index()
    return frame[["stage", *frame.columns.drop("stage")]]


def _outcome(before: pd.Series, after: pd.Series, gain_v: pd.Series) -> pd.Series:
    is_judged = before.isin(["low", "ok"]) & after.isin(["low", "ok"]) & gain_v.notna()
    was_low, is_low = before == "low", after == "low"
    chosen = np.select(
        [
            ~is_judged,
            was_low & ~is_low,
            ~was_low & is_low,
            ~was_low & ~is_low,
            gain_v >= IMPROVED_FROM_V,
            gain_v.abs() < UNCHANGED_BELOW_V,
        ],
        ["not judged", "cured", "newly low", "not low", "improved", "unchanged"],
        default="still low",
    )
    return pd.Series(chosen, index=before.index)
