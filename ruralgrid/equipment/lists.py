"""What the catalogue holds, as tables: names and the figures by which one chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruralgrid.equipment.catalogue import (
    list_conductors,
    list_pole_heads,
    list_three_winding_transformers,
    list_transformers,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["catalogue_names", "catalogue_tables"]

_FIGURES = {
    "conductors": (
        "name, kv, nominal_mm2, steel_area_mm2, outer_d_mm, r20_ohm_per_km, ampacity_a, "
        "ampacity_air_c, grade"
    ),
    "arrangements": "name, kv, arrangement, phases, min_spacing_m, span_max_m, grade, use",
    "transformers": (
        "name, phases, sn_kva, vn_hv_kv, vn_lv_kv, p0_kw, pk_kw, i0_percent, vk_percent, "
        "vector_group, tap_min, tap_max, tap_step_percent, grade"
    ),
    "three_winding_transformers": (
        "name, sn_hv_kva, sn_mv_kva, sn_lv_kva, vn_hv_kv, vn_mv_kv, vn_lv_kv, p0_kw, pk_kw, "
        "vk_hm_percent, vk_hl_percent, vk_ml_percent, tap_min, tap_max, tap_step_percent, grade"
    ),
}


def catalogue_tables() -> dict[str, pd.DataFrame]:
    """The catalogue by kind, a row a type, in the order of its files.

    Returns
    -------
    dict of pandas.DataFrame
        conductors (`kv` is the class of the insulation [kV], empty of a bare wire; `ampacity_a` [A]
        at `ampacity_air_c` [°C]), arrangements (pole heads; `kv` is the level they are built for,
        `min_spacing_m` the smallest distance of two wires), transformers,
        three_winding_transformers. Columns are those of `Conductor`, `PoleHead`, `Transformer`,
        `ThreeWindingTransformer`, their units in their names.
    """
    import pandas as pd

    lists = {
        "conductors": list_conductors(),
        "arrangements": list_pole_heads(),
        "transformers": list_transformers(),
        "three_winding_transformers": list_three_winding_transformers(),
    }
    tables = {}
    for kind, records in lists.items():
        columns = _FIGURES[kind].split(", ")
        rows = [[getattr(record, column) for column in columns] for record in records]
        tables[kind] = pd.DataFrame(rows, columns=columns)
    return tables


def catalogue_names() -> list[tuple[str, str, str]]:
    """Every name: the column of a county's tables that it goes into, itself, its key figures."""
    wires = [
        (
            "sections: conductor, neutral",
            each.name,
            f"{'bare 裸' if each.kv is None else f'{each.kv:g} kV'}, {each.r20_ohm_per_km:g} ohm/km"
            f" at 20 °C, {each.ampacity_a:g} A at {each.ampacity_air_c:g} °C air",
        )
        for each in list_conductors()
    ]
    heads = [
        ("sections: arrangement", each.name, f"{each.kv:g} kV, {each.phases}; {each.use}")
        for each in list_pole_heads()
    ]
    units = [
        (
            "transformers: type",
            each.name,
            f"{each.vn_hv_kv:g}/{each.vn_lv_kv:g} kV, {each.sn_kva:g} kVA, P0 {each.p0_kw:g} kW, "
            f"Pk {each.pk_kw:g} kW, {each.vk_percent:g} %, {each.vector_group}",
        )
        for each in list_transformers()
    ]
    large = [
        (
            "transformers: type (with mv_node)",
            each.name,
            f"{each.vn_hv_kv:g}/{each.vn_mv_kv:g}/{each.vn_lv_kv:g} kV, "
            f"{each.sn_hv_kva:g}/{each.sn_mv_kva:g}/{each.sn_lv_kva:g} kVA",
        )
        for each in list_three_winding_transformers()
    ]
    return [*wires, *heads, *units, *large]
