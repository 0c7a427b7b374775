"""The three tables that the plan refers to and does not print, rebuilt from rules and physics.

They are a reconstruction: what the plan's own tables said is not known. Every number names the rule
that gives it and its grade; grades are those of the equipment data
(`ruralgrid/data/equipment/README.md`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from ruralgrid.equipment.catalogue import get_conductor, get_pole_head
from ruralgrid.equipment.impedance import line_parameters
from ruralgrid.equipment.line_rules import (
    DEFAULT_ZONE,
    get_line_limit,
    get_weather_zone,
    safety_factor_limit,
    spacing_limit,
)
from ruralgrid.equipment.mechanics import SpanDesign, critical_spans, design_span
from ruralgrid.equipment.records import Conductor, PoleHead
from ruralgrid.equipment.supports import (
    formula_spacing_m,
    largest_angle_deg,
    longest_span,
    lowest_wire_height_m,
)
from ruralgrid.errors import InputError
from ruralgrid.units import KILO

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LineTables", "PlanOfLines", "line_tables"]

_HEADS: Final = {10.0: "10kV-tri-bare-80", 0.4: "0.4kV-hor4-80"}
_BARE_10KV: Final = ("LGJ-35/6", "LGJ-50/8", "LGJ-70/10", "LGJ-95/15", "LGJ-120/20")
_BARE_0_4KV: Final = ("LJ-25", "LJ-35", "LJ-50", "LGJ-35/6", "LGJ-50/8", "LGJ-70/10")
_SPANS_M: Final = (40.0, 50.0, 60.0, 70.0, 80.0)

_Cell = tuple[str, float | str, str, str, str]


class _LineDesign(Protocol):
    @property
    def span_max_m(self) -> float | None: ...
    @property
    def conductors_10kv(self) -> Sequence[str]: ...
    @property
    def conductors_0_4kv(self) -> Sequence[str]: ...


class PlanOfLines(Protocol):
    """A plan, as far as its lines go: `plan.line_design` with span and conductors."""

    @property
    def line_design(self) -> _LineDesign:
        """Span and conductors of the plan."""
        ...


@dataclass(frozen=True, slots=True)
class LineTables:
    """The three tables as long frames: one row a number.

    Parameters
    ----------
    conductors, spans, spacing : pandas.DataFrame
        conductor, kv, quantity, value, unit, rule, grade; in `spacing` the quantity names the span.
    span_m : float
        The span that the plan allows [m].
    zone : str
        Design weather.
    """

    conductors: pd.DataFrame
    spans: pd.DataFrame
    spacing: pd.DataFrame
    span_m: float
    zone: str

    def to_markdown(self) -> str:
        """The three tables, a column a conductor, with rule and grade beside each row."""
        titles = (
            ("Conductor data", self.conductors),
            (f"Span, safety factor, largest line angle (span {self.span_m:g} m)", self.spans),
            ("Spacing of the conductors by span", self.spacing),
        )
        parts = []
        for number, (title, frame) in enumerate(titles, start=1):
            for kv in dict.fromkeys(frame["kv"]):
                rows = frame[frame["kv"] == kv]
                parts += [f"### Table {number}: {title}, {kv:g} kV", "", _markdown(rows), ""]
        return "\n".join(parts)


def line_tables(
    plan: PlanOfLines, *, zone: str = DEFAULT_ZONE, bare_too: bool = True
) -> LineTables:
    """Rebuild the tables of conductor data, of span and angle, and of spacing.

    Parameters
    ----------
    plan : PlanOfLines
        Anything with `line_design.span_max_m`, `.conductors_10kv`, `.conductors_0_4kv`.
    zone : str
        Design weather.
    bare_too : bool
        Also LGJ and LJ of the usual rural sizes.

    Raises
    ------
    UnknownNameError
        If the plan names a conductor that the catalogue does not have.
    InputError
        If the plan's span is not above 0.
    """
    design = plan.line_design
    if design.span_max_m is None:
        raise InputError("the plan states no longest span", "line_design.span_max_m")
    span_m = float(design.span_max_m)
    if not span_m > 0.0:
        raise InputError(f"span {span_m:g} m; expected more than 0", "line_design.span_max_m")
    hung = [
        *_hung(design.conductors_10kv, _BARE_10KV if bare_too else (), 10.0),
        *_hung(design.conductors_0_4kv, _BARE_0_4KV if bare_too else (), 0.4),
    ]
    return LineTables(
        conductors=_frame((wire, kv, _conductor_cells(wire, head)) for wire, head, kv in hung),
        spans=_frame((wire, kv, _span_cells(wire, head, span_m, zone)) for wire, head, kv in hung),
        spacing=_frame((wire, kv, _spacing_cells(wire, head, zone)) for wire, head, kv in hung),
        span_m=span_m,
        zone=get_weather_zone(zone).name,
    )


def _hung(
    stated: Sequence[str], bare: Sequence[str], kv: float
) -> list[tuple[Conductor, PoleHead, float]]:
    head = get_pole_head(_HEADS[kv])
    return [(get_conductor(name), head, kv) for name in dict.fromkeys((*stated, *bare))]


def _conductor_cells(wire: Conductor, head: PoleHead) -> list[_Cell]:
    line = line_parameters(wire, head)
    plate = f"nameplate, {wire.standard}"
    return [
        ("aluminium area", wire.al_area_mm2, "mm2", plate, wire.grade),
        ("steel area", wire.steel_area_mm2, "mm2", plate, wire.grade),
        ("overall diameter", wire.outer_d_mm, "mm", plate, wire.grade),
        ("mass", wire.mass_kg_per_km, "kg/km", plate, wire.grade),
        ("strength", wire.rts_n if wire.rts_n is not None else "-", "N", plate, wire.grade),
        ("modulus", wire.e_mpa, "MPa", "final modulus by construction", "unverified"),
        ("expansion", wire.expansion_1e6_per_k, "1e-6/K", "by construction", "unverified"),
        ("R at 20 °C", wire.r20_ohm_per_km, "ohm/km", plate, wire.grade),
        ("R at 25 °C, AC", line.r_ohm_per_km, "ohm/km", "R20, 0.00403/K, skin effect", "derived"),
        ("X", line.x_ohm_per_km, "ohm/km", f"Carson, GMR of the strands, {head.name}", "derived"),
        (
            "current at 40 °C air",
            line.max_i_ka * KILO,
            "A",
            "handbook, by temperature",
            "unverified",
        ),
    ]


def _span_cells(wire: Conductor, head: PoleHead, span_m: float, zone: str) -> list[_Cell]:
    design = design_span(wire, span_m, zone=zone)
    worst, hottest = design.under(design.governing), design.at(design.zone.t_max_c)
    mean = design.at(design.zone.t_mean_c)
    factor, binding = safety_factor_limit(wire), longest_span(wire, head, zone=zone)
    critical = ", ".join(f"{item.span_m:.0f}" for item in critical_spans(wire, zone=zone)) or "none"
    state = "state-change equation"
    height = lowest_wire_height_m(head) - design.largest_sag.vertical_sag_m
    return [
        ("safety factor, lowest point", factor.value, "-", factor.source, factor.grade),
        ("governing weather", design.governing.name, "", state, "derived"),
        ("critical spans", critical, "m", "two cases reach their limits together", "derived"),
        (
            "greatest tension",
            worst.tension_n,
            "N",
            "strength / safety factor, or 25 % at mean",
            "derived",
        ),
        ("safety factor, support", worst.support_safety_factor, "-", state, "derived"),
        (
            "tension at mean temperature",
            100.0 * mean.tension_n / _strength(wire),
            "%",
            state,
            "derived",
        ),
        ("sag at 40 °C", hottest.sag_m, "m", state, "derived"),
        ("largest sag", design.largest_sag.vertical_sag_m, "m", "40 °C, or ice at rest", "derived"),
        ("height above ground", height, "m", "usual pole, burial, largest sag", "unverified"),
        (
            "longest span",
            binding.span_m,
            "m",
            "the rule that binds is in the next row",
            binding.grade,
        ),
        ("binding rule", binding.rule, "", "smallest of the rules of docs/lines.md", binding.grade),
        *_angle_cells(design),
    ]


def _angle_cells(design: SpanDesign) -> list[_Cell]:
    """Largest angle for one and two insulators a wire: by strength, not above the practice."""
    cells: list[_Cell] = []
    keys = ("angle_single_deg", "angle_double_insulator_deg")
    for count, key in enumerate(keys, start=1):
        practice, strength = get_line_limit(key), largest_angle_deg(design, insulators=count)
        plural = "insulator" if count == 1 else "insulators"
        rule = f"practice {practice.value:g}° or strength, the smaller"
        cells += [
            (
                f"angle by strength, {count} {plural}",
                strength,
                "deg",
                "R5 post, 5 kN / 2.5",
                "unverified",
            ),
            (
                f"largest angle, {count} {plural}",
                min(strength, practice.value),
                "deg",
                rule,
                practice.grade,
            ),
        ]
    return cells


def _spacing_cells(wire: Conductor, head: PoleHead, zone: str) -> list[_Cell]:
    cells: list[_Cell] = []
    for span in _SPANS_M:
        limit = spacing_limit(wire, head.kv, span)
        if limit is not None:
            cells.append((f"{span:g} m, table", limit.value, "m", limit.source, limit.grade))
        sag = design_span(wire, span, zone=zone).largest_sag.vertical_sag_m
        formula = formula_spacing_m(head.kv, sag)
        rule = "U/110 + 0.65 sqrt(f), a check below 35 kV"
        cells.append((f"{span:g} m, formula", formula, "m", rule, "derived"))
    rule = f"smallest distance of any two wires on {head.name}"
    cells.append(("on the pole head", head.min_spacing_m, "m", rule, head.grade))
    return cells


def _strength(wire: Conductor) -> float:
    if wire.rts_n is None:
        raise InputError(f"{wire.name} has no rated strength; sag and tension need rts_n")
    return wire.rts_n


def _frame(rows: Iterable[tuple[Conductor, float, list[_Cell]]]) -> pd.DataFrame:
    import pandas as pd

    columns = ["conductor", "kv", "quantity", "value", "unit", "rule", "grade"]
    cells = [(wire.name, kv, *cell) for wire, kv, cells in rows for cell in cells]
    return pd.DataFrame(cells, columns=columns)


def _markdown(rows: pd.DataFrame) -> str:
    """A wide table of one level: quantities down, conductors across, rule and grade at the end."""
    names = list(dict.fromkeys(rows["conductor"]))
    head = ["quantity", *names, "rule", "grade"]
    lines = [_line(head), _line(["---"] * len(head))]
    for quantity in dict.fromkeys(rows["quantity"]):
        cells = rows[rows["quantity"] == quantity].set_index("conductor")
        unit = str(cells["unit"].iloc[0])
        values = [_text(cells["value"].get(name, "-")) for name in names]
        rules, grades = (
            "; ".join(dict.fromkeys(str(text) for text in cells[column]))
            for column in ("rule", "grade")
        )
        lines.append(_line([f"{quantity} [{unit}]" if unit else quantity, *values, rules, grades]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if abs(value) >= 1000.0:
        return f"{value:.0f}"
    return f"{value:.4g}"
