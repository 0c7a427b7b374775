"""A drawing as a list of shapes that the template writes as SVG, escaping every text."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ruralgrid.report.page.words import Pair

__all__ = ["Drawing", "Scale", "Shape", "ticks"]


@dataclass(frozen=True, slots=True)
class Shape:
    """One SVG element: its tag, its attributes, the texts in it, and what it says when pointed at.

    Parameters
    ----------
    tag : str
        rect, line, path, circle or text.
    attributes : dict
        Escaped by the template.
    text, title : (str, str) or None
        English and Chinese; None where there is none.
    """

    tag: str
    attributes: dict[str, str | float]
    text: Pair | None = None
    title: Pair | None = None


@dataclass
class Drawing:
    """Shapes on a canvas of `width` by `height` units, 1 unit being 1 px at full size.

    Parameters
    ----------
    name : str
        Unique in the page.
    width, height : float
        Of the canvas.
    label : (str, str)
        What a reader who does not see it is told.
    shapes : list of Shape
        In the order in which they are drawn.
    """

    name: str
    width: float
    height: float
    label: Pair
    shapes: list[Shape] = field(default_factory=list)

    def rect(
        self, box: tuple[float, float, float, float], css: str, title: Pair | None = None
    ) -> None:
        """A rectangle (x, y, width, height); a negative width or height is turned round."""
        x, y, width, height = box
        attributes: dict[str, str | float] = {
            "x": _short(min(x, x + width)),
            "y": _short(min(y, y + height)),
            "width": _short(abs(width)),
            "height": _short(abs(height)),
            "class": css,
        }
        self.shapes.append(Shape("rect", attributes, title=title))

    def line(self, ends: tuple[float, float, float, float], css: str) -> None:
        """A straight line (x1, y1, x2, y2)."""
        names = ("x1", "y1", "x2", "y2")
        attributes: dict[str, str | float] = {
            name: _short(end) for name, end in zip(names, ends, strict=True)
        }
        self.shapes.append(Shape("line", {**attributes, "class": css}))

    def path(self, d: str, css: str, title: Pair | None = None) -> None:
        """A path."""
        self.shapes.append(Shape("path", {"d": d, "class": css}, title=title))

    def circle(self, at: tuple[float, float], radius: float, css: str, title: Pair) -> None:
        """A circle."""
        attributes: dict[str, str | float] = {
            "cx": _short(at[0]),
            "cy": _short(at[1]),
            "r": radius,
            "class": css,
        }
        self.shapes.append(Shape("circle", attributes, title=title))

    def text(
        self, at: tuple[float, float], words: Pair | str, anchor: str = "start", css: str = ""
    ) -> None:
        """A text; one that is the same in both languages may be given once."""
        attributes: dict[str, str | float] = {"x": _short(at[0]), "y": _short(at[1])}
        attributes |= {"text-anchor": anchor, **({"class": css} if css else {})}
        texts = (words, words) if isinstance(words, str) else words
        self.shapes.append(Shape("text", attributes, text=texts))


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to places on the canvas, in proportion.

    Parameters
    ----------
    values, places : (float, float)
        What is at the two ends, and where they are.
    """

    values: tuple[float, float]
    places: tuple[float, float]

    def __call__(self, value: float) -> float:
        """The place of a value."""
        low, high = self.values
        begin, end = self.places
        return begin + (value - low) / (high - low) * (end - begin) if high != low else begin


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values that span `low` to `high`: steps of 1, 2, 2.5 or 5 times a power of ten."""
    span = high - low
    if not span > 0:
        return [low]
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(k * step, 10) for k in range(first, last + 1)]


def _short(value: float) -> float:
    rounded = round(float(value), 1)
    return int(rounded) if rounded == int(rounded) else rounded
