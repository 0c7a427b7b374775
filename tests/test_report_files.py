"""Files written whole or not at all, and text that no spreadsheet runs."""

from __future__ import annotations

import codecs
import csv
import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from small_county import ROOT

from ruralgrid.county.csv_files import csv_bytes
from ruralgrid.errors import RuralGridError, WriteError
from ruralgrid.files import defused, write_files, write_text
from ruralgrid.report.files import write_tables

FAILURES = [
    ("fsync", errno.ENOSPC, "No space left on device"),
    ("fsync", errno.EIO, "Input/output error"),
    ("fdopen", errno.EMFILE, "Too many open files"),
]


def break_(monkeypatch: pytest.MonkeyPatch, function: str, number: int) -> None:
    """Let a function of `os` fail as a full or broken disk lets it fail."""

    def fails(*_args: object, **_kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"ruralgrid.files.os.{function}", fails)


@pytest.mark.parametrize(("function", "number", "told"), FAILURES)
def test_a_failed_write_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int, told: str
) -> None:
    path = tmp_path / "summary.txt"
    write_text(path, "the older result")
    break_(monkeypatch, function, number)
    with pytest.raises(WriteError, match=told) as caught:
        write_text(path, "the newer result")
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, RuralGridError)
    assert path.read_text(encoding="utf-8") == "the older result"
    assert [each.name for each in tmp_path.iterdir()] == ["summary.txt"]


def test_a_failed_first_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_(monkeypatch, "fsync", errno.ENOSPC)
    with pytest.raises(WriteError):
        write_text(tmp_path / "summary.txt", "the newer result")
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_fails_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "summary.txt"
    write_text(path, "the older result")

    def fails(self: Path, target: Path) -> Path:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(WriteError, match="Permission denied"):
        write_text(path, "the newer result")
    assert path.read_text(encoding="utf-8") == "the older result"
    assert [each.name for each in tmp_path.iterdir()] == ["summary.txt"]


def test_a_folder_that_is_a_file_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(WriteError, match="out"):
        write_text(tmp_path / "out" / "summary.txt", "text")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def test_text_is_replaced_whole_and_bytes_stand_as_given(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "summary.txt"  # folders are made
    write_text(path, "a long text\n" * 100)
    write_text(path, "县 1\r\n2\n")
    assert path.read_bytes() == "县 1\r\n2\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644  # not the 0600 of a temporary file


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "kept.txt", tmp_path / "link.txt"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o600)
    link.symlink_to(path)
    write_text(link, "new")
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_of_many_files_none_is_written_where_one_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")
    with pytest.raises(WriteError, match=r"b/c\.txt"):
        write_files(tmp_path, {"a.txt": b"new", "b/c.txt": b"new"})
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "'="])
def test_a_county_s_tables_and_the_page_defuse_the_same_texts(start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    of_county = csv_bytes(["name"], [[text]], [True]).decode("utf-8-sig")
    assert f"'{text}" in of_county
    assert defused(text) == f"'{text}".replace("\r", " ")
    page = (ROOT / "ruralgrid" / "report" / "page" / "tables.js").read_text(encoding="utf-8")
    assert r"/^'*[=+\-@＝＋－＠\t\r]/" in page


@pytest.mark.parametrize("text", ["-", "+2.5 %", "-1,200.5", "12 %", "", "a=b"])
def test_numbers_and_what_only_holds_a_sign_stay(text: str) -> None:
    assert defused(text) == text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_text_that_a_spreadsheet_would_run_is_quoted(tmp_path: Path, start: str) -> None:
    table = pd.DataFrame({"name": [f"{start}HYPERLINK(1)", "plain"], "kwh": [-1.5, 2.0]})
    write_tables(tmp_path, {"villages": table})
    with (tmp_path / "villages.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["name"] == f"'{start}HYPERLINK(1)"
    assert rows[1]["name"] == "plain"
    assert [float(row["kwh"]) for row in rows] == [-1.5, 2.0]  # a number stays a number


def test_text_is_quoted_whatever_pandas_calls_its_column(tmp_path: Path) -> None:
    texts = pd.Series(["=1+1", "b"])
    table = pd.DataFrame({"object": texts.astype(object), "mixed": ["=1+1", 3]})
    write_tables(tmp_path, {"t": table})
    back = pd.read_csv(tmp_path / "t.csv", dtype=str)
    assert list(back.iloc[0]) == ["'=1+1", "'=1+1"]
    assert back["mixed"].iloc[1] == "3"


def test_the_table_that_is_written_stays_as_it_is(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["=1+1"]})
    write_tables(tmp_path, {"t": table})
    assert table["name"].iloc[0] == "=1+1"


def test_chinese_names_stand_as_utf8_in_files_and_file_names(tmp_path: Path) -> None:
    names = ["焦村镇吝店村9组", "盘克镇, “武洛村”\n11组", "乙山镇"]
    table = pd.DataFrame({"村": names, "households": [3, 1, 2]})
    (path,) = write_tables(tmp_path / "宁县", {"自然村": table})
    assert path == tmp_path / "宁县" / "自然村.csv"
    assert "焦村镇吝店村9组".encode() in path.read_bytes()
    # the mark without which Excel takes the file for GBK and shows other characters
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    pd.testing.assert_frame_equal(pd.read_csv(path), table)


def test_figures_read_back_to_the_last_digit(tmp_path: Path) -> None:
    figures = [0.1 + 0.2, 1e-17, 298000.0, float("nan"), 1 / 3]
    (path,) = write_tables(tmp_path, {"t": pd.DataFrame({"kwh": figures})})
    back = pd.read_csv(path, float_precision="round_trip")["kwh"]
    assert back.dropna().tolist() == [0.1 + 0.2, 1e-17, 298000.0, 1 / 3]
    assert back.isna().sum() == 1


def test_no_tables_write_no_files(tmp_path: Path) -> None:
    assert write_tables(tmp_path, {}) == []
    assert list(tmp_path.iterdir()) == []


def test_a_table_without_rows_keeps_its_header(tmp_path: Path) -> None:
    (path,) = write_tables(tmp_path, {"t": pd.DataFrame({"a": [], "b": []})})
    assert path.read_text(encoding="utf-8-sig") == "a,b\n"


def test_a_carriage_return_does_not_break_the_row(tmp_path: Path) -> None:
    write_tables(tmp_path, {"t": pd.DataFrame({"name": ["a\rb", "\r=1+1"], "n": [1, 2]})})
    back = pd.read_csv(tmp_path / "t.csv")
    assert back.to_dict("list") == {"name": ["a b", "' =1+1"], "n": [1, 2]}
