"""One hour by pandapower: closed forms, a published case, and what it leaves alone."""

from __future__ import annotations

import cmath
import copy
import math
from itertools import pairwise

import numpy as np
import pandapower as pp
import pytest
from nets import case33bw, empty_net
from pandapower.toolbox import nets_equal

from ruralgrid.errors import ConvergenceError, InputError, SolutionRejectedError, TopologyError
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.snapshot import solve_snapshot
from ruralgrid.flow.year import solve_year

VOLTAGE_PU = 1e-9


def feeder(sections, p_mw, q_mvar, *, r=0.8, x=0.35, km=1.0, kv=10.0, z_percent=0.0, v0=1.0):
    """A trunk of equal sections with an equal load at each node."""
    net = empty_net(name="feeder")
    buses = [pp.create_bus(net, kv, name=f"b{k}") for k in range(sections + 1)]
    pp.create_ext_grid(net, buses[0], vm_pu=v0)
    for a, b in pairwise(buses):
        pp.create_line_from_parameters(net, a, b, km, r, x, 0.0, 1.0)
        pp.create_load(
            net, b, p_mw, q_mvar, const_z_p_percent=z_percent, const_z_q_percent=z_percent
        )
    return net


# closed forms ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("p_mw", "q_mvar"), [(0.5, 0.2), (5.0, 2.0), (15.0, 3.0), (-2.0, 0.5)])
def test_two_buses_by_the_quadratic(p_mw, q_mvar):
    """U2^2 = h + sqrt(h^2 - S^2 Z^2) with h = U1^2/2 - (P R + Q X), and loss S^2/U2^2 R."""
    solved = solve_snapshot(feeder(1, p_mw, q_mvar))
    half = 100 / 2 - (p_mw * 0.8 + q_mvar * 0.35)
    s2, z2 = p_mw**2 + q_mvar**2, 0.8**2 + 0.35**2
    u2 = half + math.sqrt(half**2 - s2 * z2)
    assert solved.res_bus["vm_pu"].iloc[1] == pytest.approx(math.sqrt(u2) / 10, abs=VOLTAGE_PU)
    assert solved.res_line["pl_mw"].iloc[0] == pytest.approx(s2 / u2 * 0.8, abs=1e-8)


@pytest.mark.parametrize("sections", [1, 4, 12])
def test_a_ladder_of_impedances_is_a_hyperbolic_cosine(sections):
    """V_k = V_0 cosh(g (n + 1/2 - k)) / cosh(g (n + 1/2)), 2 cosh g = 2 + Z Y."""
    net = feeder(sections, 0.4, 0.15, z_percent=100.0, v0=1.05)
    solved = solve_snapshot(net)
    admittance = complex(0.4, -0.15) / 10**2
    g = cmath.acosh(1 + complex(0.8, 0.35) * admittance / 2)
    expected = [
        1.05 * abs(cmath.cosh(g * (sections + 0.5 - k)) / cmath.cosh(g * (sections + 0.5)))
        for k in range(sections + 1)
    ]
    np.testing.assert_allclose(solved.res_bus["vm_pu"], expected, rtol=0, atol=VOLTAGE_PU)
    served = 0.4 * (np.array(expected[1:]) ** 2)
    np.testing.assert_allclose(solved.res_load["p_mw"], served, atol=1e-9)


def test_a_ladder_of_constant_power_by_recursion():
    """From the far end to the source, currents added up: the source voltage must come out."""
    solved = solve_snapshot(feeder(8, 0.4, 0.15))
    angle = np.radians(solved.res_bus["va_degree"].to_numpy())
    voltage = solved.res_bus["vm_pu"].to_numpy() * 10 / math.sqrt(3) * np.exp(1j * angle)
    v, current = voltage[-1], 0j
    for _ in range(8):
        current += (complex(0.4, 0.15) / 3 / v).conjugate()
        v += complex(0.8, 0.35) * current
    assert abs(v) * math.sqrt(3) / 10 == pytest.approx(1.0, abs=VOLTAGE_PU)


# a published case --------------------------------------------------------------------------------


def test_33_buses_of_baran_and_wu():
    """202.7 kW lost, 0.9131 pu at the end of the trunk (IEEE Trans. PWRD 4(2), 1989)."""
    net = case33bw()  # its five ties are out of service
    solved = solve_snapshot(net)
    assert solved.res_line["pl_mw"].sum() * 1e3 == pytest.approx(202.7, abs=0.05)
    assert solved.res_bus["vm_pu"].min() == pytest.approx(0.9131, abs=5e-5)
    assert solved.res_bus["vm_pu"].idxmin() == 17
    year = solve_year(net, LoadProfiles.constant(net)).require_solved()
    assert year.balance["line_loss_kwh"] == pytest.approx(202.7, abs=0.05)
    assert year.buses["vm_min_pu"].min() == pytest.approx(0.9131, abs=5e-5)


# against pandapower's own way --------------------------------------------------------------------


def mixed_net():
    """Loads of all sorts, a shunt, an idle load and one at a bus that nothing feeds."""
    net = feeder(5, 0.3, 0.1, z_percent=50.0)
    net.load.loc[1, "scaling"] = 1.7
    net.load.loc[2, ["const_z_p_percent", "const_z_q_percent"]] = [20.0, 80.0]
    net.load.loc[3, ["const_z_p_percent", "const_z_q_percent"]] = 0.0
    pp.create_shunt(net, 2, q_mvar=-0.2, p_mw=0.01, name="bank")
    pp.create_load(net, 4, 0.2, 0.1, const_z_p_percent=30, const_z_q_percent=30, in_service=False)
    island = pp.create_bus(net, 10.0, name="island")
    pp.create_load(net, island, 0.2, 0.1, const_z_p_percent=30, const_z_q_percent=30)
    return net


def test_impedance_loads_as_pandapower_has_them():
    """Shares of impedance go in as shunts: the same voltages, losses and loads as its own way."""
    net = mixed_net()
    reference = copy.deepcopy(net)
    pp.runpp(reference, tolerance_mva=1e-12, max_iteration=50)
    solved = solve_snapshot(net)
    for frame in ("res_bus", "res_line", "res_load", "res_ext_grid", "res_shunt"):
        ours, theirs = solved[frame], reference[frame]
        if frame == "res_bus":  # the power of a bus that nothing feeds: 0 with us, NaN there
            ours, theirs = ours.iloc[:-1], theirs.iloc[:-1]
        assert list(ours.index) == list(theirs.index), frame
        for column in theirs.columns:
            np.testing.assert_allclose(
                ours[column].astype(float),
                theirs[column].astype(float),
                atol=1e-7 if frame == "res_line" else VOLTAGE_PU,  # loading in per cent, angles
                rtol=1e-9,
                err_msg=f"{frame}.{column}",
            )
    assert np.isnan(solved.res_bus["vm_pu"].iloc[-1])  # unsupplied is not zero volts


def test_impedance_loads_at_two_voltages():
    """As many loads as buses, in another order: each stands at the voltage of its own bus."""
    net = empty_net()
    high, low, root = (pp.create_bus(net, kv) for kv in (10.0, 0.4, 10.0))
    pp.create_ext_grid(net, root)
    pp.create_line_from_parameters(net, root, high, 1.0, 0.5, 0.3, 0.0, 1.0)
    pp.create_transformer_from_parameters(net, high, low, 0.4, 10.0, 0.4, 1.0, 4.0, 0.5, 0.2)
    for bus in (low, high, root):
        pp.create_load(net, bus, 0.1, 0.05, const_z_p_percent=50, const_z_q_percent=50)
    reference = copy.deepcopy(net)
    pp.runpp(reference, tolerance_mva=1e-12, max_iteration=50)
    solved = solve_snapshot(net)
    np.testing.assert_allclose(solved.res_bus["vm_pu"], reference.res_bus["vm_pu"], atol=VOLTAGE_PU)
    assert solved.res_ext_grid["p_mw"].iloc[0] == pytest.approx(0.3, abs=1e-3)


def test_two_impedance_loads_at_one_bus():
    net = feeder(1, 1.0, 0.3, z_percent=60.0)
    pp.create_load(net, 1, 2.0, 0.8, const_z_p_percent=60.0, const_z_q_percent=60.0)
    one = solve_snapshot(feeder(1, 3.0, 1.1, z_percent=60.0))
    solved = solve_snapshot(net)
    np.testing.assert_allclose(solved.res_bus["vm_pu"], one.res_bus["vm_pu"], atol=VOLTAGE_PU)
    assert solved.res_load["p_mw"].sum() == pytest.approx(one.res_load["p_mw"].iloc[0], abs=1e-9)


def test_constant_current_goes_pandapowers_own_way():
    net = feeder(3, 0.4, 0.1)
    net.load["const_i_p_percent"] = net.load["const_i_q_percent"] = 40.0
    net.load["const_z_p_percent"] = net.load["const_z_q_percent"] = 30.0
    reference = copy.deepcopy(net)
    pp.runpp(reference, tolerance_mva=1e-12, max_iteration=50)
    solved = solve_snapshot(net)
    np.testing.assert_allclose(solved.res_bus["vm_pu"], reference.res_bus["vm_pu"], atol=VOLTAGE_PU)
    np.testing.assert_allclose(solved.res_load["p_mw"], reference.res_load["p_mw"], atol=1e-9)


def test_the_net_given_is_left_alone():
    net = mixed_net()
    before = copy.deepcopy(net)
    solved = solve_snapshot(net)
    assert nets_equal(net, before, check_only_results=False)
    assert len(net.res_bus) == 0
    # and the copy has the tables of the net, with results beside them
    for element in ("load", "shunt", "line", "bus"):
        assert solved[element].equals(net[element]), element
    assert len(solved.res_bus) == len(net.bus)


# no solution -------------------------------------------------------------------------------------


def test_a_collapse_says_what_to_look_at():
    """Without reactive power P_max = U^2 / 2 (R + Z) = 50 / (0.8 + 0.8732) = 29.88 MW."""
    assert solve_snapshot(feeder(1, 29.8, 0.0)).converged
    with pytest.raises(ConvergenceError) as caught:
        solve_snapshot(feeder(1, 29.95, 0.0))
    message = str(caught.value)
    assert message.startswith("feeder has no solution at 29.950 MW of load; look for loads in kW")
    assert not isinstance(caught.value, SolutionRejectedError)


def test_kilowatts_given_as_megawatts():
    with pytest.raises(ConvergenceError, match="kW given as MW"):
        solve_snapshot(feeder(3, 40.0, 10.0))


def test_a_voltage_below_half_is_no_solution_to_work_with():
    """A load of impedance alone always has a solution; V = 1/|1 + Z G|, G = 250/100 S."""
    expected = 1 / abs(1 + complex(0.8, 0.35) * 2.5)
    with pytest.raises(SolutionRejectedError, match=f"{expected:.3f} pu at bus 'b1'"):
        solve_snapshot(feeder(1, 250.0, 0.0, z_percent=100.0))


def test_a_net_that_nothing_feeds_is_no_net():
    net = feeder(2, 0.1, 0.0)
    net.ext_grid["in_service"] = False
    with pytest.raises(TopologyError, match="feeder has no source in service"):
        solve_snapshot(net)
    with pytest.raises(TopologyError, match="no source"):
        solve_snapshot(empty_net())


@pytest.mark.parametrize("column", ["length_km", "x_ohm_per_km"])
def test_a_line_of_no_reactance_is_named(column):
    net = feeder(2, 0.1, 0.0)
    net.line.loc[1, ["name", column]] = ["stub", 0.0]
    with pytest.raises(TopologyError, match="line 'stub' has no reactance"):
        solve_snapshot(net)


# what else stands at a bus with loads of impedance ------------------------------------------------


def beside_impedance_loads(kind):
    """Two loads of 60 and 20 % of impedance in a feeder, and something else at their buses."""
    net = feeder(3, 0.8, 0.3, z_percent=60.0)
    net.load.loc[1, ["const_z_p_percent", "const_z_q_percent"]] = [20.0, 40.0]
    if kind == "sgen":
        pp.create_sgen(net, 2, 0.9, -0.1)
    elif kind == "storage":
        pp.create_storage(net, 2, 0.3, 1.0, q_mvar=0.05)
    elif kind == "motor":
        pp.create_motor(net, 2, pn_mech_mw=0.2, cos_phi=0.85, efficiency_percent=92.0)
    elif kind == "ward":
        pp.create_ward(net, 2, 0.2, 0.1, 0.1, 0.05)
    elif kind == "asymmetric_load":
        pp.create_asymmetric_load(net, 2, p_a_mw=0.2, q_b_mvar=0.1)
    elif kind == "gen":
        pp.create_gen(net, 3, 0.5, vm_pu=0.99)
    elif kind == "switch":
        other = pp.create_bus(net, 10.0)
        pp.create_switch(net, 2, other, et="b", closed=True)
        pp.create_load(net, other, 0.5, 0.2, const_z_p_percent=10.0, const_z_q_percent=0.0)
        bare = pp.create_bus(net, 10.0)
        pp.create_switch(net, 3, bare, et="b", closed=True)
        pp.create_load(net, bare, 0.4, 0.1, in_service=False)
    elif kind == "idle bus":
        net.bus.loc[3, "in_service"] = False
    return net


@pytest.mark.parametrize(
    "kind",
    ["sgen", "storage", "motor", "ward", "asymmetric_load", "gen", "switch", "idle bus"],
)
def test_whatever_stands_beside_impedance_loads_is_as_runpp_has_it(kind):
    """pandapower gives all power of a node the shares of the loads there, whosever it is."""
    net = beside_impedance_loads(kind)
    reference = copy.deepcopy(net)
    pp.runpp(reference, tolerance_mva=1e-12, max_iteration=50)
    solved = solve_snapshot(net)
    for column in ("vm_pu", "va_degree"):
        np.testing.assert_allclose(
            solved.res_bus[column], reference.res_bus[column], rtol=0, atol=1e-8
        )
    np.testing.assert_allclose(
        solved.res_line["pl_mw"], reference.res_line["pl_mw"], rtol=0, atol=1e-8
    )
    assert solved.load.equals(net.load)
    assert solved.res_load.index.equals(net.load.index)


def test_the_power_at_a_bus_with_a_generator_closes():
    """res_bus holds what the solver took: what the line brings is what the bus takes."""
    solved = solve_snapshot(beside_impedance_loads("sgen"))
    into = -solved.res_line["p_to_mw"].iloc[1] - solved.res_line["p_from_mw"].iloc[2]
    assert solved.res_bus["p_mw"].iloc[2] == pytest.approx(into, abs=1e-8)


# faults ------------------------------------------------------------------------------------------


def broken(table, column, value):
    """A feeder with a transformer and a shunt, and one cell of one table changed."""
    net = feeder(2, 0.1, 0.05, z_percent=50.0)
    low = pp.create_bus(net, 0.4)
    pp.create_transformer_from_parameters(net, 2, low, 0.4, 10.0, 0.4, 1.0, 4.0, 0.5, 0.2)
    pp.create_shunt(net, 2, q_mvar=-0.1, p_mw=0.0)
    net[table].loc[0, column] = value
    return net


FAULTS = [
    ("load", "bus", 99, "load 0 stands at bus 99, which does not exist"),
    ("line", "to_bus", 99, "line 0 stands at bus 99, which does not exist"),
    ("ext_grid", "vm_pu", np.nan, "ext_grid 0 holds nan pu"),
    ("ext_grid", "vm_pu", 0.0, "ext_grid 0 holds 0.0 pu"),
    ("ext_grid", "vm_pu", 10.0, "ext_grid 0 holds 10.0 pu; expected a number above 0, below 2"),
    ("bus", "vn_kv", 0.0, "bus 0 .*has no voltage: vn_kv must be above 0"),
    ("bus", "vn_kv", 0.4, "line 0 joins buses of two voltage levels"),
    ("trafo", "vn_lv_kv", 10.0, "trafo 0 has a vn_lv_kv that is not of the level of its bus"),
    ("line", "length_km", np.nan, "line 0 has a length_km that is not a number"),
    ("line", "x_ohm_per_km", np.inf, "line 0 has a x_ohm_per_km that is not a number"),
    ("trafo", "vk_percent", np.nan, "trafo 0 has a vk_percent that is not a number"),
    ("trafo", "vkr_percent", 4.5, "trafo 0 has vkr_percent above vk_percent"),
    ("trafo", "sn_mva", 0.0, "trafo 0 has no rated power"),
    ("load", "const_z_p_percent", np.nan, "load 0 has a share that is not a number"),
    ("load", "const_z_q_percent", 101.0, "of load 0 exceed 100 %"),
    ("load", "p_mw", np.nan, "load 0 has a power that is not a number"),
    ("shunt", "q_mvar", np.nan, "shunt 0 is not a number"),
]


@pytest.mark.parametrize(("table", "column", "value", "message"), FAULTS)
def test_a_fault_is_named_by_the_snapshot_and_by_the_year(table, column, value, message):
    net = broken(table, column, value)
    with pytest.raises(InputError, match=message):
        solve_snapshot(net)
    with pytest.raises(InputError, match=message):
        solve_year(net, LoadProfiles.constant(net))


def test_a_source_at_a_bus_out_of_service_is_named():
    net = feeder(2, 0.1, 0.05)
    net.bus.loc[0, "in_service"] = False
    for solve in (solve_snapshot, lambda net: solve_year(net, LoadProfiles.constant(net))):
        with pytest.raises(TopologyError, match="ext_grid 0 stands at bus 0, which is out of"):
            solve(net)


def test_names_that_are_none_are_told_by_their_index():
    net = feeder(2, 0.1, 0.0)
    net.line["name"] = None
    net.line.loc[1, "length_km"] = 0.0
    with pytest.raises(TopologyError, match="line 1 has no reactance"):
        solve_snapshot(net)


def test_loads_without_columns_of_shares_are_of_constant_power():
    net = feeder(2, 0.5, 0.2)
    bare = copy.deepcopy(net)
    bare.load = bare.load.drop(columns=[name for name in net.load if name.startswith("const_")])
    same = solve_snapshot(net).res_bus["vm_pu"]
    np.testing.assert_allclose(solve_snapshot(bare).res_bus["vm_pu"], same, atol=VOLTAGE_PU)
    year = solve_year(bare, LoadProfiles.constant(bare))
    np.testing.assert_allclose(year.buses["vm_min_pu"], same, atol=1e-7)
