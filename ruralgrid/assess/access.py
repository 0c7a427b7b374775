"""Three-phase access: who can connect a mill, before and after each batch of works.

A household has four-wire supply where every section between its transformer and its service point
carries a, b, c and the neutral, and that transformer is a three-phase one.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.area_walk import AreaWalk, walk_areas
from ruralgrid.county.phases import single_phase_types, wire_masks
from ruralgrid.findings import Finding, Findings

if TYPE_CHECKING:
    from ruralgrid.county import County
    from ruralgrid.plan import Plan

__all__ = ["access_by_stage", "access_findings", "four_wire_access", "four_wire_nodes"]

_ALL_WIRES: Final = 0b1111
_COUNTS: Final = ("households_four_wire", "households_single_phase_only", "households_unsupplied")


def four_wire_nodes(county: County, walk: AreaWalk | None = None) -> pd.Series:
    """Whether all four wires reach each node of the 0.4 kV nets.

    Parameters
    ----------
    county : County
        At its stage.
    walk : AreaWalk, optional
        Of `walk_areas(county)`, where it is at hand.

    Returns
    -------
    pandas.Series of bool
        By node name, in the order of the walk; nodes that no transformer feeds are not in it.
    """
    walk = walk_areas(county) if walk is None else walk
    is_whole = _wires_above(county, walk)
    for position, parent in enumerate(walk.parent.tolist()):
        if parent >= 0:
            is_whole[position] &= is_whole[parent]
    return pd.Series(is_whole, index=county.nodes["name"].to_numpy()[walk.node], dtype=bool)


def _wires_above(county: County, walk: AreaWalk) -> NDArray[np.bool_]:
    """Whether the section above each position has four wires; at a busbar, whether its unit has."""
    unit = county.transformers["type"].iloc[walk.transformer]
    whole = wire_masks(county.sections["phases"]) == _ALL_WIRES
    above = np.zeros(len(walk.node), dtype=bool)
    below = walk.section >= 0
    above[below] = whole[walk.section[below]]
    above[walk.first[:-1]] = ~unit.isin(single_phase_types(county)).to_numpy()
    return above


def four_wire_access(county: County) -> pd.DataFrame:
    """Which villages and households have four-wire supply.

    Parameters
    ----------
    county : County
        At its stage. Sections that are open in normal service carry nothing; where a 0.4 kV net is
        no tree (`check_phases` says so), the path of the walk outwards counts.

    Returns
    -------
    pandas.DataFrame
        A row per village in the order of `county.villages`: `village, town, admin_village, batch,
        plan_class, households`; of the household customers `households_four_wire`,
        `households_single_phase_only` (some wire is missing on their way) and
        `households_unsupplied` (no transformer feeds their node); `has_four_wire` (all its
        household customers have four wires; NA where it has none, as in a net of another program),
        `has_own_transformer` (a 10/0.4 kV unit stands at a node of the village).
    """
    walk = walk_areas(county)
    homes = county.consumers[county.consumers["kind"] == "household"]
    is_whole = homes["node"].map(four_wire_nodes(county, walk))
    cases = (is_whole.eq(True), is_whole.eq(False), is_whole.isna())
    counts = pd.DataFrame(
        {name: homes["count"].where(case, 0) for name, case in zip(_COUNTS, cases, strict=True)}
    )
    counts = counts.groupby(homes["village"]).sum()
    villages = county.villages.rename(columns={"name": "village"})
    columns = ["village", "town", "admin_village", "batch", "plan_class", "households"]
    table = villages[columns].join(counts, on="village")
    table[list(_COUNTS)] = table[list(_COUNTS)].fillna(0).astype("int64")
    others = table["households_single_phase_only"] + table["households_unsupplied"]
    has_homes = table[list(_COUNTS)].sum(axis=1) > 0
    table["has_four_wire"] = (others == 0).astype("boolean").where(has_homes)
    units = county.transformers["lv_node"].iloc[walk.transformer]
    at = county.nodes.loc[county.nodes["name"].isin(units), "village"]
    table["has_own_transformer"] = table["village"].isin(at)
    return table


def access_by_stage(county: County, plan: Plan | None = None) -> pd.DataFrame:
    """The plan's goals of three-phase power, as counts and shares of every stage.

    Its goals are three-phase power "to every poor village" and "to every village group". A village
    group is a natural village here. The plan does not say which administrative villages are poor,
    so all are counted: what holds for every one holds for the poor ones.

    Parameters
    ----------
    county : County
        At its first stage.
    plan : Plan, optional
        What the counts are held against; the plan that the county was drawn from when left out.

    Returns
    -------
    pandas.DataFrame
        A row per stage:

        - `villages` (with household customers; the others are not judged), `villages_four_wire`
          (all households have it), `villages_four_wire_percent`, `villages_single_phase_only` (some
          household has only single-phase supply);
        - `admin_villages`, `admin_villages_reached` (one natural village or more has it),
          `admin_villages_whole` (all have it), each of the two with its share;
        - `households`, `households_four_wire`, `households_four_wire_percent`,
          `households_single_phase_only`, `households_unsupplied`;
        - `villages_with_transformer`;
        - `households_planned`, `villages_planned`: with single-phase supply only, as the plan's
          batches still to come add up; NA without a plan.
    """
    if plan is None and county.origin is not None:
        plan = county.origin.plan
    stages = list(accumulate(county.stages[1:], lambda c, k: c.at(k), initial=county))
    return pd.DataFrame([_stage_row(stage, plan) for stage in stages]).astype(
        {"households_planned": "Int64", "villages_planned": "Int64"}
    )


def _stage_row(county: County, plan: Plan | None) -> dict[str, float | None]:
    table = four_wire_access(county)
    judged = table[table["has_four_wire"].notna()].astype({"has_four_wire": bool})
    has = judged.groupby(["town", "admin_village"])["has_four_wire"].agg(["any", "all"])
    homes = int(table[list(_COUNTS)].to_numpy().sum())
    left = (
        [batch.three_phase for batch in plan.batches if batch.year > county.stage] if plan else []
    )
    return {
        "stage": county.stage,
        **_share("villages", len(judged), four_wire=int(judged["has_four_wire"].sum())),
        "villages_single_phase_only": int((table["households_single_phase_only"] > 0).sum()),
        **_share(
            "admin_villages", len(has), reached=int(has["any"].sum()), whole=int(has["all"].sum())
        ),
        **_share("households", homes, four_wire=int(table["households_four_wire"].sum())),
        "households_single_phase_only": int(table["households_single_phase_only"].sum()),
        "households_unsupplied": int(table["households_unsupplied"].sum()),
        "villages_with_transformer": int(table["has_own_transformer"].sum()),
        "households_planned": sum(works.households for works in left) if plan else None,
        "villages_planned": sum(works.villages for works in left) if plan else None,
    }


def _share(of: str, total: int, **counts: int) -> dict[str, float | None]:
    """The total, and each count with its share of the total [%]; NaN of nothing."""
    row: dict[str, float | None] = {of: total}
    for name, count in counts.items():
        row[f"{of}_{name}"] = count
        row[f"{of}_{name}_percent"] = 100 * count / total if total else np.nan
    return row


def access_findings(stages: pd.DataFrame, plan: Plan) -> Findings:
    """Where the county's counts are not the plan's, and goals that its last stage does not reach.

    Codes: `access-households-differ`, `access-villages-differ` (of a stage, against the batches
    still to come), `access-total-differs` (before the works, against the stated total),
    `access-goal-missed`.

    Parameters
    ----------
    stages : pandas.DataFrame
        Of `access_by_stage`.
    plan : Plan
    """
    rows = stages.to_dict("records")
    items = [_count_finding(row, of) for row in rows for of in ("households", "villages")]
    items += [_total_finding(rows[0], of, plan) for of in ("households", "villages")]
    if plan.goals.three_phase_power:
        items += [_goal_finding(rows[-1], of, plan) for of in ("villages", "admin_villages")]
    return Findings(item for item in items if item is not None)


def _count_finding(row: Mapping[Hashable, Any], of: str) -> Finding | None:
    found, planned = row[f"{of}_single_phase_only"], row[f"{of}_planned"]
    if pd.isna(planned) or found == planned:
        return None
    message = (
        f"stage {row['stage']}: {found:,} {of} have single-phase supply only; "
        f"the batches still to come name {planned:,}"
    )
    return Finding(f"access-{of}-differ", f"stage {row['stage']}", message, found, planned)


def _total_finding(row: Mapping[Hashable, Any], of: str, plan: Plan) -> Finding | None:
    stated = plan.stated_totals.three_phase
    found, total = row[f"{of}_single_phase_only"], getattr(stated, of, None)
    if total is None or found == total:
        return None
    message = f"{found:,} {of} have single-phase supply only; the plan's total states {total:,}"
    return Finding("access-total-differs", of, message, found, total, where="totals, three_phase")


def _goal_finding(row: Mapping[Hashable, Any], of: str, plan: Plan) -> Finding | None:
    reached = row["villages_four_wire" if of == "villages" else "admin_villages_reached"]
    if reached == row[of]:
        return None
    words = of.replace("admin_", "administrative ")
    message = (
        f"after stage {row['stage']} {reached:,} of {row[of]:,} {words} have three-phase power; "
        f"the plan's goals: {'; '.join(plan.goals.three_phase_power)}"
    )
    return Finding("access-goal-missed", words, message, reached, row[of])
