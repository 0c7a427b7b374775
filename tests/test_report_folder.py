"""What a study writes: the files, and each of them whole."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest
from openpyxl import load_workbook
from small_county import small_quick_study, small_study

from ruralgrid.errors import UnknownNameError, WriteError
from ruralgrid.study_folder import STUDY_FILES


def test_a_study_is_written_whole(tmp_path):
    study = small_study()
    written = study.write(tmp_path / "new" / "out", lang="zh")
    names = [path.name for path in written]
    assert names[:4] == ["report.html", "study.xlsx", "villages.geojson", "summary.txt"]
    assert set(names[4:]) == {"files.txt", *(f"{name}.csv" for name in study.tables)}
    assert set(names) <= STUDY_FILES
    assert (tmp_path / "new" / "out" / "files.txt").read_text().splitlines()[1:] == names[:-1]
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == sorted(names)
    assert '<html lang="zh">' in written[0].read_text(encoding="utf-8")
    assert load_workbook(written[1]).sheetnames[1] == "台区线损 area losses"
    villages = json.loads(written[2].read_text(encoding="utf-8"))["features"]
    lowest = study.villages.set_index(["stage", "village"])["v_min_v"]
    assert len(villages) == 64
    for feature in villages:
        of = feature["properties"]
        assert of["v_min_v_2"] == pytest.approx(lowest[2, of["name"]])


def test_an_unknown_language_is_told_before_anything_is_written(tmp_path):
    with pytest.raises(UnknownNameError, match="fr"):
        small_study().write(tmp_path / "out", lang="fr")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_second_study_leaves_its_own_files_alone(tmp_path):
    """Of the first one's tables none stays; what is not a study's does."""
    small_study().write(tmp_path)
    assert (tmp_path / "sensitivity.csv").exists()
    for mine in ("mine.csv", "notes.txt"):
        (tmp_path / mine).write_text("mine", encoding="utf-8")
    second = replace(small_quick_study(), claim=None, phases=pd.DataFrame())
    written = second.write(tmp_path)
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {path.name for path in written} | {"mine.csv", "notes.txt"}
    assert not found & {"sensitivity.csv", "claim_parts.csv", "phases.csv", "quick_methods.csv"}


@pytest.mark.parametrize("name", ["villages.csv", "study.xlsx", "sensitivity.csv", "files.txt"])
def test_a_file_that_no_study_wrote_is_not_replaced(tmp_path, name):
    """A plan's or a county's villages.csv, a workbook of that name, a list of one's own."""
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(WriteError, match=rf"{name} is there already and no study wrote it"):
        small_study().write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_a_list_takes_nothing_away_that_lies_elsewhere(tmp_path):
    small_quick_study().write(tmp_path / "out")
    (tmp_path / "mine.csv").write_text("mine", encoding="utf-8")
    with (tmp_path / "out" / "files.txt").open("a", encoding="utf-8") as file:
        file.write("../mine.csv\n")
    small_quick_study().write(tmp_path / "out")
    assert (tmp_path / "mine.csv").exists()
