"""What areas draw, and how that follows from what their customers ask for: learned, as habits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ruralgrid.flow.four_wire.exchange import values_of

__all__ = ["Draw", "Habits", "first_habits", "polynomials"]

FloatArray = npt.NDArray[np.float64]


class Draw(NamedTuple):
    """What areas draw at 1 pu [kW, kvar], arrays (areas, hours).

    ``elastic_*`` is the part of it that follows the voltage as an impedance does.
    """

    p: FloatArray
    q: FloatArray
    elastic_p: FloatArray
    elastic_q: FloatArray

    def of(self, chosen: npt.NDArray[np.bool_]) -> Draw:
        """The same in some of the hours."""
        return Draw(*(np.compress(chosen, part, axis=1) for part in self))


class Habits(NamedTuple):
    """How areas draw, learned from a few hours: the start of every other run.

    Each part of `Draw` as a polynomial (areas, 3) of the customers' own at nominal voltage, without
    the wires between; constant term first.
    """

    p: FloatArray
    q: FloatArray
    elastic_p: FloatArray
    elastic_q: FloatArray

    def expected(self, nominal: Draw) -> Draw:
        """What the areas draw, about, where their customers would draw `nominal`."""
        return Draw(*(values_of(part, own) for part, own in zip(self, nominal, strict=True)))


def first_habits(areas: int) -> Habits:
    """Before anything is learned: the customers' own."""
    return Habits(*(np.tile([0.0, 1.0, 0.0], (areas, 1)) for _ in Habits._fields))


def polynomials(own: FloatArray, power: FloatArray) -> FloatArray:
    """Least squares of power over the customers' own, by area: constant, linear, square."""
    size = np.maximum(np.abs(own).max(axis=1, initial=0.0), 1e-9)
    x = own / size[:, None]
    columns = np.stack([np.ones_like(x), x, x**2], axis=2)
    normal = np.einsum("ahi,ahj->aij", columns, columns) + 1e-9 * np.eye(3)
    solved = np.linalg.solve(normal, np.einsum("ahi,ah->ai", columns, power)[:, :, None])[:, :, 0]
    return np.asarray(solved / size[:, None] ** np.arange(3))
