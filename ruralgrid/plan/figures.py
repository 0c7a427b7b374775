"""How a plan's figures are compared and shown."""

from __future__ import annotations

__all__ = ["TOLERANCE", "difference", "number"]

TOLERANCE = 0.005
"""Half of the last digit of figures that are printed to 0.01."""


def number(figure: float) -> str:
    """A figure with thousands separated and no more than two decimals."""
    return f"{figure:,.2f}".rstrip("0").rstrip(".")


def difference(stated: float, found: float) -> str:
    """How far the stated figure lies from the one found: "stated is 12 less (-4.0 %)"."""
    gap = stated - found
    percent = f" ({100 * gap / found:+.1f} %)" if found else ""
    return f"stated is {number(abs(gap))} {'more' if gap > 0 else 'less'}{percent}"
