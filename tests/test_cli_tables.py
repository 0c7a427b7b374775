"""The commands `template` and `validate`; templates and the data model."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from cli_command import run_here
from small_county import ROOT, python

import ruralgrid as rg
from ruralgrid.county import TABLES, schema
from ruralgrid.county.files import read_county, write_county
from ruralgrid.county.template import describe_tables, example_county, write_template
from ruralgrid.county.vocabulary import columns_of, table_title, words_of
from ruralgrid.equipment import (
    get_conductor,
    get_pole_head,
    get_three_winding_transformer,
    get_transformer,
    list_conductors,
)
from ruralgrid.errors import InputError, WriteError
from ruralgrid.opening import open_county, require_stages

# --- the commands ---------------------------------------------------------------------------------


def test_a_template_is_written_once_and_not_over_something(tmp_path: Path) -> None:
    done = run_here("template", tmp_path / "my.xlsx")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"empty tables written: {tmp_path / 'my.xlsx'} (1 file)" in done.stderr
    before = (tmp_path / "my.xlsx").read_bytes()
    again = run_here("template", tmp_path / "my.xlsx", "--example")
    assert again.returncode == 2
    assert "is there already; name a new file or folder" in again.stderr
    assert (tmp_path / "my.xlsx").read_bytes() == before


def test_the_example_validates_clean_from_a_shell(tmp_path: Path) -> None:
    ruralgrid = ("-m", "ruralgrid")
    assert python(*ruralgrid, "template", tmp_path / "county", "--example").returncode == 0
    done = python(*ruralgrid, "validate", tmp_path / "county")
    assert (done.returncode, done.stdout, done.stderr) == (0, "<Findings: none>\n", "")


def test_faults_are_printed_errors_first_and_leave_with_2(tmp_path: Path) -> None:
    county = example_county()
    sections = county.sections.assign(span_m=95.0)
    sections.loc[3, "conductor"] = "LGJ-50/9"
    write_county(county.with_tables(sections=sections), tmp_path / "county.xlsx")
    done = run_here("validate", tmp_path / "county.xlsx", "--most", "3")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert lines[0].startswith(
        "error: sections, row 5, conductor: 10kV西线-西线37号杆: no conductor"
    )
    assert lines[0].endswith("the nearest: LGJ-50/8, LGJ-50/30, LGJ-150/8")
    assert [line.partition(":")[0] for line in lines[1:3]] == ["warning", "warning"]
    assert lines[3].startswith("... and ")
    assert "`ruralgrid catalogue` lists conductors" in lines[4]
    assert lines[5].startswith("<Findings: 1 error, ")
    data = json.loads(run_here("validate", tmp_path / "county.xlsx", "--json").stdout)
    assert len(data["findings"]) == len(sections) + 1
    assert {"code", "subject", "message", "value", "limit", "unit", "severity", "where"} <= set(
        data["findings"][0]
    )


def test_what_is_expected_of_an_edit_is_told(tmp_path: Path) -> None:
    county = example_county()
    edits = county.edits.astype(object)
    edits.loc[0, "action"] = "modify"
    row = edits.index[edits["fields"] != ""][1]
    edits.loc[row, "fields"] = '{"length_km": 0.4'
    write_county(county.with_tables(edits=edits), tmp_path / "county")
    told = run_here("validate", tmp_path / "county").stdout
    assert "no action is named modify; one of add, change, remove is expected" in told
    assert "(Expecting ',' delimiter at character 18); {\"length_km\": 0.4} is one" in told


def test_warnings_alone_leave_with_0(tmp_path: Path) -> None:
    county = example_county()
    write_county(
        county.with_tables(sections=county.sections.assign(span_m=95.0)), tmp_path / "county"
    )
    done = run_here("validate", tmp_path / "county")
    assert done.returncode == 0
    assert "a mean span of 95 m" in done.stdout


def test_files_that_cannot_be_read_are_findings_too(tmp_path: Path) -> None:
    write_county(example_county(), tmp_path / "county")
    (tmp_path / "county" / "nodes.csv").rename(tmp_path / "county" / "node.csv")
    done = run_here("validate", tmp_path / "county")
    assert done.returncode == 2
    assert "error: node.csv: no table is named 'node'; the nearest: nodes" in done.stdout
    assert "error: nodes: the table 'nodes' (节点) is required and absent" in done.stdout
    data = json.loads(run_here("validate", tmp_path / "county", "--json").stdout)
    assert [each["code"] for each in data["findings"]] == ["table-unknown", "table-missing"]


def test_a_county_that_is_not_there(tmp_path: Path) -> None:
    done = run_here("validate", tmp_path / "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such file or folder" in done.stderr
    assert "Traceback" not in done.stderr


# --- templates ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["county", "county.xlsx"])
def test_an_empty_template_is_read_as_a_county_without_rows(tmp_path: Path, name: str) -> None:
    write_template(tmp_path / name)
    county = read_county(tmp_path / name)
    assert county.name == "county"
    assert all(len(frame) == 0 for frame in county.tables.values())


@pytest.mark.parametrize("name", ["county", "county.xlsx"])
def test_the_example_is_the_packaged_one(tmp_path: Path, name: str) -> None:
    write_template(tmp_path / name, example=True)
    back = read_county(tmp_path / name)
    assert back.name == "示例县 example county"
    for table in TABLES:
        pd.testing.assert_frame_equal(back.tables[table], example_county().tables[table])


def test_every_column_of_a_workbook_is_explained(tmp_path: Path) -> None:
    """In a comment and in a sheet; required ones stand on another colour; words are offered."""
    write_template(tmp_path / "county.xlsx")
    book = openpyxl.load_workbook(tmp_path / "county.xlsx")
    assert book.sheetnames == ["说明", "型号", "county", *TABLES]
    explained = list(book["说明"].iter_rows(min_row=2, values_only=True))
    assert len(explained) == sum(len(columns_of(table)) for table in ("county", *TABLES))
    fills = {True: set(), False: set()}
    for table in TABLES:
        sheet = book[table]
        assert sheet.freeze_panes == "B2"
        offered = {
            str(each.sqref)[0]: each.formula1 for each in sheet.data_validations.dataValidation
        }
        for cell, column in zip(sheet[1], schema(table), strict=True):
            assert cell.value == column.name
            assert column.meaning in cell.comment.text
            assert column.meaning_zh in cell.comment.text
            fills[column.required].add(cell.fill.fgColor.rgb)
            words = words_of(table, column.name)
            assert offered.get(cell.column_letter) == (f'"{",".join(words)}"' if words else None)
    assert len(fills[True]) == len(fills[False]) == 1
    assert fills[True] != fills[False]


def test_every_column_of_a_folder_is_explained(tmp_path: Path) -> None:
    write_template(tmp_path / "county")
    with (tmp_path / "county" / "说明.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["table"], row["column"]) for row in rows] == [
        (table, column.name) for table in ("county", *TABLES) for column in columns_of(table)
    ]
    assert all(row["meaning"] and row["meaning_zh"] for row in rows)


@pytest.mark.parametrize("name", ["county", "county.xlsx"])
def test_a_template_lists_the_names_of_the_catalogue(tmp_path: Path, name: str) -> None:
    """Each of them is found in the catalogue, and reading the county passes the list over."""
    write_template(tmp_path / name)
    if name.endswith(".xlsx"):
        sheet = openpyxl.load_workbook(tmp_path / name)["型号"]
        rows = list(sheet.iter_rows(min_row=2, values_only=True))
    else:
        with (tmp_path / name / "型号.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = [tuple(row.values()) for row in csv.DictReader(file)]
    named = {place: [row[1] for row in rows if row[0] == place] for place, *_ in rows}
    get = [get_conductor, get_pole_head, get_transformer, get_three_winding_transformer]
    for names, get_one in zip(named.values(), get, strict=True):
        assert [get_one(each).name for each in names] == names
    assert len(named["sections: conductor, neutral"]) == len(list_conductors())
    assert all(figures for *_, figures in rows)
    write_county(read_county(tmp_path / name), tmp_path / name)  # over its own, 型号 and all


def test_a_template_fills_an_empty_folder_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "county").mkdir()
    write_template(tmp_path / "county")
    with pytest.raises(WriteError, match="is there already"):
        write_template(tmp_path / "county")


@pytest.mark.parametrize("table", ["county", *TABLES])
def test_every_table_has_a_title_in_both_languages(table: str) -> None:
    title = table_title(table)
    assert title.meaning
    assert title.meaning_zh
    names = [column.name for column in columns_of(table)]
    assert set(title.words) <= set(names)
    titles = [table_title(each).title_zh for each in ("county", *TABLES)]
    assert len(set(titles)) == len(titles)
    headers = [column.meaning_zh for column in columns_of(table)]
    assert len(set(headers)) == len(headers)  # they are aliases of the columns


# --- the example ----------------------------------------------------------------------------------


def test_the_example_is_studied_and_its_village_is_cured() -> None:
    """One village hangs on a tail of aluminium 16 mm2 and is low; the batch brings 10 kV to it."""
    study = rg.study(example_county(), hours="representative", progress=False)
    village = study.villages[study.villages["village"] == "上坡村一组"].set_index("stage")
    assert village.loc[0, "v_min_v"] < 198 < 220 < village.loc[1, "v_min_v"]
    assert village.loc[0, "hours_low"] > 100
    assert village.loc[1, "hours_low"] == 0
    assert study.stages["villages_low"].tolist() == [1, 0]


# --- the page of the data model -------------------------------------------------------------------


def test_the_page_of_the_data_model_is_that_of_the_schema() -> None:
    """After a change of the schema: write what `describe_tables()` returns into the page."""
    page = (ROOT / "docs" / "data_model.md").read_text(encoding="utf-8")
    assert page == describe_tables()
    for table in TABLES:
        for column in schema(table):
            assert f"| `{column.name}` | {column.type} |" in page


def codes_in(tree: ast.AST) -> Iterator[str]:
    """The codes that a module's findings bear: the first word of a rule, the third of a range."""
    place = {"Rule": 0, "Finding": 0, "file_fault": 0, "_Range": 2}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in place:
            words: list[ast.expr] = []
            for word in node.args:
                starred = isinstance(word, ast.Starred) and isinstance(word.value, ast.Tuple)
                words += word.value.elts if starred else [word]
            code = words[place[node.func.id]] if words else None
            if isinstance(code, ast.Constant):
                yield code.value


def test_every_code_of_validation_is_explained() -> None:
    """What a check of the tables may say stands in the page, with what to do about it."""
    county = ROOT / "ruralgrid" / "county"
    modules = [*county.glob("*.py"), *(county / "checks").glob("*.py")]
    made = {
        code
        for module in modules
        for code in codes_in(ast.parse(module.read_text(encoding="utf-8")))
    }
    made |= {"kind-unknown", "plan-class-unknown", "grade-unknown"}  # put together from columns
    page = (ROOT / "docs" / "your_own_county.md").read_text(encoding="utf-8")
    assert len(made) > 60
    assert made <= set(re.findall(r"`([a-z0-9-]+)`", page))


@pytest.mark.parametrize("example", [False, True])
@pytest.mark.parametrize("suffix", [".xls", ".xlsm", ".csv", ".ods"])
def test_a_template_of_another_format_is_refused(
    tmp_path: Path, suffix: str, example: bool
) -> None:
    with pytest.raises(InputError, match=f"name a workbook .xlsx, or a folder; not {suffix}"):
        write_template(tmp_path / f"x{suffix}", example=example)
    assert list(tmp_path.iterdir()) == []


def test_the_example_in_a_folder_is_explained_too(tmp_path: Path) -> None:
    for name in ("empty", "example"):
        write_template(tmp_path / name, example=name == "example")
    texts = [(tmp_path / name / "说明.csv").read_bytes() for name in ("empty", "example")]
    assert texts[0] == texts[1]


# --- what is no county ----------------------------------------------------------------------------


def test_a_folder_that_is_neither_a_county_nor_a_plan(tmp_path: Path) -> None:
    for opened in (open_county, lambda path: require_stages(path, [0])):
        with pytest.raises(InputError, match=r"nodes\.csv .*a plan's has plan\.toml; .* nothing"):
            opened(tmp_path)
    (tmp_path / "sections.csv").write_text("name\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"this one holds sections\.csv"):
        open_county(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [("x.xls", "save it as .xlsx"), ("x.et", "save it as .xlsx"), ("nodes.csv", "the folder of")],
)
def test_a_file_that_is_no_county(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_county(tmp_path / name)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="xlsx"):
        read_county(tmp_path / name)
