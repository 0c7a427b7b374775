"""The 0.4 kV nets of a county, walked outwards from their transformers.

A transformer area is what hangs on one transformer: every node once, parents before children, with
the section through which it is fed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.errors import UnknownNameError

if TYPE_CHECKING:
    from ruralgrid.county.tables import County

__all__ = ["LOW_VOLTAGE_KV", "AreaWalk", "node_rows", "walk_areas"]

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
    """Walk the 0.4 kV nets of a county, depth first; sections normally open are left out.

    Raises
    ------
    UnknownNameError
        If a section or a transformer names a node that does not exist.
    """
    low = county.nodes["kv"].to_numpy() < LOW_VOLTAGE_KV
    units = county.transformers
    busbar = node_rows(county, "transformers", "lv_node")
    above = node_rows(county, "transformers", "hv_node")
    feeding = (units["mv_node"] == "").to_numpy() & low[busbar] & ~low[above]
    walk = _Walk(_Neighbours.of(county, low))
    kept, doubled = [], []
    for unit in np.flatnonzero(feeding).tolist():
        if walk.seen[busbar[unit]]:
            doubled.append(unit)
            continue
        kept.append(unit)
        walk.area(int(busbar[unit]))
    arrays = (kept, walk.first, walk.node, walk.section, walk.parent, sorted(walk.loops), doubled)
    return AreaWalk(*(np.array(part, dtype=np.int64) for part in arrays))


def node_rows(county: County, table: str, column: str) -> Ints:
    """The row of the node that each row of a table names; of a name that repeats the last.

    Raises
    ------
    UnknownNameError
        If there is no such node.
    """
    names = pd.Index(county.nodes["name"])
    single = np.flatnonzero(~names.duplicated(keep="last"))
    wanted = county.tables[table][column]
    found = names[single].get_indexer(wanted)
    absent = np.flatnonzero(found < 0)
    if len(absent):
        where = f"{table}, {county.tables[table]['name'].iloc[absent[0]]}, {column}"
        raise UnknownNameError("node", wanted.iloc[absent[0]], names, where=where)
    return np.asarray(single[found], dtype=np.int64)


@dataclass(frozen=True)
class _Neighbours:
    """Closed 0.4 kV sections and the nodes at their other ends; those of node i stand at
    ``first[i]:first[i + 1]``, in the order of the sections.
    """

    first: list[int]
    section: list[int]
    other: list[int]

    @classmethod
    def of(cls, county: County, low: NDArray[np.bool_]) -> _Neighbours:
        """The sections between nodes of low voltage."""
        begin, end = (node_rows(county, "sections", column) for column in ("from_node", "to_node"))
        is_open = county.sections["normally_open"].to_numpy(dtype=bool)
        closed = np.flatnonzero(~is_open & low[begin] & low[end])
        node = np.concatenate([begin[closed], end[closed]])
        other = np.concatenate([end[closed], begin[closed]])
        section = np.tile(closed, 2)
        order = np.lexsort((section, node))
        first = np.searchsorted(node[order], np.arange(len(low) + 1))
        return cls(first.tolist(), section[order].tolist(), other[order].tolist())


class _Walk:
    """The walk so far."""

    def __init__(self, neighbours: _Neighbours) -> None:
        self.neighbours = neighbours
        self.seen = bytearray(len(neighbours.first) - 1)
        self.first = [0]
        self.node: list[int] = []
        self.section: list[int] = []
        self.parent: list[int] = []
        self.loops: set[int] = set()

    def area(self, busbar: int) -> None:
        """Add the area of one busbar."""
        first, further, other = (
            self.neighbours.first,
            self.neighbours.section,
            self.neighbours.other,
        )
        waiting = [(busbar, -1, -1)]
        while waiting:
            node, section, parent = waiting.pop()
            if self.seen[node]:
                self.loops.add(section)
                continue
            here = len(self.node)
            self.seen[node] = True
            self.node.append(node)
            self.section.append(section)
            self.parent.append(parent)
            back = range(first[node + 1] - 1, first[node] - 1, -1)
            waiting += [(other[at], further[at], here) for at in back if further[at] != section]
        self.first.append(len(self.node))
