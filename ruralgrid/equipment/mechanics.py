"""Sag and tension of one level span: loads, the state-change equation, the governing weather.

A rural span is short and flat, so the parabola stands for the catenary: at 80 m and a sag of 2 % of
the span they differ by less than 0.1 % (`wire_curve.catenary_sag_m` shows it). Tension means the
horizontal tension at the lowest point, stress means tension over the whole metal area.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ruralgrid.equipment.line_rules import (
    DEFAULT_ZONE,
    WeatherCase,
    WeatherZone,
    get_line_limit,
    get_weather_zone,
    safety_factor_limit,
)
from ruralgrid.equipment.records import Conductor
from ruralgrid.equipment.wire_curve import (
    UnitLoad,
    case_load,
    require_positive,
    solve_state_change,
    unit_load,
)
from ruralgrid.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CriticalSpan",
    "SpanDesign",
    "SpanState",
    "critical_spans",
    "design_span",
    "stringing_table",
]


@dataclass(frozen=True, slots=True)
class SpanState:
    """A span in one state of the weather.

    Parameters
    ----------
    case : WeatherCase
        The weather.
    load : UnitLoad
        What it puts on a metre of wire.
    tension_n, support_tension_n : float
        Tension at the lowest point and at the support [N].
    stress_mpa : float
        At the lowest point [MPa].
    sag_m, vertical_sag_m : float
        In the plane of the resultant load, and its vertical part [m].
    safety_factor, support_safety_factor : float
        Strength over tension at the lowest point and at the support.
    """

    case: WeatherCase
    load: UnitLoad
    tension_n: float
    support_tension_n: float
    stress_mpa: float
    sag_m: float
    vertical_sag_m: float
    safety_factor: float
    support_safety_factor: float


@dataclass(frozen=True, slots=True)
class SpanDesign:
    """A conductor strung over one span as tightly as every weather case of its zone allows.

    Parameters
    ----------
    conductor, zone : Conductor, WeatherZone
        What hangs, and in which weather.
    span_m : float
        Level span between two supports [m].
    safety_factor : float
        Asked for at the lowest point in the worst weather.
    governing : WeatherCase
        The case whose stress limit is reached; the others stay below theirs.
    governing_stress_mpa : float
        Stress in that case [MPa].
    """

    conductor: Conductor
    zone: WeatherZone
    span_m: float
    safety_factor: float
    governing: WeatherCase
    governing_stress_mpa: float

    def at(self, temperature_c: float, wind_ms: float = 0.0, ice_mm: float = 0.0) -> SpanState:
        """The span at a temperature [°C], under wind [m/s] and ice [mm].

        Raises
        ------
        InputError
            If the temperature is outside -60 to 150 °C, or wind or ice is negative.
        """
        return self.under(WeatherCase("given", temperature_c, wind_ms, ice_mm))

    def under(self, case: WeatherCase) -> SpanState:
        """The span in one weather case."""
        if not -60.0 <= case.temperature_c <= 150.0:
            raise InputError(f"conductor at {case.temperature_c:g} °C; expected -60 to 150 °C")
        load = unit_load(self.conductor, wind_ms=case.wind_ms, ice_mm=case.ice_mm)
        area = self.conductor.total_area_mm2
        governing_load = case_load(self.conductor, self.governing)
        stress = solve_state_change(
            self.governing_stress_mpa,
            governing_load.total_n_per_m / area,
            self.governing.temperature_c,
            load.total_n_per_m / area,
            case.temperature_c,
            span_m=self.span_m,
            e_mpa=self.conductor.e_mpa,
            expansion_per_k=self.conductor.expansion_1e6_per_k * 1e-6,
        )
        return _span_state(self.conductor, self.span_m, case, load, stress * area)

    @property
    def largest_sag(self) -> SpanState:
        """The state of the largest vertical sag: the hottest day, or ice without wind."""
        zone = self.zone
        hottest = WeatherCase("hottest", zone.t_max_c)
        ice = WeatherCase("ice at rest", zone.t_ice_c, ice_mm=zone.ice_mm)
        return max(self.under(hottest), self.under(ice), key=lambda state: state.vertical_sag_m)


@dataclass(frozen=True, slots=True)
class CriticalSpan:
    """The span [m] at which the governing case changes, on the way up, from `below` to `above`."""

    span_m: float
    below: str
    above: str


def design_span(
    conductor: Conductor,
    span_m: float,
    *,
    zone: str | WeatherZone = DEFAULT_ZONE,
    safety_factor: float | None = None,
    mean_tension_percent: float | None = None,
) -> SpanDesign:
    """String a conductor over a span so that one weather case just reaches its limit.

    Parameters
    ----------
    conductor : Conductor
        With its strength.
    span_m : float
        [m].
    zone : str or WeatherZone
        Design weather.
    safety_factor : float, optional
        At the lowest point in the coldest, ice, wind and installing cases; by default that of the
        rules (2.5 bare, 3.0 insulated).
    mean_tension_percent : float, optional
        Tension allowed at mean temperature [% of the strength]; by default the 25 % of damped
        lines.

    Raises
    ------
    InputError
        If the span is not above 0, the conductor has no strength, or the factor is below 1.
    UnknownNameError
        If no zone bears that name.
    """
    weather = get_weather_zone(zone) if isinstance(zone, str) else zone
    factor = safety_factor_limit(conductor).value if safety_factor is None else safety_factor
    require_positive({"span_m": span_m})
    limits = _stress_limits(conductor, weather, factor, mean_tension_percent)
    governing, stress = _governing(conductor, span_m, limits)
    return SpanDesign(conductor, weather, span_m, factor, governing, stress)


def critical_spans(
    conductor: Conductor,
    *,
    zone: str | WeatherZone = DEFAULT_ZONE,
    safety_factor: float | None = None,
    mean_tension_percent: float | None = None,
) -> tuple[CriticalSpan, ...]:
    """The spans at which the governing case changes, ascending; empty if one case always governs.

    Two cases reach their limits together at

        L^2 = 24 [(s_i - s_j) / E + alpha (t_i - t_j)] / [(g_i / s_i)^2 - (g_j / s_j)^2]

    which counts only where both are the tightest of all.
    """
    weather = get_weather_zone(zone) if isinstance(zone, str) else zone
    factor = safety_factor_limit(conductor).value if safety_factor is None else safety_factor
    limits = _stress_limits(conductor, weather, factor, mean_tension_percent)
    found = []
    for one, other in itertools.combinations(limits, 2):
        span = _equal_span_m(conductor, one, other)
        if span is None:
            continue
        levels = [_slack_level(conductor, span, *item) for item in limits]
        if _slack_level(conductor, span, *one) <= min(levels) + 1e-9:
            below = _governing(conductor, span * (1.0 - 1e-6), limits)[0].name
            above = _governing(conductor, span * (1.0 + 1e-6), limits)[0].name
            found.append(CriticalSpan(span, below, above))
    return tuple(sorted(found, key=lambda item: item.span_m))


def stringing_table(
    conductor: Conductor,
    spans_m: Sequence[float] = (40.0, 50.0, 60.0, 70.0, 80.0),
    temperatures_c: Iterable[float] = (-20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0),
    *,
    zone: str | WeatherZone = DEFAULT_ZONE,
    safety_factor: float | None = None,
) -> pd.DataFrame:
    """Sag and tension by span and temperature, without wind and ice.

    Returns
    -------
    pandas.DataFrame
        span_m, temperature_c, governing, tension_n, stress_mpa, sag_m, and `stringing_sag_m`: the
        sag at which a new wire is fixed, less by the elongation that it will show later (12 %
        steel-cored, 20 % all aluminium).
    """
    import pandas as pd

    kind = "steel_cored" if conductor.steel_cored else "aluminium"
    keep = 1.0 - get_line_limit(f"elongation_{kind}_percent").value / 100.0
    rows = []
    temperatures = tuple(temperatures_c)
    for span in spans_m:
        design = design_span(conductor, span, zone=zone, safety_factor=safety_factor)
        for temperature in temperatures:
            state = design.at(temperature)
            rows.append(
                {
                    "span_m": span,
                    "temperature_c": temperature,
                    "governing": design.governing.name,
                    "tension_n": state.tension_n,
                    "stress_mpa": state.stress_mpa,
                    "sag_m": state.sag_m,
                    "stringing_sag_m": state.sag_m * keep,
                }
            )
    return pd.DataFrame(rows)


def _stress_limits(
    conductor: Conductor,
    zone: WeatherZone,
    safety_factor: float,
    mean_tension_percent: float | None,
) -> list[tuple[WeatherCase, float]]:
    """Cases that may govern, each with the stress allowed in it [MPa]."""
    if conductor.rts_n is None:
        raise InputError(f"{conductor.name} has no rated strength; sag and tension need rts_n")
    if not safety_factor >= 1.0:
        raise InputError(f"safety factor {safety_factor:g}; expected at least 1")
    percent = mean_tension_percent
    if percent is None:
        percent = get_line_limit("mean_tension_percent").value
    if not 0.0 < percent <= 100.0:
        raise InputError(f"mean tension {percent:g} %; expected above 0 and at most 100")
    strength = conductor.rts_n / conductor.total_area_mm2
    return [
        (case, strength * (percent / 100.0 if case.name == "mean" else 1.0 / safety_factor))
        for case in zone.cases
        if case.name != "hottest"
    ]


def _governing(
    conductor: Conductor, span_m: float, limits: list[tuple[WeatherCase, float]]
) -> tuple[WeatherCase, float]:
    """The case whose stress limit is reached first over this span."""
    return min(limits, key=lambda item: _slack_level(conductor, span_m, *item))


def _slack_level(
    conductor: Conductor, span_m: float, case: WeatherCase, stress_mpa: float
) -> float:
    """The constant of the state-change equation [MPa]: the same in every state of one strung wire.

    Of several limits the one with the smallest constant is reached first, because in any weather
    the stress rises with the constant.
    """
    load = case_load(conductor, case).total_n_per_m / conductor.total_area_mm2
    stretch = conductor.e_mpa * (load * span_m / stress_mpa) ** 2 / 24.0
    warmth = conductor.expansion_1e6_per_k * 1e-6 * conductor.e_mpa * case.temperature_c
    return stress_mpa - stretch + warmth


def _equal_span_m(
    conductor: Conductor, one: tuple[WeatherCase, float], other: tuple[WeatherCase, float]
) -> float | None:
    """Span at which two cases reach their limits together [m]; None if they never do."""
    (case_1, stress_1), (case_2, stress_2) = one, other
    area = conductor.total_area_mm2
    slope_1 = case_load(conductor, case_1).total_n_per_m / area / stress_1
    slope_2 = case_load(conductor, case_2).total_n_per_m / area / stress_2
    warmth = conductor.expansion_1e6_per_k * 1e-6 * (case_1.temperature_c - case_2.temperature_c)
    rise, fall = (stress_1 - stress_2) / conductor.e_mpa + warmth, slope_1**2 - slope_2**2
    if fall == 0.0 or rise / fall <= 0.0:
        return None
    return math.sqrt(24.0 * rise / fall)


def _span_state(
    conductor: Conductor, span_m: float, case: WeatherCase, load: UnitLoad, tension_n: float
) -> SpanState:
    sag = load.total_n_per_m * span_m**2 / (8.0 * tension_n)
    support = tension_n + load.total_n_per_m * sag
    strength = conductor.rts_n if conductor.rts_n is not None else math.nan
    return SpanState(
        case=case,
        load=load,
        tension_n=tension_n,
        support_tension_n=support,
        stress_mpa=tension_n / conductor.total_area_mm2,
        sag_m=sag,
        vertical_sag_m=sag * load.vertical_n_per_m / load.total_n_per_m,
        safety_factor=strength / tension_n,
        support_safety_factor=strength / support,
    )
