"""Nets with loops: power-grid-model's hours, pandapower's answers."""

from __future__ import annotations

import sys

import numpy as np
import pandapower as pp
import pytest
from nets import case33bw, cigre_mv, empty_net
from test_flow_pandapower import assert_same, with_three_windings

from ruralgrid.errors import InputError, TopologyError
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.year import solve_year


def ties_closed():
    net = case33bw()
    net.line["in_service"] = True
    net.load["const_z_p_percent"], net.load["const_i_p_percent"] = 30.0, 20.0
    net.load["const_z_q_percent"], net.load["const_i_q_percent"] = 30.0, 20.0
    return net


def rings_closed():
    net = cigre_mv()
    net.switch["closed"] = True
    return net


def parallel_lines_below_three_windings():
    net = with_three_windings()
    pp.create_line_from_parameters(net, 4, 5, 0.3, 0.5, 0.3, 100.0, 0.2)
    return net


@pytest.mark.parametrize("build", [ties_closed, rings_closed, parallel_lines_below_three_windings])
def test_one_hour_with_loops_is_pandapowers(build):
    year, _ = assert_same(build())
    assert abs(year.balance.residual_kwh) <= 1e-9 * year.balance.fed_kwh


def two_units(first_degree, second_degree):
    """Two 10/0.4 kV units in parallel, the second at the end of 5 km; 10 % of reactance each."""
    net = empty_net()
    root, far, low, end = pp.create_buses(net, 4, [10.0, 10.0, 0.4, 0.4])
    pp.create_ext_grid(net, root)
    pp.create_line_from_parameters(net, root, far, 5.0, 0.3, 0.4, 0.0, 0.5)
    for bus, shift in ((root, first_degree), (far, second_degree)):
        pp.create_transformer_from_parameters(
            net, bus, low, 0.4, 10.0, 0.4, 1.0, 10.0, 0.6, 0.5, shift_degree=shift
        )
    pp.create_line_from_parameters(net, low, end, 0.2, 0.3, 0.1, 0.0, 0.5)
    pp.create_load(net, end, 0.1, 0.03)
    return net


@pytest.mark.parametrize("shifts", [(330, 330), (330, 320), (330, 0)])  # the last: Yd11 and Yy0
def test_unequal_phase_shifts_drive_a_current_round_a_loop(shifts):
    """Below 70 kV too. From a flat start: from its own, runpp finds no solution at 30 degrees."""
    net = two_units(*shifts)
    year = solve_year(net, LoadProfiles.constant(net), record_buses="all").require_solved()
    pp.runpp(net, init="flat", tolerance_mva=1e-10)
    np.testing.assert_allclose(year.recorded.loc[0], net.res_bus.vm_pu, rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        year.transformers.loading_max_percent, net.res_trafo.loading_percent, rtol=1e-6
    )


def test_both_engines_agree_on_a_tree():
    net = with_three_windings()
    rng = np.random.default_rng(2)
    profiles = LoadProfiles(rng.uniform(0.1, 1, (3, 130)), rng.integers(0, 3, len(net.load)))
    options = {"low_limits_pu": {"a": 1.02}, "high_limits_pu": {"b": 1.02}, "record_buses": "all"}
    own, other = (
        solve_year(net, profiles, engine=engine, **options)
        for engine in ("radial", "power-grid-model")
    )
    np.testing.assert_allclose(own.recorded, other.recorded, rtol=0, atol=1e-8)
    assert own.balance.to_dict() == pytest.approx(other.balance.to_dict(), rel=1e-6, abs=1e-3)
    for name in ("buses", "lines", "transformers", "transformers3w", "loads", "sources"):
        first, second = (getattr(year, name).select_dtypes("number") for year in (own, other))
        np.testing.assert_allclose(
            first.to_numpy(float), second.to_numpy(float), rtol=1e-6, atol=1e-6, err_msg=name
        )


def test_a_net_with_loops_that_collapses_is_marked_and_not_reported():
    net = ties_closed()
    net.load[["const_z_p_percent", "const_i_p_percent"]] = 0.0
    profiles = LoadProfiles(np.array([[1.0, 60.0, 1.0]]), np.zeros(len(net.load), dtype=int))
    year = solve_year(net, profiles, record_buses="all")
    assert year.feeders.failed_hour.tolist() == [1]
    assert year.buses.vm_min_pu.isna().all()
    assert year.recorded.isna().all(axis=None)


def ring_and_feeder():
    """Below one source a ring with a shunt at each bus, below another a line."""
    net = empty_net()
    ring = pp.create_buses(net, 3, 10.0)
    line = pp.create_buses(net, 2, 10.0)
    pp.create_ext_grid(net, ring[0], vm_pu=1.02)
    pp.create_ext_grid(net, line[0], vm_pu=0.99)
    ends = [(ring[0], ring[1]), (ring[1], ring[2]), (ring[2], ring[0]), (line[0], line[1])]
    for start, end in ends:
        pp.create_line_from_parameters(net, start, end, 2.0, 0.4, 0.35, 200.0, 0.2)
    pp.create_loads(net, [ring[1], ring[2], line[1]], [0.5, 0.7, 0.4], [0.2, 0.1, 0.1])
    for bus in ring:
        pp.create_shunt(net, bus, q_mvar=-0.1, p_mw=0.02)
    return net


def test_a_ring_beside_another_tree_is_pandapowers():
    year, _ = assert_same(ring_and_feeder())
    assert abs(year.balance.residual_kwh) <= 1e-9 * year.balance.fed_kwh


@pytest.mark.parametrize("bad", [0, 1])
def test_a_tree_that_fails_leaves_the_other_alone(bad):
    """One bad hour of a ring does not take down what another source feeds, nor the other way."""
    net = ring_and_feeder()
    values = np.array([[1.0, 1.0, 1.0], [1.0, 1000.0, 1.0]])
    follows = np.array([1, 1, 0]) if bad == 0 else np.array([0, 0, 1])
    year = solve_year(net, LoadProfiles(values, follows), record_buses="all")
    states = ["solved", "solved"]
    states[bad] = "failed"
    assert year.feeders.status.tolist() == states
    assert year.feeders.failed_hour[bad] == 1
    assert year.buses.status.tolist() == [states[0]] * 3 + [states[1]] * 2
    assert year.lines.status.tolist() == [states[0]] * 3 + [states[1]]
    pp.runpp(net, tolerance_mva=1e-10)
    stands = (year.buses.status == "solved").to_numpy()
    for hour in range(3):
        got = year.recorded.loc[hour].to_numpy()[stands]
        np.testing.assert_allclose(got, net.res_bus.vm_pu[stands], rtol=0, atol=1e-8)
    assert abs(year.balance.residual_kwh) <= 1e-9 * year.balance.fed_kwh


def test_more_loss_than_load_is_rejected_in_a_ring_too():
    """All reactive: what is fed is lost; U^2 = h + sqrt(h^2 - (Q Z)^2), h = 52 - Q X: 0.75 pu."""
    net = ring_and_feeder()
    net.load[["p_mw", "q_mvar"]] = [[0.0, 25.0], [0.0, 25.0], [0.1, 0.0]]
    year = solve_year(net, LoadProfiles.constant(net))
    assert year.feeders.cause.tolist() == ["rejected: more loss than load", ""]


def test_tolerance_and_progress_reach_power_grid_model(capsys):
    net = ties_closed()
    profiles = LoadProfiles.constant(net, hours=3)
    loose = solve_year(net, profiles, tolerance_pu=1e-3, progress=True)
    assert "year" in capsys.readouterr().err
    tight = solve_year(net, profiles, tolerance_pu=1e-12, progress=False)
    assert capsys.readouterr().err == ""
    apart = np.abs(loose.buses.vm_min_pu - tight.buses.vm_min_pu).max()
    assert 0 < apart < 1e-3


def test_without_power_grid_model_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "power_grid_model", None)
    net = ties_closed()
    with pytest.raises(InputError, match=r"ruralgrid\[fast\]"):
        solve_year(net, LoadProfiles.constant(net))


def test_two_grids_that_feed_one_part_are_refused():
    net = case33bw()
    pp.create_ext_grid(net, 17)
    with pytest.raises(TopologyError, match="two external grids"):
        solve_year(net, LoadProfiles.constant(net))
