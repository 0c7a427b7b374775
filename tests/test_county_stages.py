"""Stages: edits applied to a county of one village, by hand and by `at`."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruralgrid.county import TABLES, built_by_stage, conform
from ruralgrid.county.files import write_county
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.opening import open_county, require_stages


def edit(stage, table, action, name, project="works", **fields):
    return {
        "stage": stage,
        "table": table,
        "action": action,
        "name": name,
        "fields": json.dumps(fields, ensure_ascii=False) if fields else "",
        "project": project,
        "source": "test",
        "grade": "assumed",
    }


NEW_LINE = {
    "from_node": "V10",
    "to_node": "P10",
    "conductor": "JKLGYJ-10/70",
    "arrangement": "10kV-tri-bare-80",
    "phases": "abc",
    "length_km": 0.4,
}

WORKS = [
    edit(1, "sections", "change", "main", conductor="JKLGYJ-1/70", span_m=70.0),
    edit(1, "nodes", "add", "P10", kv=10.0, kind="junction"),
    edit(1, "sections", "add", "new spur", **NEW_LINE),
    edit(1, "transformers", "add", "new unit", type="S11-50/10", hv_node="P10", lv_node="P2"),
    edit(1, "sections", "remove", "branch"),
    edit(1, "consumers", "change", "cottages", phases="abc"),
    edit(2, "sections", "change", "tie", normally_open=False),
    edit(2, "sections", "change", "trunk", normally_open=True),
    edit(2, "sections", "change", "new spur", length_km=0.5),
]


@pytest.fixture
def planned(tiny):
    return tiny.with_tables(edits=pd.DataFrame(WORKS))


def tables_equal(one, other):
    for name in TABLES:
        left, right = (
            county.tables[name].sort_values("name", ignore_index=True) for county in (one, other)
        )
        pd.testing.assert_frame_equal(left, right)


# by hand --------------------------------------------------------------------------------------


def test_stage_0_is_the_county(planned):
    tables_equal(planned.at(0), planned)
    assert planned.at(0).stage == 0
    assert planned.stages == (0, 1, 2)


def test_after_the_first_batch(planned):
    after = planned.at(1)
    assert (after.stage, after.stages) == (1, (1, 2))
    assert list(after.nodes["name"]) == [*planned.nodes["name"], "P10"]
    assert list(after.sections["name"]) == ["trunk", "spur", "tie", "main", "new spur"]
    section = after.sections.set_index("name")
    assert section.loc["main", ["conductor", "span_m", "length_km"]].tolist() == [
        "JKLGYJ-1/70",
        70.0,
        0.3,  # what an edit does not name stays
    ]
    assert section.loc["new spur", list(NEW_LINE)].to_dict() == NEW_LINE
    assert section.loc["new spur", ["source", "grade"]].tolist() == ["test", "assumed"]
    assert list(after.transformers["name"]) == ["station", "unit", "new unit"]
    assert after.consumers.set_index("name").loc["cottages", "phases"] == "abc"
    assert set(after.edits["stage"]) == {2}


def test_a_changed_row_takes_source_and_grade_of_its_edit(tiny):
    """A row that a batch rebuilds is as sure as the batch; one it leaves alone is as it was."""
    told = edit(1, "sections", "change", "main", span_m=70.0) | {"source": "survey"}
    told |= {"grade": "measured"}
    silent = edit(1, "sections", "change", "trunk", span_m=60.0) | {"source": "", "grade": ""}
    county = tiny.with_tables(
        sections=tiny.sections.assign(source="plan", grade="stated"),
        edits=pd.DataFrame([told, silent]),
    )
    rows = county.at(1).sections.set_index("name")[["source", "grade"]]
    assert rows.loc["main"].tolist() == ["survey", "measured"]
    assert rows.loc[["trunk", "spur"]].to_numpy().tolist() == [["plan", "stated"]] * 2


def test_after_the_second_batch(planned):
    section = planned.at(2).sections.set_index("name")
    assert section["normally_open"].to_dict() == {
        "trunk": True,
        "spur": False,
        "tie": False,
        "main": False,
        "new spur": False,
    }
    assert section.loc["new spur", "length_km"] == 0.5
    assert len(planned.at(2).edits) == 0


def test_one_way_to_a_stage_is_as_good_as_another(planned):
    tables_equal(planned.at(1).at(2), planned.at(2))


def test_a_stage_leaves_the_county_as_it_was(planned):
    before = {name: frame.copy() for name, frame in planned.tables.items()}
    planned.at(2)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(planned.tables[name], frame)


def test_types_stay_as_the_schema_states_them(planned):
    for name, frame in planned.at(2).tables.items():
        pd.testing.assert_frame_equal(conform(name, frame), frame)


# what it refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [-1, 3, "2", 1.5, 1.0, True, None])
def test_a_stage_that_there_is_not(planned, stage):
    with pytest.raises(InputError, match="one of 0, 1, 2"):
        planned.at(stage)


@pytest.mark.parametrize("stage", [0])
def test_a_stage_that_is_past(planned, stage):
    with pytest.raises(InputError, match="one of 1, 2"):
        planned.at(1).at(stage)


FAULTS = {
    "absent row": (
        [edit(1, "sections", "change", "mian", span_m=70.0)],
        UnknownNameError,
        "no row of sections is named 'mian'; the nearest: main",
    ),
    "absent row removed": (
        [edit(1, "transformers", "remove", "unit 7")],
        UnknownNameError,
        "no row of transformers is named 'unit 7'; the nearest: unit",
    ),
    "row touched twice": (
        [
            edit(1, "sections", "change", "main", span_m=70.0),
            edit(1, "sections", "remove", "main"),
        ],
        InputError,
        "'main' is touched twice in one stage",
    ),
    "row added twice": (
        [edit(1, "nodes", "add", "V10", kv=10.0, kind="junction")],
        InputError,
        "'V10' is added but stands there already",
    ),
    "unknown table": (
        [edit(1, "section", "remove", "main")],
        UnknownNameError,
        "no table is named 'section'; the nearest: sections",
    ),
    "unknown action": (
        [edit(1, "sections", "delete", "main")],
        UnknownNameError,
        "no action is named 'delete'",
    ),
    "unknown column": (
        [edit(1, "sections", "change", "main", lenght_km=0.2)],
        UnknownNameError,
        "no column is named 'lenght_km'; the nearest: length_km",
    ),
    "unknown column of a new row": (
        [edit(1, "nodes", "add", "X", kv=10.0, kind="junction", long_deg=107.0)],
        UnknownNameError,
        "no column is named 'long_deg'; the nearest: lon_deg",
    ),
    "missing column of a new row": (
        [edit(1, "nodes", "add", "X", kv=10.0)],
        InputError,
        "column 'kind' is required and absent",
    ),
    "no JSON": (
        [edit(1, "sections", "change", "main") | {"fields": "{span_m: 70}"}],
        InputError,
        "edits, main, fields: not a JSON object of column and value: '{span_m: 70}'",
    ),
    "a JSON list": (
        [edit(1, "sections", "change", "main") | {"fields": "[70]"}],
        InputError,
        "edits, main, fields: a JSON object is expected, got '[70]'",
    ),
    "another name": (
        [edit(1, "sections", "change", "main") | {"fields": '{"name": "mine"}'}],
        InputError,
        "edits, main, fields: a row cannot be renamed; remove it and add another",
    ),
    "another name of a new row": (
        [
            edit(1, "nodes", "add", "X", kv=10.0, kind="junction")
            | {"fields": '{"name": "Y", "kv": 10, "kind": "junction"}'}
        ],
        InputError,
        "edits, X, fields: a row cannot be renamed",
    ),
    "no number": (
        [edit(1, "sections", "change", "main") | {"fields": '{"length_km": NaN}'}],
        InputError,
        "edits, main, fields: not a JSON object of column and value",
    ),
    "a depth without end": (
        [edit(1, "sections", "change", "main") | {"fields": "[" * 30_000}],
        InputError,
        "edits, main, fields: not a JSON object of column and value",
    ),
    "a number for a name": (
        [edit(1, "sections", "change", "main", conductor=70)],
        InputError,
        "sections, conductor: text expected: received 70",
    ),
    "text for a number": (
        [edit(1, "sections", "change", "main", length_km="far")],
        InputError,
        "sections, length_km: number expected",
    ),
}


@pytest.mark.parametrize(("rows", "kind", "message"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_edit_is_one_message(tiny, rows, kind, message):
    county = tiny.with_tables(edits=pd.DataFrame(rows))
    with pytest.raises(kind) as caught:
        county.at(1)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# properties -----------------------------------------------------------------------------------


@given(order=st.permutations(range(len(WORKS))))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_order_of_the_edits_does_not_matter(tiny, order):
    in_order = tiny.with_tables(edits=pd.DataFrame(WORKS))
    shuffled = tiny.with_tables(edits=pd.DataFrame([WORKS[k] for k in order]))
    tables_equal(in_order.at(2), shuffled.at(2))


# what was built -------------------------------------------------------------------------------


def test_built_by_stage(planned):
    """A new line and a line with another wire count; a changed length or a switch does not."""
    built = built_by_stage(planned)
    columns = ["stage", "item", "kv", "count", "length_km", "kva"]
    rows = built[columns].astype(object).where(built[columns].notna(), None).to_numpy().tolist()
    assert rows == [
        [1, "line", 0.4, 1, 0.3, None],
        [1, "line", 10.0, 1, 0.4, None],
        [1, "line taken down", 0.4, 1, 0.1, None],
        [1, "transformer", 10.0, 1, None, 50.0],
    ]
    assert set(built["project"]) == {"works"}


def test_projects_with_rows_of_one_name_in_two_tables_are_told_apart(tiny):
    """A name is unique in its table alone: a node and a section may both be called P10."""
    rows = [
        edit(1, "nodes", "add", "P10", "siting", kv=10.0, kind="junction"),
        edit(1, "sections", "add", "P10", "lines", **NEW_LINE),
    ]
    built = built_by_stage(tiny.with_tables(edits=pd.DataFrame(rows)))
    assert built[["project", "item"]].to_numpy().tolist() == [["lines", "line"]]


def test_nothing_built_is_an_empty_table(tiny):
    built = built_by_stage(tiny)
    assert len(built) == 0
    assert list(built.columns) == ["stage", "project", "item", "kv", "count", "length_km", "kva"]


def test_works_of_no_project_are_of_their_batch(tiny):
    rows = [edit(2, "sections", "add", "new", "", **NEW_LINE)]
    built = built_by_stage(tiny.with_tables(edits=pd.DataFrame(rows)))
    assert built["project"].tolist() == ["batch 2"]


def test_a_county_that_stands_after_a_batch_has_the_stages_from_there_on(planned, tmp_path):
    """Read, opened and asked for a stage: all three speak of the same stages."""
    folder = tmp_path / "county"
    write_county(planned.at(1), folder)
    assert open_county(folder).stages == (1, 2)
    require_stages(folder, [1, 2])
    require_stages(folder, None)
    with pytest.raises(InputError, match=r"no stage 0; the county has 1, 2; its tables begin at 1"):
        require_stages(folder, [0])
