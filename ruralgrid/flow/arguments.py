"""The arguments that every solver of hours takes, checked at the door."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.errors import InputError
from ruralgrid.flow.profiles import LoadProfiles

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = [
    "checked_hours",
    "checked_scale",
    "checked_threads",
    "checked_tolerance",
    "limit_per_bus",
    "require_limits",
    "require_profiles",
]


_HIGHEST_LIMIT_PU = 2.0  # what is above is in volts, kilovolts or percent


def require_profiles(profiles: object) -> None:
    """Raise InputError unless `profiles` are LoadProfiles."""
    if not isinstance(profiles, LoadProfiles):
        raise InputError(
            f"expected LoadProfiles, got {type(profiles).__name__}; make them by "
            "LoadProfiles(values, of_load): values [profile, hour], and the row that each load "
            "follows",
            "profiles",
        )


def checked_hours(profiles: LoadProfiles, hours: npt.ArrayLike | None) -> npt.NDArray[np.int64]:
    """Columns of the profiles to solve; all by default."""
    if hours is None:
        return np.arange(profiles.hours)
    chosen = np.asarray(hours)
    if chosen.ndim != 1 or not chosen.size or not np.issubdtype(chosen.dtype, np.integer):
        raise InputError(f"expected whole hour numbers, at least one, got {hours!r:.200}", "hours")
    if chosen.min() < 0 or chosen.max() >= profiles.hours:
        raise InputError(
            f"hours {chosen.min()} to {chosen.max()} asked, the profiles have {profiles.hours}: "
            f"0 to {profiles.hours - 1}",
            "hours",
        )
    return chosen.astype(np.int64)


def checked_scale(
    net: pandapowerNet, profiles: LoadProfiles, load_scale: npt.ArrayLike | None
) -> npt.NDArray[np.float64] | None:
    """A factor on each load, or None; profiles are of as many loads."""
    if len(profiles.of_load) != len(net.load):
        raise InputError(
            f"profiles for {len(profiles.of_load)} loads, the net has {len(net.load)}",
            "profiles.of_load",
        )
    if load_scale is None:
        return None
    scale = _numbers(load_scale, "load_scale")
    if scale.shape != (len(net.load),):
        raise InputError(
            f"expected one factor per load, shape ({len(net.load)},), got {scale.shape}",
            "load_scale",
        )
    if not np.isfinite(scale).all():
        row = int(np.argmin(np.isfinite(scale)))
        raise InputError(f"expected finite factors, got {scale[row]} in row {row}", "load_scale")
    return scale


def _numbers(values: object, where: str) -> npt.NDArray[np.float64]:
    """An array of numbers; texts are none, though numpy would read them."""
    kind = np.asarray(values).dtype.kind
    try:
        if kind in "US":
            raise ValueError
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"expected numbers, got {values!r:.200}", where) from None


def checked_tolerance(tolerance_pu: float, most: float = 1e-3) -> float:
    """Voltage error [pu] that an iteration may leave."""
    is_number = isinstance(tolerance_pu, int | float | np.number)
    if not is_number or not 1e-12 <= tolerance_pu <= most:
        raise InputError(f"tolerance_pu is {tolerance_pu!r}; expected 1e-12 to {most:g}")
    return float(tolerance_pu)


def checked_threads(n_threads: int | None) -> int:
    """Threads to use; all processors by default."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if n_threads is None:
        return available or 1
    whole = isinstance(n_threads, int | np.integer) and not isinstance(n_threads, bool)
    if not whole or n_threads < 1:
        shown = n_threads.item() if isinstance(n_threads, np.generic) else n_threads
        raise InputError(f"n_threads is {shown!r}; expected a whole number from 1 on")
    return int(n_threads)


def limit_per_bus(
    net: pandapowerNet, name: str, limit: float | npt.ArrayLike | pd.Series
) -> npt.NDArray[np.float64]:
    """A limit [pu] for each row of net.bus; NaN where there is none.

    A Series is taken by its index; buses that it does not name have no limit.
    """
    where = f"limit {name!r}"
    if isinstance(limit, pd.Series):
        unknown = limit.index.difference(net.bus.index)
        if len(unknown) or not limit.index.is_unique:
            odd = unknown[0] if len(unknown) else limit.index[limit.index.duplicated()][0]
            odd = odd.item() if isinstance(odd, np.generic) else odd
            raise InputError(
                f"{odd!r} is no index of net.bus, or stands twice; expected indices of buses, not "
                "their names",
                where,
            )
        limit = limit.reindex(net.bus.index)
    values = _numbers(limit, where)
    if values.ndim == 0:
        values = np.full(len(net.bus), float(values))
    if values.shape != (len(net.bus),):
        raise InputError(
            f"expected one number or one per bus, shape ({len(net.bus)},), got {values.shape}",
            where,
        )
    odd = values[(values <= 0) | (values > _HIGHEST_LIMIT_PU)]
    if len(odd):
        raise InputError(
            f"expected pu of the bus's voltage, above 0 and up to {_HIGHEST_LIMIT_PU:g}, got "
            f"{odd[0]:g}; 198 V of 220 V are 0.9 pu",
            where,
        )
    return values


def require_limits(name: str, limits: object) -> None:
    """Raise InputError unless the argument `name` maps names to limits."""
    if not isinstance(limits, Mapping):
        raise InputError(
            "expected a mapping of names to limits [pu], such as {'low': 0.9}, got "
            f"{limits!r:.200}",
            name,
        )
