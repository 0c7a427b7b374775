"""Limit sets by name, and from the files that they stand in."""

from __future__ import annotations

import math
import tomllib
from dataclasses import MISSING, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.limits.records import CONNECTIONS, Limit, LimitSet, VoltageBand

__all__ = ["get_limits", "list_limits", "read_limits", "voltage_limits"]

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
_ENDS: Final = ("closed", "open")


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
        raise _unknown_set(name, list_limits())
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
    packaged = list_limits()
    able = [name for name in packaged if get_limits(name).bands]
    if isinstance(limits, str) and not limits.endswith(".toml") and limits not in packaged:
        raise _unknown_set(limits, able)
    found = limits if isinstance(limits, LimitSet) else get_limits(limits)
    if not found.bands:
        has = f"it has no voltage bands; sets that have: {', '.join(able)}"
        raise InputError(has, f"limits {found.name}")
    return found


def _unknown_set(name: str, known: list[str]) -> UnknownNameError:
    """What to say of a name that no set bears; a file of one's own may be meant."""
    file = Path(name)
    own = f"the file {name!r} is there: rename it to {file.stem}.toml" if file.is_file() else ""
    return UnknownNameError(
        "limit set", name, known, more=own or "a file of your own ends in .toml"
    )


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
    if band.connection not in CONNECTIONS:
        raise UnknownNameError("connection", band.connection, CONNECTIONS, where=where)
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
