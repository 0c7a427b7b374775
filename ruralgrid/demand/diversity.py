"""Coincidence: the fewer the customers, the higher their common peak, at the same energy.

The coincidence factor of N households is taken as ``Ks(N) = k + (1 - k) / sqrt(N)`` with the floor
``k`` (0.26: a fit, 0.40 at 28 and 0.33 at 100 households). Against the whole county the peak of a
group is then higher by ``1 + a(N)`` with ``a(N) = (1 - k) / (k sqrt(N))``.

Groups do not peak together. Each village belongs to one of 24 classes; at every hour the classes
stand at evenly spread levels between -1 and +1, in an order drawn anew. The load of a group is
``p(t) (1 + a(N) xi(t))``: over all classes the levels add up to nothing, so the county's curve
stays what it is, while each village meets its own peak at an hour of its own.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ruralgrid.county.coincidence import coincidence_factor
from ruralgrid.units import HOURS_PER_YEAR

__all__ = ["CLASSES", "class_of", "excess_of", "levels"]

CLASSES: Final = 24
"""Classes of villages that peak at hours of their own."""

_SEED: Final = 2013
_MAX_EXCESS: Final = 0.95
"""A load does not fall below zero: groups below nine households are taken as nine."""

Floats = NDArray[np.float64]


def excess_of(customers: ArrayLike, floor: float = 0.26) -> Floats:
    """How much higher the peak of a group is than its share of the county's: ``a(N)``.

    Rounded to steps of 5 %, so that a county needs few different profiles; at most 0.95.
    """
    excess = coincidence_factor(customers, floor) / floor - 1
    return np.clip(np.round(excess * 20) / 20, 0, _MAX_EXCESS)


def class_of(village: str) -> int:
    """The class of a village: a checksum of its name, the same on every machine."""
    return zlib.crc32(village.encode()) % CLASSES


@cache
def levels() -> Floats:
    """Level of each class at each hour, between -1 and +1; shape (24, 8760).

    The levels of one hour are an order of the same 24 evenly spread values: they add up to zero.
    """
    order = np.argsort(np.random.default_rng(_SEED).random((HOURS_PER_YEAR, CLASSES)), axis=1)
    values = np.linspace(-1.0, 1.0, CLASSES)[order].T.copy()
    values.setflags(write=False)
    return values
