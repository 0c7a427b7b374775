"""Lines and transformers of a pandapower net as rows of a county, each with a type of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ruralgrid.equipment import get_three_winding_transformer, get_transformer
from ruralgrid.errors import UnknownNameError
from ruralgrid.network.names import labels
from ruralgrid.network.std_types import trafo3w_parameters, trafo_parameters
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = [
    "circuit_fault",
    "held_voltages",
    "line_rows",
    "tap_controllers",
    "trafo3w_type",
    "trafo_fault",
    "transformer_rows",
    "turned_taps",
]

_LOW_VOLTAGE_KV: Final = 1.0
_ZERO_SEQUENCE: Final = ("r0_ohm_per_km", "x0_ohm_per_km", "c0_nf_per_km")
_COMPARED: Final = (
    "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent",
    "shift_degree", "tap_step_percent", "tap_min", "tap_max",
)  # fmt: skip
_COMPARED_3W: Final = (
    "sn_hv_mva", "sn_mv_mva", "sn_lv_mva", "vn_hv_kv", "vn_mv_kv", "vn_lv_kv", "vk_hv_percent",
    "vk_mv_percent", "vk_lv_percent", "vkr_hv_percent", "vkr_mv_percent", "vkr_lv_percent",
    "pfe_kw", "i0_percent", "tap_step_percent",
)  # fmt: skip


def line_rows(net: pandapowerNet, node: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sections and their types: the lines in service between buses in service.

    Parallel circuits make one section of their joint impedance. A line that is open at both ends is
    none; one that is open at its beginning is turned round, for a section opens at its end.
    """
    line = net.line[net.line["in_service"].astype(bool)]
    line = line[line["from_bus"].isin(node.index) & line["to_bus"].isin(node.index)]
    opened = net.switch[(net.switch["et"] == "l") & ~net.switch["closed"].astype(bool)]
    at = set(zip(opened["element"], opened["bus"], strict=True))
    open_from = [pair in at for pair in zip(line.index, line["from_bus"], strict=True)]
    open_to = [pair in at for pair in zip(line.index, line["to_bus"], strict=True)]
    is_open_from = pd.Series(open_from, index=line.index, dtype=bool)
    is_open_to = pd.Series(open_to, index=line.index, dtype=bool)
    line = line[~(is_open_from & is_open_to)]
    turned = is_open_from.loc[line.index]
    values = _line_values(line)
    types, conductor = _named_types(values, line.get("std_type"), "line")
    start, end = line["from_bus"].map(node), line["to_bus"].map(node)
    low = line["from_bus"].map(net.bus["vn_kv"]) < _LOW_VOLTAGE_KV
    rows = pd.DataFrame(
        {
            "name": labels(net, "line").loc[line.index],
            "from_node": end.where(turned, start),
            "to_node": start.where(turned, end),
            "conductor": conductor,
            "arrangement": "",
            "phases": np.where(low, "abcn", "abc"),
            "length_km": line["length_km"],
            "normally_open": turned | is_open_to.loc[line.index],
        }
    )
    return rows, types


def _line_values(line: pd.DataFrame) -> pd.DataFrame:
    """What makes two lines of one type: the figures per kilometre of all parallel circuits."""
    count = line["parallel"]
    values = {
        "r_ohm_per_km": line["r_ohm_per_km"] / count,
        "x_ohm_per_km": line["x_ohm_per_km"] / count,
        "c_nf_per_km": line["c_nf_per_km"] * count,
        "g_us_per_km": _column(line, "g_us_per_km", 0.0) * count,
        "max_i_ka": line["max_i_ka"] * _column(line, "df", 1.0) * count,
    }
    zero = {name: _column(line, name, np.nan) for name in _ZERO_SEQUENCE}
    divided = {name: column / count for name, column in zero.items() if name[0] != "c"}
    return pd.DataFrame({**values, **zero, **divided}).astype(float)


def transformer_rows(net: pandapowerNet, node: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Transformers in service that the tables can hold, and the types that no catalogue has."""
    idle = net.switch[net.switch["et"].isin(["t", "t3"]) & ~net.switch["closed"].astype(bool)]
    pieces, own = [], pd.DataFrame()
    two = _held(net, "trafo", ("hv_bus", "lv_bus"), node, idle[idle["et"] == "t"]["element"])
    two = two[[trafo_fault(row) is None for row in two.to_dict("records")]]
    if len(two):
        records = two.to_dict("records")
        known = pd.Series([_catalogue_type(row) for row in records], index=two.index, dtype=object)
        foreign = two[known.isna()]
        values = pd.DataFrame(
            [_trafo_values(row) for row in foreign.to_dict("records")], index=foreign.index
        )
        own, kind = _named_types(values, foreign.get("std_type"), "transformer")
        units = _units(labels(net, "trafo"), two, known.fillna(kind), node, ("hv", "lv"))
        pieces.append(units.assign(held_pu=held_voltages(net).reindex(two.index)))
    three = _held(
        net, "trafo3w", ("hv_bus", "mv_bus", "lv_bus"), node, idle[idle["et"] == "t3"]["element"]
    )
    types = pd.Series([trafo3w_type(row) for row in three.to_dict("records")], index=three.index)
    three, types = three[types.notna()], types.dropna()
    if len(three):
        name = labels(net, "trafo3w")
        pieces.append(_units(name, three, types, node, ("hv", "mv", "lv")))
    return pd.concat(pieces) if pieces else pd.DataFrame(), own


def held_voltages(net: pandapowerNet) -> pd.Series:
    """The voltage [pu] that a `DiscreteTapControl` holds at a transformer's low side, by index."""
    held = {int(c.element_index): (c.vm_lower_pu + c.vm_upper_pu) / 2 for c in tap_controllers(net)}
    return pd.Series(held, dtype=float)


def tap_controllers(net: pandapowerNet) -> list[Any]:
    """The controllers in service that hold the low side of a two-winding transformer."""
    if "controller" not in net or net.controller.empty:
        return []
    active = net.controller.loc[net.controller["in_service"].astype(bool), "object"]
    return [
        c
        for c in active
        if type(c).__name__ == "DiscreteTapControl" and c.element == "trafo" and c.side == "lv"
    ]


def _held(
    net: pandapowerNet, table: str, ends: tuple[str, ...], node: pd.Series, idle: pd.Series
) -> pd.DataFrame:
    units = net[table][net[table]["in_service"].astype(bool)]
    supplied = np.logical_and.reduce([units[end].isin(node.index).to_numpy() for end in ends])
    return units[supplied & ~units.index.isin(idle)]


def _units(
    name: pd.Series, units: pd.DataFrame, kind: pd.Series, node: pd.Series, ends: tuple[str, ...]
) -> pd.DataFrame:
    nodes = {f"{end}_node": units[f"{end}_bus"].map(node) for end in ends}
    taps = [_tap(row) for row in units.to_dict("records")]
    return pd.DataFrame({"name": name.loc[units.index], "type": kind, **nodes, "tap": taps})


def trafo_fault(row: dict[Any, Any]) -> str | None:
    """Why a row of `transformer_types` cannot stand for a transformer of `net.trafo`, or None."""
    fault = circuit_fault(row)
    steps = _steps(row)
    if fault is None and steps != round(steps):
        return f"it stands between two taps, at {steps:g}"
    return fault


def circuit_fault(row: dict[Any, Any]) -> str | None:
    """What of a transformer of `net.trafo` one impedance and one ratio cannot say, or None."""
    shares = ("leakage_resistance_ratio_hv", "leakage_reactance_ratio_hv")
    if any(_number(row, share, 0.5) != 0.5 for share in shares):
        return "its impedance is not shared evenly by its windings"
    if row.get("tap_dependency_table") is True:
        return "its impedance depends on the tap"
    if _number(row, "tap2_pos", 0.0) != _number(row, "tap2_neutral", 0.0):
        return "a second tap changer is off its middle"
    return "its taps turn the phase" if turned_taps(row) else None


def turned_taps(row: dict[Any, Any]) -> bool:
    """Whether the tap that it stands on turns the phase."""
    if _steps(row) == 0:
        return False
    return row["tap_changer_type"] != "Ratio" or _number(row, "tap_step_degree", 0.0) != 0


def _steps(row: dict[Any, Any]) -> float:
    """Steps off the middle tap, which is what a transformer without taps stands on."""
    if not _has_taps(row):
        return 0.0
    return _number(row, "tap_pos", 0.0) - _number(row, "tap_neutral", 0.0)


def _has_taps(row: dict[Any, Any]) -> bool:
    """Whether pandapower moves its ratio: without a type of changer a tap has no effect."""
    return isinstance(row.get("tap_changer_type"), str) and isinstance(row.get("tap_side"), str)


def _tap(row: dict[Any, Any]) -> int:
    if not _has_taps(row):
        return 0
    return round(_number(row, "tap_pos", 0.0) - _number(row, "tap_neutral", 0.0))


def _trafo_values(row: dict[Any, Any]) -> dict[str, object]:
    count, neutral = row["parallel"], _number(row, "tap_neutral", 0.0)
    taps = _has_taps(row)
    return {
        "sn_kva": row["sn_mva"] * count * KILO,
        "vn_hv_kv": row["vn_hv_kv"],
        # a single-phase type states its winding, the net the balanced unit that stands for it
        "vn_lv_kv": row["vn_lv_kv"] / (SQRT3 if _text(row, "vector_group").startswith("Ii") else 1),
        "vk_percent": row["vk_percent"],
        "vkr_percent": row["vkr_percent"],
        "p0_kw": row["pfe_kw"] * count,
        "i0_percent": row["i0_percent"],
        "shift_degree": _number(row, "shift_degree", 0.0),
        "vector_group": _text(row, "vector_group"),
        "tap_side": _text(row, "tap_side") if taps else "",
        "tap_step_percent": _number(row, "tap_step_percent", np.nan) if taps else np.nan,
        "tap_min": round(_number(row, "tap_min", neutral) - neutral) if taps else 0,
        "tap_max": round(_number(row, "tap_max", neutral) - neutral) if taps else 0,
    }


def _catalogue_type(row: dict[Any, Any]) -> str | None:
    """The catalogue's type that the row's `std_type` names, if the figures are the catalogue's."""
    kind = _text(row, "std_type")
    try:
        parameters = trafo_parameters(get_transformer(kind))
    except UnknownNameError:
        return None
    same = row["parallel"] == 1 and row["tap_side"] == parameters["tap_side"] and _has_taps(row)
    return kind if same and _agree(row, parameters, _COMPARED) else None


def trafo3w_type(row: dict[Any, Any]) -> str | None:
    """The catalogue's three-winding type that the row's `std_type` names, if the figures agree."""
    kind = _text(row, "std_type")
    try:
        parameters = trafo3w_parameters(get_three_winding_transformer(kind))
    except UnknownNameError:
        return None
    same = (
        row.get("tap_side") == parameters["tap_side"] and row.get("tap_at_star_point") is not True
    )
    return kind if same and _agree(row, parameters, _COMPARED_3W) else None


def _agree(row: dict[Any, Any], parameters: dict[str, Any], names: tuple[str, ...]) -> bool:
    return (
        all(
            bool(np.isclose(float(row[name]), float(parameters[name]), rtol=1e-12, atol=0.0))
            for name in names
        )
        and _number(row, "tap_neutral", 0.0) == parameters["tap_neutral"]
    )


def _named_types(
    values: pd.DataFrame, wished: pd.Series | None, word: str
) -> tuple[pd.DataFrame, pd.Series]:
    """One type for equal figures, and the type of each row.

    A type is named as the first of its rows wishes (its `std_type`); where two types wish for one
    name, a number tells them apart.
    """
    if values.empty:
        return pd.DataFrame(), pd.Series(dtype=object)
    group = values.groupby(list(values.columns), sort=False, dropna=False).ngroup()
    first = group.drop_duplicates()
    wishes = pd.Series(None, index=values.index, dtype=object) if wished is None else wished
    plain = [w if isinstance(w, str) and w else word for w in wishes.loc[first.index]]
    names = pd.Series(plain, index=first.to_numpy(), dtype=object)
    twice = names.duplicated(keep=False) | (names == word)
    names = names.where(~twice, names + " #" + (names.groupby(names).cumcount() + 1).astype(str))
    types = values.loc[first.index].assign(name=names.to_numpy())
    return types, group.map(names)


def _column(frame: pd.DataFrame, name: str, blank: float) -> pd.Series:
    if name not in frame:
        return pd.Series(blank, index=frame.index)
    return frame[name].astype(float).fillna(blank)


def _number(row: dict[Any, Any], name: str, blank: float) -> float:
    value = row.get(name)
    return blank if value is None or pd.isna(value) else float(value)


def _text(row: dict[Any, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
