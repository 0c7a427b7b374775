"""Voltage along the way from the station to a village, before and after the works."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import networkx as nx
import numpy as np
import pandas as pd

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.report.plots.canvas import BLUE, GREY, SKY, VERMILION, axes_or_new
from ruralgrid.report.plots.lettering import Lang, Lettering, lettering
from ruralgrid.report.wires import WIRE_COLUMNS, followed_phase

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ruralgrid.county import County
    from ruralgrid.studies import Study

__all__ = ["plot_profile", "supply_profile"]

_LV_BELOW_KV: Final = 1.0
_MV_BELOW_KV: Final = 35.0
_STYLES: Final = ((VERMILION, "o"), (BLUE, "s"), (SKY, "^"), ("0.25", "D"))


def supply_profile(study: Study, village: str, stage: int) -> pd.DataFrame:
    """The nodes on the way from the 10 kV busbar of the station to a village's lowest node.

    Parameters
    ----------
    study : Study
    village : str
        A natural village.
    stage : int
        One of those studied.

    Returns
    -------
    pandas.DataFrame
        From the busbar to the node: `node, kv, distance_km` (length of line from the busbar),
        `vm_min_pu` (lowest of the year, each node at its own hour), `of_nominal_percent` (of 10 kV;
        at 0.4 kV of 220 V or what the limits take for nominal), and `phase`. Where 0.4 kV is solved
        wire by wire, `vm_min_pu` is there that of one phase all the way, the one that is lowest
        with customers at the node; `other_1_percent`, `other_2_percent` are the other two, NaN
        where there is no such wire.

    Raises
    ------
    UnknownNameError
        There is no such village.
    InputError
        The stage was not studied, or nothing feeds the village.
    """
    worst = _worst_node(study, village, stage)
    county = study.county.at(stage)
    path, distances = _way(county, worst, village)
    at_stage = study.nodes[study.nodes["stage"] == stage].set_index("name")
    on_way = at_stage.loc[path]
    kv = on_way["vn_kv"].to_numpy()
    nominal = np.array([_nominal_pu(study, level) for level in kv])
    phase = followed_phase(on_way)
    at_lv = (kv < _LV_BELOW_KV) & bool(phase)
    wires = {name: on_way[column].to_numpy() for name, column in WIRE_COLUMNS.items() if phase}
    followed = on_way["vm_min_pu"].to_numpy()
    followed = np.where(at_lv, wires.pop(phase), followed) if phase else followed
    others = [*wires.values()] or [np.full(len(kv), np.nan)] * 2
    return pd.DataFrame(
        {
            "node": path,
            "kv": kv,
            "distance_km": distances,
            "vm_min_pu": followed,
            "of_nominal_percent": 100 * followed / nominal,
            "phase": np.where(at_lv, phase, ""),
            **{f"other_{k}_percent": 100 * other / nominal for k, other in enumerate(others, 1)},
        }
    )


def plot_profile(
    study: Study,
    village: str,
    *,
    stages: Sequence[int] | None = None,
    lang: Lang = "en",
    ax: Axes | None = None,
) -> Axes:
    """Lowest voltage of the year against the length of line from the station to a village.

    10 kV is a full line, the transformer a dotted step, 0.4 kV a thick line; each in per cent of
    its own nominal voltage, with its own limits. Of a study wire by wire the thick line is one
    phase, the lowest with customers at the village; thin dashed lines are the other phase wires.

    Parameters
    ----------
    study : Study
    village : str
        A natural village.
    stages : sequence of int, optional
        By default before the works and after the last batch; four at most.
    lang : {"en", "zh"}
        Language of the labels.
    ax : matplotlib Axes, optional
        Where to draw.

    Raises
    ------
    UnknownNameError, InputError
        See `supply_profile`.
    """
    chosen = [*stages] if stages is not None else _first_and_last(study)
    if not 1 <= len(chosen) <= len(_STYLES):
        raise InputError(f"one to {len(_STYLES)} stages are expected, got {chosen}", "stages")
    words = lettering(lang)
    ways = {stage: supply_profile(study, village, stage) for stage in chosen}
    axes = axes_or_new(ax)
    for (stage, way), (colour, marker) in zip(ways.items(), _STYLES, strict=False):
        _draw_way(axes, way, colour, marker, words.stage(stage), words)
    _draw_limits(axes, study, list(ways.values()), words)
    axes.set(
        xlabel=words.word("from_station"),
        ylabel=words.word("of_nominal"),
        title=words.word("profile", {"village": words.name(village, "the village")}),
    )
    axes.margins(x=0.02)
    axes.legend(fontsize="small")
    return words.apply(axes)


def _first_and_last(study: Study) -> list[int]:
    return sorted({int(study.stages["stage"].min()), int(study.stages["stage"].max())})


def _worst_node(study: Study, village: str, stage: int) -> str:
    at_stage = study.villages[study.villages["stage"] == stage]
    if at_stage.empty:
        known = ", ".join(map(str, sorted(study.stages["stage"])))
        raise InputError(f"stage {stage} was not studied; there are {known}", "stage")
    row = at_stage[at_stage["village"] == village]
    if row.empty:
        raise UnknownNameError("village", village, at_stage["village"])
    node = str(row["worst_node"].iloc[0])
    if not node:
        raise InputError(f"{village} has no voltage at stage {stage}", "village")
    return node


def _way(county: County, node: str, village: str) -> tuple[list[str], list[float]]:
    """Nodes from the nearest 10 kV busbar of a station to `node`, with their distances [km]."""
    kv = county.nodes.set_index("name")["kv"]
    graph = _supply_graph(county, kv)
    units = county.transformers
    high = units["hv_node"].map(kv) >= _MV_BELOW_KV
    busbars = {n for n in pd.concat([units["lv_node"], units["mv_node"]])[high.tolist() * 2] if n}
    busbars |= set(county.sources["node"])
    starts = [n for n in busbars if n in graph and kv[n] < _MV_BELOW_KV]
    try:
        _, path = nx.multi_source_dijkstra(graph, starts, node)
    except (nx.NetworkXNoPath, nx.NodeNotFound, ValueError) as error:
        raise InputError(f"no closed way leads to {village} at stage {county.stage}") from error
    steps = [graph.edges[a, b]["length_km"] for a, b in pairwise(path)]
    return path, [0.0, *np.cumsum(steps).tolist()]


def _supply_graph(county: County, kv: pd.Series) -> nx.Graph:
    """Closed sections and transformers below 35 kV."""
    sections = county.sections[~county.sections["normally_open"]]
    units = county.transformers.rename(columns={"hv_node": "from_node", "lv_node": "to_node"})
    edges = pd.concat([sections, units.assign(length_km=0.0)])
    edges = edges[edges["from_node"].map(kv) < _MV_BELOW_KV]
    return nx.from_pandas_edgelist(edges, "from_node", "to_node", "length_km")


def _nominal_pu(study: Study, kv: float) -> float:
    """The nominal voltage that the limits are stated of [pu of the net]: 0.953 at 0.4 kV."""
    band = study.limits.band(kv)
    if band.low_percent is None:
        return 1.0
    return band.low_pu(kv) / (1 + band.low_percent / 100)


def _draw_way(
    axes: Axes, way: pd.DataFrame, colour: str, marker: str, label: str, words: Lettering
) -> None:
    at_mv = way["kv"] >= _LV_BELOW_KV
    mv, lv = way[at_mv], way[~at_mv]
    columns = ["distance_km", "of_nominal_percent"]
    axes.plot(*mv[columns].to_numpy().T, color=colour, linewidth=1.4, label=f"{label}, 10 kV")
    step = pd.concat([mv.tail(1), lv.head(1)])
    axes.plot(*step[columns].to_numpy().T, ":", color=colour, linewidth=1.2)
    axes.plot(
        *lv[columns].to_numpy().T,
        color=colour,
        linewidth=2.6,
        solid_capstyle="butt",
        label=f"{label}, 0.4 kV{_of_phase(lv, words)}",
    )
    for column in ("other_1_percent", "other_2_percent"):
        if lv[column].notna().any():
            axes.plot(*lv[["distance_km", column]].to_numpy().T, "--", color=colour, linewidth=0.9)
    axes.plot(
        *way.tail(1)[columns].to_numpy().T, marker, color=colour, markersize=7, markeredgecolor="w"
    )


def _of_phase(lv: pd.DataFrame, words: Lettering) -> str:
    """The phase that is followed and, where they are drawn, the other ones."""
    phase = str(lv["phase"].iloc[-1])
    if not phase:
        return ""
    named = words.word("phase", {"phase": phase})
    drawn = lv[["other_1_percent", "other_2_percent"]].notna().any(axis=None)
    return f", {named} (-- {words.word('other_phases')})" if drawn else f", {named}"


def _draw_limits(axes: Axes, study: Study, ways: list[pd.DataFrame], words: Lettering) -> None:
    """Each level's limits over the stretch where it is drawn."""
    every = pd.concat(ways)
    label = words.word("limit")
    for kv, points in every.groupby(every["kv"] >= _LV_BELOW_KV):
        level = float(points["kv"].iloc[0])
        nominal = _nominal_pu(study, level)
        ends = points["distance_km"].min(), points["distance_km"].max()
        for bound in (study.limits.low_pu(level), study.limits.high_pu(level)):
            percent = 100 * bound / nominal
            axes.hlines(percent, *ends, colors=GREY, linestyles="--", linewidth=1.0, label=label)
            axes.annotate(
                f"{level:g} kV: {percent:.0f} %",
                (ends[1] if not kv else ends[0], percent),
                (-2 if not kv else 2, 3),
                textcoords="offset points",
                ha="right" if not kv else "left",
                fontsize="x-small",
                color=GREY,
            )
            label = "_"
