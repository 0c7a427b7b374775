"""The invented plan of examples/: it agrees with itself, its county holds its totals, it runs."""

from __future__ import annotations

import runpy
import sys

import pandas as pd
import pytest
from small_county import (
    FOLDER,
    ROOT,
    known_study,
    known_synthesise,
    small_county,
    small_plan,
)

import ruralgrid as rg
from ruralgrid.county import County
from ruralgrid.plan import audit


def km_of(county: County, kv: float) -> float:
    level = county.sections["from_node"].map(county.nodes.set_index("name")["kv"])
    return float(county.sections.loc[level == kv, "length_km"].sum())


def test_the_plan_says_in_its_first_line_that_it_is_invented() -> None:
    assert "INVENTED" in (FOLDER / "plan.toml").read_text(encoding="utf-8").splitlines()[0]
    assert "invented" in small_plan().document.title


def test_the_plan_agrees_with_itself() -> None:
    assert [f.message for f in audit(small_plan()) if f.severity != "note"] == []


def test_the_plan_is_small() -> None:
    plan = small_plan()
    assert len(plan.townships) == 3
    assert len(plan.villages) == plan.county.administrative_villages == 16
    assert 9_000 <= plan.county.population <= 15_000
    assert (len(plan.batches), len(plan.hv_projects)) == (2, 1)


# the stated figures of plan.toml, typed again here
@pytest.mark.parametrize(("kv", "stated_km"), [(35.0, 31.0), (10.0, 58.0), (0.4, 76.0)])
def test_stated_lengths_hold_exactly(kv: float, stated_km: float) -> None:
    assert km_of(small_county(), kv) == pytest.approx(stated_km, abs=1e-6)


def test_stated_stations_hold_exactly() -> None:
    county = small_county()
    units = county.transformers[county.transformers["type"].str.endswith("/35")]
    assert list(units["type"]) == ["SZ9-2000/35", "SZ9-2000/35"]
    assert units["hv_node"].nunique() == 2
    kv = county.nodes.set_index("name")["kv"]
    assert int((county.sections["from_node"].map(kv) == 35).sum()) == 3


def test_people_and_households_hold_exactly() -> None:
    villages = small_county().villages
    # 15,000 people, 4.3 of them to a household
    assert int(villages["households"].sum()) == 3488
    assert int(villages["population"].sum()) == 15_000
    assert villages["admin_village"].nunique() == 16
    treated = villages[villages["batch"] > 0]
    counts = treated.groupby(["batch", "plan_class"])["households"].agg(["size", "sum"])
    expected = pd.DataFrame(
        {"size": [3, 2, 2, 2], "sum": [170, 120, 115, 110]},
        index=pd.MultiIndex.from_product([[1, 2], ["low_voltage", "three_phase"]]),
    )
    assert counts.to_dict() == expected.to_dict()


@pytest.mark.parametrize(("batch", "transformers", "new_low_km"), [(1, 7, 6.4), (2, 5, 5.6)])
def test_each_batch_adds_what_it_states(batch: int, transformers: int, new_low_km: float) -> None:
    before, after = small_county().at(batch - 1), small_county().at(batch)
    new = ~after.transformers["name"].isin(before.transformers["name"])
    assert int((new & after.transformers["type"].str.endswith("/10")).sum()) == transformers
    old = before.sections.set_index("name")["conductor"]
    strung = after.sections[after.sections["conductor"] != after.sections["name"].map(old)]
    low = strung["from_node"].map(after.nodes.set_index("name")["kv"]) == 0.4
    assert float(strung.loc[low, "length_km"].sum()) == pytest.approx(new_low_km, abs=1e-6)


def test_the_station_of_the_project_comes_with_its_batch() -> None:
    last = small_county().at(2)
    (new,) = last.transformers.loc[last.transformers["type"] == "SZ11-2000/35", "name"]
    assert new.startswith("丙川")
    line = last.sections.set_index("name").loc["35kV甲河-丙川线"]
    assert (line["length_km"], line["conductor"]) == (7.4, "LGJ-150")


def test_the_example_script_runs_and_prints_the_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rg, "synthesise", known_synthesise)
    monkeypatch.setattr(rg, "study", known_study)
    script = ROOT / "examples" / "study_small_plan.py"
    monkeypatch.setattr(sys, "argv", [str(script)])
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out
    assert "Of the 30,000 kWh a year claimed" in printed
    assert "Still low after the last batch: 0 villages" in printed
    stages = [line.split() for line in printed.splitlines() if line[:1] in "012" and line]
    low = [int(row[-1]) for row in stages]  # 285, 115 and 0 by the plan
    assert low[0] == pytest.approx(285, rel=0.15)
    assert low[0] > low[1] > low[2] == 0
