"""A pandapower net that is not ours: villages for its buses, and what no table can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ruralgrid.county.kinds import CONSTANT, get_kind, list_kinds
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.findings import Finding, Findings
from ruralgrid.network.branch_types import tap_controllers, trafo3w_type, trafo_fault
from ruralgrid.network.build import BAND_STEPS
from ruralgrid.network.names import bus_labels, labels

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet
    from typing_extensions import TypeIs

__all__ = ["check_pandapower", "fused_buses", "is_net", "kind_of_load", "village_of_bus"]

_TAKEN: Final = (
    "bus", "line", "trafo", "trafo3w", "ext_grid", "shunt", "load", "switch", "controller",
    "measurement", "poly_cost", "pwl_cost", "group", "characteristic",
)  # fmt: skip
_F_HZ: Final = 50.0
_SHARES: Final = tuple(f"const_{kind}_{power}_percent" for kind in "zi" for power in "pq")


def is_net(subject: object) -> TypeIs[pandapowerNet]:
    """Whether it is a net of pandapower's."""
    from pandapower.auxiliary import pandapowerNet

    return isinstance(subject, pandapowerNet)


def fused_buses(net: pandapowerNet) -> pd.Series:
    """The first of the buses that closed switches make one, for every bus."""
    both = net.switch[(net.switch["et"] == "b") & net.switch["closed"].astype(bool)]
    row = pd.Series(np.arange(len(net.bus)), index=net.bus.index)
    ends = [row[both[column]].to_numpy() for column in ("bus", "element")]
    size = (len(row), len(row))
    _, group = connected_components(coo_matrix((np.ones(len(both)), ends), shape=size), False)
    return net.bus.index.to_series().groupby(group).transform("first")


def village_of_bus(
    net: pandapowerNet, villages: pd.DataFrame | Mapping[Any, str] | None
) -> pd.Series:
    """The village of every bus, "" where none is given.

    `villages` is a mapping of a bus' index or name to its village, or a frame with the columns
    `bus` and `village`; without it the column `village` of `net.bus` is taken.

    Raises
    ------
    InputError, UnknownNameError
        If it names a bus that is not there, or lacks a column.
    """
    if villages is None:
        own = net.bus["village"] if "village" in net.bus else pd.Series("", index=net.bus.index)
        return own.fillna("").astype(str)
    if isinstance(villages, pd.DataFrame):
        for column in ("bus", "village"):
            if column not in villages:
                raise InputError(f"a column {column!r} is expected", "villages")
        villages = dict(zip(villages["bus"], villages["village"], strict=True))
    index_of = pd.Series(net.bus.index, index=bus_labels(net).to_numpy())
    result = pd.Series("", index=net.bus.index, dtype=object)
    for bus, village in villages.items():
        if bus in index_of.index:
            result[index_of[bus]] = str(village)
        elif bus in net.bus.index:
            result[bus] = str(village)
        elif isinstance(bus, str) and bus.isdecimal() and int(bus) in net.bus.index:
            result[int(bus)] = str(village)  # as a CSV has it
        else:
            raise UnknownNameError("bus", bus, index_of.index, where="villages")
    return result


def kind_of_load(net: pandapowerNet) -> pd.Series:
    """`constant`, or the kind that `build` wrote beside each load of a net of ours."""
    load = net.load
    if "kind" not in load:
        return pd.Series(CONSTANT, index=load.index, dtype=object)
    return load["kind"].where(load["kind"].isin(list_kinds()), CONSTANT)


def check_pandapower(net: pandapowerNet) -> Findings:
    """What a county's tables cannot hold of a net, each with its element.

    An error changes voltages or losses if it is left out; a warning does not. Elements out of
    service say nothing. Codes: `element-not-held`, `load-not-held`, `source-not-held`,
    `shunt-not-held`, `transformer-not-held`, `switch-not-held`, `controller-not-held`,
    `buses-are-one`, `band-differs`, `frequency-differs` (`build` makes nets of 50 Hz, so lines that
    charge would charge otherwise; without any it is a warning).
    """
    return Findings(
        [
            *_frequency(net),
            *_other_tables(net),
            *_loads(net),
            *_sources_and_shunts(net),
            *_transformers(net),
            *_switches(net),
            *_controllers(net),
        ]
    )


def _fault(code: str, subject: str, message: str) -> Finding:
    return Finding(code, subject, message, severity="error")


def _in_service(net: pandapowerNet, table: str) -> pd.DataFrame:
    return net[table][net[table]["in_service"].astype(bool)]


def _other_tables(net: pandapowerNet) -> Iterator[Finding]:
    for table, frame in net.items():
        if not isinstance(frame, pd.DataFrame) or table in _TAKEN or "in_service" not in frame:
            continue
        if table.startswith(("_", "res_")):
            continue
        count = int(frame["in_service"].astype(bool).sum())
        if count:
            yield _fault("element-not-held", table, f"{count} in service; there is no table for it")


def _frequency(net: pandapowerNet) -> Iterator[Finding]:
    """Capacitances are kept as they are, and charge at the 50 Hz of the nets that `build` makes."""
    if np.isclose(net.f_hz, _F_HZ):
        return
    charges = bool((_in_service(net, "line")["c_nf_per_km"] > 0).any())
    message = f"{net.f_hz:g} Hz; the tables of a county are of {_F_HZ:g} Hz"
    yield Finding(
        "frequency-differs",
        net.name or "net",
        message,
        net.f_hz,
        _F_HZ,
        severity="error" if charges else "warning",
    )


def _loads(net: pandapowerNet) -> Iterator[Finding]:
    load, name = _in_service(net, "load"), labels(net, "load")
    kinds = kind_of_load(net)
    for index, row in zip(load.index, load.to_dict("records"), strict=True):
        p, q = row["p_mw"] * row["scaling"], row["q_mvar"] * row["scaling"]
        kind = get_kind(kinds[index])
        shares = (kind.const_z_percent,) * 2 + (kind.const_i_percent,) * 2
        if not (np.isfinite(p) and np.isfinite(q)):
            yield _fault("load-not-held", name[index], "its power is not a number")
        elif p < 0 or q < 0 or (p == 0 and q != 0):
            message = f"{p:g} MW, {q:g} Mvar; active power drawn and a lagging factor are expected"
            yield _fault("load-not-held", name[index], message)
        if tuple(row.get(column, 0.0) for column in _SHARES) != shares:
            yield _fault("load-not-held", name[index], "its voltage dependence is none of a kind's")


def _sources_and_shunts(net: pandapowerNet) -> Iterator[Finding]:
    grid, name = _in_service(net, "ext_grid"), labels(net, "ext_grid")
    if len(grid) and grid["va_degree"].nunique() > 1:
        message = "external grids stand at different angles"
        yield _fault("source-not-held", name[grid.index[0]], message)
    shunt, name = _in_service(net, "shunt"), labels(net, "shunt")
    for index in shunt.index[shunt["p_mw"] != 0]:
        yield _fault("shunt-not-held", name[index], "it draws active power")
    for index in shunt.index[shunt["q_mvar"] * shunt["step"] > 0]:
        yield _fault("shunt-not-held", name[index], "it draws reactive power, as no capacitor does")


def _transformers(net: pandapowerNet) -> Iterator[Finding]:
    units, name = _in_service(net, "trafo"), labels(net, "trafo")
    for index, row in zip(units.index, units.to_dict("records"), strict=True):
        fault = trafo_fault(row)
        if fault:
            yield _fault("transformer-not-held", name[index], fault)
    units, name = _in_service(net, "trafo3w"), labels(net, "trafo3w")
    for index, row in zip(units.index, units.to_dict("records"), strict=True):
        if trafo3w_type(row) is None:
            message = "three windings, and not as the catalogue's type of its std_type"
            yield _fault("transformer-not-held", name[index], message)


def _switches(net: pandapowerNet) -> Iterator[Finding]:
    switch, bus = net.switch, bus_labels(net)
    closed = switch["closed"].astype(bool)
    ohm = switch.get("z_ohm", pd.Series(0.0, index=switch.index)).fillna(0.0)
    for row in switch[closed & (switch["et"] == "b") & (ohm > 0)].itertuples():
        yield _fault("switch-not-held", bus[row.bus], "a closed switch with an impedance")
    units = {"t": "trafo", "t3": "trafo3w"}
    for row in switch[~closed & switch["et"].isin(list(units))].itertuples():
        name = labels(net, units[row.et]).get(row.element, row.element)
        yield _fault("switch-not-held", str(name), "a switch at it is open: it stands idle")
    first = fused_buses(net)
    for index in first.index[first != first.index]:
        message = f"a closed switch makes it one node with {bus[first[index]]}"
        yield Finding("buses-are-one", bus[index], message)


def _controllers(net: pandapowerNet) -> Iterator[Finding]:
    if "controller" not in net or net.controller.empty:
        return
    others = int(net.controller["in_service"].sum()) - len(tap_controllers(net))
    if others:
        message = f"{others} in service that are no DiscreteTapControl of a low-voltage side"
        yield _fault("controller-not-held", "controller", message)
    step, name = net.trafo["tap_step_percent"] / 100, labels(net, "trafo")
    for control in tap_controllers(net):
        unit = int(control.element_index)
        band = (control.vm_upper_pu - control.vm_lower_pu) / 2
        if not np.isclose(band, BAND_STEPS * step[unit]):
            message = f"its dead band of {2 * band:.4f} pu becomes {2 * BAND_STEPS:g} steps"
            yield Finding("band-differs", name[unit], message)
