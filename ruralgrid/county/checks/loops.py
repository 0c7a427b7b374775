"""Loops: none below 35 kV; of one above is told what solves it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from ruralgrid.county.checks.view import Rule, View
from ruralgrid.county.checks.wiring import Wiring
from ruralgrid.findings import Finding, Severity

__all__ = ["NEEDS_FAST", "check_loops", "has_fast", "may_have_loops"]

NEEDS_FAST: Final = "loop-needs-fast"
"""Code of a loop that power-grid-model alone solves."""

_RADIAL_BELOW_KV: Final = 35.0
_LV_KV: Final = 1.0
_MAX_LOOPS: Final = 100
_MAX_NAMES: Final = 12

Ints = NDArray[np.int64]


def check_loops(view: View, wiring: Wiring) -> Iterator[Finding]:
    """No section runs to where it began, and closed sections make no loop.

    A loop below 35 kV is an error (nets run radially there, an open section is missing). One that
    runs through lines of 35 kV and above, or over transformers side by side, is solved by
    power-grid-model: an error where that is not installed, or where a voltage is held. Transformers
    side by side at 0.4 kV are told with the phases.
    """
    sections = view["sections"]
    rule = Rule(
        *("section-to-itself", "sections", "to_node"),
        *("the section ends where it begins, at {value}", "another node"),
    )
    yield from view.found(rule, (sections["from_node"] == sections["to_node"]).to_numpy(dtype=bool))
    fed = _fed(view, wiring)
    where = f"{'' if view.base else f'stage {view.county.stage}, '}sections, normally_open"
    for edges in _loops(wiring):
        lines = edges[np.isfinite(wiring.kv[edges])]
        names = [wiring.names[edge] for edge in edges.tolist()]
        loop = f"closed sections make a loop: {_listed(names)}"
        if len(lines) and (wiring.kv[lines] < _RADIAL_BELOW_KV).all():
            message = f"{loop}; one of them should be normally_open"
            yield Finding("loop", names[0], message, len(names), severity="error", where=where)
        elif fed[wiring.start[edges[0]]]:
            yield _needs_fast(view, names, loop, "set one of them normally_open", where)
    for names, one, other in _side_by_side(view, wiring, fed):
        ends = view["nodes"]["name"].iloc[[one, other]].tolist()
        loop = f"{_listed(names)} stand side by side, from {ends[0]} to {ends[1]}"
        row = view["transformers"]["name"].tolist().index(names[0])
        where = view.where("transformers", row, names[0], "lv_node")
        way_out = "give one a busbar of its own, behind a section that is normally_open"
        yield _needs_fast(view, names, loop, way_out, where)


def may_have_loops(wiring: Wiring) -> bool:
    """Whether there are more edges than hold the parts together: a quick count."""
    return len(wiring.start) > wiring.nodes - int(wiring.island.max(initial=-1)) - 1


def _needs_fast(view: View, names: list[str], loop: str, way_out: str, where: str) -> Finding:
    """A loop that our own engine does not take, with what does."""
    units = view["transformers"]
    holding = units.loc[units["held_pu"].notna() & (units["mv_node"] == ""), "name"].tolist()
    severity: Severity = "error"
    if holding:
        of = f"{_listed(holding)} {'holds' if len(holding) == 1 else 'hold'} a voltage (held_pu)"
        means = f"{of}, and tap changers are moved in nets without loops alone"
        way_out += ", or empty held_pu and use the extra fast"
    elif not has_fast():
        means = (
            "studies, wire by wire or balanced, leave such a net to power-grid-model, which is not "
            "installed: pip install 'ruralgrid[fast]'"
        )
        way_out = f"or {way_out}"
    else:
        means = "power-grid-model solves it (the extra fast, installed here)"
        way_out = f"to do without, {way_out}"
        severity = "warning"
    message = f"{loop}; {means}; {way_out}"
    return Finding(NEEDS_FAST, names[0], message, len(names), severity=severity, where=where)


def has_fast() -> bool:
    """Whether the extra fast is installed."""
    return find_spec("power_grid_model") is not None


def _listed(names: list[str]) -> str:
    shown = ", ".join(str(name)[:80] for name in names[:_MAX_NAMES])
    return shown + (f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else "")


def _fed(view: View, wiring: Wiring) -> NDArray[np.bool_]:
    """Whether a source reaches each node: what none reaches is not solved."""
    at = view.rows_at("sources", "node")
    return np.isin(wiring.island, wiring.island[at[at >= 0]])


def _side_by_side(
    view: View, wiring: Wiring, fed: NDArray[np.bool_]
) -> Iterator[tuple[list[str], int, int]]:
    """Transformers above 0.4 kV with two nodes in common, and these; each company once."""
    low, high = np.minimum(wiring.start, wiring.end), np.maximum(wiring.start, wiring.end)
    kv = view.node_kv
    unit = ~np.isfinite(wiring.kv) & fed[low] & (kv[low] >= _LV_KV) & (kv[high] >= _LV_KV)
    together: dict[tuple[int, int], list[int]] = {}
    for edge in np.flatnonzero(unit).tolist():
        together.setdefault((int(low[edge]), int(high[edge])), []).append(edge)
    told = set()
    for edges in together.values():
        names = [wiring.names[edge] for edge in edges]
        if len(names) > 1 and tuple(names) not in told:
            told.add(tuple(names))
            yield names, int(wiring.start[edges[0]]), int(wiring.end[edges[0]])


def _loops(wiring: Wiring) -> Iterator[Ints]:
    """The edges of a loop for each edge that is not needed to hold the net together."""
    low, high = np.minimum(wiring.start, wiring.end), np.maximum(wiring.start, wiring.end)
    line = np.isfinite(wiring.kv)
    keys = low * wiring.nodes + high
    # one edge for each pair of nodes holds the net together, a section before a transformer
    order = np.lexsort((~line, keys))
    first = np.ones(len(order), dtype=bool)
    first[1:] = keys[order][1:] != keys[order][:-1]
    holding = order[first]
    number = 0
    for position in np.flatnonzero(~first).tolist():
        edge = order[position]
        if line[edge]:  # a unit beside another is no loop
            number += 1
            if number <= _MAX_LOOPS:
                yield np.array([order[position - 1], edge])
    parent, edge_of, chords = _tree(wiring, low, high, holding)
    depth_first = chords[: max(_MAX_LOOPS - number, 0)]
    for edge in depth_first.tolist():
        yield _path(int(low[edge]), int(high[edge]), edge, parent, edge_of)


def _tree(wiring: Wiring, low: Ints, high: Ints, holding: Ints) -> tuple[Ints, Ints, Ints]:
    """Parent of each node in a spanning forest, the edge to it, and the edges left over."""
    root = wiring.nodes
    firsts = np.unique(wiring.island, return_index=True)[1]
    rows = np.concatenate([low[holding], np.full(len(firsts), root)])
    columns = np.concatenate([high[holding], firsts])
    graph = coo_array(
        (np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(root + 1, root + 1)
    )
    parent = breadth_first_order(graph.tocsr(), root, directed=False)[1].astype(np.int64)
    edge_of = np.full(root + 1, -1)
    down, up = parent[high[holding]] == low[holding], parent[low[holding]] == high[holding]
    edge_of[high[holding][down]] = holding[down]
    edge_of[low[holding][up]] = holding[up]
    return parent, edge_of, holding[~down & ~up]


def _path(one: int, other: int, chord: int, parent: Ints, edge_of: Ints) -> Ints:
    """The chord and the edges between its ends over their nearest common node."""
    above: dict[int, int] = {}
    edges: list[int] = []
    at = one
    while at >= 0:
        above[at] = len(edges)
        edges.append(int(edge_of[at]))
        at = int(parent[at])
    back: list[int] = []
    at = other
    while at not in above:
        back.append(int(edge_of[at]))
        at = int(parent[at])
    return np.array([chord, *edges[: above[at]], *reversed(back)])
