"""Four wires: what fails above them, nets that are not of their tables, hours of single phases."""

from __future__ import annotations

import copy

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from four_wire_cases import UNIT, Case, Load, Section
from test_flow_four_wire import balanced_county, daily_profiles, one_phase_each

from ruralgrid.assess import village_voltages
from ruralgrid.county import conform
from ruralgrid.errors import ConvergenceError, InputError, TopologyError
from ruralgrid.flow import LoadProfiles, solve_year
from ruralgrid.flow.four_wire import solve_year_four_wire
from ruralgrid.limits import get_limits
from ruralgrid.network import build


def far_county(factor: float):
    """The small county with its 10 kV lines so many times as long."""
    county = one_phase_each()
    sections, kv = county.sections, county.nodes.set_index("name")["kv"]
    longer = sections["length_km"].where(
        sections["from_node"].map(kv) < 1, sections["length_km"] * factor
    )
    return county.with_tables(sections=sections.assign(length_km=longer))


@pytest.mark.parametrize("factor", [100.0, 300.0])
def test_areas_below_a_net_without_a_solution_have_failed_with_it(factor):
    """Nothing is served by a net that has collapsed, and nothing there is called solved."""
    county = far_county(factor)
    net = build(county, hour="mean")
    solution = solve_year_four_wire(county, net, daily_profiles(), progress=False)
    balanced = solve_year(net, daily_profiles(), progress=False)
    assert set(balanced.buses["status"]) == {"failed"}
    for table in ("buses", "lines", "transformers", "loads"):
        assert set(getattr(solution, table)["status"]) == {"failed"}, table
    assert solution.loads["served_kwh"].isna().all()
    assert solution.feeders["failed_hour"].tolist() == balanced.feeders["failed_hour"].tolist()
    with pytest.raises(ConvergenceError, match="too much load"):
        solution.require_solved()


def test_no_area_is_solved_without_a_voltage():
    """From a sound net to a collapsed one: what is solved has a voltage, and serves."""
    seen = set()
    for factor in (1.0, 50.0, 70.0, 80.0, 90.0, 100.0):
        county = far_county(factor)
        net = build(county, hour="mean")
        solution = solve_year_four_wire(county, net, daily_profiles(), progress=False)
        solved = solution.buses["status"] == "solved"
        assert solution.buses["vm_min_pu"].notna().tolist() == solved.tolist()
        served = solution.loads["served_kwh"]
        assert (served[solution.loads["status"] == "solved"] > 0).all()
        seen |= set(solution.buses["status"])
    assert seen == {"solved", "failed"}


def changed(change):
    """The small county's net, changed at 0.4 kV."""
    net = copy.deepcopy(build(one_phase_each(), hour="mean"))
    change(net)
    return net


def out_of_service(table: str, name: str):
    def change(net):
        net[table].loc[net[table]["name"] == name, "in_service"] = False

    return change


LOW_BUS = 5


def switched(kind: str, closed: bool):
    """A switch at the first 0.4 kV line, at its transformer, or between two 0.4 kV buses."""

    def change(net):
        low = net.bus.index[net.bus["vn_kv"] < 1]
        line = net.line.index[net.line["from_bus"].isin(low)][0]
        unit = net.trafo.index[net.trafo["lv_bus"].isin(low)][0]
        bus, element = {
            "l": (net.line.at[line, "from_bus"], line),
            "t": (net.trafo.at[unit, "hv_bus"], unit),
            "b": (low[0], low[1]),
        }[kind]
        pp.create_switch(net, int(bus), int(element), kind, closed=closed)

    return change


def moved(table: str, column: str):
    """An element of 0.4 kV at another bus than the tables say."""

    def change(net):
        low = net.bus.index[net.bus["vn_kv"] < 1]
        row = net[table].index[net[table][column].isin(low)][0]
        net[table].loc[row, column] = low[low != net[table].at[row, column]][-1]

    return change


def regulated(net):
    low = net.bus.index[net.bus["vn_kv"] < 1]
    unit = net.trafo.index[net.trafo["lv_bus"].isin(low)][0]
    pp.control.DiscreteTapControl(net, int(unit), 0.98, 1.04)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (out_of_service("load", "c2"), "load 'c2' at 0.4 kV is out of service"),
        (out_of_service("line", "p01"), "line 'p01' at 0.4 kV is out of service"),
        (out_of_service("bus", "p1"), "bus 'p1' at 0.4 kV is out of service"),
        (switched("l", closed=False), "switch 0 at line 'p01' at 0.4 kV is open"),
        (switched("t", closed=False), "switch 0 at trafo .* at 0.4 kV is open"),
        (switched("b", closed=True), "switch 0 at bus .* at 0.4 kV is closed"),
        (moved("load", "bus"), "load 'c1' at 0.4 kV stands at another bus"),
        (moved("line", "to_bus"), "line 'p01' at 0.4 kV stands at another bus"),
        (moved("trafo", "lv_bus"), "trafo .* at 0.4 kV stands at another bus"),
        (regulated, "controller 0 .* moves trafo .*, which feeds 0.4 kV"),
        (lambda net: pp.create_sgen(net, LOW_BUS, 0.004), "a sgen at bus 'p2' below 1 kV"),
        (lambda net: pp.create_load(net, LOW_BUS, 0.004), "a load at bus 'p2' below 1 kV"),
        (
            lambda net: pp.create_shunt(net, LOW_BUS, -0.01, vn_kv=0.4),
            "a shunt at bus 'p2' below 1 kV",
        ),
    ],
)
def test_what_the_tables_do_not_have_at_0_4_kv_is_refused(change, told):
    county = one_phase_each()
    net = changed(change)
    profiles = LoadProfiles.constant(net)
    with pytest.raises(TopologyError, match=told):
        solve_year_four_wire(county, net, profiles)


@pytest.mark.parametrize(("kind", "closed"), [("l", True), ("t", True), ("b", False)])
def test_a_switch_that_changes_nothing_is_passed_over(kind, closed):
    county, profiles = one_phase_each(), daily_profiles()
    plain = solve_year_four_wire(county, build(county, hour="mean"), profiles)
    with_one = solve_year_four_wire(county, changed(switched(kind, closed)), profiles)
    pd.testing.assert_frame_equal(plain.buses, with_one.buses)


@pytest.mark.parametrize("ohm", [0.0, -1.0])
def test_an_electrode_is_above_nothing(ohm):
    county = one_phase_each()
    ohms = np.where(county.nodes["name"] == "p1", ohm, np.nan)
    wrong = county.with_tables(nodes=county.nodes.assign(earthing_ohm=ohms))
    with pytest.raises(InputError, match=f"nodes, p1, earthing_ohm: {ohm:g} ohm is out of range"):
        solve_year_four_wire(wrong, build(county, hour="mean"), daily_profiles())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tolerance_pu": 1e-3}, "expected 1e-12 to 0.0001"),
        ({"low_limits_pu": [0.9]}, "low_limits_pu: expected a mapping"),
    ],
)
def test_options_of_four_wires_that_make_no_sense_are_refused(options, told):
    county = one_phase_each()
    with pytest.raises(InputError, match=told):
        solve_year_four_wire(county, build(county, hour="mean"), daily_profiles(), **options)


@pytest.mark.parametrize("table", ["bus", "line"])
def test_rows_in_another_order_are_refused(table):
    """Results are given back by row: they would be another element's."""

    def turn(net):
        net[table] = net[table].iloc[::-1]

    with pytest.raises(InputError, match=rf"net.{table}: its rows are not those"):
        solve_year_four_wire(one_phase_each(), changed(turn), daily_profiles())


def test_a_tap_moved_in_the_net_alone_is_refused():
    def move(net):
        net.trafo["tap_pos"] = net.trafo["tap_pos"] + 1

    with pytest.raises(InputError, match="move the tap in the tables"):
        solve_year_four_wire(one_phase_each(), changed(move), daily_profiles())


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("p_mw", np.nan, "load 'c2' has a power that is not a number"),
        ("const_z_p_percent", 130.0, "load 'c2' has shares const_.*_p_percent beyond"),
        ("const_i_q_percent", np.nan, "load 'c2' has shares const_.*_q_percent beyond"),
    ],
)
def test_loads_that_are_none_are_told_by_name(column, value, told):
    def spoil(net):
        net.load.loc[net.load["name"] == "c2", column] = value

    with pytest.raises(InputError, match=told):
        solve_year_four_wire(one_phase_each(), changed(spoil), daily_profiles())


@pytest.mark.parametrize("wrong", [None, "county", 1])
def test_no_county_is_told(wrong):
    net = build(one_phase_each(), hour="mean")
    with pytest.raises(InputError, match="county_or_areas"):
        solve_year_four_wire(wrong, net, daily_profiles())


def test_more_resistance_than_impedance_is_refused():
    case = Case([Section(0, 0.2)], [Load(1, "a", 1.0)], {**UNIT, "vkr_percent": 6.0})
    with pytest.raises(InputError, match="vk_percent 4 and vkr_percent 6"):
        _ = case.areas


def test_a_type_without_a_tap_side_has_no_taps():
    """As pandapower: a step without a side moves nothing."""
    steps = {**UNIT, "tap_step_percent": 5.0}
    plain = Case([Section(0, 0.2)], [Load(1, "a", 1.0)], steps)
    county = plain.county
    tapped = county.with_tables(transformers=county.transformers.assign(tap=2))
    net = build(tapped, hour="mean")
    balanced = solve_year(net, LoadProfiles.constant(net)).buses["vm_min_pu"]
    ours = solve_year_four_wire(tapped, net, LoadProfiles.constant(net)).buses["vm_min_pu"]
    assert ours.iloc[1] == pytest.approx(balanced.iloc[1], abs=2e-3)  # one phase beside a mean


def test_each_phase_has_its_own_hours_below_a_limit():
    """Counted again from the same hours solved one by one."""
    county, profiles = one_phase_each(), daily_profiles(30)
    net = build(county, hour="mean")
    limits = {"low_limits_pu": {"l": 0.97, "m": 0.9}}
    year = solve_year_four_wire(county, net, profiles, tolerance_pu=1e-9, **limits)
    hours = [
        solve_year_four_wire(county, net, profiles, hours=[hour], tolerance_pu=1e-9)
        for hour in range(30)
    ]
    for letter in "abc":
        low = np.array([hour.phases[f"v_{letter}_min_pu"] for hour in hours])
        for name, limit in limits["low_limits_pu"].items():
            counted = (low < limit).sum(axis=0)
            assert year.phases[f"hours_below_{name}_{letter}"].tolist() == counted.tolist()
    counted = year.phases.filter(like="hours_below_l_").to_numpy()
    assert 0 < counted.max() < 30
    assert (counted.min(axis=1) < counted.max(axis=1)).any()


def test_households_are_counted_by_service_point_and_by_their_own_phase():
    """Six homes on a, four on b of one node; only a is low."""
    case = Case([Section(0, 0.6)], [Load(1, "a", 9.0), Load(1, "b", 0.1)])
    village = {"name": "v", "town": "t", "admin_village": "w", "households": 10}
    county = case.county
    county = county.with_tables(
        villages=conform("villages", pd.DataFrame([village])),
        consumers=county.consumers.assign(village="v", count=[6, 4]),
    )
    solution = solve_year_four_wire(
        county, case.net, LoadProfiles.constant(case.net), low_limits_pu={"limit": 0.857}
    )
    phases = solution.phases.set_index("name").loc["n1"]
    assert phases["v_a_min_pu"] < 0.857 < phases["v_b_min_pu"]
    for each, low in ((8760.0, (10, 6)), (1.0, (0, 0))):  # low: more hours than the one allowed
        villages = village_voltages(county, solution, get_limits("GBT12325_2008"), hours_each=each)
        counts = villages[["households_low", "households_low_own_phase"]]
        assert tuple(counts.iloc[0]) == low
        assert villages["hours_low"].tolist() == [each]


def test_the_balanced_county_of_these_tests_is_sound():
    net = build(balanced_county(), hour="mean")
    assert net.bus["name"].at[LOW_BUS] == "p2"


def test_an_impossible_area_does_not_take_its_feeder_along(tiny):
    """A second area behind 100 kVA with 11 MW of customers: it fails, and the others stand."""

    def more(table, **row):
        return conform(table, pd.concat([getattr(tiny, table), pd.DataFrame([row])]))

    nodes = more("nodes", name="V2", kv=10.0, kind="junction")
    nodes = conform("nodes", pd.concat([nodes, pd.DataFrame([{"name": "LV2", "kv": 0.4,
                                                              "kind": "busbar"}])]))  # fmt: skip
    county = tiny.with_tables(
        nodes=nodes,
        sections=more(
            "sections", name="on", from_node="V10", to_node="V2", conductor="LGJ-50/8",
            arrangement="10kV-tri-bare-80", phases="abc", length_km=2.0,
        ),
        transformers=more(
            "transformers", name="unit2", type="S9-100/10", hv_node="V2", lv_node="LV2", tap=0
        ),
        consumers=more(
            "consumers", name="works", node="LV2", village="V", kind="household", count=5,
            kwh_per_year=1e8, power_factor=0.9, phases="abc",
        ),
    )  # fmt: skip
    net = build(county, hour="mean")
    profiles = LoadProfiles.constant(net, hours=48)
    ours = solve_year_four_wire(county, net, profiles, progress=False)
    balanced = solve_year(net, profiles, progress=False)
    failed = ours.buses["status"] == "failed"
    assert ours.buses.loc[failed, "name"].tolist() == ["LV2"]
    assert failed.tolist() == (balanced.buses["status"] == "failed").tolist()
    assert ours.balance["not_served_kwh"] == pytest.approx(balanced.balance["not_served_kwh"])


@pytest.mark.parametrize("index", [7, 8, 40])
def test_a_load_behind_a_closed_switch_keeps_its_voltage_dependence(tiny, index):
    """On a bus that a closed switch joins to that of an area, whatever its number."""
    net = build(tiny, hour="mean")
    beside = int(net.bus.index[net.bus["name"] == "V10"][0])
    bus = pp.create_bus(net, 10.0, name="X", index=index)
    pp.create_switch(net, beside, bus, et="b", closed=True)
    pp.create_load(net, bus, 0.3, 0.1, const_z_p_percent=100, const_z_q_percent=100, name="of X")
    profiles = LoadProfiles.constant(net, hours=24)
    ours, balanced = (
        solution.loads.set_index("name")["served_kwh"]
        for solution in (
            solve_year_four_wire(tiny, net, profiles, progress=False),
            solve_year(net, profiles, progress=False),
        )
    )
    asked = 300.0 * 24
    assert abs(balanced["of X"] - asked) > 1e-3 * asked
    assert ours["of X"] == pytest.approx(balanced["of X"], rel=1e-6)  # the areas differ a little
