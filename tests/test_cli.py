"""The command: what it prints where, and what it leaves with.

Exit codes 0, 2 and 3 and each kind of output are once a process of their own, as for a user; the
rest is run in this process, which has loaded pandapower already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import mkdtemp

import pandas as pd
import pytest
from cli_command import run_here
from small_county import FOLDER, copied_plan, edited, python

from ruralgrid import __version__
from ruralgrid.county.files import write_county
from ruralgrid.county.template import example_county, write_template
from ruralgrid.errors import ConvergenceError, WriteError

QUICK = ("--hours", "representative", "--no-sensitivity")


def command(*words: str | Path) -> CompletedProcess[str]:
    """In a process of its own."""
    return python("-m", "ruralgrid", *words)


def refused(*words: str | Path, run: Callable[..., CompletedProcess[str]] = run_here) -> str:
    """The message of a command that is to leave with 2: one, on stderr, and nothing else said."""
    done = run(*words)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("ruralgrid: ") == 1
    return done.stderr.partition("ruralgrid: ")[2]


@cache
def studied() -> tuple[CompletedProcess[str], Path]:
    """One study as JSON with a folder of CSV, shared."""
    out = Path(mkdtemp(prefix="ruralgrid-test-")) / "out"
    return command("study", FOLDER, *QUICK, "--json", "--out", out), out


# --- the command itself ---------------------------------------------------------------------------


def test_help_names_each_command() -> None:
    done = command("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for name in ("study", "audit", "conductor", "lines"):
        assert name in done.stdout


def test_the_bare_command_prints_its_help() -> None:
    done = command()
    assert done.returncode == 0
    assert done.stdout == command("--help").stdout


def test_help_loads_nothing_heavy() -> None:
    """Seconds differ from machine to machine; what is loaded does not."""
    done = python("-X", "importtime", "-m", "ruralgrid", "--help")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "ruralgrid.cli" in loaded
    heavy = {"pandas", "pandapower", "numpy", "numba", "scipy", "matplotlib", "networkx"}
    assert loaded & heavy == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "{'pandas', 'numpy', 'pandapower', 'numba'}"
    done = python("-c", f"import sys, ruralgrid; print({heavy} & set(sys.modules))")
    assert done.stdout == "set()\n"


def test_version_is_the_packages() -> None:
    assert command("--version").stdout == f"ruralgrid {__version__}\n"


# --- study ----------------------------------------------------------------------------------------


def test_a_study_as_json_is_all_that_stands_on_stdout() -> None:
    done, _ = studied()
    assert done.returncode == 0, done.stderr
    tables = json.loads(done.stdout)
    assert [row["stage"] for row in tables["stages"]] == [0, 1, 2]
    low = [row["households_low"] for row in tables["stages"]]  # 285, 115 and 0 by the plan
    assert low[0] == pytest.approx(285, rel=0.1)
    assert low[0] > low[1] > low[2] == 0
    assert {row["basis"] for row in tables["claim_nets"]} == {"as run", "equal energy"}
    assert "solving" in done.stderr


def test_a_study_writes_the_tables_that_it_prints() -> None:
    done, out = studied()
    tables = json.loads(done.stdout)
    beside = {"summary", "report", "study", "files"}
    assert {path.stem for path in out.iterdir()} == {*tables, *beside}
    stages = pd.read_csv(out / "stages.csv")
    assert stages["fed_kwh"].tolist() == pytest.approx([r["fed_kwh"] for r in tables["stages"]])


def test_a_study_of_one_stage_prints_plain_tables_where_it_is_piped() -> None:
    done = run_here("study", FOLDER, *QUICK, "--stage", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Stages / 阶段\n")
    table = done.stdout.partition("\n\n")[0].splitlines()[3:]
    assert [row.split()[0] for row in table if row.split()[0].isdigit()] == ["1"]
    assert "Built / 建设规模" in done.stdout
    assert "a year claimed" not in done.stdout  # the claim needs two stages
    assert "\x1b" not in done.stdout  # no colours in a file


# --- the other commands ---------------------------------------------------------------------------


def test_an_audit_prints_both_figures_and_the_difference() -> None:
    done = command("audit", "ningxian")
    assert done.returncode == 0
    assert done.stderr == ""
    # the money of batch 1 at the stated prices: 82.83 km + 134.38 km at 12, 60 transformers at 6
    # is 2,966.52; the plan states 3,312.88
    (row,) = [
        line for line in done.stdout.splitlines() if "money-differs" in line and "batch 1" in line
    ]
    for figure in ("2,966.52", "3,312.88", "-346.36"):
        assert figure in row


def test_an_audit_as_json_holds_every_finding() -> None:
    done = run_here("audit", "ningxian", "--json")
    findings = json.loads(done.stdout)["findings"]
    assert {"sum-differs", "totals-swapped"} & {finding["code"] for finding in findings}
    # 134.38 km is stated for all four batches, which add up to 385.38 km
    (lengths,) = [f for f in findings if f["value"] == 385.38]
    assert lengths["limit"] == 134.38


def test_a_conductor_is_printed_with_its_sources() -> None:
    done = run_here("conductor", "JKLGYJ-10/70")
    assert done.returncode == 0
    (area,) = [line for line in done.stdout.splitlines() if "aluminium area" in line]
    assert "mm2" in area
    # 70 mm2 nominal; the exact section of a 70/10 strand is 68.05 mm2 (GB/T 1179)
    assert "68.05" in area
    assert "ampacity" in done.stdout


def test_a_conductor_is_judged_and_its_figures_are_rounded() -> None:
    """JKLGYJ-1/70 over 150 m: the table of spacing ends at 70 m, and 4.15 m are too low."""
    done = run_here("conductor", "JKLGYJ-1/70", "--span", "150")
    assert done.returncode == 0
    (height,) = [line for line in done.stdout.splitlines() if "height above ground" in line]
    assert re.search(r" 4\.\d\d +m ", height)
    (sag,) = [line for line in done.stdout.splitlines() if "sag at" in line]
    assert re.search(r" \d\.\d\d? +m ", sag)
    assert "warning: spacing-too-small: span of 150.0 m" in done.stdout
    (low,) = [line for line in done.stdout.splitlines() if "clearance-missed" in line]
    assert "5 m above ground" in low
    assert "GB 50061" in low
    found = json.loads(run_here("conductor", "JKLGYJ-1/70", "--json").stdout)["findings"]
    assert [each["code"] for each in found] == ["spacing-too-small"]  # 80 m
    assert "warning" not in run_here("conductor", "JKLGYJ-1/70", "--span", "50").stdout


def test_the_catalogue_is_listed() -> None:
    done = run_here("catalogue")
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("JKLGYJ-10/70", "10kV-tri-bare-80", "S11-100/10", "SSZ11-20000/110"):
        assert f" {name} " in done.stdout.replace("\n", " ")
    tables = json.loads(run_here("catalogue", "--json").stdout)
    kinds = ["conductors", "arrangements", "transformers", "three_winding_transformers"]
    assert list(tables) == kinds
    (row,) = [row for row in tables["transformers"] if row["name"] == "S11-100/10"]
    assert (row["sn_kva"], row["vn_hv_kv"]) == (100, 10)


def test_lines_rebuild_three_tables_and_check_the_county() -> None:
    done = run_here("lines", FOLDER, "--json")
    assert done.returncode == 0, done.stderr
    tables = json.loads(done.stdout)
    assert set(tables) == {"conductors", "spans", "spacing", "findings"}
    # those that the plan names are among them, beside those that the county has
    conductors = [row["conductor"] for row in tables["conductors"]]
    assert {"JKLGYJ-10/70", "JKLGYJ-10/95", "JKLGYJ-1/50", "JKLGYJ-1/70"} <= set(conductors)


# --- bad input: 2, one message, the place, the nearest name ---------------------------------------


def test_an_unknown_plan() -> None:
    message = refused("study", "ningxain", run=command)
    assert "'ningxain'" in message
    assert "nearest: ningxian" in message


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "plan.toml",
            "households = 290",
            "housholds = 290",
            ["batch[1].housholds", "nearest: households"],
        ),
        (
            "plan.toml",
            "length_10kv_km = 58.0",
            "length_10kv_km = -58.0",
            ["existing.length_10kv_km: received -58.0", "[km]"],
        ),
        (
            "plan.toml",
            "length_10kv_km = 58.0",
            'length_10kv_km = "58 km"',
            ["existing.length_10kv_km: received '58 km'", "a number"],
        ),
        ("plan.toml", "transformers_35kv = 2\n", "", ["existing.transformers_35kv: missing"]),
        (
            "plan.toml",
            'towns = ["丙川", "乙山"]',
            'towns = ["丙州", "乙山"]',
            ["batch[2].towns[1]", "'丙州'", "nearest: 丙川乡"],
        ),
        (
            "villages.csv",
            "乙山镇,石崖村",
            "乙山乡镇,石崖村",
            ["villages.csv line 10.town", "'乙山乡镇'", "nearest: 乙山镇"],
        ),
        (
            "townships.csv",
            "36.000,105.000",
            "306.000,105.000",
            ["townships.csv line 2.lat_deg: received 306.0", "[deg]"],
        ),
    ],
)
def test_a_fault_of_a_plan_is_told_with_its_place(
    tmp_path: Path, file: str, old: str, new: str, told: list[str]
) -> None:
    plan = copied_plan(tmp_path)
    edited(plan / file, old, new)
    message = refused("audit", plan)
    for part in [str(plan / "plan.toml"), *told]:
        assert part in message


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    plan = copied_plan(tmp_path)
    edited(plan / "plan.toml", "households = 290", "housholds = 290")
    edited(plan / "plan.toml", "length_0_4kv_km = 76.0", "length_0_4kv_km = -76.0")
    assert "3 faults in the plan" in refused("audit", plan)  # households is missing, too


def test_a_missing_file(tmp_path: Path) -> None:
    plan = copied_plan(tmp_path)
    (plan / "townships.csv").unlink()
    message = refused("audit", plan)
    assert "townships.csv: missing" in message
    assert "a CSV file of the townships beside the plan" in message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "no such file" in refused("audit", tmp_path / "nowhere.toml")


def test_totals_that_cannot_be_met(tmp_path: Path) -> None:
    """Two transformers of 35 kV make 4,000 or 5,000 kVA, not 4,321."""
    plan = copied_plan(tmp_path)
    edited(plan / "plan.toml", "_35kv_kva = 4000", "_35kv_kva = 4321")
    message = refused("study", plan, *QUICK)
    assert "existing, transformer_capacity_35kv_kva" in message
    assert "no set of standard ratings makes 4,321 kVA" in message


def test_a_mistyped_assumption(tmp_path: Path) -> None:
    plan = copied_plan(tmp_path)
    edited(plan / "assumptions.toml", "[capacity_load_ratio]", "[capacity_load_ration]")
    message = refused("study", plan, *QUICK)
    assert str(plan / "assumptions.toml") in message
    assert "nearest: capacity_load_ratio" in message


def test_an_unknown_conductor() -> None:
    message = refused("conductor", "JKLGYJ-10/71")
    assert "nearest: JKLGYJ-10/70" in message
    assert "`ruralgrid catalogue` lists them" in message


def test_an_unknown_conductor_of_a_project(tmp_path: Path) -> None:
    plan = copied_plan(tmp_path)
    edited(plan / "plan.toml", 'conductor = "LGJ-150"', 'conductor = "LGJ-1500"')
    message = refused("study", plan, *QUICK)
    assert "LGJ-1500" in message
    assert "nearest" in message


def test_an_unknown_stage_writes_nothing(tmp_path: Path) -> None:
    message = refused("study", FOLDER, "--stage", "3", "--out", tmp_path / "out")
    assert "no stage 3; the county has 0, 1, 2" in message
    assert list(tmp_path.iterdir()) == []


def test_unknown_limits() -> None:
    assert "nearest: GBT12325_2008" in refused("study", FOLDER, "--limits", "GBT12325_2009")


def test_limits_without_voltage_bands_are_told_at_once() -> None:
    done = run_here("study", FOLDER, "--limits", "GBT15543_2008")
    assert (done.returncode, done.stdout) == (2, "")
    told = "limits GBT15543_2008: it has no voltage bands; sets that have: GBT12325_2008"
    assert done.stderr == f"ruralgrid: {told}\n"


def test_an_out_folder_that_is_a_file_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    assert str(tmp_path / "out") in refused(
        "study", FOLDER, *QUICK, "--stage", "1", "--out", tmp_path / "out"
    )
    assert (tmp_path / "out").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_out_that_cannot_be_written_is_told_before_the_study(tmp_path: Path) -> None:
    """A name too long for any file system; whatever was made to try it is gone again."""
    message = refused("study", "ningxian", "--out", tmp_path / "new" / ("x" * 300))
    assert "cannot be written: File name too long; name another place" in message
    assert list(tmp_path.iterdir()) == []


def test_a_study_spoils_no_input(tmp_path: Path) -> None:
    """A plan's folder has a villages.csv, as a study has; a workbook may be named study.xlsx."""
    plan = copied_plan(tmp_path)
    before = {path: path.read_bytes() for path in plan.iterdir()}
    for source in (plan, plan / "plan.toml"):
        told = refused("study", source, *QUICK, "--out", plan)
        assert "is the folder that the study reads its tables from" in told
    assert {path: path.read_bytes() for path in plan.iterdir()} == before
    write_template(tmp_path / "own" / "study.xlsx", example=True)
    told = refused("study", tmp_path / "own" / "study.xlsx", *QUICK, "--out", tmp_path / "own")
    assert "study.xlsx is there already and no study wrote it" in told


def test_a_study_of_tables_tells_warnings_and_prints_before_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk is full at the end, the tables stand on standard output all the same."""
    county = example_county()
    write_county(
        county.with_tables(sections=county.sections.assign(span_m=95.0)), tmp_path / "c.xlsx"
    )

    def full(*_: object, **__: object) -> None:
        raise WriteError("No space left on device")

    monkeypatch.setattr("ruralgrid.studies.result.Study.write", full)
    words = ["study", tmp_path / "c.xlsx", *QUICK, "--stage", "0", "--phases", "balanced"]
    done = run_here(*words, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "ruralgrid: No space left on device" in done.stderr
    assert "warning: sections, row 2, span_m: " in done.stderr
    assert "drawing" not in done.stderr
    assert done.stdout.startswith("Stages / ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["audit", "ningxian", "--jsn"], "--json"),
        (["stduy", "ningxian"], "study"),
        (["study"], "COUNTY"),
        (["study", "ningxian", "--seed", "-1"], "--seed"),
        (["study", "ningxian", "--seed", "one"], "--seed"),
        (["study", "ningxian", "--hours", "some"], "representative"),
    ],
)
def test_a_mistake_in_the_words_of_the_command(words: list[str], told: str) -> None:
    assert told in refused(*words)


# --- no solution: 3 -------------------------------------------------------------------------------

UNEVEN_TAILS = """
[tail_moment_spread]
value = 0.60
unit = "of the middle"
grade = "assumed"
source = "a test: the longest tail is far above the middle one and carries its load no more"

[entry_voltage_middle_v]
value = 178.0
unit = "V"
grade = "assumed"
source = "a test: the median of uneven tails"
"""


def test_a_county_without_a_solution_leaves_with_3_and_writes_nothing(tmp_path: Path) -> None:
    plan = copied_plan(tmp_path)
    for stated_km in ("15.0", "13.0"):  # room for the spurs that replace the longest tails
        edited(plan / "plan.toml", f"length_10kv_km = {stated_km}", "length_10kv_km = 20.0")
    with (plan / "assumptions.toml").open("a", encoding="utf-8") as file:
        file.write(UNEVEN_TAILS)
    done = command("study", plan, *QUICK, "--out", tmp_path / "out")
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    message = done.stderr.splitlines()[-1]
    assert message.startswith("ruralgrid: ")
    for part in ("no solution", "stage 0", "hour ", "feeder "):
        assert part in message
    assert not (tmp_path / "out").exists()


def test_a_county_without_any_solution_leaves_with_3(tmp_path: Path) -> None:
    """Twenty times the load: no length of the tails helps."""
    plan = copied_plan(tmp_path)
    edited(plan / "assumptions.toml", "value = 4.0", "value = 0.2")
    done = run_here("study", plan, *QUICK)
    assert done.returncode == 3, done.stderr
    assert "no solution" in done.stderr


def test_the_place_of_no_solution_is_told_once() -> None:
    error = ConvergenceError("no solution", 0, 7, "F1")
    assert (error.message, str(error)) == (
        "no solution",
        "no solution (stage 0, hour 7, feeder F1)",
    )


def test_a_seed_below_0_of_lines() -> None:
    assert "--seed" in refused("lines", FOLDER, "--seed", "-1")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("value = 4.0", "val = 4.0", ["[capacity_load_ratio]", "'val'", "nearest: value"]),
        ("value = 4.0", 'value = "much"', ["[capacity_load_ratio] value", "a number is expected"]),
        ('grade = "assumed"\n', "", ["[capacity_load_ratio]", "grade is missing"]),
        ("value = 4.0", "value = ", ["not a valid TOML file"]),
    ],
)
def test_a_fault_of_the_assumptions_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, told: list[str]
) -> None:
    plan = copied_plan(tmp_path)
    edited(plan / "assumptions.toml", old, new)
    message = refused("lines", plan)
    for part in [str(plan / "assumptions.toml"), *told]:
        assert part in message


def test_assumptions_that_are_not_utf8(tmp_path: Path) -> None:
    plan = copied_plan(tmp_path)
    (plan / "assumptions.toml").write_bytes("# 假设".encode("gbk"))
    assert "not UTF-8" in refused("lines", plan)
