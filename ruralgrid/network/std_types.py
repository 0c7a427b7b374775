"""The catalogue as standard types of a pandapower net.

A line type is a conductor at a voltage level: "LGJ-240/30 35kV" hangs on the usual pole head of
that level; any other pole head is named behind it: "LGJ-240/30 35kV hor-hpole". A transformer type
bears its own name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ruralgrid.equipment import (
    DEFAULT_AIR_C,
    DEFAULT_TEMPERATURE_C,
    Conductor,
    PoleHead,
    ThreeWindingTransformer,
    Transformer,
    find_conductors,
    line_parameters,
    list_pole_heads,
    list_three_winding_transformers,
    list_transformers,
)
from ruralgrid.errors import require_kind
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = [
    "line_std_type_name",
    "register_std_types",
    "trafo3w_parameters",
    "trafo_parameters",
]

_USUAL_HEADS: Final = (
    "0.4kV-hor4-50",
    "10kV-tri-bare-80",
    "35kV-tri-pole",
    "110kV-tri-tower",
    "330kV-hor-2b",
)
_SMALLEST_MM2: Final = {0.4: 16.0, 10.0: 16.0, 35.0: 50.0, 110.0: 95.0, 330.0: 240.0}
"""Smallest aluminium area offered at a level: below it corona or strength forbids the line."""

_SHIFT_DEGREE: Final = {
    "Yyn0": 0.0,
    "Ii0": 0.0,
    "Dyn11": 330.0,
    "Yd11": 330.0,
    "YNd11": 330.0,
}
"""Clock number times 30: the angle by which the low voltage lags."""


def register_std_types(
    net: pandapowerNet,
    *,
    temperature_c: float = DEFAULT_TEMPERATURE_C,
    air_c: float = DEFAULT_AIR_C,
) -> None:
    """Put every line and transformer of the catalogue into `net.std_types`, and change no more.

    Parameters
    ----------
    net : pandapowerNet
        Any net; a type of the same name is replaced.
    temperature_c : float
        Conductor temperature of the resistances [°C].
    air_c : float
        Air temperature of the ampacities [°C].

    Raises
    ------
    InputError
        `net` is no net of pandapower's: a county becomes one by `build`.

    Notes
    -----
    Two-wire heads ("LJ-25 0.4kV hor2-50") and single-phase transformers (D10, D11) are registered
    as the balanced three-phase equivalents of `equipment.impedance.balanced_equivalent`: equal drop
    and equal loss at equal power.
    """
    import pandapower

    require_kind(net, pandapower.pandapowerNet, "net", "build")
    lines = {
        line_std_type_name(conductor, head): _line_type(conductor, head, temperature_c, air_c)
        for head in list_pole_heads()
        for conductor in find_conductors(kv=head.kv)
        if conductor.nominal_mm2 >= _SMALLEST_MM2[head.kv]
        and (head.kv <= 10.0 or conductor.series != "LJ")  # an LJ span of 35 kV would sag too far
    }
    pandapower.create_std_types(net, lines, element="line")
    trafos = {kind.name: trafo_parameters(kind) for kind in list_transformers()}
    pandapower.create_std_types(net, trafos, element="trafo")
    trafos3w = {kind.name: trafo3w_parameters(kind) for kind in list_three_winding_transformers()}
    pandapower.create_std_types(net, trafos3w, element="trafo3w")


def line_std_type_name(conductor: Conductor, head: PoleHead) -> str:
    """Name of the type: conductor and level, and the pole head where it is not the usual one."""
    name = f"{conductor.name} {head.kv:g}kV"
    if head.name in _USUAL_HEADS:
        return name
    return f"{name} {head.name.split('-', 1)[1]}"


def trafo_parameters(kind: Transformer) -> dict[str, Any]:
    """What pandapower wants to know of a two-winding transformer, in its own column names.

    `vector_group` is the bare "Dyn", "YNd", "Yyn" that `runpp_3ph` reads; the clock number stands
    in `shift_degree`. A single-phase unit becomes its balanced equivalent: same rating and same per
    cent, with the low voltage times sqrt 3 (equal drop and loss at equal power).
    """
    parameters = {
        "sn_mva": kind.sn_kva / KILO,
        "vn_hv_kv": kind.vn_hv_kv,
        "vn_lv_kv": kind.vn_lv_kv * (SQRT3 if kind.phases == 1 else 1.0),
        "vk_percent": kind.vk_percent,
        "vkr_percent": kind.vkr_percent,
        "pfe_kw": kind.p0_kw,
        "i0_percent": kind.i0_percent,
        "shift_degree": _SHIFT_DEGREE[kind.vector_group],
        "vector_group": kind.vector_group.rstrip("0123456789"),
    }
    return parameters | _tap_parameters(kind) | {"tap_step_degree": 0.0} | _zero_sequence(kind)


def trafo3w_parameters(kind: ThreeWindingTransformer) -> dict[str, Any]:
    """What pandapower wants to know of a three-winding transformer.

    The nameplate gives every short-circuit voltage on the rated power of the high-voltage winding;
    pandapower takes each on the smaller rating of its two windings, so that of a small tertiary is
    scaled down.
    """
    share = kind.sn_lv_kva / kind.sn_hv_kva
    return {
        "sn_hv_mva": kind.sn_hv_kva / KILO,
        "sn_mv_mva": kind.sn_mv_kva / KILO,
        "sn_lv_mva": kind.sn_lv_kva / KILO,
        "vn_hv_kv": kind.vn_hv_kv,
        "vn_mv_kv": kind.vn_mv_kv,
        "vn_lv_kv": kind.vn_lv_kv,
        "vk_hv_percent": kind.vk_hm_percent,
        "vk_mv_percent": kind.vk_ml_percent * share,
        "vk_lv_percent": kind.vk_hl_percent * share,
        "vkr_hv_percent": kind.vkr_percent,
        "vkr_mv_percent": kind.vkr_percent * share,
        "vkr_lv_percent": kind.vkr_percent * share,
        "pfe_kw": kind.p0_kw,
        "i0_percent": kind.i0_percent,
        "shift_mv_degree": 0.0,
        "shift_lv_degree": 330.0,
        "vector_group": "YN0yn0d11",
    } | _tap_parameters(kind)


def _zero_sequence(kind: Transformer) -> dict[str, Any]:
    """Zero sequence of a Dyn transformer, for `runpp_3ph`: its short circuit, through the delta.

    pandapower takes no other group of the catalogue there; a magnetising branch of 1e4 % stays
    clear of that short circuit.
    """
    if not kind.vector_group.startswith("Dyn"):
        return {}
    return {
        "vk0_percent": kind.vk_percent,
        "vkr0_percent": kind.vkr_percent,
        "mag0_percent": 1e4,
        "mag0_rx": 0.0,
        "si0_hv_partial": 0.9,
    }


def _tap_parameters(kind: Transformer | ThreeWindingTransformer) -> dict[str, Any]:
    return {
        "tap_side": kind.tap_side,
        "tap_neutral": 0,
        "tap_min": kind.tap_min,
        "tap_max": kind.tap_max,
        "tap_step_percent": kind.tap_step_percent,
        "tap_changer_type": "Ratio",
        "trafo_characteristic_table": False,
    }


def _line_type(
    conductor: Conductor, head: PoleHead, temperature_c: float, air_c: float
) -> dict[str, Any]:
    """One line type; `alpha` and `q_mm2` let pandapower correct the resistance for temperature."""
    line = line_parameters(conductor, head, temperature_c=temperature_c, air_c=air_c)
    sequence_0 = {
        "r0_ohm_per_km": line.r0_ohm_per_km,
        "x0_ohm_per_km": line.x0_ohm_per_km,
        "c0_nf_per_km": line.c0_nf_per_km,
    }
    return {
        "r_ohm_per_km": line.r_ohm_per_km,
        "x_ohm_per_km": line.x_ohm_per_km,
        "c_nf_per_km": line.c_nf_per_km,
        "max_i_ka": line.max_i_ka,
        "type": "ol",
        "q_mm2": conductor.al_area_mm2 * head.bundle_count,
        "alpha": conductor.alpha_per_k,
        **(sequence_0 if len(head.phase_wires) == 3 else {}),
    }
