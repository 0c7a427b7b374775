"""0.4 kV: circuits about a transformer, service points along them, and the tails of old.

A hub is a place where a transformer stands or will stand. A village that waits for more than one
transformer has several hubs; until its batch comes, a link carries the supply from the first hub to
the others, and that link is taken down with the works.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ruralgrid.units import KILO

__all__ = ["Layout", "layout_circuits", "tail_length_km"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Service points of one hub.

    Parameters
    ----------
    offset : array, shape (points, 2)
        Place of each service point from the hub [km].
    parent : array of int
        The point before it on its circuit; -1 is the hub.
    circuit : array of int
        Its circuit, from 0.
    """

    offset: Floats
    parent: Ints
    circuit: Ints


def layout_circuits(
    points: int, length_km: float, reach_km: float, detour: float, rng: np.random.Generator
) -> Layout:
    """`points` service points on circuits that leave a hub in all directions.

    Each section has the same length; as many circuits leave as keep each within `reach_km`.
    """
    step = length_km / points
    per_circuit = max(1, int(reach_km / step))
    circuits = -(-points // per_circuit)
    circuit = np.arange(points) * circuits // points
    position = np.arange(points) - np.searchsorted(circuit, circuit)
    parent = np.where(position == 0, -1, np.arange(points) - 1)
    heading = 2 * np.pi * (np.arange(circuits) / circuits + rng.random())
    bend = np.radians(40.0) * (rng.random(points) - 0.5)
    direction = heading[circuit] + np.cumsum(bend) - _before_circuit(np.cumsum(bend), circuit)
    stride = step / detour * np.stack([np.cos(direction), np.sin(direction)], axis=1)
    walked = np.cumsum(stride, axis=0)
    return Layout(walked - _before_circuit(walked, circuit), parent, circuit)


def _before_circuit(running: Floats, circuit: Ints) -> Floats:
    """The running sum as it stood before the circuit of each point began."""
    first = np.searchsorted(circuit, circuit)
    padded = np.concatenate([np.zeros_like(running[:1]), running])
    return padded[first]


def tail_length_km(
    relative_moment: Floats,
    peak_kw: Floats,
    r_ohm_per_km: Floats,
    x_ohm_per_km: Floats,
    power_factor: float,
    vn_kv: float = 0.4,
) -> Floats:
    """Length [km] of a tail that carries `peak_kw` at a given relative moment.

    The relative moment is the peak times the length over what the wire can carry at all,
    ``mu = P L (r + x tan phi) / (U^2 / 4)``: at 1 a constant-power load at the end of a tail that
    starts at nominal voltage has about no solution any more.
    """
    tangent = np.tan(np.arccos(power_factor))
    kw_ohm = vn_kv**2 * KILO
    return relative_moment * kw_ohm / 4 / (peak_kw * (r_ohm_per_km + x_ohm_per_km * tangent))
