"""The catalogue of rural overhead lines and transformers: `list_`, `find_`, `get_`.

The rows stand in `ruralgrid/data/equipment/*.csv`, each with its source and grade; an engineer can
read and correct them there. `list_` gives all of a kind, `find_` those that fit (perhaps none),
`get_` exactly one, or raises with the nearest names.

>>> from ruralgrid.equipment import get_conductor
>>> get_conductor("LGJ-300").name
'LGJ-300/25'
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, TypeVar

from ruralgrid.equipment.records import (
    Conductor,
    PoleHead,
    ThreeWindingTransformer,
    Transformer,
    Wire,
)
from ruralgrid.errors import InputError, UnknownNameError

__all__ = [
    "build_record",
    "find_conductors",
    "find_pole_heads",
    "find_transformers",
    "get_conductor",
    "get_pole_head",
    "get_three_winding_transformer",
    "get_transformer",
    "list_conductors",
    "list_pole_heads",
    "list_three_winding_transformers",
    "list_transformers",
    "read_equipment_rows",
]

_LISTED: Final = "`ruralgrid catalogue` lists them"

_Record = TypeVar("_Record")
_Named = TypeVar("_Named", Conductor, PoleHead, Transformer, ThreeWindingTransformer)


def list_conductors() -> tuple[Conductor, ...]:
    """Every conductor, in the order of the file: by series, then by area."""
    return tuple(_conductors().values())


def find_conductors(
    area_mm2: float | None = None, kv: float | None = None, series: str | None = None
) -> tuple[Conductor, ...]:
    """Conductors that fit; an argument left out does not select.

    Parameters
    ----------
    area_mm2 : float, optional
        Nominal aluminium area [mm2].
    kv : float, optional
        Nominal voltage of the line [kV]. A bare wire fits every level; an insulated one fits the
        level of its class (1 kV class at up to 1 kV, 10 kV class above that and up to 10 kV).
    series : str, optional
        "LGJ", "JL/G1A", "LJ", "JKLYJ" or "JKLGYJ".

    Returns
    -------
    tuple of Conductor
        Perhaps empty.

    Raises
    ------
    UnknownNameError
        If no conductor bears `series`.
    """
    _require_known_series(series, list_conductors())
    return tuple(
        conductor
        for conductor in list_conductors()
        if (area_mm2 is None or conductor.nominal_mm2 == area_mm2)
        and (kv is None or _class_fits(conductor, kv))
        and (series is None or conductor.series == series)
    )


def get_conductor(name: str) -> Conductor:
    """The one conductor named `name`.

    A size without its steel area ("LGJ-300", as plans write it) means the usual row of that size.

    Raises
    ------
    UnknownNameError
        If nothing bears the name; the message lists the nearest.
    """
    conductors, short = _conductors(), _short_names()
    if name in conductors or name in short:
        return conductors[short.get(name, name)]
    known = dict.fromkeys([*conductors, *short])
    raise UnknownNameError("conductor", name, known, more=_LISTED)


def list_pole_heads() -> tuple[PoleHead, ...]:
    """Every pole head, in the order of the file."""
    return tuple(_pole_heads().values())


def find_pole_heads(
    kv: float | None = None, arrangement: str | None = None, phases: str | None = None
) -> tuple[PoleHead, ...]:
    """Pole heads that fit; an argument left out does not select.

    Parameters
    ----------
    kv : float, optional
        Nominal line-to-line voltage of the net [kV].
    arrangement : str, optional
        "triangle", "horizontal" or "two-wire".
    phases : str, optional
        All wires of the head: "abc", "abcn" or "an".
    """
    known = sorted({head.arrangement for head in list_pole_heads()})
    if arrangement is not None and arrangement not in known:
        raise UnknownNameError("arrangement", arrangement, known)
    return tuple(
        head
        for head in list_pole_heads()
        if (kv is None or head.kv == kv)
        and (arrangement is None or head.arrangement == arrangement)
        and (phases is None or head.phases == phases)
    )


def get_pole_head(name: str) -> PoleHead:
    """The one pole head of that name; raises UnknownNameError with the nearest names."""
    return _get("pole head", name, _pole_heads())


def list_transformers() -> tuple[Transformer, ...]:
    """Every two-winding transformer, single-phase ones included."""
    return tuple(_transformers().values())


def find_transformers(
    sn_kva: float | None = None,
    series: str | None = None,
    vn_hv_kv: float | None = None,
    phases: int | None = None,
) -> tuple[Transformer, ...]:
    """Two-winding transformers that fit; an argument left out does not select.

    Parameters
    ----------
    sn_kva, vn_hv_kv : float, optional
        Rated power [kVA]; rated voltage of the high-voltage winding [kV].
    series : str, optional
        "S7", "S9", "S11", "S13", "SBH15", "D10", "D11", "SZ9" or "SZ11".
    phases : int, optional
        3, or 1 for single-phase units.
    """
    _require_known_series(series, list_transformers())
    return tuple(
        transformer
        for transformer in list_transformers()
        if (sn_kva is None or transformer.sn_kva == sn_kva)
        and (series is None or transformer.series == series)
        and (vn_hv_kv is None or transformer.vn_hv_kv == vn_hv_kv)
        and (phases is None or transformer.phases == phases)
    )


def get_transformer(name: str) -> Transformer:
    """The one two-winding transformer of that name; raises UnknownNameError with the nearest."""
    return _get("transformer", name, _transformers())


def list_three_winding_transformers() -> tuple[ThreeWindingTransformer, ...]:
    """Every three-winding transformer."""
    return tuple(_three_winding_transformers().values())


def get_three_winding_transformer(name: str) -> ThreeWindingTransformer:
    """The one three-winding transformer of that name; raises UnknownNameError likewise."""
    return _get("three-winding transformer", name, _three_winding_transformers())


def read_equipment_rows(file_name: str) -> list[dict[str, str]]:
    """Rows of one packaged table of `ruralgrid/data/equipment/`, as text.

    The column `source`, where there is one, comes back as the text that its key stands for in
    `sources.csv`.
    """
    rows = _read_csv(file_name)
    if rows and "source" in rows[0]:
        texts = {row["id"]: row["text"] for row in _read_csv("sources.csv")}
        for number, row in enumerate(rows, start=2):
            if row["source"] not in texts:
                where = f"{file_name}, line {number}, source"
                raise UnknownNameError("source", row["source"], texts, where)
            row["source"] = texts[row["source"]]
    return rows


def _read_csv(file_name: str) -> list[dict[str, str]]:
    text = resources.files("ruralgrid").joinpath("data", "equipment", file_name)
    return list(csv.DictReader(text.read_text(encoding="utf-8").splitlines()))


@cache
def _conductors() -> dict[str, Conductor]:
    return _by_name(build_record(Conductor, row) for row in read_equipment_rows("conductors.csv"))


@cache
def _short_names() -> dict[str, str]:
    """The usual row of a size by series and aluminium area alone: "LGJ-300" of "LGJ-300/25"."""
    names: dict[str, str] = {}
    for conductor in _conductors().values():
        if conductor.preferred:  # the first row of a size is the usual one
            names.setdefault(f"{conductor.series}-{conductor.nominal_mm2:g}", conductor.name)
    return names


@cache
def _pole_heads() -> dict[str, PoleHead]:
    wires: dict[str, list[Wire]] = {}
    rows: dict[str, dict[str, str]] = {}
    for row in read_equipment_rows("pole_heads.csv"):
        rows.setdefault(row["name"], row)
        wire = Wire(row["wire"], float(row["x_m"]), float(row["y_m"]))
        wires.setdefault(row["name"], []).append(wire)
    return _by_name(
        build_record(PoleHead, row, {"wires": tuple(wires[name])}) for name, row in rows.items()
    )


@cache
def _transformers() -> dict[str, Transformer]:
    return _by_name(
        build_record(Transformer, row) for row in read_equipment_rows("transformers.csv")
    )


@cache
def _three_winding_transformers() -> dict[str, ThreeWindingTransformer]:
    rows = read_equipment_rows("transformers_three_winding.csv")
    return _by_name(build_record(ThreeWindingTransformer, row) for row in rows)


_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "float": float,
    "float | None": lambda text: float(text) if text else None,
    "int": lambda text: int(text or 0),
    "bool": lambda text: text == "yes",
}


def build_record(
    kind: type[_Record], row: Mapping[str, str], ready: Mapping[str, Any] | None = None
) -> _Record:
    """One dataclass record from one row of text; an empty number is 0 unless it may be None.

    `ready` holds the fields that no single column gives.
    """
    values: dict[str, Any] = dict(ready or {})
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in values:
            continue
        text = row[field.name]
        if field.type == "float" and not text:
            text = "0"
        values[field.name] = _READERS[str(field.type)](text)
    return kind(**values)


def _by_name(records: Iterable[_Named]) -> dict[str, _Named]:
    table: dict[str, _Named] = {}
    for record in records:
        if record.name in table:
            raise InputError(f"{record.name!r} stands twice in the catalogue")
        table[record.name] = record
    return table


def _get(kind: str, name: str, table: Mapping[str, _Record]) -> _Record:
    if name not in table:
        raise UnknownNameError(kind, name, table, more=_LISTED)
    return table[name]


def _require_known_series(
    series: str | None, records: Sequence[Conductor] | Sequence[Transformer]
) -> None:
    known = sorted({record.series for record in records})
    if series is not None and series not in known:
        raise UnknownNameError("series", series, known)


def _class_fits(conductor: Conductor, kv: float) -> bool:
    if conductor.kv is None:
        return True
    return kv <= conductor.kv and (conductor.kv <= 1.0 or kv > 1.0)
