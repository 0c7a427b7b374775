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
    ax : matplotlib Axes, optional
        Where to draw.
    """
    wire = get_conductor(conductor) if isinstance(conductor, str) else conductor
    head = get_pole_head(arrangement) if isinstance(arrangement, str) else arrangement
    design = design_span(wire, span_m, zone=zone)
    height, least = lowest_wire_height_m(head, pole_m), ground_clearance_limit(head.kv, terrain)
    axes = _axes(ax)
    at_m = np.linspace(0.0, span_m, 161)
    largest = design.largest_sag
    states = (
        (f"{design.zone.t_min_c:g} °C", design.at(design.zone.t_min_c)),
        (f"{design.zone.t_mean_c:g} °C", design.at(design.zone.t_mean_c)),
        (f"largest sag: {largest.case.name}", largest),
    )
    for label, state in states:
        drop = 4.0 * state.vertical_sag_m * (at_m / span_m) * (1.0 - at_m / span_m)
        text = f"{label}, {state.vertical_sag_m:.2f} m, {state.tension_n / KILO:.1f} kN"
        axes.plot(at_m, height - drop, label=text)
    axes.axhline(least.value, linestyle="--", color="0.4", label=f"clearance {least.value:g} m")
    axes.vlines([0.0, span_m], 0.0, height, color="0.2", linewidth=2.5)
    middle = (span_m / 2.0, height - largest.vertical_sag_m)
    axes.annotate(
        f"{middle[1]:.2f} m", middle, (0.0, -14.0), textcoords="offset points", ha="center"
    )
    axes.set(
        xlabel="along the span [m]",
        ylabel="height above ground [m]",
        ylim=(0.0, height + 1.0),
        title=f"{wire.name} on {head.name}, span {span_m:g} m",
    )
    axes.legend(loc="lower center", fontsize="small")
    return axes


def plot_ampacity(
    conductors: Sequence[Conductor | str],
    air_c: Sequence[float] = tuple(range(-20, 46, 5)),
    *,
    ax: Axes | None = None,
) -> Axes:
    """Continuous current against air temperature; a dot marks the nameplate.

    Parameters
    ----------
    conductors : sequence of records or names
        A line each.
    air_c : sequence of float
        Air temperatures [°C].
    """
    axes = _axes(ax)
    for kind in _each(conductors):
        currents = [kind.ampacity_at(air) for air in air_c]
        (line,) = axes.plot(air_c, currents, label=f"{kind.name} ({kind.max_conductor_c:g} °C)")
        axes.plot([kind.ampacity_air_c], [kind.ampacity_a], "o", color=line.get_color())
    axes.axvline(DEFAULT_AIR_C, linestyle=":", color="0.5")
    axes.set(
        xlabel="air temperature [°C]",
        ylabel="continuous current [A]",
        ylim=(0.0, None),
        title="Ampacity; dots: nameplate",
    )
    axes.legend(loc="upper right", fontsize="small")
    return axes


def plot_reactance(
    conductors: Sequence[Conductor | str],
    spacing_m: Sequence[float] = tuple(np.linspace(0.3, 4.0, 75)),
    *,
    ax: Axes | None = None,
) -> Axes:
    """Positive-sequence reactance against spacing: full lines triangle, dashed lines horizontal.

    Parameters
    ----------
    conductors : sequence of records or names
        Two lines each.
    spacing_m : sequence of float
        Distance of neighbouring wires [m].
    """
    if not min(spacing_m) > 0.0:
        raise InputError(f"spacing {min(spacing_m):g} m; expected more than 0")
    axes = _axes(ax)
    for kind in _each(conductors):
        triangle = [_reactance(kind, [(0, 0), (d, 0), (d / 2, d * 0.75**0.5)]) for d in spacing_m]
        (line,) = axes.plot(spacing_m, triangle, label=kind.name)
        level = [_reactance(kind, [(0, 0), (d, 0), (2 * d, 0)]) for d in spacing_m]
        axes.plot(spacing_m, level, "--", color=line.get_color())
    axes.set(
        xlabel="distance of neighbouring wires [m]",
        ylabel="x1 [ohm/km], 50 Hz",
        title="Reactance: triangle (full), horizontal (dashed)",
    )
    axes.legend(fontsize="small")
    return axes


def _each(conductors: Sequence[Conductor | str]) -> list[Conductor]:
    return [get_conductor(kind) if isinstance(kind, str) else kind for kind in conductors]


def _reactance(conductor: Conductor, positions_m: Sequence[tuple[float, float]]) -> float:
    z = primitive_matrix([0.0] * 3, [conductor.gmr_mm / KILO] * 3, positions_m)
    return sequence_impedances(z)[1].imag


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots()[1]
