"""On-load tap changers by the hour, against `runpp(run_control=True)`, each hour by itself."""

from __future__ import annotations

import copy

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from nets import built_once, empty_net
from pandapower.control import ConstControl, DiscreteTapControl
from test_flow_pandapower import LOSS, VOLTAGE_PU

from ruralgrid.errors import InputError, TopologyError
from ruralgrid.flow.arrays import LANES
from ruralgrid.flow.blocks import BlockPlan, Start
from ruralgrid.flow.gauges import place_gauges, place_probes
from ruralgrid.flow.kernel import kernel_of
from ruralgrid.flow.memory import empty_memory
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import read_demand
from ruralgrid.flow.snapshot import solve_snapshot
from ruralgrid.flow.year import read_year, read_year_net, solve_read, solve_year

HOURS = 60
HELD_AGAINST = 6  # hours of them that pandapower solves, the idlest and the busiest among them


@built_once
def two_stations(tap_side="hv"):
    """A 110/35 kV unit above three 35/10 kV units and 10/0.4 kV areas with fixed taps."""
    net = empty_net(sn_mva=10.0)
    top, mid, *mv = pp.create_buses(net, 5, [110.0, 35.0, 10.0, 10.0, 10.0])
    pp.create_ext_grid(net, top, vm_pu=1.02)
    _unit(net, top, mid, 31.5, 110.0, 38.5, tap_side, 0, 1.25, 8)
    for number, bus in enumerate(mv):
        start = pp.create_bus(net, 35.0)
        pp.create_line_from_parameters(net, mid, start, 8.0 + 6 * number, 0.27, 0.38, 9.0, 0.3)
        _unit(net, start, bus, 4.0 + number, 35.0, 10.5, tap_side, number - 1, 2.5, 3)
    for bus in mv:
        _feeder(net, bus)
    return net


def _unit(net, high, low, sn_mva, vn_hv_kv, vn_lv_kv, side, tap, step_percent, taps):
    return pp.create_transformer_from_parameters(
        net, high, low, sn_mva, vn_hv_kv, vn_lv_kv, 0.7, 7.5, sn_mva * 1.2, 0.6, shift_degree=330,
        tap_side=side, tap_pos=tap, tap_neutral=0, tap_min=-taps, tap_max=taps,
        tap_step_percent=step_percent, tap_changer_type="Ratio",
    )  # fmt: skip


def _feeder(net, bus):
    for _ in range(4):
        end = pp.create_bus(net, 10.0)
        pp.create_line_from_parameters(net, bus, end, 2.0, 0.33, 0.36, 10.0, 0.3)
        lv = pp.create_bus(net, 0.4)
        pp.create_transformer_from_parameters(
            net, end, lv, 0.63, 10.0, 0.4, 1.2, 4.5, 1.0, 1.0, shift_degree=330,
            tap_side="hv", tap_pos=-1, tap_neutral=0, tap_step_percent=2.5,
            tap_changer_type="Ratio",
        )  # fmt: skip
        house = pp.create_bus(net, 0.4)
        pp.create_line_from_parameters(net, lv, house, 0.1, 0.1, 0.08, 10.0, 0.4)
        pp.create_load(net, house, 0.25, 0.1, const_z_p_percent=30, const_z_q_percent=30)
        pp.create_load(net, end, 0.7, 0.35)
        bus = end


def regulated(net, units, low=0.985, high=1.015, **more):
    for unit in units:
        DiscreteTapControl(net, unit, low, high, **more)
    return net


def hv_taps():
    return regulated(two_stations(), [1, 2, 3], 1.0, 1.04)


def lv_taps():
    return regulated(two_stations("lv"), [1, 2, 3], 1.0, 1.04)


def nested():
    return regulated(regulated(two_stations(), [0], 1.0, 1.02), [1, 2, 3], 1.0, 1.04)


def levels_from_below():
    net = regulated(two_stations(), [0], 1.0, 1.02, level=1)
    return regulated(net, [1, 2, 3], 1.0, 1.04, level=0)


def one_controller_for_all():
    net = two_stations("lv")
    DiscreteTapControl(net, net.trafo.index[1:4].to_numpy(), 1.0, 1.04)
    return net


def set_point_with_a_falling_step():
    net = two_stations()
    net.trafo.loc[1:3, "tap_step_percent"] = -1.5
    for unit in (1, 2, 3):
        DiscreteTapControl.from_tap_step_percent(net, unit, 1.03, tol=0.006)
    return net


@built_once
def fed_from_below():
    """A generator's unit turned round: the source stands at the low side, the tap at the high."""
    net = empty_net()
    low, high, end = pp.create_buses(net, 3, [10.0, 35.0, 35.0])
    pp.create_ext_grid(net, low, vm_pu=1.0)
    _unit(net, high, low, 5.0, 35.0, 10.5, "hv", 0, 1.25, 8)
    _unit(net, high, low, 5.0, 35.0, 10.5, "lv", 1, 1.25, 8)
    net.trafo.loc[1, "in_service"] = False
    pp.create_line_from_parameters(net, high, end, 20.0, 0.27, 0.38, 9.0, 0.3)
    pp.create_load(net, end, 3.0, 1.0)
    DiscreteTapControl(net, 0, 1.0, 1.03, side="hv")
    DiscreteTapControl(net, 1, 1.0, 1.03, side="hv")
    return net


def fed_from_below_tapped_there():
    net = fed_from_below()
    net.trafo["in_service"] = [False, True]
    return net


def a_unit_with_nothing_below():
    """The regulated 10 kV bus is the end of the net."""
    net = two_stations()
    bus = pp.create_bus(net, 10.0)
    unit = _unit(net, 1, bus, 4.0, 35.0, 10.5, "hv", 3, 2.5, 3)
    pp.create_load(net, bus, 2.0, 1.0)
    return regulated(net, [0, unit], 1.0, 1.04)


def areas_regulated():
    net = two_stations()
    net.trafo.loc[4:, ["tap_min", "tap_max"]] = -4, 4
    return regulated(net, net.trafo.index[4:], 0.97, 1.01)


CASES = [
    hv_taps, lv_taps, nested, levels_from_below, one_controller_for_all,
    set_point_with_a_falling_step, fed_from_below, fed_from_below_tapped_there,
    a_unit_with_nothing_below, areas_regulated,
]  # fmt: skip


def profiles_of(net, top):
    """From next to nothing to `top` times the load, every hour in its own mixture."""
    rng = np.random.default_rng(3)
    level = np.linspace(0.02, top, HOURS)
    rng.shuffle(level)
    values = level * rng.uniform(0.8, 1.0, (5, HOURS))
    return LoadProfiles(values, np.arange(len(net.load)) % 5)


def hour_by_pandapower(net, profiles, hour):
    one = copy.deepcopy(net)
    factor = profiles.values[profiles.of_load, hour]
    one.load["p_mw"] *= factor
    one.load["q_mvar"] *= factor
    pp.runpp(one, run_control=True, tolerance_mva=1e-10, max_iteration=40)
    return one


@pytest.mark.parametrize("build", CASES)
def test_every_hour_is_pandapowers(build):
    net = build()
    profiles = profiles_of(net, 1.1)
    by_load = np.argsort(profiles.values.mean(axis=0))
    hours = by_load[np.linspace(0, HOURS - 1, HELD_AGAINST).astype(int)]
    whole = solve_year(net, profiles, record_buses="all").require_solved()
    year = solve_year(net, profiles, record_buses="all", hours=hours)
    np.testing.assert_array_equal(whole.taps.loc[hours], year.taps)
    lost_kw, loading = 0.0, np.zeros(len(net.trafo))
    for hour in hours:
        one = hour_by_pandapower(net, profiles, hour)
        units = year.taps.columns
        np.testing.assert_array_equal(year.taps.loc[hour], one.trafo.tap_pos[units])
        np.testing.assert_allclose(
            year.recorded.loc[hour], one.res_bus.vm_pu, rtol=0, atol=VOLTAGE_PU
        )
        lost_kw += 1e3 * (one.res_line.pl_mw.sum() + one.res_trafo.pl_mw.sum())
        loading = np.fmax(loading, one.res_trafo.loading_percent)
    loss = year.balance[["line_loss_kwh", "no_load_kwh", "load_loss_kwh"]].sum()
    assert loss == pytest.approx(lost_kw, rel=LOSS)
    solved = (year.transformers.status == "solved").to_numpy()
    np.testing.assert_allclose(
        year.transformers.loading_max_percent[solved], loading[solved], rtol=1e-5
    )
    assert abs(year.balance.residual_kwh) < 1e-9 * year.balance.fed_kwh


def test_the_cases_do_step():
    """The hours above span several taps and both end stops, or they would prove little."""
    taken = [solve_year(build(), profiles_of(build(), 1.1)).tap_changers for build in CASES]
    assert sum((frame.tap_max > frame.tap_min).any() for frame in taken) >= len(CASES) - 1
    assert sum((frame.hours_at_end > 0).any() for frame in taken) >= 3
    assert max((frame.tap_max - frame.tap_min).max() for frame in taken) >= 4


def test_each_hour_starts_from_the_tap_of_the_net():
    """No hour knows the one before: any choice of hours gives the same taps."""
    net = nested()
    profiles = profiles_of(net, 1.1)
    whole = solve_year(net, profiles, n_threads=1).taps
    backwards = solve_year(net, profiles, hours=np.arange(HOURS)[::-1], n_threads=2).taps
    np.testing.assert_array_equal(whole.loc[backwards.index], backwards)


def test_the_frame_counts_what_the_taps_did(tmp_path):
    net = nested()
    net.trafo["name"] = [f"T{index}" for index in net.trafo.index]
    year = solve_year(net, profiles_of(net, 1.5), record_buses="all")
    frame, held = year.tap_changers, year.recorded[net.trafo.lv_bus]
    assert frame.name.tolist() == ["T0", "T1", "T2", "T3"]
    bands = {0: (1.0, 1.02), 1: (1.0, 1.04), 2: (1.0, 1.04), 3: (1.0, 1.04)}
    for unit, (low, high) in bands.items():
        tap, vm_pu = year.taps[unit], held[net.trafo.lv_bus[unit]]
        assert frame.tap_min[unit] == tap.min()
        assert frame.tap_max[unit] == tap.max()
        assert frame.tap_mean[unit] == pytest.approx(tap.mean())
        assert frame.tap_changes[unit] == tap.diff().abs().sum()
        assert frame.hours_below_band[unit] == (vm_pu < low).sum()
        assert frame.hours_above_band[unit] == (vm_pu > high).sum()
        ends = tap.isin(net.trafo.loc[unit, ["tap_min", "tap_max"]])
        assert frame.hours_at_end[unit] == (ends & ~vm_pu.between(low, high)).sum()
    again = read_year(year.write(tmp_path / "year"))
    assert again.taps.equals(year.taps)
    assert again.tap_changers.equals(year.tap_changers)


def test_an_area_that_fails_leaves_the_tap_changers_at_work():
    net = nested()
    net.load.loc[net.load.index[0], "p_mw"] = 30.0  # one house in a hundred
    year = solve_year(net, LoadProfiles.constant(net), record_buses="all")
    assert (year.feeders.status == "failed").sum() == 1
    net.load.loc[net.load.index[0], "in_service"] = False
    dead = net.load.bus.iloc[0]
    trafo = net.trafo.index[net.trafo.lv_bus == net.line.from_bus[net.line.to_bus == dead].iloc[0]]
    net.trafo.loc[trafo, "in_service"] = False
    one = copy.deepcopy(net)
    pp.runpp(one, run_control=True, tolerance_mva=1e-10)
    np.testing.assert_array_equal(year.taps.loc[0], one.trafo.tap_pos[year.taps.columns])
    np.testing.assert_allclose(year.recorded.loc[0], one.res_bus.vm_pu, rtol=0, atol=VOLTAGE_PU)


def test_a_unit_without_a_solution_shows_no_tap():
    """A load that no impedance carries, straight at the first regulated busbar."""
    net = hv_taps()
    pp.create_load(net, net.trafo.lv_bus[1], 500.0)
    year = solve_year(net, LoadProfiles.constant(net))
    failed = year.tap_changers["status"] == "failed"
    assert failed.any()
    assert year.taps.loc[:, failed.to_numpy()].isna().all(axis=None)
    assert year.taps.loc[:, ~failed.to_numpy()].notna().all(axis=None)


def test_controllers_out_of_service_stand_still():
    net = nested()
    still = two_stations()
    net.controller["in_service"] = False
    profiles = profiles_of(net, 1.0)
    year, other = solve_year(net, profiles), solve_year(still, profiles)
    assert year.buses.vm_min_pu.equals(other.buses.vm_min_pu)
    assert not len(year.tap_changers)


def test_a_snapshot_regulates_too():
    net = nested()
    before = net.trafo.tap_pos.copy()
    year = solve_year(net, LoadProfiles.constant(net))
    solved = solve_snapshot(net)
    np.testing.assert_array_equal(year.taps.loc[0], solved.trafo.tap_pos[:4])
    assert net.trafo.tap_pos.equals(before)


def _other_controller(net):
    ConstControl(net, "load", "p_mw", net.load.index[:1])


def _three_windings(net):
    low = pp.create_bus(net, 10.0)
    pp.create_transformer3w(net, 0, 1, low, "63/25/38 MVA 110/20/10 kV")
    DiscreteTapControl(net, 0, 0.99, 1.02, element="trafo3w")


def _narrow_band(net):
    DiscreteTapControl(net, 1, 1.0, 1.01)


def _no_effect(net):
    net.trafo.loc[1, "tap_changer_type"] = None
    DiscreteTapControl(net, 1, 1.0, 1.04)


def _half_a_tap(net):
    net.trafo["tap_pos"] = net.trafo["tap_pos"].astype(float)
    net.trafo.loc[1, "tap_pos"] = 0.5
    DiscreteTapControl(net, 1, 1.0, 1.04)


def _two_masters(net):
    DiscreteTapControl(net, 1, 1.0, 1.04)
    DiscreteTapControl(net, 1, 1.0, 1.05)


def _loop(net):
    pp.create_line_from_parameters(net, 2, 3, 1.0, 0.33, 0.36, 10.0, 0.3)
    DiscreteTapControl(net, 1, 1.0, 1.04)


def _upside_down(net):
    DiscreteTapControl(net, 1, 1.04, 1.0)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (_other_controller, TopologyError, r"controller 0 \(ConstControl\)"),
        (_three_windings, TopologyError, "trafo3w"),
        (_narrow_band, InputError, "trafo 1 would hunt: a step of 2.67 % is wider"),
        (_no_effect, InputError, "trafo 1 change no voltage"),
        (_half_a_tap, InputError, "trafo 1 stands at tap 0.5 between -3 and 3"),
        (_two_masters, InputError, "trafo 1 is moved by two controllers"),
        (_loop, TopologyError, "radial nets only"),
        (_upside_down, InputError, "trafo 1 is to hold 1.04 to 1.0 pu"),
    ],
)
def test_what_cannot_be_regulated_is_refused(spoil, error, message):
    net = two_stations()
    spoil(net)
    with pytest.raises(error, match=message):
        solve_year(net, LoadProfiles.constant(net))


def test_a_feeder_without_units_beside_one_with_them_changes_no_bit():
    """What a thread has left over from another run or tree is no part of a result."""
    net = empty_net()
    bus = pp.create_bus(net, 35.0)
    pp.create_ext_grid(net, bus)
    before = bus
    for _ in range(4):
        after = pp.create_bus(net, 35.0)
        pp.create_line_from_parameters(net, before, after, 10.0, 0.4, 0.4, 10.0, 0.3)
        pp.create_load(net, after, 2.0, 0.8)
        before = after
    high, low = pp.create_bus(net, 35.0), pp.create_bus(net, 10.0)
    pp.create_line_from_parameters(net, bus, high, 15.0, 0.3, 0.4, 10.0, 0.3)
    unit = _unit(net, high, low, 8.0, 35.0, 10.5, "hv", 0, 1.25, 8)
    pp.create_load(net, low, 5.0, 2.5)
    DiscreteTapControl(net, unit, 1.0, 1.03, side="lv")
    values = 0.2 + 0.9 * np.random.default_rng(0).random((1, 24 * 16 * 3))
    profiles = LoadProfiles(values, np.zeros(len(net.load), dtype=int))
    years = [
        solve_year(net, profiles, tolerance_pu=1e-6, n_threads=threads, progress=False)
        for threads in (1, 4, 4, 4)
    ]
    for year in years[1:]:
        for table in ("buses", "lines", "transformers", "loads"):
            pd.testing.assert_frame_equal(
                getattr(year, table), getattr(years[0], table), check_exact=True
            )


def test_a_start_from_other_draws_holds_no_tap_that_they_turn():
    """The net above the four-wire areas: solved again after its loads have moved by a fifth."""
    net = nested()
    read = read_year_net(net)
    values = np.linspace(0.1, 1.0, 2 * HOURS)[np.newaxis]
    profiles = LoadProfiles(values.copy(), np.zeros(len(net.load), dtype=np.int64))
    demand = read_demand(net, read.branches, read.tree, profiles)
    probes = place_probes(net, read.branches, read.tree, {}, {}, net.bus.index)
    gauges = place_gauges(net, read.branches, read.tree, probes)
    hours = np.arange(values.shape[1])

    def solve(start=None):
        plan = BlockPlan(1e-10, progress=False)
        return solve_read(read, demand, probes, profiles, hours, plan, start)[1]

    blocks, units = -(-len(hours) // LANES), len(read.tree.changers.row)
    memory = empty_memory(blocks, len(read.tree.node), units)
    start = Start(kernel_of(read.tree, demand), gauges, memory)
    before = solve(start)
    profiles.values[:] *= 1.2
    again, anew = solve(start), solve()
    assert np.any(before.taps != anew.taps)
    np.testing.assert_array_equal(again.taps, anew.taps)
    np.testing.assert_allclose(again.voltage, anew.voltage, rtol=0, atol=1e-9)


def test_a_regulated_unit_without_a_tap_is_told_and_one_out_of_service_is_not():
    net = hv_taps()
    net.trafo.loc[2, "tap_pos"] = np.nan
    with pytest.raises(InputError, match="trafo 2 has no tap to start from"):
        solve_year(net, LoadProfiles.constant(net))
    net.trafo.loc[2, "in_service"] = False
    assert len(solve_year(net, LoadProfiles.constant(net)).taps.columns) == 2


def drawn_stations(rng):
    """One to three sources, each above stations of 110/35 kV and 35/10 kV units, most regulated."""
    net = empty_net(sn_mva=10.0)
    for source in range(rng.integers(1, 4)):
        top = pp.create_bus(net, 110.0)
        pp.create_ext_grid(net, top, vm_pu=rng.uniform(1.0, 1.04))
        for station in range(rng.integers(1, 3)):
            _drawn_station(net, top, rng, source == station == 0 or rng.random() < 0.6)
    return net


def _drawn_station(net, top, rng, is_regulated):
    mid = pp.create_bus(net, 35.0)
    side = rng.choice(["hv", "lv"])
    unit = _unit(net, top, mid, 31.5, 110.0, 38.5, side, int(rng.integers(-3, 4)), 1.25, 8)
    if is_regulated and rng.random() < 0.7:
        DiscreteTapControl(net, unit, 1.0, 1.02)
    for number in range(rng.integers(1, 4)):
        start, bus = pp.create_bus(net, 35.0), pp.create_bus(net, 10.0)
        pp.create_line_from_parameters(net, mid, start, rng.uniform(4, 25), 0.27, 0.38, 9.0, 0.3)
        own_tap = int(rng.integers(-1, 2))
        unit = _unit(net, start, bus, 4.0 + number, 35.0, 10.5, side, own_tap, 2.5, 3)
        if is_regulated and rng.random() < 0.8:
            DiscreteTapControl(net, unit, 1.0, 1.04)
        _feeder(net, bus)


@pytest.mark.parametrize("seed", [1001, 5015, 7014])
def test_the_same_day_takes_the_same_taps_wherever_it_starts(seed):
    """Days are solved from the day before: in these nets a step was decided before it had told."""
    rng = np.random.default_rng(seed)
    net = drawn_stations(rng)
    day = rng.uniform(0.05, 1.05, (5, 24))
    profiles = LoadProfiles(np.tile(day, 48), np.arange(len(net.load)) % 5)
    taps = solve_year(net, profiles, progress=False).taps.to_numpy().reshape(48, 24, -1)
    assert (taps == taps[0]).all()
