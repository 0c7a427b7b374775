"""What the four-wire year reads from the balanced net: its loads, and that it is the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ruralgrid.county.area_walk import LOW_VOLTAGE_KV
from ruralgrid.errors import InputError, TopologyError
from ruralgrid.flow.four_wire.conversion import AreaLoads
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    import pandas as pd
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.flow.profiles import LoadProfiles
    from ruralgrid.network.four_wire import FourWireAreas

__all__ = ["area_loads", "check_net"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_SAME_RATIO: Final = 1e-6
_NOT_READ: Final = (
    "gen", "sgen", "shunt", "storage", "motor", "ward", "xward", "asymmetric_load",
    "asymmetric_sgen", "svc", "ssc",
)  # fmt: skip


def area_loads(
    areas: FourWireAreas, net: pandapowerNet, profiles: LoadProfiles, scale: FloatArray | None
) -> AreaLoads:
    """The loads of the consumers of the areas, as they stand in the net.

    Raises
    ------
    InputError
        A power or a share that is not a number, or shares above 100 %.
    """
    rows = areas.consumer_row
    load = net.load.iloc[rows]
    factor = load["scaling"].to_numpy(dtype=float) * KILO
    if scale is not None:
        factor = factor * scale[rows]
    p, q = (load[name].to_numpy(dtype=float) * factor for name in ("p_mw", "q_mvar"))
    _refuse_load(net, rows, ~(np.isfinite(p) & np.isfinite(q)), "a power that is not a number")
    shares = []
    for letter in "pq":
        z, i = (load[f"const_{kind}_{letter}_percent"].to_numpy(dtype=float) for kind in "zi")
        wrong = ~((z >= 0) & (i >= 0) & (z + i <= 100))
        _refuse_load(net, rows, wrong, f"shares const_*_{letter}_percent beyond 0 to 100 %")
        shares.append(np.column_stack([100 - z - i, i, z]) / 100)
    return AreaLoads(p, q, profiles.of_load[rows].astype(np.int64), *shares)


def _refuse_load(
    net: pandapowerNet, rows: IntArray, wrong: npt.NDArray[np.bool_], what: str
) -> None:
    if wrong.any():
        row = net.load.iloc[rows[np.flatnonzero(wrong)[0]]]
        raise InputError(f"load {row['name']!r} has {what}", "net.load")


def check_net(areas: FourWireAreas, net: pandapowerNet) -> None:
    """The net must be of the same tables, and have nothing at 0.4 kV that they do not have."""
    below = areas.section_row >= 0
    sections = np.array(areas.section_name, dtype=object)[below]
    for table, rows, names in (
        ("bus", areas.node_row, areas.node_name),
        ("line", areas.section_row[below], sections),
        ("load", areas.consumer_row, areas.consumer_name),
    ):
        frame = net[table]
        same = len(frame) > rows.max(initial=-1)
        if not same or list(frame["name"].iloc[rows]) != list(names):
            _refuse_other(table)
        _refuse_idle(table, frame.iloc[rows])
    if not set(net.trafo["name"]).issuperset(areas.transformer_name):
        _refuse_other("trafo")
    units = net.trafo.set_index("name").loc[list(areas.transformer_name)].reset_index()
    _refuse_idle("trafo", units)
    _refuse_taps(areas, net, units)
    _refuse_more(areas, net)


def _refuse_other(table: str) -> None:
    raise InputError(
        "its rows are not those of the county's tables; expected build(county, hour='mean')",
        f"net.{table}",
    )


def _refuse_idle(table: str, frame: pd.DataFrame) -> None:
    idle = ~frame["in_service"].to_numpy(dtype=bool)
    if idle.any():
        raise TopologyError(
            f"{table} {frame['name'].iloc[np.flatnonzero(idle)[0]]!r} at 0.4 kV is out of service "
            "in the net; take it out of the county's tables, the wires are those of the tables"
        )


def _refuse_taps(areas: FourWireAreas, net: pandapowerNet, units: pd.DataFrame) -> None:
    """Taps and rated voltages are those of the tables; a net in which one was moved is another."""
    step = units["tap_step_percent"].fillna(0) / 100 * (units["tap_pos"] - units["tap_neutral"])
    vn_hv, vn_lv = (
        units[f"vn_{side}_kv"] * np.where(units["tap_side"] == side, 1 + step.fillna(0), 1.0)
        for side in ("hv", "lv")
    )
    open_v = net.bus["vn_kv"].loc[units["hv_bus"]].to_numpy() / vn_hv * vn_lv * KILO / SQRT3
    moved = np.flatnonzero(np.abs(open_v / areas.no_load_v - 1) > _SAME_RATIO)
    if len(moved):
        at = moved[0]
        raise InputError(
            f"trafo {areas.transformer_name[at]!r} gives {open_v.iloc[at]:.2f} V unloaded in the "
            f"net, {areas.no_load_v[at]:.2f} V in the tables; move the tap in the tables",
            "net.trafo, tap_pos",
        )


def _refuse_more(areas: FourWireAreas, net: pandapowerNet) -> None:
    """Loads beside those of the consumers, generators and the like are at no phase."""
    low = net.bus.index[(net.bus["vn_kv"] < LOW_VOLTAGE_KV).to_numpy()]
    known = np.zeros(len(net.load), dtype=bool)
    known[areas.consumer_row] = True
    tables = {name: net[name] for name in _NOT_READ if name in net and len(net[name])}
    tables["load"] = net.load[~known]
    for name, frame in tables.items():
        there = frame["bus"].isin(low).to_numpy() & frame["in_service"].to_numpy(dtype=bool)
        if there.any():
            bus = net.bus["name"].get(frame["bus"].iloc[np.flatnonzero(there)[0]])
            raise TopologyError(
                f"a {name} at bus {bus!r} below 1 kV is not in the county's tables: the four-wire "
                "flow does not know its phases; give it as a consumer, or solve it balanced"
            )
