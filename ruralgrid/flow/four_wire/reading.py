"""What the four-wire year reads from the balanced net: its loads, and that it is the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ruralgrid.county.area_walk import LOW_VOLTAGE_KV
from ruralgrid.errors import InputError, TopologyError
from ruralgrid.flow.four_wire.conversion import AreaLoads
from ruralgrid.flow.radial.tap_changers import has_controllers
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
    units = net.trafo.reset_index().set_index("name").loc[list(areas.transformer_name)]
    units = units.reset_index()
    _refuse_idle("trafo", units)
    _refuse_moved(areas, net, units)
    _refuse_switches(areas, net, units)
    _refuse_controllers(net, units)
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


def _refuse_moved(areas: FourWireAreas, net: pandapowerNet, units: pd.DataFrame) -> None:
    """What the tables join, the net joins too: at the same buses."""
    bus = net.bus.index.to_numpy()
    node, below = bus[areas.node_row], areas.section_row >= 0
    line = net.line.iloc[areas.section_row[below]]
    ends = np.sort(line[["from_bus", "to_bus"]].to_numpy(), axis=1)
    told = np.sort(np.column_stack([node[areas.parent[below]], node[below]]), axis=1)
    load = net.load.iloc[areas.consumer_row]
    high, low = bus[areas.hv_node_row], node[areas.first[:-1]]
    for table, frame, moved in (
        ("line", line, (ends != told).any(axis=1)),
        ("load", load, load["bus"].to_numpy() != node[areas.consumer_position]),
        ("trafo", units, (units["hv_bus"] != high) | (units["lv_bus"] != low)),
    ):
        if np.any(moved):
            name = frame["name"].iloc[int(np.argmax(moved))]
            raise TopologyError(
                f"{table} {name!r} at 0.4 kV stands at another bus in the net than in the county's "
                "tables; move it there, the wires are those of the tables"
            )


def _refuse_switches(areas: FourWireAreas, net: pandapowerNet, units: pd.DataFrame) -> None:
    """An area is as the tables have it: no switch of the net cuts it, or joins two nodes of it."""
    switch, closed = net.switch, net.switch["closed"].to_numpy(dtype=bool)
    kind, element = switch["et"].to_numpy(), switch["element"]
    inside = net.bus.index[areas.node_row]
    lines = net.line.index[areas.section_row[areas.section_row >= 0]]
    cuts = (kind == "l") & element.isin(lines).to_numpy()
    cuts |= (kind == "t") & element.isin(units["index"]).to_numpy()
    joins = (kind == "b") & (switch["bus"].isin(inside) | element.isin(inside)).to_numpy()
    for wrong, state in ((cuts & ~closed, "open"), (joins & closed, "closed")):
        if wrong.any():
            row = switch.iloc[int(np.argmax(wrong))]
            table = {"l": "line", "t": "trafo", "b": "bus"}[row["et"]]
            name = net[table]["name"].get(row["element"])
            raise TopologyError(
                f"switch {row.name} at {table} {name!r} at 0.4 kV is {state} in the net; the wires "
                "are those of the county's tables: make it so there (sections.normally_open)"
            )


def _refuse_controllers(net: pandapowerNet, units: pd.DataFrame) -> None:
    if not has_controllers(net):
        return
    active = net.controller[net.controller["in_service"].to_numpy(dtype=bool)]
    for number, controller in active["object"].items():
        moved = np.atleast_1d(getattr(controller, "element_index", []))
        if getattr(controller, "element", "") == "trafo" and np.isin(moved, units["index"]).any():
            name = units["name"].iloc[int(np.argmax(np.isin(units["index"], moved)))]
            raise TopologyError(
                f"controller {number} ({type(controller).__name__}) moves trafo {name!r}, which "
                "feeds 0.4 kV: the four-wire flow knows tap changers above that only; solve it "
                "balanced, or take the controller out of service"
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
                f"a {name} at bus {bus!r} below 1 kV is not in the county's tables, or no closed "
                "section leads there: the four-wire flow does not know its phases; give it as a "
                "consumer of a fed node, or solve it balanced"
            )
