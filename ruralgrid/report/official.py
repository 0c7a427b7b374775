"""The tables that a utility files: loss by area, pass rate, supply radius, rating per household.

台区线损, 电压合格率, 供电半径, 户均容量: as they are drawn up in China, from a study's frames.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import pandas as pd

from ruralgrid.assess import (
    composite_pass_rate,
    pass_rates,
    point_classes,
    supply_radius_areas,
    supply_radius_feeders,
)
from ruralgrid.equipment import get_transformer
from ruralgrid.errors import UnknownNameError
from ruralgrid.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from ruralgrid.assess.tables import SolutionTables
    from ruralgrid.county import County
    from ruralgrid.report.staged import StagedStudy
    from ruralgrid.studies import Study

__all__ = [
    "area_losses",
    "household_capacity",
    "supply_radii",
    "unit_ratings",
    "voltage_pass_rates",
]

_LV_BELOW_KV: Final = 1.0
_STAGE: Final = "stage"
_JOINT: Final = " + "


def area_losses(staged: StagedStudy, stage: int) -> pd.DataFrame:
    """台区线损: each area that feeds customers at 0.4 kV, at a stage.

    ``area_fed_kwh = sold_kwh + area_loss_kwh``, as a meter on the low side of the transformer reads
    it; the transformer's own loss stands beside it, for it counts at 10 kV. What is sold is the
    energy of the customers at nominal voltage. Transformers on one busbar feed one area together:
    their ratings and losses are added.

    Returns
    -------
    pandas.DataFrame
        `stage, transformer` (all of the busbar)`, transformers` (their number)`, town, village,
        type, kva, households, sold_kwh, area_loss_kwh` (with the surcharge for unbalance)`,
        area_fed_kwh, area_loss_percent, no_load_loss_kwh, load_loss_kwh, loading_max_percent` (the
        highest of them).
    """
    county = staged.county(stage)
    area = _busbar_of_node(staged, stage)
    units = _areas(county)
    of_customer = county.consumers["node"].map(area)
    sold = county.consumers["kwh_per_year"].groupby(of_customer).sum()
    lost = _section_losses(staged.study, county, area)
    solved = _solved_areas(staged.study, county).reindex(units.index)
    table = pd.DataFrame(
        {
            _STAGE: stage,
            "transformer": units["transformer"],
            "transformers": units["transformers"],
            "town": units["town"],
            "village": units["village"],
            "type": units["type"],
            "kva": units["kva"],
            "households": _households(county, area).reindex(units.index).fillna(0).astype(int),
            "sold_kwh": sold.reindex(units.index),
            "area_loss_kwh": lost.reindex(units.index).fillna(0.0),
        }
    )
    table["area_fed_kwh"] = table["sold_kwh"] + table["area_loss_kwh"]
    table["area_loss_percent"] = 100 * table["area_loss_kwh"] / table["area_fed_kwh"]
    table["no_load_loss_kwh"] = solved["no_load_kwh"]
    table["load_loss_kwh"] = solved["load_kwh"]
    table["loading_max_percent"] = solved["loading_max_percent"]
    return table[table["sold_kwh"] > 0].reset_index(drop=True)


def household_capacity(staged: StagedStudy, stage: int) -> pd.DataFrame:
    """户均容量: the rating of the transformers that feed households, by town and for the county.

    Returns
    -------
    pandas.DataFrame
        `stage, town, transformers, kva, households, kva_per_household`; the last row, with an
        empty town, is the county.
    """
    county = staged.county(stage)
    units = _areas(county)
    households = _households(county, _busbar_of_node(staged, stage))
    units["households"] = households.reindex(units.index).fillna(0).astype(int)
    public = units[units["households"] > 0]
    table = public.groupby("town", sort=False).agg(
        transformers=("transformers", "sum"), kva=("kva", "sum"), households=("households", "sum")
    )
    table = pd.concat([table, table.sum().to_frame("").T]).rename_axis("town").reset_index()
    table = table.astype({"transformers": int, "households": int, "kva": float})
    table["kva_per_household"] = table["kva"] / table["households"].where(table["households"] > 0)
    table.insert(0, _STAGE, stage)
    return table


def supply_radii(staged: StagedStudy, stage: int) -> pd.DataFrame:
    """供电半径: of every area and every feeder, longest first.

    Returns
    -------
    pandas.DataFrame
        `stage, level, name, points, furthest_node, radius_km, limit_km, exceeds`.
    """
    county = staged.county(stage)
    areas = supply_radius_areas(county, staged.study.limits)
    feeders = supply_radius_feeders(county, staged.study.limits)
    areas = areas.rename(columns={"transformer": "name", "service_points": "points"})
    feeders = feeders.rename(columns={"feeder": "name", "transformers": "points"})
    table = pd.concat([feeders.assign(level="10 kV"), areas.assign(level="0.4 kV")])
    columns = ["level", "name", "points", "furthest_node", "radius_km", "limit_km", "exceeds"]
    table = table.loc[table["radius_km"].notna(), columns]
    table.insert(0, _STAGE, stage)
    order = ["level", "radius_km"]
    return table.sort_values(order, ascending=[True, False], ignore_index=True, kind="stable")


def voltage_pass_rates(staged: StagedStudy) -> pd.DataFrame:
    """电压合格率: by stage and class of points, and composite; see `point_classes`.

    Returns
    -------
    pandas.DataFrame
        `stage, point_class, points, mean_hours_low, mean_hours_high, pass_rate_percent`; classes
        without a point are left out.
    """
    rows = []
    for stage in staged.stages:
        points = point_classes(staged.county(stage))
        buses = _at(staged.study.nodes, stage)
        solution = cast("SolutionTables", SimpleNamespace(buses=buses))
        rates = pass_rates(points, solution, hours=HOURS_PER_YEAR)
        for name, rate in composite_pass_rate(rates).items():
            own = rates if name == "composite" else rates[rates["point_class"] == name]
            means = own[["hours_low", "hours_high"]].mean()
            rows.append((stage, name, len(own), *means, rate))
    columns = ["point_class", "points", "mean_hours_low", "mean_hours_high", "pass_rate_percent"]
    table = pd.DataFrame(rows, columns=[_STAGE, *columns])
    return table[table["points"] > 0].reset_index(drop=True)


def unit_ratings(county: County) -> pd.DataFrame:
    """The transformers of two windings, with their rating and place.

    Returns
    -------
    pandas.DataFrame
        `name, type, kva` (NaN where the catalogue does not have the type)`, hv_kv, lv_kv, town,
        village`.
    """
    units = county.transformers[county.transformers["mv_node"].fillna("") == ""]
    nodes = county.nodes.set_index("name")
    own = dict(
        zip(county.transformer_types["name"], county.transformer_types["sn_kva"], strict=True)
    )
    ratings = {name: own[name] if name in own else _rating(name) for name in units["type"].unique()}
    low, high = nodes.loc[units["lv_node"]], nodes.loc[units["hv_node"]]
    return pd.DataFrame(
        {
            "name": units["name"].to_numpy(),
            "type": units["type"].to_numpy(),
            "kva": units["type"].map(ratings).to_numpy(dtype=float),
            "hv_kv": high["kv"].to_numpy(),
            "lv_kv": low["kv"].to_numpy(),
            "town": np.where(high["town"] == "", low["town"], high["town"]),
            "village": np.where(low["village"] == "", high["village"], low["village"]),
        }
    )


def _rating(name: str) -> float:
    try:
        return get_transformer(name).sn_kva
    except UnknownNameError:
        return float("nan")


def _areas(county: County) -> pd.DataFrame:
    """The distribution transformers of each low-voltage busbar together, by its node."""
    units = unit_ratings(county)
    units = units[units["lv_kv"] < _LV_BELOW_KV]
    busbar = units["name"].map(_busbar_of_unit(county))
    return units.groupby(busbar, sort=False).agg(
        transformer=("name", _JOINT.join),
        transformers=("name", "size"),
        town=("town", "first"),
        village=("village", "first"),
        type=("type", lambda types: _JOINT.join(types.unique())),
        kva=("kva", lambda kva: kva.sum(skipna=False)),
    )


def _busbar_of_unit(county: County) -> pd.Series:
    return county.transformers.set_index("name")["lv_node"]


def _busbar_of_node(staged: StagedStudy, stage: int) -> pd.Series:
    """The low-voltage busbar that feeds each node below 1 kV."""
    area = pd.Series(staged.tree(stage).area, dtype=object)
    return area.map(_busbar_of_unit(staged.county(stage)))


def _solved_areas(study: Study, county: County) -> pd.DataFrame:
    """Losses of the transformers of each busbar, and the highest loading of one of them."""
    solved = _at(study.transformers, county.stage)
    busbar = solved["name"].map(_busbar_of_unit(county))
    parts = {"no_load_kwh": "sum", "load_kwh": "sum", "loading_max_percent": "max"}
    return solved.groupby(busbar).agg(parts)


def _at(frame: pd.DataFrame, stage: int) -> pd.DataFrame:
    return frame[frame[_STAGE] == stage]


def _households(county: County, area: pd.Series) -> pd.Series:
    homes = county.consumers[county.consumers["kind"] == "household"]
    return homes["count"].groupby(homes["node"].map(area)).sum()


def _section_losses(study: Study, county: County, area: pd.Series) -> pd.Series:
    """Loss of the 0.4 kV sections of each area [kWh a year], the surcharge included."""
    losses = _at(study.lines, county.stage).set_index("name")["loss_kwh"]
    sections = county.sections[~county.sections["normally_open"].astype(bool)]
    of_area = sections["to_node"].map(area).fillna(sections["from_node"].map(area))
    lost = losses.reindex(sections["name"]).groupby(of_area.to_numpy()).sum()
    return lost * _surcharge(study, county.stage)


def _surcharge(study: Study, stage: int) -> float:
    """The factor on the loss of 0.4 kV lines that the study's loss table holds."""
    losses = _at(study.losses, stage)
    low = losses[losses["level_kv"] < _LV_BELOW_KV]
    lines = float(low["line_kwh"].sum())
    return 1 + float(low["unbalance_surcharge_kwh"].sum()) / lines if lines else 1.0
