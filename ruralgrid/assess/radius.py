"""Supply radius: how far a customer is from its transformer, and that from its station.

::

    station busbar ──feeder──●──────●── hv │transformer│ lv ──●──────●── service point
    |<------------ 10 kV, 15 km ---------->|             |<-- 0.4 kV, 0.5 km -->|

Sections that are open in normal service carry nothing and are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import networkx as nx
import numpy as np
import pandas as pd

from ruralgrid.assess.tables import CountyTables, by_name, looked_up
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.findings import Finding, Findings

if TYPE_CHECKING:
    from ruralgrid.limits import LimitSet

__all__ = [
    "chain_nodes",
    "chain_voltages",
    "radius_findings",
    "supply_paths",
    "supply_radius_areas",
    "supply_radius_feeders",
]

_LV_BELOW_KV: Final = 1.0
_MV_BELOW_KV: Final = 35.0


def supply_paths(county: CountyTables) -> pd.DataFrame:
    """How every customer's node below 1 kV is fed: its transformer, feeder and station.

    The path is the shortest one over closed sections; in a radial net the only one.

    Returns
    -------
    pandas.DataFrame
        A row per node below 1 kV that is a service point or has a consumer: `node, transformer,
        lv_node, hv_node, feeder` (the section that leaves the busbar), `station_node, length_lv_km,
        length_mv_km`. Where nothing feeds it, the names are empty and the lengths NaN.
    """
    kv = by_name(county.nodes, "nodes")["kv"]
    units = _distribution_transformers(county, kv)
    lv = _distances(county, kv, units["lv_node"], 0.0, _LV_BELOW_KV)
    mv = _distances(county, kv, _stations(county, kv), _LV_BELOW_KV, _MV_BELOW_KV)
    points = _points(county, kv)
    paths = pd.DataFrame({"node": points}).merge(lv, on="node", how="left", validate="1:1")
    paths = paths.rename(columns={"root": "lv_node", "length_km": "length_lv_km"})
    # two transformers on one busbar share its customers; the first by name stands for both
    by_lv = units.sort_values("transformer").drop_duplicates("lv_node")
    paths = paths.drop(columns="branch").merge(by_lv, on="lv_node", how="left")
    mv = mv.rename(
        columns={
            "node": "hv_node",
            "root": "station_node",
            "branch": "feeder",
            "length_km": "length_mv_km",
        }
    )
    paths = paths.merge(mv, on="hv_node", how="left", validate="m:1")
    names = ["transformer", "lv_node", "hv_node", "feeder", "station_node"]
    paths[names] = paths[names].fillna("")
    return paths[["node", *names, "length_lv_km", "length_mv_km"]]


def supply_radius_areas(
    county: CountyTables, limits: LimitSet, paths: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The 0.4 kV supply radius of every transformer area (台区).

    Parameters
    ----------
    county : CountyTables
    limits : LimitSet
    paths : pandas.DataFrame, optional
        Of `supply_paths(county)`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        `transformer, lv_node, service_points, furthest_node, radius_km, limit_km, exceeds`. A
        transformer without a service point has no radius (NaN) and does not exceed.
    """
    kv = by_name(county.nodes, "nodes")["kv"]
    units = _distribution_transformers(county, kv).sort_values("transformer", ignore_index=True)
    paths = supply_paths(county) if paths is None else paths
    fed = paths[paths["transformer"] != ""]
    return _radii(
        units[["transformer", "lv_node"]],
        fed.rename(columns={"node": "furthest_node", "length_lv_km": "radius_km"}),
        ["transformer"],
        "service_points",
        limits,
        "0.4 kV",
    )


def supply_radius_feeders(county: CountyTables, limits: LimitSet) -> pd.DataFrame:
    """The 10 kV supply radius of every feeder: from the busbar to its furthest transformer.

    Returns
    -------
    pandas.DataFrame
        `station_node, feeder, transformers, furthest_node, radius_km, limit_km, exceeds`.
        Transformers at the busbar itself belong to no feeder and are left out.
    """
    kv = by_name(county.nodes, "nodes")["kv"]
    mv = _distances(county, kv, _stations(county, kv), _LV_BELOW_KV, _MV_BELOW_KV)
    fed = mv.merge(
        _distribution_transformers(county, kv), left_on="node", right_on="hv_node", how="inner"
    )
    fed = fed[fed["branch"] != ""].rename(
        columns={
            "root": "station_node",
            "branch": "feeder",
            "node": "furthest_node",
            "length_km": "radius_km",
        }
    )
    keys = ["station_node", "feeder"]
    feeders = fed[keys].drop_duplicates().sort_values(keys, ignore_index=True)
    return _radii(feeders, fed, keys, "transformers", limits, "10 kV")


def radius_findings(
    county: CountyTables, limits: LimitSet, paths: pd.DataFrame | None = None
) -> Findings:
    """Radii above their limit, and nodes and transformers that no path feeds.

    Codes: `radius-area` (0.4 kV), `radius-feeder` (10 kV), `node-without-transformer`,
    `transformer-without-station`. `paths` are those of `supply_paths`, where they are at hand.
    """
    paths = supply_paths(county) if paths is None else paths
    items = []
    for code, key, level, table in (
        ("radius-area", "transformer", "0.4 kV", supply_radius_areas(county, limits, paths)),
        ("radius-feeder", "feeder", "10 kV", supply_radius_feeders(county, limits)),
    ):
        rule = limits.limit("supply_radius", level)
        for row in table[table["exceeds"]].to_dict("records"):
            radius = float(row["radius_km"])
            message = f"{radius:.2f} km to {row['furthest_node']}, limit {rule.value:g} km"
            items.append(
                Finding(code, str(row[key]), message, radius, rule.value, "km", clause=rule.clause)
            )
    for node in paths.loc[paths["transformer"] == "", "node"]:
        message = "no closed path leads to a transformer"
        items.append(Finding("node-without-transformer", node, message, severity="error"))
    fed = paths[(paths["transformer"] != "") & (paths["station_node"] == "")]
    for transformer in fed["transformer"].drop_duplicates():
        message = "no closed path leads to a station"
        items.append(Finding("transformer-without-station", transformer, message, severity="error"))
    return Findings(items)


def chain_nodes(villages: pd.DataFrame, paths: pd.DataFrame) -> pd.DataFrame:
    """The nodes whose voltage `drop_shares` asks for, per village, at its worst service point.

    Parameters
    ----------
    villages : pandas.DataFrame
        Of `village_voltages`. Villages without worst node are left out.
    paths : pandas.DataFrame
        Of `supply_paths`, at the same stage.

    Returns
    -------
    pandas.DataFrame
        `village, hour, station_node, hv_node, lv_node, end_node`; a node is empty where no path
        feeds the village.
    """
    known = villages[villages["worst_node"] != ""]
    chains = known[["village", "worst_hour", "worst_node"]].merge(
        paths, left_on="worst_node", right_on="node", how="left"
    )
    chains = chains.rename(columns={"worst_hour": "hour", "worst_node": "end_node"})
    columns = ["village", "hour", "station_node", "hv_node", "lv_node", "end_node"]
    return chains[columns].fillna({"station_node": "", "hv_node": "", "lv_node": ""})


def chain_voltages(
    chains: pd.DataFrame, recorded: pd.DataFrame, bus_names: pd.Series
) -> pd.DataFrame:
    """The voltages along each chain at its hour, as `drop_shares` takes them.

    Parameters
    ----------
    chains : pandas.DataFrame
        Of `chain_nodes`.
    recorded : pandas.DataFrame
        Voltages [pu], a row per hour, a column per bus index: `YearSolution.recorded`.
    bus_names : pandas.Series
        Name of each bus by bus index: `YearSolution.buses["name"]`.

    Returns
    -------
    pandas.DataFrame
        `village, v_station_pu, v_hv_pu, v_lv_pu, v_end_pu`; NaN where a node is empty.

    Raises
    ------
    InputError, UnknownNameError
        If an hour or a node was not recorded.
    """
    hours = pd.Index(recorded.index)
    row = hours.get_indexer(chains["hour"].astype("int64"))
    if (row < 0).any():
        hour = chains["hour"].to_numpy()[row < 0][0]
        raise InputError(f"hour {hour} was not recorded; {len(hours)} hours were", "recorded")
    names = pd.Index(bus_names.reindex(recorded.columns))
    values = recorded.to_numpy(dtype=float)
    frame = pd.DataFrame({"village": chains["village"].to_numpy()})
    for place in ("station", "hv", "lv", "end"):
        nodes = chains[f"{place}_node"]
        column = names.get_indexer(nodes)
        unknown = nodes[(column < 0) & (nodes != "")]
        if len(unknown):
            raise UnknownNameError("recorded bus", unknown.iloc[0], names, where="recorded")
        frame[f"v_{place}_pu"] = np.where(nodes == "", np.nan, values[row, column])
    return frame


def _distribution_transformers(county: CountyTables, kv: pd.Series) -> pd.DataFrame:
    units = by_name(county.transformers, "transformers", ("hv_node", "lv_node"))
    frame = units[["hv_node", "lv_node"]].rename_axis("transformer").reset_index()
    low = looked_up(frame["lv_node"], kv, "node", "transformers, lv_node")
    return frame[low < _LV_BELOW_KV].reset_index(drop=True)


def _stations(county: CountyTables, kv: pd.Series) -> pd.Series:
    """Where paths of 1 to 35 kV (not 35 itself) begin.

    Busbars that a transformer feeds from 35 kV or above; and, for a unit that goes from there to
    0.4 kV in one step, its own high side.
    """
    units = county.transformers
    high = looked_up(units["hv_node"], kv, "node", "transformers, hv_node") >= _MV_BELOW_KV
    low = looked_up(units["lv_node"], kv, "node", "transformers, lv_node") < _LV_BELOW_KV
    sides = [units.loc[high & ~low, "lv_node"], units.loc[high & low, "hv_node"]]
    if "mv_node" in units.columns:
        middle = units.loc[high, "mv_node"].fillna("")
        sides.append(middle[middle != ""])
    nodes = pd.concat(sides).drop_duplicates()
    level = looked_up(nodes, kv, "node", "transformers")
    # a middle or low side of 35 kV and more begins no 10 kV path
    direct = nodes.isin(units.loc[high & low, "hv_node"])
    return nodes[(level < _MV_BELOW_KV) | direct]


def _points(county: CountyTables, kv: pd.Series) -> pd.Index:
    nodes = county.nodes
    named = nodes.loc[nodes["kind"] == "service_point", "name"]
    points = pd.concat([named, county.consumers["node"]]).drop_duplicates()
    return pd.Index(points[looked_up(points, kv, "node", "consumers, node") < _LV_BELOW_KV])


def _distances(
    county: CountyTables, kv: pd.Series, roots: pd.Series, from_kv: float, below_kv: float
) -> pd.DataFrame:
    """`node, root, branch, length_km` of every node reached from a root at its own level.

    `branch` is the section that leaves the root; it is empty at the root itself.
    """
    sections = county.sections
    level = looked_up(sections["from_node"], kv, "node", "sections, from_node")
    is_open = sections["normally_open"].fillna(False).astype(bool)
    carrying = sections[(level >= from_kv) & (level < below_kv) & ~is_open]
    # of parallel sections the shortest counts; the last edge written wins, so longest first
    carrying = carrying.sort_values(["length_km", "name"], ascending=False)
    graph = nx.from_pandas_edgelist(
        carrying, "from_node", "to_node", edge_attr=["length_km", "name"]
    )
    graph.add_nodes_from(roots)
    if not len(roots):
        return pd.DataFrame(columns=["node", "root", "branch", "length_km"])
    lengths, paths = nx.multi_source_dijkstra(graph, set(roots), weight="length_km")
    rows = [
        (
            node,
            path[0],
            graph.edges[path[0], path[1]]["name"] if len(path) > 1 else "",
            lengths[node],
        )
        for node, path in paths.items()
    ]
    return pd.DataFrame(rows, columns=["node", "root", "branch", "length_km"])


def _radii(
    groups: pd.DataFrame,
    fed: pd.DataFrame,
    keys: list[str],
    count: str,
    limits: LimitSet,
    level: str,
) -> pd.DataFrame:
    """Each group with its furthest row of `fed` (of equal ones the first by name)."""
    rule = limits.limit("supply_radius", level)
    furthest = fed.sort_values(["radius_km", "furthest_node"], ascending=[False, True])
    furthest = furthest.drop_duplicates(keys)[[*keys, "furthest_node", "radius_km"]]
    counts = fed.groupby(keys).size().rename(count).reset_index()
    table = groups.merge(counts, on=keys, how="left").merge(furthest, on=keys, how="left")
    table[count] = table[count].fillna(0).astype("int64")
    table["furthest_node"] = table["furthest_node"].fillna("")
    table["limit_km"] = rule.value
    table["exceeds"] = rule.is_exceeded(table["radius_km"])
    return table
