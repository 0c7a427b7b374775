"""From the county's tables to a plain pandapower net.

Names carry over; pandapower's row numbers are made here and stay here. Rows of the net stand in the
order of the county's tables, so that the n-th consumer is the n-th load.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ruralgrid.county import County
from ruralgrid.county.checks.sections import require_sound_sections
from ruralgrid.demand import load_of
from ruralgrid.equipment import DEFAULT_TEMPERATURE_C, get_three_winding_transformer
from ruralgrid.errors import InputError, UnknownNameError, require_kind
from ruralgrid.network.own_types import line_values, transformer_reader
from ruralgrid.network.std_types import trafo3w_parameters
from ruralgrid.units import HOURS_PER_YEAR, KILO

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandapower.auxiliary import pandapowerNet

__all__ = ["BAND_STEPS", "build"]

_TEXTS = ("vector_group", "tap_changer_type")
"""Text columns of a type: pandapower's bulk creation stumbles over them, so they come after."""

BAND_STEPS = 0.6
"""Half of the dead band of a tap changer in steps: a band of less than one step would hunt."""

_REFERENCES = {
    "sections": ("from_node", "to_node"),
    "transformers": ("hv_node", "lv_node", "mv_node"),
    "sources": ("node",),
    "capacitors": ("node",),
    "consumers": ("node",),
}


def build(
    county: County,
    *,
    hour: int | str = "peak",
    temperature_c: float = DEFAULT_TEMPERATURE_C,
) -> pandapowerNet:
    """A pandapower net of the county at its stage, ready for `pandapower.runpp`.

    Parameters
    ----------
    county : County
        ``county.at(2)`` for the state after batch 2.
    hour : int or "peak" or "mean"
        The hour (0..8759) whose load the net carries: `p_mw` of a load is its yearly mean and
        `scaling` the hour's factor. "peak", the default, is the hour of the county's highest load:
        for a snapshot. "mean" leaves the yearly mean: for `solve_year` with profiles of mean 1,
        as `LoadProfiles` multiplies ``p_mw * scaling``.
    temperature_c : float
        Conductor temperature of the line resistances [degC].

    Returns
    -------
    pandapowerNet
        Buses, lines, transformers, loads and sources with the names of the tables, one row each in
        their order. A normally open section is a line whose switch at its end is open. A two-wire
        section is a balanced equivalent: three times its loop impedance gives the same drop and the
        same loss at the same power; what a balanced flow cannot show is the worst phase.
        A transformer with a held voltage has a `DiscreteTapControl` whose dead band is 1.2 steps:
        ``runpp(net, run_control=True)`` moves it, and so do `solve_snapshot` and `solve_year`.

    Raises
    ------
    InputError
        If a name repeats, a row refers to a node or a type that does not exist, a length is not
        above 0, closed sections below 35 kV make a loop (as `study` refuses; close a switch of the
        net where a loop is meant), or `hour` is none.
    """
    import pandapower as pp

    require_kind(county, County, "county", "synthesise and read_county")
    _check_names(county)
    require_sound_sections(county)
    net = copy.deepcopy(_empty_net())
    net["name"] = f"{county.name}, stage {county.stage}"
    bus = _buses(net, county)
    _lines(net, county, bus, temperature_c)
    _transformers(net, county, bus)
    _loads(net, county, bus, hour)
    banks = county.capacitors
    if len(banks):
        at = banks["node"].map(bus).to_numpy()
        pp.create_shunts(
            net,
            at,
            q_mvar=-banks["kvar"].to_numpy() / KILO,
            p_mw=0.0,
            vn_kv=net.bus["vn_kv"].loc[at].to_numpy(),  # its default is aligned by label
            name=list(banks["name"]),
        )
    for row in county.sources.itertuples():
        short_circuit = {"s_sc_max_mva": row.short_circuit_mva, "rx_max": 0.1}
        pp.create_ext_grid(
            net,
            bus[row.node],
            vm_pu=row.vm_pu,
            name=row.name,
            **(short_circuit if np.isfinite(row.short_circuit_mva) else {}),
        )
    return net


@cache
def _empty_net() -> pandapowerNet:
    """Made once: a quarter of a second, fifteen times what a copy takes."""
    import pandapower as pp

    return pp.create_empty_network()


def _check_names(county: County) -> None:
    known = pd.Index(county.nodes["name"])
    for table, frame in county.tables.items():
        twice = frame["name"][frame["name"].duplicated()]
        if len(twice) and table != "edits":
            raise InputError(f"the name {twice.iloc[0]!r} stands twice", f"{table}, name")
        for column in _REFERENCES.get(table, ()):
            names = frame[column]
            absent = names[~names.isin(known) & ((names != "") | (column != "mv_node"))]
            if len(absent):
                where = f"{table}, {frame['name'][absent.index[0]]}, {column}"
                raise UnknownNameError("node", absent.iloc[0], known, where=where)


def _buses(net: pandapowerNet, county: County) -> pd.Series:
    import pandapower as pp

    nodes = county.nodes
    index = pp.create_buses(
        net,
        len(nodes),
        vn_kv=nodes["kv"].to_numpy(),
        name=list(nodes["name"]),
        type=["b" if kind == "busbar" else "n" for kind in nodes["kind"]],
        zone=list(nodes["town"]),
    )
    placed = nodes[["lon_deg", "lat_deg"]].notna().all(axis=1).to_numpy()
    geo = [
        f'{{"type": "Point", "coordinates": [{lon}, {lat}]}}'
        for lon, lat in nodes.loc[placed, ["lon_deg", "lat_deg"]].itertuples(index=False)
    ]
    net.bus["geo"] = net.bus["geo"].astype(object)
    net.bus.loc[index[placed], "geo"] = geo
    net.bus["village"] = nodes["village"].to_numpy()
    return pd.Series(index, index=nodes["name"])


def _lines(net: pandapowerNet, county: County, bus: pd.Series, temperature_c: float) -> None:
    import pandapower as pp

    sections = county.sections
    if sections.empty:
        return
    ohms = line_values(county, temperature_c)
    zero_sequence = {
        name: ohms[name].to_numpy() for name in ("r0_ohm_per_km", "x0_ohm_per_km", "c0_nf_per_km")
    }
    ends = sections["to_node"].map(bus).to_numpy()
    index = pp.create_lines_from_parameters(
        net,
        sections["from_node"].map(bus).to_numpy(),
        ends,
        length_km=sections["length_km"].to_numpy(),
        r_ohm_per_km=ohms["r_ohm_per_km"].to_numpy(),
        x_ohm_per_km=ohms["x_ohm_per_km"].to_numpy(),
        c_nf_per_km=ohms["c_nf_per_km"].to_numpy(),
        g_us_per_km=ohms["g_us_per_km"].to_numpy(),
        max_i_ka=ohms["max_i_ka"].to_numpy(),
        name=list(sections["name"]),
        type="ol",
        **zero_sequence,
    )
    net.line["conductor"] = sections["conductor"].to_numpy()
    net.line["phases"] = sections["phases"].to_numpy()
    open_ = sections["normally_open"].to_numpy(dtype=bool)
    if open_.any():
        pp.create_switches(
            net,
            ends[open_],
            index[open_],
            et="l",
            closed=False,
            type="LBS",
            name=[f"{name} 常开" for name in sections.loc[open_, "name"]],
        )


def _transformers(net: pandapowerNet, county: County, bus: pd.Series) -> None:
    import pandapower as pp

    units = county.transformers
    three = (units["mv_node"] != "").to_numpy()
    two, wound3 = units[~three], units[three]
    if len(two):
        types = _per_row(two, transformer_reader(county.transformer_types))
        pp.create_transformers_from_parameters(
            net,
            two["hv_node"].map(bus).to_numpy(),
            two["lv_node"].map(bus).to_numpy(),
            name=list(two["name"]),
            tap_pos=two["tap"].to_numpy(),
            **types.drop(columns=list(_TEXTS)).to_dict("list"),
        )
        net.trafo[["std_type", *_TEXTS]] = types.reset_index()[["type", *_TEXTS]].to_numpy()
        _tap_changers(net, two["held_pu"].to_numpy())
    if len(wound3):
        types = _per_row(
            wound3, lambda kind: trafo3w_parameters(get_three_winding_transformer(kind))
        )
        pp.create_transformers3w_from_parameters(
            net,
            wound3["hv_node"].map(bus).to_numpy(),
            wound3["mv_node"].map(bus).to_numpy(),
            wound3["lv_node"].map(bus).to_numpy(),
            name=list(wound3["name"]),
            tap_pos=wound3["tap"].to_numpy(),
            **types.drop(columns=list(_TEXTS)).to_dict("list"),
        )
        net.trafo3w[["std_type", *_TEXTS]] = types.reset_index()[["type", *_TEXTS]].to_numpy()


def _tap_changers(net: pandapowerNet, held_pu: NDArray[np.float64]) -> None:
    """On-load tap changers as pandapower's own controllers, which `solve_year` follows too."""
    from pandapower.control import DiscreteTapControl

    for unit in np.flatnonzero(np.isfinite(held_pu)).tolist():
        band = BAND_STEPS * net.trafo["tap_step_percent"].iloc[unit] / 100
        DiscreteTapControl(
            net,
            net.trafo.index[unit],
            vm_lower_pu=held_pu[unit] - band,
            vm_upper_pu=held_pu[unit] + band,
            side="lv",
        )


def _per_row(units: pd.DataFrame, parameters_of: Any) -> pd.DataFrame:
    """Parameters of the type of each row, by type; each type is looked up once."""
    parameters = {}
    for name, kind in units.drop_duplicates("type")[["name", "type"]].itertuples(index=False):
        try:
            parameters[kind] = parameters_of(kind)
        except UnknownNameError as error:
            raise InputError(str(error), f"transformers, {name}, type") from error
    table = pd.DataFrame(parameters).T.drop(columns="trafo_characteristic_table")
    return table.infer_objects().loc[units["type"]].rename_axis("type")


def _is_hour(hour: object) -> bool:
    """A whole number of 0 to 8759, numpy's own too; True is none."""
    if isinstance(hour, bool) or not isinstance(hour, int | np.integer):
        return False
    return bool(0 <= hour < HOURS_PER_YEAR)


def _loads(net: pandapowerNet, county: County, bus: pd.Series, hour: int | str) -> None:
    import pandapower as pp

    consumers = county.consumers
    if consumers.empty:
        return
    load = load_of(county)
    if hour == "mean":
        scaling = np.ones(len(consumers))
    elif hour == "peak" or _is_hour(hour):
        at = load.peak_hour if hour == "peak" else int(hour)
        scaling = load.curves[load.curve_of, at]
    else:
        raise InputError(f"{hour!r}: an hour from 0 to 8759, 'peak' or 'mean' is expected", "hour")
    pp.create_loads(
        net,
        consumers["node"].map(bus).to_numpy(),
        p_mw=load.mean_kw / KILO,
        q_mvar=load.mean_kvar / KILO,
        const_z_p_percent=load.const_z_percent,
        const_i_p_percent=load.const_i_percent,
        const_z_q_percent=load.const_z_percent,
        const_i_q_percent=load.const_i_percent,
        scaling=scaling,
        name=list(consumers["name"]),
    )
    net.load["kind"] = consumers["kind"].to_numpy()
    net.load["customers"] = consumers["count"].to_numpy()
    net.load["village"] = consumers["village"].to_numpy()
