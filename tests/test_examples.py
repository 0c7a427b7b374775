"""The scripts of examples/ run as a reader runs them, and say what they should."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image
from small_county import ROOT
from test_plugin import pytest_run

from ruralgrid.county.files import write_county
from ruralgrid.county.template import example_county

EXAMPLES = ROOT / "examples"


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run an example by its name in an empty folder, and give what it prints."""
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")

    def example(name: str, *words: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return example


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


def test_plot_feeder(run):
    printed = run("plot_feeder.py")
    # the village at the end of its tail hangs on one phase; the mean of the three is higher
    assert 0.7 < float(re.search(r"lowest: ([\d.]+) pu", printed)[1]) < 0.95
    # a reader of a study knows a lower voltage: which flow of which hour this is stands beside it
    assert re.search(
        r"^balanced flow of hour \d+, the peak; lowest: .* pu at 上坡村一组1线02杆$", printed, re.M
    )
    assert "a study, wire by wire over the year, finds less" in printed
    with Image.open("feeder.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 100


def test_study_own_workbook(run):
    printed = run("study_own_workbook.py")
    assert Path("my_county.xlsx").exists()
    # low before its batch, cured by it
    assert float(re.search(r"stage 0: 上坡村一组: (\d+) V", printed)[1]) < 198
    assert "stage 1" not in printed
    assert any(Path("my_county").iterdir())


def test_study_own_workbook_takes_the_one_that_is_named(run, capsys):
    """One with an unknown conductor: it is read, left as it is, and told of."""
    sections = example_county().sections.copy()
    sections.loc[3, "conductor"] = "LGJ-50/9"
    write_county(example_county().with_tables(sections=sections), "own.xlsx")
    before = Path("own.xlsx").read_bytes()
    with pytest.raises(SystemExit, match="correct the errors first"):
        run("study_own_workbook.py", "own.xlsx")
    printed = capsys.readouterr().out
    assert "LGJ-50/9" in printed
    assert "the example is in" not in printed
    assert Path("own.xlsx").read_bytes() == before


def test_what_if_batch(run):
    """Thicker wire helps some; a transformer in the village ends it, at a price in no-load loss."""
    lines = run("what_if_batch.py").splitlines()
    table = {line[:13].strip(): list(map(float, line[13:].split()[-3:])) for line in lines[2:]}
    now, wire, own = table["lowest [V]"]
    assert now < wire < own
    assert now < 198 < own
    assert table["hours"][2] == 0
    assert table["line_loss_kwh"][0] > table["line_loss_kwh"][1] > table["line_loss_kwh"][2]
    # S11-50/10: 0.13 kW at no load, 1,139 kWh a year at nominal voltage
    assert table["no_load_kwh"][2] - table["no_load_kwh"][0] == pytest.approx(1139, rel=0.1)


def test_guard_test(tmp_path):
    for name in ("guard_test.py", "guard_baseline.json"):
        (tmp_path / name).write_bytes((EXAMPLES / name).read_bytes())
    done = pytest_run(tmp_path, "guard_test.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def test_simbench_year_without_simbench_says_what_it_needs(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "simbench", None)
    with pytest.raises(SystemExit, match="pip install simbench"):
        run("simbench_year.py")


def test_simbench_year(run):
    printed = run("simbench_year.py")
    assert "8784 hours" in printed
    assert "violations 13 high" in printed
