"""Named, dated sets of limits: voltage bands, loading, supply radius, with clause and grade.

The sets are files (`ruralgrid/data/limits/*.toml`) that an engineer can read and correct; a set of
one's own is a file of the same form. Every limit states its clause, whether a value exactly on it
is inside (`closed`) or outside (`open`), and how sure its figure is (`grade`).
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import MISSING, asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, overload

import numpy as np
import numpy.typing as npt

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Limit",
    "LimitSet",
    "VoltageBand",
    "get_limits",
    "list_limits",
    "read_limits",
    "voltage_limits",
]

_FloatArray = npt.NDArray[np.float64]
_BoolArray = npt.NDArray[np.bool_]

_UNITS: Final = {
    "current_unbalance": "%",
    "drop_share": "%",
    "line_heavy": "%",
    "line_overload": "%",
    "low_voltage_hours": "h",
    "neutral_current": "%",
    "supply_radius": "km",
    "transformer_heavy": "%",
    "transformer_overload": "%",
    "voltage_unbalance": "%",
    "voltage_unbalance_short": "%",
}
_GRADES: Final = ("stated", "inferred", "assumed", "measured", "published", "unverified")
_CONNECTIONS: Final = ("single_phase", "three_phase")
_ENDS: Final = ("closed", "open")


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
        wanted = _CONNECTIONS if single_phase else _CONNECTIONS[1:]
        for connection in wanted:
            for band in self.bands:
                if band.connection == connection and band.from_kv <= vn_kv <= band.to_kv:
                    return band
        spans = ", ".join(f"{b.from_kv:g}-{b.to_kv:g} kV ({b.connection})" for b in self.bands)
        raise InputError(f"no voltage band covers {vn_kv:g} kV; there are {spans}", self.name)

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


def list_limits() -> list[str]:
    """The names of the packaged sets, sorted."""
    folder = files("ruralgrid.data") / "limits"
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml"))


def get_limits(name: str | Path) -> LimitSet:
    """The set of this name; a `Path`, or a name that ends in `.toml`, is read as a file.

    Raises
    ------
    UnknownNameError
        If there is no such set; it names the nearest.
    InputError
        If the file is not as expected.
    """
    if isinstance(name, Path) or name.endswith(".toml"):
        return read_limits(name)
    if name not in list_limits():
        raise UnknownNameError("limit set", name, list_limits())
    text = (files("ruralgrid.data") / "limits" / f"{name}.toml").read_text(encoding="utf-8")
    return _parse(text, f"{name}.toml")


def voltage_limits(limits: LimitSet | str | Path) -> LimitSet:
    """A set with voltage bands: `limits` itself, or the set of this name or file.

    Raises
    ------
    InputError
        If it is no set and no name of one, or has no voltage bands.
    """
    if not isinstance(limits, LimitSet | str | Path):
        received = f"received {type(limits).__name__} {str(limits)[:60]!r}"
        raise InputError(f"{received}; a LimitSet, a name or a .toml is expected", "limits")
    found = limits if isinstance(limits, LimitSet) else get_limits(limits)
    if not found.bands:
        able = ", ".join(name for name in list_limits() if get_limits(name).bands)
        raise InputError(f"it has no voltage bands; sets that have: {able}", f"limits {found.name}")
    return found


def read_limits(path: str | Path) -> LimitSet:
    """A set of one's own from a TOML file of the form of `ruralgrid/data/limits/*.toml`.

    Raises
    ------
    InputError
        If the file cannot be read, a field is absent, unknown or out of range.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", str(path)) from error
    return _parse(text, str(path))


def _parse(text: str, where: str) -> LimitSet:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML: {error}", where) from error
    known = ("name", "title", "title_zh", "edition", "includes", "voltage_band", "limit")
    for key in data:
        if key not in known:
            raise UnknownNameError("field", key, known, where=where)
    if "name" not in data:
        raise InputError("field 'name' is absent", where)
    for table in ("includes", "voltage_band", "limit"):
        if not isinstance(data.get(table, []), list):
            raise InputError(f"{table!r} must be a list, got {data[table]!r}", where)
    rows = {table: enumerate(data.get(table, []), 1) for table in ("voltage_band", "limit")}
    bands = [_band(row, f"{where}, voltage_band {i}") for i, row in rows["voltage_band"]]
    limits = [_limit(row, f"{where}, limit {i}") for i, row in rows["limit"]]
    _refuse_twice([f"{x.quantity} {x.level}".strip() for x in limits], where)
    for included in (_packaged(name, where) for name in data.get("includes", [])):
        stated = {(x.quantity, x.level) for x in limits}
        limits += [x for x in included.limits if (x.quantity, x.level) not in stated]
        bands += included.bands if not bands else ()
    texts = {key: str(data.get(key, "")) for key in ("name", "title", "title_zh", "edition")}
    return LimitSet(**texts, bands=tuple(bands), limits=tuple(limits))


def _packaged(name: str, where: str) -> LimitSet:
    if name not in list_limits():
        raise UnknownNameError("limit set", name, list_limits(), where=f"{where}, includes")
    return get_limits(name)


def _refuse_twice(names: list[str], where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"the limit {name!r} is stated twice", where)


def _limit(row: dict[str, Any], where: str) -> Limit:
    limit = Limit(**_checked(row, Limit, where))
    if limit.quantity not in _UNITS:
        raise UnknownNameError("quantity", limit.quantity, _UNITS, where=where)
    if limit.unit != _UNITS[limit.quantity]:
        expected = _UNITS[limit.quantity]
        raise InputError(f"{limit.quantity} is in {expected!r}, got {limit.unit!r}", where)
    if limit.value < 0:
        raise InputError(f"value is 0 or more, got {limit.value:g}", where)
    return limit


def _band(row: dict[str, Any], where: str) -> VoltageBand:
    band = VoltageBand(**_checked(row, VoltageBand, where))
    if band.connection not in _CONNECTIONS:
        raise UnknownNameError("connection", band.connection, _CONNECTIONS, where=where)
    if not 0 <= band.from_kv <= band.to_kv:
        raise InputError(f"from_kv {band.from_kv:g} to to_kv {band.to_kv:g} is no range", where)
    pair = (band.low_percent, band.high_percent)
    if (band.sum_percent is None) == (pair == (None, None)) or pair.count(None) == 1:
        raise InputError("either low_percent and high_percent, or sum_percent is expected", where)
    if band.low_percent is not None and not -100 < band.low_percent < (band.high_percent or 0):
        raise InputError(f"low_percent {band.low_percent:g} is not below high_percent", where)
    if band.nominal_v is not None and band.nominal_v <= 0:
        raise InputError(f"nominal_v is above 0, got {band.nominal_v:g}", where)
    return band


def _checked(row: dict[str, Any], record: type[Limit | VoltageBand], where: str) -> dict[str, Any]:
    """`row` with numbers as floats, if its fields are those of `record`."""
    if not isinstance(row, dict):
        raise InputError(f"a table of fields is expected, got {row!r}", where)
    known = {field.name: field for field in fields(record)}
    for key in row:
        if key not in known:
            raise UnknownNameError("field", key, known, where=where)
    for key, field in known.items():
        if key not in row and field.default is MISSING:
            raise InputError(f"field {key!r} is absent", where)
    typed = {
        key: _typed(value, "float" in str(known[key].type), where, key)
        for key, value in row.items()
    }
    for key, choices in (("ends", _ENDS), ("grade", _GRADES)):
        if typed[key] not in choices:
            raise UnknownNameError(key, typed[key], choices, where=where)
    return typed


def _typed(value: Any, is_number: bool, where: str, key: str) -> float | str:
    if is_number:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise InputError(f"a finite number is expected, got {value!r}", f"{where}, {key}")
        return float(value)
    if not isinstance(value, str):
        raise InputError(f"text is expected, got {value!r}", f"{where}, {key}")
    return value
