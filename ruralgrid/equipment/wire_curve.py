"""The curve of a hanging wire: its loads, its change of state, parabola and catenary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ruralgrid.equipment.line_rules import WeatherCase
from ruralgrid.equipment.records import Conductor
from ruralgrid.errors import InputError
from ruralgrid.units import KILO

__all__ = [
    "UnitLoad",
    "case_load",
    "catenary_sag_m",
    "catenary_tension_n",
    "relative_extra_length",
    "require_positive",
    "solve_state_change",
    "unit_load",
]

_GRAVITY_M_S2: Final = 9.80665
_ICE_G_CM3: Final = 0.9
_PRESSURE_FACTOR: Final = 0.625  # Pa per (m/s)^2: half the density of air


@dataclass(frozen=True, slots=True)
class UnitLoad:
    """Load on one metre of wire [N/m]: downwards, across, and their resultant."""

    vertical_n_per_m: float
    wind_n_per_m: float

    @property
    def total_n_per_m(self) -> float:
        """Resultant [N/m]."""
        return math.hypot(self.vertical_n_per_m, self.wind_n_per_m)


def unit_load(conductor: Conductor, *, wind_ms: float = 0.0, ice_mm: float = 0.0) -> UnitLoad:
    """Load on one metre of wire.

        weight  m g;   ice  0.9 g/cm3 over a ring of thickness b: pi b (d + b) 0.9e-3 g   [d, b in
        mm] wind    0.625 v^2 C (d + 2 b) 1e-3,   C = 1.1 for d >= 17 mm without ice, else 1.2

    Source: GB 50061-2010 ch. 4 and 5 (ice density seen at jianbiaoku.com 223/4502658, pressure and
    shape factors recalled). The wind is taken as even over the span.

    Raises
    ------
    InputError
        If wind or ice is negative.
    """
    if not (wind_ms >= 0.0 and ice_mm >= 0.0):
        raise InputError(f"wind {wind_ms:g} m/s, ice {ice_mm:g} mm; expected neither below 0")
    d = conductor.outer_d_mm
    weight = conductor.mass_kg_per_km / KILO * _GRAVITY_M_S2
    ice = math.pi * ice_mm * (d + ice_mm) * _ICE_G_CM3 * _GRAVITY_M_S2 / KILO
    shape = 1.1 if d >= 17.0 and ice_mm == 0.0 else 1.2
    wind = _PRESSURE_FACTOR * wind_ms**2 * shape * (d + 2.0 * ice_mm) / KILO
    return UnitLoad(weight + ice, wind)


def case_load(conductor: Conductor, case: WeatherCase) -> UnitLoad:
    """Load that a weather case puts on a metre of wire."""
    return unit_load(conductor, wind_ms=case.wind_ms, ice_mm=case.ice_mm)


def solve_state_change(
    stress_1_mpa: float,
    load_1_mpa_per_m: float,
    temperature_1_c: float,
    load_2_mpa_per_m: float,
    temperature_2_c: float,
    *,
    span_m: float,
    e_mpa: float,
    expansion_per_k: float,
) -> float:
    """Stress in state 2 from that in state 1 [MPa].

        s2 - E g2^2 L^2 / (24 s2^2) = s1 - E g1^2 L^2 / (24 s1^2) - alpha E (t2 - t1)

    with g = load over area [MPa/m]. Newton's rule on s^3 + a s^2 - b = 0 from above its only
    positive root, where the cubic rises and bends upwards: each step comes down and none
    overshoots.

    Raises
    ------
    InputError
        If span, stress, load 2 or modulus is not above 0.
    """
    require_positive({"span_m": span_m, "stress_1_mpa": stress_1_mpa, "e_mpa": e_mpa})
    require_positive({"load_2_mpa_per_m": load_2_mpa_per_m})
    factor = e_mpa * span_m**2 / 24.0
    level = stress_1_mpa - factor * (load_1_mpa_per_m / stress_1_mpa) ** 2
    a = expansion_per_k * e_mpa * (temperature_2_c - temperature_1_c) - level
    b = factor * load_2_mpa_per_m**2
    stress = b ** (1.0 / 3.0) + max(0.0, -a)
    for _ in range(100):
        step = (stress**3 + a * stress**2 - b) / (3.0 * stress**2 + 2.0 * a * stress)
        stress -= step
        if abs(step) <= 1e-13 * stress:
            break
    return stress


def catenary_sag_m(load_n_per_m: float, tension_n: float, span_m: float) -> float:
    """Sag of the true curve [m]: H/w (cosh(w L / 2 H) - 1)."""
    require_positive({"load_n_per_m": load_n_per_m, "tension_n": tension_n, "span_m": span_m})
    scale = tension_n / load_n_per_m
    return scale * (math.cosh(span_m / (2.0 * scale)) - 1.0)


def catenary_tension_n(
    conductor: Conductor, span_m: float, known: WeatherCase, known_n: float, case: WeatherCase
) -> float:
    """Tension in `case` by the true curve, from a known one [N]: what the parabola is held against.

    The unstressed length is kept: length of the catenary, less its stretch by the mean tension,
    less its growth by temperature. Solved by bisection.
    """

    def unstressed_m(tension_n: float, load: UnitLoad, temperature_c: float) -> float:
        half = load.total_n_per_m * span_m / (2.0 * tension_n)
        length = span_m * math.sinh(half) / half
        mean_n = tension_n / 2.0 * (math.cosh(half) + half / math.sinh(half))
        strain = mean_n / (conductor.e_mpa * conductor.total_area_mm2)
        return length / (1.0 + strain + conductor.expansion_1e6_per_k * 1e-6 * temperature_c)

    target = unstressed_m(known_n, case_load(conductor, known), known.temperature_c)
    load = case_load(conductor, case)
    low, high = load.total_n_per_m * span_m / 10.0, 100.0 * known_n
    for _ in range(200):
        middle = (low + high) / 2.0
        # a tighter wire is a shorter one
        if unstressed_m(middle, load, case.temperature_c) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def relative_extra_length(sag_m: float, span_m: float) -> float:
    """How much longer the wire is than its span, as a share: 8/3 (f/L)^2.

    At 80 m and 1.5 m of sag one part in a thousand: the electrical length follows the route, and
    sag is no reason to lengthen it.
    """
    require_positive({"span_m": span_m})
    return 8.0 / 3.0 * (sag_m / span_m) ** 2


def require_positive(values: Mapping[str, float]) -> None:
    """Raise InputError for the first value that is not above 0, with its name."""
    for name, value in values.items():
        if not value > 0.0:
            raise InputError(f"{name} is {value:g}; expected more than 0")
