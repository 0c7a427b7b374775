"""What a study writes: the files, and each of them whole."""

from __future__ import annotations

import json

import pytest
from openpyxl import load_workbook
from small_county import small_study

from ruralgrid.errors import UnknownNameError


def test_a_study_is_written_whole(tmp_path):
    study = small_study()
    written = study.write(tmp_path / "new" / "out", lang="zh")
    names = [path.name for path in written]
    assert names[:4] == ["report.html", "study.xlsx", "villages.geojson", "summary.txt"]
    assert set(names[4:]) == {f"{name}.csv" for name in study.tables}
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
