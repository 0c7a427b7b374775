"""One hour by pandapower itself: the only caller of `runpp`, and the reference of the year engine.

pandapower reads voltage-dependent loads bus by bus, in a time that grows with the square of the
number of loads: more than a minute for a county. Here the part of the power at a node that follows
the square of the voltage enters as a shunt, which is the same thing, and the county solves in a
second. As in pandapower, all power at a bus shares one voltage dependence, generators included: the
plain mean of that of its loads.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from ruralgrid.errors import ConvergenceError, SolutionRejectedError, TopologyError, require_kind
from ruralgrid.flow.radial.checks import check_net, check_powers
from ruralgrid.flow.radial.conversion import read_node_powers
from ruralgrid.flow.radial.demand import SHARES, check_shares, mean_shares
from ruralgrid.flow.radial.tap_changers import has_controllers

if TYPE_CHECKING:
    import numpy.typing as npt
    from pandapower.auxiliary import pandapowerNet

    FloatArray = npt.NDArray[np.float64]

__all__ = ["solve_snapshot"]

_LOWEST_PU = 0.5
_ITERATIONS = 30


def solve_snapshot(net: pandapowerNet, *, tolerance_mva: float = 1e-9) -> pandapowerNet:
    """A solved copy of `net`, with pandapower's own results; `net` stays as it is.

    Parameters
    ----------
    net : pandapowerNet
        Any net. If it has controllers in service, such as tap changers, they act.
    tolerance_mva : float
        Largest mismatch of power at a bus [MVA].

    Returns
    -------
    pandapowerNet
        A copy with `res_*` frames. `res_load` holds what each load draws at its voltage.

    Raises
    ------
    TopologyError
        If no source is in service, or a line has neither length nor reactance.
    InputError
        A load, a share of voltage dependence, a shunt, a transformer or a source is not as
        expected, or stands at a bus that does not exist; names it.
    ConvergenceError
        If there is no solution; the message names the total load and the likely causes.
    SolutionRejectedError
        If a bus stands below 0.5 pu: the wrong branch, or no net to be operated.
    """
    import pandapower as pp

    require_kind(net, pp.pandapowerNet, "net", "build")
    _check_topology(net)
    check_net(net)
    check_powers(net, "load")
    check_powers(net, "sgen")
    check_shares(net)
    solved = copy.deepcopy(net)
    split = _split_loads(solved)
    try:
        pp.runpp(
            solved,
            init="dc",
            calculate_voltage_angles=True,
            max_iteration=_ITERATIONS,
            tolerance_mva=tolerance_mva,
            run_control=has_controllers(net),
        )
    except pp.ControllerNotConverged as error:
        raise ConvergenceError(
            f"a controller of {net.name or 'the net'} comes to no rest; is the step of a tap "
            "changer wider than its band?"
        ) from error
    except pp.LoadflowNotConverged as error:
        load = float((net.load["p_mw"] * net.load["scaling"]).sum())
        raise ConvergenceError(
            f"{net.name or 'the net'} has no solution at {load:.3f} MW of load; look for loads "
            "in kW given as MW, lengths in m given as km, and long thin lines with more than U^2/4R"
        ) from error
    _join_loads(solved, net, split)
    lowest = solved.res_bus["vm_pu"].min()
    if lowest < _LOWEST_PU:
        bus = solved.res_bus["vm_pu"].idxmin()
        raise SolutionRejectedError(f"{lowest:.3f} pu at bus {_name(net, 'bus', bus)}")
    return solved


def _check_topology(net: pandapowerNet) -> None:
    """What pandapower meets with a bare UserWarning, ValueError or FloatingPointError."""
    slack = net.gen["slack"] & net.gen["in_service"] if len(net.gen) else []
    if not (net.ext_grid["in_service"].any() or any(slack)):
        raise TopologyError(f"{net.name or 'the net'} has no source in service")
    ohm = net.line["x_ohm_per_km"] * net.line["length_km"]
    idle = net.line.index[(ohm == 0) & net.line["in_service"]]
    if len(idle):
        name = _name(net, "line", idle[0])
        raise TopologyError(f"line {name} has no reactance; give it a length and x_ohm_per_km")


def _name(net: pandapowerNet, table: str, index: object) -> str:
    """The quoted name of an element, its index if it has none."""
    name = net[table]["name"].get(index)
    return repr(name) if isinstance(name, str) and name else str(index)


def _split_loads(net: pandapowerNet) -> tuple[FloatArray, FloatArray] | None:
    """Move what follows the square of the voltage to shunts; the shares z (P, Q) of every load.

    At a node, pandapower gives all power P the share z of its loads, be it a generator's or a
    storage's: P (1 - z) + z P V^2. Here the first part is a load of - z P beside all that stands
    there, the second a shunt. None: no share, or one of constant current, which pandapower keeps.
    """
    import pandapower as pp

    for column in SHARES:
        if column not in net.load:
            net.load[column] = 0.0
    mean = mean_shares(net)
    if mean is None or net.load[["const_i_p_percent", "const_i_q_percent"]].any(axis=None):
        return None
    node_of_bus, power, base_kv = read_node_powers(net)
    node = node_of_bus[net.bus.index.get_indexer(mean.index)]
    share_p, share_q = np.zeros((2, len(power)))
    share_p[node] = mean["const_z_p_percent"]
    share_q[node] = mean["const_z_q_percent"]
    moved = share_p * power.real + 1j * (share_q * power.imag)
    usable = np.flatnonzero(net.bus["in_service"].to_numpy(dtype=bool))
    nodes, first = np.unique(node_of_bus[usable], return_index=True)
    at, bus = nodes[moved[nodes] != 0], net.bus.index[usable[first[moved[nodes] != 0]]]
    own = node_of_bus[net.bus.index.get_indexer(net.load["bus"])]
    net.load[list(SHARES)] = 0.0
    pp.create_loads(net, bus, p_mw=-moved[at].real, q_mvar=-moved[at].imag)
    pp.create_shunts(net, bus, q_mvar=moved[at].imag, p_mw=moved[at].real, vn_kv=base_kv[at])
    return share_p[own], share_q[own]


def _join_loads(
    solved: pandapowerNet, net: pandapowerNet, shares: tuple[FloatArray, FloatArray] | None
) -> None:
    """Give loads and shunts back as they were in `net`, with results at the solved voltage."""
    if shares is not None:
        solved.res_load = solved.res_load.loc[net.load.index]
        voltage = solved.res_bus["vm_pu"].reindex(net.load["bus"]).to_numpy()
        active = np.where(net.load["in_service"], net.load["scaling"], 0.0)
        for power, share in zip(("p_mw", "q_mvar"), shares, strict=True):
            solved.res_load[power] = net.load[power] * active * (1 - share + share * voltage**2)
        solved.shunt = net.shunt.copy()
        solved.res_shunt = solved.res_shunt.loc[solved.shunt.index]
    solved.load = net.load.copy()
