"""OpenDSS scripts: the engine of another program solves them to the same voltages."""

from __future__ import annotations

import copy
import csv
from pathlib import Path

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from dss import DSS
from nets import case33bw, cigre_mv, empty_net, kerber_landnetz
from small_county import small_county
from test_flow_pandapower import with_three_windings
from test_from_pandapower import two_villages

from ruralgrid.errors import InputError, TopologyError, WriteError
from ruralgrid.flow import solve_snapshot
from ruralgrid.network import build
from ruralgrid.network.opendss import opendss_scripts, write_opendss_net
from ruralgrid.report.exports import write_opendss, write_pandapower

# The bound. Measured: 1e-5 pu on the packaged county (32,413 buses), 6e-6 pu here; a
# no-load branch that stands half at either side of an impedance costs the square of a drop.
SAME_PU = 1e-4
CLOSE_PU = 2e-5


def voltages_of(folder: Path) -> pd.Series:
    """What OpenDSS finds, by the names of the net [pu]."""
    DSS.AllowForms = False
    DSS.Text.Command = f'compile "{folder / "master.dss"}"'
    circuit = DSS.ActiveCircuit
    assert circuit.Solution.Converged
    found = {}
    for name in circuit.AllBusNames:
        circuit.SetActiveBus(name)
        found[name] = np.mean(circuit.ActiveBus.puVmagAngle[::2])
    with (folder / "names.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == "bus"]
    return pd.Series([found.get(row["opendss"], np.nan) for row in rows])


@pytest.mark.parametrize("hour", ["peak", "mean", 3000])
def test_a_county_solves_to_the_same_voltages(tmp_path, hour):
    """Deep tails (0.67 pu), loads that follow the voltage, open ties, taps that were moved."""
    county = small_county()
    write_opendss(county, tmp_path / "dss", hour=hour)
    ours = solve_snapshot(build(county, hour=hour))
    found = voltages_of(tmp_path / "dss")
    assert len(found) == len(county.nodes)
    assert np.abs(found - ours.res_bus["vm_pu"].to_numpy()).max() < CLOSE_PU


def test_a_later_stage_too(tmp_path):
    county = small_county().at(2)
    write_opendss(county, tmp_path / "dss")
    ours = solve_snapshot(build(county)).res_bus["vm_pu"].to_numpy()
    assert np.abs(voltages_of(tmp_path / "dss") - ours).max() < CLOSE_PU


def three_windings():
    """330/110/35 kV with a tap and unequal ratings, two levels below it, no generator."""
    net = with_three_windings()
    net.sgen["in_service"] = False
    return net


NETS = {
    "three windings": three_windings,
    "two villages": two_villages,
    "CIGRE MV": cigre_mv,
    "33 buses": case33bw,
    "Kerber": kerber_landnetz,
}


@pytest.mark.parametrize("make", NETS.values(), ids=NETS.keys())
def test_other_nets_solve_to_the_same_voltages(tmp_path, make):
    net = make()
    if "g_us_per_km" in net.line:
        net.line["g_us_per_km"] = 0.0
    write_opendss_net(net, tmp_path / "dss")
    reference = copy.deepcopy(net)
    pp.runpp(reference, tolerance_mva=1e-10)
    found = voltages_of(tmp_path / "dss")
    alive = reference.res_bus["vm_pu"].notna().to_numpy()
    difference = np.abs(found - reference.res_bus["vm_pu"].to_numpy())[alive]
    assert difference.max() < SAME_PU


@pytest.mark.parametrize("side", ["hv", "lv"])
def test_taps_turn_the_same_way(tmp_path, side):
    net = two_villages()
    net.trafo["tap_side"], net.trafo["tap_pos"] = side, 5
    net.line["g_us_per_km"] = 0.0
    write_opendss_net(net, tmp_path / "dss")
    reference = copy.deepcopy(net)
    pp.runpp(reference, tolerance_mva=1e-10)
    assert (
        np.abs(voltages_of(tmp_path / "dss") - reference.res_bus["vm_pu"].to_numpy()).max()
        < SAME_PU
    )


def test_names_are_numbers_and_the_table_says_whose(tmp_path):
    net = two_villages()
    net.line["g_us_per_km"] = 0.0
    net.bus.loc[3, "name"] = "a.1 村 =cmd|'/c calc'!A0, \"x\""
    scripts = opendss_scripts(net)
    for name in ("lines.dss", "loads.dss", "transformers.dss"):
        assert scripts[name].isascii()
        assert "cmd" not in scripts[name]
    rows = list(csv.DictReader(scripts["names.csv"].splitlines()))
    (row,) = [row for row in rows if (row["table"], row["opendss"]) == ("bus", "bus4")]
    assert row["name"] == net.bus.at[3, "name"]
    net.bus.loc[3, "name"] = "=cmd|'/c calc'!A0"
    assert "bus,bus4,'=cmd|'/c calc'!A0" in opendss_scripts(net)["names.csv"].splitlines()


@pytest.mark.parametrize("end", [*"\n\r\v\f\x00\x1c\x85\u2028\u2029", "\r\n"])
def test_a_name_cannot_write_a_line_of_its_own(end):
    net = two_villages()
    net.line["g_us_per_km"] = 0.0
    net.name = "x"
    plain = opendss_scripts(net)["master.dss"].splitlines()
    net.name = f"x{end}Clear"
    lines = opendss_scripts(net)["master.dss"].splitlines()
    assert lines[0].split() == [*plain[0].split(), "Clear"]
    assert lines[1:] == plain[1:]


@pytest.mark.parametrize(
    ("table", "columns", "told"),
    [
        ("trafo", {"tap2_pos": 2.0, "tap2_neutral": 0.0}, "'trafo #0': a second tap changer"),
        ("trafo", {"leakage_resistance_ratio_hv": 0.2}, "'trafo #0': its impedance is not shared"),
        ("trafo", {"leakage_reactance_ratio_hv": 0.9}, "'trafo #0': its impedance is not shared"),
        ("trafo", {"tap_dependency_table": True}, "'trafo #0': its impedance depends"),
        ("trafo", {"tap_changer_type": "Symmetrical", "tap_step_degree": 60.0}, "turn the phase"),
        ("trafo3w", {"tap_step_degree": 60.0}, "turn the phase"),
        ("trafo3w", {"tap_at_star_point": True}, "at the star point"),
    ],
)
def test_a_transformer_that_would_come_out_wrong_is_refused(tmp_path, table, columns, told):
    net = two_villages() if table == "trafo" else three_windings()
    net.line["g_us_per_km"] = 0.0
    opendss_scripts(net)
    for column, value in columns.items():
        net[table][column] = value
    with pytest.raises(TopologyError, match=told):
        write_opendss_net(net, tmp_path / "dss")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda net: pp.create_sgen(net, 3, 0.01), "sgen"),
        (lambda net: pp.create_switch(net, 0, 1, et="b"), "a switch between two buses"),
        (lambda net: net.ext_grid.__setitem__("in_service", False), "no external grid"),
    ],
)
def test_what_the_scripts_cannot_hold_is_refused(tmp_path, spoil, told):
    net = two_villages()
    net.line["g_us_per_km"] = 0.0
    spoil(net)
    with pytest.raises(TopologyError, match=told):
        write_opendss_net(net, tmp_path / "dss")
    assert list(tmp_path.iterdir()) == []


def test_charging_at_60_hz_is_that_of_60_hz(tmp_path):
    """A cable of 300 nF/km at 110 kV and hardly a load: it lifts the far end by the frequency."""
    net = empty_net(f_hz=60.0)
    pp.create_buses(net, 2, 110.0)
    pp.create_ext_grid(net, 0)
    pp.create_line_from_parameters(net, 0, 1, 40.0, 0.1, 0.4, 300.0, 1.0)
    pp.create_load(net, 1, 0.1)
    write_opendss_net(net, tmp_path / "dss")
    pp.runpp(net, tolerance_mva=1e-10)
    assert net.res_bus["vm_pu"].iloc[1] > 1.02  # 50 Hz would lift it by a sixth less
    difference = voltages_of(tmp_path / "dss") - net.res_bus["vm_pu"].to_numpy()
    assert np.abs(difference).max() < SAME_PU


@pytest.mark.parametrize(
    ("table", "column", "value", "told"),
    [
        ("load", "p_mw", np.nan, "load load #1"),
        ("load", "scaling", np.inf, "load load #1"),
        ("trafo", "vkr_percent", 9.0, "transformer trafo #0"),
        ("trafo", "vk_percent", np.nan, "transformer trafo #0"),
    ],
)
def test_figures_that_are_none_are_refused_with_their_element(tmp_path, table, column, value, told):
    net = two_villages()
    net.line["g_us_per_km"] = 0.0
    net[table].loc[net[table].index[1 if table == "load" else 0], column] = value
    with pytest.raises(InputError, match=told):
        write_opendss_net(net, tmp_path / "dss")
    assert list(tmp_path.iterdir()) == []


def test_a_conductance_to_earth_is_refused(tmp_path):
    with pytest.raises(TopologyError, match=r"line .*conductance"):
        write_opendss_net(two_villages(), tmp_path / "dss")


def test_a_file_in_the_way_stays(tmp_path):
    (tmp_path / "dss").write_text("mine")
    with pytest.raises(WriteError, match="is a file"):
        write_opendss(small_county(), tmp_path / "dss")
    assert (tmp_path / "dss").read_text() == "mine"


def test_what_else_lies_in_the_folder_is_left_alone(tmp_path):
    (tmp_path / "report.html").write_text("a study")
    with pytest.raises(WriteError, match=r"holds 'report\.html', which .*OpenDSS.* would delete"):
        write_opendss(small_county(), tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
        ("report.html", "a study")
    ]
    write_opendss(small_county(), tmp_path / "dss")
    write_opendss(small_county().at(1), tmp_path / "dss")  # over its own


def test_pandapower_json_of_a_county(tmp_path):
    path = write_pandapower(small_county(), tmp_path / "net.json", hour="mean")
    again = pp.from_json(str(path))
    assert list(again.bus["name"]) == list(small_county().nodes["name"])
    ours = solve_snapshot(build(small_county(), hour="mean")).res_bus["vm_pu"]
    # JSON keeps 17 digits; what is left is the mismatch allowed, 1e-9 MVA
    np.testing.assert_allclose(solve_snapshot(again).res_bus["vm_pu"], ours, rtol=0, atol=1e-8)
