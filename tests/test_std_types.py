"""The catalogue inside pandapower: types are found, and what comes out obeys the nameplate."""

import math

import pandapower as pp
import pytest
from nets import empty_net

from ruralgrid.equipment import list_three_winding_transformers, list_transformers
from ruralgrid.network.std_types import register_std_types


@pytest.fixture(scope="module")
def typed_net():
    net = empty_net()
    register_std_types(net)
    return net


def fresh(typed_net):
    import copy

    return copy.deepcopy(typed_net)


def two_buses(typed_net, kv, std_type, length_km, p_mw, q_mvar=0.0):
    net = fresh(typed_net)
    a, b = pp.create_bus(net, kv), pp.create_bus(net, kv)
    pp.create_ext_grid(net, a)
    pp.create_line(net, a, b, length_km=length_km, std_type=std_type)
    pp.create_load(net, b, p_mw=p_mw, q_mvar=q_mvar)
    pp.runpp(net, calculate_voltage_angles=True, tolerance_mva=1e-10)
    return net


def test_a_35_kv_line_of_the_catalogue_drops_pr_plus_qx_over_u(typed_net):
    net = two_buses(typed_net, 35.0, "LGJ-240/30 35kV", 15.0, 8.0, 3.0)
    # IEC 60228-like check by hand: 0.1211 ohm/km at 25 degrees, 0.371 ohm/km at a mean spacing of
    # 3.19 m, so (8 * 1.817 + 3 * 5.57) / 35^2 = 2.55 %; the exact quadratic adds a little.
    drop = 1.0 - net.res_bus.vm_pu.iloc[1]
    assert drop == pytest.approx(0.0255, rel=0.05)
    # 0.5 %: the charging current of 15 km makes the two ends differ by as much
    assert net.res_line.pl_mw.iloc[0] == pytest.approx(
        3 * net.line.r_ohm_per_km.iloc[0] * 15.0 * net.res_line.i_to_ka.iloc[0] ** 2, rel=5e-3
    )


def test_a_two_wire_type_loses_what_the_true_two_wire_circuit_loses(typed_net):
    net = two_buses(typed_net, 0.4, "LJ-35 0.4kV hor2-50", 0.3, 0.003)
    # True circuit: 3 kW at the far end between one phase and the neutral. R20 of LJ-35 is 0.8332
    # ohm/km; at 25 degrees 0.8500. Solve U2 (U2 + R I) = U1^2 with I = P / U2; reactance at unity
    # power factor adds only its square.
    r = 2 * 0.8332 * (1 + 0.00403 * 5) * 0.3
    x = 2 * 0.0628319 * math.log(0.5 / (0.7256 * 3.75e-3)) * 0.3
    u1 = 400 / math.sqrt(3)
    u2 = u1
    for _ in range(50):
        current = 3000 / u2
        u2 = math.sqrt(u1**2 - (x * current) ** 2) - r * current
    # 1e-4: the typed GMR ratio has four digits, and the loop's reactance at 50 Hz five
    assert net.res_bus.vm_pu.iloc[1] * u1 == pytest.approx(u2, rel=1e-4)
    assert net.res_line.pl_mw.iloc[0] * 1e6 == pytest.approx(r * (3000 / u2) ** 2, rel=1e-3)


@pytest.mark.parametrize("name", ["S7-30/10", "S9-100/10", "S11-100/10", "S11-100/10 Yyn0"])
def test_a_loaded_distribution_transformer_loses_p0_plus_pk(typed_net, name):
    kind = next(kind for kind in list_transformers() if kind.name == name)
    net = fresh(typed_net)
    hv, lv = pp.create_bus(net, 10.0), pp.create_bus(net, 0.4)
    pp.create_ext_grid(net, hv)
    pp.create_transformer(net, hv, lv, std_type=name)
    pp.create_load(net, lv, p_mw=kind.sn_kva / 1000 * 0.5)
    pp.runpp(net)
    loading = net.res_trafo.i_lv_ka.iloc[0] / (kind.sn_kva / 1000 / (math.sqrt(3) * 0.4))
    # 3 %: pandapower's T circuit carries the magnetising current through half of the winding
    # resistance, and iron loss goes with the square of a voltage 1-2 % below rated
    expected = kind.p0_kw + loading**2 * kind.pk_kw
    assert net.res_trafo.pl_mw.iloc[0] * 1000 == pytest.approx(expected, rel=0.03)


def test_one_tap_up_on_the_high_voltage_side_lowers_the_low_voltage_by_its_step(typed_net):
    voltages = []
    for tap in (0, 1):
        net = fresh(typed_net)
        hv, lv = pp.create_bus(net, 35.0), pp.create_bus(net, 10.5)
        pp.create_ext_grid(net, hv)
        pp.create_transformer(net, hv, lv, std_type="SZ11-6300/35", tap_pos=tap)
        pp.create_load(net, lv, p_mw=0.001)
        pp.runpp(net)
        voltages.append(net.res_bus.vm_pu.iloc[1])
    # 2.5 % of the nameplate; the residue is the magnetising current, 0.7 % through 3.5 %
    assert voltages[0] / voltages[1] == pytest.approx(1.025, abs=2e-4)


@pytest.mark.parametrize("kind", list_three_winding_transformers(), ids=lambda kind: kind.name)
def test_a_three_winding_transformer_solves_and_meets_its_short_circuit_voltage(typed_net, kind):
    net = fresh(typed_net)
    buses = [pp.create_bus(net, kv) for kv in (kind.vn_hv_kv, kind.vn_mv_kv, kind.vn_lv_kv)]
    pp.create_ext_grid(net, buses[0])
    pp.create_transformer3w(net, *buses, std_type=kind.name)
    q_mvar = 0.01 * kind.sn_hv_kva / 1000
    measured = []
    for bus in buses[1:]:
        pp.runpp(net)
        idle = net.res_bus.vm_pu.loc[bus]
        load = pp.create_load(net, bus, p_mw=0.0, q_mvar=q_mvar)
        pp.runpp(net)
        measured.append((idle - net.res_bus.vm_pu.loc[bus]) * 1e4)
        net.load.drop(load, inplace=True)
    # 1 % of the high-voltage rating, wholly reactive, drops 1 % of the short-circuit voltage on
    # that rating, the nameplate's base for every pair; 2 % covers resistance and idle voltage
    assert measured == pytest.approx([kind.vk_hm_percent, kind.vk_hl_percent], rel=0.02)


def test_every_transformer_type_solves_at_half_load(typed_net):
    net = fresh(typed_net)
    for kind in list_transformers():
        hv = pp.create_bus(net, kind.vn_hv_kv)
        lv = pp.create_bus(net, net.std_types["trafo"][kind.name]["vn_lv_kv"])
        pp.create_ext_grid(net, hv)
        pp.create_transformer(net, hv, lv, std_type=kind.name)
        pp.create_load(net, lv, p_mw=0.5 * kind.sn_kva / 1000)
    pp.runpp(net)
    loss_kw = net.res_trafo.pl_mw * 1000
    half = [kind.p0_kw + 0.25 * kind.pk_kw for kind in list_transformers()]
    # 10 %: the load current at a voltage up to 2.5 % low, and small units with 4 % no-load current
    assert (loss_kw / half).between(0.95, 1.10).all()


def test_triangle_and_horizontal_differ_in_reactance_and_temperature_in_resistance(typed_net):
    types = typed_net.std_types["line"]
    triangle, horizontal = types["LGJ-70/10 10kV"], types["LGJ-70/10 10kV hor-80"]
    assert triangle["x_ohm_per_km"] - horizontal["x_ohm_per_km"] == pytest.approx(
        0.0628319 * math.log(1.1929 / 1.1339), rel=1e-3
    )
    assert triangle["r_ohm_per_km"] == pytest.approx(horizontal["r_ohm_per_km"], rel=1e-12)
    cold, warm = empty_net(), empty_net()
    register_std_types(cold, temperature_c=20.0)
    register_std_types(warm, temperature_c=40.0)
    r20, r40 = (net.std_types["line"]["LGJ-70/10 10kV"]["r_ohm_per_km"] for net in (cold, warm))
    # 0.00403 * 20 K; the skin effect of 70 mm2 is below 0.1 %
    assert r40 / r20 == pytest.approx(1.0806, rel=1e-3)


def test_one_loaded_phase_of_four_wires_sees_its_loop_in_the_three_phase_load_flow(typed_net):
    net = fresh(typed_net)
    hv, lv, end = (pp.create_bus(net, kv) for kv in (10.0, 0.4, 0.4))
    pp.create_ext_grid(net, hv, s_sc_max_mva=1e9, rx_max=0.1, x0x_max=1.0, r0x0_max=0.1)
    pp.create_transformer(net, hv, lv, std_type="S11-100/10")
    pp.create_line(net, lv, end, length_km=0.3, std_type="LGJ-50/8 0.4kV")
    pp.create_asymmetric_load(net, end, p_a_mw=0.003)
    pp.runpp_3ph(net)
    # there and back: 2 R20 at 25 degrees; the loop's reactance moves |U| by (x I)^2 / 2U only. The
    # catalogue transposes the line, so the phase sees the mean of the three loops, the same in R.
    u1, u2 = (net.res_bus_3ph.vm_a_pu.loc[bus] * 400 / math.sqrt(3) for bus in (lv, end))
    r = 2 * 0.5946 * (1 + 0.00403 * 5) * 0.3
    assert u1 - u2 == pytest.approx(r * 3000 / u2, rel=0.01)
    assert net.std_types["trafo"]["S11-100/10"]["shift_degree"] == 330.0
