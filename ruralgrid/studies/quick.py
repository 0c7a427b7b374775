"""The quick methods of Chinese line-loss practice on every feeder of 6 to 20 kV, beside the year.

A quick method knows a feeder by the hourly current at its head and one equivalent resistance. Both
are made here from the same county: the current from the customers' load and the transformers'
no-load power, the resistance from the energy that each section carries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.assess import equivalent_resistance_ohm, quick_methods
from ruralgrid.units import HOURS_PER_YEAR, KILO, SQRT3

if TYPE_CHECKING:
    from ruralgrid.studies.stage import Stage

__all__ = ["quick_method_table"]

Floats = NDArray[np.float64]

_MEDIUM_KV = (1.0, 20.0)
"""Feeders are of levels above the first and up to the second: 6, 10 and 20 kV."""


def quick_method_table(stage: Stage) -> pd.DataFrame:
    """Loss of all 10 kV lines by each quick method, against the load flow of 8,760 hours.

    Parameters
    ----------
    stage : Stage
        Solved over a whole year.

    Returns
    -------
    pandas.DataFrame
        method, method_zh, kwh (all feeders), full_kwh, difference_percent, feeders, why. The RMS
        method over all hours with the equivalent resistance differs by what the method itself
        leaves out: unlike load curves along a feeder, and the voltage drop.
    """
    feeders = [_quick(feeder) for feeder in _feeders(stage)]
    if not feeders:
        return pd.DataFrame()
    rows = pd.concat(feeders)
    table = rows.groupby(["method", "method_zh", "why"], sort=False).agg(
        kwh=("kwh", "sum"), full_kwh=("full_kwh", "sum"), feeders=("kwh", "size")
    )
    table = table.reset_index()
    table["difference_percent"] = 100 * (table["kwh"] / table["full_kwh"] - 1)
    columns = ["method", "method_zh", "kwh", "full_kwh", "difference_percent", "feeders", "why"]
    return table[columns]


def _quick(feeder: tuple[Floats, float, float, float]) -> pd.DataFrame:
    current_a, resistance_ohm, full_kwh, cos_phi = feeder
    methods = quick_methods(current_a, resistance_ohm, full_kwh=full_kwh, cos_phi=cos_phi)
    return methods.assign(full_kwh=full_kwh)


def _feeders(stage: Stage) -> list[tuple[Floats, float, float, float]]:
    """Head current [A], equivalent resistance [ohm], full loss [kWh] and power factor of each."""
    county = stage.county
    nodes = county.nodes.set_index("name")
    sections = county.sections[~county.sections["normally_open"]]
    medium = sections[_is_medium(sections["from_node"].map(nodes["kv"]))]
    graph = nx.from_pandas_edgelist(medium, "from_node", "to_node", edge_attr="name")
    drawn = _drawn_at(stage)
    roots = [n for n in graph if nodes.at[n, "kind"] == "busbar"]
    line = stage.case.net.line.set_index("name")
    ohm = line["r_ohm_per_km"] * line["length_km"]
    loss = stage.solution.lines.set_index("name")["loss_kwh"]
    voltage = stage.solution.buses.set_index("name")[["vm_min_pu", "vm_max_pu"]].mean(axis=1)
    found = []
    for root in roots:
        for head in graph[root]:
            names, below = _sections_below(graph, root, head)
            active, reactive = drawn.power(below[0])
            full = float(loss.loc[names].sum())
            energy = np.array([drawn.kwh(nodes_below) for nodes_below in below])
            if full <= 0 or energy[0] <= 0:
                continue
            apparent = np.hypot(active, reactive)
            current = apparent / (SQRT3 * nodes.at[root, "kv"] * voltage.at[root])
            resistance = equivalent_resistance_ohm(energy, ohm.loc[names], energy[0])
            cos_phi = float(np.clip(active.sum() / apparent.sum(), 0.8, 1.0))
            found.append((current, resistance, full, cos_phi))
    return found


def _is_medium(kv: pd.Series) -> NDArray[np.bool_]:
    return np.asarray((kv > _MEDIUM_KV[0]) & (kv <= _MEDIUM_KV[1]), dtype=bool)


class _Drawn:
    """What is drawn behind each 10 kV node, hour by hour."""

    def __init__(
        self,
        curves: Floats,
        parts: dict[str, tuple[NDArray[np.int64], Floats, Floats]],
        idle: dict[str, tuple[float, float]],
    ) -> None:
        self.curves, self.parts, self.idle = curves, parts, idle

    def kwh(self, nodes: list[str]) -> float:
        """Energy of a year [kWh], no-load loss of the transformers included."""
        active = sum(self.parts[n][1].sum() for n in nodes if n in self.parts)
        return float(active + sum(self.idle.get(n, (0.0, 0.0))[0] for n in nodes)) * HOURS_PER_YEAR

    def power(self, nodes: list[str]) -> tuple[Floats, Floats]:
        """Active [kW] and reactive [kvar] power at each hour."""
        weight = np.zeros((2, len(self.curves)))
        for node in nodes:
            if node in self.parts:
                curve, kw, kvar = self.parts[node]
                np.add.at(weight[0], curve, kw)
                np.add.at(weight[1], curve, kvar)
        idle = np.array([self.idle.get(n, (0.0, 0.0)) for n in nodes]).sum(axis=0)
        total = weight @ self.curves + idle[:, None]
        return total[0], total[1]


def _drawn_at(stage: Stage) -> _Drawn:
    net, profiles = stage.case.net, stage.case.profiles
    paths = stage.case.paths.set_index("node")["hv_node"]
    at = paths.reindex(stage.county.consumers["node"]).to_numpy()
    kw, kvar = net.load["p_mw"].to_numpy() * KILO, net.load["q_mvar"].to_numpy() * KILO
    parts = {
        str(node): (profiles.of_load[rows], kw[rows], kvar[rows])
        for node, rows in pd.Series(at).groupby(at).indices.items()
    }
    units = net.trafo[_is_medium(net.bus["vn_kv"].loc[net.trafo["hv_bus"]])]
    name = net.bus["name"].loc[units["hv_bus"]].to_numpy()
    magnetising = units["i0_percent"] / 100 * units["sn_mva"] * KILO
    idle = pd.DataFrame({"kw": units["pfe_kw"].to_numpy(), "kvar": magnetising.to_numpy()})
    sums = idle.groupby(name).sum()
    return _Drawn(
        np.asarray(profiles.values, dtype=float),
        parts,
        {
            str(n): (float(r.kw), float(r.kvar))
            for n, r in zip(sums.index, sums.itertuples(), strict=True)
        },
    )


def _sections_below(graph: nx.Graph, root: str, head: str) -> tuple[list[str], list[list[str]]]:
    """Sections of a feeder, the head's first, and the nodes behind each."""
    tree = nx.bfs_tree(nx.restricted_view(graph, [root], []), head)
    below: dict[str, list[str]] = {}
    for node in nx.dfs_postorder_nodes(tree, head):
        below[node] = [node, *(n for child in tree[node] for n in below[child])]
    order = list(nx.bfs_tree(tree, head))
    parent = {child: node for node, child in tree.edges}
    names = [graph.edges[parent.get(node, root), node]["name"] for node in order]
    return names, [below[node] for node in order]
