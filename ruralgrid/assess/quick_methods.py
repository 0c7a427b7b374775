"""The quick methods of Chinese line-loss work (DL/T 686) beside the full year.

All take the current at the head of a feeder and its equivalent resistance, 3 I^2 R; none sees the
voltage, nor how the load is spread from hour to hour. Each is compared with the load flow.
(The methods are recalled from DL/T 686, not read in it: grade unverified.)
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.errors import InputError
from ruralgrid.units import HOURS_PER_YEAR, KILO

__all__ = [
    "average_current_loss_kwh",
    "equivalent_resistance_ohm",
    "loss_factor_loss_kwh",
    "loss_hours",
    "quick_methods",
    "rms_current_loss_kwh",
    "shape_factor_squared",
    "tau_loss_kwh",
]

_FloatArray = npt.NDArray[np.float64]

_HOURS_PER_DAY: Final = 24
_STRAIGHT_FROM_LOAD_FACTOR: Final = 0.5
_METHODS: Final = {
    "rms": (
        "RMS current, every hour",
        "均方根电流法（全部时刻）",
        "one resistance for all hours: the split of the load over the branches changes",
    ),
    "rms_day": (
        "RMS current, representative day",
        "均方根电流法（代表日）",
        "a day of mean energy has no seasonal peak: the mean square of the year is larger",
    ),
    "tau": (
        "loss hours",
        "最大负荷损耗小时数法",
        "the table holds for the load curves it was drawn from; one peak hour sets Imax",
    ),
    "shape": (
        "average current and shape factor",
        "平均电流法（形状系数法）",
        "the duration curve is a straight line from a load factor of 0.5 on, two steps below",
    ),
    "loss_factor": (
        "highest current and loss factor",
        "最大电流法（损失因数法）",
        "0.3 and 0.7 are usual for distribution, not this feeder's own",
    ),
}


def quick_methods(
    head_current_a: npt.ArrayLike,
    resistance_ohm: float,
    *,
    full_kwh: float,
    cos_phi: float = 0.9,
    representative_day: int | None = None,
) -> pd.DataFrame:
    """Every quick method on one feeder, with its difference from the full result.

    Parameters
    ----------
    head_current_a : array_like, shape (hours,)
        Hourly mean current at the head [A], whole days, for example 8760 hours.
    resistance_ohm : float
        Equivalent resistance of the feeder per phase [ohm]; see `equivalent_resistance_ohm`.
    full_kwh : float
        Loss of the same hours by the load flow [kWh].
    cos_phi : float
        Power factor at the head, 0.8 to 1, for the table of loss hours.
    representative_day : int, optional
        Day (0 is the first) whose 24 hours stand for all; by default the day whose mean current is
        closest to the mean of all.

    Returns
    -------
    pandas.DataFrame
        `method, method_zh, kwh, difference_kwh` (method - full), `difference_percent` (of full),
        `figures` (what went into it), `why` (what makes it differ).
    """
    current = _current(head_current_a)
    if not resistance_ohm > 0:
        raise InputError(f"above 0 ohm is expected, got {resistance_ohm!r}", "resistance_ohm")
    if not full_kwh > 0:
        raise InputError(f"above 0 kWh is expected, got {full_kwh!r}", "full_kwh")
    day = _representative_day(current, representative_day)
    days = len(current) // _HOURS_PER_DAY
    of_day = current.reshape(days, _HOURS_PER_DAY)[day]
    t_max_h = current.sum() / current.max() * HOURS_PER_YEAR / len(current)
    f, lowest = current.mean() / current.max(), current.min() / current.max()
    shape, tau_h = shape_factor_squared(f, lowest), loss_hours(t_max_h, cos_phi)
    results = {
        "rms": (rms_current_loss_kwh(current, resistance_ohm), f"Irms {_rms(current):.3g} A"),
        "rms_day": (
            rms_current_loss_kwh(of_day, resistance_ohm) * days,
            f"day {day}, Irms {_rms(of_day):.3g} A",
        ),
        "tau": (
            tau_loss_kwh(current, resistance_ohm, cos_phi),
            f"Tmax {t_max_h:.0f} h, tau {tau_h:.0f} h, cos phi {cos_phi:g}",
        ),
        "shape": (
            average_current_loss_kwh(current, resistance_ohm),
            f"f {f:.3f}, Imin/Imax {lowest:.3f}, K2 {shape:.3f}",
        ),
        "loss_factor": (
            loss_factor_loss_kwh(current, resistance_ohm),
            f"f {f:.3f}, F = 0.3 f + 0.7 f2",
        ),
    }
    rows = [(*_METHODS[key][:2], *result, _METHODS[key][2]) for key, result in results.items()]
    frame = pd.DataFrame(rows, columns=["method", "method_zh", "kwh", "figures", "why"])
    frame.insert(3, "difference_kwh", frame["kwh"] - full_kwh)
    frame.insert(4, "difference_percent", frame["difference_kwh"] / full_kwh * 100)
    return frame


def equivalent_resistance_ohm(
    downstream_kwh: npt.ArrayLike, section_ohm: npt.ArrayLike, head_kwh: float
) -> float:
    """R = sum(W_i^2 R_i) / W_head^2 [ohm]: 等值电阻法, each section by the energy that it carries.

    Exact where all loads have one shape and one power factor and the voltage is even.
    """
    energy = np.asarray(downstream_kwh, dtype=float)
    resistance = np.asarray(section_ohm, dtype=float)
    if energy.shape != resistance.shape or not head_kwh > 0:
        raise InputError(
            f"one energy per resistance and a head energy above 0 are expected, got "
            f"{energy.shape}, {resistance.shape} and {head_kwh!r}"
        )
    return float((energy**2 * resistance).sum() / head_kwh**2)


def rms_current_loss_kwh(current_a: npt.ArrayLike, resistance_ohm: float) -> float:
    """Loss dA = 3 Irms^2 R T / 1000 [kWh] with Irms^2 = sum(I_t^2) / T over the T hours given."""
    current = _hours(current_a)
    return 3 * _rms(current) ** 2 * resistance_ohm * len(current) / KILO


def average_current_loss_kwh(current_a: npt.ArrayLike, resistance_ohm: float) -> float:
    """Loss dA = 3 K^2 Iav^2 R T / 1000 [kWh], K^2 by `shape_factor_squared`."""
    current = _current(current_a)
    load_factor, lowest = current.mean() / current.max(), current.min() / current.max()
    mean_square = shape_factor_squared(load_factor, lowest) * current.mean() ** 2
    return float(3 * mean_square * resistance_ohm * len(current) / KILO)


def loss_factor_loss_kwh(
    current_a: npt.ArrayLike, resistance_ohm: float, *, linear_share: float = 0.3
) -> float:
    """Loss dA = 3 F Imax^2 R T / 1000 [kWh], F = c f + (1 - c) f^2 with the load factor f."""
    current = _current(current_a)
    load_factor = current.mean() / current.max()
    loss_factor = linear_share * load_factor + (1 - linear_share) * load_factor**2
    return float(3 * loss_factor * current.max() ** 2 * resistance_ohm * len(current) / KILO)


def tau_loss_kwh(current_a: npt.ArrayLike, resistance_ohm: float, cos_phi: float) -> float:
    """Loss dA = 3 Imax^2 R tau / 1000 [kWh], tau by `loss_hours` from Tmax = sum(I) / Imax.

    Hours other than 8760 are taken as a sample of a year, and the loss is that of these hours.
    """
    current = _current(current_a)
    share_of_year = len(current) / HOURS_PER_YEAR
    t_max_h = float(current.sum() / current.max() / share_of_year)
    tau_h = loss_hours(t_max_h, cos_phi) * share_of_year
    return float(3 * current.max() ** 2 * resistance_ohm * tau_h / KILO)


def shape_factor_squared(load_factor: float, lowest: float) -> float:
    """K^2 = (Irms / Iav)^2 of the load curve's shape.

    f >= 0.5: [a + (1-a)^2/3] / [(1+a)/2]^2, the mean square of a straight duration curve from Imax
    to Imin; f < 0.5: [f (1+a) - a] / f^2, that of two steps. (0.5 itself belongs to the first form;
    which of the two the standard gives it to was not read.)

    Parameters
    ----------
    load_factor : float
        f = Iav / Imax, in (0, 1].
    lowest : float
        a = Imin / Imax, in [0, f].
    """
    if not 0 <= lowest <= load_factor * (1 + 1e-12) or not 0 < load_factor <= 1 + 1e-12:
        raise InputError(f"0 <= a <= f <= 1 is expected, got a {lowest!r} and f {load_factor!r}")
    if load_factor >= _STRAIGHT_FROM_LOAD_FACTOR:
        return (lowest + (1 - lowest) ** 2 / 3) / ((1 + lowest) / 2) ** 2
    return (load_factor * (1 + lowest) - lowest) / load_factor**2


def loss_hours(t_max_h: float, cos_phi: float) -> float:
    """Loss hours tau [h] from the hours of use Tmax [h] and the power factor.

    Linear between the points of the table (Tmax 2000-8000 h, cos phi 0.8-1). Below and above them
    linear to the ends that need no table: no use, no loss (0, 0), and a constant load (8760, 8760).

    Raises
    ------
    InputError
        If Tmax lies outside 0-8760 h or cos phi outside the table.
    """
    table = _tau_table()
    low, high = table.cos_phi[0], table.cos_phi[-1]
    if not 0 <= t_max_h <= HOURS_PER_YEAR * (1 + 1e-12):
        raise InputError(f"0 to {HOURS_PER_YEAR} h is expected, got {t_max_h!r}", "t_max_h")
    if not low <= cos_phi <= high:
        raise InputError(f"{low:g} to {high:g} is expected, got {cos_phi!r}", "cos_phi")
    at_t_max = [np.interp(t_max_h, table.t_max_h, column) for column in table.tau_h]
    return float(np.interp(cos_phi, table.cos_phi, at_t_max))


@dataclass(frozen=True, eq=False)
class _TauTable:
    t_max_h: _FloatArray
    cos_phi: _FloatArray
    tau_h: _FloatArray  # [cos_phi, t_max]


@cache
def _tau_table() -> _TauTable:
    text = (files("ruralgrid.data") / "loss_methods" / "tau_table.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    tau = {(float(row["cos_phi"]), float(row["tmax_h"])): float(row["tau_h"]) for row in rows}
    cos_phi = sorted({key[0] for key in tau})
    t_max_h = sorted({key[1] for key in tau})
    ends = float(HOURS_PER_YEAR)
    return _TauTable(
        t_max_h=np.array([0.0, *t_max_h, ends]),
        cos_phi=np.array(cos_phi),
        tau_h=np.array([[0.0, *(tau[c, t] for t in t_max_h), ends] for c in cos_phi]),
    )


def _hours(values: npt.ArrayLike) -> _FloatArray:
    current = np.asarray(values, dtype=float)
    if current.ndim != 1 or len(current) == 0 or len(current) % _HOURS_PER_DAY:
        raise InputError(f"whole days of hours are expected, got shape {current.shape}", "current")
    if not (np.isfinite(current).all() and (current >= 0).all()):
        raise InputError("finite currents of 0 A or more are expected", "current")
    return current


def _current(values: npt.ArrayLike) -> _FloatArray:
    """Hours with a peak: methods that divide by it have no answer for a feeder at rest."""
    current = _hours(values)
    if not current.max() > 0:
        raise InputError("a current above 0 A is expected in an hour at least", "current")
    return current


def _rms(current: _FloatArray) -> float:
    return float(np.sqrt(np.mean(current**2)))


def _representative_day(current: _FloatArray, day: int | None) -> int:
    means = current.reshape(-1, _HOURS_PER_DAY).mean(axis=1)
    if day is None:
        return int(np.abs(means - means.mean()).argmin())
    if not 0 <= day < len(means):
        raise InputError(f"a day of 0 to {len(means) - 1} is expected, got {day!r}")
    return day
