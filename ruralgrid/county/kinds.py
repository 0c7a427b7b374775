"""Kinds of customers: their shapes, their power factor, how their load follows the voltage."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from ruralgrid.errors import UnknownNameError

__all__ = ["CONSTANT", "Kind", "get_kind", "list_kinds"]

CONSTANT: Final = "constant"
"""The kind of a load of a net from elsewhere: constant power, the same in every hour."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of customer: its shapes, its power factor and how its load follows the voltage.

    `hours_of_use_h` is the energy over the peak of the kind's own shapes [h].
    """

    name: str
    shape_winter: str
    shape_summer: str
    shape_festival: str
    months: str
    power_factor: float
    hours_of_use_h: float
    const_z_percent: float
    const_i_percent: float
    source: str
    grade: str


def _text() -> str:
    return (files("ruralgrid.data") / "demand" / "kinds.csv").read_text(encoding="utf-8")


@cache
def _kinds() -> dict[str, Kind]:
    return {
        row["kind"]: Kind(
            row["kind"],
            row["shape_winter"],
            row["shape_summer"],
            row["shape_festival"],
            row["months"],
            float(row["power_factor"]),
            float(row["hours_of_use_h"]),
            float(row["const_z_percent"]),
            float(row["const_i_percent"]),
            row["source"],
            row["grade"],
        )
        for row in csv.DictReader(_text().splitlines())
    }


def list_kinds() -> tuple[str, ...]:
    """The kinds of customers that there are shapes for."""
    return tuple(_kinds())


def get_kind(name: str) -> Kind:
    """The kind of that name.

    Raises
    ------
    UnknownNameError
        If there is none; the message names the nearest.
    """
    if name not in _kinds():
        raise UnknownNameError("kind of customer", name, _kinds())
    return _kinds()[name]
