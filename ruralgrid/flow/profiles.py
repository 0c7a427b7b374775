"""Load profiles: how the loads of a net move through the hours.

A county has tens of thousands of loads and 8,760 hours, but only some hundreds of shapes: a
profile is a row of factors, and every load names the row that it follows. Hours times loads is
never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.errors import InputError

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["LoadProfiles"]

_ROWS_AT_ONCE = 64  # rows checked at a time, so that a memory-mapped table is never held whole

_YEARS = (8760, 8784, 35040, 35136)
"""Steps of a year of hours or quarters of an hour."""


@dataclass(frozen=True, eq=False)
class LoadProfiles:
    """Shapes in time and, for each load, the shape that it follows.

    Parameters
    ----------
    values : array, shape (profiles, hours)
        Factors [1], not kW, on a load's own ``p_mw * scaling`` (and ``q_mvar * scaling``): 1.0 is
        the load as it stands in the net. Profiles of mean 1 ask for a net of
        ``build(county, hour="mean")``, for `build` gives the loads of the peak hour by default.
        float32 or float64; a `numpy.memmap` is read in slices.
    of_load : array of int, shape (rows of net.load,)
        In the row order of ``net.load``, the row of `values` that the load follows.

    Raises
    ------
    InputError
        A shape (8,760 rows of few columns: hours and profiles have changed places), a number that
        is not finite, or a row that does not exist.
    """

    values: npt.NDArray[np.floating]
    of_load: npt.NDArray[np.integer]

    def __post_init__(self) -> None:
        object.__setattr__(self, "of_load", _checked_rows(self.of_load))
        _check_values(self.values)
        _refuse_turned(self.values, self.of_load)
        if self.of_load.size and not (
            self.of_load.min() >= 0 and self.of_load.max() < self.values.shape[0]
        ):
            raise InputError(
                f"loads follow rows {self.of_load.min()} to {self.of_load.max()} of values, "
                f"counted from 0, but there are {self.values.shape[0]} profiles",
                "LoadProfiles.of_load",
            )

    @property
    def hours(self) -> int:
        """How many hours the profiles have."""
        return int(self.values.shape[1])

    @classmethod
    def constant(cls, net: pandapowerNet, hours: int = 1) -> LoadProfiles:
        """Every load of `net` as it stands in the net, for `hours` hours."""
        if not isinstance(hours, int | np.integer) or hours < 1:
            raise InputError(f"expected a whole number from 1 on, got {hours!r}", "hours")
        return cls(np.ones((1, hours)), np.zeros(len(net.load), dtype=np.int64))

    def __repr__(self) -> str:
        return (
            f"LoadProfiles({self.values.shape[0]} profiles x {self.hours} hours, "
            f"{self.of_load.size} loads)"
        )


def _checked_rows(of_load: npt.ArrayLike) -> npt.NDArray[np.integer]:
    if isinstance(of_load, pd.Series):
        raise InputError(
            "expected an array in the row order of net.load, got a Series, whose order may be "
            "another; give series.loc[net.load.index].to_numpy()",
            "LoadProfiles.of_load",
        )
    rows = np.asarray(of_load)
    if rows.ndim != 1 or (rows.size and not np.issubdtype(rows.dtype, np.integer)):
        raise InputError(
            f"expected a row of row numbers, got {rows.dtype} of shape {rows.shape}",
            "LoadProfiles.of_load",
        )
    return rows.astype(np.int64)


def _check_values(values: npt.NDArray[np.floating]) -> None:
    where = "LoadProfiles.values"
    if not isinstance(values, np.ndarray) or values.dtype not in (np.float32, np.float64):
        raise InputError(
            f"expected a numpy array of floats, got {_kind(values)}; make it one by "
            "numpy.asarray(table, dtype=float), turned by .T if it has a row to an hour",
            where,
        )
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"expected profiles x hours, at least 1 x 1, got {values.shape}", where)
    for first in range(0, values.shape[0], _ROWS_AT_ONCE):
        finite = np.isfinite(values[first : first + _ROWS_AT_ONCE])
        if not finite.all():
            row, hour = np.argwhere(~finite)[0]
            row += first
            raise InputError(f"profile {row} is {values[row, hour]} in hour {hour}", where)


def _refuse_turned(values: npt.NDArray[np.floating], of_load: npt.NDArray[np.integer]) -> None:
    """A year of rows and few columns is a table with an hour in each row: the other way round."""
    rows, columns = values.shape
    if rows in _YEARS and columns not in _YEARS and of_load.max(initial=-1) < columns < rows:
        raise InputError(
            f"the shape is {values.shape}, which looks like hours x profiles; expected profiles x "
            "hours: give values.T",
            "LoadProfiles.values",
        )


def _kind(values: object) -> str:
    return f"{values.dtype}" if isinstance(values, np.ndarray) else type(values).__name__
