"""Figures: there where they must be, finite, in their range, and of a size that can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ruralgrid.county.checks.view import Rule, View
from ruralgrid.county.kinds import CONSTANT
from ruralgrid.county.tables import MAX_STAGE, TABLES, schema
from ruralgrid.findings import Finding, Severity

__all__ = ["SPAN_LIMIT_M", "check_energy", "check_figures", "check_lengths", "check_voltage_levels"]

SPAN_LIMIT_M: Final = 80.0
"""The span that the programme's own rule allows on lines of 10 kV and below [m]."""

_USUAL_KV: Final = (0.23, 0.4, 6.0, 10.0, 20.0, 35.0, 66.0, 110.0, 220.0, 330.0, 500.0, 750.0)
_LONGEST_KM: Final = ((1.0, 10.0), (35.0, 100.0), (110.0, 300.0), (np.inf, 1000.0))
"""Below a voltage [kV], a section of such a length [km] must be one in metres."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Range:
    """What a figure must lie in; an open end where `above` or `below` is given instead."""

    table: str
    column: str
    code: str
    severity: Severity = "error"
    above: float = -np.inf
    least: float = -np.inf
    most: float = np.inf
    hint: str = ""


_RANGES: Final = (
    _Range("nodes", "kv", "voltage-range", above=0, most=1200, hint="volts for kV?"),
    _Range("nodes", "earthing_ohm", "earthing-range", above=0),
    _Range("sections", "span_m", "span-range", above=0, most=3000),
    _Range("sources", "vm_pu", "voltage-held", least=0.5, most=1.5, hint="kV for per unit?"),
    _Range("sources", "vm_pu", "voltage-held", "warning", least=0.9, most=1.1),
    _Range("sources", "short_circuit_mva", "short-circuit", above=0),
    _Range("sources", "short_circuit_mva", "short-circuit", "warning", most=1e5, hint="kVA?"),
    _Range("transformers", "held_pu", "voltage-held", least=0.8, most=1.2, hint="kV for pu?"),
    _Range("capacitors", "kvar", "capacitor-size", above=0),
    _Range("capacitors", "kvar", "capacitor-size", "warning", most=1e5, hint="var for kvar?"),
    _Range("consumers", "count", "count-not-positive", least=1),
    _Range("consumers", "count", "count-absurd", "warning", most=1e5),
    _Range("consumers", "power_factor", "power-factor-range", above=0, most=1, hint="per cent?"),
    _Range("villages", "households", "households-range", least=0),
    _Range("villages", "households", "households-range", "warning", least=1, most=1e5),
    _Range("villages", "population", "population-range", least=0),
    _Range("villages", "batch", "batch-range", least=0),
    _Range("villages", "batch", "batch-range", "warning", most=MAX_STAGE, hint="a year?"),
    _Range("line_types", "r_ohm_per_km", "line-type", least=0),
    _Range("line_types", "r_ohm_per_km", "line-type", "warning", most=100, hint="per m?"),
    _Range("line_types", "max_i_ka", "line-type", above=0),
    _Range("line_types", "max_i_ka", "line-type", "warning", most=5, hint="A for kA?"),
    _Range("line_types", "x_ohm_per_km", "line-type", least=0),
    _Range("line_types", "x_ohm_per_km", "line-type", "warning", most=10, hint="per m?"),
    _Range("line_types", "c_nf_per_km", "line-type", least=0),
    _Range("line_types", "c_nf_per_km", "line-type", "warning", most=1e4, hint="pF for nF?"),
    _Range("line_types", "g_us_per_km", "line-type", least=0),
    _Range("line_types", "g_us_per_km", "line-type", "warning", most=1e3, hint="nS for uS?"),
    _Range("line_types", "r0_ohm_per_km", "line-type", least=0),
    _Range("line_types", "r0_ohm_per_km", "line-type", "warning", most=100, hint="per m?"),
    _Range("line_types", "x0_ohm_per_km", "line-type", least=0),
    _Range("line_types", "x0_ohm_per_km", "line-type", "warning", most=50, hint="per m?"),
    _Range("line_types", "c0_nf_per_km", "line-type", least=0),
    _Range("line_types", "c0_nf_per_km", "line-type", "warning", most=1e4, hint="pF for nF?"),
    _Range("transformer_types", "sn_kva", "transformer-type", above=0),
    _Range(
        *("transformer_types", "sn_kva", "transformer-type", "warning"),
        least=1,
        most=2e6,
        hint="MVA, or VA, for kVA?",
    ),
    _Range("transformer_types", "vn_hv_kv", "transformer-type", above=0, most=1200),
    _Range("transformer_types", "vn_lv_kv", "transformer-type", above=0, most=1200),
    _Range("transformer_types", "vk_percent", "transformer-type", above=0, most=100),
    _Range("transformer_types", "vkr_percent", "transformer-type", least=0, most=100),
    _Range("transformer_types", "p0_kw", "transformer-type", least=0),
    _Range("transformer_types", "i0_percent", "transformer-type", least=0, most=100),
    _Range("transformer_types", "shift_degree", "transformer-type", least=-360, most=360),
    _Range("transformer_types", "tap_step_percent", "transformer-type", least=0, most=20),
)


def check_figures(view: View) -> Iterator[Finding]:
    """No figure is infinite, absent where it is required, or out of its range."""
    for table in TABLES:
        for column in schema(table):
            if column.type != "number":
                continue
            values = view[table][column.name].to_numpy(dtype=float)
            rule = Rule(
                *("value-infinite", table, column.name, "{value}: no finite number"),
                *("a finite number", column.unit),
            )
            yield from view.found(rule, np.isinf(values))
            if column.required:
                rule = Rule(
                    *("value-missing", table, column.name),
                    *("the figure is missing (empty, or no number)", "a number", column.unit),
                )
                yield from view.found(rule, np.isnan(values))
    wrong: dict[tuple[str, str], Bools] = {}
    for each in _RANGES:
        values = view[each.table][each.column].to_numpy(dtype=float)
        outside = (values <= each.above) | (values < each.least) | (values > each.most)
        outside &= np.isfinite(values)
        place = each.table, each.column
        if each.severity == "warning":  # of a cell that is wrong it needs no second word
            outside &= ~wrong.get(place, np.zeros(len(values), dtype=bool))
        else:
            wrong[place] = outside
        yield from _outside(view, each, outside)


def _outside(view: View, each: _Range, outside: Bools) -> list[Finding]:
    ends = [f"above {each.above:g}"] if np.isfinite(each.above) else []
    ends += [f"{each.least:g} or more"] if np.isfinite(each.least) else []
    ends += [f"{each.most:g} at the most"] if np.isfinite(each.most) else []
    expected = ", ".join(ends)
    unit = next(c.unit for c in schema(each.table) if c.name == each.column)
    hint = f" ({each.hint})" if each.hint else ""
    message = f"{{value}} {unit}".rstrip() + f" is out of range: {expected}{hint}"
    rule = Rule(each.code, each.table, each.column, message, expected, unit, each.severity)
    return view.found(rule, outside)


def check_voltage_levels(view: View) -> list[Finding]:
    """Voltages are those that nets have; 0.38 and 10.5 are rated, not nominal ones."""
    kv = view.node_kv
    unusual = ~np.isin(kv, _USUAL_KV) & (kv > 0) & (kv <= 1200)
    usual = ", ".join(f"{each:g}" for each in _USUAL_KV)
    rule = Rule(
        *("voltage-unusual", "nodes", "kv", f"{{value}} kV is none of the usual {usual} kV"),
        *(usual, "kV", "warning"),
    )
    return view.found(rule, unusual)


def check_lengths(view: View) -> Iterator[Finding]:
    """Sections have a length, in km and not in metres, and spans of 80 m at the most."""
    sections = view["sections"]
    length = sections["length_km"].to_numpy(dtype=float)
    message = "a length of {value} km is out of range: above 0"
    rule = Rule("length-not-positive", "sections", "length_km", message, "above 0", "km")
    yield from view.found(rule, length <= 0)
    kv = view.kv_at("sections", "from_node")
    least = 0.0
    for below, most in _LONGEST_KM:
        level = (kv >= least) & (kv < below)
        message = "{value} km is no length of a section at its voltage (metres for km?)"
        rule = Rule("length-absurd", "sections", "length_km", message, most, "km")
        yield from view.found(rule, level & (length > most) & np.isfinite(length))
        least = below
    span = sections["span_m"].to_numpy(dtype=float)
    rule = Rule(
        *("span-long", "sections", "span_m", "a mean span of {value} m"),
        *(SPAN_LIMIT_M, "m", "warning", "the plan: spans of 80 m at the most"),
    )
    yield from view.found(rule, (span > SPAN_LIMIT_M) & (kv <= 10) & (span <= 3000))


def check_energy(view: View) -> Iterator[Finding]:
    """Customers use energy, and each as much as one of its kind can."""
    consumers = view["consumers"]
    kwh = consumers["kwh_per_year"].to_numpy(dtype=float)
    constant = (consumers["kind"] == CONSTANT).to_numpy(dtype=bool)
    rule = Rule("energy-negative", "consumers", "kwh_per_year", "{value} kWh a year", "0 or more")
    yield from view.found(rule, (kwh < 0) & ~constant)
    rule = Rule(
        *("energy-zero", "consumers", "kwh_per_year", "customers that use nothing"),
        *("above 0", "kWh", "warning"),
    )
    yield from view.found(rule, (kwh == 0) & ~constant)
    each = kwh / np.maximum(consumers["count"].to_numpy(dtype=float), 1)
    household = (consumers["kind"] == "household").to_numpy(dtype=bool)
    rules = (
        (household & (each > 5e4), "50,000 at the most", "Wh for kWh?"),
        (household & (each > 0) & (each < 10), "10 or more", "kW, or MWh, for kWh?"),
        (~household & (each > 1e9), "1e9 at the most", "Wh for kWh?"),
    )
    for rows, limit, hint in rules:
        message = f"{{value}} kWh a year for each customer ({hint})"
        rule = Rule("energy-absurd", "consumers", "kwh_per_year", message, limit, "kWh", "warning")
        yield from view.found(rule, rows & np.isfinite(each), each)
