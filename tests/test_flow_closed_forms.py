"""The year engine against solutions that can be written down."""

from __future__ import annotations

import math

import numpy as np
import pandapower as pp
import pytest
from nets import empty_net

from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.year import solve_year

KV, R_OHM, X_OHM = 10.0, 3.0, 2.0


def two_buses(p_mw, q_mvar, **shares):
    net = empty_net()
    first, last = pp.create_buses(net, 2, KV)
    pp.create_ext_grid(net, first, vm_pu=1.0)
    pp.create_line_from_parameters(net, first, last, 1.0, R_OHM, X_OHM, 0.0, 0.2)
    pp.create_load(net, last, p_mw, q_mvar, **shares)
    return net


def two_bus_vm_pu(p_mw, q_mvar):
    """V^4 + (2 (R P + X Q) - 1) V^2 + |Z|^2 |S|^2 = 0 in pu of 10 kV and 1 MVA, upper root."""
    base = KV**2
    r, x = R_OHM / base, X_OHM / base
    half = 0.5 - (r * p_mw + x * q_mvar)
    root = math.sqrt(half**2 - (r**2 + x**2) * (p_mw**2 + q_mvar**2))
    return math.sqrt(half + root)


@pytest.mark.parametrize("p_mw", [0.0, 0.5, 3.0, -2.0])
def test_two_buses_with_constant_power(p_mw):
    q_mvar = 0.4 * p_mw
    year = solve_year(two_buses(p_mw, q_mvar), LoadProfiles.constant(two_buses(p_mw, q_mvar)))
    assert year.buses.vm_min_pu[1] == pytest.approx(two_bus_vm_pu(p_mw, q_mvar), abs=1e-7)


def nose_mw():
    """The largest P, at Q = 0.4 P, that the two-bus line can carry."""
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        try:
            two_bus_vm_pu(middle, 0.4 * middle)
            low = middle
        except ValueError:
            high = middle
    return low


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_close_to_collapse_the_upper_root_is_found(share):
    p_mw = share * nose_mw()
    net = two_buses(p_mw, 0.4 * p_mw)
    year = solve_year(net, LoadProfiles.constant(net)).require_solved()
    # the nearer the nose, the slower a change shrinks, and the coarser is the estimate of the rest
    assert year.buses.vm_min_pu[1] == pytest.approx(two_bus_vm_pu(p_mw, 0.4 * p_mw), abs=1e-6)


def test_beyond_the_nose_nothing_is_reported():
    p_mw = 1.01 * nose_mw()
    net = two_buses(p_mw, 0.4 * p_mw)
    year = solve_year(net, LoadProfiles.constant(net))
    assert year.feeders.status.tolist() == ["failed"]
    assert year.buses.vm_min_pu.isna().all()
    assert math.isnan(year.lines.loss_kwh[0])


def test_two_buses_with_constant_impedance_are_a_divider():
    net = two_buses(2.0, 1.0, const_z_p_percent=100, const_z_q_percent=100)
    load_ohm = KV**2 / complex(2.0, -1.0)
    expected = abs(load_ohm / (load_ohm + complex(R_OHM, X_OHM)))
    year = solve_year(net, LoadProfiles.constant(net))
    assert year.buses.vm_min_pu[1] == pytest.approx(expected, abs=1e-8)
    assert year.loads.served_kwh[0] == pytest.approx(2000 * expected**2, rel=1e-7)
    assert year.loads.asked_kwh[0] == pytest.approx(2000)


def test_two_buses_with_constant_current_lose_the_same_at_any_length():
    for factor in (1.0, 3.0):
        net = two_buses(1.0, 0.0, const_i_p_percent=100, const_i_q_percent=100)
        net.line["length_km"] = factor
        year = solve_year(net, LoadProfiles.constant(net))
        amperes = 1.0 / (math.sqrt(3) * KV) * 1e3  # |I| = P / (sqrt(3) U) whatever the voltage
        assert year.lines.i_max_ka[0] == pytest.approx(amperes / 1e3, rel=1e-7)
        lost_kwh = 3 * amperes**2 * R_OHM * factor / 1e3
        assert year.lines.loss_kwh[0] == pytest.approx(lost_kwh, rel=1e-7)


def test_a_uniform_ladder_of_impedances_is_a_continued_fraction():
    rungs, p_mw = 40, 0.05
    net = empty_net()
    bus = pp.create_buses(net, rungs + 1, KV)
    pp.create_ext_grid(net, bus[0], vm_pu=1.02)
    pp.create_lines_from_parameters(net, bus[:-1], bus[1:], 1.0, 0.3, 0.35, 0.0, 0.2)
    pp.create_loads(net, bus[1:], p_mw, 0.0, const_z_p_percent=100)
    z, y = complex(0.3, 0.35) / KV**2, p_mw
    seen = [0j]  # admittance seen from each bus towards the end, from the last bus on
    for _ in range(rungs):
        below = y + seen[-1]
        seen.append(below / (1 + z * below))
    vm_pu = [1.02]
    for rung in range(rungs):
        below = y + seen[rungs - 1 - rung]
        vm_pu.append(vm_pu[-1] / abs(1 + z * below))
    year = solve_year(net, LoadProfiles.constant(net))
    np.testing.assert_allclose(year.buses.vm_min_pu, vm_pu, rtol=0, atol=1e-8)


def test_an_open_cable_raises_the_voltage_at_its_end():
    net = empty_net()
    first, last = pp.create_buses(net, 2, 35.0)
    pp.create_ext_grid(net, first)
    pp.create_line_from_parameters(net, first, last, 60.0, 0.1, 0.12, 280.0, 0.3)
    z = complex(0.1, 0.12) * 60
    half_y = 0.5j * 2 * math.pi * 50 * 280e-9 * 60
    year = solve_year(net, LoadProfiles.constant(net))
    assert year.buses.vm_max_pu[last] == pytest.approx(1 / abs(1 + z * half_y), abs=1e-9)
    assert year.buses.vm_max_pu[last] > 1.002


def test_an_idle_transformer_takes_its_iron_loss():
    net = empty_net()
    hv, lv = pp.create_buses(net, 2, [10.0, 0.4])
    pp.create_ext_grid(net, hv, vm_pu=1.05)
    pp.create_transformer_from_parameters(net, hv, lv, 0.1, 10.0, 0.4, 1.5, 4.0, 0.29, 0.0)
    year = solve_year(net, LoadProfiles.constant(net, hours=8760))
    # 0.29 kW at rated voltage, times voltage squared; 1e-4 is the drop across half the leakage
    assert year.transformers.no_load_kwh[0] == pytest.approx(8760 * 0.29 * 1.05**2, rel=1e-4)
    # 2.9 A per kA of rating through 1.5 % of resistance, half of it: watts
    assert 0 < year.transformers.load_kwh[0] < 0.1


def test_hours_beyond_limits_are_counted_as_written_down():
    net = two_buses(1.0, 0.4)
    load = np.array([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]])
    profiles = LoadProfiles(load, np.zeros(1, dtype=int))
    exact = [two_bus_vm_pu(p, 0.4 * p) for p in load[0]]
    limit = (exact[2] + exact[3]) / 2
    year = solve_year(
        net,
        profiles,
        low_limits_pu={"a": limit, "none": np.array([np.nan, np.nan])},
        high_limits_pu={"b": np.array([0.9, limit])},
    )
    assert year.buses.hours_below_a.tolist() == [0, 3]
    assert year.buses.hours_below_none.isna().all()
    assert year.buses.hours_above_b.tolist() == [6, 3]
    assert year.buses.vm_min_hour[1] == 5
    assert year.buses.vm_max_hour[1] == 0
    assert year.lines.loading_max_hour[0] == 5
    assert year.sources.peak_hour[0] == 5
    assert year.sources.peak_mw[0] == pytest.approx(5 + year_loss_mw(5.0), rel=1e-6)


def year_loss_mw(p_mw):
    """R I^2 of the two-bus line, with the exact voltage at its end."""
    vm_kv = two_bus_vm_pu(p_mw, 0.4 * p_mw) * KV
    return R_OHM * (p_mw**2 + (0.4 * p_mw) ** 2) / vm_kv**2
