"""Conductors, pole heads and transformers: nameplate figures, ohms, and what holds in the wind.

`catalogue` finds the records, `impedance` turns conductor and pole head into line parameters,
`mechanics` strings a span, `supports` says what poles allow, `line_checks` judges the sections of a
county, `line_tables` rebuilds the three missing tables of the plan.
"""

from ruralgrid.equipment.catalogue import (
    find_conductors,
    find_pole_heads,
    find_transformers,
    get_conductor,
    get_pole_head,
    get_three_winding_transformer,
    get_transformer,
    list_conductors,
    list_pole_heads,
    list_three_winding_transformers,
    list_transformers,
)
from ruralgrid.equipment.describe import check_conductor, describe_conductor
from ruralgrid.equipment.impedance import (
    DEFAULT_AIR_C,
    DEFAULT_TEMPERATURE_C,
    LineParameters,
    line_parameters,
    parameter_table,
)
from ruralgrid.equipment.line_checks import check_line_sections
from ruralgrid.equipment.line_rules import DEFAULT_ZONE, get_weather_zone, list_weather_zones
from ruralgrid.equipment.line_tables import LineTables, line_tables
from ruralgrid.equipment.lists import catalogue_names, catalogue_tables
from ruralgrid.equipment.mechanics import critical_spans, design_span, stringing_table
from ruralgrid.equipment.records import (
    Conductor,
    PoleHead,
    ThreeWindingTransformer,
    Transformer,
    Wire,
)
from ruralgrid.equipment.supports import largest_angle_deg, longest_span, span_rules

__all__ = [
    "DEFAULT_AIR_C",
    "DEFAULT_TEMPERATURE_C",
    "DEFAULT_ZONE",
    "Conductor",
    "LineParameters",
    "LineTables",
    "PoleHead",
    "ThreeWindingTransformer",
    "Transformer",
    "Wire",
    "catalogue_names",
    "catalogue_tables",
    "check_conductor",
    "check_line_sections",
    "critical_spans",
    "describe_conductor",
    "design_span",
    "find_conductors",
    "find_pole_heads",
    "find_transformers",
    "get_conductor",
    "get_pole_head",
    "get_three_winding_transformer",
    "get_transformer",
    "get_weather_zone",
    "largest_angle_deg",
    "line_parameters",
    "line_tables",
    "list_conductors",
    "list_pole_heads",
    "list_three_winding_transformers",
    "list_transformers",
    "list_weather_zones",
    "longest_span",
    "parameter_table",
    "span_rules",
    "stringing_table",
]
