"""Plots of overhead lines: a span with its sag, ampacity over temperature, reactance over spacing.

Each draws into `ax` (or a new figure), returns the Axes, shows nothing and changes no setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ruralgrid.equipment import Conductor, PoleHead, design_span, get_conductor, get_pole_head
from ruralgrid.equipment.impedance import DEFAULT_AIR_C, primitive_matrix, sequence_impedances
from ruralgrid.equipment.line_rules import DEFAULT_ZONE, ground_clearance_limit
from ruralgrid.equipment.supports import lowest_wire_height_m
from ruralgrid.errors import InputError
from ruralgrid.report.plots.canvas import axes_or_new
from ruralgrid.report.plots.lettering import Lang, lettering
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_ampacity", "plot_reactance", "plot_sag"]


def plot_sag(
    conductor: Conductor | str,
    arrangement: PoleHead | str,
    span_m: float = 80.0,
    *,
    zone: str = DEFAULT_ZONE,
    terrain: str = "non-residential",
    pole_m: float | None = None,
    lang: Lang = "en",
    ax: Axes | None = None,
) -> Axes:
    """The lowest wire of a span in still air, cold, mean and at its largest sag, over the ground.

    Parameters
    ----------
    conductor, arrangement : records or names
        What hangs where.
    span_m : float
        Level span [m].
    zone, terrain : str
        Design weather; ground whose clearance is drawn.
    pole_m : float, optional
        Pole length [m], by default the usual one.
    lang : {"en", "zh"}
        Language of the labels.
    ax : matplotlib Axes, optional
        Where to draw.
    """
    wire = get_conductor(conductor) if isinstance(conductor, str) else conductor
    head = get_pole_head(arrangement) if isinstance(arrangement, str) else arrangement
    design = design_span(wire, span_m, zone=zone)
    height, least = lowest_wire_height_m(head, pole_m), ground_clearance_limit(head.kv, terrain)
    words, axes = lettering(lang), axes_or_new(ax)
    at_m = np.linspace(0.0, span_m, 161)
    largest = design.largest_sag
    states = (
        (f"{design.zone.t_min_c:g} °C", design.at(design.zone.t_min_c)),
        (f"{design.zone.t_mean_c:g} °C", design.at(design.zone.t_mean_c)),
        (words.word("largest_sag", {"case": words.word(f"case_{largest.case.name}")}), largest),
    )
    for label, state in states:
        drop = 4.0 * state.vertical_sag_m * (at_m / span_m) * (1.0 - at_m / span_m)
        text = f"{label}, {state.vertical_sag_m:.2f} m, {state.tension_n / KILO:.1f} kN"
        axes.plot(at_m, height - drop, label=text)
    axes.axhline(
        least.value, linestyle="--", color="0.4", label=words.word("clearance", {"m": least.value})
    )
    axes.vlines([0.0, span_m], 0.0, height, color="0.2", linewidth=2.5)
    middle = (span_m / 2.0, height - largest.vertical_sag_m)
    axes.annotate(
        f"{middle[1]:.2f} m", middle, (0.0, -14.0), textcoords="offset points", ha="center"
    )
    axes.set(
        xlabel=words.word("along_span"),
        ylabel=words.word("height"),
        ylim=(0.0, height + 1.0),
        title=words.word("span", {"wire": wire.name, "head": head.name, "m": span_m}),
    )
    axes.legend(loc="lower center", fontsize="small")
    return words.apply(axes)


def plot_ampacity(
    conductors: Sequence[Conductor | str],
    air_c: Sequence[float] = tuple(range(-20, 46, 5)),
    *,
    lang: Lang = "en",
    ax: Axes | None = None,
) -> Axes:
    """Continuous current against air temperature; a dot marks the nameplate.

    Parameters
    ----------
    conductors : sequence of records or names
        A line each.
    air_c : sequence of float
        Air temperatures [°C].
    lang, ax
        As in `plot_sag`.
    """
    words, axes = lettering(lang), axes_or_new(ax)
    for kind in _each(conductors):
        currents = [kind.ampacity_at(air) for air in air_c]
        (line,) = axes.plot(air_c, currents, label=f"{kind.name} ({kind.max_conductor_c:g} °C)")
        axes.plot([kind.ampacity_air_c], [kind.ampacity_a], "o", color=line.get_color())
    axes.axvline(DEFAULT_AIR_C, linestyle=":", color="0.5")
    axes.set(
        xlabel=words.word("air"),
        ylabel=words.word("current"),
        ylim=(0.0, None),
        title=words.word("ampacity"),
    )
    axes.legend(loc="upper right", fontsize="small")
    return words.apply(axes)


def plot_reactance(
    conductors: Sequence[Conductor | str],
    spacing_m: Sequence[float] = tuple(np.linspace(0.3, 4.0, 75)),
    *,
    lang: Lang = "en",
    ax: Axes | None = None,
) -> Axes:
    """Positive-sequence reactance against spacing: full lines triangle, dashed lines horizontal.

    Parameters
    ----------
    conductors : sequence of records or names
        Two lines each.
    spacing_m : sequence of float
        Distance of neighbouring wires [m].
    lang, ax
        As in `plot_sag`.
    """
    if not min(spacing_m) > 0.0:
        raise InputError(f"spacing {min(spacing_m):g} m; expected more than 0")
    words, axes = lettering(lang), axes_or_new(ax)
    for kind in _each(conductors):
        triangle = [_reactance(kind, [(0, 0), (d, 0), (d / 2, d * 0.75**0.5)]) for d in spacing_m]
        (line,) = axes.plot(spacing_m, triangle, label=kind.name)
        level = [_reactance(kind, [(0, 0), (d, 0), (2 * d, 0)]) for d in spacing_m]
        axes.plot(spacing_m, level, "--", color=line.get_color())
    axes.set(
        xlabel=words.word("spacing"),
        ylabel=words.word("x1"),
        title=words.word("reactance"),
    )
    axes.legend(fontsize="small")
    return words.apply(axes)


def _each(conductors: Sequence[Conductor | str]) -> list[Conductor]:
    return [get_conductor(kind) if isinstance(kind, str) else kind for kind in conductors]


def _reactance(conductor: Conductor, positions_m: Sequence[tuple[float, float]]) -> float:
    z = primitive_matrix([0.0] * 3, [conductor.gmr_mm / KILO] * 3, positions_m)
    return sequence_impedances(z)[1].imag
