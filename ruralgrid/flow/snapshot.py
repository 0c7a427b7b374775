"""One hour by pandapower itself: the only caller of `runpp`, and the reference of the year engine.

pandapower reads voltage-dependent loads bus by bus, in a time that grows with the square of the
number of loads: more than a minute for a county. Here the part of a load that follows the square of
the voltage enters as a shunt, which is the same thing, and the county solves in a second. As in
pandapower, loads at one bus share one voltage dependence: the plain mean of theirs.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from ruralgrid.errors import ConvergenceError, SolutionRejectedError, TopologyError, require_kind
from ruralgrid.flow.radial.tap_changers import has_controllers

if TYPE_CHECKING:
    import pandas as pd
    from pandapower.auxiliary import pandapowerNet

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
    ConvergenceError
        If there is no solution; the message names the total load and the likely causes.
    SolutionRejectedError
        If a bus stands below 0.5 pu: the wrong branch, or no net to be operated.
    """
    import pandapower as pp

    require_kind(net, pp.pandapowerNet, "net", "build")
    _check_topology(net)
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
        raise SolutionRejectedError(f"{lowest:.3f} pu at bus {net.bus.at[bus, 'name']!r}")
    return solved


def _check_topology(net: pandapowerNet) -> None:
    """What pandapower meets with a bare UserWarning, ValueError or FloatingPointError."""
    slack = net.gen["slack"] & net.gen["in_service"] if len(net.gen) else []
    if not (net.ext_grid["in_service"].any() or any(slack)):
        raise TopologyError(f"{net.name or 'the net'} has no source in service")
    ohm = net.line["x_ohm_per_km"] * net.line["length_km"]
    idle = net.line.index[(ohm == 0) & net.line["in_service"]]
    if len(idle):
        name = net.line.at[idle[0], "name"] or idle[0]
        raise TopologyError(f"line {name!r} has no reactance; give it a length and x_ohm_per_km")


def _split_loads(net: pandapowerNet) -> bool:
    """Move the constant-impedance part of the loads to shunts, where no load has another part."""
    import pandapower as pp

    load = net.load
    columns = [f"const_{kind}_{power}_percent" for kind in "zi" for power in "pq"]
    if not set(columns) <= set(load.columns) or (load[columns[2:]] != 0).any(axis=None):
        return False
    share_p, share_q = _share_at_bus(load, "p"), _share_at_bus(load, "q")
    own = ((share_p > 0) | (share_q > 0)) & load["in_service"]
    if not own.any():
        return False
    scaled, at = load["scaling"], load.loc[own, "bus"].to_numpy()
    pp.create_shunts(
        net,
        at,
        q_mvar=(load["q_mvar"] * scaled * share_q)[own].to_numpy(),
        p_mw=(load["p_mw"] * scaled * share_p)[own].to_numpy(),
        vn_kv=net.bus["vn_kv"].loc[at].to_numpy(),  # its default is aligned by label
    )
    net.load["p_mw"] = load["p_mw"] * (1 - share_p)
    net.load["q_mvar"] = load["q_mvar"] * (1 - share_q)
    net.load[columns] = 0.0
    return True


def _share_at_bus(load: pd.DataFrame, power: str) -> pd.Series:
    """Share of the load that follows the square of the voltage: the mean over a bus, as runpp's."""
    share = (load[f"const_z_{power}_percent"] / 100).where(load["in_service"])
    return share.groupby(load["bus"]).transform("mean").fillna(0.0)


def _join_loads(solved: pandapowerNet, net: pandapowerNet, split: bool) -> None:
    """Give loads and shunts back as they were in `net`, with results at the solved voltage."""
    if not split:
        return
    voltage = solved.res_bus["vm_pu"].reindex(net.load["bus"]).to_numpy()
    active = np.where(net.load["in_service"], net.load["scaling"], 0.0)
    for power, suffix in (("p_mw", "p"), ("q_mvar", "q")):
        share = _share_at_bus(net.load, suffix).to_numpy()
        solved.res_load[power] = net.load[power] * active * (1 - share + share * voltage**2)
    solved.load = net.load.copy()
    solved.shunt = net.shunt.copy()
    solved.res_shunt = solved.res_shunt.loc[solved.shunt.index]
