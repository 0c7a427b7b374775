"""The report as a file: what it asks of the network, what it says, what it does with odd names."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import fields, replace
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise

import pandas as pd
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st
from small_county import ROOT, small_county, small_study

from ruralgrid.assess import supply_paths
from ruralgrid.errors import UnknownNameError, WriteError
from ruralgrid.report.fonts import ChineseFont, chinese_font, embedded_font
from ruralgrid.report.html import report_html, write_report
from ruralgrid.report.official import area_losses, household_capacity, voltage_pass_rates
from ruralgrid.report.page.content import content
from ruralgrid.report.page.drawing import ticks
from ruralgrid.report.page.frames import page_frames
from ruralgrid.report.page.profiles import profile_data
from ruralgrid.report.page.tables import digits_of, page_table
from ruralgrid.report.page.words import pair
from ruralgrid.report.staged import StagedStudy
from ruralgrid.report.supply import supply_tree
from ruralgrid.report.terms import find_term, get_term
from ruralgrid.studies import Study

HOSTILE = "</script><img src=x onerror=alert(1)>&\u2028=cmd|' /C calc'!A1"
MIB = 2**20


@cache
def page() -> str:
    return report_html(small_study())


@cache
def staged() -> StagedStudy:
    return StagedStudy(small_study())


class Reader(HTMLParser):
    """The elements of a page, and the text of its scripts and its style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in self.raw else ""
        if self._inside:
            self.raw[tag].append("")

    def handle_endtag(self, tag):
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data):
        if self._inside:
            self.raw[self._inside][-1] += data

    @property
    def data(self):
        """What the page carries for its scripts."""
        return json.loads(self.raw["script"][0])


def renamed(study: Study, old: str, new: str) -> Study:
    """The study with one name replaced in every frame of it and of its county."""

    def of(thing):
        frames = {
            field.name: getattr(thing, field.name).replace(old, new)
            for field in fields(thing)
            if isinstance(getattr(thing, field.name), pd.DataFrame)
        }
        return replace(thing, **frames)

    return replace(of(study), county=of(study.county))


def without_plan(study: Study) -> Study:
    """As a study of a utility's own tables: no plan, no claim, no edits of projects."""
    county = replace(study.county, origin=None, assumptions=study.county.assumptions.iloc[:0])
    return replace(
        study, county=county, claim=None, claim_with_projects=None, sensitivity=pd.DataFrame()
    )


# asks for nothing ---------------------------------------------------------------------------------


def test_nothing_in_the_page_points_outside():
    reader = Reader(page())
    for tag, attributes in reader.elements:
        assert "src" not in attributes, tag
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        target = attributes.get("href")
        assert target is None or target.startswith("#") or target == "data:,", target
    assert "@import" not in reader.raw["style"][0]
    assert set(re.findall(r"url\((\w+):", reader.raw["style"][0])) <= {"data"}
    # the only address of a network in the page is the name of SVG
    code = reader.raw["script"][1] + reader.raw["style"][0]
    assert set(re.findall(r"https?://[^\"')]+", code)) == {"http://www.w3.org/2000/svg"}


def test_the_policy_allows_the_pages_own_style_and_script_alone():
    reader = Reader(page())
    metas = [a for tag, a in reader.elements if tag == "meta" and "http-equiv" in a]
    assert [meta["http-equiv"] for meta in metas] == ["Content-Security-Policy"]
    policy = dict(
        (part.split(" ", 1) for part in metas[0]["content"].split("; ")),
    )
    assert policy["default-src"] == "'none'"

    def allowed(text: str) -> str:
        digest = hashlib.sha256(text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    data, script = reader.raw["script"]
    assert policy["script-src"] == allowed(script)
    assert policy["style-src"] == allowed(reader.raw["style"][0])
    assert json.loads(data)["county"] == small_study().county.name


def test_a_name_with_markup_stays_a_name():
    old = small_study().villages["village"].iloc[0]
    text = report_html(renamed(small_study(), old, HOSTILE))
    reader = Reader(text)
    assert HOSTILE in reader.data["villages"]["name"]
    assert "img" not in {tag for tag, _ in reader.elements}
    assert [tag for tag, _ in reader.elements].count("script") == 2
    assert "\u2028" not in text
    assert HOSTILE not in text


def test_a_county_with_markup_for_a_name():
    study = replace(small_study(), county=replace(small_study().county, name="<b>&{county}"))
    reader = Reader(report_html(study))
    assert reader.data["county"] == "<b>&{county}"
    assert "b" not in {tag for tag, _ in reader.elements}


def test_the_same_study_gives_the_same_page():
    assert report_html(small_study()) == page()


def test_it_is_light():
    """A county of 64 villages; one of 2,300 has 1.5 MB by the same means."""
    assert len(page().encode()) < 0.6 * MIB


# says what the study says -------------------------------------------------------------------------


def test_the_answer_stands_in_the_page():
    study, text = small_study(), page()
    for stage in study.stages.itertuples():
        assert f">{int(stage.households_low):,}<" in text
    assert study.claim is not None
    assert f"{study.claim.net_kwh():,.0f}" in text
    assert study.claim.verdict_zh in text


def test_the_waterfall_ends_at_the_net():
    """The bars by their heights in the drawing: what is saved less what is added is the net."""
    study = small_study()
    chart = content(staged()).charts["claim"]
    assert study.claim is not None
    assert chart is not None
    bars = [shape for shape in chart.shapes if shape.tag == "rect"]
    signed = {"bar-good": 1, "bar-bad": -1}
    heights = [float(bar.attributes["height"]) for bar in bars]
    parts = sum(
        signed[str(bar.attributes["class"])] * height
        for bar, height in zip(bars[:-1], heights[:-1], strict=True)
    )
    # a tenth of a pixel a bar is rounded away
    assert parts == pytest.approx(heights[-1], abs=0.1 * len(bars))


def test_villages_carry_their_voltages_stage_by_stage():
    villages = Reader(page()).data["villages"]
    for k, (_, table) in enumerate(small_study().villages.groupby("stage")):
        assert villages["name"] == list(table["village"])
        assert villages["v"][k] == pytest.approx(list(table["v_min_v"]), abs=0.05)
        assert villages["low"][k] == list(table["households_low"])


def test_a_profile_ends_at_the_villages_lowest_voltage():
    study = small_study()
    profiles = profile_data(staged())
    treated = study.villages[study.villages["batch"] > 0]
    assert set(treated["village"]) <= set(profiles)
    for when, stage in (("before", 0), ("after", 2)):
        lowest = study.villages[study.villages["stage"] == stage].set_index("village")["v_min_v"]
        for village, ways in profiles.items():
            volts, kms = ways[when]["lv"][1], ways[when]["lv"][0]
            assert volts[-1] == pytest.approx(lowest[village], abs=0.05)
            assert kms == sorted(kms)


def test_powers_and_energies_of_a_small_county_have_digits_enough():
    """0.9158 MW and 3.63 GWh: four figures of each column's largest, and no fewer than before."""
    table = page_table(study_table := small_study().stages, ("", ""))
    digits = {column["key"]: column["digits"] for column in table["columns"]}
    assert study_table["peak_mw"].max() < 1
    assert (digits["peak_mw"], digits["loss_kwh"], digits["fed_kwh"]) == (4, 0, 0)
    assert digits_of("peak_mw") == 2


def test_of_one_there_is_no_plural():
    assert pair("chart.villages_low", {"count": "1"})[0] == "1 village"
    assert pair("chart.villages_low", {"count": "21"})[0] == "21 villages"
    assert pair("kpi.of_villages", {"count": "1"})[0] == "of 1 natural village"
    low = {"before": "1", "villages_before": "1", "after": "1,001", "villages_after": "11"}
    assert pair("answer.low", low)[0] == (
        "Low before the works: 1 household in 1 village. "
        "Low after all batches studied: 1,001 households in 11 villages."
    )


def test_every_table_has_its_words():
    """Each column in both languages; each cell that is a word too."""
    for name, (frame, _) in page_frames(staged()).items():
        assert get_term("text", f"table.{name}")
        for column in frame.columns:
            assert find_term("column", column), f"{name}: {column}"
    for name, frame in small_study().tables.items():
        for column in frame.columns:
            assert find_term("column", column), f"{name}: {column}"


def test_every_text_stands_in_both_languages():
    reader = Reader(page())
    classes = [attributes.get("class") for _, attributes in reader.elements]
    assert classes.count("en") == classes.count("zh") > 100
    for key, (english, chinese) in reader.data["words"].items():
        assert english, key
        assert chinese, key
        marks = [set(re.findall(r"\{\w+\}", text)) for text in (english, chinese)]
        assert marks[0] == marks[1], key


def test_findings_and_parameters_have_names():
    for name, kind in (("audit", "finding"), ("findings", "finding")):
        frame = page_frames(staged()).get(name, (pd.DataFrame({"code": []}), None))[0]
        for code in frame["code"]:
            assert find_term(kind, code), code
            assert find_term("advice", f"about {code}"), code
    for parameter in small_county().assumptions["parameter"]:
        assert find_term("parameter", parameter), parameter


def test_what_a_finding_means_stands_in_chinese():
    """A sentence for each code that has a name, and beside every finding of the page."""
    terms = (ROOT / "ruralgrid" / "report" / "terms.csv").read_text(encoding="utf-8")
    codes = re.findall(r"(?m)^finding,([^,]+),", terms)
    assert len(codes) > 100
    for code in codes:
        term = find_term("advice", f"about {code}")
        assert term is not None, code
        assert "。" in term.zh, code
    table = Reader(page()).data["tables"]["findings"]
    column = [column["key"] for column in table["columns"]].index("advice")
    assert table["rows"]
    for row in table["rows"]:
        assert "。" in table["words"][row[column]][1]


# other studies ------------------------------------------------------------------------------------


def test_a_county_of_ones_own_has_no_plan_to_speak_of():
    reader = Reader(report_html(without_plan(small_study())))
    ids = {attributes.get("id") for _, attributes in reader.elements}
    assert {"answer", "map", "losses"} <= ids
    assert not ids & {"audit", "lines", "assumptions"}
    assert {"甲河镇", "乙山镇", "丙川乡"} == {town["name"] for town in reader.data["map"]["towns"]}


def test_a_county_without_places_has_no_map():
    county = small_study().county
    nodes = county.nodes.assign(lon_deg=float("nan"), lat_deg=float("nan"))
    edits = county.edits[county.edits["table"] != "nodes"]
    edits = edits[edits["stage"] < 0]
    study = replace(small_study(), county=replace(county, nodes=nodes, edits=edits))
    first = {
        name: getattr(study, name)[getattr(study, name)["stage"] == 0]
        for name in ("stages", "villages", "losses", "nodes", "lines", "transformers")
    }
    reader = Reader(report_html(replace(study, **first)))
    assert reader.data["map"] is None
    assert reader.data["villages"]["place"] == [None] * 64


def test_one_stage_alone():
    study = small_study()
    last = {
        name: getattr(study, name)[getattr(study, name)["stage"] == 2]
        for name in ("stages", "villages", "losses", "nodes", "lines", "transformers")
    }
    none = pd.DataFrame()
    lone = replace(
        study, **last, gains=none, savings=none, targets=none, claim=None, claim_with_projects=None
    )
    reader = Reader(report_html(lone, lang="zh"))
    assert reader.data["stages"] == [["after batch 2", "第 2 批后"]]
    assert reader.elements[0] == ("html", {"lang": "zh"})


def test_an_unknown_language_is_refused():
    with pytest.raises(UnknownNameError, match="fr"):
        report_html(small_study(), lang="fr")  # type: ignore[arg-type]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("stands")
    with pytest.raises(WriteError):
        write_report(small_study(), tmp_path / "file" / "report.html")
    assert (tmp_path / "file").read_text() == "stands"


# the tables that are filed ------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [0, 2])
def test_the_areas_lose_what_the_level_loses(stage):
    losses = small_study().losses
    level = losses[(losses["stage"] == stage) & (losses["level_kv"] < 1)]
    areas = area_losses(staged(), stage)
    assert areas["area_loss_kwh"].sum() == pytest.approx(level["total_kwh"].sum(), rel=1e-9)
    assert areas["sold_kwh"].sum() == pytest.approx(_sold_at_lv(stage), rel=1e-9)


def _sold_at_lv(stage: int) -> float:
    county = small_study().county.at(stage)
    kv = county.nodes.set_index("name")["kv"]
    return float(county.consumers.loc[county.consumers["node"].map(kv) < 1, "kwh_per_year"].sum())


@pytest.mark.parametrize("stage", [0, 2])
def test_capacity_counts_every_household_once(stage):
    table = household_capacity(staged(), stage)
    homes = small_study().county.villages["households"].sum()
    towns, county = table.iloc[:-1], table.iloc[-1]
    assert towns["households"].sum() == county["households"] == homes
    assert county["kva_per_household"] == pytest.approx(towns["kva"].sum() / homes)


def test_pass_rates_are_those_of_the_solutions():
    """The study takes them from the solution itself, the report from the study's nodes."""
    ours = voltage_pass_rates(staged())
    rates = ours.pivot(index="stage", columns="point_class", values="pass_rate_percent")
    theirs = small_study().pass_rates.set_index("stage")
    for name in rates.columns:
        assert rates[name].to_numpy() == pytest.approx(theirs[f"{name}_percent"].to_numpy())


def test_the_tree_measures_as_the_radius_does():
    """Another walk over the same net: the supply paths of `assess`."""
    county = small_study().county.at(2)
    tree, paths = supply_tree(county), supply_paths(county)
    for path in paths.itertuples():
        assert tree.area[path.node] == path.transformer
        assert tree.area_km[path.node] == pytest.approx(path.length_lv_km)
        total = path.length_lv_km + path.length_mv_km
        assert tree.distance_km[path.node] == pytest.approx(total)
        assert tree.way_to(path.node)[0] == path.station_node


# font and drawing ---------------------------------------------------------------------------------


def test_the_font_of_the_page_has_every_sign():
    """Each Chinese sign of the page has a glyph in the part of the font that it carries."""
    found = re.search(r"url\(data:font/woff2?;base64,([^)]+)\)", page())
    assert found, "no font was embedded: is the extra `fonts` installed?"
    signs = set(TTFont(BytesIO(base64.b64decode(found[1]))).getBestCmap())
    asked = {ord(sign) for sign in page() if "\u4e00" <= sign <= "\u9fff"}
    assert asked <= signs
    assert len(signs) < 1500


def test_a_font_of_a_system_is_not_embedded():
    font = chinese_font()
    assert font is not None
    assert embedded_font(["县"], ChineseFont(font.path, embeddable=False)) is None
    assert embedded_font(["县"], None) is None


@given(
    st.floats(-1e4, 1e4, allow_nan=False),
    st.floats(0.1, 1e6, allow_nan=False),
    st.integers(2, 10),
)
def test_ticks_span_the_values_in_even_steps(low, span, about):
    marks = ticks(low, low + span, about)
    step = marks[1] - marks[0]
    assert marks[0] <= low + 1e-6 * step
    assert marks[-1] >= low + span - 1e-6 * step
    assert len(marks) <= about + 2
    assert [b - a for a, b in pairwise(marks)] == pytest.approx([step] * (len(marks) - 1), rel=1e-6)
