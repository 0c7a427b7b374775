"""A county's files: what is written is read as it was; what is wrong is told, all at once."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruralgrid.county import TABLES, County, conform, schema
from ruralgrid.county.files import CountyFileError, is_county_file, read_county, write_county
from ruralgrid.county.number_hints import number_hint
from ruralgrid.county.template import example_county
from ruralgrid.county.validate import validate
from ruralgrid.errors import InputError, WriteError

KINDS = ("folder", "workbook")


def written(county: County, tmp_path: Path, kind: str) -> Path:
    place = tmp_path / ("county" if kind == "folder" else "county.xlsx")
    write_county(county, place)
    return place


def require_same(one: County, other: County) -> None:
    """Every table to the last bit, and the facts beside them."""
    for table in TABLES:
        pd.testing.assert_frame_equal(one.tables[table], other.tables[table], check_exact=True)
    assert (one.name, one.stage) == (other.name, other.stage)
    left, right = (each.assumptions.to_dict("records") for each in (one, other))
    assert repr(left) == repr(right)  # 1 is not 1.0, and nan is nan


def folder_of(county: County, tmp_path: Path) -> Path:
    return written(county, tmp_path, "folder")


def spoilt(folder: Path, table: str, change: Callable[[list[list[str]]], object]) -> Path:
    """The folder with the cells of one table changed by hand."""
    path = folder / f"{table}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return folder


def faults(path: Path) -> list[str]:
    with pytest.raises(CountyFileError) as caught:
        read_county(path)
    assert all(each.severity == "error" for each in caught.value.findings)
    listed = [f"{each.where}: {each.message}" for each in caught.value.findings]
    for line in listed[:50]:
        assert line in str(caught.value)
    return listed


def cell(rows: list[list[str]], row: int, column: str, text: str) -> None:
    """Set a cell by the row that a spreadsheet shows."""
    rows[row - 1][rows[0].index(column)] = text


# --- round trip -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_drawn_county_comes_back(county: County, tmp_path: Path, kind: str) -> None:
    small = dataclasses.replace(county, **{t: f.head(300) for t, f in county.tables.items()})
    require_same(read_county(written(small, tmp_path, kind)), small)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_comes_back(tmp_path: Path, kind: str) -> None:
    require_same(read_county(written(example_county(), tmp_path, kind)), example_county())


HARD_TEXTS = [
    *("NaN", "NA", "nan", "None", "null", "TRUE", "false", "是", "1e5", "007", "1.0", "-1", "+86"),
    *("=cmd|' /C calc'!A0", "=1+1", "+1+1", "-1+1", "@SUM(1)", "'=1", "''=1", "'plain", "＝1"),
    *('"quoted"', "a,b", "a;b", "line\nbreak", "line\r\nbreak", "\rreturn", "tab\tstop", "\tstart"),
    *(" blanks ", "　全角　", "焦村镇吝店村9组", "𠮷野家", "e\u0301", "é", "\ufeffmark", "_x000D_"),
    *("_x005F_", "_x000d_", "\x01\x1f", "\x00", "\u2028", "<b>&amp;</b>", "]]>", "#N/A", "#REF!"),
    *("2013-05-01", "5-1", "1/2", "0x1F", "Infinity", "x" * 4000),
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_comes_back(tiny: County, tmp_path: Path, kind: str) -> None:
    nodes = pd.DataFrame({"name": HARD_TEXTS, "kv": 0.4, "kind": "junction"})
    hard = dataclasses.replace(
        tiny,
        name="=县,\n'1.0",
        nodes=conform("nodes", nodes),
        assumptions=pd.DataFrame(
            {
                "parameter": HARD_TEXTS,
                "value": HARD_TEXTS,
                "unit": "-",
                "grade": "",
                "source": HARD_TEXTS,
            }
        ),
    )
    require_same(read_county(written(hard, tmp_path, kind)), hard)


HARD_NUMBERS = [
    *(0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1e22, 123456789.123456789),
    *(float("inf"), float("-inf"), float("nan"), 2.0**53 + 2, 1e-7, 0.30000000000000004),
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_bit_of_a_number_comes_back(tiny: County, tmp_path: Path, kind: str) -> None:
    """`repr` tells -0.0 from 0.0, and every float from its neighbours."""
    nodes = pd.DataFrame({"name": [str(k) for k in range(len(HARD_NUMBERS))], "kind": "busbar"})
    villages = pd.DataFrame(
        {
            "name": list("abcd"),
            "town": "",
            "admin_village": "",
            "households": [0, -1, 2**63 - 1, -(2**63)],
        }
    )
    hard = tiny.with_tables(nodes=nodes.assign(kv=HARD_NUMBERS), villages=villages)
    back = read_county(written(hard, tmp_path, kind))
    assert repr(back.nodes["kv"].tolist()) == repr(HARD_NUMBERS)
    assert back.villages["households"].tolist() == villages["households"].tolist()


# half a character (a surrogate) is in no file; an empty row would be no row
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
POOLS = st.fixed_dictionaries(
    {
        "name": st.lists(TEXTS.filter(bool), min_size=3, max_size=8),
        "text": st.lists(TEXTS, min_size=1, max_size=8),
        "number": st.lists(st.floats(width=64), min_size=1, max_size=8),
        "integer": st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8),
        "flag": st.just([True, False]),
    }
)


@st.composite
def counties(draw: st.DrawFn) -> County:
    """A county of any names, numbers and words: a few of each, dealt to the cells at random."""
    pools, dealer = draw(POOLS), draw(st.randoms(use_true_random=False))
    tables = {}
    for table in TABLES:
        rows = range(dealer.randrange(4))
        columns = {
            column.name: [
                dealer.choice(pools["name" if column.name == "name" else column.type]) for _ in rows
            ]
            for column in schema(table)
        }
        tables[table] = conform(table, pd.DataFrame(columns))
    value = [*pools["text"], *pools["number"], *(n for n in pools["integer"] if abs(n) < 10**15)]
    assumed = [
        (f"{text}!", dealer.choice(value), *(dealer.choice(pools["text"]) for _ in range(3)))
        for text in pools["text"][: dealer.randrange(4)]
    ]
    assumptions = pd.DataFrame(
        assumed, columns=["parameter", "value", "unit", "grade", "source"], dtype=object
    )
    name = dealer.choice(pools["text"])
    return County(name, **tables, assumptions=assumptions, stage=dealer.randrange(5))


@pytest.mark.parametrize("kind", KINDS)
@given(county=counties())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_county_comes_back(
    county: County, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = written(county, tmp_path_factory.mktemp("trip"), kind)
    require_same(read_county(place), county)


def test_a_county_without_assumptions_has_its_own_name_and_stage(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)
    (folder / "county.csv").unlink()
    back = read_county(folder)
    assert (back.name, back.stage, len(back.assumptions)) == ("county", 0, 0)
    assert back.origin is None


def test_optional_tables_may_be_absent(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)
    for table in ("edits", "capacitors", "line_types", "transformer_types", "county"):
        (folder / f"{table}.csv").unlink()
    assert len(read_county(folder).edits) == 0


# --- what a spreadsheet does with it --------------------------------------------------------------


def test_no_cell_of_a_workbook_is_a_formula(tiny: County, tmp_path: Path) -> None:
    """Seen with openpyxl: every text is text, whatever it begins with, and numbers are numbers."""
    nodes = pd.DataFrame({"name": HARD_TEXTS, "kv": 0.1 + 0.2, "kind": "junction"})
    path = written(tiny.with_tables(nodes=nodes), tmp_path, "workbook")
    book = openpyxl.load_workbook(path)
    types = {each.data_type for sheet in book for row in sheet.iter_rows() for each in row}
    assert types <= {"s", "inlineStr", "n", "b"}
    names = [row[0].value for row in book["nodes"].iter_rows(min_row=2)]
    assert [n for n in names if n.startswith("=")] == ["=cmd|' /C calc'!A0", "=1+1"]
    assert book["nodes"]["B2"].value == 0.1 + 0.2
    assert book["sections"].freeze_panes == "B2"


def test_no_cell_of_a_folder_begins_like_a_formula(tiny: County, tmp_path: Path) -> None:
    nodes = pd.DataFrame({"name": HARD_TEXTS, "kv": -0.0, "kind": "junction"})
    folder = written(tiny.with_tables(nodes=nodes), tmp_path, "folder")
    with (folder / "nodes.csv").open(encoding="utf-8-sig", newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert not [name for name in names if name.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert (folder / "nodes.csv").read_bytes().startswith(codecs.BOM_UTF8)  # Excel asks for it


def test_a_workbook_that_a_spreadsheet_saved_again_is_read(tmp_path: Path) -> None:
    """openpyxl stands for the spreadsheet; it rounds to 16 digits, which the example keeps."""
    path = written(example_county(), tmp_path, "workbook")
    openpyxl.load_workbook(path).save(tmp_path / "saved.xlsx")
    back = read_county(tmp_path / "saved.xlsx")
    for table in TABLES:
        pd.testing.assert_frame_equal(back.tables[table], example_county().tables[table])


# --- encodings, digits, headers -------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    folder = folder_of(example_county(), tmp_path)
    for path in folder.iterdir():
        path.write_bytes(path.read_text(encoding="utf-8-sig").encode(encoding))
    require_same(read_county(folder), example_county())


def test_a_damaged_byte_is_told_and_not_read_as_other_characters(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)
    content = (folder / "villages.csv").read_bytes().removeprefix(codecs.BOM_UTF8)
    at = content.index("东沟村二组".encode()) + 1
    (folder / "villages.csv").write_bytes(content[:at] + b"\xff" + content[at + 1 :])
    (told,) = faults(folder)
    assert told == "villages.csv: line 3 holds bytes that are no UTF-8; the file is damaged"


def test_utf_16_and_other_bytes_are_refused(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)
    text = (folder / "villages.csv").read_text(encoding="utf-8-sig")
    (folder / "villages.csv").write_bytes(text.encode("utf-16"))
    (folder / "sources.csv").write_bytes(b"name,node\n\xff\xff\xff\xfe\n")
    assert faults(folder) == [
        "sources.csv: line 2 is neither UTF-8 nor GB18030; save the file as CSV UTF-8",
        "villages.csv: the file is UTF-16; save it as CSV UTF-8",
    ]


def test_full_width_digits_and_blanks_are_digits_in_numbers_alone(tmp_path: Path) -> None:
    def change(rows: list[list[str]]) -> None:
        cell(rows, 2, "length_km", "　１．７５ ")
        cell(rows, 2, "normally_open", "ＦＡＬＳＥ")
        cell(rows, 3, "name", "１号")

    back = read_county(spoilt(folder_of(example_county(), tmp_path), "sections", change))
    assert back.sections["length_km"].iloc[0] == 1.75
    assert back.sections["name"].iloc[1] == "１号"


def test_words_for_true_and_false(tmp_path: Path) -> None:
    words = ["true", "TRUE", "1", "yes", "是", "false", "0", "no", "否", ""]

    def change(rows: list[list[str]]) -> None:
        for row, word in enumerate(words, start=2):
            cell(rows, row, "normally_open", word)

    back = read_county(spoilt(folder_of(example_county(), tmp_path), "sections", change))
    assert back.sections["normally_open"].tolist()[:10] == [True] * 5 + [False] * 5


@pytest.mark.parametrize(
    "header", ["长度", "长度（公里）", "长度(km)", "length_km [km]", "Length km", " LENGTH-KM "]
)
def test_other_words_for_a_header(tmp_path: Path, header: str) -> None:
    folder = folder_of(example_county(), tmp_path)
    spoilt(folder, "sections", lambda rows: cell(rows, 1, "length_km", header))
    require_same(read_county(folder), example_county())


def test_chinese_sheets_and_headers_throughout(tmp_path: Path) -> None:
    """A workbook in which no English word stands but those of the cells."""
    path = written(example_county(), tmp_path, "workbook")
    book = openpyxl.load_workbook(path)
    from ruralgrid.county.vocabulary import columns_of, table_title

    for table in (*TABLES, "county"):
        for index, column in enumerate(columns_of(table), start=1):
            book[table].cell(1, index).value = column.meaning_zh
        book[table].title = table_title(table).title_zh
    book.save(path)
    require_same(read_county(path), example_county())


HEADERS = {
    "a unit that is not the column's": (
        "length_m",
        "'length_m' is in m; the column 'length_km', in km, is expected",
    ),
    "in brackets": ("长度(m)", "'长度(m)' is in m; the column 'length_km', in km, is expected"),
    "in Chinese": (
        "长度（米）",
        "'长度（米）' is in 米; the column 'length_km', in km, is expected",
    ),
    "a slip in Chinese": (
        "线路长度",
        "no column is named '线路长度'; the nearest: length_km (长度)",
    ),
    "a slip in Chinese, with its unit": ("线路长度（公里）", "the nearest: length_km (长度)"),
    "a word of another table": (
        "户数",
        "no column is named '户数'; there are 12, for example name",
    ),
    "a slip": ("lenght_km", "no column is named 'lenght_km'; the nearest: length_km"),
    "twice": (
        "conductor",
        "the column 'conductor' stands twice: as 'conductor' and as 'conductor'",
    ),
    "none": ("", "no header stands above it"),
}


@pytest.mark.parametrize(("header", "message"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_is_none(tmp_path: Path, header: str, message: str) -> None:
    folder = folder_of(example_county(), tmp_path)
    spoilt(folder, "sections", lambda rows: cell(rows, 1, "length_km", header))
    told = faults(folder)
    assert any(message in each for each in told)
    absent = "the column 'length_km' (长度) is required and absent"
    assert any(absent in each for each in told) == (header != "长度(m)" and header != "长度（米）")
    assert all(each.startswith("sections.csv, ") for each in told)


@pytest.mark.parametrize("above", [1, 2, 3])
def test_a_title_above_the_headers_is_one_fault(tmp_path: Path, above: int) -> None:
    folder = folder_of(example_county(), tmp_path)
    title = ["某县10kV线路一览表", *[""] * 9]
    spoilt(folder, "sections", lambda rows: rows.__setitem__(slice(0, 0), [title] * above))
    assert faults(folder) == [
        f"sections.csv, row 1: the headers stand in row {above + 1}; delete what stands above them"
    ]


def test_a_merged_title_of_a_workbook_is_one_fault(tmp_path: Path) -> None:
    def change(book: openpyxl.Workbook) -> None:
        book["villages"].insert_rows(1)
        book["villages"]["A1"] = "自然村一览表"
        book["villages"].merge_cells("A1:F1")

    path = changed_book(tmp_path, change)
    assert faults(path) == [
        "villages, row 1: the headers stand in row 2; delete what stands above them"
    ]


def test_kwh_and_degrees_are_both_du(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)
    spoilt(folder, "nodes", lambda rows: cell(rows, 1, "lon_deg", "经度（度）"))
    spoilt(folder, "consumers", lambda rows: cell(rows, 1, "kwh_per_year", "年用电量（度）"))
    require_same(read_county(folder), example_county())
    spoilt(folder, "consumers", lambda rows: cell(rows, 1, "年用电量（度）", "年用电量(MWh)"))
    (told,) = faults(folder)
    assert "'年用电量(MWh)' is in MWh; the column 'kwh_per_year', in kWh, is expected" in told


# --- cells ----------------------------------------------------------------------------------------

CELLS = {
    "decimal comma": (
        "length_km",
        "0,35",
        "a number in km is expected, received '0,35'; write a decimal point: 0.35",
    ),
    "full-width comma": ("length_km", "0，35", "write a decimal point: 0.35"),
    "either": (
        "length_km",
        "1,234",
        "write a decimal point: 1.234, or 1234 where the comma separates thousands",
    ),
    "thousands": ("length_km", "1,234.5", "write 1234.5: thousands are not separated"),
    "unit": ("length_km", "0.35 km", "the unit stands in the header, write 0.35 alone"),
    "another unit": (
        "length_km",
        "350m",
        "received '350m'; the column is in km, give the value so and write the number alone",
    ),
    "unit in Chinese": ("length_km", "0.35公里", "the unit stands in the header, write 0.35 alone"),
    "no unit": ("length_km", "35x", "a number in km is expected, received '35x'"),
    "per cent": ("length_km", "92%", "received '92%'; the column is in km, no percentage"),
    "a Chinese full stop": ("length_km", "1。5", "write a decimal point: 1.5"),
    "an apostrophe": ("length_km", "1’234", "write 1234: thousands are not separated"),
    "a fraction": ("length_km", "1½", "write the fraction as a decimal number"),
    "NA": ("length_km", "N/A", "leave the cell empty where there is none"),
    "nan": ("length_km", "nan", "leave the cell empty where there is none"),
    "text": ("length_km", "far", "a number in km is expected, received 'far'"),
    "underscore": ("length_km", "1_0", "a number in km is expected, received '1_0'"),
    "too large": ("length_km", "1e999", "'1e999' is too large for a number"),
    "flag": (
        "normally_open",
        "perhaps",
        "true or false (是 or 否) is expected, received 'perhaps'",
    ),
    "too long": ("name", "x" * 32_768, "32768 characters; a cell holds 32767 at the most"),
}


@pytest.mark.parametrize(("column", "text", "message"), CELLS.values(), ids=CELLS)
def test_a_cell_that_is_none(tmp_path: Path, column: str, text: str, message: str) -> None:
    folder = folder_of(example_county(), tmp_path)
    spoilt(folder, "sections", lambda rows: cell(rows, 5, column, text))
    (told,) = faults(folder)
    assert told.startswith(f"sections.csv, row 5, {column}: ")
    assert message in told


@pytest.mark.parametrize(
    ("text", "unit", "hint"),
    [
        ("107°54′", "deg", "; write decimal degrees: 107.9"),
        ("107°54'36\"", "deg", "; write decimal degrees: 107.91"),
        ("107°54′36.36″E", "deg", "; write decimal degrees: 107.9101"),
        ("东经107度54分", "deg", "; write decimal degrees: 107.9"),
        ("35°30'S", "deg", "; write decimal degrees: -35.5"),
        ("107度", "deg", "; write decimal degrees: 107.0"),
        ("107°75′", "deg", "; write decimal degrees"),
        ("107°54′", "km", ""),
        ("2800度", "kWh", "; the unit stands in the header, write 2800 alone"),
        (
            "28万千瓦时",
            "kWh",
            "; the column is in kWh, give the value so and write the number alone",
        ),
        ("92%", "", "; the column is no percentage, a share of 1 would be 0.92"),
        ("4%", "%", "; the column is in per cent, write 4 alone"),
        ("12户", "", "; the unit stands in the header, write 12 alone"),
        ("½", "km", "; write the fraction as a decimal number"),
        ("1_0", "km", ""),
        ("1 234", "kWh", "; write 1234: thousands are not separated"),
        ("12x", "km", ""),
    ],
)
def test_a_hint_followed_to_the_letter_keeps_the_value(text: str, unit: str, hint: str) -> None:
    """107°54′ is 107.9 degrees; "write 107 alone" would be 80 km off."""
    assert number_hint(text, unit) == hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2.7", "a whole number is expected, received '2.7'"),
        ("inf", "a whole number is expected, received 'inf'"),
        ("1e30", "'1e30' is too large for a whole number"),
        ("", "the cell is empty; a whole number is expected"),
        ("three", "a number is expected, received 'three'"),
    ],
)
def test_a_count_is_a_whole_number(tmp_path: Path, text: str, message: str) -> None:
    folder = folder_of(example_county(), tmp_path)
    spoilt(folder, "consumers", lambda rows: cell(rows, 3, "count", text))
    assert faults(folder) == [f"consumers.csv, row 3, count: {message}"]


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)

    def change(rows: list[list[str]]) -> None:
        cell(rows, 2, "kv", "10kV")
        cell(rows, 3, "lon_deg", "107,9")
        cell(rows, 4, "kv", "ten")
        cell(rows, 1, "town", "twon")

    spoilt(folder, "nodes", change)
    spoilt(folder, "villages", lambda rows: cell(rows, 2, "households", "many"))
    (folder / "sources.csv").unlink()
    (folder / "node.csv").write_text("name\n", encoding="utf-8")
    told = faults(folder)
    assert [each.partition(": ")[0] for each in told] == [
        "node.csv",
        "sources",
        "nodes.csv, header, twon",
        "nodes.csv, row 2, kv",
        "nodes.csv, row 4, kv",
        "nodes.csv, row 3, lon_deg",
        "villages.csv, row 2, households",
    ]
    assert "no table is named 'node'; the nearest: nodes" in told[0]
    assert "the table 'sources' (电源) is required and absent" in told[1]


def test_a_long_list_of_faults_is_cut_in_the_message_alone(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)

    def change(rows: list[list[str]]) -> None:
        for row in range(2, 24):
            for column in ("count", "kwh_per_year", "power_factor"):
                cell(rows, row, column, "?")

    with pytest.raises(CountyFileError, match="66 faults") as caught:
        read_county(spoilt(folder, "consumers", change))
    assert len(caught.value.findings) == 66
    assert str(caught.value).endswith("... and 16 more")


# --- rows -----------------------------------------------------------------------------------------

ROWS: dict[str, tuple[Callable[[list[list[str]]], object], str]] = {
    "short": (lambda rows: rows[2].pop(), "villages.csv, row 3: 8 cells; the header has 9"),
    "long": (
        lambda rows: rows[2].append("x"),
        "villages.csv, row 3, column J: no header stands above it",
    ),
    "empty between others": (
        lambda rows: rows.insert(2, []),
        "villages.csv, row 3: row 3 is empty, and others follow; delete what is empty",
    ),
    "two empty ones": (
        lambda rows: rows.__setitem__(slice(2, 2), [[""] * 9, []]),
        "villages.csv, row 3: rows 3 to 4 are empty, and others follow; delete what is empty",
    ),
    "nothing": (lambda rows: rows.clear(), "villages.csv: empty; a row of headers is expected"),
}


@pytest.mark.parametrize(("change", "message"), ROWS.values(), ids=ROWS)
def test_rows_that_do_not_fit(
    tmp_path: Path, change: Callable[[list[list[str]]], object], message: str
) -> None:
    folder = spoilt(folder_of(example_county(), tmp_path), "villages", change)
    assert faults(folder) == [message]


def test_empty_rows_and_columns_at_the_end_are_passed_over(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)

    def change(rows: list[list[str]]) -> None:
        for row in rows:
            row += ["", ""]
        rows += [[""] * len(rows[0]), []]

    require_same(read_county(spoilt(folder, "villages", change)), example_county())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name;node;vm_pu\na;b;1,0\n", "separated by semicolons; save the file with commas"),
        ("name\tnode\tvm_pu\na\tb\t1.0\n", "separated by tabs; save the file with commas"),
        ('name,node,vm_pu\n"a,b,1.0\n', "the row that begins in line 2 is not CSV"),
        ('name,node,vm_pu\na,"b"c,1.0\n', "the row that begins in line 2 is not CSV"),
    ],
)
def test_what_is_no_csv_with_commas(tmp_path: Path, text: str, message: str) -> None:
    folder = folder_of(example_county(), tmp_path)
    (folder / "sources.csv").write_text(text, encoding="utf-8")
    (told,) = faults(folder)
    assert message in told


# --- tables and places ----------------------------------------------------------------------------


def test_a_table_that_stands_twice(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)
    (folder / "节点.csv").write_bytes((folder / "nodes.csv").read_bytes())
    assert faults(folder) == [
        "节点.csv: the table 'nodes' stands twice: also as 'nodes.csv'",
    ]


def test_a_workbook_within_the_folder_is_pointed_out(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)
    (folder / "nodes.csv").rename(folder / "nodes.xlsx")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    told = faults(folder)
    assert "nodes.xlsx: only CSV is read in a folder; save it as nodes.csv" in told
    assert len(told) == 2  # and that the table is absent


def test_places_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "county.json").write_text("{}", encoding="utf-8")
    for path, message in [
        (tmp_path / "none", "no such file or folder"),
        (tmp_path / "none.xlsx", "no such file or folder"),
        (tmp_path / "county.json", "a folder of CSV or an .xlsx workbook is expected"),
    ]:
        with pytest.raises(InputError, match=message):
            read_county(path)
    with pytest.raises(InputError, match="a path is expected"):
        read_county(3)  # type: ignore[arg-type]
    assert len(faults(tmp_path)) == 6  # the six tables that every county has


def test_what_looks_like_a_countys_files(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)
    assert is_county_file(folder)
    assert is_county_file("any.xlsx")
    assert not is_county_file(tmp_path)
    assert not is_county_file("ningxian")


FACTS = {
    "a percentage": (
        *("unbalance_surcharge_percent", "20%"),
        "a number is expected, received '20%'; the column is in per cent, write 20 alone",
    ),
    "a word": ("coincidence_floor", "abc", "a number is expected, received 'abc'"),
    "no number": ("coincidence_floor", "nan", "a number is expected, received 'nan'"),
    "a floor above 1": ("coincidence_floor", "5", "5 is out of range: above 0, 1 at the most"),
    "a floor of nothing": ("coincidence_floor", "0", "0 is out of range: above 0, 1 at the most"),
    "a surcharge below nothing": (
        *("unbalance_surcharge_percent", "-1"),
        "-1 is out of range: 0 to 100",
    ),
    "a misspelt name": (
        *("coincidence_flor", "0.3"),
        "no assumption is named so; the nearest: coincidence_floor",
    ),
    "a number for a text": ("tail_conductors", "16", "a text is expected, received 16"),
}


@pytest.mark.parametrize(("parameter", "value", "message"), FACTS.values(), ids=FACTS)
def test_an_assumption_that_is_none(
    tmp_path: Path, parameter: str, value: str, message: str
) -> None:
    folder = folder_of(example_county(), tmp_path)
    spoilt(folder, "county", lambda rows: rows.__setitem__(3, [parameter, value, "", "", ""]))
    assert faults(folder) == [f"county.csv, row 4, {parameter}: {message}"]


def test_an_assumption_that_stands_twice(tmp_path: Path) -> None:
    folder = folder_of(example_county(), tmp_path)
    spoilt(folder, "county", lambda rows: rows.append(["coincidence_floor", "0.3", "", "", ""]))
    spoilt(folder, "county", lambda rows: rows.append(["stage", "1", "", "", ""]))
    assert faults(folder) == [
        "county.csv, row 5, coincidence_floor: coincidence_floor stands twice, first in row 4",
        "county.csv, row 6, stage: stage stands twice, first in row 3",
    ]


@pytest.mark.parametrize("value", ["-1", "two", "1.5", "", "20240315"])
def test_a_stage_is_a_number(tmp_path: Path, value: str) -> None:
    folder = folder_of(example_county(), tmp_path)
    spoilt(folder, "county", lambda rows: cell(rows, 3, "value", value))
    (told,) = faults(folder)
    assert told.startswith("county.csv, row 3, stage: 0, 1, 2, ... 50 is expected, not")


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_write_leaves_the_old_files_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    place = written(example_county(), tmp_path, kind)
    other = dataclasses.replace(example_county(), name="another")
    for function in ("fsync", "fdopen"):
        with monkeypatch.context() as patch:

            def full(*_args: object, **_kwargs: object) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr(f"ruralgrid.files.os.{function}", full)
            with pytest.raises(WriteError, match="No space left"):
                write_county(other, place)
        require_same(read_county(place), example_county())
        assert [each.name for each in tmp_path.iterdir()] == [place.name]


@pytest.mark.parametrize("failing", [OSError(13, "Permission denied"), KeyboardInterrupt()])
def test_a_folder_that_cannot_take_its_place_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: BaseException
) -> None:
    place = written(example_county(), tmp_path, "folder")
    rename, calls = Path.rename, []

    def second_fails(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise failing
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises((WriteError, KeyboardInterrupt)):
        write_county(dataclasses.replace(example_county(), name="another"), place)
    require_same(read_county(place), example_county())
    assert [each.name for each in tmp_path.iterdir()] == [place.name]


def test_a_county_replaces_a_county_and_nothing_else(tmp_path: Path) -> None:
    place = written(example_county(), tmp_path, "folder")
    (place / "批次1 线路段.csv").write_text("name,action\n", encoding="utf-8")
    write_county(dataclasses.replace(example_county(), name="another"), place)
    assert read_county(place).name == "another"
    assert not (place / "批次1 线路段.csv").exists()  # its edits are in edits.csv
    (place / "notes.md").write_text("mine", encoding="utf-8")
    with pytest.raises(WriteError, match=r"holds 'notes.md', which is no table of a county"):
        write_county(example_county(), place)
    assert read_county(place).name == "another"
    assert (place / "notes.md").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("half \ud800", "nodes, row 2, name: 'half \\ud800' holds half a character"),
        ("x" * 32_768, "nodes, row 2, name: 32768 characters; a cell holds 32767"),
    ],
)
def test_what_no_file_holds_is_refused_before_writing(
    tiny: County, tmp_path: Path, kind: str, name: str, message: str
) -> None:
    bad = tiny.with_tables(nodes=pd.DataFrame({"name": [name], "kv": [10.0], "kind": ["busbar"]}))
    with pytest.raises(InputError) as caught:
        written(bad, tmp_path, kind)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["county.xls", "county.xlsm", "county.CSV", "county.json"])
def test_a_name_that_promises_another_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"name a workbook \.xlsx, or a folder; not"):
        write_county(example_county(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# --- batches --------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["batch 1 sections", "批次1 线路段", "Batch 1_sections"])
def test_a_batch_as_a_sheet_of_its_own(tiny: County, tmp_path: Path, title: str) -> None:
    """What a person would write as rows of JSON, in plain columns."""
    folder = written(tiny, tmp_path, "folder")
    (folder / f"{title}.csv").write_text(
        "操作,name,导线型号,length_km,normally_open,项目,source\n"
        "change,main,JKLGYJ-1/70,,,works,survey\n"
        "change,tie,,2.5,是,,\n"
        "remove,branch,,,,,\n",
        encoding="utf-8",
    )
    county = read_county(folder)
    assert county.edits["stage"].tolist() == [1, 1, 1]
    after = county.at(1).sections.set_index("name")
    assert after.loc["main", ["conductor", "length_km", "source"]].tolist() == [
        *("JKLGYJ-1/70", 0.3, "survey")
    ]
    assert after.loc["tie", ["length_km", "normally_open"]].tolist() == [2.5, True]
    assert "branch" not in after.index
    require_same(read_county(written(county, tmp_path, "workbook")), county)


def test_faults_of_a_batchs_sheet(tiny: County, tmp_path: Path) -> None:
    folder = written(tiny, tmp_path, "folder")
    (folder / "batch 2 sections.csv").write_text(
        "name,conducter,length_km\nmain,LGJ-50/8,far\n", encoding="utf-8"
    )
    (folder / "batch 2 edits.csv").write_text("name\n", encoding="utf-8")
    told = faults(folder)
    assert [each.partition(": ")[0] for each in told] == [
        "batch 2 edits.csv",
        "batch 2 sections.csv, header, conducter",
        "batch 2 sections.csv, header",
        "batch 2 sections.csv, row 2, length_km",
    ]


def test_findings_of_a_batchs_sheet_have_its_rows(tiny: County, tmp_path: Path) -> None:
    """The rows of `edits` that such a sheet stands for are in no file."""
    rows = pd.DataFrame(
        [{"stage": 1, "table": "sections", "action": "remove", "name": "brunch", "fields": ""}]
    )
    folder = written(tiny.with_tables(edits=rows), tmp_path, "folder")
    (folder / "batch 1 nodes.csv").write_text(
        "action,name,kv,kind\nadd,N10,,busbar\nremove,X,,\n", encoding="utf-8"
    )
    (folder / "batch 2 sections.csv").write_text(
        "action,name,conductor\nchange,main,LGJ-1\n", encoding="utf-8"
    )
    places = [each.where for each in validate(read_county(folder))]
    assert places == [
        "edits, row 2, name",
        "batch 1 nodes.csv, row 2, name",
        "batch 1 nodes.csv, row 2, kv",
        "batch 1 nodes.csv, row 3, name",
    ]
    (folder / "batch 1 nodes.csv").unlink()
    (folder / "edits.csv").unlink()
    county = read_county(folder)
    assert [each.where for each in validate(county)] == [
        "batch 2 sections.csv, row 2, stage",
        "batch 2 sections.csv, row 2, conductor",
    ]
    assert county.at(2).edit_places == ()
    assert county.with_tables(edits=county.edits).edit_places == ()


@pytest.mark.parametrize("number", [51, 999, 2012])
def test_a_batch_is_numbered_by_the_works_and_not_by_the_year(
    tiny: County, tmp_path: Path, number: int
) -> None:
    folder = written(tiny, tmp_path, "folder")
    title = f"batch {number} nodes.csv"
    (folder / title).write_text("action,name\nremove,T10\n", encoding="utf-8")
    assert faults(folder) == [f"{title}: batch {number}; batches are numbered 1, 2, ... 50"]


# --- workbooks ------------------------------------------------------------------------------------


def changed_book(tmp_path: Path, change: Callable[[openpyxl.Workbook], object]) -> Path:
    path = written(example_county(), tmp_path, "workbook")
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    return path


def test_a_formula_without_a_stored_value_is_told(tmp_path: Path) -> None:
    path = changed_book(tmp_path, lambda book: book["sections"].__setitem__("H3", "=1+1"))
    assert faults(path) == [
        "sections, row 3, length_km: a formula without a stored value; open the file in a "
        "spreadsheet and save it"
    ]


def part_of(path: Path, sheet: str) -> str:
    """The file in a workbook that holds a sheet."""
    return f"sheet{openpyxl.load_workbook(path).sheetnames.index(sheet) + 1}.xml"


def part_changed(path: Path, part: str, change: Callable[[bytes], bytes]) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    name = next(each for each in parts if each.endswith(part))
    parts[name] = change(parts[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in parts.items():
            archive.writestr(each, content)


def test_a_formula_is_read_as_its_value(tmp_path: Path) -> None:
    """Written by hand as a spreadsheet stores it: the formula, and what it gave."""
    path = changed_book(tmp_path, lambda book: book["sections"].__setitem__("H3", "=1+1"))

    def computed(content: bytes) -> bytes:
        assert content.count(b"<f>1+1</f><v />") + content.count(b"<f>1+1</f><v></v>") == 1
        content = content.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>1.25</v>")
        return content.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>1.25</v>")

    sheet = part_of(path, "sections")
    part_changed(path, sheet, computed)
    assert read_county(path).sections["length_km"].iloc[1] == 1.25


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("#N/A", "the spreadsheet shows the error '#N/A'"),
        (pd.Timestamp("2013-05-01").to_pydatetime(), "a date (41395"),
    ],
)
def test_errors_and_dates_are_no_values(tmp_path: Path, value: object, message: str) -> None:
    path = changed_book(tmp_path, lambda book: book["nodes"].__setitem__("A3", value))
    (told,) = faults(path)
    assert told.startswith(f"nodes, row 3, name: {message}")


def test_merged_cells_are_told_with_their_range(tmp_path: Path) -> None:
    """Only the first of them holds the text; nothing is filled in behind the user's back."""
    path = changed_book(tmp_path, lambda book: book["villages"].merge_cells("B2:B4"))
    assert faults(path)[0] == (
        "villages, row 2, town: the cells B2:B4 are merged, and only the first holds the text; "
        "unmerge them and fill every cell"
    )
    assert len(faults(path)) == 1


def test_numbers_and_truths_stand_for_texts(tmp_path: Path) -> None:
    """A village named 9 is typed as a number by the spreadsheet."""

    def change(book: openpyxl.Workbook) -> None:
        book["nodes"]["F2"] = 9
        book["nodes"]["F3"] = True
        book["nodes"]["B2"] = "３５"

    back = read_county(changed_book(tmp_path, change))
    assert back.nodes["town"].tolist()[:2] == ["9", "true"]
    assert back.nodes["kv"].iloc[0] == 35.0


SHARED = """<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<si><t>another</t></si>
<si><r><t>35kV</t></r><r><rPr><b/></rPr><t>电网_x0041_</t></r>
<rPh sb="0" eb="2"><t>ディ</t></rPh></si>
</sst>""".encode()


def test_shared_strings_rich_text_and_reading_aids(tmp_path: Path) -> None:
    """As Excel stores text: once, in runs, and with its pronunciation, which is no part of it."""
    path = written(example_county(), tmp_path, "workbook")
    sheet = part_of(path, "sources")
    own = re.compile(rb'<c r="A2" t="inlineStr">.*?</c>')

    def shared(content: bytes) -> bytes:
        assert len(own.findall(content)) == 1
        return own.sub(b'<c r="A2" t="s"><v>1</v></c>', content)

    part_changed(path, sheet, shared)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/sharedStrings.xml", SHARED)
    assert read_county(path).sources["name"].tolist() == ["35kV电网A"]


def test_unknown_sheets_are_told_and_empty_ones_passed_over(tmp_path: Path) -> None:
    def change(book: openpyxl.Workbook) -> None:
        book.create_sheet("Sheet1")
        book.create_sheet("node")["A1"] = "name"

    (told,) = faults(changed_book(tmp_path, change))
    assert told == "node: no table is named 'node'; the nearest: nodes"


@pytest.mark.parametrize(
    ("title", "message"),
    [
        (
            "批次",
            "a batch's sheet has number and table in its name: batch 1 sections, 批次1 线路段",
        ),
        ("batch one", "a batch's sheet has number and table in its name"),
        ("线路", "no table is named '线路'; the nearest: sections (线路段), line_types (线路型号)"),
        ("图纸", "no table is named '图纸'; there are 11, for example nodes (节点), sections"),
    ],
)
def test_a_sheet_named_nearly_in_chinese(tmp_path: Path, title: str, message: str) -> None:
    path = changed_book(tmp_path, lambda book: book.create_sheet(title).append(["x"]))
    (told,) = faults(path)
    assert told.startswith(f"{title}: {message}")


def test_rows_and_columns_beyond_the_limits(tmp_path: Path) -> None:
    for place in ("A1000002", "IW3"):
        path = changed_book(tmp_path, lambda book, at=place: book["nodes"].__setitem__(at, 1))
        with pytest.raises(InputError, match=r"nodes: something stands beyond the limits"):
            read_county(path)


def test_a_file_too_large_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(example_county(), tmp_path)
    monkeypatch.setattr("ruralgrid.county.csv_files.MAX_CSV_BYTES", 3000)
    told = faults(folder)
    assert "sections.csv: the file has 0 MB; 0 MB are taken" in told
    monkeypatch.setattr("ruralgrid.county.csv_files.MAX_ROWS", 5)
    assert any("more than 5 rows" in each for each in faults(folder))
    (folder / "sources.csv").write_text("\n" * 9, encoding="utf-8")
    assert "sources.csv: more than 5 rows" in faults(folder)
    monkeypatch.setattr("ruralgrid.county.csv_files.MAX_CELLS", 50)
    assert any("more than 50 cells" in each for each in faults(folder))


def bomb(path: Path, megabytes: int) -> None:
    """A workbook whose sheet is nothing but blanks."""
    written(example_county(), path.parent, "workbook").rename(path)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/worksheets/sheet99.xml", "w", force_zip64=True) as file,
    ):
        for _ in range(megabytes):
            file.write(b" " * 1_000_000)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb(tmp_path / "bomb.xlsx", 201)
    assert (tmp_path / "bomb.xlsx").stat().st_size < 4_000_000
    with pytest.raises(InputError, match=r"unpacked it has 20\d MB; 200 MB are taken"):
        read_county(tmp_path / "bomb.xlsx")


ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<workbook>&b;</workbook>"""


def test_entities_are_refused(tmp_path: Path) -> None:
    path = written(example_county(), tmp_path, "workbook")
    part_changed(path, "xl/workbook.xml", lambda _content: ENTITIES)
    with pytest.raises(InputError, match="it declares a document type"):
        read_county(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no whole .xlsx"),
        (b"PK\x03\x04 and no more", "no whole .xlsx"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "protected by a password, or an .xls"),
        (b"name,kv\na,10\n", "no whole .xlsx"),
    ],
)
def test_what_is_no_workbook(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "county.xlsx").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_county(tmp_path / "county.xlsx")
