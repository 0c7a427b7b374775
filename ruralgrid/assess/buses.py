"""Every bus held against the voltage band of its level."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ruralgrid.assess.tables import SolutionTables, by_name
from ruralgrid.findings import Finding, Findings

if TYPE_CHECKING:
    from ruralgrid.limits import LimitSet

__all__ = ["voltage_findings", "voltage_summary"]

_BUS_VERDICTS: Final = (
    "ok",
    "low",
    "high",
    "low_and_high",
    "deviation_sum",
    "unsupplied",
    "failed",
    "out_of_service",
)


def voltage_findings(solution: SolutionTables, limits: LimitSet) -> Findings:
    """A finding for every bus outside its band at any hour, without supply or without solution.

    Nets below 1 kV are held against the single-phase band, up to 20 kV against the three-phase one,
    from 35 kV on against the sum of deviations. Buses out of service are not judged. Codes:
    `voltage-low`, `voltage-high`, `voltage-deviation-sum`, `bus-unsupplied`, `bus-failed`.
    """
    judged = _judged_buses(solution, limits)
    faulty = judged[~judged["verdict"].isin(["ok", "out_of_service"])]
    return Findings(
        item for row in faulty.to_dict("records") for item in _bus_findings(row, limits)
    )


def voltage_summary(solution: SolutionTables, limits: LimitSet) -> pd.DataFrame:
    """How many buses of each voltage are inside their band.

    Returns
    -------
    pandas.DataFrame
        A row per nominal voltage, highest first: `vn_kv, buses, ok, low, high, low_and_high,
        deviation_sum, unsupplied, failed, out_of_service` (they add up to `buses`), `v_min_pu,
        v_max_pu`.
    """
    judged = _judged_buses(solution, limits)
    counts = pd.crosstab(judged["vn_kv"], judged["verdict"]).reindex(
        columns=list(_BUS_VERDICTS), fill_value=0
    )
    grouped = judged.groupby("vn_kv")
    counts.insert(0, "buses", grouped.size())
    counts["v_min_pu"] = grouped["vm_min_pu"].min()
    counts["v_max_pu"] = grouped["vm_max_pu"].max()
    return counts.rename_axis(columns=None).sort_index(ascending=False).reset_index()


def _judged_buses(solution: SolutionTables, limits: LimitSet) -> pd.DataFrame:
    columns = ["vn_kv", "status", "vm_min_pu", "vm_max_pu"]
    buses = by_name(solution.buses, "solution.buses", columns)[columns].reset_index()
    buses["verdict"] = "failed"  # whatever no rule below speaks of
    for status in ("unsupplied", "out_of_service"):
        buses.loc[buses["status"] == status, "verdict"] = status
    is_known = buses["vm_min_pu"].notna() & buses["vm_max_pu"].notna()
    for vn_kv, level in buses[(buses["status"] == "solved") & is_known].groupby("vn_kv"):
        band = limits.band(float(str(vn_kv)))
        if band.sum_percent is None:
            low = band.is_low(level["vm_min_pu"], float(str(vn_kv)))
            high = band.is_high(level["vm_max_pu"], float(str(vn_kv)))
            verdict = np.select([low & high, low, high], ["low_and_high", "low", "high"], "ok")
        else:
            figure = band.deviation_sum_percent(level["vm_min_pu"], level["vm_max_pu"])
            outside = figure > band.sum_percent
            if band.ends == "open":
                outside |= figure == band.sum_percent
            verdict = np.where(outside, "deviation_sum", "ok")
        buses.loc[level.index, "verdict"] = verdict
    buses.loc[buses["verdict"].isin(["unsupplied", "failed"]), ["vm_min_pu", "vm_max_pu"]] = np.nan
    return buses


def _bus_findings(row: Mapping[Hashable, Any], limits: LimitSet) -> Iterator[Finding]:
    name, verdict, vn_kv = str(row["name"]), row["verdict"], float(row["vn_kv"])
    if verdict == "unsupplied":
        yield Finding("bus-unsupplied", name, "has no path to a source", severity="error")
        return
    if verdict == "failed":
        yield Finding("bus-failed", name, "the load flow has no solution here", severity="error")
        return
    band = limits.band(vn_kv)
    if verdict == "deviation_sum":
        figure = float(band.deviation_sum_percent(row["vm_min_pu"], row["vm_max_pu"]))
        message = f"deviations from {vn_kv:g} kV sum to {figure:.2f} %"
        code, limit = "voltage-deviation-sum", band.sum_percent
        yield Finding(code, name, message, figure, limit, "%", clause=band.clause)
    if verdict in ("low", "low_and_high"):
        value, limit = float(row["vm_min_pu"]), band.low_pu(vn_kv)
        message = f"{value:.4f} pu of {vn_kv:g} kV is below {limit:.4f} pu"
        yield Finding("voltage-low", name, message, value, limit, "pu", clause=band.clause)
    if verdict in ("high", "low_and_high"):
        value, limit = float(row["vm_max_pu"]), band.high_pu(vn_kv)
        message = f"{value:.4f} pu of {vn_kv:g} kV is above {limit:.4f} pu"
        yield Finding("voltage-high", name, message, value, limit, "pu", clause=band.clause)
