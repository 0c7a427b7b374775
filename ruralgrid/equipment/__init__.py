"""Conductors, pole heads and transformers: nameplate figures, ohms, and what holds in the wind.

`catalogue` holds the records, `impedance` turns conductor and pole head into line parameters.
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
from ruralgrid.equipment.impedance import (
    DEFAULT_AIR_C,
    DEFAULT_TEMPERATURE_C,
    LineParameters,
    line_parameters,
    parameter_table,
)
from ruralgrid.equipment.records import (
    Conductor,
    PoleHead,
    ThreeWindingTransformer,
    Transformer,
    Wire,
)

__all__ = [
    "DEFAULT_AIR_C",
    "DEFAULT_TEMPERATURE_C",
    "Conductor",
    "LineParameters",
    "PoleHead",
    "ThreeWindingTransformer",
    "Transformer",
    "Wire",
    "find_conductors",
    "find_pole_heads",
    "find_transformers",
    "get_conductor",
    "get_pole_head",
    "get_three_winding_transformer",
    "get_transformer",
    "line_parameters",
    "list_conductors",
    "list_pole_heads",
    "list_three_winding_transformers",
    "list_transformers",
    "parameter_table",
]
