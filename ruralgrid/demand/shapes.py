"""The year of each kind of customer, hour by hour, relative to its own mean.

The shapes are engineering assumptions (grade `assumed`), not measurements: daily shapes by season
times monthly factors, with a fortnight of Spring Festival for households. No weekday is told from a
Sunday: farm and village work does not tell them apart.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ruralgrid.county.kinds import get_kind
from ruralgrid.units import HOURS_PER_YEAR

__all__ = ["DAYS_OF_MONTH", "month_of_day", "yearly_shape"]

DAYS_OF_MONTH: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SUMMER_MONTHS: Final = range(3, 10)
"""April to October, counted from 0: the summer shape; the rest is winter."""
FESTIVAL_DAYS: Final = range(30, 44)
"""31 January to 13 February, counted from 0: the fortnight of Spring Festival (as in 2014)."""

Floats = NDArray[np.float64]


def _rows(file: str) -> list[dict[str, str]]:
    text = (files("ruralgrid.data") / "demand" / file).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _daily(name: str) -> Floats:
    values = {
        int(r["hour"]): float(r["value"]) for r in _rows("daily_shapes.csv") if r["shape"] == name
    }
    return np.array([values[hour] for hour in range(24)])


def _monthly(name: str) -> Floats:
    if not name:
        return np.ones(12)
    rows = [r for r in _rows("monthly_factors.csv") if r["load_class"] == name]
    return np.array([float(r["factor"]) for r in sorted(rows, key=lambda r: int(r["month"]))])


def month_of_day() -> NDArray[np.int64]:
    """The month (0..11) of each of the 365 days."""
    return np.repeat(np.arange(12), DAYS_OF_MONTH)


@cache
def yearly_shape(kind: str) -> Floats:
    """Load of the kind at each of 8,760 hours, over its mean; shape (8760,).

    A day is its season's daily shape over that shape's mean, times the factor of its month; a
    festival day stands on the scale of a winter day, so its energy is larger. The whole is divided
    by its mean: energy is conserved.
    """
    record = get_kind(kind)
    month = month_of_day()
    winter, summer = _daily(record.shape_winter), _daily(record.shape_summer)
    days = np.where(
        np.isin(month, SUMMER_MONTHS)[:, None], summer / summer.mean(), winter / winter.mean()
    )
    if record.shape_festival:
        days[list(FESTIVAL_DAYS)] = _daily(record.shape_festival) / winter.mean()
    year = (days * _monthly(record.months)[month][:, None]).reshape(HOURS_PER_YEAR)
    year /= year.mean()
    year.setflags(write=False)
    return year
