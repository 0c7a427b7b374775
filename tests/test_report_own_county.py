"""What is reported of a county's own tables: parallel transformers, no villages, no calibration."""

from __future__ import annotations

import json
from functools import cache

import matplotlib as mpl
import pandas as pd
import pytest
from small_county import ROOT

from ruralgrid.county import County
from ruralgrid.county.files import write_county
from ruralgrid.county.template import example_county
from ruralgrid.errors import InputError, WriteError
from ruralgrid.report.official import area_losses, household_capacity
from ruralgrid.report.page.profiles import profile_data
from ruralgrid.report.plots import supply_profile
from ruralgrid.report.staged import StagedStudy
from ruralgrid.report.text import summary_text
from ruralgrid.studies import Study, study

FIRST = "东沟村一组1号变"


def studied(county: County) -> Study:
    options = {"sensitivity_table": False, "phases": "balanced", "progress": False}
    return study(county, hours="representative", **options)


@cache
def example() -> Study:
    return studied(example_county())


@cache
def by_wires() -> Study:
    """The same wire by wire."""
    return study(example_county(), hours="representative", progress=False)


@cache
def with_two_on_one_busbar() -> Study:
    county = example_county()
    units = county.transformers
    second = units[units["name"] == FIRST].assign(name="东沟村一组2号变")
    return studied(county.with_tables(transformers=pd.concat([units, second])))


def test_two_transformers_on_one_busbar_are_one_area():
    """Two S9-50 make 100 kVA, lose twice at no load, and half of one at the same load."""
    one = area_losses(StagedStudy(example()), 0).set_index("transformer").loc[FIRST]
    study = with_two_on_one_busbar()
    two = area_losses(StagedStudy(study), 0).iloc[0]
    assert two["transformer"] == f"{FIRST} + 东沟村一组2号变"
    assert (two["transformers"], two["kva"], two["type"]) == (2, 100.0, "S9-50/10")
    assert (two["households"], two["sold_kwh"]) == (one["households"], one["sold_kwh"])
    units = study.transformers.query("stage == 0 and name.str.startswith('东沟村一组')")
    assert two["no_load_loss_kwh"] == pytest.approx(units["no_load_kwh"].sum())
    assert two["load_loss_kwh"] == pytest.approx(units["load_kwh"].sum())
    # the voltage is a little higher, so that constant power draws a little less current
    assert two["no_load_loss_kwh"] == pytest.approx(2 * one["no_load_loss_kwh"], rel=0.01)
    assert two["load_loss_kwh"] == pytest.approx(one["load_loss_kwh"] / 2, rel=0.2)


def test_wire_by_wire_they_are_refused_with_both_names():
    county = with_two_on_one_busbar().county
    with pytest.raises(InputError, match=f"transformers {FIRST} and 东沟村一组2号变 feed one 0.4"):
        study(county, hours="representative", progress=False)


def test_capacity_counts_both_of_them():
    ours, theirs = (
        household_capacity(StagedStudy(s), 0).iloc[-1]
        for s in (with_two_on_one_busbar(), example())
    )
    assert ours["transformers"] == theirs["transformers"] + 1
    assert ours["kva"] == theirs["kva"] + 50
    assert ours["households"] == theirs["households"]


def test_a_line_along_0_4_kv_is_one_wire_and_falls_outwards():
    """A tail of two wires behind four: the worst phase with customers is another one at each pole.

    Along a wire without generation, whose load is all of it at its end, voltage falls and falls.
    """
    village = "上坡村一组"
    way = profile_data(StagedStudy(by_wires()))[village]["before"]
    volts = way["lv"][1]
    assert volts == sorted(volts, reverse=True)
    assert way["phase"] == "a"
    # the tail itself has wire a alone
    assert [[volt is None for volt in other[-2:]] for other in way["others"]] == [[True] * 2] * 2
    assert all(volt is not None for other in way["others"] for volt in other[:-2])
    drawn = supply_profile(by_wires(), village, 0)
    lv = drawn[drawn["kv"] < 1]
    assert lv["of_nominal_percent"].is_monotonic_decreasing
    assert set(lv["phase"]) == {"a"}
    assert (lv["of_nominal_percent"] * 2.2).tolist() == pytest.approx(volts, abs=0.05)
    assert lv["other_1_percent"].notna().tolist() == [True] * (len(lv) - 2) + [False] * 2


def test_a_balanced_line_has_no_phase():
    ways = profile_data(StagedStudy(example()))
    assert {way["phase"] for both in ways.values() for way in both.values() if way} <= {""}
    assert not any(way["others"] for both in ways.values() for way in both.values() if way)


def test_a_county_without_villages_is_written(tmp_path):
    """It has coordinates, but no village to show on a map."""
    county = example_county()
    bare = county.with_tables(
        villages=county.villages.iloc[:0],
        nodes=county.nodes.assign(village=""),
        consumers=county.consumers.assign(village=""),
        edits=county.edits.iloc[:0],
    )
    assert county.nodes["lon_deg"].notna().any()
    names = [path.name for path in studied(bare).write(tmp_path)]
    assert names[:3] == ["report.html", "study.xlsx", "summary.txt"]
    assert "villages.geojson" not in names


def test_what_cannot_all_be_written_is_not_written(tmp_path):
    (tmp_path / "villages.geojson").mkdir()  # the third file, and a folder stands there
    with pytest.raises(WriteError, match=r"villages\.geojson"):
        example().write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["villages.geojson"]


def test_the_notebook_takes_a_workbook_of_a_county_without_batches(tmp_path, monkeypatch):
    mpl.use("Agg")
    county = example_county()
    path = tmp_path / "own.xlsx"
    write_county(county.with_tables(edits=county.edits.iloc[:0]), path)
    monkeypatch.setenv("RURALGRID_NOTEBOOK_TABLES", str(path))
    notebook = json.loads((ROOT / "notebooks" / "5_own_county.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert len(names["study"].losses) > 0


def test_own_tables_are_of_no_calibration():
    assert "calibrations" not in example().tables
    assert "标定" not in summary_text(example())
