"""The guard: violations by closed forms, baselines, JUnit XML, and the command's exit codes."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nets import empty_net
from small_county import FOLDER, small_county

from ruralgrid.assess import compared_violations, voltage_violations
from ruralgrid.cli import main
from ruralgrid.county.files import write_county
from ruralgrid.county.template import example_county
from ruralgrid.errors import ConvergenceError, InputError, UnknownNameError, WriteError
from ruralgrid.limits import get_limits
from ruralgrid.report.guard import (
    check_as_json,
    describe_violation,
    junit_xml,
    read_baseline,
    village_table,
    write_baseline,
)
from ruralgrid.studies import VoltageCheck, check_voltages
from ruralgrid.studies.stage import prepare, solve_stage, whole_year

GBT = get_limits("GBT12325_2008")
BASE_V = 400 / math.sqrt(3)


def buses(**columns):
    frame = pd.DataFrame(columns)
    blank = {"status": "solved", "vm_min_hour": 5, "vm_max_hour": 9}
    for name, value in blank.items():
        if name not in frame:
            frame[name] = value
    return frame


def points(frame, village="v"):
    return pd.DataFrame({"node": frame["name"], "village": village, "phases": "a"})


# the judgement -----------------------------------------------------------------------------------


def test_exactly_on_a_closed_limit_is_inside():
    """GB/T 12325: 220 V -10 % to +7 % is 198 to 235.4 V; both ends belong to the band."""
    volts = np.array([198.0, 197.999, 235.4, 235.401])
    frame = buses(name=list("abcd"), vn_kv=0.4, vm_min_pu=volts / BASE_V, vm_max_pu=volts / BASE_V)
    # the limit itself is computed as 220 * 0.9 / 230.94, a last bit away from 198 / 230.94
    frame.loc[0, ["vm_min_pu", "vm_max_pu"]] = GBT.low_pu(0.4)
    frame.loc[2, ["vm_min_pu", "vm_max_pu"]] = GBT.high_pu(0.4)
    found = voltage_violations(frame, points(frame), GBT)
    assert found[["node", "kind"]].to_numpy().tolist() == [["b", "low"], ["d", "high"]] or found[
        ["node", "kind"]
    ].to_numpy().tolist() == [["d", "high"], ["b", "low"]]
    low = found.set_index("kind").loc["low"]
    assert low["value"] == pytest.approx(197.999)
    assert low["limit"] == pytest.approx(198.0)
    assert low["clause"] == "GB/T 12325-2008 4.3"


def test_low_for_an_hour_is_no_violation_yet():
    """The campaign's rule: low for more than one hour; high in any hour."""
    frame = buses(
        name=list("abc"),
        vn_kv=0.4,
        vm_min_pu=[0.8, 0.8, 1.0],
        vm_max_pu=[1.0, 1.0, 1.1],
        hours_below_limit=[1.0, 2.0, 0.0],
        hours_above_limit=[0.0, 0.0, 1.0],
    )
    found = voltage_violations(frame, points(frame), GBT).set_index("node")
    assert set(found.index) == {"b", "c"}
    assert found["hours"].to_dict() == {"b": 2.0, "c": 1.0}
    assert found["worst_hour"].to_dict() == {"b": 5, "c": 9}
    # an hour that stands for 8760/288 of them is more than one
    some = voltage_violations(frame, points(frame), GBT, hours_each=8760 / 288)
    assert set(some["node"]) == {"a", "b", "c"}
    assert set(voltage_violations(frame, points(frame), GBT, hours_allowed=0)["node"]) == set("abc")


def test_medium_voltage_is_held_against_its_own_band():
    """10 kV: 9.3 to 10.7 kV line to line."""
    frame = buses(name=["x"], vn_kv=10.0, vm_min_pu=[0.92], vm_max_pu=[1.02])
    (row,) = voltage_violations(frame, points(frame), GBT).to_dict("records")
    assert (row["kind"], row["value"], row["limit"]) == (
        "low", pytest.approx(9200.0), pytest.approx(9300.0),
    )  # fmt: skip


def test_from_35_kv_the_sum_of_deviations_counts():
    """-4 % and +7 % make 11 %; +7 % and +2 % are 7 %."""
    frame = buses(name=["x", "y"], vn_kv=35.0, vm_min_pu=[0.96, 1.02], vm_max_pu=[1.07, 1.07])
    (row,) = voltage_violations(frame, points(frame), GBT).to_dict("records")
    assert (row["node"], row["kind"], row["unit"]) == ("x", "deviation_sum", "%")
    assert (row["value"], row["limit"]) == (pytest.approx(11.0), 10.0)
    assert row["worst_hour"] == 9


def test_without_supply_is_a_violation_and_comes_first():
    frame = buses(
        name=["low", "dead", "out"],
        vn_kv=0.4,
        vm_min_pu=[0.5, np.nan, np.nan],
        vm_max_pu=[0.9, np.nan, np.nan],
        status=["solved", "unsupplied", "out_of_service"],
    )
    found = voltage_violations(frame, points(frame), GBT)
    assert found[["node", "kind"]].to_numpy().tolist() == [["dead", "unsupplied"], ["low", "low"]]


def test_a_point_without_solution_or_bus_is_no_silent_pass():
    frame = buses(name=["x"], vn_kv=0.4, vm_min_pu=[np.nan], vm_max_pu=[np.nan], status=["failed"])
    with pytest.raises(InputError, match="no solution at 'x'"):
        voltage_violations(frame, points(frame), GBT)
    with pytest.raises(InputError, match="no bus 'y'"):
        voltage_violations(frame, points(frame.assign(name="y")), GBT)


def test_worst_is_the_furthest_from_its_limit():
    frame = buses(
        name=list("abc"), vn_kv=0.4, vm_min_pu=[0.85, 0.70, 1.0], vm_max_pu=[1.0, 1.0, 1.10]
    )
    assert list(voltage_violations(frame, points(frame), GBT)["node"]) == ["b", "c", "a"]


# against a baseline ------------------------------------------------------------------------------


def violation(node="n", value=190.0, hours=10.0, kind="low", limit=198.0):
    return {
        "village": "v", "node": node, "kind": kind, "phases": "a", "value": value, "limit": limit,
        "unit": "V", "hours": hours, "first_hour": 3, "worst_hour": 4, "clause": "c",
    }  # fmt: skip


def state_of(before, now):
    compared, gone = compared_violations(pd.DataFrame([now]), pd.DataFrame([before]))
    return compared["state"].iloc[0], len(gone)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (violation(), "known"),
        (violation(node="other"), "new"),
        (violation(kind="high", value=240.0, limit=235.4), "new"),
        # 0.1 % of 198 V is 0.198 V
        (violation(value=189.81), "known"),
        (violation(value=189.80), "worse"),
        (violation(value=190.19), "known"),
        (violation(value=190.20), "improved"),
        # 1 h and 2 % of 10 h are 1.2 h
        (violation(hours=11.2), "known"),
        (violation(hours=11.3), "worse"),
        (violation(hours=8.7), "improved"),
        # nearer and longer is worse
        (violation(value=195.0, hours=20.0), "worse"),
    ],
)
def test_states_and_their_tolerance(now, state):
    found, gone = state_of(violation(), now)
    assert found == state
    assert gone == (state == "new")


def test_higher_than_too_high_is_worse():
    before = violation(kind="high", value=237.0, limit=235.4)
    assert state_of(before, {**before, "value": 238.0})[0] == "worse"
    assert state_of(before, {**before, "value": 236.0})[0] == "improved"


def test_unsupplied_stays_known():
    before = violation(kind="unsupplied", value=np.nan, limit=np.nan, hours=np.nan)
    assert state_of(before, before) == ("known", 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.floats(100, 197), st.floats(2, 8000)),
        min_size=1,
        unique_by=lambda row: row[0],
    )
)
def test_what_is_held_against_itself_is_known(rows):
    table = pd.DataFrame([violation(*row) for row in rows])
    compared, gone = compared_violations(table, table)
    assert set(compared["state"]) == {"known"}
    assert gone.empty


def test_new_and_worse_come_first():
    table = pd.DataFrame([violation("a", 150.0), violation("b", 197.0)])
    compared, _ = compared_violations(table, table.iloc[:1])
    assert list(compared["node"]) == ["b", "a"]


# a county ----------------------------------------------------------------------------------------


@cache
def before() -> VoltageCheck:
    return check_voltages(small_county(), phases="balanced")


@cache
def after() -> VoltageCheck:
    return check_voltages(small_county(), stage=2, phases="balanced")


def test_a_county_is_judged_as_its_study_judges_it():
    case = prepare(small_county(), phases="balanced")
    study = solve_stage(case, GBT, whole_year()).villages
    low = study[study["status"] == "low"].set_index("village")
    found = before().violations
    found = found[found["kind"] == "low"]
    assert set(found["village"]) == set(low.index)
    # the study and the check solve to 1e-6 pu each, 0.2 mV
    worst = found.groupby("village")["value"].min()
    np.testing.assert_allclose(worst, low["v_min_v"][worst.index], rtol=0, atol=1e-3)
    assert found.groupby("village")["hours"].max().to_dict() == low["hours_low"].to_dict()


def test_the_works_cure_what_was_low():
    _, gone = compared_violations(after().violations, before().violations)
    assert "low" not in set(after().violations["kind"])
    assert len(gone) == len(before().violations)


def test_the_first_hour_is_the_first():
    from ruralgrid.flow import solve_year

    check = before()
    node = check.violations["node"].iloc[0]
    bus = check.net.bus.index[check.net.bus["name"] == node]
    volts = solve_year(check.net, check.profiles, record_buses=bus, progress=False).recorded[bus[0]]
    low = volts.index[volts < GBT.low_pu(0.4)]
    assert check.violations["first_hour"].iloc[0] == low[0]
    assert check.violations["hours"].iloc[0] == len(low)
    assert check.violations["worst_hour"].iloc[0] == volts.idxmin()


def test_the_peak_alone_and_hours_that_stand_for_a_year():
    peak = check_voltages(small_county(), hours="peak", phases="balanced")
    assert len(peak.solution.hours) == 1
    assert set(peak.violations["hours"]) == {1.0}
    some = check_voltages(small_county(), hours="representative", phases="balanced")
    assert len(some.solution.hours) == 288
    each = some.violations["hours"] / (8760 / 288)
    np.testing.assert_allclose(each, each.round(), rtol=1e-9)


OWN_LIMITS = """
name = "OWN_180V"
title = "180 V, a test"
includes = ["RURAL_PRACTICE"]

[[voltage_band]]
connection = "single_phase"
from_kv = 0.0
to_kv = 1.0
nominal_v = 200.0
low_percent = -10.0
high_percent = 20.0
ends = "closed"
clause = "own rule"
grade = "assumed"
source = "a test"

[[voltage_band]]
connection = "three_phase"
from_kv = 1.0
to_kv = 400.0
low_percent = -20.0
high_percent = 20.0
ends = "closed"
clause = "own rule"
grade = "assumed"
source = "a test"
"""


def test_wire_by_wire_the_worst_phase_with_customers_is_judged():
    check = check_voltages(small_county(), hours="peak")
    assert check.solution.phases is not None
    volts = check.solution.phases.set_index("name")
    customers = small_county().consumers.groupby("node")["phases"].agg("".join)
    low = check.violations[check.violations["kind"] == "low"]
    assert len(low) > 0
    for row in low.to_dict("records"):
        assert row["phases"] in customers[row["node"]]
        lowest_pu = volts.at[row["node"], f"v_{row['phases']}_min_pu"]
        assert row["value"] == pytest.approx(lowest_pu * BASE_V, abs=1e-9)


def test_limits_of_your_own(tmp_path):
    """180 V: what lies between is no violation any more."""
    (tmp_path / "own.toml").write_text(OWN_LIMITS, encoding="utf-8")
    found = before().under(str(tmp_path / "own.toml")).violations
    assert 0 < len(found) < len(before().violations)
    assert found["value"].max() < 180.0
    assert set(found["limit"].round(6)) == {180.0}


def test_every_node_where_it_is_asked():
    check = check_voltages(small_county(), hours="peak", phases="balanced", all_nodes=True)
    assert set(check.points["node"]) == set(small_county().nodes["name"])


def test_kinds_that_are_not_judged():
    assert before().without(["low"]).violations.query("kind == 'low'").empty
    with pytest.raises(UnknownNameError, match="nearest: low"):
        before().without(["lows"])


def test_a_wrong_choice():
    with pytest.raises(UnknownNameError, match="representative"):
        check_voltages(small_county(), hours="some")
    with pytest.raises(InputError, match="own tables"):
        check_voltages(small_county(), villages={})
    with pytest.raises(UnknownNameError, match="four-wire"):
        check_voltages(small_county(), phases="four wires")
    with pytest.raises(InputError, match="wires are not known"):
        check_voltages(two_bus_net(), phases="four-wire")
    with pytest.raises(InputError, match="no stage 2"):
        check_voltages(two_bus_net(), stage=2)
    with pytest.raises(InputError, match=r"received str 'n.json'; a County .*read_pandapower_json"):
        check_voltages("n.json")
    with pytest.raises(InputError, match="limits: received dict"):
        check_voltages(two_bus_net(), limits={"low": 0.9})
    with pytest.raises(InputError, match=r"RURAL_PRACTICE: it has no voltage bands; .*GBT12325"):
        check_voltages(two_bus_net(), limits="RURAL_PRACTICE")


# a net -------------------------------------------------------------------------------------------


def two_bus_net(p_mw=0.05):
    net = empty_net(name="two buses")
    one, two = pp.create_buses(net, 2, 0.4, name=["站", "<户>"])
    pp.create_ext_grid(net, one)
    pp.create_line_from_parameters(net, one, two, 1.0, 0.6, 0.3, 0.0, 0.2)
    pp.create_load(net, two, p_mw, 0.0)
    net.bus["village"] = ["", "上村"]
    return net


def test_a_net_is_judged_in_its_one_hour():
    """One load over one line has a closed form: u^4 + u^2 (2 P R - 1) + P^2 Z^2 = 0 [pu]."""
    check = check_voltages(two_bus_net(0.04))
    r, x, p = 0.6 / 0.16, 0.3 / 0.16, 0.04
    u = math.sqrt((1 - 2 * p * r + math.sqrt((1 - 2 * p * r) ** 2 - 4 * p**2 * (r**2 + x**2))) / 2)
    (row,) = check.violations.to_dict("records")
    assert row["value"] == pytest.approx(u * BASE_V, abs=1e-3)
    assert (row["village"], row["node"], row["hours"], row["first_hour"]) == ("上村", "<户>", 1, 0)


def test_a_net_without_solution():
    with pytest.raises(ConvergenceError):
        check_voltages(two_bus_net(5.0))


# what it leaves behind ---------------------------------------------------------------------------


def test_a_baseline_reads_back(tmp_path):
    path = write_baseline(before(), tmp_path / "b.json")
    again = read_baseline(path, before())
    compared, gone = compared_violations(before().violations, again)
    assert set(compared["state"]) == {"known"}
    assert gone.empty
    # a line a violation, in the order of names: a change can be read
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith('  {"village"')]
    assert len(rows) == len(before().violations)
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]
    write_baseline(before(), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_an_empty_baseline_reads_back(tmp_path):
    path = write_baseline(after().without(["high", "low"]), tmp_path / "b.json")
    assert read_baseline(path, after()).empty


def test_a_baseline_of_other_limits_or_hours_is_refused(tmp_path):
    path = write_baseline(before(), tmp_path / "b.json")
    with pytest.raises(InputError, match="of stage 0, the check of 2"):
        read_baseline(path, after())
    with pytest.raises(InputError, match="of county 'elsewhere', the check of"):
        read_baseline(write_baseline(replace(before(), name="elsewhere"), path), before())
    path = write_baseline(before(), tmp_path / "b.json")
    peak = check_voltages(small_county(), hours="peak", phases="balanced")
    with pytest.raises(InputError, match="of hours 'all', the check of 'peak'"):
        read_baseline(path, peak)


def spoilt(data, change):
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d.pop("format"), "not a baseline"),
        (lambda d: d.pop("violations"), "a list 'violations'"),
        (lambda d: d["violations"].append(d["violations"][0]), "stands twice"),
        (lambda d: d["violations"][0].pop("kind"), "violation 1: the fields"),
        (lambda d: d["violations"][1].update(value="low"), "violation 2, value: a number"),
        (lambda d: d["violations"][1].update(value=float("nan")), "violation 2, value: a number"),
        (lambda d: d["violations"][1].update(value=True), "violation 2, value: a number"),
        (lambda d: d["violations"][0].update(node=7), "violation 1, node: text"),
    ],
)
def test_a_spoilt_baseline_is_told_with_its_place(tmp_path, change, told):
    path = write_baseline(before(), tmp_path / "b.json")
    path.write_text(spoilt(json.loads(path.read_text(encoding="utf-8")), change))
    with pytest.raises(InputError, match=told):
        read_baseline(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b"[]", b"7"])
def test_what_is_no_baseline(tmp_path, content):
    (tmp_path / "b.json").write_bytes(content)
    with pytest.raises(InputError, match=r"b\.json"):
        read_baseline(tmp_path / "b.json")


def test_junit_has_a_case_per_village_and_fails_what_is_new():
    known = before().violations.query("village != @worst", local_dict={"worst": worst_village()})
    compared, _ = compared_violations(before().violations, known)
    root = ElementTree.fromstring(junit_xml(before(), compared))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    villages = set(before().points["village"])
    assert set(cases) == {village or "(no village)" for village in villages}
    failed = [name for name, case in cases.items() if case.find("failure") is not None]
    assert failed == [worst_village()]
    suite = root.find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == (str(len(cases)), "1")
    assert before().violations["node"].iloc[0] in cases[worst_village()].find("failure").text
    told = [case for case in cases.values() if case.find("system-out") is not None]
    assert len(told) == before().violations["village"].nunique() - 1


def worst_village():
    return before().violations["village"].iloc[0]


def test_junit_survives_any_name():
    net = two_bus_net()
    net.bus["village"] = ["", '<a> & \x00\ud800 "b" ]]>']
    check = check_voltages(net)
    compared, _ = compared_violations(check.violations, check.violations.iloc[:0])
    text = junit_xml(check, compared)
    root = ElementTree.fromstring(text.encode())
    (case,) = root.iter("testcase")
    assert case.get("name") == '<a> & ?? "b" ]]>'
    assert "<户>" in case.find("failure").text


def test_json_holds_every_violation():
    compared, gone = compared_violations(before().violations, before().violations.iloc[:0])
    data = json.loads(check_as_json(before(), compared, gone), parse_constant=pytest.fail)
    assert len(data["violations"]) == data["failing"] == len(before().violations)
    assert data["violations"][0]["clause"] == "GB/T 12325-2008 4.3"


def test_one_violation_in_words():
    assert describe_violation(violation()) == (
        "v n (phase a): 190.0 V, below 198.0 V (c), 10 h, first in hour 3, worst in hour 4"
    )


def test_a_row_per_village_and_kind_with_its_worst_node():
    table = village_table(before().violations)
    assert not table.duplicated(["village", "kind"]).any()
    assert table["nodes"].sum() == len(before().violations)
    worst = before().violations.groupby(["village", "kind"])["value"].min()
    low = table[table["kind"] == "low"].set_index(["village", "kind"])
    assert low["value"].to_dict() == worst[low.index].to_dict()


# the command -------------------------------------------------------------------------------------


BALANCED = ("--phases", "balanced")  # quicker, and the deepest tail has a solution


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The tables of the small county, which are read at once; its plan is drawn and calibrated."""
    folder = tmp_path_factory.mktemp("small") / "tables"
    write_county(small_county(), folder)
    return folder


class Done:
    """What the command left behind, in this process: the county is drawn by the same engine."""

    def __init__(self, capsys, *words):
        with pytest.raises(SystemExit) as leaving:
            main([str(word) for word in words])
        self.returncode = leaving.value.code
        self.stdout, self.stderr = capsys.readouterr()


def test_the_command_fails_on_what_is_new_and_leaves_files(capsys, tmp_path):
    done = Done(
        capsys,
        "check",
        FOLDER,
        *BALANCED,
        "--junit",
        tmp_path / "j.xml",
        "--json",
        "--hours",
        "peak",
    )
    assert done.returncode == 1, done.stderr
    data = json.loads(done.stdout)  # and nothing else
    assert data["failing"] == len(data["violations"]) > 0
    assert data["hours"] == "peak"
    assert ElementTree.parse(tmp_path / "j.xml").getroot().get("failures") != "0"
    assert "drawing and calibrating" in done.stderr
    done = Done(capsys, "check", FOLDER, *BALANCED, "--hours", "peak")
    assert data["violations"][0]["village"] in done.stdout
    assert "GB/T 12325-2008 4.3" in done.stdout


def test_a_baseline_makes_it_pass_and_a_better_stage_says_so(capsys, tables, tmp_path):
    baseline = tmp_path / "b.json"
    done = Done(
        capsys,
        "check",
        tables,
        *BALANCED,
        "--hours",
        "peak",
        "--baseline",
        baseline,
        "--update-baseline",
    )
    assert done.returncode == 0, done.stderr
    known_of = json.loads(baseline.read_text(encoding="utf-8"))
    done = Done(capsys, "check", tables, *BALANCED, "--hours", "peak", "--baseline", baseline)
    assert done.returncode == 0, done.stderr
    assert "known" in done.stdout
    done = Done(capsys, "check", tables, "--hours", "peak", "--baseline", baseline, "--stage", "2")
    assert done.returncode == 2
    assert "the baseline is of stage 0, the check of 2" in done.stderr
    baseline.write_text(json.dumps({**known_of, "stage": 2}), encoding="utf-8")
    done = Done(
        capsys,
        "check",
        tables,
        *BALANCED,
        "--hours",
        "peak",
        "--baseline",
        baseline,
        "--stage",
        "2",
    )
    assert done.returncode == 0, done.stderr
    assert "improved:" in done.stderr
    assert "no longer low" in done.stderr
    done = Done(capsys, "check", tables, *BALANCED, "--baseline", baseline, "--stage", "2")
    assert done.returncode == 2  # all hours against a baseline of the peak
    assert "the baseline is of hours 'peak'" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "nowhere"),
        ([FOLDER, "--limits", "GBT12325_2009"], "nearest: GBT12325_2008"),
        ([FOLDER, "--stage", "7"], "no stage 7"),
        ([FOLDER, "--update-baseline"], "needs --baseline"),
        ([FOLDER, "--baseline", "no.json"], "no.json: there is no such baseline; ruralgrid check"),
        ([FOLDER, "--limits", "RURAL_PRACTICE"], "no voltage bands; sets that have: GBT12325_2008"),
        ([FOLDER, "--hours", "some"], "representative"),
        ([FOLDER, "--ignore", "lows"], "unsupplied"),
        (["net.json"], "can carry code"),
        (["net.json", "--trust-pandapower-json"], "net.json"),
    ],
)
def test_bad_input_leaves_with_2(capsys, words, told):
    done = Done(capsys, "check", *words)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_tables_of_your_own(capsys, tmp_path):
    """The example of the template: one village low; then a wire that no catalogue knows."""
    county = example_county()
    write_county(county, tmp_path / "own")
    done = Done(capsys, "check", tmp_path / "own", "--stage", "1")
    assert done.returncode == 0, done.stderr
    done = Done(capsys, "check", tmp_path / "own")
    assert done.returncode == 1, done.stderr
    assert "上坡村一组" in done.stdout
    write_county(county.at(1), tmp_path / "later")
    done = Done(capsys, "check", tmp_path / "later", "--hours", "peak")
    assert "stage 1, peak hours" in done.stderr
    assert done.returncode == 0, done.stderr
    done = Done(capsys, "export", tmp_path / "later", tmp_path / "map", "--format", "geojson")
    assert done.returncode == 0, done.stderr
    sections = county.sections.copy()
    sections.loc[7, "conductor"] = "LGJ-36/6"
    write_county(county.with_tables(sections=sections), tmp_path / "spoilt")
    done = Done(capsys, "check", tmp_path / "spoilt")
    assert done.returncode == 2
    assert "error: sections, row 9, conductor: " in done.stderr
    assert "LGJ-36/6" in done.stderr
    assert "1 error in the county's tables" in done.stderr
    assert "ruralgrid catalogue` lists conductors" in done.stderr
    sections["conductor"] = "LGJ-36/6"
    write_county(county.with_tables(sections=sections), tmp_path / "spoilt")
    done = Done(capsys, "check", tmp_path / "spoilt")
    assert done.stderr.count("error: ") == 20
    assert "more; ruralgrid validate shows all" in done.stderr


def test_a_trusted_net_and_no_solution(capsys, tmp_path):
    pp.to_json(two_bus_net(), str(tmp_path / "net.json"))
    (tmp_path / "villages.csv").write_text("bus,village\n<户>,下村\n", encoding="utf-8")
    trust = ["--trust-pandapower-json", "--villages", tmp_path / "villages.csv"]
    done = Done(capsys, "check", tmp_path / "net.json", *trust)
    assert done.returncode == 1, done.stderr
    assert "下村" in done.stdout
    (tmp_path / "villages.csv").write_text("bus,village\n1,坡村\n", encoding="gb18030")
    done = Done(capsys, "check", tmp_path / "net.json", *trust)
    assert "坡村" in done.stdout
    pp.to_json(two_bus_net(5.0), str(tmp_path / "net.json"))
    done = Done(capsys, "check", tmp_path / "net.json", *trust)
    assert done.returncode == 3, done.stderr


@pytest.mark.parametrize(
    ("form", "out", "files"),
    [
        ("geojson", "map", {"nodes.geojson", "sections.geojson", "villages.geojson"}),
        ("opendss", "dss", {"master.dss", "lines.dss", "loads.dss", "names.csv"}),
    ],
)
def test_export_writes_a_folder(capsys, tables, tmp_path, form, out, files):
    done = Done(capsys, "export", tables, tmp_path / out, "--format", form)
    assert done.returncode == 0, done.stderr
    assert files <= {path.name for path in (tmp_path / out).iterdir()}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            [FOLDER, "m", "--format", "geojson", "--hour", "3"],
            "--hour has no effect on --format geo",
        ),
        ([FOLDER, "n.json", "--format", "pandapower", "--datum", "gcj02"], "--datum has no effect"),
        (
            [FOLDER, "dss", "--format", "opendss", "--results"],
            "--results has no effect on --format",
        ),
        (["net.json", "dss", "--format", "opendss", "--hour", "3"], "--hour is of a county"),
        (
            ["net.json", "dss", "--format", "opendss", "--stage", "0"],
            "--stage is of a county; a net",
        ),
    ],
)
def test_export_refuses_an_option_without_effect(capsys, monkeypatch, tmp_path, words, told):
    monkeypatch.chdir(tmp_path)
    done = Done(capsys, "export", *words)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_updated_baseline_leaves_the_other_files_too(capsys, tmp_path):
    pp.to_json(two_bus_net(), str(tmp_path / "net.json"))
    files = ["--junit", tmp_path / "j.xml", "--json"]
    baseline = ["--baseline", tmp_path / "b.json", "--update-baseline"]
    words = [tmp_path / "net.json", "--trust-pandapower-json", *baseline, *files]
    done = Done(capsys, "check", *words)
    assert done.returncode == 0, done.stderr
    assert "1 violation known from now on" in done.stderr
    assert [row["state"] for row in json.loads(done.stdout)["violations"]] == ["known"]
    done = Done(capsys, "check", *words)  # over its own
    assert done.returncode == 0, done.stderr
    assert ElementTree.parse(tmp_path / "j.xml").getroot().get("failures") == "0"
    assert len(read_baseline(tmp_path / "b.json")) == 1


# what is not written over -------------------------------------------------------------------------

PEAK = ("--hours", "peak", *BALANCED)


@pytest.fixture
def workbook(tmp_path):
    """The example's workbook."""
    write_county(example_county(), tmp_path / "c.xlsx")
    return tmp_path / "c.xlsx"


def refused_to_write(capsys, monkeypatch, words, kept):
    """The message of a command that works at nothing and leaves the files as they are."""
    monkeypatch.setattr("ruralgrid.opening.open_county", pytest.fail)
    folder = kept[0].parent
    before = {path: path.read_bytes() for path in kept}, sorted(folder.rglob("*"))
    done = Done(capsys, *words)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert ({path: path.read_bytes() for path in kept}, sorted(folder.rglob("*"))) == before
    return done.stderr


@pytest.mark.parametrize(
    "option", [["--junit"], ["--update-baseline", "--baseline"]], ids=["junit", "baseline"]
)
def test_a_check_writes_over_no_other_file(capsys, monkeypatch, tmp_path, workbook, option):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    kept = [workbook, tmp_path / "notes.txt"]
    told = refused_to_write(capsys, monkeypatch, ["check", workbook, *option, workbook], kept)
    assert f"{option[-1]}: {workbook} is read as an input; name another place" in told
    words = ["check", workbook, *option, tmp_path / "notes.txt"]
    told = refused_to_write(capsys, monkeypatch, words, kept)
    assert "notes.txt is there already and is not " in told
    words = ["check", workbook, *option, tmp_path / "none" / ("x" * 300)]
    assert "cannot be written: File name too long" in refused_to_write(
        capsys, monkeypatch, words, kept
    )


def test_two_outputs_of_a_check_are_two_files(capsys, monkeypatch, tmp_path, workbook):
    both = ["--junit", tmp_path / "f", "--update-baseline", "--baseline", tmp_path / "f"]
    told = refused_to_write(capsys, monkeypatch, ["check", workbook, *both], [workbook])
    assert "--baseline and --junit name the same file" in told


@pytest.mark.parametrize(
    ("form", "out", "told"),
    [
        ("pandapower", "c.xlsx", "OUT: {out} is read as an input"),
        ("geojson", "mine.json", "is there already and is not a GeoJSON by ruralgrid"),
        ("pandapower", "mine.json", "is there already and is not a pandapower JSON"),
        ("pandapower", "dss", "is a folder; a file is expected"),
        ("opendss", "mine.json", "is a file; a folder is expected"),
        ("opendss", "dss", "holds files, and no master.dss of ruralgrid's"),
        ("geojson", "dss", "holds 'lines.dss', which a folder of GeoJSON layers would delete"),
    ],
)
def test_an_export_writes_over_no_other_file(
    capsys, monkeypatch, tmp_path, workbook, form, out, told
):
    (tmp_path / "dss").mkdir()
    (tmp_path / "dss" / "lines.dss").write_text("! a model of mine", encoding="utf-8")
    (tmp_path / "mine.json").write_text('{"type": "FeatureCollection"}', encoding="utf-8")
    kept = [workbook, tmp_path / "mine.json", tmp_path / "dss" / "lines.dss"]
    words = ["export", workbook, tmp_path / out, "--format", form]
    message = refused_to_write(capsys, monkeypatch, words, kept)
    assert told.format(out=tmp_path / out) in message


@pytest.mark.parametrize(
    ("form", "out"),
    [("pandapower", "n.json"), ("geojson", "m.geojson"), ("geojson", "map"), ("opendss", "dss")],
)
def test_an_export_replaces_its_own(capsys, tmp_path, workbook, form, out):
    for _ in range(2):
        done = Done(capsys, "export", workbook, tmp_path / out, "--format", form)
        assert done.returncode == 0, done.stderr
    assert ("1 file written: " in done.stderr) is out.endswith("json")


def test_a_seed_without_effect_is_refused(capsys, monkeypatch, tmp_path, workbook):
    for words in (
        ["check", workbook, *PEAK],
        ["study", workbook],
        ["export", workbook, tmp_path / "n.json", "--format", "pandapower"],
    ):
        told = refused_to_write(capsys, monkeypatch, [*words, "--seed", "9"], [workbook])
        assert "--seed has no effect on a county's own tables; leave it out" in told


def test_tables_that_cannot_be_written_are_printed(capsys, monkeypatch, tmp_path, workbook):
    """The disk may be full by then."""

    def full(*_):
        raise WriteError("No space left on device")

    monkeypatch.setattr("ruralgrid.files.write_text", full)
    done = Done(capsys, "check", workbook, *PEAK, "--junit", tmp_path / "j.xml")
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert done.stdout.startswith("Voltages of ")
