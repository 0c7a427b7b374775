"""One conductor on one page: catalogue, impedance and span, each figure with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ruralgrid.equipment.catalogue import find_pole_heads, get_conductor, get_pole_head
from ruralgrid.equipment.impedance import line_parameters
from ruralgrid.equipment.line_checks import check_span
from ruralgrid.equipment.line_rules import DEFAULT_ZONE, ground_clearance_limit
from ruralgrid.equipment.mechanics import design_span
from ruralgrid.equipment.records import Conductor, PoleHead
from ruralgrid.equipment.supports import (
    largest_angle_deg,
    longest_span,
    lowest_wire_height_m,
    span_rules,
)
from ruralgrid.findings import Findings
from ruralgrid.units import KILO

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_conductor", "describe_conductor", "usual_pole_head"]

_Row = tuple[str, float | str, str, str, str]

_CARSON: Final = "computed: positions on the pole head, Carson's earth return"
_STATE: Final = "computed: state-change equation"


def describe_conductor(
    name: str,
    arrangement: str | None = None,
    span_m: float = 80.0,
    temperature_c: float = 40.0,
    zone: str = DEFAULT_ZONE,
) -> pd.DataFrame:
    """Electrical and mechanical figures of a conductor.

    Parameters
    ----------
    name : str
        Conductor, as in `get_conductor`.
    arrangement : str, optional
        Pole head by name, or an arrangement ("triangle", "horizontal"), which means the first pole
        head of the conductor's level; by default its usual one.
    span_m, temperature_c : float
        Span [m] and conductor temperature [°C].
    zone : str
        Design weather.

    Returns
    -------
    pandas.DataFrame
        quantity, value, unit, source, grade. The grade of a computed figure is that of what it
        rests on most, `derived` at best.
    """
    import pandas as pd

    conductor = get_conductor(name)
    head = _head_of(conductor, arrangement)
    rows = [
        *_nameplate_rows(conductor),
        *_electrical_rows(conductor, head, temperature_c),
        *_mechanical_rows(conductor, head, span_m, temperature_c, zone),
    ]
    return pd.DataFrame(rows, columns=["quantity", "value", "unit", "source", "grade"])


def check_conductor(
    name: str,
    arrangement: str | None = None,
    span_m: float = 80.0,
    zone: str = DEFAULT_ZONE,
) -> Findings:
    """Whether a span of a conductor obeys the rules of overhead lines, on ground without houses.

    Arguments are those of `describe_conductor`; what is found has the codes of
    `check_line_sections` (span-over-limit, pole-head-span, spacing-too-small, clearance-missed,
    support-overloaded), with the longest span that the rule allows and its source as clause.
    """
    conductor = get_conductor(name)
    head = _head_of(conductor, arrangement)
    rules = span_rules(conductor, head, zone=zone)
    return Findings(check_span(conductor.name, span_m, conductor, head, rules, "span"))


def usual_pole_head(conductor: Conductor) -> PoleHead:
    """The pole head that a conductor usually hangs on: of its class, else by its size."""
    kv = conductor.kv
    if kv is None:
        kv = 10.0 if conductor.nominal_mm2 <= 120.0 else 35.0
    names = {1.0: "0.4kV-hor4-80", 10.0: "10kV-tri-bare-80", 35.0: "35kV-tri-pole"}
    return get_pole_head(names[kv])


def _head_of(conductor: Conductor, arrangement: str | None) -> PoleHead:
    usual = usual_pole_head(conductor)
    if arrangement in ("triangle", "horizontal", "two-wire"):
        same_level = find_pole_heads(kv=usual.kv, arrangement=arrangement)
        if same_level:
            return same_level[0]
    return usual if arrangement is None else get_pole_head(arrangement)


def _nameplate_rows(conductor: Conductor) -> list[_Row]:
    figures: list[tuple[str, float | str, str]] = [
        ("aluminium area", conductor.al_area_mm2, "mm2"),
        ("steel area", conductor.steel_area_mm2, "mm2"),
        ("overall diameter", conductor.outer_d_mm, "mm"),
        ("DC resistance at 20 °C", conductor.r20_ohm_per_km, "ohm/km"),
        ("mass", conductor.mass_kg_per_km, "kg/km"),
    ]
    if conductor.rts_n is not None:
        figures.append(("rated strength", conductor.rts_n, "N"))
    source, grade = f"{conductor.standard}; {conductor.source}", conductor.grade
    recalled = [
        ("final modulus", conductor.e_mpa, "MPa"),
        ("thermal expansion", conductor.expansion_1e6_per_k, "1e-6/K"),
        (
            f"ampacity at {conductor.ampacity_air_c:g} °C air, "
            f"{conductor.max_conductor_c:g} °C conductor",
            conductor.ampacity_a,
            "A",
        ),
    ]
    return [
        *((quantity, value, unit, source, grade) for quantity, value, unit in figures),
        *((quantity, value, unit, source, "unverified") for quantity, value, unit in recalled),
    ]


def _electrical_rows(conductor: Conductor, head: PoleHead, temperature_c: float) -> list[_Row]:
    line = line_parameters(conductor, head, temperature_c=temperature_c)
    phases = "balanced equivalent of two wires" if head.arrangement == "two-wire" else "per phase"
    on_head = f"{_CARSON}; {head.name}: {head.source}"
    rows: list[_Row] = [
        ("geometric mean radius", conductor.gmr_mm, "mm", "computed from the strands", "derived"),
        (
            f"AC resistance at {temperature_c:g} °C, {phases}",
            line.r_ohm_per_km,
            "ohm/km",
            "computed: R20, 0.00403 per K, skin effect of IEC 60287",
            "derived",
        ),
        (f"reactance on {head.name}", line.x_ohm_per_km, "ohm/km", on_head, "unverified"),
        (f"capacitance on {head.name}", line.c_nf_per_km, "nF/km", on_head, "unverified"),
    ]
    if line.r0_ohm_per_km == line.r0_ohm_per_km:  # NaN where fewer than three phases hang
        rows += [
            ("zero-sequence resistance", line.r0_ohm_per_km, "ohm/km", on_head, "unverified"),
            ("zero-sequence reactance", line.x0_ohm_per_km, "ohm/km", on_head, "unverified"),
        ]
    source = "computed from the nameplate by the temperature rise"
    rows.append(("ampacity at 40 °C air", line.max_i_ka * KILO, "A", source, "unverified"))
    return rows


def _mechanical_rows(
    conductor: Conductor, head: PoleHead, span_m: float, temperature_c: float, zone: str
) -> list[_Row]:
    design = design_span(conductor, span_m, zone=zone)
    state, worst = design.at(temperature_c), design.under(design.governing)
    weather = f"{_STATE}; zone {zone}, safety factor {design.safety_factor:g}"
    height = lowest_wire_height_m(head) - design.largest_sag.vertical_sag_m
    asked = ground_clearance_limit(head.kv)
    binding = longest_span(conductor, head, zone=zone)
    angle_source = "computed: post insulator of 5 kN, factor 2.5, pull of the angle and wind"
    return [
        (f"governing weather over {span_m:g} m", design.governing.name, "", weather, "derived"),
        ("greatest tension at the lowest point", worst.tension_n, "N", weather, "derived"),
        (
            "safety factor at the support",
            worst.support_safety_factor,
            "-",
            weather,
            "derived",
        ),
        (f"tension at {temperature_c:g} °C", state.tension_n, "N", weather, "derived"),
        (f"sag at {temperature_c:g} °C", state.sag_m, "m", weather, "derived"),
        ("height above ground at the largest sag", height, "m", weather, "unverified"),
        (f"height asked for ({asked.condition})", asked.value, "m", asked.source, asked.grade),
        (
            "largest line angle on a straight pole",
            largest_angle_deg(design),
            "deg",
            angle_source,
            "unverified",
        ),
        (
            f"longest span ({binding.rule})",
            binding.span_m,
            "m",
            f"{binding.basis}; {binding.source}",
            binding.grade,
        ),
    ]
