"""A county's tables as a pandapower net: rows, names, impedances, switches, loads, refusals."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest

from ruralgrid.county.validate import validate
from ruralgrid.demand import load_of
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.flow.snapshot import solve_snapshot
from ruralgrid.network import build


def line_of(net, name):
    return net.line[net.line["name"] == name].iloc[0]


# rows and names ---------------------------------------------------------------------------------


def test_rows_stand_in_the_order_of_the_tables(tiny):
    net = build(tiny)
    for element, table in (
        ("bus", "nodes"),
        ("line", "sections"),
        ("trafo", "transformers"),
        ("ext_grid", "sources"),
        ("shunt", "capacitors"),
        ("load", "consumers"),
    ):
        assert list(net[element]["name"]) == list(tiny.tables[table]["name"]), element
        assert list(net[element].index) == list(range(len(net[element])))
    assert net.bus["vn_kv"].tolist() == tiny.nodes["kv"].tolist()
    assert net.name == "tiny, stage 0"


def test_ends_are_the_nodes_named(tiny):
    net = build(tiny)
    for element, table, columns in (
        ("line", "sections", {"from_bus": "from_node", "to_bus": "to_node"}),
        ("trafo", "transformers", {"hv_bus": "hv_node", "lv_bus": "lv_node"}),
        ("load", "consumers", {"bus": "node"}),
        ("shunt", "capacitors", {"bus": "node"}),
    ):
        for own, named in columns.items():
            ends = net[element][own].map(net.bus["name"]).tolist()
            assert ends == tiny.tables[table][named].tolist()


def test_building_leaves_the_county_as_it_was(tiny):
    before = {name: frame.copy() for name, frame in tiny.tables.items()}
    build(tiny)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(tiny.tables[name], frame)


def test_a_county_of_one_node(tiny):
    """No lines, no transformers, no customers: a net all the same."""
    bare = tiny.with_tables(
        nodes=tiny.nodes.iloc[:1],
        **{
            name: tiny.tables[name].iloc[:0]
            for name in ("sections", "transformers", "capacitors", "consumers")
        },
    )
    net = build(bare)
    assert (len(net.bus), len(net.line), len(net.ext_grid)) == (1, 0, 1)


def test_places_become_geojson_where_they_are_known(tiny):
    place = [107.92, *[np.nan] * 6], [35.5, *[np.nan] * 6]
    net = build(tiny.with_tables(nodes=tiny.nodes.assign(lon_deg=place[0], lat_deg=place[1])))
    assert json.loads(net.bus["geo"].iloc[0]) == {"type": "Point", "coordinates": [107.92, 35.5]}
    assert net.bus["geo"].iloc[1:].isna().all()


# impedances --------------------------------------------------------------------------------------

KELVIN_AT_25 = 1 + 0.00403 * 5  # GB 1179 gives R at 20 degC; 25 degC in the load flow


def test_a_four_wire_line_by_hand(tiny):
    """LGJ-35/6, 0.823 ohm/km at 20 degC (GB 1179-83); wires at -0.65, 0.25, 0.65 m.

    X = 2 pi 50 * 2e-4 ln(GMD/GMR), GMD = cube root of 0.9 * 0.4 * 1.3 m. The GMR of six strands
    of 2.72 mm about a steel core lies between 0.7 and 0.8 of the radius, 4.08 mm.
    """
    line = line_of(build(tiny), "main")
    # skin effect of so thin a wire: 1.2e-4 (IEC 60287-1-1)
    assert line["r_ohm_per_km"] == pytest.approx(0.823 * KELVIN_AT_25, rel=2e-4)
    gmd_mm = (900 * 400 * 1300) ** (1 / 3)
    x = [0.0628318 * math.log(gmd_mm / (share * 4.08)) for share in (0.8, 0.7)]
    assert x[0] < line["x_ohm_per_km"] < x[1]
    assert line["length_km"] == 0.3


def test_a_two_wire_section_has_three_times_its_loop_impedance(tiny):
    """LJ-25, 1.127 ohm/km: 3 * (there and back) = 6 wires in series.

    P at U/sqrt 3 through 2 z loses 2 r (P sqrt 3/U)^2 = 6 r P^2/U^2; three phases lose R P^2/U^2.
    Seven strands of 2.15 mm have the GMR 0.7256 * 3.225 mm; the wires hang 0.5 m apart.
    """
    line = line_of(build(tiny), "branch")
    assert line["r_ohm_per_km"] == pytest.approx(6 * 1.127 * KELVIN_AT_25, rel=1e-4)
    x_wire = 2 * math.pi * 50 * 2e-4 * math.log(500 / (0.7256 * 3.225))
    assert line["x_ohm_per_km"] == pytest.approx(6 * x_wire, rel=2e-3)


def test_a_two_wire_section_drops_and_loses_as_its_loop_does(tiny):
    """2 kW through 0.1 km of two-wire LJ-25, solved by the quadratic of a single-phase loop."""
    loads = tiny.consumers.iloc[[2]].assign(kwh_per_year=2 * 8760.0, kind="industry")
    net = build(tiny.with_tables(consumers=loads), hour="mean")
    net.load[["const_z_p_percent", "const_z_q_percent"]] = 0.0
    solved = solve_snapshot(net)
    branch = net.line.index[net.line["name"] == "branch"][0]
    v = solved.res_bus["vm_pu"] * 400 / math.sqrt(3)
    p1 = net.bus.index[net.bus["name"] == "P1"][0]
    p2 = net.bus.index[net.bus["name"] == "P2"][0]
    r, x = 2 * 1.127 * KELVIN_AT_25 * 0.1, 2 * 0.1 * 0.0628318 * math.log(500 / (0.7256 * 3.225))
    p, q = 2000.0, 2000.0 * math.tan(math.acos(0.92))
    half = v[p1] ** 2 / 2 - (p * r + q * x)
    v2 = math.sqrt(half + math.sqrt(half**2 - (p**2 + q**2) * (r**2 + x**2)))
    # r and x above are rounded, the loop's capacitance is left out: 1e-5 of 230 V
    assert v[p2] == pytest.approx(v2, rel=1e-5)
    loss_w = (p**2 + q**2) / v2**2 * r
    assert solved.res_line.at[branch, "pl_mw"] * 1e6 == pytest.approx(loss_w, rel=1e-3)


def test_a_warmer_wire_has_more_resistance(tiny):
    """alpha = 0.00403 / K: 25 to 60 degC."""
    cold, warm = (build(tiny, temperature_c=t).line["r_ohm_per_km"] for t in (25.0, 60.0))
    ratio = (1 + 0.00403 * 40) / (1 + 0.00403 * 5)
    np.testing.assert_allclose(warm / cold, ratio, rtol=1e-4)


def test_transformers_carry_their_nameplate(tiny):
    """S9-100/10: 290 W, 1,500 W, 4 %; S9 series of JB/T 10088."""
    unit = build(tiny).trafo.set_index("name").loc["unit"]
    assert unit["sn_mva"] == 0.1
    assert (unit["vn_hv_kv"], unit["vn_lv_kv"]) == (10.0, 0.4)
    assert unit["pfe_kw"] == pytest.approx(0.290)
    assert unit["vkr_percent"] == pytest.approx(1.5)
    assert unit["vk_percent"] == pytest.approx(4.0)
    assert unit["std_type"] == "S9-100/10"


def test_a_tap_on_the_high_side_moves_the_low_voltage(tiny):
    """One step of 2.5 % or 5 % more turns on the high side: that much less on the low side."""
    units = tiny.transformers.assign(tap=[0, -1])
    idle = tiny.consumers.assign(kwh_per_year=1e-6)
    volts = []
    for county in (tiny, tiny.with_tables(transformers=units)):
        net = build(county.with_tables(consumers=idle, capacitors=tiny.capacitors.iloc[:0]))
        solved = solve_snapshot(net)
        volts.append(solved.res_bus["vm_pu"][net.bus["name"] == "LV"].iloc[0])
    step = net.trafo.set_index("name").loc["unit", "tap_step_percent"] / 100
    # no load but the unit's own 2 % of magnetising current: its drop is below 1e-3
    assert volts[1] / volts[0] == pytest.approx(1 / (1 - step), rel=1e-3)
    assert volts[1] > volts[0]


def test_capacitor_banks_supply_their_kvar(tiny):
    """300 kvar at nominal voltage, with the square of the voltage."""
    net = build(tiny)
    solved = solve_snapshot(net)
    v = solved.res_bus["vm_pu"][net.bus["name"] == "N10"].iloc[0]
    assert solved.res_shunt["q_mvar"].tolist() == pytest.approx([-0.3 * v**2])


def test_banks_stand_at_the_voltage_of_their_own_node(tiny):
    """Whatever the order of the rows; two at one node are two banks."""
    nodes = tiny.nodes.iloc[::-1]
    banks = pd.DataFrame(
        [("a", "P2", 10.0), ("b", "N35", 600.0), ("c", "LV", 20.0), ("d", "V10", 90.0)],
        columns=["name", "node", "kvar"],
    )
    twice = banks.assign(node=["N10", "N10", "V10", "V10"])
    for table in (banks, twice):
        net = build(tiny.with_tables(nodes=nodes, capacitors=table))
        np.testing.assert_array_equal(net.shunt["vn_kv"], net.shunt["bus"].map(net.bus["vn_kv"]))
    few = tiny.with_tables(
        nodes=nodes,
        capacitors=pd.concat([banks, twice.assign(name=[*"efgh"])]),
    )
    net = build(few)  # as many banks as nodes: pandapower would align them row by row
    np.testing.assert_array_equal(net.shunt["vn_kv"], net.shunt["bus"].map(net.bus["vn_kv"]))


# switches ----------------------------------------------------------------------------------------

ROUNDING_KA = 1e-12  # a current that is nothing but the last digits of voltages of 1 pu


def test_an_open_section_carries_no_current(tiny):
    net = build(tiny)
    assert net.switch["closed"].tolist() == [False]
    assert net.switch["element"].map(net.line["name"]).tolist() == ["tie"]
    solved = solve_snapshot(net)
    tie = net.line.index[net.line["name"] == "tie"][0]
    # what is left is the charging of 2 km that hangs on at T10: some 10 kV * 8 nF/km
    assert abs(solved.res_line.at[tie, "p_from_mw"]) < 1e-6
    assert abs(solved.res_line.at[tie, "i_to_ka"]) < ROUNDING_KA
    t10 = net.bus.index[net.bus["name"] == "T10"][0]
    assert not np.isnan(solved.res_bus.at[t10, "vm_pu"])


def test_a_net_without_open_sections_has_no_switch(tiny):
    without = tiny.sections[~tiny.sections["normally_open"]]
    assert len(build(tiny.with_tables(sections=without)).switch) == 0


@pytest.mark.parametrize("length", [-0.3, 0.0, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused_with_its_row(tiny, length):
    """As `study` refuses it: runpp solves a negative length as if nothing were wrong."""
    sections = tiny.sections.copy()
    sections.loc[sections["name"] == "main", "length_km"] = length
    county = tiny.with_tables(sections=sections)
    message = rf"^sections, row 5, length_km: received {length:g}, expected above 0, for main$"
    with pytest.raises(InputError, match=message):
        build(county)
    assert validate(county).of_severity("error")


def test_a_closed_loop_below_35_kv_is_refused_as_a_study_refuses_it(tiny):
    """What is meant to be one is closed in the net: that is the caller's own."""
    county = tiny.with_tables(sections=tiny.sections.assign(normally_open=False))
    (found,) = validate(county)
    with pytest.raises(InputError, match=re.escape(f"{found.where}: {found.message}")):
        build(county)
    net = build(tiny)
    net.switch["closed"] = True
    assert solve_snapshot(net).converged


# loads -------------------------------------------------------------------------------------------


def test_mean_peak_and_hour(tiny):
    load = load_of(tiny)
    nets = {hour: build(tiny, hour=hour) for hour in ("mean", "peak", 0, 8759)}
    for net in nets.values():
        np.testing.assert_allclose(net.load["p_mw"] * 8760e3, tiny.consumers["kwh_per_year"])
        np.testing.assert_allclose(
            net.load["q_mvar"] / net.load["p_mw"],
            np.tan(np.arccos(tiny.consumers["power_factor"])),
        )
    assert (nets["mean"].load["scaling"] == 1).all()
    for hour, at in (("peak", load.peak_hour), (0, 0), (8759, 8759)):
        net = nets[hour]
        kw = (net.load["p_mw"] * net.load["scaling"]).sum() * 1e3
        assert kw == pytest.approx(load.total_kw()[at])


def test_loads_follow_the_voltage_by_their_kind(tiny):
    net = build(tiny)
    for power in "pq":
        assert net.load[f"const_z_{power}_percent"].tolist() == [15, 50, 50]
        assert net.load[f"const_i_{power}_percent"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("hour", [-1, 8760, 5.0, True, "Peak", None])
def test_an_hour_that_there_is_not(tiny, hour):
    with pytest.raises(InputError, match="an hour from 0 to 8759, 'peak' or 'mean' is expected"):
        build(tiny, hour=hour)


def test_an_hour_of_numpys(tiny):
    """What `argmax` gives is an hour like another."""
    plain, numpys = (build(tiny, hour=hour).load for hour in (762, np.int64(762)))
    pd.testing.assert_frame_equal(plain, numpys)


# refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("sections", "from_node", "main"),
        ("sections", "to_node", "branch"),
        ("transformers", "hv_node", "unit"),
        ("transformers", "lv_node", "unit"),
        ("transformers", "mv_node", "unit"),
        ("sources", "node", "grid"),
        ("capacitors", "node", "bank"),
        ("consumers", "node", "homes"),
    ],
)
def test_a_node_that_there_is_not(tiny, table, column, row):
    frame = tiny.tables[table].copy()
    frame.loc[frame["name"] == row, column] = "V1O"
    with pytest.raises(UnknownNameError) as caught:
        build(tiny.with_tables(**{table: frame}))
    message = str(caught.value)
    assert message.startswith(f"{table}, {row}, {column}: no node is named 'V1O'; the nearest: V10")


@pytest.mark.parametrize("table", ["nodes", "sections", "consumers", "transformers"])
def test_a_name_that_stands_twice(tiny, table):
    frame = pd.concat([tiny.tables[table], tiny.tables[table].iloc[:1]])
    name = frame["name"].iloc[0]
    with pytest.raises(InputError, match=f"{table}, name: the name '{name}' stands twice"):
        build(tiny.with_tables(**{table: frame}))


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("transformers", {"type": "S9-100"}, ["transformers", "S9-100/10"]),
        ("sections", {"conductor": "LGJ-36"}, ["LGJ-36"]),
        ("sections", {"arrangement": "hor4"}, ["hor4"]),
        ("consumers", {"kind": "houshold"}, ["houshold", "household"]),
    ],
)
def test_equipment_and_kinds_that_there_are_not(tiny, table, change, words):
    frame = tiny.tables[table].assign(**change)
    with pytest.raises(InputError) as caught:
        build(tiny.with_tables(**{table: frame}))
    for word in words:
        assert word in str(caught.value)


# a whole county ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(county):
    net = build(county, hour="mean")
    return net, solve_snapshot(net)


def test_every_row_of_a_county_is_in_the_net(county, whole):
    net, _ = whole
    assert len(net.bus) == len(county.nodes)
    assert len(net.line) == len(county.sections)
    assert len(net.trafo) + len(net.trafo3w) == len(county.transformers)
    assert list(net.load["name"]) == list(county.consumers["name"])
    two = county.transformers[county.transformers["mv_node"] == ""]
    assert list(net.trafo["name"]) == list(two["name"])


def test_power_in_is_power_out(whole):
    _, solved = whole
    lost = sum(solved[f"res_{e}"]["pl_mw"].sum() for e in ("line", "trafo", "trafo3w"))
    served = solved.res_load["p_mw"].sum()
    fed = solved.res_ext_grid["p_mw"].sum()
    # 1e-9 MVA a bus is asked of the load flow, of 32,000 buses
    assert fed == pytest.approx(served + lost, abs=1e-6)
    assert (solved.res_line["pl_mw"] > -1e-12).all()
    assert solved.res_bus["vm_pu"].notna().all()


def test_open_lines_of_a_county_carry_nothing(county, whole):
    _, solved = whole
    open_ = county.sections["normally_open"].to_numpy()
    assert open_.sum() == 5  # twelve lines of 35 kV, seven of them in service
    assert solved.res_line.loc[open_, "i_to_ka"].abs().max() < ROUNDING_KA
