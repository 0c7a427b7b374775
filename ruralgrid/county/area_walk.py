"""The 0.4 kV nets of a county, walked outwards from their transformers.

A transformer area is what hangs on one transformer: every node once, parents before children, with
the section through which it is fed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ruralgrid.county.tables import County

__all__ = ["LOW_VOLTAGE_KV", "AreaWalk", "walk_areas"]

Ints = NDArray[np.int64]

LOW_VOLTAGE_KV: Final = 1.0
"""Nodes below are of the 0.4 kV nets [kV]."""


@dataclass(frozen=True, eq=False)
class AreaWalk:
    """The areas in the order of their transformers; all numbers are rows of the county's tables.

    Attributes
    ----------
    transformer : int array (areas,)
        Row of the transformer.
    first : int array (areas + 1,)
        Positions of area i are ``first[i]:first[i + 1]``; its first one is the busbar.
    node, section, parent : int arrays (positions,)
        Row of the node, row of the section that feeds it (-1 at a busbar), position of its parent
        (-1 at a busbar).
    loops : int array
        Rows of sections that close a loop or join two areas.
    doubled : int array
        Rows of transformers whose busbar another one feeds already.
    """

    transformer: Ints
    first: Ints
    node: Ints
    section: Ints
    parent: Ints
    loops: Ints
    doubled: Ints


def walk_areas(county: County) -> AreaWalk:
    """Walk the 0.4 kV nets of a county, depth first; sections normally open are left out."""
    row = {name: number for number, name in enumerate(county.nodes["name"])}
    low = county.nodes["kv"].to_numpy() < LOW_VOLTAGE_KV
    neighbours = _neighbours(county, row, low)
    units = county.transformers
    busbar = units["lv_node"].map(row).to_numpy(dtype=np.int64)
    above = units["hv_node"].map(row).to_numpy(dtype=np.int64)
    feeding = (units["mv_node"] == "").to_numpy() & low[busbar] & ~low[above]
    walk = _Walk(neighbours, np.full(len(row), -1, dtype=np.int64))
    kept, doubled = [], []
    for unit in np.flatnonzero(feeding).tolist():
        if walk.position[busbar[unit]] >= 0:
            doubled.append(unit)
            continue
        kept.append(unit)
        walk.area(int(busbar[unit]))
    arrays = (kept, walk.first, walk.node, walk.section, walk.parent, sorted(walk.loops), doubled)
    return AreaWalk(*(np.array(part, dtype=np.int64) for part in arrays))


def _neighbours(
    county: County, row: dict[str, int], low: NDArray[np.bool_]
) -> list[list[tuple[int, int]]]:
    """For each node its closed 0.4 kV sections and the nodes at their other ends."""
    sections = county.sections
    ends = [sections[column].map(row).to_numpy(dtype=np.int64) for column in _ENDS]
    closed = ~sections["normally_open"].to_numpy(dtype=bool) & low[ends[0]] & low[ends[1]]
    neighbours: list[list[tuple[int, int]]] = [[] for _ in row]
    for section in np.flatnonzero(closed).tolist():
        a, b = int(ends[0][section]), int(ends[1][section])
        neighbours[a].append((section, b))
        neighbours[b].append((section, a))
    return neighbours


_ENDS: Final = ("from_node", "to_node")


class _Walk:
    """The walk so far."""

    def __init__(self, neighbours: list[list[tuple[int, int]]], position: Ints) -> None:
        self.neighbours = neighbours
        self.position = position
        self.first = [0]
        self.node: list[int] = []
        self.section: list[int] = []
        self.parent: list[int] = []
        self.loops: set[int] = set()

    def area(self, busbar: int) -> None:
        """Add the area of one busbar."""
        waiting = [(busbar, -1, -1)]
        while waiting:
            node, section, parent = waiting.pop()
            if self.position[node] >= 0:
                self.loops.add(section)
                continue
            here = len(self.node)
            self.position[node] = here
            self.node.append(node)
            self.section.append(section)
            self.parent.append(parent)
            for further, other in reversed(self.neighbours[node]):
                if further != section:
                    waiting.append((other, further, here))
        self.first.append(len(self.node))
