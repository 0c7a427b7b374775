"""What goes wrong, and what the year engine says to it."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from nets import built_once, case33bw, empty_net, kerber_dorfnetz

from ruralgrid.errors import ConvergenceError, InputError, SolutionRejectedError, TopologyError
from ruralgrid.flow import blocks
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.year import solve_year


@pytest.fixture
def net():
    return kerber_dorfnetz()


@built_once
def areas(count=4):
    """One 10 kV line with a transformer area at every bus: lines and loads of area k end in k."""
    net = empty_net()
    mv = pp.create_buses(net, count + 1, 10.0)
    pp.create_ext_grid(net, mv[0])
    pp.create_lines_from_parameters(net, mv[:-1], mv[1:], 1.0, 0.4, 0.35, 9.0, 0.2)
    for k in range(count):
        lv, end = pp.create_buses(net, 2, 0.4, name=[f"busbar {k}", f"end {k}"])
        pp.create_transformer_from_parameters(
            net, mv[k + 1], lv, 0.1, 10.0, 0.4, 1.5, 4.0, 0.29, 1.8, name=f"area {k}"
        )
        pp.create_line_from_parameters(net, lv, end, 0.3, 0.6, 0.35, 0.0, 0.2, name=f"line {k}")
        pp.create_load(net, end, 0.02, 0.008, name=f"load {k}")
    return net


def test_not_a_number_in_a_profile_is_named():
    values = np.ones((3, 10), dtype=np.float32)
    values[1, 7] = np.nan
    with pytest.raises(InputError, match="profile 1 is nan in hour 7"):
        LoadProfiles(values, np.zeros(2, dtype=int))


@pytest.mark.parametrize(
    ("values", "of_load", "message"),
    [
        (np.ones(5), np.zeros(2, dtype=int), "profiles x hours"),
        ([[1.0]], np.zeros(2, dtype=int), "numpy array"),
        (np.ones((2, 3)), np.array([0, 2]), "there are 2 profiles"),
        (np.ones((2, 3)), np.array([0.0, 1.0]), "row numbers"),
        (np.ones((2, 3)), pd.Series([0, 1]), "in the row order of net.load, got a Series"),
        (pd.DataFrame(np.ones((2, 3))), np.array([0, 1]), "got DataFrame; make it one by"),
    ],
)
def test_profiles_that_fit_nothing_are_refused(values, of_load, message):
    with pytest.raises(InputError, match=message):
        LoadProfiles(values, of_load)


def test_a_load_scale_that_is_not_a_number_is_told_by_its_row(net):
    scale = np.ones(len(net.load))
    scale[3] = np.nan
    with pytest.raises(InputError, match="finite factors, got nan in row 3"):
        solve_year(net, LoadProfiles.constant(net), load_scale=scale)


@pytest.mark.parametrize("hours", [2.5, 0])
def test_constant_profiles_are_of_whole_hours(net, hours):
    with pytest.raises(InputError, match=f"from 1 on, got {hours}"):
        LoadProfiles.constant(net, hours)


def test_profiles_for_another_net_are_refused(net):
    profiles = LoadProfiles(np.ones((1, 3)), np.zeros(len(net.load) - 1, dtype=int))
    with pytest.raises(InputError, match=rf"the net has {len(net.load)}"):
        solve_year(net, profiles)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hours": [0, 24]}, "the profiles have 24"),
        ({"hours": []}, "at least one"),
        ({"load_scale": [1.0]}, "one factor per load"),
        ({"load_scale": "x"}, "load_scale: expected numbers, got 'x'"),
        ({"tolerance_pu": 0.0}, "tolerance_pu"),
        ({"tolerance_pu": "1e-6"}, "tolerance_pu is '1e-6'; expected 1e-12 to 0.001"),
        ({"n_threads": 0}, "n_threads"),
        ({"engine": "newton"}, "engine"),
        ({"record_buses": [10**6]}, "no bus 1000000"),
        ({"record_buses": 3}, "expected bus indices or 'all', got 3"),
        ({"low_limits_pu": {"a": [0.9]}}, r"one per bus, shape .*, got \(1,\)"),
        ({"low_limits_pu": {"a": 198.0}}, "above 0 and up to 2, got 198; 198 V of 220 V are 0.9"),
        ({"low_limits_pu": {"a": "0.9"}}, "limit 'a': expected numbers, got '0.9'"),
        ({"low_limits_pu": {"a": pd.Series({"10": 0.9})}}, "'10' is no index of net.bus"),
        ({"low_limits_pu": 0.9}, "low_limits_pu: expected a mapping"),
        ({"high_limits_pu": {"a": pd.Series({999: 1.07})}}, "999 is no index"),
        ({"n_threads": np.int64(0)}, "n_threads is 0; expected"),
        ({"n_threads": "2"}, "n_threads is '2'; expected"),
    ],
)
def test_options_that_make_no_sense_are_refused(net, options, message):
    with pytest.raises(InputError, match=message):
        solve_year(net, LoadProfiles.constant(net, hours=24), **options)


@pytest.mark.parametrize("column", ["length_km", "r_ohm_per_km", "x_ohm_per_km"])
def test_a_negative_impedance_is_named(net, column):
    net.line.loc[5, column] *= -1
    with pytest.raises(InputError, match=r"line 5 .*negative"):
        solve_year(net, LoadProfiles.constant(net))


def test_an_impedance_that_is_not_a_number_is_named(net):
    net.line.loc[5, "length_km"] = np.nan
    with pytest.raises(InputError, match=r"line 5 .*not a number"):
        solve_year(net, LoadProfiles.constant(net))


def test_a_load_that_is_not_a_number_is_named(net):
    net.load.loc[3, "p_mw"] = np.inf
    with pytest.raises(InputError, match="load 3"):
        solve_year(net, LoadProfiles.constant(net))


def test_an_index_that_stands_twice_is_named(net):
    net.load.index = [7, 7, *net.load.index[2:]]
    with pytest.raises(InputError, match="index 7 stands twice"):
        solve_year(net, LoadProfiles.constant(net))


def test_a_loop_is_named():
    net = case33bw()
    net.line.loc[34, "in_service"] = True
    with pytest.raises(TopologyError, match=r"line .* closes a loop"):
        solve_year(net, LoadProfiles.constant(net), engine="radial")


def test_no_source_and_what_no_tree_can_hold_are_named(net):
    pp.create_gen(net, 3, 0.01, name="diesel")
    with pytest.raises(TopologyError, match=r"gen 0 \('diesel'\)"):
        solve_year(net, LoadProfiles.constant(net))
    net.gen["in_service"], net.ext_grid["in_service"] = False, False
    with pytest.raises(TopologyError, match="nothing feeds"):
        solve_year(net, LoadProfiles.constant(net))


def test_one_overloaded_area_fails_alone():
    net = areas()
    profile = np.array([[1.0, 0.5, 100.0], [1.0, 0.5, 1.0]])
    profiles = LoadProfiles(profile, np.array([1, 1, 0, 1]))
    year = solve_year(net, profiles)
    part = year.feeders[year.feeders.status == "failed"]
    assert part.root.tolist() == ["busbar 2"]
    assert part.failed_hour.tolist() == [2]
    assert part.buses.tolist() == [2]
    assert year.buses.set_index("name").status["end 2"] == "failed"
    assert year.buses.set_index("name").vm_min_pu[["busbar 2", "end 2"]].isna().all()
    assert year.transformers.status.tolist() == ["solved", "solved", "failed", "solved"]
    assert np.isnan(year.loads.served_kwh[2])
    with pytest.raises(ConvergenceError, match="hour 2, feeder busbar 2"):
        year.require_solved()
    net.trafo.loc[2, "in_service"] = False
    without = solve_year(net, profiles)
    rest = year.buses.status == "solved"
    np.testing.assert_allclose(
        year.buses.vm_min_pu[rest], without.buses.vm_min_pu[rest], rtol=0, atol=1e-9
    )


def test_a_load_that_feeds_in_at_noon_is_not_more_loss_than_load():
    """Drawn by night and fed in by noon, the energy cancels out; every hour has a solution."""
    net = empty_net()
    buses = pp.create_buses(net, 2, 0.4)
    pp.create_ext_grid(net, buses[0])
    pp.create_line_from_parameters(net, *buses, 0.5, 0.4, 0.3, 0.0, 0.3)
    pp.create_load(net, buses[1], 0.14, 0.0)
    factors = np.array([[1.0, -1.0, 0.2]])
    together = solve_year(net, LoadProfiles(factors, np.zeros(1, dtype=int)), record_buses="all")
    together.require_solved()
    assert together.buses.vm_min_pu[1] < 0.8
    for hour, factor in enumerate(factors[0]):
        profiles = LoadProfiles(factors[:, [hour]], np.zeros(1, dtype=int))
        alone = solve_year(net, profiles, record_buses="all").require_solved()
        net.load["scaling"] = factor
        pp.runpp(net, tolerance_mva=1e-10)
        net.load["scaling"] = 1.0
        for voltages in (together.recorded.loc[hour], alone.recorded.loc[0]):
            np.testing.assert_allclose(voltages, net.res_bus.vm_pu, rtol=0, atol=1e-7)


def two_feeders(substation):
    """Two 10 kV feeders of two sections each, below a source or below a 35/10 kV transformer."""
    net = empty_net()
    bus = pp.create_buses(net, 5, 10.0, name=["busbar", "a1", "a2", "b1", "b2"])
    if substation:
        top = pp.create_bus(net, 35.0)
        pp.create_ext_grid(net, top)
        pp.create_transformer_from_parameters(net, top, 0, 10.0, 35.0, 10.0, 0.5, 7.5, 10.0, 0.3)
    else:
        pp.create_ext_grid(net, bus[0])
    pp.create_lines_from_parameters(net, [0, 1, 0, 3], bus[1:], 3.0, 0.4, 0.35, 200.0, 0.2)
    pp.create_loads(net, bus[1:], 0.5, 0.2)
    return net


@pytest.mark.parametrize("substation", [False, True])
def test_one_collapsing_feeder_leaves_the_other_standing(substation):
    """As if it were opened at its head: its first line is off, charging included."""
    net = two_feeders(substation)
    profiles = LoadProfiles(np.array([[1.0, 1.0], [1.0, 100.0]]), np.array([0, 0, 1, 1]))
    year = solve_year(net, profiles, record_buses="all")
    failed = year.feeders[year.feeders.status == "failed"]
    assert failed[["root", "buses", "failed_hour"]].to_numpy().tolist() == [["b1", 2, 1]]
    assert year.buses.status[:5].tolist() == ["solved"] * 3 + ["failed"] * 2
    net.line.loc[2, "in_service"] = False
    pp.runpp(net, tolerance_mva=1e-10)
    for hour in (0, 1):
        np.testing.assert_allclose(year.recorded.loc[hour], net.res_bus.vm_pu, rtol=0, atol=1e-7)
    assert year.balance.fed_kwh == pytest.approx(2e3 * net.res_ext_grid.p_mw[0], rel=1e-6)
    assert year.balance.not_served_kwh == pytest.approx(2 * 500 * (1 + 100))


def one_line(p_mw, q_mvar):
    """0.2 + j 0.15 ohm at 0.4 kV: P_max = U^2 / 2 (R + Z) = 178 kW, Q_max = 200 kvar."""
    net = empty_net()
    buses = pp.create_buses(net, 2, 0.4)
    pp.create_ext_grid(net, buses[0])
    pp.create_line_from_parameters(net, *buses, 0.5, 0.4, 0.3, 0.0, 0.3)
    pp.create_load(net, buses[1], p_mw, 0.0)
    pp.create_load(net, buses[1], 0.0, q_mvar)
    return net


def test_energy_not_served_is_what_was_asked_of_what_has_no_supply():
    """Hours of 1, 2 and 3 times 10, 20, 30, 40 kW: supplied, dead by a switch, idle, collapsed."""
    net = one_line(0.01, 0.0)
    far = pp.create_buses(net, 2, 0.4)
    pp.create_line_from_parameters(net, 0, far[0], 0.1, 0.4, 0.3, 0.0, 0.3, in_service=False)
    pp.create_line_from_parameters(net, 0, far[1], 9.0, 0.4, 0.3, 0.0, 0.3)
    net.load = net.load.iloc[:1]
    pp.create_load(net, far[0], 0.02)
    pp.create_load(net, far[0], 0.03, in_service=False)
    pp.create_load(net, far[1], 0.04)
    values = np.array([[1.0, 2.0, 3.0]])
    year = solve_year(net, LoadProfiles(values, np.zeros(4, dtype=int)))
    assert year.loads.status.tolist() == ["solved", "unsupplied", "out_of_service", "failed"]
    np.testing.assert_allclose(year.loads.asked_kwh, [60.0, 120.0, np.nan, 240.0])
    np.testing.assert_allclose(year.loads.not_served_kwh, [0.0, 120.0, np.nan, 240.0])
    assert year.balance.not_served_kwh == pytest.approx(360.0)
    assert abs(year.balance.residual_kwh) < 1e-6


def test_a_limit_given_as_a_series_is_taken_by_its_index():
    net = one_line(0.05, 0.0)
    net.bus = net.bus.iloc[::-1]
    limit = pd.Series({0: 0.9, 1: 0.999})
    year = solve_year(net, LoadProfiles.constant(net), low_limits_pu={"own": limit})
    assert year.buses.hours_below_own.to_dict() == {0: 0, 1: 1}
    year = solve_year(net, LoadProfiles.constant(net), low_limits_pu={"own": limit[[0]]})
    assert year.buses.hours_below_own.isna().to_dict() == {0: False, 1: True}


@pytest.mark.parametrize(("vk", "vkr"), [(4.0, 4.0), (4.0, 0.0)])
def test_a_transformer_all_resistance_or_all_reactance_is_solved_as_runpp_does(vk, vkr):
    """Its pi has a negative resistance or reactance of its own where it has iron loss."""
    net = areas(1)
    net.trafo.loc[0, ["vk_percent", "vkr_percent"]] = vk, vkr
    year = solve_year(net, LoadProfiles.constant(net), record_buses="all").require_solved()
    pp.runpp(net, tolerance_mva=1e-10)
    np.testing.assert_allclose(year.recorded.loc[0], net.res_bus.vm_pu, rtol=0, atol=1e-7)


def test_the_hour_that_runs_away_is_the_one_named():
    values = np.ones((1, 24))
    values[0, 7] = 1e308  # times 10 MW: infinity, and times a voltage of 0: not a number
    profiles = LoadProfiles(values, np.zeros(2, dtype=int))
    with np.errstate(over="ignore"):  # the energy asked for is infinite too
        year = solve_year(one_line(10.0, 0.0), profiles, load_scale=[1.0, 0.0])
    assert year.feeders.failed_hour.tolist() == [7]


def test_loss_above_load_names_an_hour_of_its_own_block():
    """Hour 3 stands lower, near P_max, and is sound; in hour 30 only reactive power is drawn."""
    values = np.zeros((2, 17 * 24))  # of 17 blocks, the first two are solved one after the other
    values[0, 3] = values[1, 30] = 1.0
    year = solve_year(one_line(0.175, 0.17), LoadProfiles(values, np.array([0, 1])))
    assert year.feeders.cause.tolist() == ["rejected: more loss than load"]
    assert year.feeders.failed_hour.tolist() == [30]


@pytest.mark.parametrize("scale", [3.6, 6.4, 7.1])  # this area collapses at 7.163 times its load
def test_an_area_close_to_collapse_is_solved_as_pandapower_does(scale):
    net = areas()
    year = solve_year(
        net, LoadProfiles.constant(net), load_scale=[1, 1, scale, 1], record_buses="all"
    ).require_solved()
    net.load.loc[2, "scaling"] = scale
    pp.runpp(net, tolerance_mva=1e-10, max_iteration=40, init="flat")
    np.testing.assert_allclose(year.recorded.loc[0], net.res_bus.vm_pu, rtol=0, atol=1e-6)
    lost_kw = 1e3 * (net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum())
    lost_kwh = year.balance[["line_loss_kwh", "no_load_kwh", "load_loss_kwh"]].sum()
    assert lost_kwh == pytest.approx(lost_kw, rel=1e-6)


def test_a_hundred_times_the_load_everywhere_leaves_no_voltage_below():
    net = areas()
    year = solve_year(net, LoadProfiles.constant(net), load_scale=np.full(4, 100.0))
    assert (year.transformers.status == "failed").all()
    assert year.buses.vm_min_pu[net.bus.vn_kv < 1].isna().all()
    assert year.balance.served_kwh == 0.0


def test_a_solution_far_below_half_the_voltage_is_rejected():
    rungs = 30
    net = empty_net()
    bus = pp.create_buses(net, rungs + 1, 0.4)
    pp.create_ext_grid(net, bus[0])
    pp.create_lines_from_parameters(net, bus[:-1], bus[1:], 1.0, 0.04, 0.0, 0.0, 1.0)
    # total resistance times total conductance is 2.2: at the end 1 / cosh(sqrt(2.2)) = 0.43
    each_mw = 2.2 * 0.4**2 / (rungs * 0.04) / rungs
    pp.create_loads(net, bus[1:], each_mw, const_z_p_percent=100.0)
    year = solve_year(net, LoadProfiles.constant(net))
    with pytest.raises(SolutionRejectedError, match=r"below 0\.5 pu"):
        year.require_solved()
    assert year.buses.vm_min_pu.isna().all()


def test_an_interrupt_stops_cleanly(net, monkeypatch):
    """Ctrl-C after the first of 166,667 blocks: the rest is not begun, no thread is left."""
    profiles = LoadProfiles(np.ones((1, 4_000_000)), np.zeros(len(net.load), dtype=int))
    threads = {thread.name for thread in threading.enumerate()}
    solved, solve_block = [], blocks.solve_block

    def solve_and_interrupt(*arguments):
        solve_block(*arguments)
        solved.append(1)
        if len(solved) == 1:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    solve_and_interrupt.signatures = solve_block.signatures
    monkeypatch.setattr(blocks, "solve_block", solve_and_interrupt)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever a runner set
    try:
        with pytest.raises(KeyboardInterrupt):
            solve_year(net, profiles)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert len(solved) < 100_000
    threads.add("tqdm_monitor")  # the bar's own: one a process, from its first bar on
    left = {thread.name for thread in threading.enumerate()} - threads
    for _ in range(6000):  # one begun as the signal fell ends with its block, or has yet to start
        if left:
            time.sleep(0.01)
            left = {thread.name for thread in threading.enumerate()} - threads
    assert not left
    monkeypatch.undo()
    assert solve_year(net, profiles, hours=[0]).balance.fed_kwh > 0


def test_a_bus_alone_and_a_net_without_load():
    net = empty_net()
    pp.create_bus(net, 0.4)
    pp.create_ext_grid(net, 0, vm_pu=0.97)
    pp.create_load(net, 0, 0.003)
    year = solve_year(net, LoadProfiles.constant(net, hours=3))
    assert year.buses.vm_min_pu[0] == pytest.approx(0.97)
    assert year.balance.fed_kwh == pytest.approx(9.0)
    net.load["p_mw"] = 0.0
    idle = solve_year(net, LoadProfiles.constant(net)).require_solved()
    assert idle.balance.fed_kwh == 0.0


def test_profiles_of_the_wrong_kind_or_way_round_are_refused(net):
    with pytest.raises(InputError, match="expected LoadProfiles, got ndarray"):
        solve_year(net, np.ones((1, 8760)))
    none = np.zeros(3, dtype=int)
    with pytest.raises(InputError, match=r"hours x profiles; .* give values.T"):
        LoadProfiles(np.ones((8760, 4)), none)
    with pytest.raises(InputError, match=r"rows 0 to 4 of values.* there are 4 profiles"):
        LoadProfiles(np.ones((4, 8760)), np.array([0, 1, 4]))
    assert LoadProfiles(np.ones((8760, 8784)), none).hours == 8784
    assert LoadProfiles(np.ones((8760, 2)), none + 8759).hours == 2  # a row for each of many loads
