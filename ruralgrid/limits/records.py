"""The records of limits: one limit, one voltage band, a set of both."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal, overload

import numpy as np
import numpy.typing as npt

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CONNECTIONS", "Limit", "LimitSet", "VoltageBand"]

_FloatArray = npt.NDArray[np.float64]
_BoolArray = npt.NDArray[np.bool_]

CONNECTIONS: Final = ("single_phase", "three_phase")
"""What a voltage band holds for."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One upper limit.

    Parameters
    ----------
    quantity : str
        What it limits: `supply_radius`, `transformer_heavy`, ...
    value : float
        The limit, in `unit`.
    unit : str
        `h`, `%` or `km`.
    ends : {"closed", "open"}
        Closed: a value exactly on the limit is inside. Open: it is outside.
    clause, grade, source : str
        The rule, how sure the figure is, where it comes from.
    level : str
        Voltage level or place that it holds for (`0.4 kV`, `transformer`); empty: everywhere.
    """

    quantity: str
    value: float
    unit: str
    ends: Literal["closed", "open"]
    clause: str
    grade: str
    source: str
    level: str = ""

    def is_exceeded(self, values: npt.ArrayLike) -> _BoolArray:
        """Whether each value lies outside. NaN is not: the caller decides it beforehand."""
        array = np.asarray(values, dtype=float)
        return np.asarray(array > self.value if self.ends == "closed" else array >= self.value)


@dataclass(frozen=True, slots=True)
class VoltageBand:
    """The voltages allowed for one kind of connection in nets of `from_kv` to `to_kv`.

    Parameters
    ----------
    connection : {"single_phase", "three_phase"}
        Phase-to-neutral or line-to-line voltage is judged.
    from_kv, to_kv : float
        Nominal line-to-line voltages of the nets that it holds for [kV], both ends closed.
    ends : {"closed", "open"}
        Closed: a voltage exactly on the limit is inside.
    clause, grade, source : str
        The rule, how sure the figure is, where it comes from.
    nominal_v : float, optional
        The customer's nominal voltage [V], 220 or 380; without it the nominal voltage of the net.
    low_percent, high_percent : float, optional
        Allowed deviations [% of nominal], with their sign.
    sum_percent : float, optional
        Instead of them: the allowed sum of the absolute deviations [% of nominal].
    """

    connection: Literal["single_phase", "three_phase"]
    from_kv: float
    to_kv: float
    ends: Literal["closed", "open"]
    clause: str
    grade: str
    source: str
    nominal_v: float | None = None
    low_percent: float | None = None
    high_percent: float | None = None
    sum_percent: float | None = None

    def low_pu(self, vn_kv: float) -> float:
        """Lowest voltage [pu of `vn_kv`]; of a sum rule the bound that no sum can save."""
        return self._bound_pu(vn_kv, self.low_percent, -1)

    def high_pu(self, vn_kv: float) -> float:
        """Highest voltage [pu of `vn_kv`]; of a sum rule the bound that no sum can save."""
        return self._bound_pu(vn_kv, self.high_percent, 1)

    def is_low(self, vm_pu: npt.ArrayLike, vn_kv: float) -> _BoolArray:
        """Whether each voltage lies below the band. NaN is not low, and not inside either."""
        array, limit = np.asarray(vm_pu, dtype=float), self.low_pu(vn_kv)
        return np.asarray(array < limit if self.ends == "closed" else array <= limit)

    def is_high(self, vm_pu: npt.ArrayLike, vn_kv: float) -> _BoolArray:
        """Whether each voltage lies above the band. NaN is not high, and not inside either."""
        array, limit = np.asarray(vm_pu, dtype=float), self.high_pu(vn_kv)
        return np.asarray(array > limit if self.ends == "closed" else array >= limit)

    def deviation_sum_percent(
        self, vm_min_pu: npt.ArrayLike, vm_max_pu: npt.ArrayLike
    ) -> _FloatArray:
        """The figure that a sum rule judges [% of nominal].

        The highest and the lowest deviation, added without their signs where they differ in sign;
        else the larger of the two. NaN gives NaN.
        """
        low = (np.asarray(vm_min_pu, dtype=float) - 1) * 100
        high = (np.asarray(vm_max_pu, dtype=float) - 1) * 100
        larger = np.maximum(np.abs(low), np.abs(high))
        return np.where((low < 0) & (high > 0), high - low, larger)

    def _bound_pu(self, vn_kv: float, percent: float | None, sign: int) -> float:
        if percent is None:
            assert self.sum_percent is not None  # the reader lets no other band through
            percent = sign * self.sum_percent
        base_v = vn_kv * KILO / (SQRT3 if self.connection == "single_phase" else 1.0)
        nominal_v = vn_kv * KILO if self.nominal_v is None else self.nominal_v
        return nominal_v * (100 + percent) / 100 / base_v


@dataclass(frozen=True)
class LimitSet:
    """Limits under one name. `bands` and `limits` hold those of the included sets too.

    Examples
    --------
    >>> limits = get_limits("GBT12325_2008")
    >>> round(limits.low_pu(0.4), 6)
    0.857365
    >>> limits.hours_allowed
    1.0
    """

    name: str
    title: str
    title_zh: str
    edition: str
    bands: tuple[VoltageBand, ...]
    limits: tuple[Limit, ...]

    def band(self, vn_kv: float, *, single_phase: bool = True) -> VoltageBand:
        """The band of a net of `vn_kv`: the single-phase one if asked for and there is one.

        Raises
        ------
        InputError
            If no band covers this voltage.
        """
        wanted = CONNECTIONS if single_phase else CONNECTIONS[1:]
        for connection in wanted:
            for band in self.bands:
                if band.connection == connection and band.from_kv <= vn_kv <= band.to_kv:
                    return band
        spans = [f"{b.from_kv:g}-{b.to_kv:g} kV ({b.connection})" for b in self.bands]
        has = f"there are {', '.join(spans)}" if spans else "the set has none"
        raise InputError(f"no voltage band covers {vn_kv:g} kV; {has}", self.name)

    @overload
    def low_pu(self, vn_kv: float, *, single_phase: bool = ...) -> float: ...
    @overload
    def low_pu(self, vn_kv: _FloatArray, *, single_phase: bool = ...) -> _FloatArray: ...
    def low_pu(
        self, vn_kv: float | _FloatArray, *, single_phase: bool = True
    ) -> float | _FloatArray:
        """Lowest allowed voltage [pu of the net's own base `vn_kv`, kV].

        Of 35 kV and above, where only the sum of deviations is limited, this is the bound that
        holds whatever the other deviation is (0.90). An array gives an array, as
        `solve_year(net, profiles, low_limits_pu={"limit": limits.low_pu(bus_vn_kv)})` takes it.
        """
        return self._bound("low_pu", vn_kv, single_phase)

    @overload
    def high_pu(self, vn_kv: float, *, single_phase: bool = ...) -> float: ...
    @overload
    def high_pu(self, vn_kv: _FloatArray, *, single_phase: bool = ...) -> _FloatArray: ...
    def high_pu(
        self, vn_kv: float | _FloatArray, *, single_phase: bool = True
    ) -> float | _FloatArray:
        """Highest allowed voltage [pu of the net's own base `vn_kv`, kV]; see `low_pu`."""
        return self._bound("high_pu", vn_kv, single_phase)

    def limit(self, quantity: str, level: str = "") -> Limit:
        """The limit of `quantity` at `level`.

        Raises
        ------
        UnknownNameError
            If the set has none.
        """
        for limit in self.limits:
            if (limit.quantity, limit.level) == (quantity, level):
                return limit
        known = [" ".join(filter(None, (item.quantity, item.level))) for item in self.limits]
        wanted = " ".join(filter(None, (quantity, level)))
        raise UnknownNameError("limit", wanted, known, where=self.name)

    @property
    def hours_allowed(self) -> float:
        """Hours [h] below the limit that do not yet make a customer a low-voltage customer."""
        return self.limit("low_voltage_hours").value

    def to_frame(self) -> pd.DataFrame:
        """Every band and limit with its clause, grade and source, for a report's appendix."""
        import pandas as pd

        bands = pd.DataFrame([{"quantity": "voltage_band", **asdict(b)} for b in self.bands])
        return pd.concat([bands, pd.DataFrame([asdict(x) for x in self.limits])], ignore_index=True)

    def _bound(
        self, side: Literal["low_pu", "high_pu"], vn_kv: float | _FloatArray, single_phase: bool
    ) -> float | _FloatArray:
        if np.ndim(vn_kv) == 0:
            level = float(vn_kv)
            return float(getattr(self.band(level, single_phase=single_phase), side)(level))
        levels, row_of = np.unique(np.asarray(vn_kv, dtype=float), return_inverse=True)
        bounds = [self._bound(side, float(level), single_phase) for level in levels]
        return np.asarray(bounds, dtype=float)[row_of]
