"""Bad plans: each fault is named with its place, what was received and what is expected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.plan import read_plan

PLAN = """\
[document]
county = "青川"

[county]
area_km2 = 100
population = 3000
townships = 2
administrative_villages = 3
seat = "东河镇"

[existing]
substations_35kv = 1
transformers_35kv = 2
transformer_capacity_35kv_kva = 10000
lines_35kv = 1
length_35kv_km = 10
length_10kv_km = 50.0
length_0_4kv_km = 80.0

[[hv_project]]
name = "西山35kV"
substation_kv = 35
transformer_mva = [5.0]
lines = [{ kv = 35, from = "东河", to = "西山", length_km = 12.0 }]

[[batch]]
year = 1
towns = ["东河"]
length_10kv_km = 10.0
length_0_4kv_km = 20.0
transformers = 5
households = 100
low_voltage = { households = 60, villages = 2 }
three_phase = { households = 40, villages = 1 }

[[batch]]
year = 2
towns = ["西山"]
length_10kv_km = 5.0
length_0_4kv_km = 8.0
transformers = 3
households = 50
low_voltage = { households = 50, villages = 2 }

[hv_schedule]
year_2 = ["西山35kV"]
"""
TOWNS = """\
name,lat_deg,lon_deg,position_accuracy_km,administrative_villages,population
东河镇,35.0,107.0,1,2,2000
西山乡,35.1,107.0,1,1,1000
外站,35.2,107.0,1,,
"""
VILLAGES = """\
town,administrative_village,code
东河镇,王村,1
东河镇,李村,2
西山乡,张村,3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "townships.csv").write_text(TOWNS, encoding="utf-8")
    (tmp_path / "villages.csv").write_text(VILLAGES, encoding="utf-8")
    return tmp_path


def change(folder: Path, old: str, new: str, file: str = "plan.toml") -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def message(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_plan(folder)
    assert str(folder / "plan.toml") in str(caught.value)
    return str(caught.value)


def test_folder_and_file_read_alike(folder: Path):
    plan = read_plan(folder)
    assert plan == read_plan(folder / "plan.toml") == read_plan(str(folder))
    assert plan.towns_of(plan.batch(2)) == ("西山乡",)
    assert [p.name for p in plan.projects_of(2)] == ["西山35kV"]
    assert [place.name for place in plan.places] == ["外站"]
    assert len(plan.villages) == 3


def test_a_plan_without_its_optional_parts_reads(folder: Path):
    text = PLAN.split("[hv_schedule]")[0]
    text = re.sub(r"\[\[hv_project\]\].*?(?=\[\[batch)", "", text, flags=re.S)
    text = text.removeprefix('[document]\ncounty = "青川"\n')
    (folder / "plan.toml").write_text(text, encoding="utf-8")
    (folder / "villages.csv").unlink()
    plan = read_plan(folder)
    assert plan.hv_projects == plan.villages == ()
    assert plan.hv_schedule is None
    assert plan.claims.energy_saved_kwh_per_year is None


def test_files_named_in_places_are_read(folder: Path):
    (folder / "townships.csv").rename(folder / "towns.csv")
    change(folder, "[county]", '[places]\ntownships = "towns.csv"\n\n[county]')
    plan = read_plan(folder)
    assert len(plan.townships) == 2
    assert plan.villages == ()  # [places] names none


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("households = 100", "housholds = 100", ["batch[1].housholds", "nearest: households"]),
        ("households = 100", "housholds = 100", ["batch[1].households: missing"]),
        ("population = 3000", "", ["county.population: missing", "whole number from 1"]),
        ("population = 3000", 'population = "many"', ["county.population", "'many'"]),
        ("population = 3000", "population = true", ["county.population: received True"]),
        ("population = 3000", "population = 3000.5", ["county.population: received 3000.5"]),
        ("length_10kv_km = 10.0", "length_10kv_km = -1.0", ["batch[1].length_10kv_km", "-1.0"]),
        ("length_10kv_km = 10.0", "length_10kv_km = nan", ["batch[1].length_10kv_km", "nan"]),
        ("length_10kv_km = 10.0", "length_10kv_km = 1e9", ["from 0 to 20000 [km]"]),
        ("length_km = 12.0", "length_km = 12000.0", ["hv_project[1].lines[1].length_km"]),
        ("households = 60", "households = -60", ["batch[1].low_voltage.households", "-60"]),
        ("low_voltage = { households = 60, villages = 2 }", "low_voltage = 60", ["a table"]),
        ("transformer_mva = [5.0]", "transformer_mva = [5.1]", ["a standard rating", "nearest: 5"]),
        ("transformer_mva = [5.0]", "transformer_mva = 5.0", ["a list of ratings"]),
        ("{ kv = 35, from", "{ kv = 36, from", ["lines[1].kv", "nominal voltage", "nearest: 35"]),
        ("year = 2", "year = 1", ["batch[2].year", "batch[1] has it"]),
        ("year = 2", "year = 3", ["batch, year", "the years 1 to 2"]),
        ('towns = ["西山"]', 'towns = ["西川乡"]', ["batch[2].towns[1]", "nearest: 西山乡"]),
        ('towns = ["西山"]', "towns = [7]", ["batch[2].towns[1]: received 7"]),
        ('towns = ["西山"]', 'towns = "西山"', ["batch[2].towns", "a list of texts"]),
        ('seat = "东河镇"', 'seat = "东湖镇"', ["county.seat", "nearest: 东河镇"]),
        ('year_2 = ["西山35kV"]', 'year_2 = ["西山110kV"]', ["year_2[1]", "nearest: 西山35kV"]),
        ('year_2 = ["西山35kV"]', 'yaer_2 = ["西山35kV"]', ["hv_schedule.yaer_2"]),
        ('year_2 = ["西山35kV"]', 'year_2 = "西山35kV"', ["a list of names"]),
        ('year_2 = ["西山35kV"]', 'year_3 = ["西山35kV"]', ["year_3", "a year of the 2 batches"]),
        (
            'year_2 = ["西山35kV"]',
            'year_1 = ["西山35kV"]\nyear_2 = ["西山35kV"]',
            ["year_2[1]", "each project once"],
        ),
        ("[hv_schedule]", "[hv_shedule]", ["hv_shedule", "nearest: hv_schedule"]),
        ("[existing]", "[exists]", ["existing: missing", "exists: no such field"]),
        ('name = "西山35kV"', 'name = ""', ["hv_project[1].name", "not empty"]),
        (
            "length_km = 12.0 }",
            'length_km = 12.0, conductor = "LGJ-155" }',
            [
                "plan.toml: ",
                "hv_project[1].lines[1].conductor: received 'LGJ-155'",
                "LGJ-150, ",  # the bare size, as it was written
                "`ruralgrid catalogue` lists them",
            ],
        ),
        (
            "[hv_schedule]",
            '[line_design]\nconductors_10kv = ["LGJ-70", "JKLGYJ-10/71"]\n\n[hv_schedule]',
            ["line_design.conductors_10kv[2]: received 'JKLGYJ-10/71'", "nearest: JKLGYJ-10/70"],
        ),
    ],
)
def test_a_fault_of_the_toml_is_named_with_place_and_expectation(folder, old, new, parts):
    change(folder, old, new)
    text = message(folder)
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    ("file", "old", "new", "parts"),
    [
        ("villages.csv", "西山乡,张村", "西山镇,张村", ["villages.csv line 4.town", "西山乡"]),
        ("villages.csv", "东河镇,李村", "东河镇,王村", ["villages.csv line 3", "line 2 has it"]),
        ("villages.csv", "code", "cdoe", ["villages.csv line 1.cdoe", "nearest: code"]),
        ("villages.csv", "张村,3", "张村,3,4", ["line 4", "no more cells than columns"]),
        ("townships.csv", "35.0,107.0", "95.0,107.0", ["townships.csv line 2.lat_deg", "95.0"]),
        ("townships.csv", "35.0,107.0", "north,107.0", ["line 2.lat_deg", "'north'"]),
        ("townships.csv", "1,2,2000", "1,2,-5", ["line 2.population", "-5"]),
        ("townships.csv", "1,2,2000", "1,2.5,2000", ["line 2.administrative_villages", "2.5"]),
        ("townships.csv", "西山乡", "东河镇", ["line 3.name", "line 2 has it"]),
        ("townships.csv", "lat_deg", "lat", ["line 1: missing", "lat_deg", "line 1.lat"]),
    ],
)
def test_a_fault_of_a_csv_is_named_with_line_and_column(folder, file, old, new, parts):
    change(folder, old, new, file)
    text = message(folder)
    for part in parts:
        assert part in text


def test_a_faulty_town_does_not_make_its_villages_homeless(folder: Path):
    change(folder, "35.0,107.0", "95.0,107.0", "townships.csv")
    assert "1 fault in the plan" in message(folder)


def test_many_villages_of_one_unknown_town_are_one_fault(folder: Path):
    change(folder, "东河镇,王村", "东湖,王村", "villages.csv")
    change(folder, "东河镇,李村", "东湖,李村", "villages.csv")
    text = message(folder)
    assert "1 fault in the plan" in text
    assert "villages.csv line 2 (and 1 more).town: received '东湖'" in text
    assert "nearest: 东河镇" in text


@pytest.mark.parametrize("junk", [None, "-1", "nan", '""', "[]", "[1]", "{}", "true", "1e300"])
def test_whatever_stands_in_a_line_gives_a_plan_or_an_input_error(folder: Path, junk):
    lines = PLAN.splitlines()
    for index, line in enumerate(lines):
        if " = " not in line:
            continue
        key = line.split(" = ")[0]
        replaced = [] if junk is None else [f"{key} = {junk}"]
        text = "\n".join([*lines[:index], *replaced, *lines[index + 1 :]])
        (folder / "plan.toml").write_text(text, encoding="utf-8")
        try:
            said = f"read, {key} is optional or may be so: {read_plan(folder)!r}"
        except InputError as error:
            said = str(error)
        # a fault names its field, or where a project is missed that lost its name
        assert key in said or (key == "name" and "hv_schedule" in said)


@pytest.mark.parametrize("table", ["batch", "hv_project", "hv_schedule", "places", "county"])
def test_a_figure_in_the_place_of_a_table_is_named(folder: Path, table):
    text = re.sub(rf"\[+{table}\]+.*?(?=\n\[|\Z)", "", PLAN, flags=re.S)
    (folder / "plan.toml").write_text(f"{table} = 3\n{text}", encoding="utf-8")
    assert f"{table}: received 3" in message(folder)


def test_all_faults_come_in_one_message(folder: Path):
    change(folder, "population = 3000", "population = -1")
    change(folder, "transformers = 5", "transformers = 5.5")
    change(folder, "西山乡,张村", "西镇,张村", "villages.csv")
    text = message(folder)
    assert "3 faults in the plan" in text
    assert len(text.splitlines()) == 4


def test_no_batch_is_a_fault(folder: Path):
    text = PLAN.split("[[batch]]")[0]
    (folder / "plan.toml").write_text(text, encoding="utf-8")
    assert "batch: missing" in message(folder)


def test_no_townships_is_a_fault(folder: Path):
    (folder / "townships.csv").unlink()
    assert "townships.csv: missing" in message(folder)
    (folder / "townships.csv").write_text(TOWNS.splitlines()[0], encoding="utf-8")
    assert "a row for each township" in message(folder)


def test_a_list_of_places_without_a_township_is_a_fault(folder: Path):
    lines = TOWNS.splitlines()
    (folder / "townships.csv").write_text(f"{lines[0]}\n{lines[3]}\n", encoding="utf-8")
    assert "a number of administrative_villages" in message(folder)


def test_broken_toml_names_the_line(folder: Path):
    change(folder, "population = 3000", "population = = 3000")
    assert "not a valid TOML file" in message(folder)
    assert "line 6" in message(folder)


def test_wrong_encoding_names_the_line(folder: Path):
    (folder / "plan.toml").write_bytes(PLAN.encode("gb18030"))
    text = message(folder)
    assert "line 2 is not UTF-8" in text
    assert "save the file as UTF-8" in text


def test_a_byte_order_mark_is_no_fault(folder: Path):
    for file in ("plan.toml", "townships.csv", "villages.csv"):
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(text, encoding="utf-8-sig")
    assert read_plan(folder).county.population == 3000


def test_a_conductor_as_plans_write_it_is_no_fault(folder: Path):
    """Without its steel area it means the usual row of that size."""
    change(folder, "length_km = 12.0 }", 'length_km = 12.0, conductor = "LGJ-150" }')
    assert read_plan(folder).hv_projects[0].lines[0].conductor == "LGJ-150"


def test_a_workbook_is_told_from_a_plan(tmp_path: Path):
    """It is zipped, and no text of a wrong encoding."""
    (tmp_path / "my.xlsx").write_bytes(b"PK\x03\x04\xff")
    with pytest.raises(InputError, match=r"a county's workbook; a plan's TOML is expected"):
        read_plan(tmp_path / "my.xlsx")


def test_an_unknown_plan_lists_the_nearest_packaged_one(tmp_path: Path):
    with pytest.raises(UnknownNameError, match=r"'ninxian'.*ningxian"):
        read_plan("ninxian")
    with pytest.raises(InputError, match=r"no such file; packaged plans: ningxian; nearest: nin"):
        read_plan(tmp_path / "ninxian.toml")
    with pytest.raises(InputError, match=r"plan\.toml: no such file"):
        read_plan(tmp_path)
