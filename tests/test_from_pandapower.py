"""Nets that people already have: a county of their tables gives their voltages back."""

from __future__ import annotations

import copy

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from nets import built_once, case33bw, cigre_lv, cigre_mv, empty_net, kerber_landnetz
from small_county import small_county

from ruralgrid.assess import four_wire_access, village_voltages
from ruralgrid.county import conform
from ruralgrid.county.files import read_county, write_county
from ruralgrid.county.validate import validate
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.flow import solve_snapshot, solve_year
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.limits import get_limits
from ruralgrid.network import (
    build,
    bus_labels,
    check_pandapower,
    from_pandapower,
    read_pandapower_json,
    write_pandapower_json,
)
from ruralgrid.network.foreign import fused_buses

# both are solved by the same program to 1e-10 MVA; what is left is the rounding of r * n / n
SAME_PU = 1e-9


def solved(net):
    """pandapower's own answer."""
    reference = copy.deepcopy(net)
    pp.runpp(reference, tolerance_mva=1e-10, max_iteration=40)
    return reference


def assert_same_voltages(net, county):
    reference, again = solved(net), solved(build(county, hour="mean"))
    by_name = again.res_bus["vm_pu"].set_axis(again.bus["name"])
    node = bus_labels(net)[fused_buses(net)].to_numpy()
    np.testing.assert_allclose(
        by_name.reindex(node), reference.res_bus["vm_pu"], rtol=0, atol=SAME_PU
    )
    for table in ("res_line", "res_trafo"):
        assert again[table]["pl_mw"].sum() == pytest.approx(
            reference[table]["pl_mw"].sum(), rel=1e-7, abs=1e-12
        )


NETS = {
    "CIGRE MV": cigre_mv,
    "CIGRE LV": cigre_lv,
    "Kerber Landnetz": kerber_landnetz,
    "33 buses (Baran and Wu)": case33bw,
}


@pytest.mark.parametrize("make", NETS.values(), ids=NETS.keys())
def test_a_published_net_gives_its_voltages_and_losses_back(make):
    net = make()
    assert not check_pandapower(net).of_severity("error")
    assert_same_voltages(net, from_pandapower(net))


@built_once
def two_villages():
    """10 kV, a unit of two in parallel off its middle tap, and lines in every state."""
    net = empty_net(name="two villages")
    station, pole, yard = pp.create_buses(net, 3, 10.0, name=["站", "杆", ""])
    low = pp.create_buses(net, 4, 0.4, name=["a", "b", "b", "c"])
    pp.create_ext_grid(net, station, vm_pu=1.04)
    wire = {"r_ohm_per_km": 0.6, "x_ohm_per_km": 0.38, "c_nf_per_km": 9.0, "max_i_ka": 0.2}
    pp.create_line_from_parameters(net, station, pole, 4.0, **wire, g_us_per_km=3.0, df=0.8)
    open_at_start = pp.create_line_from_parameters(net, yard, pole, 2.0, **wire)
    pp.create_switch(net, yard, open_at_start, et="l", closed=False)
    pp.create_transformer_from_parameters(
        net, pole, low[0], 0.1, 10.5, 0.4, 1.6, 4.0, 0.29, 1.9, shift_degree=330, parallel=2,
        tap_side="hv", tap_pos=2, tap_neutral=3, tap_min=1, tap_max=5, tap_step_percent=2.5,
        tap_changer_type="Ratio",
    )  # fmt: skip
    for start, end, count in ((0, 1, 2), (1, 2, 1), (2, 3, 1)):
        pp.create_line_from_parameters(net, low[start], low[end], 0.3, 0.45, 0.3, 0, 0.2,
                                       parallel=count)  # fmt: skip
    pp.create_loads(net, low, p_mw=[0.02, 0.01, 0.015, 0.012], q_mvar=0.004, scaling=0.9)
    pp.create_shunt(net, pole, q_mvar=-0.1, vn_kv=10.5)
    net.bus["village"] = ["", "", "", "上村", "上村", "下村", "下村"]
    return net


def test_every_state_of_a_line_and_a_transformer_comes_along():
    net = two_villages()
    county = from_pandapower(net)
    assert_same_voltages(net, county)
    assert list(county.nodes["name"]) == ["站", "杆", "bus #2", "a", "b #4", "b #5", "c"]
    turned = county.sections.iloc[1]
    assert (turned["from_node"], turned["to_node"], turned["normally_open"]) == (
        "杆", "bus #2", True,
    )  # fmt: skip
    (unit,) = county.transformers.to_dict("records")
    (kind,) = county.transformer_types.to_dict("records")
    # two of 100 kVA are one of 200 kVA; one step off the middle of five
    assert (kind["sn_kva"], kind["p0_kw"], unit["tap"]) == (200.0, pytest.approx(0.58), -1)
    assert (kind["tap_min"], kind["tap_max"]) == (-2, 2)
    # 0.8 of 200 A is what the first line may carry
    assert county.line_types["max_i_ka"].iloc[0] == pytest.approx(0.16)


def test_an_inductive_shunt_is_told_and_left_out():
    """A county's capacitors supply kvar; one of less than nothing would not pass its validation."""
    net = two_villages()
    pp.create_shunt(net, 1, q_mvar=0.5, name="coil")
    (fault,) = check_pandapower(net).of_severity("error")
    assert (fault.code, fault.subject) == ("shunt-not-held", "coil")
    with pytest.raises(InputError, match="coil: it draws reactive power"):
        from_pandapower(net)
    county = from_pandapower(net, leave_out=True)
    assert (county.capacitors["kvar"] > 0).all()
    assert len(county.capacitors) == 1
    assert not validate(county).of_severity("error")


def test_its_villages_are_judged():
    county = from_pandapower(two_villages())
    net = build(county, hour="mean")
    limits = get_limits("GBT12325_2008")
    year = solve_year(
        net,
        LoadProfiles.constant(net),
        low_limits_pu={"limit": limits.low_pu(net.bus["vn_kv"].to_numpy())},
    )
    table = village_voltages(county, year, limits).set_index("village")
    volts = solved(two_villages()).res_bus["vm_pu"] * 400 / np.sqrt(3)
    # at bus c, the last of the seven, in the year engine's 1e-7 pu
    assert table.loc["下村", "v_min_v"] == pytest.approx(volts.iloc[6], abs=1e-4)
    assert table.loc["下村", "worst_node"] == "c"


@pytest.mark.parametrize("hour", ["mean", "peak"])
def test_a_county_of_ours_comes_back_from_its_net(hour):
    """Kinds, customers and held voltages too: the hour of the peak is the same."""
    own = small_county()
    again = from_pandapower(build(own))
    ours = solve_snapshot(build(own, hour=hour)).res_bus["vm_pu"]
    theirs = solve_snapshot(build(again, hour=hour)).res_bus["vm_pu"]
    # tap changers step at the same voltages; 1e-9 MVA of mismatch is left by either
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-7)
    assert list(again.consumers["kind"]) == list(own.consumers["kind"])
    assert set(again.transformers["type"]) == set(own.transformers["type"])


def test_its_loads_are_no_households():
    """A load says nothing of homes: none are counted, and four-wire access is not judged."""
    county = from_pandapower(two_villages())
    access = four_wire_access(county)
    assert (county.villages["households"] == 0).all()
    assert access["has_four_wire"].isna().all()
    assert (access["households_four_wire"] == 0).all()


def test_villages_by_a_table_of_names():
    net = two_villages()
    table = pd.DataFrame(
        {"bus": ["a", "b #4"], "village": ["甲", "甲"], "town": "镇", "households": 7}
    )
    county = from_pandapower(net, table)
    assert county.villages[["name", "town", "households"]].to_numpy().tolist() == [["甲", "镇", 7]]
    assert list(county.consumers["village"]) == ["甲", "甲", "", ""]


def test_villages_by_a_mapping_of_indices():
    assert set(from_pandapower(two_villages(), {6: "丙"}).villages["name"]) == {"丙"}


def test_a_village_of_a_bus_that_is_not_there():
    with pytest.raises(UnknownNameError, match=r"nearest: .*b #4"):
        from_pandapower(two_villages(), {"b #9": "x"})
    with pytest.raises(InputError, match="'village' is expected"):
        from_pandapower(two_villages(), pd.DataFrame({"bus": ["a"]}))


def with_generator(net):
    pp.create_sgen(net, 3, 0.01)


def with_leading_load(net):
    net.load.loc[1, "q_mvar"] = -0.004


def with_voltage_dependence(net):
    net.load["const_z_p_percent"] = 40.0


def with_switch_at_transformer(net):
    pp.create_switch(net, 1, 0, et="t", closed=False)


def with_phase_shifter(net):
    net.trafo["tap_step_degree"] = 5.0


def with_half_tap(net):
    net.trafo["tap_pos"] = 2.5


def with_angle(net):
    pp.create_ext_grid(net, 2, va_degree=30.0)


FAULTS = [
    (with_generator, "element-not-held", "sgen", "no table for it"),
    (with_leading_load, "load-not-held", "load #1", "a lagging factor"),
    (with_voltage_dependence, "load-not-held", "load #0", "voltage dependence"),
    (with_switch_at_transformer, "switch-not-held", "trafo #0", "stands idle"),
    (with_phase_shifter, "transformer-not-held", "trafo #0", "turn the phase"),
    (with_half_tap, "transformer-not-held", "trafo #0", "between two taps, at -0.5"),
    (with_angle, "source-not-held", "ext_grid #0", "different angles"),
]


@pytest.mark.parametrize(("spoil", "code", "subject", "told"), FAULTS)
def test_what_the_tables_cannot_hold_is_told_and_refused(spoil, code, subject, told):
    net = two_villages()
    spoil(net)
    finding = check_pandapower(net).of_severity("error")[0]
    assert (finding.code, finding.subject) == (code, subject)
    assert told in finding.message
    with pytest.raises(InputError, match="cannot hold"):
        from_pandapower(net)
    assert len(from_pandapower(net, leave_out=True).sections) == 5


@pytest.mark.parametrize(("nf_per_km", "severity"), [(10.0, "error"), (0.0, "warning")])
def test_another_frequency_is_told(nf_per_km, severity):
    """Capacitance charges by the frequency; without any only the name plate differs."""
    net = two_villages()
    net.f_hz = 60.0
    net.line["c_nf_per_km"] = nf_per_km
    (finding,) = [f for f in check_pandapower(net) if f.code == "frequency-differs"]
    assert (finding.value, finding.limit, finding.severity) == (60.0, 50.0, severity)


def test_buses_that_are_one_are_told():
    findings = check_pandapower(cigre_lv())
    assert {f.code for f in findings} == {"buses-are-one"}
    assert findings.of_severity("error") == findings[:0]


def test_the_net_is_left_as_it_was():
    net = two_villages()
    before = copy.deepcopy(net)
    from_pandapower(net)
    for table in ("bus", "line", "trafo", "load"):
        pd.testing.assert_frame_equal(net[table], before[table])


def test_own_types_stand_before_the_catalogue():
    """A wire of the utility's own, named as one of the catalogue: its ohms count."""
    county = small_county()
    name = county.sections["conductor"].iloc[0]
    own = pd.DataFrame(
        {"name": [name], "r_ohm_per_km": [1.25], "x_ohm_per_km": [0.5], "max_i_ka": [0.1]}
    )
    net = build(county.with_tables(line_types=conform("line_types", own)))
    of_own = net.line["conductor"] == name
    assert set(net.line.loc[of_own, "r_ohm_per_km"]) == {1.25}
    assert set(net.line.loc[of_own, "c_nf_per_km"]) == {0.0}
    assert (net.line.loc[~of_own, "r_ohm_per_km"] != 1.25).all()


def test_an_own_type_that_stands_twice_is_refused():
    own = pd.DataFrame(
        {"name": ["x", "x"], "r_ohm_per_km": 1.0, "x_ohm_per_km": 1.0, "max_i_ka": 1}
    )
    county = small_county().with_tables(line_types=own)
    with pytest.raises(InputError, match="'x' stands twice"):
        build(county)


# files -------------------------------------------------------------------------------------------


def test_json_round_trip(tmp_path):
    net = two_villages()
    again = read_pandapower_json(write_pandapower_json(net, tmp_path / "net.json"))
    np.testing.assert_array_equal(solved(again).res_bus["vm_pu"], solved(net).res_bus["vm_pu"])
    assert [path.name for path in tmp_path.iterdir()] == ["net.json"]


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"a": 1}'])
def test_what_is_no_net_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x\.json"):
        read_pandapower_json(tmp_path / "x.json")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="nothing"):
        read_pandapower_json(tmp_path / "nothing.json")


@pytest.mark.parametrize("file", ["county", "county.xlsx"])
def test_its_tables_are_valid_and_round_trip_by_file(tmp_path, file):
    """Own types go into the workbook too; written and read, the net is the same to the bit."""
    county = from_pandapower(two_villages())
    assert not validate(county).of_severity("error")
    write_county(county, tmp_path / file)
    again = read_county(tmp_path / file)
    ours, theirs = (solved(build(c, hour="mean")).res_bus["vm_pu"] for c in (county, again))
    np.testing.assert_array_equal(theirs, ours)
