"""From a pandapower net to its per-unit branches, by pandapower's own conversion.

The conversion runs on a private shallow copy without loads: the caller's net is neither changed
nor solved, and every rule of pandapower (the magnetising branch and its wye-delta transform,
taps, three-winding stars, open switches that leave a stub, fused buses, islands) holds because
pandapower applies it.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from pandapower.auxiliary import _init_runpp_options
from pandapower.build_branch import _calc_branch_values_from_trafo_df
from pandapower.pd2ppc import _pd2ppc
from pandapower.pypower import idx_brch as br
from pandapower.pypower import idx_bus as bu

from ruralgrid.errors import InputError, TopologyError
from ruralgrid.flow.radial.checks import check_net, check_signs, label_element

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = [
    "BRANCH_TABLES",
    "Branches",
    "OwnLoops",
    "convert_net",
    "convert_taps",
    "label_element",
    "read_node_powers",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ComplexArray = npt.NDArray[np.complex128]
_Case = dict[str, Any]

_OPTIONS: Final[dict[str, Any]] = {
    "algorithm": "nr", "calculate_voltage_angles": True, "init": "flat",
    "max_iteration": 10, "tolerance_mva": 1e-8, "trafo_model": "t", "trafo_loading": "current",
    "enforce_p_lims": False, "enforce_q_lims": False, "check_connectivity": True,
    "voltage_depend_loads": False, "lightsim2grid": False,
}  # fmt: skip

BRANCH_TABLES: Final = ("line", "trafo", "trafo3w", "impedance", "switch")
"""Tables whose elements become branches; a branch's `kind` is a position in this tuple."""

_SORTED: Final = ("bus", "line", "trafo", "trafo3w", "impedance", "switch", "shunt", "ext_grid")
_DEMAND: Final = ("load", "sgen")
_NOT_TAKEN: Final = (
    "gen", "xward", "ward", "motor", "storage", "asymmetric_load", "asymmetric_sgen", "dcline",
    "svc", "tcsc", "ssc", "vsc", "bus_dc",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class OwnLoops:
    """Branches whose two ends are one electrical node: beside a closed bus-bus switch, say.

    They carry no power from node to node, and enter as shunts.

    Attributes
    ----------
    kind, row, node : int arrays (own loops,)
        As in `Branches`.
    at_from, at_to : complex arrays (own loops,)
        Current [pu] that enters at each end at 1 pu; their sum is in `Branches.shunt`.
    """

    kind: IntArray
    row: IntArray
    node: IntArray
    at_from: ComplexArray
    at_to: ComplexArray


@dataclass(frozen=True, eq=False)
class Branches:
    """The in-service branches of a net between its electrical nodes, in per unit of `base_mva`.

    Row order of nodes and branches follows the element index, not the row order of the tables.

    Attributes
    ----------
    base_mva : float
        Base power [MVA].
    base_kv : array (nodes,)
        Base voltage [kV] of each node.
    shunt : complex array (nodes,)
        Admittance [pu] of the shunts at each node, own loops included.
    from_node, to_node : int arrays (branches,)
        Ends as pandapower has them (a transformer's from is its high-voltage side).
    impedance : complex array (branches,)
        Series impedance [pu].
    shunt_from, shunt_to : complex arrays (branches,)
        The two shunts [pu] of the pi, on the to side of the ratio.
    ratio, shift_degree : arrays (branches,)
        Magnitude [1] and angle [degree] of the off-nominal ratio at the from end. In a tree the
        angle changes no magnitude.
    kind, row, leg : int arrays (branches,)
        Position in `BRANCH_TABLES`, row of the net's table, and 0, 1, 2 for a three-winding
        transformer's high, medium and low leg.
    source_node, source_vm_pu, source_row : arrays (sources,)
        Nodes held at a voltage [pu], and the rows of ``net.ext_grid``.
    node_of_bus : int array (rows of net.bus,)
        Electrical node of each bus, -1 where it has none that is supplied.
    own_loops : OwnLoops
        What begins and ends at one node, and is no branch here.
    """

    base_mva: float
    base_kv: FloatArray
    shunt: npt.NDArray[np.complex128]
    from_node: IntArray
    to_node: IntArray
    impedance: npt.NDArray[np.complex128]
    shunt_from: npt.NDArray[np.complex128]
    shunt_to: npt.NDArray[np.complex128]
    ratio: FloatArray
    shift_degree: FloatArray
    kind: IntArray
    row: IntArray
    leg: IntArray
    source_node: IntArray
    source_vm_pu: FloatArray
    source_row: IntArray
    node_of_bus: IntArray
    own_loops: OwnLoops


def convert_net(net: pandapowerNet) -> Branches:
    """Per-unit branches of `net` as `pandapower.runpp` would see them; `net` is left as it is.

    Raises
    ------
    TopologyError
        No source in service, or an element that no tree of branches can hold; names it.
    InputError
        A fault that `check_net` or `check_signs` knows, or an impedance that is not a number.
    """
    _refuse_elements(net)
    check_net(net)
    check_signs(net)
    private, orders = _private_copy(net)
    ppc, ppci = _convert(private)
    return _gather(net, private, orders, ppc, ppci)


def _refuse_elements(net: pandapowerNet) -> None:
    for table in _NOT_TAKEN:
        frame = net.get(table)
        if frame is None or len(frame) == 0 or "in_service" not in frame:
            continue
        active = frame.index[frame["in_service"].to_numpy(dtype=bool)]
        if len(active):
            raise TopologyError(
                f"{label_element(net, table, active[0])} is in service: the year engine takes "
                "lines, transformers, switches, loads, static generators, shunts and external grids"
            )
    for table in (*_SORTED, *_DEMAND):
        if not net[table].index.is_unique:
            twice = net[table].index[net[table].index.duplicated()][0]
            raise InputError(f"index {twice} stands twice", f"net.{table}")
    if not net.ext_grid["in_service"].any():
        raise TopologyError("no external grid is in service: nothing feeds the net")


def _private_copy(net: pandapowerNet) -> tuple[pandapowerNet, dict[str, IntArray]]:
    """A shallow copy with its own sorted tables and no demand, and each table's row order."""
    private = copy.copy(net)
    orders = {}
    for table in _SORTED:
        orders[table] = np.argsort(net[table].index.to_numpy(), kind="stable")
        private[table] = net[table].take(orders[table])
    for table in _DEMAND:
        private[table] = net[table].take([])
    return private, orders


def _convert(private: pandapowerNet) -> tuple[_Case, _Case]:
    none = np.array([], dtype=np.int64)
    lookups = ("bus", "bus_dc", "ext_grid", "gen", "branch", "branch_dc")
    private["_pd2ppc_lookups"] = dict.fromkeys(lookups, none)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _init_runpp_options(private, passed_parameters={}, **_OPTIONS)
        return _pd2ppc(private)


def read_node_powers(net: pandapowerNet) -> tuple[IntArray, ComplexArray, FloatArray]:
    """What pandapower sums up at each electrical node, voltage dependence left aside.

    Of a net of any elements: loads, static generators, storages, motors, wards.

    Returns
    -------
    node_of_bus : int array (rows of net.bus,)
        Electrical node of each bus.
    power, base_kv : arrays (nodes,)
        P + jQ drawn [MVA] and base voltage [kV].
    """
    private = copy.copy(net)
    private["shunt"] = net.shunt.copy()  # pandapower fills its vn_kv
    bus = _convert(private)[0]["bus"]
    node = private["_pd2ppc_lookups"]["bus"][net.bus.index.to_numpy()].astype(np.int64)
    return node, bus[:, bu.PD] + 1j * bus[:, bu.QD], bus[:, bu.BASE_KV].copy()


def convert_taps(
    net: pandapowerNet, branches: Branches, trafo_row: IntArray, tap: IntArray
) -> tuple[FloatArray, ComplexArray, ComplexArray, ComplexArray]:
    """What the two-winding transformers in rows `trafo_row` of ``net.trafo`` are at taps `tap`.

    Returns
    -------
    ratio, impedance, shunt_from, shunt_to : arrays
        As in `Branches`, one for each row and tap.
    """
    private = copy.copy(net)
    private["trafo"] = net.trafo.iloc[trafo_row].assign(tap_pos=tap.astype(float))
    bus = np.zeros((len(net.bus), bu.BASE_KV + 1))
    node = branches.node_of_bus
    bus[:, bu.BASE_KV] = np.where(
        node >= 0, branches.base_kv[node], net.bus["vn_kv"].to_numpy(dtype=float)
    )
    row_of_bus = np.zeros(int(net.bus.index.max()) + 1, dtype=np.int64)
    row_of_bus[net.bus.index.to_numpy()] = np.arange(len(net.bus))
    private["_pd2ppc_lookups"] = {"bus": row_of_bus}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _init_runpp_options(private, passed_parameters={}, **_OPTIONS)
        r, x, g, b, more_g, more_b, ratio, _ = _calc_branch_values_from_trafo_df(
            private, {"bus": bus}
        )
    return ratio, r + 1j * x, (g + 1j * b) / 2, (g + more_g + 1j * (b + more_b)) / 2


def _gather(
    net: pandapowerNet,
    private: pandapowerNet,
    orders: dict[str, IntArray],
    ppc: _Case,
    ppci: _Case,
) -> Branches:
    kind, row, leg = _branch_elements(private, orders)
    branch = ppc["branch"].real
    used = np.flatnonzero(ppci["internal"]["branch_is"])
    branch, kind, row, leg = branch[used], kind[used], row[used], leg[used]
    _check_impedances(net, branch, kind, row)
    source = _sources(net, private, orders)
    is_loop = branch[:, br.F_BUS] == branch[:, br.T_BUS]
    loops = _own_loops(branch[is_loop], kind[is_loop], row[is_loop])
    branch, kind, row, leg = branch[~is_loop], kind[~is_loop], row[~is_loop], leg[~is_loop]
    shunt = (ppc["bus"][:, bu.GS] + 1j * ppc["bus"][:, bu.BS]) / float(ppc["baseMVA"])
    np.add.at(shunt, loops.node, loops.at_from + loops.at_to)
    impedance, shunt_from, shunt_to, ratio = _pi_of(branch)
    return Branches(
        base_mva=float(ppc["baseMVA"]),
        base_kv=ppc["bus"][:, bu.BASE_KV].copy(),
        shunt=shunt,
        from_node=branch[:, br.F_BUS].astype(np.int64),
        to_node=branch[:, br.T_BUS].astype(np.int64),
        impedance=impedance,
        shunt_from=shunt_from,
        shunt_to=shunt_to,
        ratio=ratio,
        shift_degree=branch[:, br.SHIFT].copy(),
        kind=kind,
        row=row,
        leg=leg,
        source_node=source[0],
        source_vm_pu=source[1],
        source_row=source[2],
        node_of_bus=_node_of_bus(net, private, ppc),
        own_loops=loops,
    )


def _pi_of(branch: FloatArray) -> tuple[ComplexArray, ComplexArray, ComplexArray, FloatArray]:
    """Impedance, the two shunts, and the ratio of rows of pandapower's branch array."""
    impedance: ComplexArray = branch[:, br.BR_R] + 1j * branch[:, br.BR_X]
    whole: ComplexArray = branch[:, br.BR_G] + 1j * branch[:, br.BR_B]
    more: ComplexArray = branch[:, br.BR_G_ASYM] + 1j * branch[:, br.BR_B_ASYM]
    ratio: FloatArray = np.where(branch[:, br.TAP] == 0, 1.0, branch[:, br.TAP])
    return impedance, whole / 2, (whole + more) / 2, ratio


def _own_loops(branch: FloatArray, kind: IntArray, row: IntArray) -> OwnLoops:
    """A line is its two shunts; a transformer off its nominal ratio drives a current through it."""
    impedance, shunt_from, shunt_to, ratio = _pi_of(branch)
    tap = ratio * np.exp(1j * np.deg2rad(branch[:, br.SHIFT]))
    off_from, off_to = 1 / ratio**2 - 1 / tap.conj(), 1 - 1 / tap
    series = np.divide(1, impedance, out=np.zeros_like(impedance), where=impedance != 0)
    node = branch[:, br.F_BUS].astype(np.int64)
    at_from = shunt_from / ratio**2 + series * off_from
    return OwnLoops(kind, row, node, at_from, shunt_to + series * off_to)


def _branch_elements(
    private: pandapowerNet, orders: dict[str, IntArray]
) -> tuple[IntArray, IntArray, IntArray]:
    """Kind, row in the caller's table, and leg of every row of pandapower's branch array."""
    kinds, rows, legs = [], [], []
    for table, (first, last) in private["_pd2ppc_lookups"]["branch"].items():
        order = orders[table]
        if table == "switch":
            order = order[np.flatnonzero(private["_impedance_bb_switches"])]
        count = 3 if table == "trafo3w" else 1
        kinds.append(np.full(last - first, BRANCH_TABLES.index(table)))
        rows.append(np.tile(order, count))
        legs.append(np.repeat(np.arange(count), len(order)))
    if not kinds:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty
    return np.concatenate(kinds), np.concatenate(rows), np.concatenate(legs)


def _check_impedances(
    net: pandapowerNet, branch: FloatArray, kind: IntArray, row: IntArray
) -> None:
    """Refuse NaN anywhere, and branches that are not the same in both directions."""
    parts = branch[:, [br.BR_R, br.BR_X, br.BR_G, br.BR_B, br.TAP, br.BR_G_ASYM, br.BR_B_ASYM]]
    unknown = ~np.isfinite(parts).all(axis=1)
    unequal = (branch[:, br.BR_R_ASYM] != 0) | (branch[:, br.BR_X_ASYM] != 0)
    for bad, what in (
        (unknown, "has an impedance or a ratio that is not a number"),
        (unequal, "has different impedances in its two directions"),
    ):
        if bad.any():
            worst = np.flatnonzero(bad)[0]
            table = BRANCH_TABLES[kind[worst]]
            label = label_element(net, table, net[table].index[row[worst]])
            raise InputError(f"{label} {what}", f"net.{table}")


def _sources(
    net: pandapowerNet, private: pandapowerNet, orders: dict[str, IntArray]
) -> tuple[IntArray, FloatArray, IntArray]:
    rows = orders["ext_grid"]
    rows = rows[net.ext_grid["in_service"].to_numpy(dtype=bool)[rows]]
    bus = net.ext_grid["bus"].to_numpy()[rows].astype(np.int64)
    known = np.isin(bus, net.bus.index[net.bus["in_service"].to_numpy(dtype=bool)])
    rows, bus = rows[known], bus[known]
    node = private["_pd2ppc_lookups"]["bus"][bus]
    return node, net.ext_grid["vm_pu"].to_numpy(dtype=float)[rows], rows


def _node_of_bus(net: pandapowerNet, private: pandapowerNet, ppc: _Case) -> IntArray:
    node = private["_pd2ppc_lookups"]["bus"][net.bus.index.to_numpy()].astype(np.int64)
    supplied = ppc["bus"][:, bu.BUS_TYPE] != bu.NONE
    in_service = net.bus["in_service"].to_numpy(dtype=bool)
    return np.where(in_service & supplied[node], node, -1)
