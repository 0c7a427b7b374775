"""The county from above: lines by voltage, villages by their lowest voltage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from ruralgrid.errors import InputError
from ruralgrid.report.plots.canvas import VERMILION, axes_or_new
from ruralgrid.report.plots.lettering import Lang, Lettering, lettering
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ruralgrid.county import County
    from ruralgrid.studies import Study

__all__ = ["plot_map"]

_KM_PER_DEGREE: Final = 111.2
_LINES: Final = {
    330.0: ("0.0", 2.4),
    110.0: ("0.15", 1.8),
    35.0: ("0.25", 1.2),
    10.0: ("0.72", 0.5),
}
"""Colour and width of the lines by level [kV]; what lies between takes the lower level's."""

_STEPS_V: Final = (6.0, 14.0, 22.0)
"""How far above the limit the classes of villages that are not low end [V]."""


def plot_map(
    study: Study, stage: int | None = None, *, lang: Lang = "en", ax: Axes | None = None
) -> Axes:
    """Towns, lines of 10 kV and above, and villages coloured by their lowest voltage of the year.

    Low villages are triangles, so that they are told apart without colour too. Lines are drawn
    straight from node to node.

    Parameters
    ----------
    study : Study
        Of a county whose nodes have places.
    stage : int, optional
        One of those studied, by default the first.
    lang : {"en", "zh"}
        Language of the labels.
    ax : matplotlib Axes, optional
        Where to draw.

    Raises
    ------
    InputError
        The stage was not studied, or no village has a place.
    """
    stage = int(study.stages["stage"].min()) if stage is None else stage
    villages = study.villages[study.villages["stage"] == stage]
    if villages.empty:
        known = ", ".join(map(str, study.stages["stage"]))
        raise InputError(f"stage {stage} was not studied; there are {known}", "stage")
    county = study.county.at(stage)
    places = county.nodes.dropna(subset=["lon_deg", "lat_deg"])
    middles = places[places["village"] != ""].groupby("village")[["lon_deg", "lat_deg"]].mean()
    placed = villages.join(middles, on="village").dropna(subset=["lon_deg"])
    if placed.empty:
        raise InputError("no node of a village has lon_deg and lat_deg", "nodes")
    words = lettering(lang, _pinyin(county))
    axes = axes_or_new(ax, 8.0, 6.6)
    _draw_lines(axes, county, words)
    _draw_villages(axes, placed, study, words)
    _draw_towns(axes, places, county, words)
    axes.set_aspect(1 / np.cos(np.radians(placed["lat_deg"].mean())))
    axes.margins(0.02)
    _draw_scale(axes, float(placed["lat_deg"].mean()))
    axes.set_axis_off()
    name = words.name(county.name, "county")
    axes.set_title(words.word("map", {"county": name, "stage": words.stage(stage)}))
    axes.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return words.apply(axes)


def _pinyin(county: County) -> dict[str, str]:
    towns = county.origin.plan.townships if county.origin else ()
    return {town.name: town.pinyin for town in towns if town.pinyin}


def _draw_lines(axes: Axes, county: County, words: Lettering) -> None:
    from matplotlib.collections import LineCollection

    nodes = county.nodes.set_index("name")
    sections = county.sections[~county.sections["normally_open"]]
    starts, ends = (nodes.loc[sections[end]] for end in ("from_node", "to_node"))
    segments = np.stack([f[["lon_deg", "lat_deg"]].to_numpy() for f in (starts, ends)], axis=1)
    known = np.isfinite(segments).all(axis=(1, 2))
    kv = starts["kv"].to_numpy()
    for order, (level, (colour, width)) in enumerate(reversed(_LINES.items())):
        above = [other for other in _LINES if other > level]
        chosen = known & (kv >= level) & (kv < min(above, default=np.inf))
        if chosen.any():
            label = words.word("line_kv", {"kv": float(kv[chosen].max())})
            lines = LineCollection(
                list(segments[chosen]),
                colors=colour,
                linewidths=width,
                label=label,
                zorder=1 + order,
            )
            axes.add_collection(lines)


def _draw_villages(axes: Axes, placed: pd.DataFrame, study: Study, words: Lettering) -> None:
    """Low ones as triangles, the others in classes above the limit; without voltage as crosses."""
    from matplotlib import colormaps

    base_v = 0.4 * KILO / SQRT3
    limit_v = study.limits.low_pu(0.4) * base_v
    volts, low = placed["v_min_v"], placed["status"] == "low"
    edges = [-np.inf, *(limit_v + step for step in _STEPS_V), np.inf]
    shades = colormaps["cividis"](np.linspace(0.0, 0.88, len(edges) - 1))
    rest = placed[~low & volts.notna()]
    for lower, upper, shade in zip(edges, edges[1:], shades, strict=False):
        inside = rest[(rest["v_min_v"] >= lower) & (rest["v_min_v"] < upper)]
        if len(inside):
            text = (
                f"{max(lower, limit_v):.0f}–{upper:.0f} V" if upper < np.inf else f"≥ {lower:.0f} V"
            )
            _dots(axes, inside, f"{text}: {len(inside):,}", "o", 7, shade, 6)
    if low.any():
        label = f"{words.word('low')}, < {limit_v:.0f} V: {low.sum():,}"
        _dots(axes, placed[low], label, "v", 42, VERMILION, 8, edgecolor="black")
    if volts.isna().any():
        dead = placed[volts.isna()]
        _dots(axes, dead, f"{words.word('no_voltage')}: {len(dead):,}", "X", 36, "black", 7)


def _dots(
    axes: Axes,
    villages: pd.DataFrame,
    label: str,
    marker: str,
    size: float,
    colour: object,
    zorder: int,
    edgecolor: str = "none",
) -> None:
    axes.scatter(
        villages["lon_deg"],
        villages["lat_deg"],
        marker=marker,
        s=size,
        color=[colour],
        edgecolors=edgecolor,
        linewidths=0.5,
        label=label,
        zorder=zorder,
    )


def _draw_towns(axes: Axes, places: pd.DataFrame, county: County, words: Lettering) -> None:
    """Names at the seats that the plan gives; else at the middle of a town's nodes."""
    if county.origin:
        seats = {t.name: (t.lon_deg, t.lat_deg) for t in county.origin.plan.townships}
    else:
        of_towns = places[places["town"] != ""].groupby("town")[["lon_deg", "lat_deg"]].mean()
        seats = {str(row.Index): (row.lon_deg, row.lat_deg) for row in of_towns.itertuples()}
    for name, place in seats.items():
        axes.annotate(
            words.name(name),
            place,
            ha="center",
            va="center",
            fontsize="small",
            fontweight="bold",
            zorder=9,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "w", "alpha": 0.7, "linewidth": 0},
        )


def _draw_scale(axes: Axes, lat_deg: float) -> None:
    """A bar of a round number of kilometres, about a fifth of the width."""
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    km_per_unit = _KM_PER_DEGREE * np.cos(np.radians(lat_deg))
    wanted_km = 0.2 * (right - left) * km_per_unit
    power = 10.0 ** np.floor(np.log10(wanted_km))
    length_km = max(step * power for step in (1, 2, 5) if step * power <= wanted_km)
    start, y = left + 0.03 * (right - left), bottom + 0.03 * (top - bottom)
    axes.plot([start, start + length_km / km_per_unit], [y, y], color="black", linewidth=2.5)
    axes.annotate(f"{length_km:g} km", (start, y), (0, 4), textcoords="offset points")
    axes.set(xlim=(left, right), ylim=(bottom, top))
