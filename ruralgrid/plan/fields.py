"""The fields of a plan, kept as data, and the conversion of one table to one record.

`ruralgrid/data/plans/fields.csv` says for each table which key fills which field, its type, unit,
limits and meaning. Every fault is collected, so that a reader sees all of them at once.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from ruralgrid.equipment import get_conductor
from ruralgrid.errors import InputError, UnknownNameError, nearest_names
from ruralgrid.plan import facts

__all__ = [
    "NOMINAL_KV",
    "STANDARD_MVA",
    "Faults",
    "Field",
    "check_keys",
    "list_fields",
    "to_record",
]

NOMINAL_KV = (0.4, 10.0, 20.0, 35.0, 66.0, 110.0, 220.0, 330.0, 500.0, 750.0)
"""Nominal voltages of a grid [kV]."""

_R10 = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)

STANDARD_MVA = tuple(
    sorted(
        {round(step * scale, 6) for scale in (0.01, 0.1, 1.0, 10.0, 100.0) for step in _R10}
        | {0.03, 90.0, 120.0, 150.0, 180.0, 240.0, 360.0, 750.0, 1000.0}
    )
)
"""Ratings of transformers [MVA]: the series R10, and those of 220 kV and above beside it."""

_RECORDS = {
    "damaged": facts.Damaged,
    "hv_line": facts.HvLine,
    "works": facts.Works,
}
"""Tables that stand inside others."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Field:
    """One row of `fields.csv`."""

    key: str
    name: str
    type: str
    unit: str
    required: bool
    least: float
    most: float
    meaning: str


@dataclass(slots=True)
class Faults:
    """What is wrong with a plan, a line each, to be raised together; places count from 1."""

    lines: list[str] = field(default_factory=list)

    def add(self, where: str, received: object, expected: str, nearest: str = "") -> None:
        """Note one fault: where it stands, what was received, what is expected."""
        hint = f"; nearest: {nearest}" if nearest else ""
        self.lines.append(f"{where}: received {_shown(received)}; expected {expected}{hint}")

    def missing(self, where: str, expected: str) -> None:
        """Note that something is not there."""
        self.lines.append(f"{where}: missing; expected {expected}")

    def require_none(self, path: str) -> None:
        """Raise InputError with every line where there is one."""
        if self.lines:
            count = f"{len(self.lines)} fault{'s' if len(self.lines) > 1 else ''} in the plan"
            raise InputError("\n".join([count, *(f"  {line}" for line in self.lines)]), path)


def _shown(received: object) -> str:
    text = repr(received)
    return text if len(text) <= 60 else f"{text[:57]}..."


@cache
def _schema() -> Mapping[str, tuple[Field, ...]]:
    file = resources.files("ruralgrid.data").joinpath("plans", "fields.csv")
    tables: dict[str, list[Field]] = {}
    for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
        tables.setdefault(row["table"], []).append(
            Field(
                key=row["key"],
                name=row["field"],
                type=row["type"],
                unit=row["unit"],
                required=row["required"] == "yes",
                least=float(row["least"] or -math.inf),
                most=float(row["most"] or math.inf),
                meaning=row["meaning"],
            )
        )
    return {table: tuple(rows) for table, rows in tables.items()}


def list_fields(table: str) -> tuple[Field, ...]:
    """The fields of one table of a plan, in the order of `fields.csv`."""
    return _schema()[table]


def to_record(
    make: Callable[..., _T], table: str, raw: object, where: str, faults: Faults
) -> _T | None:
    """One TOML table as a record; None, and lines in `faults`, where it is not as expected."""
    if not isinstance(raw, Mapping):
        faults.add(where, raw, "a table with named fields")
        return None
    before = len(faults.lines)
    fields = {item.key: item for item in list_fields(table)}
    check_keys(raw, list(fields), where, faults)
    values: dict[str, Any] = {}
    for key, item in fields.items():
        place = f"{where}.{key}" if where else key
        if key not in raw:
            if item.required:
                faults.missing(place, f"{_wanted(item)} ({item.meaning})")
            continue
        values[item.name] = _converted(item, raw[key], place, faults)
    return make(**values) if len(faults.lines) == before else None


def check_keys(raw: Mapping[str, Any], known: list[str], where: str, faults: Faults) -> None:
    """Note every key that nothing knows, with the nearest one that is known."""
    for key in raw:
        if key not in known:
            near = nearest_names(str(key), known, count=1)
            place = f"{where}.{key}" if where else str(key)
            wanted = f"no such field; expected one of {', '.join(known)}"
            faults.lines.append(f"{place}: {wanted}{f'; nearest: {near[0]}' if near else ''}")


def _wanted(item: Field) -> str:
    kinds = {
        "text": "a text",
        "texts": "a list of texts",
        "conductor": "a conductor of the catalogue",
        "conductors": "a list of conductors",
        "integer": "a whole number",
        "number": "a number",
        "numbers": "a list of numbers",
        "ratings": "a list of ratings",
        "voltage": "a nominal voltage",
    }
    kind = kinds.get(item.type, "a list of tables" if item.type.startswith("tables") else "a table")
    bounds = f" from {item.least:g} to {item.most:g}" if math.isfinite(item.least) else ""
    return f"{kind}{bounds}{f' [{item.unit}]' if item.unit else ''}"


def _converted(item: Field, raw: object, where: str, faults: Faults) -> Any:
    if item.type.startswith("table:"):
        table = item.type.removeprefix("table:")
        return to_record(_RECORDS[table], table, raw, where, faults)
    if item.type.startswith("tables:"):
        table = item.type.removeprefix("tables:")
        return tuple(
            to_record(_RECORDS[table], table, each, f"{where}[{index}]", faults)
            for index, each in enumerate(_listed(item, raw, where, faults), start=1)
        )
    if item.type in ("texts", "conductors", "numbers", "ratings"):
        return tuple(
            _single(item, each, f"{where}[{index}]", faults)
            for index, each in enumerate(_listed(item, raw, where, faults), start=1)
        )
    return _single(item, raw, where, faults)


def _listed(item: Field, raw: object, where: str, faults: Faults) -> list[Any]:
    if isinstance(raw, list):
        return raw
    faults.add(where, raw, _wanted(item))
    return []


def _single(item: Field, raw: object, where: str, faults: Faults) -> Any:
    if item.type in ("text", "texts", "conductor", "conductors"):
        if not isinstance(raw, str):
            faults.add(where, raw, "a text")
            return None
        if item.required and not raw.strip() and item.key != "to":
            faults.add(where, raw, f"a text that is not empty ({item.meaning})")
        if item.type.startswith("conductor") and raw.strip():
            _check_conductor(raw.strip(), where, faults)
        return raw.strip()
    wanted = _wanted(item).replace("a list of numbers", "a number")
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        faults.add(where, raw, wanted)
        return None
    if not item.least <= raw <= item.most:
        faults.add(where, raw, wanted)
    if item.type == "integer":
        if raw != int(raw):
            faults.add(where, raw, wanted)
        return int(raw)
    _check_standard(item, float(raw), where, faults)
    return float(raw)


def _check_conductor(name: str, where: str, faults: Faults) -> None:
    """Note a conductor that the catalogue lacks here, where its place in the plan is known."""
    try:
        get_conductor(name)
    except UnknownNameError as error:
        wanted = "a conductor of the catalogue; `ruralgrid catalogue` lists them"
        faults.add(where, name, wanted, ", ".join(error.nearest))


def _check_standard(item: Field, value: float, where: str, faults: Faults) -> None:
    known = {"voltage": NOMINAL_KV, "ratings": STANDARD_MVA}.get(item.type)
    if known is None or value in known:
        return
    near = min(known, key=lambda each: abs(each - value))
    kind = "a nominal voltage" if item.type == "voltage" else "a standard rating"
    faults.add(where, value, f"{kind} [{item.unit}]", f"{near:g}")
