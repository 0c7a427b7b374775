"""The printed tables: columns apart, every header in words, digits that tell the rows apart."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from small_county import small_study

from ruralgrid.report.digits import digits_for, sized
from ruralgrid.report.plain import display_width, plain_table
from ruralgrid.report.text import study_sections

LONG = "households low by the phase of each"


def test_a_chinese_sign_is_two_columns_wide() -> None:
    assert [display_width(text) for text in ("kV", "批次", "10kV 线路", "（")] == [2, 4, 9, 2]


def test_columns_stand_under_each_other_and_apart() -> None:
    """Cut at the width that a terminal shows, not at the count of signs."""
    table = pd.DataFrame(
        {"village": ["上坡村一组", "Ford"], "low": ["24", "1,234"], "V": [180.0, 9]}
    )
    assert plain_table(table).splitlines() == [
        "village       low    V",
        "上坡村一组     24  180",
        "Ford        1,234    9",
    ]


def test_a_long_header_is_broken_in_two_lines() -> None:
    table = pd.DataFrame({"stage": ["0"], LONG: ["4"], "loss %": ["1.0"]})
    assert plain_table(table).splitlines() == [
        "       households low by",
        "stage  the phase of each  loss %",
        "    0                  4     1.0",
    ]


def test_what_is_not_known_is_left_blank() -> None:
    table = pd.DataFrame({"a": pd.array([1, pd.NA], dtype="Int64"), "b": [float("nan"), 2.5]})
    assert plain_table(table).splitlines() == ["a    b", "1", "   2.5"]


@pytest.mark.parametrize(
    ("values", "least", "digits"),
    [
        ([32.922, 33.054, 33.232], 0, 2),
        ([0.2146, 0.2166], 2, 4),
        ([140.12, 141.9], 2, 2),
        ([13_243.0, 9.0], 0, 0),
        ([0.0, float("nan")], 1, 1),
        ([2e-9], 0, 6),
    ],
)
def test_four_digits_of_the_largest(values: list[float], least: int, digits: int) -> None:
    assert digits_for(values, least) == digits


def test_losses_that_differ_in_the_fourth_figure_are_printed_apart() -> None:
    """32,922, 33,054 and 33,232 kWh as MWh; a county of thousands of MWh stays as it was."""
    assert sized([32.922, 33.054, 33.232]) == ["32.92", "33.05", "33.23"]
    assert sized([13243.4, float("nan")]) == ["13,243", ""]


def test_every_column_of_the_summary_is_in_words() -> None:
    sections = study_sections(small_study())
    assert len(sections) > 10
    for title, table, _ in sections:
        for name in table.columns:
            assert not re.search(r"_|[\u4e00-\u9fff]", str(name)), f"{title}: {name}"
        text = plain_table(table)
        assert "<NA>" not in text, title
        assert "nan" not in text, title


def test_a_transformer_has_a_rating_and_no_length() -> None:
    built = next(table for title, table, _ in study_sections(small_study()) if "Built" in title)
    assert "Rating [kVA]" in built
    lines = [line for line in plain_table(built).splitlines() if "transformer" in line]
    assert lines
    assert all("0.00" not in line for line in lines)


def test_the_headline_stands_beside_the_base_of_what_moves_it() -> None:
    table = next(t for title, t, _ in study_sections(small_study()) if "What moves" in title)
    assert list(table["Hours solved [h]"][:3]) == ["288", "8,760", "288"]
