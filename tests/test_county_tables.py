"""The tables' door: columns by the schema, types as stated, one message for each fault."""

from __future__ import annotations

import pandas as pd
import pytest

from ruralgrid.county import TABLES, County, conform, empty_table, schema
from ruralgrid.errors import InputError, UnknownNameError


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_explained(table):
    columns = schema(table)
    names = [column.name for column in columns]
    assert len(set(names)) == len(names)
    assert {"name", "source", "grade"} <= set(names)
    for column in columns:
        assert column.type in {"text", "number", "integer", "flag"}
        assert column.meaning
        assert column.meaning_zh


@pytest.mark.parametrize(
    ("suffix", "unit"),
    [("_km", "km"), ("_m", "m"), ("_deg", "deg"), ("_pu", "pu"), ("_mva", "MVA")],
)
def test_a_unit_in_the_name_is_the_unit_of_the_column(suffix, unit):
    for table in TABLES:
        for column in schema(table):
            if column.name.endswith(suffix) and not column.name.endswith(f"_per{suffix}"):
                assert column.unit == unit, (table, column.name)


def test_unknown_table_names_the_nearest():
    with pytest.raises(UnknownNameError, match="sections"):
        schema("section")


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_has_all_columns_and_their_types(table):
    frame = empty_table(table)
    assert list(frame.columns) == [column.name for column in schema(table)]
    assert len(frame) == 0
    for column in schema(table):
        expected = {"text": "object", "number": "float64", "integer": "int64", "flag": "bool"}
        assert frame[column.name].dtype == expected[column.type]


def test_conform_orders_the_columns_and_blanks_what_is_optional():
    rows = pd.DataFrame(
        {"admin_village": ["b"], "households": [7], "town": ["a"], "name": ["v"]}, index=[42]
    )
    frame = conform("villages", rows)
    assert list(frame.index) == [0]
    assert frame.loc[0].to_dict() == {
        "name": "v",
        "town": "a",
        "admin_village": "b",
        "households": 7,
        "population": 0,
        "batch": 0,
        "plan_class": "",
        "source": "",
        "grade": "",
    }
    assert list(rows.columns) == ["admin_village", "households", "town", "name"]  # untouched


def test_conform_twice_is_conform_once(tiny):
    for name, frame in tiny.tables.items():
        pd.testing.assert_frame_equal(conform(name, frame), frame)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.assign(lenght_km=1.0), "no column is named 'lenght_km'; the nearest: length"),
        (lambda f: f.drop(columns="conductor"), "'conductor' is required and absent"),
        (lambda f: f.assign(length_km="0,3 km"), "sections, length_km: number expected"),
    ],
    ids=["unknown column", "missing column", "text for a number"],
)
def test_a_fault_is_one_message_with_table_and_column(tiny, change, message):
    with pytest.raises(InputError) as caught:
        tiny.with_tables(sections=change(tiny.sections))
    assert message in str(caught.value)
    assert "sections" in str(caught.value)


def test_with_tables_leaves_the_county_as_it_was(tiny):
    before = tiny.sections.copy()
    other = tiny.with_tables(sections=tiny.sections.assign(length_km=9.0))
    pd.testing.assert_frame_equal(tiny.sections, before)
    assert (other.sections["length_km"] == 9.0).all()
    assert other.nodes is tiny.nodes


def test_a_county_shows_its_size_and_escapes_its_name(tiny):
    assert repr(tiny).startswith("<County 'tiny', stage 0: 7 nodes, 5 sections, 2 transformers")
    html = type(tiny)("<b>", **dict(tiny.tables))._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "<th>lines of 10 kV</th><td>7.0 km</td>" in html


@pytest.mark.parametrize(
    ("table", "column", "value", "message"),
    [
        ("sections", "normally_open", "no", "flag expected: received 'no'"),
        ("sections", "normally_open", 2, "flag expected: received 2"),
        ("transformers", "tap", 2.7, "integer expected: received 2.7"),
        ("transformers", "tap", float("inf"), "integer expected: received inf"),
        ("transformers", "tap", True, "integer expected: received True"),
        ("transformers", "tap", 2**70, "integer expected"),
        ("sections", "length_km", True, "number expected: received True"),
        ("sections", "conductor", 70, "text expected: received 70"),
        ("sections", "conductor", ["LGJ-50"], "text expected: received ['LGJ-50']"),
    ],
)
def test_no_value_becomes_another_by_its_column(tiny, table, column, value, message):
    """The word "no" is not true, 2.7 is not 2, 70 is no name."""
    frame = tiny.tables[table].astype({column: object})
    frame.at[0, column] = value
    with pytest.raises(InputError) as caught:
        tiny.with_tables(**{table: frame})
    assert f"{table}, {column}: {message}" in str(caught.value)


def test_blanks_and_whole_floats_are_taken(tiny):
    frame = tiny.transformers.astype({"tap": float})
    assert tiny.with_tables(transformers=frame).transformers["tap"].tolist() == [0, 0]
    frame.loc[0, "tap"] = float("nan")
    assert tiny.with_tables(transformers=frame).transformers["tap"].tolist() == [0, 0]
    sections = tiny.sections.assign(normally_open=[0, 1.0, False, None, True])
    assert tiny.with_tables(sections=sections).sections["normally_open"].tolist() == [
        *(False, True, False, False, True)
    ]


def test_a_column_that_stands_twice_is_refused(tiny):
    twice = pd.concat([tiny.nodes, tiny.nodes[["kv"]]], axis=1)
    with pytest.raises(InputError, match="nodes: column 'kv' stands twice"):
        tiny.with_tables(nodes=twice)


def test_texts_of_pandas_own_kind_that_are_missing_are_blank(tiny: County) -> None:
    """As ``DataFrame.convert_dtypes`` leaves a column."""
    village = pd.array(["V", None, "V", None, None, "V", "V"], dtype="string")
    nodes = tiny.with_tables(nodes=tiny.nodes.assign(village=village)).nodes
    assert nodes["village"].tolist() == ["V", "", "V", "", "", "V", "V"]
