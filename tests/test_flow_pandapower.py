"""The year engine against pandapower's own load flow, element by element."""

from __future__ import annotations

import copy

import numpy as np
import pandapower as pp
import pandapower.networks as pn
import pytest
from nets import (
    built_once,
    case33bw,
    cigre_lv,
    cigre_mv,
    empty_net,
    kerber_dorfnetz,
    kerber_landnetz,
)

from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.year import solve_year

# the engine's own promise; pandapower itself is solved to 1e-10 MVA
VOLTAGE_PU = 1e-6
LOSS = 1e-6


def solved_by_pandapower(net):
    reference = copy.deepcopy(net)
    pp.runpp(reference, tolerance_mva=1e-10, max_iteration=40)
    return reference


def assert_same(net):
    """Every voltage, loss, loading and infeed of one hour as pandapower has it."""
    reference = solved_by_pandapower(net)
    year = solve_year(net, LoadProfiles.constant(net), record_buses="all").require_solved()
    np.testing.assert_allclose(
        year.recorded.loc[0], reference.res_bus.vm_pu, rtol=0, atol=VOLTAGE_PU, equal_nan=True
    )
    fed_kw = reference.res_ext_grid.p_mw.sum() * 1e3
    assert year.balance.fed_kwh == pytest.approx(fed_kw, rel=LOSS)
    floor_kw = 1e-9 * abs(fed_kw)  # what is all but nothing cannot be compared relatively
    for frame, columns, table in (
        (year.lines, ["loss_kwh"], reference.res_line),
        (year.transformers, ["no_load_kwh", "load_kwh"], reference.res_trafo),
        (year.transformers3w, ["no_load_kwh", "load_kwh"], reference.res_trafo3w),
    ):
        if not len(frame):
            continue
        solved = (frame.status == "solved").to_numpy()
        loss_kw = frame[columns].sum(axis=1).to_numpy()[solved]
        np.testing.assert_allclose(
            loss_kw, table.pl_mw.to_numpy()[solved] * 1e3, rtol=1e-5, atol=floor_kw
        )
        total_kw = table.pl_mw.to_numpy()[solved].sum() * 1e3
        assert loss_kw.sum() == pytest.approx(total_kw, rel=LOSS, abs=floor_kw)
        np.testing.assert_allclose(
            frame.loading_max_percent[solved], table.loading_percent[solved], rtol=1e-5, atol=1e-6
        )
    return year, reference


def ties_open_at_one_end():
    """CIGRE MV: its three ties hang on their switches, open at one end, charging at the other."""
    net = cigre_mv()
    opened = net.switch[(net.switch.et == "l") & ~net.switch.closed]
    assert len(opened) == 3
    return net


def dickert():
    return pn.create_dickert_lv_network("middle", "C&OHL", "multiple", "average")


@built_once
def with_three_windings():
    """330/110/35 kV star with losses and a tap, 35/10 and 10/0.4 kV below, a shunt, a generator."""
    net = empty_net(sn_mva=7.0)
    top, mid, low, mv, lv, end = pp.create_buses(net, 6, [330.0, 110.0, 35.0, 10.0, 0.4, 0.4])
    pp.create_ext_grid(net, top, vm_pu=1.03)
    pp.create_transformer3w_from_parameters(
        net, top, mid, low, 330, 121, 38.5, 240, 240, 72, 10.5, 24, 13, 0.25, 0.3, 0.2, 60, 0.08,
        tap_side="mv", tap_pos=-2, tap_neutral=0, tap_step_percent=2.5, tap_min=-2, tap_max=2,
        tap_changer_type="Ratio", shift_mv_degree=0, shift_lv_degree=330,
    )  # fmt: skip
    pp.create_transformer_from_parameters(
        net, low, mv, 8.0, 35.0, 10.5, 0.6, 7.5, 12.0, 0.35, shift_degree=330, parallel=2,
        tap_side="hv", tap_pos=-2, tap_neutral=0, tap_step_percent=2.5, tap_changer_type="Ratio",
    )  # fmt: skip
    pp.create_transformer_from_parameters(
        net, mv, lv, 0.1, 10.0, 0.4, 1.8, 4.0, 0.3, 1.5, shift_degree=330, df=0.9,
        tap_side="lv", tap_pos=1, tap_neutral=0, tap_step_percent=2.5, tap_changer_type="Ratio",
    )  # fmt: skip
    pp.create_line_from_parameters(net, lv, end, 0.4, 0.44, 0.33, 210.0, 0.24, parallel=2, df=0.8)
    pp.create_load(net, mid, 60.0, 20.0)
    pp.create_load(net, mv, 4.0, 2.0, scaling=0.7)
    pp.create_load(net, end, 0.03, 0.01)
    pp.create_load(net, end, 0.5, 0.1, in_service=False)
    pp.create_sgen(net, mv, 1.5, -0.2, scaling=0.5)
    pp.create_shunt(net, mv, q_mvar=-0.6, p_mw=0.01, vn_kv=10.5)
    return net


@built_once
def with_everything_switched():
    """Fused buses, a stub, dead islands, elements out of service, row order and index shuffled."""
    net = with_three_windings()
    bus = pp.create_buses(net, 8, 10.0, index=[90, 40, 41, 42, 43, 44, 45, 46])
    mv = 3
    pp.create_switch(net, mv, 90, et="b", closed=True)
    pp.create_switch(net, 40, 41, et="b", closed=False)
    for start, end in ((90, 40), (40, 41), (40, 42), (42, 43), (44, 45), (40, 46)):
        pp.create_line_from_parameters(
            net, start, end, 2.0, 0.33, 0.36, 300.0, 0.3, g_us_per_km=4.0
        )
    pp.create_switch(net, 42, net.line.index[-3], et="l", closed=False)  # 43 is dead
    net.line.loc[net.line.index[-1], "in_service"] = False  # 46 is dead
    pp.create_loads(net, bus, p_mw=0.1, q_mvar=0.05)
    pp.create_bus(net, 10.0, in_service=False, index=47)
    pp.create_line_from_parameters(net, 41, 47, 3.0, 0.33, 0.36, 250.0, 0.3)  # ends in nothing
    for table in ("bus", "line", "load", "trafo", "switch"):
        net[table] = net[table].sample(frac=1.0, random_state=5)
    return net


NETS = {
    "CIGRE MV": cigre_mv,
    "CIGRE MV ties": ties_open_at_one_end,
    "CIGRE LV": cigre_lv,
    "Kerber Landnetz overhead": kerber_landnetz,
    "Kerber Landnetz cable": pn.create_kerber_landnetz_kabel_2,
    "Kerber Dorfnetz": kerber_dorfnetz,
    "Kerber Vorstadtnetz": pn.create_kerber_vorstadtnetz_kabel_1,
    "Dickert": dickert,
    "33 buses (Baran and Wu)": case33bw,
    "three windings": with_three_windings,
    "everything switched": with_everything_switched,
}


@pytest.mark.parametrize("build", NETS.values(), ids=NETS.keys())
def test_one_hour_is_pandapowers(build):
    assert_same(build())


@pytest.mark.parametrize("build", [case33bw, with_three_windings], ids=["33", "three windings"])
def test_voltage_dependent_loads_are_pandapowers(build):
    net = build()
    net.load["const_z_p_percent"], net.load["const_i_p_percent"] = 30.0, 25.0
    net.load["const_z_q_percent"], net.load["const_i_q_percent"] = 60.0, 10.0
    year, reference = assert_same(net)
    np.testing.assert_allclose(
        year.loads.served_kwh.fillna(0), reference.res_load.p_mw.fillna(0) * 1e3, rtol=1e-6
    )


def test_shares_that_differ_at_one_bus_are_averaged_as_pandapower_does():
    net = case33bw()
    pp.create_load(net, 17, 0.05, 0.02, const_z_p_percent=80, const_i_q_percent=50)
    pp.create_sgen(net, 17, 0.03, 0.0)
    reference = solved_by_pandapower(net)
    year = solve_year(net, LoadProfiles.constant(net), record_buses="all")
    np.testing.assert_allclose(
        year.recorded.loc[0], reference.res_bus.vm_pu, rtol=0, atol=VOLTAGE_PU
    )


def test_dead_buses_have_a_status_and_no_voltage():
    year, reference = assert_same(with_everything_switched())
    assert year.buses.status[43] == year.buses.status[44] == year.buses.status[46] == "unsupplied"
    assert year.buses.status[47] == "out_of_service"
    dead = year.buses.status != "solved"
    assert year.buses.vm_min_pu[dead].isna().all()
    assert reference.res_bus.vm_pu[dead].isna().all()
    assert (year.loads.status == "unsupplied").sum() == 4  # 43, 44, 45, 46
    assert year.loads.served_kwh[year.loads.status == "unsupplied"].isna().all()


def test_a_profile_hour_is_pandapower_with_scaled_loads():
    net = cigre_lv()
    rng = np.random.default_rng(7)
    factors = rng.uniform(0.1, 1.4, (4, 5))
    profiles = LoadProfiles(factors, rng.integers(0, 4, len(net.load)))
    year = solve_year(net, profiles, record_buses="all", hours=[4, 1])
    for hour in (4, 1):
        scaled = copy.deepcopy(net)
        scaled.load["scaling"] *= factors[profiles.of_load, hour]
        np.testing.assert_allclose(
            year.recorded.loc[hour],
            solved_by_pandapower(scaled).res_bus.vm_pu,
            rtol=0,
            atol=VOLTAGE_PU,
        )


def test_the_net_is_left_as_it_was():
    net = with_everything_switched()
    before = copy.deepcopy(net)
    solve_year(net, LoadProfiles.constant(net))
    assert sorted(before.keys()) == sorted(net.keys())
    for key, value in before.items():
        if hasattr(value, "columns"):
            assert value.equals(net[key]), key


@pytest.mark.parametrize("ring", [False, True])
def test_branches_that_begin_and_end_at_one_node_are_their_shunts(ring):
    """A cable and a transformer beside closed bus-bus switches, and a line from a bus to itself."""
    net = empty_net()
    root, bus, other, end, third = pp.create_buses(net, 5, 10.0)
    pp.create_ext_grid(net, root, vm_pu=1.03)
    for ends in ((root, bus), (other, end), (bus, other), (end, end)):
        pp.create_line_from_parameters(
            net, *ends, 2.0, 0.2, 0.12, 300.0, 0.2, g_us_per_km=5.0, df=0.9
        )
    pp.create_switch(net, bus, other, et="b", closed=True)
    pp.create_switch(net, end, third, et="b", closed=True)
    pp.create_transformer_from_parameters(
        net, end, third, 1.0, 10.0, 10.0, 0.8, 6.0, 1.5, 0.4, tap_side="hv", tap_pos=1,
        tap_neutral=0, tap_step_percent=2.5, tap_changer_type="Ratio",
    )  # fmt: skip
    pp.create_loads(net, [bus, end], 0.8, 0.3)
    if ring:
        pp.create_line_from_parameters(net, root, end, 3.0, 0.2, 0.12, 300.0, 0.2)
    year, _ = assert_same(net)
    assert (year.lines.status == "solved").all()
    assert abs(year.balance.residual_kwh) <= 1e-7 * year.balance.fed_kwh
