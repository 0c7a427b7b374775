"""Supply: villages with customers, transformers that suffice, service points within reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from ruralgrid.county.checks.view import Rule, View
from ruralgrid.county.checks.wiring import Wiring
from ruralgrid.county.kinds import CONSTANT
from ruralgrid.county.ratings import rated_kva
from ruralgrid.findings import Finding, Severity
from ruralgrid.limits import get_limits
from ruralgrid.units import HOURS_PER_YEAR

__all__ = ["check_areas", "check_connections", "check_villages"]

_LEAST_KVA_PER_HOUSEHOLD: Final = 0.4
"""Rural practice before 2010 took 1 kVA or more; below this a row is missing or mistyped."""

_FEWEST_HOURS_H: Final = 2000.0
"""Energy over peak of a village's customers; few have less, so that the peak is not too low."""

_POWER_FACTOR: Final = 0.9
_LV_KV: Final = 1.0
_SHORT_KM: Final = 1e-6

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def check_villages(view: View, wiring: Wiring) -> Iterator[Finding]:
    """Every village has customers, and they have supply; its households are those of its rows."""
    villages, consumers = view["villages"], view["consumers"]
    served = villages["name"].isin(set(consumers["village"])).to_numpy(dtype=bool)
    message = "no consumer belongs to the village"
    rule = Rule("village-without-consumers", "villages", "name", message, severity="warning")
    yield from view.found(rule, ~served)
    at, fed = view.rows_at("consumers", "node"), view.rows_at("sources", "node")
    supplied = np.append(np.isin(wiring.island, wiring.island[fed[fed >= 0]]), False)
    dark = ~consumers["village"].isin(set(consumers.loc[supplied[at], "village"]))
    lost = villages["name"].isin(set(consumers.loc[dark, "village"])).to_numpy(dtype=bool)
    message = "no customer of the village has a path to a source"
    rule = Rule("village-without-supply", "villages", "name", message)
    if len(view["sources"]):
        yield from view.found(rule, lost)
    homes = consumers[consumers["kind"] == "household"].groupby("village")["count"].sum()
    counted = villages["name"].map(homes).fillna(0).to_numpy(dtype=float)
    stated = villages["households"].to_numpy(dtype=float)
    apart = served & (np.abs(counted - stated) > np.maximum(2, 0.1 * stated))
    message = "{value} households; its consumers of the kind household are "
    rule = Rule("households-differ", "villages", "households", message, severity="warning")
    yield from view.found(rule, apart, ends=[f"{each:g}" for each in counted.tolist()])
    yield from _homeless(view)
    yield from _placeless(view)


def _homeless(view: View) -> list[Finding]:
    """Households of no village: a study counts by villages, and would leave them out."""
    consumers = view["consumers"]
    blank = (consumers["village"].str.strip() == "") & (consumers["kind"] == "household")
    message = "households of no village: low voltage is counted by villages, without them"
    severity: Severity = "error"
    if not len(view["villages"]):
        message += "; the county has no villages, so that no household is counted at all"
        severity = "warning"
    rule = Rule(
        *("household-without-village", "consumers", "village", message, "a name of villages", ""),
        severity,
    )
    return view.found(rule, blank.to_numpy(dtype=bool))


def _placeless(view: View) -> list[Finding]:
    """Villages that consumers name and no node does, where nodes have villages or places at all."""
    nodes, villages = view["nodes"], view["villages"]
    if not (nodes["village"] != "").any() and nodes["lon_deg"].isna().all():
        return []
    names = villages["name"]
    lost = names.isin(set(view["consumers"]["village"])) & ~names.isin(set(nodes["village"]))
    message = "no node names the village: no map shows it, and no transformer counts as its own"
    rule = Rule("village-without-nodes", "villages", "name", message, severity="warning")
    return view.found(rule, lost.to_numpy(dtype=bool))


def check_connections(view: View) -> Iterator[Finding]:
    """Households and single-phase customers hang on low voltage."""
    consumers = view["consumers"]
    high = view.kv_at("consumers", "node") >= _LV_KV
    home = (consumers["kind"] == "household").to_numpy(dtype=bool)
    message = "households at {value}, a node of 1 kV or more"
    rule = Rule("household-on-high-voltage", "consumers", "node", message, "a node of 0.4 kV", "kV")
    yield from view.found(rule, high & home)
    single = consumers["phases"].isin(["a", "b", "c"]).to_numpy(dtype=bool)
    message = "single-phase customers at {value}, a node of 1 kV or more"
    rule = Rule("single-phase-on-high-voltage", "consumers", "node", message, severity="warning")
    yield from view.found(rule, high & single & ~home)


def check_areas(view: View) -> Iterator[Finding]:
    """What each distribution transformer has to carry, and how far its service points are."""
    lv, hv = view.kv_at("transformers", "lv_node"), view.kv_at("transformers", "hv_node")
    first = np.flatnonzero((lv < _LV_KV) & (hv >= _LV_KV))
    if not len(first):
        return
    roots = view.rows_at("transformers", "lv_node")[first]
    distance, root = _distances(view, np.unique(roots))
    consumers = view["consumers"]
    at = view.rows_at("consumers", "node")
    area = np.append(root, -1)[at]
    home = (consumers["kind"] == "household").to_numpy(dtype=bool)
    hours = np.where(consumers["kind"] == CONSTANT, HOURS_PER_YEAR, _FEWEST_HOURS_H)
    loads = pd.DataFrame(
        {
            "homes": np.where(home, consumers["count"], 0).astype(float),
            "peak_kw": consumers["kwh_per_year"].to_numpy(dtype=float) / hours,
        }
    )
    sums = loads.groupby(area).sum()
    rated = rated_kva(view.county, view["transformers"]["type"])
    kva = pd.Series(rated[first]).groupby(roots).sum(min_count=1)
    yield from _small(view, first, roots, kva, sums)
    yield from _far(view, first, roots, distance, root, np.unique(at[at >= 0]))


def _distances(view: View, roots: Ints) -> tuple[Floats, Ints]:
    """Way [km] from each node to the nearest of `roots` over closed 0.4 kV sections, and which."""
    sections = view["sections"]
    start, end = view.rows_at("sections", "from_node"), view.rows_at("sections", "to_node")
    length = sections["length_km"].to_numpy(dtype=float)
    kv = np.append(view.node_kv, np.nan)
    low = (kv[start] < _LV_KV) & (kv[end] < _LV_KV) & np.isfinite(length)
    low &= ~sections["normally_open"].to_numpy(dtype=bool)
    size = len(view["nodes"])
    # parallel sections would be added up: the shorter one counts
    ways = pd.DataFrame(
        {
            "a": np.minimum(start, end)[low],
            "b": np.maximum(start, end)[low],
            "km": np.maximum(length[low], _SHORT_KM),
        }
    )
    ways = ways.groupby(["a", "b"], as_index=False)["km"].min()
    graph = coo_array((ways["km"], (ways["a"], ways["b"])), shape=(size, size)).tocsr()
    distance, _, root = dijkstra(
        graph, directed=False, indices=roots, min_only=True, return_predecessors=True
    )
    return distance, np.where(np.isfinite(distance), root, -1).astype(np.int64)


def _small(
    view: View, rows: Ints, roots: Ints, kva: pd.Series, sums: pd.DataFrame
) -> list[Finding]:
    """Transformers, those of one busbar together, below what their customers must draw."""
    rated = kva.reindex(roots).to_numpy(dtype=float)
    homes = sums["homes"].reindex(roots).fillna(0).to_numpy(dtype=float)
    peak = sums["peak_kw"].reindex(roots).fillna(0).to_numpy() / _POWER_FACTOR
    few = rated < _LEAST_KVA_PER_HOUSEHOLD * homes
    first = np.zeros(len(rows), dtype=bool)
    first[np.unique(roots, return_index=True)[1]] = True
    small = np.flatnonzero(first & (few | (rated < peak)))
    values = np.full(len(view["transformers"]), np.nan)
    values[rows] = rated
    ends = [""] * len(values)
    for place in small.tolist():
        ends[rows[place]] = (
            f" for {homes[place]:g} households and a peak of some {peak[place]:.0f} kVA"
        )
    rule = Rule(
        *("transformer-small", "transformers", "type", "{value} kVA"),
        *(f"{_LEAST_KVA_PER_HOUSEHOLD:g} kVA for a household", "kVA", "warning"),
    )
    return view.found(rule, rows[small], values, ends=ends)


def _far(
    view: View, rows: Ints, roots: Ints, distance: Floats, root: Ints, points: Ints
) -> list[Finding]:
    """Areas with service points beyond the supply radius, the furthest named."""
    limit = _radius_limit_km()
    far = points[(root[points] >= 0) & (distance[points] > limit)]
    if not len(far):
        return []
    names = view["nodes"]["name"].tolist()
    table = pd.DataFrame({"root": root[far], "km": distance[far], "point": far})
    table = table.sort_values("km", ascending=False)
    worst = table.groupby("root").agg(km=("km", "max"), point=("point", "first"), n=("km", "size"))
    row_of = dict(zip(roots[::-1].tolist(), rows[::-1].tolist(), strict=True))
    size = len(view["transformers"])
    values, ends = np.full(size, np.nan), [""] * size
    for each in worst.itertuples():
        row = row_of[each.Index]
        values[row] = round(float(each.km), 3)
        ends[row] = f" away from it, the furthest of {each.n}, is {str(names[each.point])[:80]}"
    rule = Rule(
        *("supply-radius", "transformers", "lv_node", "{value} km"),
        *(limit, "km", "warning", "DL/T 5118: 500 m at 0.4 kV"),
    )
    return view.found(rule, np.isfinite(values), values, ends=ends)


def _radius_limit_km() -> float:
    return get_limits("RURAL_PRACTICE").limit("supply_radius", "0.4 kV").value
