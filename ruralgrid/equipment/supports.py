"""What the supports allow: spacing of the wires, line angle, height above ground, longest span."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ruralgrid.equipment.line_rules import (
    DEFAULT_ZONE,
    LineLimit,
    WeatherZone,
    get_line_limit,
    ground_clearance_limit,
    safety_factor_limit,
    spacing_limit,
    spacing_spans_m,
    span_limit,
)
from ruralgrid.equipment.mechanics import SpanDesign, design_span
from ruralgrid.equipment.records import Conductor, PoleHead
from ruralgrid.errors import InputError

__all__ = [
    "SpanRule",
    "formula_spacing_m",
    "largest_angle_deg",
    "longest_span",
    "lowest_wire_height_m",
    "span_rules",
]

_LONGEST_M: Final = 1000
"""Spans are not sought beyond this [m]."""


@dataclass(frozen=True, slots=True)
class SpanRule:
    """The longest span that one rule allows.

    Parameters
    ----------
    rule : str
        "span by kind of wire", "pole head", "spacing table", "spacing formula", "ground clearance"
        or "strength at the support".
    span_m : float
        Longest span, to the metre below [m].
    basis : str
        The figure behind it, in words.
    source, grade : str
        Of that figure.
    advisory : bool
        A check beside the rules, which binds nothing: the spacing formula below 35 kV.
    """

    rule: str
    span_m: float
    basis: str
    source: str
    grade: str
    advisory: bool = False


def formula_spacing_m(kv: float, sag_m: float, string_m: float = 0.0) -> float:
    """Horizontal spacing against swinging together [m]: 0.4 l_k + U/110 + 0.65 sqrt(f).

    Parameters
    ----------
    kv, sag_m, string_m : float
        Line voltage [kV], largest sag f [m], length l_k of a suspension string [m] (0 on pins).

    Notes
    -----
    GB 50545 and GB 50061 give it for 35 kV and above (factor 0.65 seen at m.jianbiaoku.com
    23814/711121); below that it is a check beside the table.
    """
    if not (sag_m >= 0.0 and string_m >= 0.0 and kv > 0.0):
        raise InputError(
            f"{kv:g} kV, sag {sag_m:g} m, string {string_m:g} m; expected none below 0"
        )
    return 0.4 * string_m + kv / 110.0 + 0.65 * math.sqrt(sag_m)


def largest_angle_deg(
    design: SpanDesign, *, insulators: int = 1, insulator_strength_n: float | None = None
) -> float:
    """Largest line angle that the insulators of a straight pole hold [degrees].

    In every weather case the pull of the angle and the wind on the wire stay within the strength:

        2 T sin(angle / 2) + w_wind L <= n P / k

    Parameters
    ----------
    design : SpanDesign
        The strung span, taken alike on both sides of the pole.
    insulators : int
        Insulators that share a wire, 1 or 2.
    insulator_strength_n : float, optional
        Bending strength P of one [N]; by default 5 kN, a post insulator R5.

    Returns
    -------
    float
        0 where the wind alone is too much; at most 180. The safety factor k is 2.5.
    """
    if insulators not in (1, 2):
        raise InputError(f"{insulators} insulators a wire; expected 1 or 2")
    strength = insulator_strength_n
    if strength is None:
        strength = get_line_limit("insulator_strength_n").value
    if not strength > 0.0:
        raise InputError(f"insulator strength {strength:g} N; expected more than 0")
    allowed_n = insulators * strength / get_line_limit("insulator_safety_factor").value
    angles = []
    for case in design.zone.cases:
        state = design.under(case)
        left_n = allowed_n - state.load.wind_n_per_m * design.span_m
        half_sine = min(1.0, max(0.0, left_n / (2.0 * state.tension_n)))
        angles.append(2.0 * math.degrees(math.asin(half_sine)))
    return min(angles)


def lowest_wire_height_m(head: PoleHead, pole_m: float | None = None) -> float:
    """Height of the lowest wire at the pole [m]: pole less burial less depth of the crossarm.

    Parameters
    ----------
    head : PoleHead
        Above 10 kV its own crossarm height counts, and `pole_m` is refused.
    pole_m : float, optional
        Concrete pole of 8, 9, 10, 11, 12, 13 or 15 m; by default 12 m at 10 kV, 10 m below 1 kV.
    """
    lowest = min(wire.y_m for wire in head.wires)
    if head.kv > 10.0:
        if pole_m is not None:
            raise InputError(f"pole {pole_m:g} m on {head.name}; expected none above 10 kV")
        return head.height_m + lowest
    level = "1kv" if head.kv <= 1.0 else "10kv"
    length = get_line_limit(f"pole_{level}_m").value if pole_m is None else pole_m
    burial = get_line_limit(f"burial_{length:g}m").value
    return length - burial - get_line_limit(f"crossarm_depth_{level}_m").value


def span_rules(
    conductor: Conductor,
    head: PoleHead,
    *,
    zone: str | WeatherZone = DEFAULT_ZONE,
    safety_factor: float | None = None,
    terrain: str = "non-residential",
    pole_m: float | None = None,
) -> tuple[SpanRule, ...]:
    """The longest span by each rule.

    Parameters
    ----------
    conductor, head : Conductor, PoleHead
        What hangs where.
    zone : str or WeatherZone
        Design weather.
    safety_factor : float, optional
        At the lowest point; by default that of the rules.
    terrain : str
        "residential", "non-residential" or "hard-access".
    pole_m : float, optional
        Length of the pole [m], see `lowest_wire_height_m`.

    Returns
    -------
    tuple of SpanRule
        Ascending by span, advisory ones among them; `longest_span` gives the one that binds.
    """
    factor = safety_factor_limit(conductor).value if safety_factor is None else safety_factor

    def design(span_m: float) -> SpanDesign:
        return design_span(conductor, span_m, zone=zone, safety_factor=factor)

    rules = [
        *_stated_spans(conductor, head),
        *_spacing_rules(conductor, head, design),
        _clearance_rule(head, design, terrain, pole_m),
        _support_rule(design),
    ]
    return tuple(sorted(rules, key=lambda rule: rule.span_m))


def longest_span(
    conductor: Conductor,
    head: PoleHead,
    *,
    zone: str | WeatherZone = DEFAULT_ZONE,
    safety_factor: float | None = None,
    terrain: str = "non-residential",
    pole_m: float | None = None,
) -> SpanRule:
    """The longest span that a conductor allows on a pole head, as the rule that binds.

    Arguments are those of `span_rules`.
    """
    rules = span_rules(
        conductor,
        head,
        zone=zone,
        safety_factor=safety_factor,
        terrain=terrain,
        pole_m=pole_m,
    )
    return next(rule for rule in rules if not rule.advisory)


def _stated_spans(conductor: Conductor, head: PoleHead) -> list[SpanRule]:
    rules = []
    by_kind = span_limit(conductor, head.kv)
    if by_kind is not None:
        rules.append(_rule("span by kind of wire", by_kind.value, by_kind.condition, by_kind))
    if head.span_max_m is not None:
        basis = f"{head.name}: {head.use}"
        rules.append(SpanRule("pole head", head.span_max_m, basis, head.source, head.grade))
    return rules


def _spacing_rules(
    conductor: Conductor, head: PoleHead, design: Callable[[float], SpanDesign]
) -> list[SpanRule]:
    spacing, rules = head.min_spacing_m, []
    reaches = spacing_spans_m(conductor, head.kv)
    if reaches:
        limits = [(reach, spacing_limit(conductor, head.kv, reach)) for reach in reaches]
        fitting = [
            (reach, limit) for reach, limit in limits if limit and limit.value <= spacing + 1e-9
        ]
        reach, limit = fitting[-1] if fitting else (0.0, limits[0][1])
        if limit is not None:
            basis = f"{spacing:.2f} m on the pole head, {limit.value:g} m asked for at {reach:g} m"
            rules.append(_rule("spacing table", reach, basis, limit))
    span = _longest(
        lambda at: formula_spacing_m(head.kv, design(at).largest_sag.vertical_sag_m) <= spacing
    )
    basis = f"U/110 + 0.65 sqrt(f) within {spacing:.2f} m"
    source = "GB 50545, GB 50061 (35 kV and above; a check below), m.jianbiaoku.com 23814/711121"
    rules.append(SpanRule("spacing formula", span, basis, source, "published", head.kv < 35.0))
    return rules


def _clearance_rule(
    head: PoleHead, design: Callable[[float], SpanDesign], terrain: str, pole_m: float | None
) -> SpanRule:
    height, limit = lowest_wire_height_m(head, pole_m), ground_clearance_limit(head.kv, terrain)
    span = _longest(lambda at: height - design(at).largest_sag.vertical_sag_m >= limit.value)
    basis = f"{limit.value:g} m above ground ({terrain}) from {height:.2f} m at the pole"
    return _rule("ground clearance", span, basis, limit)


def _support_rule(design: Callable[[float], SpanDesign]) -> SpanRule:
    limit = get_line_limit("safety_factor_support")

    def holds(span_m: float) -> bool:
        strung = design(span_m)
        return strung.under(strung.governing).support_safety_factor >= limit.value

    basis = f"safety factor {limit.value:g} at the support"
    return _rule("strength at the support", _longest(holds), basis, limit)


def _rule(name: str, span_m: float, basis: str, limit: LineLimit) -> SpanRule:
    return SpanRule(name, span_m, basis, limit.source, limit.grade)


def _longest(holds: Callable[[float], bool]) -> float:
    """Longest whole-metre span for which a rule holds that only a longer span can break."""
    low, high = 0, _LONGEST_M + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(float(middle)) else (low, middle)
    return float(low)
