"""Wiring: what is joined to what, a path to a source for every node, one source for each part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ruralgrid.county.checks.view import HEADER_ROWS, Rule, View
from ruralgrid.findings import Finding

__all__ = ["Wiring", "check_islands", "check_sources", "wiring_of"]

Ints = NDArray[np.int64]


@dataclass
class Wiring:
    """The closed net: an edge for each closed section, and for each pair of windings.

    Parameters
    ----------
    nodes : int
        How many there are.
    start, end : array of int
        Rows of the nodes of each edge.
    names : list of str
        Section or transformer of each edge.
    kv : array
        Voltage of a section [kV]; infinite for a transformer, which by itself makes no loop.
    """

    nodes: int
    start: Ints
    end: Ints
    names: list[str]
    kv: NDArray[np.float64]

    @cached_property
    def island(self) -> Ints:
        """Number of the connected part that each node lies in."""
        ones = np.ones(len(self.start), dtype=np.int8)
        graph = coo_array((ones, (self.start, self.end)), shape=(self.nodes, self.nodes))
        numbers: Ints = connected_components(graph, directed=False)[1]
        return numbers


def wiring_of(view: View) -> Wiring:
    """The closed sections and the windings of a county; what leads nowhere is left out."""
    sections = view["sections"]
    closed = ~sections["normally_open"].to_numpy(dtype=bool)
    units = view["transformers"]
    unit_names = units["name"].tolist()
    starts = [
        view.rows_at("sections", "from_node")[closed],
        view.rows_at("transformers", "hv_node"),
    ]
    ends = [view.rows_at("sections", "to_node")[closed], view.rows_at("transformers", "lv_node")]
    names = [*sections.loc[closed, "name"].tolist(), *unit_names, *unit_names]
    starts.append(starts[1])
    ends.append(view.rows_at("transformers", "mv_node"))
    start, end = np.concatenate(starts), np.concatenate(ends)
    kv = np.concatenate(
        [view.kv_at("sections", "from_node")[closed], np.full(2 * len(units), np.inf)]
    )
    whole = np.flatnonzero((start >= 0) & (end >= 0) & (start != end))
    names = [names[edge] for edge in whole.tolist()]
    return Wiring(len(view["nodes"]), start[whole], end[whole], names, kv[whole])


def check_islands(view: View, wiring: Wiring) -> Iterator[Finding]:
    """There is a source, and every node has a path to one over what is closed."""
    nodes, sources = view["nodes"], view["sources"]
    stage = "" if view.base else f"stage {view.county.stage}, "
    fed = view.rows_at("sources", "node")
    if not len(sources):
        message = "there is no source; one row with the node that the grid beyond feeds is expected"
        where = f"{stage}sources"
        yield Finding("source-missing", "sources", message, severity="error", where=where)
        return
    if not len(nodes):
        return
    island = wiring.island
    supplied = np.isin(island, island[fed[fed >= 0]])
    used = np.zeros(len(nodes), dtype=bool)
    used[[row for row in view.rows_at("consumers", "node").tolist() if row >= 0]] = True
    joining = _open_ties(view, island, supplied)
    names = nodes["name"].tolist()
    for rows in _groups(island, np.flatnonzero(~supplied)):
        number = int(island[rows[0]])
        feeding = bool(used[rows].any())
        shown = ", ".join(str(names[row])[:80] for row in rows[:3].tolist())
        rest = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        tie = (
            f"; {joining[number]} would feed it, and is normally open" if number in joining else ""
        )
        yield Finding(
            "island",
            str(names[rows[0]]),
            f"no path to a source from {shown}{rest}{'' if feeding else ' (no customers)'}{tie}",
            len(rows),
            0,
            "nodes",
            "error" if feeding else "warning",
            f"{stage}nodes, row {rows[0] + 2}" if view.base else f"{stage}nodes",
        )


def check_sources(view: View, wiring: Wiring) -> list[Finding]:
    """No two sources feed one connected part: which of them carries what would be undetermined."""
    sources, node = view["sources"], view.rows_at("sources", "node")
    names, volts = sources["name"].tolist(), sources["vm_pu"].tolist()
    first: dict[int, int] = {}
    ends, rows = [""] * len(sources), []
    for row, at in enumerate(node.tolist()):
        if at < 0:
            continue
        other = first.setdefault(int(wiring.island[at]), row)
        if other == row:
            continue
        rows.append(row)
        held = "" if volts[row] == volts[other] else f" and holds {volts[other]:g} pu"
        there = "stands there" if node[other] == at else "feeds the same part"
        place = f" (row {other + HEADER_ROWS})" if view.base else ""
        ends[row] = f"the source {str(names[other])[:80]}{place} {there} already{held}"
    message = "at {value}: "
    limit = "one source for each connected part"
    rule = Rule("source-twice", "sources", "node", message, limit)
    return view.found(rule, np.array(rows, dtype=np.int64), ends=ends)


def _groups(number: Ints, rows: Ints) -> list[Ints]:
    """The rows parted by their number, in the order in which a number first comes."""
    if not len(rows):
        return []
    order = np.argsort(number[rows], kind="stable")
    cuts = np.flatnonzero(np.diff(number[rows][order])) + 1
    return sorted(np.split(rows[order], cuts), key=lambda group: int(group[0]))


def _open_ties(view: View, island: Ints, supplied: NDArray[np.bool_]) -> dict[int, str]:
    """An open section that leads from each dark island to a supplied part."""
    sections = view["sections"]
    open_ = sections["normally_open"].to_numpy(dtype=bool)
    ends = zip(
        view.rows_at("sections", "from_node")[open_].tolist(),
        view.rows_at("sections", "to_node")[open_].tolist(),
        sections.loc[open_, "name"].tolist(),
        strict=True,
    )
    joining = {}
    for one, other, name in ends:
        if one >= 0 and other >= 0 and supplied[one] != supplied[other]:
            joining[int(island[other if supplied[one] else one])] = name
    return joining
