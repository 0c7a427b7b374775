"""Types of one's own: a county's conductors and transformers that no catalogue holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from ruralgrid.equipment import DEFAULT_TEMPERATURE_C, get_transformer, parameter_table
from ruralgrid.errors import InputError
from ruralgrid.network.std_types import trafo_parameters
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from ruralgrid.county import County

__all__ = ["line_values", "transformer_reader"]

_BLANK_IS_ZERO = ["c_nf_per_km", "g_us_per_km"]


def line_values(county: County, temperature_c: float = DEFAULT_TEMPERATURE_C) -> pd.DataFrame:
    """Impedances and ampacity of every section, in the order of the table.

    A section whose `conductor` stands in `county.line_types` takes that row as it is, whatever its
    arrangement, phases and the temperature; every other one is the catalogue's wire on its pole
    head (see `ruralgrid.equipment.parameter_table`).
    """
    sections = county.sections
    own = county.line_types.set_index("name").drop(columns=["source", "grade"])
    _refuse_twice(own, "line_types")
    own[_BLANK_IS_ZERO] = own[_BLANK_IS_ZERO].fillna(0.0)
    is_own = sections["conductor"].isin(own.index)
    of_catalogue = parameter_table(sections[~is_own], temperature_c)
    values = of_catalogue.reindex(columns=own.columns).fillna({"g_us_per_km": 0.0})
    if not is_own.any():
        return values
    of_county = own.loc[sections.loc[is_own, "conductor"]].set_axis(sections.index[is_own])
    both = pd.concat([values, of_county]) if len(values) else of_county
    return both.loc[sections.index]


def transformer_reader(types: pd.DataFrame) -> Callable[[str], dict[str, Any]]:
    """What gives pandapower's parameters of a type: the county's own first, then the catalogue's.

    The function raises UnknownNameError where neither has it.
    """
    own = types.set_index("name")
    _refuse_twice(own, "transformer_types")
    rows = own.to_dict("index")

    def parameters_of(kind: str) -> dict[str, Any]:
        return _own_parameters(rows[kind]) if kind in rows else _of_catalogue(kind)

    return parameters_of


def _refuse_twice(own: pd.DataFrame, table: str) -> None:
    if not own.index.is_unique:
        twice = own.index[own.index.duplicated()][0]
        raise InputError(f"the name {twice!r} stands twice", f"{table}, name")


def _of_catalogue(kind: str) -> dict[str, Any]:
    return trafo_parameters(get_transformer(kind))


def _own_parameters(row: dict[Any, Any]) -> dict[str, Any]:
    """The row in pandapower's names; a single-phase unit as the balanced one that stands for it."""
    single = str(row["vector_group"]).startswith("Ii")
    return {
        "sn_mva": row["sn_kva"] / KILO,
        "vn_hv_kv": row["vn_hv_kv"],
        "vn_lv_kv": row["vn_lv_kv"] * (SQRT3 if single else 1.0),
        "vk_percent": row["vk_percent"],
        "vkr_percent": row["vkr_percent"],
        "pfe_kw": _or_zero(row["p0_kw"]),
        "i0_percent": _or_zero(row["i0_percent"]),
        "shift_degree": _or_zero(row["shift_degree"]),
        "vector_group": row["vector_group"] or None,
        "tap_side": row["tap_side"] or None,
        "tap_neutral": 0,
        "tap_min": row["tap_min"],
        "tap_max": row["tap_max"],
        "tap_step_percent": _or_zero(row["tap_step_percent"]),
        "tap_changer_type": "Ratio" if row["tap_side"] else None,
        "tap_step_degree": 0.0,
        "trafo_characteristic_table": False,
    }


def _or_zero(value: float) -> float:
    return 0.0 if pd.isna(value) else float(value)
