"""Three-phase access against drawings, the plan, a phasor of one's own and pandapower."""

from __future__ import annotations

import cmath
import math
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from small_county import small_plan

from ruralgrid.assess import (
    LIMITED_BY,
    MILL,
    Motor,
    access_by_stage,
    access_findings,
    capacity_between,
    four_wire_access,
    four_wire_nodes,
    three_phase_capacity,
)
from ruralgrid.county import County
from ruralgrid.county.synthesis import draw_county
from ruralgrid.equipment import get_transformer, line_parameters
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.flow.snapshot import solve_snapshot
from ruralgrid.limits import get_limits
from ruralgrid.network import build
from ruralgrid.units import LV_PHASE_BASE_V

LIMITS = get_limits("GBT12325_2008")
THREE_PHASE_V = 0.93 * 380 / math.sqrt(3)  # -7 % of 380 V between phases, seen from the neutral


def changed(county: County, table: str, row: str, **values: object) -> County:
    """The county with some fields of one row replaced."""
    frame = county.tables[table].copy()
    for column, value in values.items():
        frame.loc[frame["name"] == row, column] = value
    return county.with_tables(**{table: frame})


def access_of(county: County) -> dict[str, object]:
    return four_wire_access(county).iloc[0].to_dict()


# access -------------------------------------------------------------------------------------------


def test_a_household_has_four_wires_if_its_whole_way_has(tiny):
    """P1 hangs on abcn; P2 behind it on an: four households and two."""
    found = access_of(tiny)
    assert (found["households_four_wire"], found["households_single_phase_only"]) == (4, 2)
    assert not found["has_four_wire"]
    whole = access_of(changed(tiny, "sections", "branch", phases="abcn"))
    assert (whole["households_four_wire"], whole["households_single_phase_only"]) == (6, 0)
    assert whole["has_four_wire"]


@pytest.mark.parametrize("phases", ["an", "abc", "abn", "ab"])
def test_a_wire_missing_at_the_beginning_is_missing_to_the_end(tiny, phases):
    """Four wires behind two are none, and three phases without a neutral feed no lamp."""
    county = changed(tiny, "sections", "main", phases=phases)
    county = changed(county, "sections", "branch", phases="abcn")
    found = access_of(county)
    assert (found["households_four_wire"], found["households_single_phase_only"]) == (0, 6)


def test_the_order_of_the_letters_means_nothing(tiny):
    county = changed(tiny, "sections", "main", phases="cban")
    assert access_of(county)["households_four_wire"] == 4


def test_no_supply_is_no_single_phase_supply(tiny):
    found = access_of(changed(tiny, "sections", "main", normally_open=True))
    assert found["households_unsupplied"] == 6
    assert found["households_single_phase_only"] == 0
    assert not found["has_four_wire"]


def test_a_single_phase_transformer_gives_no_four_wires(tiny):
    county = changed(tiny, "transformers", "unit", type="D11-50/10")
    assert not four_wire_nodes(county).any()
    own = pd.DataFrame([("mine", 50.0, 10.0, 0.4, 4.0, 1.0, "Ii0")], columns=[
        "name", "sn_kva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "vector_group",
    ])  # fmt: skip
    county = changed(tiny, "transformers", "unit", type="mine").with_tables(transformer_types=own)
    assert not four_wire_nodes(county).any()


def test_the_transformer_of_a_village_stands_in_it(tiny):
    assert not access_of(tiny)["has_own_transformer"]
    assert access_of(changed(tiny, "nodes", "LV", village="V"))["has_own_transformer"]


def test_a_village_without_households_is_not_judged(tiny):
    empty = tiny.with_tables(consumers=tiny.consumers[tiny.consumers["kind"] != "household"])
    found = access_of(empty)
    assert pd.isna(found["has_four_wire"])
    assert found["households_four_wire"] == 0
    row = access_by_stage(empty).iloc[0]
    assert (row["villages"], row["admin_villages"], row["households"]) == (0, 0, 0)
    assert pd.isna(row["villages_four_wire_percent"])


def test_the_drawn_county_is_the_plans_in_every_stage(draw, plan):
    """The batches name 897, 901, 865 and 523 households in 17, 12, 13 and 17 villages."""
    table = access_by_stage(draw(1).county)
    assert list(table["households_single_phase_only"]) == [3186, 2289, 1388, 523, 0]
    assert list(table["villages_single_phase_only"]) == [59, 42, 30, 17, 0]
    assert list(table["households_planned"]) == [3186, 2289, 1388, 523, 0]
    assert list(table["villages_planned"]) == [59, 42, 30, 17, 0]
    last = table.iloc[-1]
    for share in ("villages_four_wire", "households_four_wire", "admin_villages_whole"):
        assert last[f"{share}_percent"] == 100
    assert table["admin_villages"].eq(257).all()
    findings = access_findings(table, plan)
    # the plan's own total says 60 villages where its batches add up to 59
    assert [(f.code, f.subject, f.value, f.limit) for f in findings] == [
        ("access-total-differs", "villages", 59, 60)
    ]


def test_what_differs_from_the_plan_is_found():
    county = draw_county(small_plan(), 1)
    plan, last = small_plan(), county.stages[-1]
    works = [batch.three_phase for batch in plan.batches]
    table = access_by_stage(county)
    assert table["households_single_phase_only"].iloc[0] == sum(w.households for w in works)
    table.loc[0, "households_single_phase_only"] -= 7
    table.loc[last, "villages_four_wire"] -= 1
    table.loc[last, "admin_villages_reached"] -= 1
    codes = {(f.code, f.subject) for f in access_findings(table, plan)}
    assert ("access-households-differ", "stage 0") in codes
    if plan.goals.three_phase_power:
        assert ("access-goal-missed", "villages") in codes
        assert ("access-goal-missed", "administrative villages") in codes


def test_a_county_without_a_plan_is_held_against_none(tiny):
    row = access_by_stage(tiny).iloc[0]
    assert pd.isna(row["households_planned"])
    assert (row["households"], row["households_four_wire"]) == (6, 4)
    assert row["villages_four_wire_percent"] == 0


# the load that a village can take -----------------------------------------------------------------


def villages_at(v_min_v: float, node: str = "P1") -> pd.DataFrame:
    return pd.DataFrame({"village": ["V"], "v_min_v": [v_min_v], "worst_node": [node]})


def loading(percent: float = 10.0) -> pd.DataFrame:
    return pd.DataFrame({"name": ["station", "unit"], "loading_max_percent": [40.0, percent]})


def capacity(
    county: County, v_min_v: float = 225.0, percent: float = 10.0, **options: object
) -> dict[str, object]:
    table = three_phase_capacity(county, villages_at(v_min_v), loading(percent), LIMITS, **options)
    return table.iloc[0].to_dict()


def test_the_path_is_that_of_the_drawing(tiny):
    """4 km of 10 kV seen through 0.4/10, the unit of 100 kVA, 0.3 km of 0.4 kV."""
    trunk = line_parameters("LGJ-50/8", "10kV-tri-bare-80", phases="abc")
    main = line_parameters("LGJ-35/6", "0.4kV-hor4-50", phases="abcn")
    unit = get_transformer("S9-100/10")
    r_unit = unit.pk_kw / 100 * 0.4**2 / 0.1  # share of the rating, times U^2/S
    z_unit = 0.04 * 0.4**2 / 0.1
    r = 0.04**2 * 4 * trunk.r_ohm_per_km + r_unit + 0.3 * main.r_ohm_per_km
    x = 0.04**2 * 4 * trunk.x_ohm_per_km + math.sqrt(z_unit**2 - r_unit**2)
    x += 0.3 * main.x_ohm_per_km
    found = capacity(tiny)
    assert found["r_ohm"] == pytest.approx(r, rel=1e-9)
    assert found["x_ohm"] == pytest.approx(x, rel=1e-9)
    assert found["transformer"] == "unit"


@pytest.mark.parametrize("turned", [False, True], ids=["along", "against"])
def test_two_lines_side_by_side_have_the_ohms_of_both(tiny, turned):
    """A second trunk of three times the length carries a quarter: three quarters of the ohms."""
    trunk = tiny.sections[tiny.sections["name"] == "trunk"]
    second = trunk.assign(name="second", length_km=3 * trunk["length_km"])
    if turned:
        second = second.rename(columns={"from_node": "to_node", "to_node": "from_node"})
    doubled = tiny.with_tables(sections=pd.concat([tiny.sections, second], ignore_index=True))
    of_trunk = line_parameters("LGJ-50/8", "10kV-tri-bare-80", phases="abc")
    less_ohm = 0.04**2 * 4 * of_trunk.r_ohm_per_km / 4
    found = capacity(doubled)["r_ohm"]
    assert found == pytest.approx(capacity(tiny)["r_ohm"] - less_ohm, rel=1e-9)


def settled_v(v0: float, z: complex, p_kw: float, tangent: float) -> float:
    """Voltage at the end of z behind v0 under a balanced load, by iteration."""
    s = complex(p_kw, p_kw * tangent) * 1000 / 3
    v = complex(v0)
    for _ in range(500):
        v = v0 - z * (s / v).conjugate()
    return abs(v)


@pytest.mark.parametrize("v_min_v", [204.5, 210.0, 225.0, 240.0])
def test_the_load_found_pulls_the_voltage_to_the_limit(tiny, v_min_v):
    found = capacity(tiny, v_min_v, percent=-1e6)
    z = complex(found["r_ohm"], found["x_ohm"])
    tangent = math.tan(math.acos(MILL.power_factor))
    v = settled_v(v_min_v, z, found["capacity_voltage_kw"], tangent)
    assert v == pytest.approx(THREE_PHASE_V, abs=1e-6)


def test_a_full_load_flow_gives_a_little_less(tiny):
    """pandapower, the load at its own bus, halved until the voltage is the limit.

    It takes what the closed form holds: the busbar of the station sags (its transformer adds 1 % to
    the path), and the drop of the others turns. 1 to 3 % less in the small county too.
    """
    net = build(tiny)
    solved = solve_snapshot(net)
    bus = net.bus.index[net.bus["name"] == "P1"][0]
    v0 = solved.res_bus.at[bus, "vm_pu"] * LV_PHASE_BASE_V
    closed = capacity(tiny, v0, percent=-1e6)["capacity_voltage_kw"]
    own = pp.create_bus(net, 0.4)  # loads at one bus share one voltage dependence
    pp.create_switch(net, bus, own, "b")
    load = pp.create_load(net, own, p_mw=0.0)
    tangent = math.tan(math.acos(MILL.power_factor))
    low, high = 0.0, 2 * closed
    for _ in range(10):
        middle = (low + high) / 2
        net.load.loc[load, ["p_mw", "q_mvar"]] = np.array([1.0, tangent]) * middle / 1000
        v = solve_snapshot(net).res_bus.at[own, "vm_pu"] * LV_PHASE_BASE_V
        low, high = (middle, high) if v >= THREE_PHASE_V else (low, middle)
    assert 0.97 * closed < low < closed


def test_a_motor_that_starts_in_a_load_flow(tiny):
    """As a constant impedance at its own bus; the station's sag is again what differs."""
    net = build(tiny)
    bus = net.bus.index[net.bus["name"] == "P1"][0]
    v0 = solve_snapshot(net).res_bus.at[bus, "vm_pu"] * LV_PHASE_BASE_V
    found = capacity(tiny, v0)
    own = pp.create_bus(net, 0.4)
    pp.create_switch(net, bus, own, "b")
    s = 3 * LV_PHASE_BASE_V**2 / MILL.standstill_ohm.conjugate() / 1e6
    pp.create_load(
        net, own, p_mw=s.real, q_mvar=s.imag, const_z_p_percent=100, const_z_q_percent=100
    )
    v = solve_snapshot(net).res_bus.at[own, "vm_pu"] * LV_PHASE_BASE_V
    assert found["v_start_v"] == pytest.approx(v, abs=1.0)  # of a dip of some 30 V
    assert found["dip_percent"] == pytest.approx(100 * (v0 - found["v_start_v"]) / 220)
    assert found["dip_percent"] > 8


def test_the_mill_draws_what_its_plate_says():
    """7.5 kW at 87 % and 0.85: 15.4 A at 380 V, six times that at standstill."""
    rated_a = 7500 / 0.87 / 0.85 / (3 * 220)
    assert rated_a == pytest.approx(15.4, abs=0.05)
    assert 220 / abs(MILL.standstill_ohm) == pytest.approx(6 * rated_a)
    assert math.cos(cmath.phase(MILL.standstill_ohm)) == pytest.approx(0.35)


@pytest.mark.parametrize(
    ("start_v", "starts"), [(85.01, False), (84.99, True)], ids=["above", "below"]
)
def test_the_least_voltage_of_a_start(tiny, start_v, starts):
    """The limit just above and just below what the motor leaves."""
    left = capacity(tiny)["v_start_v"] / 220 * 100
    limit = left * start_v / 85
    assert capacity(tiny, least_start_percent=limit)["can_start"] == starts


def test_what_limits_a_village(tiny):
    free = capacity(tiny)
    assert free["limited_by"] == "voltage"
    assert free["capacity_kw"] == free["capacity_voltage_kw"] > 0
    full = capacity(tiny, percent=100.0)
    assert (full["limited_by"], full["capacity_kw"]) == ("transformer", 0)
    half = capacity(tiny, 240.0, percent=80.0)
    assert half["limited_by"] == "transformer"
    assert half["capacity_kw"] == pytest.approx(0.2 * 100 * 0.85)
    assert half["motors"] == 1  # 17 kW, and the mill takes 8.6
    low = capacity(tiny, THREE_PHASE_V - 0.01)
    assert (low["limited_by"], low["capacity_kw"], low["motors"]) == ("already low", 0, 0)
    no_mill = tiny.with_tables(consumers=tiny.consumers[tiny.consumers["name"] != "mill"])
    bare = capacity(changed(no_mill, "sections", "main", phases="an"))
    assert (bare["limited_by"], bare["capacity_kw"], bare["node"]) == ("no four wires", 0, "")
    assert not bare["can_start"]
    dark = capacity(tiny, math.nan)
    assert dark["limited_by"] == "not judged"
    assert math.isnan(dark["capacity_kw"])
    assert pd.isna(dark["motors"])
    assert pd.isna(dark["can_start"])
    assert {r["limited_by"] for r in (free, full, low, bare, dark)} == set(LIMITED_BY)


def test_the_single_phase_customers_at_the_node_are_held_too(tiny):
    """With the phases known the worst one falls to 198 V before the mean falls to 204 V."""
    phases = pd.DataFrame(
        [("P1", 205.0, 230.0, 231.0)], columns=["name", *(f"v_{p}_min_pu" for p in "abc")]
    )
    phases.iloc[:, 1:] /= LV_PHASE_BASE_V
    found = capacity(tiny, 205.0, phases=phases)
    z = complex(found["r_ohm"], found["x_ohm"])
    tangent = math.tan(math.acos(MILL.power_factor))
    assert found["v_before_v"] == pytest.approx(222.0)
    assert settled_v(205.0, z, found["capacity_kw"], tangent) == pytest.approx(198.0, abs=1e-6)
    assert capacity(tiny, 205.0)["capacity_kw"] < found["capacity_kw"]


def test_where_the_worst_node_lacks_a_wire_the_furthest_whole_one_stands_for_it(tiny):
    """P2 hangs on two wires; the mill at the busbar is nearer than P1."""
    table = three_phase_capacity(tiny, villages_at(220.0, "P2"), loading(), LIMITS)
    assert table["node"].tolist() == ["P1"]
    assert table["v_before_v"].tolist() == [220.0]


def test_a_station_that_no_path_reaches_leaves_the_village_unjudged(tiny):
    county = changed(tiny, "sections", "trunk", normally_open=True)
    assert capacity(county)["limited_by"] == "not judged"


@pytest.mark.parametrize("factor", [1.2, 2.0, 5.0])
def test_a_longer_line_carries_less(tiny, factor):
    longer = changed(tiny, "sections", "main", length_km=0.3 * factor)
    assert capacity(longer)["capacity_kw"] < capacity(tiny)["capacity_kw"]
    assert capacity(longer)["v_start_v"] < capacity(tiny)["v_start_v"]


def test_wrong_calls_are_refused(tiny):
    with pytest.raises(InputError, match="worst_node"):
        three_phase_capacity(tiny, villages_at(220.0)[["village", "v_min_v"]], loading(), LIMITS)
    wrong = villages_at(220.0).assign(village="W")
    with pytest.raises(UnknownNameError, match="village"):
        three_phase_capacity(tiny, wrong, loading(), LIMITS)
    with pytest.raises(UnknownNameError, match="unit"):
        three_phase_capacity(tiny, villages_at(220.0), loading().iloc[:1], LIMITS)
    for values in ({"power_factor": 1.2}, {"efficiency": 0.0}, {"shaft_kw": -1.0}):
        with pytest.raises(InputError, match="motor"):
            Motor(**values)
    with pytest.raises(InputError, match="start_current_ratio"):
        replace(MILL, start_current_ratio=0.5)


def test_the_works_let_every_treated_village_run_a_mill():
    """The small county at its peak hour before and after: from none to one or more."""
    county = draw_county(small_plan(), 1)
    first, last = accumulate([county, county.stages[-1]], lambda c, k: c.at(k))
    before, after = capacity_at_peak(first), capacity_at_peak(last)
    table = capacity_between(before, after).merge(
        county.villages, left_on="village", right_on="name"
    )
    treated = table[table["plan_class"] != ""]
    three_phase = treated[treated["plan_class"] == "three_phase"]
    assert len(treated) > len(three_phase) > 0
    assert (treated["motors_before"] == 0).all()
    assert (three_phase["limited_by_before"] == "no four wires").all()
    assert (treated["motors_after"] >= 1).all()
    assert treated["can_start_after"].all()
    assert not treated["can_start_before"].any()
    gain = table["capacity_kw_after"] - table["capacity_kw_before"]
    assert table["gain_kw"].tolist() == gain.tolist()
    with pytest.raises(InputError, match="same villages"):
        capacity_between(before, after.iloc[1:])


def capacity_at_peak(county: County) -> pd.DataFrame:
    net = build(county)
    solved = solve_snapshot(net)
    volts = pd.Series(solved.res_bus["vm_pu"].to_numpy() * LV_PHASE_BASE_V, index=net.bus["name"])
    homes = county.consumers[county.consumers["kind"] == "household"]
    worst = homes.assign(v_min_v=homes["node"].map(volts)).sort_values("v_min_v")
    worst = worst.drop_duplicates("village").rename(columns={"node": "worst_node"})
    units = pd.DataFrame(
        {"name": net.trafo["name"], "loading_max_percent": solved.res_trafo["loading_percent"]}
    )
    return three_phase_capacity(county, worst[["village", "v_min_v", "worst_node"]], units, LIMITS)
