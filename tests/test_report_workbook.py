"""The workbook as Excel reads it: numbers are numbers, texts are texts, heads stay in sight."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import pytest
from openpyxl import Workbook, load_workbook
from small_county import small_study
from test_report_html import HOSTILE, renamed, without_plan

from ruralgrid.errors import WriteError
from ruralgrid.report.staged import StagedStudy
from ruralgrid.report.workbook import study_workbook, workbook_tables, write_workbook
from ruralgrid.studies import Study

OFFICIAL = ["台区线损 area losses", "电压合格率 pass rates", "供电半径 supply radius"]
OFFICIAL += ["户均容量 capacity"]


def read_back(study: Study) -> Workbook:
    held = BytesIO()
    study_workbook(study).save(held)
    return load_workbook(held)


@cache
def book() -> Workbook:
    return read_back(small_study())


@cache
def tables():
    return workbook_tables(StagedStudy(small_study()))


def test_the_official_tables_come_first():
    assert book().sheetnames[1:5] == OFFICIAL
    assert set(book().sheetnames[1:]) == set(tables())


def test_every_sheet_has_a_frozen_head_and_a_filter():
    for sheet in book().worksheets[1:]:
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert all(cell.font.bold for cell in sheet[1])


def test_numbers_come_back_as_they_were():
    for title, frame in tables().items():
        sheet = book()[title]
        assert sheet.max_row == len(frame) + 1, title
        for name, cells in zip(frame.columns, sheet.iter_cols(min_row=2), strict=True):
            if frame[name].dtype.kind in "fi":
                known = frame[name].notna().to_numpy()
                assert [cell.value is not None for cell in cells] == list(known), (title, name)
                assert {c.data_type for c, k in zip(cells, known, strict=True) if k} <= {"n"}
                read = [c.value for c, k in zip(cells, known, strict=True) if k]
                # sixteen digits are written
                assert read == pytest.approx(list(frame[name][known]), rel=1e-15), (title, name)


def test_formats_show_the_unit_digits():
    sheet = book()[OFFICIAL[0]]
    heads = {cell.value: cell.column for cell in sheet[1]}
    shown = {
        head.split("\n")[0]: sheet.cell(2, column).number_format for head, column in heads.items()
    }
    assert shown["台区线损率"] == "#,##0.00"
    assert shown["用户电量"] == "#,##0"
    assert shown["户数"] == "General"


def test_heads_are_in_both_languages_with_units():
    heads = [cell.value for cell in book()[OFFICIAL[0]][1]]
    assert "台区线损率\nLoss rate of the area [%]" in heads
    for sheet in book().worksheets[1:]:
        for cell in sheet[1]:
            chinese = any("\u4e00" <= sign <= "\u9fff" for sign in cell.value)
            assert chinese, f"{sheet.title}: {cell.value}"


def test_words_are_in_both_languages():
    outcomes = {cell.value for cell in book()["gains"]["S"][1:]}
    assert "已解决 cured" in outcomes


def test_no_name_becomes_a_formula():
    study = small_study()
    hostile = renamed(study, study.villages["village"].iloc[0], f"={HOSTILE}\x01")
    cells = [cell for sheet in read_back(hostile) for row in sheet.rows for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert f"={HOSTILE}" in {cell.value for cell in cells}


def test_columns_are_wide_enough_for_what_stands_there():
    for sheet in book().worksheets[1:]:
        for cell in sheet[2]:
            width = sheet.column_dimensions[cell.column_letter].width
            if isinstance(cell.value, str):
                signs = sum(2 if ord(sign) > 0x2E80 else 1 for sign in cell.value)
                assert width >= min(signs, 60)


def test_a_study_without_a_plan_has_its_official_tables():
    assert read_back(without_plan(small_study())).sheetnames[1:5] == OFFICIAL


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("stands")
    with pytest.raises(WriteError):
        write_workbook(small_study(), tmp_path / "file" / "study.xlsx")
    assert (tmp_path / "file").read_text() == "stands"
