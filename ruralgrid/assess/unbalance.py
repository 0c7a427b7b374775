"""Unbalance of the three phases at 0.4 kV, held against its limit.

The factor is the negative over the positive sequence of the phase-to-neutral voltages [%], as GB/T
15543 takes it. A year keeps the highest hour of each node: it is held against the limit for short
times, since the one for long times is of the value that 95 % of a day's readings keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ruralgrid.errors import InputError
from ruralgrid.findings import Finding, Findings

if TYPE_CHECKING:
    from ruralgrid.limits import Limit, LimitSet

__all__ = ["unbalance_findings", "unbalance_summary"]

_COLUMNS = ("name", "status", "unbalance_max_percent", "neutral_v_max")


def unbalance_summary(phases: pd.DataFrame, limits: LimitSet) -> dict[str, float]:
    """How unbalanced the nodes with three phases come to be.

    Parameters
    ----------
    phases : pandas.DataFrame
        Of a four-wire year: `YearSolution.phases`.
    limits : LimitSet
        Its `voltage_unbalance_short`, if it has one.

    Returns
    -------
    dict
        `nodes_three_phase`, `nodes_unbalanced` (beyond the limit in some hour; NaN without one),
        `unbalance_median_percent` and `unbalance_max_percent` of the nodes' highest hours,
        `neutral_v_max` [V]. Nodes without a solution, or with fewer phases, count nowhere.
    """
    known = _known(phases)
    limit = _limit(limits)
    percent = known["unbalance_max_percent"].astype(float)
    beyond = float(limit.is_exceeded(percent).sum()) if limit else float("nan")
    return {
        "nodes_three_phase": float(len(known)),
        "nodes_unbalanced": beyond,
        "unbalance_median_percent": float(percent.median()),
        "unbalance_max_percent": float(percent.max()),
        "neutral_v_max": float(phases.loc[phases["status"] == "solved", "neutral_v_max"].max()),
    }


def unbalance_findings(phases: pd.DataFrame, limits: LimitSet, stage: int) -> Findings:
    """One finding where nodes pass the limit: how many, and the worst of them."""
    summary, limit = unbalance_summary(phases, limits), _limit(limits)
    if limit is None or not summary["nodes_unbalanced"]:
        return Findings([])
    known = _known(phases)
    worst = known.loc[known["unbalance_max_percent"].idxmax()]
    message = (
        f"stage {stage}: {summary['nodes_unbalanced']:,.0f} of "
        f"{summary['nodes_three_phase']:,.0f} nodes "
        f"with three phases pass {limit.value:g} % in some hour, {worst['name']} comes to "
        f"{worst['unbalance_max_percent']:.1f} %"
    )
    value = float(worst["unbalance_max_percent"])
    name, clause = str(worst["name"]), limit.clause
    return Findings([Finding("unbalance", name, message, value, limit.value, "%", clause=clause)])


def _limit(limits: LimitSet) -> Limit | None:
    asked = "voltage_unbalance_short"
    return next((limit for limit in limits.limits if limit.quantity == asked), None)


def _known(phases: pd.DataFrame) -> pd.DataFrame:
    for column in _COLUMNS:
        if column not in phases:
            raise InputError(f"column {column!r} is expected, of a four-wire year", "phases")
    return phases[(phases["status"] == "solved") & phases["unbalance_max_percent"].notna()]
