"""How many digits a column of figures is shown with: as many as its size asks for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

__all__ = ["digits_for", "sized"]

_SIGNIFICANT: Final = 4
_MOST: Final = 6


def digits_for(values: Iterable[float], least: int = 0) -> int:
    """Digits after the point that show four significant ones of the largest value.

    Parameters
    ----------
    values : iterable of float
        A column; what is not finite is left out. Whole numbers need no more than `least`.
    least : int
        No fewer are given.
    """
    finite = [value for value in values if math.isfinite(value)]
    if all(value == int(value) for value in finite):
        return least
    top = max(map(abs, finite))
    return min(max(least, _SIGNIFICANT - 1 - math.floor(math.log10(top))), max(least, _MOST))


def sized(values: Iterable[float], least: int = 0) -> list[str]:
    """The values of a column as text, with `digits_for` them; empty where there is none."""
    column = [float(value) for value in values]
    digits = digits_for(column, least)
    return ["" if math.isnan(value) else f"{value:,.{digits}f}" for value in column]
