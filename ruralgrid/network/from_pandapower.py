"""Nets that people already have: a county's tables from a pandapower net, and its JSON files.

Lines and transformers become types of the county's own, so that `build` gives their impedances back
as they were; what the tables cannot hold is told before it is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ruralgrid.county import County, conform
from ruralgrid.county.kinds import CONSTANT
from ruralgrid.errors import InputError, require_kind
from ruralgrid.files import write_text
from ruralgrid.network.branch_types import line_rows, transformer_rows
from ruralgrid.network.foreign import (
    check_pandapower,
    fused_buses,
    kind_of_load,
    village_of_bus,
)
from ruralgrid.network.names import bus_labels, labels
from ruralgrid.units import HOURS_PER_YEAR, KILO

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["coordinates", "from_pandapower", "read_pandapower_json", "write_pandapower_json"]

_GRADE: Final = "stated"
_LEADING_LEFT_OUT: Final = 1.0


def from_pandapower(
    net: pandapowerNet,
    villages: pd.DataFrame | Mapping[Any, str] | None = None,
    *,
    name: str | None = None,
    leave_out: bool = False,
) -> County:
    """The county of a pandapower net, at stage 0, without batches.

    ``build(county, hour="mean")`` has the voltages of `net`: a line or a transformer enters as a
    type of the county's own (`line_types`, `transformer_types`) with the figures that it has in the
    net, a load as a consumer of kind `constant` (constant power, the same in every hour). A net
    that `build` made keeps its kinds of customers.

    Parameters
    ----------
    net : pandapowerNet
        From any converter of pandapower's (PowerFactory, CIM, JAO, MATPOWER), or your own.
    villages : mapping or DataFrame, optional
        The village of a bus, by the bus' index or name; as a frame with the columns `bus` and
        `village`, and, if known, `town`, `admin_village` and `households`. By default the column
        `village` of `net.bus`.
    name : str, optional
        The county's; by default the net's.
    leave_out : bool
        Leave out what the tables cannot hold, instead of refusing the net.

    Returns
    -------
    County

    Raises
    ------
    InputError
        If the tables cannot hold an element and `leave_out` is False; `check_pandapower` lists
        every such element. `villages` names a bus that is not there.
    """
    from pandapower.auxiliary import pandapowerNet

    require_kind(net, pandapowerNet, "net", "pandapower and read_pandapower_json")
    faults = check_pandapower(net).of_severity("error")
    if len(faults) and not leave_out:
        told = "; ".join(f"{item.subject}: {item.message}" for item in faults[:5])
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise InputError(
            f"the tables of a county cannot hold {told}{more}; leave_out=True goes on without them",
            net.name or "net",
        )
    village = village_of_bus(net, villages)
    node = _node_of_bus(net)
    lines, line_types = line_rows(net, node)
    units, unit_types = transformer_rows(net, node)
    consumers = _consumers(net, node, village)
    source = f"pandapower net {net.name}".strip()
    tables = {
        "nodes": _nodes(net, node, village),
        "sections": lines,
        "transformers": units,
        "sources": _sources(net, node),
        "capacitors": _capacitors(net, node),
        "consumers": consumers,
        "villages": _villages(village, villages, consumers),
        "line_types": line_types,
        "transformer_types": unit_types,
    }
    graded = {
        table: conform(table, frame.assign(source=source, grade=_GRADE))
        for table, frame in tables.items()
    }
    return County(name=name or net.name or "net", **graded)


def _node_of_bus(net: pandapowerNet) -> pd.Series:
    """The node of each bus in service: its own name, or that of the bus it is one with."""
    label = bus_labels(net)
    first = fused_buses(net)
    return first[net.bus.loc[first.index, "in_service"].astype(bool)].map(label)


def _nodes(net: pandapowerNet, node: pd.Series, village: pd.Series) -> pd.DataFrame:
    own = bus_labels(net).loc[node.index]
    kept = node.index[(own == node).to_numpy()]
    bus = net.bus.loc[kept]
    with_load = set(node.reindex(net.load["bus"]).dropna())
    names = node.loc[kept]
    kind = np.select(
        [bus["type"].eq("b") & ~names.isin(with_load), names.isin(with_load)],
        ["busbar", "service_point"],
        "junction",
    )
    lon, lat = coordinates(bus)
    zone = bus["zone"] if "zone" in bus else pd.Series("", index=kept)
    return pd.DataFrame(
        {
            "name": names,
            "kv": bus["vn_kv"],
            "kind": kind,
            "lon_deg": lon,
            "lat_deg": lat,
            "town": [value if isinstance(value, str) else "" for value in zone],
            "village": village.loc[kept],
        }
    )


def coordinates(bus: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Longitude and latitude where `geo` is a point that lies on the earth, else NaN."""
    lon, lat = [], []
    for text in bus.get("geo", pd.Series(None, index=bus.index, dtype=object)):
        try:
            x, y = json.loads(text)["coordinates"][:2]
            inside = -180 <= x <= 180 and -90 <= y <= 90
        except (TypeError, ValueError, KeyError):
            inside = False
        lon.append(float(x) if inside else np.nan)
        lat.append(float(y) if inside else np.nan)
    return lon, lat


def _sources(net: pandapowerNet, node: pd.Series) -> pd.DataFrame:
    grid = net.ext_grid[net.ext_grid["in_service"].astype(bool)]
    grid = grid[grid["bus"].isin(node.index)]
    power = grid.get("s_sc_max_mva", pd.Series(np.nan, index=grid.index))
    return pd.DataFrame(
        {
            "name": labels(net, "ext_grid").loc[grid.index],
            "node": grid["bus"].map(node),
            "vm_pu": grid["vm_pu"],
            "short_circuit_mva": power,
        }
    )


def _capacitors(net: pandapowerNet, node: pd.Series) -> pd.DataFrame:
    bank = net.shunt[net.shunt["in_service"].astype(bool)]
    bank = bank[bank["bus"].isin(node.index) & (bank["q_mvar"] * bank["step"] < 0)]
    kv = bank["bus"].map(net.bus["vn_kv"])
    return pd.DataFrame(
        {
            "name": labels(net, "shunt").loc[bank.index],
            "node": bank["bus"].map(node),
            "kvar": -bank["q_mvar"] * bank["step"] * (kv / bank["vn_kv"]) ** 2 * KILO,
        }
    )


def _consumers(net: pandapowerNet, node: pd.Series, village: pd.Series) -> pd.DataFrame:
    load = net.load[net.load["in_service"].astype(bool)]
    load = load[load["bus"].isin(node.index)]
    kind = kind_of_load(net).loc[load.index]
    # the loads of a net that `build` made carry their yearly mean, and the hour in `scaling`
    scaling = load["scaling"].where(kind == CONSTANT, 1.0)
    p, q = load["p_mw"] * scaling, load["q_mvar"] * scaling
    apparent = np.hypot(p, q)
    factor = np.divide(p, apparent, out=np.ones(len(load)), where=(apparent > 0) & (p > 0))
    taken = load.get("village", pd.Series("", index=load.index)).fillna("")
    return pd.DataFrame(
        {
            "name": labels(net, "load").loc[load.index],
            "node": load["bus"].map(node),
            "village": taken.where(taken != "", load["bus"].map(village)),
            "kind": kind,
            "count": load.get("customers", 1),
            "kwh_per_year": p * KILO * HOURS_PER_YEAR,
            "power_factor": np.where(q >= 0, factor, _LEADING_LEFT_OUT),
            "phases": "abc",
        }
    )


def _villages(
    village: pd.Series, given: pd.DataFrame | Mapping[Any, str] | None, consumers: pd.DataFrame
) -> pd.DataFrame:
    """A row per village; where households are not given, its household customers are counted."""
    names = pd.Index(sorted({*village, *consumers["village"]} - {""}), name="name")
    table = pd.DataFrame(index=names)
    homes = consumers[consumers["kind"] == "household"]
    counted = homes.groupby("village")["count"].sum()
    table["town"] = table["admin_village"] = ""
    table["households"] = counted.reindex(names).fillna(0)
    if isinstance(given, pd.DataFrame):
        stated = given.drop_duplicates("village").set_index("village")
        for column in ("town", "admin_village", "households"):
            if column in stated:
                table[column] = stated[column].reindex(names).fillna(table[column])
    return table.reset_index()


def read_pandapower_json(path: str | Path) -> pandapowerNet:
    """A net from pandapower's own JSON. Only for files that you trust.

    Such a file names Python classes that are made when it is read, so a stranger's can carry code:
    the command line reads it with ``--trust-pandapower-json`` alone.

    Raises
    ------
    InputError
        If the file is no such net.
    """
    import pandapower as pp

    try:
        net = pp.from_json(str(path))
    except Exception as error:  # pandapower raises whatever its parts raise
        raise InputError(f"no net that pandapower can read: {error}", str(path)) from error
    if not isinstance(net, pp.pandapowerNet):
        raise InputError("no net of pandapower's", str(path))
    return net


def write_pandapower_json(net: pandapowerNet, path: str | Path) -> Path:
    """Write a net as pandapower's JSON; an older file stays whole until the new one is."""
    import pandapower as pp

    write_text(Path(path), pp.to_json(net, filename=None))
    return Path(path)
