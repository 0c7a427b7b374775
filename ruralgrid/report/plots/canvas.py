"""Where a plot is drawn, and its colours: told apart by the colour-blind, and by shape too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AMBER", "BLUE", "GREEN", "GREY", "PURPLE", "SKY", "VERMILION", "axes_or_new"]

# Okabe and Ito, "Color Universal Design" (2008)
AMBER: Final = "#E69F00"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "0.45"


def axes_or_new(ax: Axes | None, width: float = 7.0, height: float = 4.2) -> Axes:
    """`ax`, or the Axes of a new figure of that size [inch]."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]
