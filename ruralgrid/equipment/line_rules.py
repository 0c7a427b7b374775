"""The rules that an overhead line obeys, as data: weather zones, spacing, clearances, limits.

Every figure stands in `ruralgrid/data/equipment/` with its source and grade; nothing here was read
in the text of a standard (see the README of that folder).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from ruralgrid.equipment.catalogue import build_record, read_equipment_rows
from ruralgrid.equipment.records import Conductor
from ruralgrid.errors import InputError, UnknownNameError

__all__ = [
    "DEFAULT_ZONE",
    "TERRAINS",
    "LineLimit",
    "WeatherCase",
    "WeatherZone",
    "get_line_limit",
    "get_weather_zone",
    "ground_clearance_limit",
    "list_weather_zones",
    "safety_factor_limit",
    "spacing_limit",
    "spacing_spans_m",
    "span_limit",
]

DEFAULT_ZONE: Final = "NINGXIAN-recommended"
"""Design weather of Ningxian: typical design zone B, 10 mm of ice, 25 m/s, -20 to 40 °C."""

TERRAINS: Final = ("residential", "non-residential", "hard-access")


@dataclass(frozen=True, slots=True)
class WeatherCase:
    """One state of the weather: conductor temperature [°C], wind [m/s], radial ice [mm]."""

    name: str
    temperature_c: float
    wind_ms: float = 0.0
    ice_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class WeatherZone:
    """Design weather of a region: temperatures [°C], wind at 10 m [m/s], radial ice [mm]."""

    name: str
    t_max_c: float
    t_min_c: float
    t_ice_c: float
    t_wind_c: float
    t_install_c: float
    t_mean_c: float
    wind_max_ms: float
    wind_ice_ms: float
    wind_install_ms: float
    ice_mm: float
    note: str
    source: str
    grade: str

    @property
    def cases(self) -> tuple[WeatherCase, ...]:
        """The cases that may govern the tension, then the one that governs the sag at rest."""
        return (
            WeatherCase("coldest", self.t_min_c),
            WeatherCase("ice", self.t_ice_c, self.wind_ice_ms, self.ice_mm),
            WeatherCase("wind", self.t_wind_c, self.wind_max_ms),
            WeatherCase("mean", self.t_mean_c),
            WeatherCase("installing", self.t_install_c, self.wind_install_ms),
            WeatherCase("hottest", self.t_max_c),
        )


@dataclass(frozen=True, slots=True)
class LineLimit:
    """One figure that a rule gives, with its unit, its condition, its source and grade."""

    key: str
    value: float
    unit: str
    condition: str
    source: str
    grade: str


def list_weather_zones() -> tuple[WeatherZone, ...]:
    """Every weather zone of the data."""
    return tuple(_zones().values())


def get_weather_zone(name: str) -> WeatherZone:
    """The one zone of that name; raises UnknownNameError with the nearest names."""
    if name not in _zones():
        raise UnknownNameError("weather zone", name, _zones())
    return _zones()[name]


def get_line_limit(key: str) -> LineLimit:
    """The one limit of `line_limits.csv` with that key; raises UnknownNameError likewise."""
    if key not in _limits():
        raise UnknownNameError("line limit", key, _limits())
    return _limits()[key]


def safety_factor_limit(conductor: Conductor) -> LineLimit:
    """Smallest safety factor at the lowest point of the span: 2.5 bare, 3.0 insulated."""
    return get_line_limit(f"safety_factor_{'insulated' if conductor.insulated else 'bare'}")


def span_limit(conductor: Conductor, kv: float) -> LineLimit | None:
    """Largest span that the rules allow this kind of wire at `kv` [kV]; None above 10 kV."""
    if kv > 10.0:
        return None
    kind = "insulated" if conductor.insulated else "bare"
    if conductor.insulated and conductor.steel_cored:
        kind = "insulated_steel"
    return get_line_limit(f"span_{kind}_{1 if kv <= 1.0 else 10}kv")


def spacing_limit(conductor: Conductor, kv: float, span_m: float) -> LineLimit | None:
    """Spacing that the table asks for at this span [m]; None where the table ends.

    Spans between two rows take the longer row.

    Raises
    ------
    InputError
        If the span is not above 0.
    """
    if not span_m > 0.0:
        raise InputError(f"span {span_m:g} m; expected more than 0")
    fitting = (limit for reach, limit in _spacing_rows(conductor, kv) if span_m <= reach)
    return next(fitting, None)


def spacing_spans_m(conductor: Conductor, kv: float) -> tuple[float, ...]:
    """Spans for which the table has a row [m], ascending."""
    return tuple(reach for reach, _ in _spacing_rows(conductor, kv))


def ground_clearance_limit(kv: float, terrain: str = "non-residential") -> LineLimit:
    """Smallest height above ground at the largest sag [m].

    Raises
    ------
    UnknownNameError
        If `terrain` is not "residential", "non-residential" or "hard-access".
    InputError
        If `kv` is above 330.
    """
    if terrain not in TERRAINS:
        raise UnknownNameError("terrain", terrain, TERRAINS)
    for row in read_equipment_rows("ground_clearance.csv"):
        if kv <= float(row["kv_max"]) and row["terrain"] == terrain:
            value, condition = float(row["clearance_m"]), f"{terrain}, up to {row['kv_max']} kV"
            return LineLimit("clearance", value, "m", condition, row["source"], row["grade"])
    raise InputError(f"voltage {kv:g} kV; expected at most 330")


@cache
def _zones() -> dict[str, WeatherZone]:
    zones = (build_record(WeatherZone, row) for row in read_equipment_rows("weather_zones.csv"))
    return {zone.name: zone for zone in zones}


@cache
def _limits() -> dict[str, LineLimit]:
    limits = (build_record(LineLimit, row) for row in read_equipment_rows("line_limits.csv"))
    return {limit.key: limit for limit in limits}


@cache
def _spacing_rows(conductor: Conductor, kv: float) -> tuple[tuple[float, LineLimit], ...]:
    """Rows of the spacing table for this kind of wire, by ascending reach."""
    kinds = {"any", "insulated" if conductor.insulated else "bare"}
    if conductor.insulated and conductor.steel_cored:
        kinds.add("insulated steel-cored")
    level = 1.0 if kv <= 1.0 else 10.0 if kv <= 10.0 else kv
    rows = [
        (float(row["span_max_m"]), float(row["spacing_m"]), row)
        for row in read_equipment_rows("line_spacing.csv")
        if float(row["kv_max"]) == level and row["conductor"] in kinds
    ]
    return tuple(
        (reach, LineLimit("spacing", spacing, "m", row["conductor"], row["source"], row["grade"]))
        for reach, spacing, row in sorted(rows, key=lambda item: item[0])
    )
