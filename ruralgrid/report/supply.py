"""How each node below 35 kV is fed: the tree from the stations' busbars down to the last pole.

::

    station busbar ──10 kV──●──────● hv │transformer│ lv ──0.4 kV──●──────● node
                                        |<-- area_km -------------------->|
    |<----- distance_km ------------------------------------------------->|
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

if TYPE_CHECKING:
    from ruralgrid.county import County

__all__ = ["SupplyTree", "supply_tree"]

_MV_BELOW_KV: Final = 35.0
_LV_BELOW_KV: Final = 1.0

_Steps = dict[str, list[tuple[str, float, str]]]


@dataclass(frozen=True)
class SupplyTree:
    """The shortest closed way to every node that is fed; in a radial net the only one.

    Parameters
    ----------
    parent : dict
        The node before each node; empty at a station's busbar.
    distance_km : dict
        Length of line from the busbar.
    area : dict
        The distribution transformer that feeds a node below 1 kV; absent at 10 kV.
    area_km : dict
        Length of line from that transformer; absent at 10 kV.
    """

    parent: dict[str, str]
    distance_km: dict[str, float]
    area: dict[str, str]
    area_km: dict[str, float]

    def way_to(self, node: str) -> list[str]:
        """The nodes from the busbar to `node`; empty where nothing feeds it."""
        way = []
        while node and node in self.parent:
            way.append(node)
            node = self.parent[node]
        return way[::-1]


def supply_tree(county: County) -> SupplyTree:
    """The tree of a county at its stage; sections open in normal service carry nothing."""
    kv = dict(zip(county.nodes["name"], county.nodes["kv"], strict=True))
    steps = _steps(county, kv)
    tree = SupplyTree({}, {}, {}, {})
    # Dijkstra: distance, node, node before, transformer passed last, its distance
    queue = [(0.0, node, "", "", 0.0) for node in sorted(_busbars(county, kv))]
    while queue:
        distance, node, before, area, begins = heapq.heappop(queue)
        if node in tree.parent:
            continue
        tree.parent[node] = before
        tree.distance_km[node] = distance
        if area:
            tree.area[node] = area
            tree.area_km[node] = distance - begins
        for other, length, unit in steps.get(node, ()):
            if other not in tree.parent:
                passed = (unit, distance) if unit else (area, begins)
                heapq.heappush(queue, (distance + length, other, node, *passed))
    return tree


def _busbars(county: County, kv: dict[str, float]) -> set[str]:
    """Where the tree begins: below 35 kV, fed from 35 kV or above or by a source itself."""
    units = county.transformers
    above = units[units["hv_node"].map(kv) >= _MV_BELOW_KV]
    nodes = pd.concat([above["lv_node"], above["mv_node"], county.sources["node"]])
    return {node for node in nodes if node and kv[node] < _MV_BELOW_KV}


def _steps(county: County, kv: dict[str, float]) -> _Steps:
    """From each node to its neighbours: the other node, the length, the transformer passed."""
    steps: _Steps = {}
    closed = county.sections[~county.sections["normally_open"].astype(bool)]
    ends = zip(closed["from_node"], closed["to_node"], closed["length_km"], strict=True)
    for one, other, length in ends:
        if kv[one] < _MV_BELOW_KV:
            steps.setdefault(one, []).append((other, length, ""))
            steps.setdefault(other, []).append((one, length, ""))
    units = county.transformers.sort_values("name")
    for name, high, low in zip(units["name"], units["hv_node"], units["lv_node"], strict=True):
        if kv[high] < _MV_BELOW_KV:
            area = name if kv[low] < _LV_BELOW_KV else ""
            steps.setdefault(high, []).append((low, 0.0, area))
    return steps
