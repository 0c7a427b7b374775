"""The report in a real browser, without a network: what a reader clicks, types and prints."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from small_county import small_study
from test_report_html import HOSTILE, renamed

from ruralgrid.report.html import write_report

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
A4_POINTS = (595, 842)


@dataclass
class Watched:
    """A page and what it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    assert path, f"no browser: one of {', '.join(NAMES)} is expected (apt-get install chromium)"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    return write_report(small_study(), tmp_path_factory.mktemp("r") / "report.html").as_uri()


@pytest.fixture
def context(browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        viewport={"width": 1280, "height": 900},
        accept_downloads=True,
        reduced_motion="reduce",  # a page that is still scrolling moves away under the mouse
    )
    opened.set_offline(True)
    yield opened
    opened.close()


def opened(context: BrowserContext, address: str) -> Watched:
    watched = Watched(context.new_page())
    watched.page.on("request", lambda request: watched.requests.append(request.url))
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    watched.page.on(
        "console",
        lambda message: watched.complaints.append(f"{message.type}: {message.text}"),
    )
    watched.page.goto(address)
    return watched


@pytest.fixture
def watched(context, address) -> Iterator[Watched]:
    """A page that must end without a complaint and without a request but for itself."""
    seen = opened(context, address)
    yield seen
    assert seen.complaints == []
    outside = [url for url in seen.requests if not url.startswith(("data:", "blob:"))]
    assert outside == [address]


@pytest.fixture
def page(watched) -> Page:
    return watched.page


def low_on_map(page: Page) -> int:
    return page.locator("svg.county .village.low, svg.county .village.deep").count()


def low_in_study(stage: int) -> int:
    table = small_study().villages
    return int((table[table["stage"] == stage]["status"] == "low").sum())


def to_stage(page: Page, stage: int) -> None:
    page.focus("#stage")
    page.keyboard.press("Home")
    for _ in range(stage):
        page.keyboard.press("ArrowRight")


def column(page: Page, table: str, number: int) -> list[str]:
    return page.locator(f"[data-table={table}] tbody tr td:nth-child({number})").all_inner_texts()


def visible_text(page: Page) -> str:
    return page.inner_text("body")


# opening ------------------------------------------------------------------------------------------


def test_it_opens_without_a_request_and_without_an_error(watched):
    assert "before and after the works" in watched.page.title()
    assert watched.page.locator("svg.county .village").count() == 64


def test_a_hostile_name_runs_nothing(context, tmp_path):
    name = small_study().villages["village"].iloc[0]
    path = write_report(renamed(small_study(), name, HOSTILE), tmp_path / "report.html")
    seen = opened(context, path.as_uri())
    dialogs: list[str] = []
    seen.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    seen.page.fill("#village-search", HOSTILE)
    seen.page.click(".find button")
    assert seen.page.locator(".card h3 span").inner_text().startswith("</script>")
    assert (dialogs, seen.complaints, seen.requests) == ([], [], [path.as_uri()])
    assert seen.page.locator("img").count() == 0


def test_the_policy_stops_what_a_stranger_would_add(context, address):
    """A script and a picture put into the page afterwards: neither runs, neither is fetched."""
    seen = opened(context, address)
    failed: list[str | None] = []
    seen.page.on("requestfailed", lambda request: failed.append(request.failure))
    seen.page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.textContent = 'window.strange = true';
          const picture = document.createElement('img');
          picture.src = 'https://example.invalid/a.png';
          document.body.append(script, picture);
        }"""
    )
    assert seen.page.evaluate("window.strange") is None
    assert len([text for text in seen.complaints if "Content Security Policy" in text]) == 2
    assert failed == ["csp"]  # stopped by the policy, before the network was asked


# language -----------------------------------------------------------------------------------------


def test_the_language_changes_without_loading(page):
    assert "The answer" in visible_text(page)
    page.click("[data-lang=zh]")
    text = visible_text(page)
    assert page.evaluate("document.documentElement.lang") == "zh"
    for english, chinese in (
        ("The answer", "结论"),
        ("Find a village", "查找自然村"),
        ("before the works", "工程前"),
        ("Download CSV", "下载 CSV"),
    ):
        assert english not in text
        assert chinese in text or page.get_by_placeholder(chinese).count()
    assert page.title().endswith("工程前后的低电压与线损")
    page.click("[data-lang=en]")
    assert "结论" not in visible_text(page)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_word_is_left_unfilled(page, lang):
    """No brace of a text without its figure, no key, nothing that JavaScript makes of nothing."""
    page.click(f"[data-lang={lang}]")
    text = visible_text(page)
    assert not re.findall(r"\{\w+\}|undefined|NaN|Infinity|\[object", text)


# map ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_the_slider_changes_the_map_and_its_table(page, stage):
    to_stage(page, stage)
    assert low_on_map(page) == low_in_study(stage)
    table = small_study().villages
    lowest = table[table["stage"] == stage]["v_min_v"].min()
    assert column(page, "villages", 8)[0] == f"{lowest:.1f}"


def test_new_lines_appear_with_their_batch(page):
    shown = "svg.county path.line.new:not([display=none])"
    assert page.locator(shown).count() == 0
    to_stage(page, 1)
    first = page.locator(shown).count()
    to_stage(page, 2)
    assert 0 < first < page.locator(shown).count()


def test_a_click_opens_the_villages_card(page):
    mark = page.locator("svg.county .village.deep").first
    name = mark.locator("title").text_content()
    mark.click(force=True)
    card = page.locator(".card")
    assert name.startswith(card.locator("h3 span").inner_text())
    assert card.locator("tbody tr").count() == 3
    card.get_by_label("Close").click()
    assert card.count() == 0


def test_the_keyboard_opens_the_lowest_village(page):
    page.focus("svg.county")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    table = small_study().villages
    first = table[table["stage"] == 0].sort_values("v_min_v")["village"]
    assert page.locator(".card h3 span").inner_text() == first.iloc[0]
    page.keyboard.press("Escape")
    assert page.locator(".card").count() == 0
    page.keyboard.press("ArrowRight")  # the focus is back on the village; on to the next
    page.keyboard.press("Enter")
    assert page.locator(".card h3 span").inner_text() == first.iloc[1]


def test_the_map_moves_by_keyboard_wheel_and_hand(page):
    def seen() -> str:
        return page.get_attribute("svg.county", "viewBox")

    def box(text: str) -> list[float]:
        return [float(n) for n in text.split()]

    def moved(before: str) -> str:
        changed = "old => document.querySelector('svg.county').getAttribute('viewBox') !== old"
        page.wait_for_function(changed, arg=before)
        return seen()

    county = page.locator("svg.county")
    county.focus()
    whole = seen()
    page.keyboard.press("+")
    near = moved(whole)
    assert box(near)[2] < box(whole)[2]
    page.keyboard.press("ArrowLeft")
    assert box(moved(near))[0] < box(near)[0]
    page.keyboard.press("0")
    page.wait_for_function(
        "old => document.querySelector('svg.county').getAttribute('viewBox') === old", arg=whole
    )
    area = county.bounding_box()
    page.mouse.move(area["x"] + 300, area["y"] + 300)
    page.mouse.wheel(0, -200)
    wheeled = moved(whole)
    assert box(wheeled)[2] < box(whole)[2]
    page.mouse.down()
    page.mouse.move(area["x"] + 200, area["y"] + 300)
    page.mouse.up()
    dragged = moved(wheeled)
    assert box(dragged)[0] > box(wheeled)[0]
    assert box(dragged)[1] == pytest.approx(box(wheeled)[1])
    assert page.locator(".card").count() == 0


def test_a_wheel_over_a_map_not_in_use_scrolls_the_page(page):
    before = page.get_attribute("svg.county", "viewBox")
    page.locator("svg.county").scroll_into_view_if_needed()
    at, top = page.locator("svg.county").bounding_box(), page.evaluate("scrollY")
    page.mouse.move(at["x"] + 100, at["y"] + 100)
    page.mouse.wheel(0, 300)
    page.wait_for_function("top => scrollY > top", arg=top)
    assert page.get_attribute("svg.county", "viewBox") == before


def test_a_village_is_found_by_name(page):
    page.fill("#village-search", "丙川乡沙坪村4组")
    page.click(".find button")
    assert page.locator(".card h3 span").inner_text() == "丙川乡沙坪村4组"
    page.fill("#village-search", "there is none")
    page.click(".find button")
    assert "no village of this name" in visible_text(page)


def test_a_card_leads_to_the_profile(page):
    page.fill("#village-search", "丙川乡沙坪村4组")
    page.click(".find button")
    page.get_by_role("button", name="Voltage along its feeder").click()
    assert page.input_value("#profile-village") == "丙川乡沙坪村4组"
    drawn = page.locator("svg.profile")
    for when in ("before", "after"):  # 10 kV, and at 0.4 kV the phase judged with two others
        assert drawn.locator(f"path.way-{when}:not(.way-other)").count() == 2
        assert drawn.locator(f"path.way-{when}.way-other").count() == 2


# tables -------------------------------------------------------------------------------------------


def numbers(texts: list[str]) -> list[float]:
    return [float(text.replace(",", "").replace("−", "-")) for text in texts if text != "–"]


def test_a_title_sorts_its_column_both_ways(page):
    title = page.locator("[data-table=transformers] thead th").nth(6)
    title.locator("button").click()
    assert title.get_attribute("aria-sort") == "descending"
    down = numbers(column(page, "transformers", 7))
    assert down == sorted(down, reverse=True)
    title.locator("button").click()
    assert title.get_attribute("aria-sort") == "ascending"
    up = numbers(column(page, "transformers", 7))
    assert up == sorted(up)
    assert up[0] < down[0]


def test_a_search_keeps_the_rows_that_have_it(page):
    table = page.locator("[data-table=villages]")
    table.locator("input[type=search]").fill("丙川乡")
    assert set(column(page, "villages", 2)) == {"丙川乡"}
    table.locator("input[type=search]").fill("there is none")
    assert "no rows" in table.inner_text()


def test_all_rows_can_be_shown(page):
    table = page.locator("[data-table=villages]")
    assert table.locator("tbody tr").count() == 12
    table.get_by_role("button", name=re.compile("Show all")).click()
    assert table.locator("tbody tr").count() == 64


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_table_is_taken_away_as_csv(page, lang, tmp_path):
    page.click(f"[data-lang={lang}]")
    with page.expect_download() as waiting:
        page.locator("[data-table=losses] .bar button").first.click()
    waiting.value.save_as(tmp_path / "losses.csv")
    text = (tmp_path / "losses.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    losses = small_study().losses
    assert rows[0][0] == {"en": "Stage", "zh": "阶段"}[lang]
    assert len(rows) == len(losses) + 1
    place = list(losses.columns).index("total_kwh")
    assert [float(row[place]) for row in rows[1:]] == pytest.approx(
        list(losses["total_kwh"]), abs=0.01
    )


def test_a_formula_in_a_name_leaves_as_text(context, tmp_path):
    name = small_study().villages["village"].iloc[0]
    formula = "=cmd|' /C calc'!A1"
    path = write_report(renamed(small_study(), name, formula), tmp_path / "report.html")
    seen = opened(context, path.as_uri())
    with seen.page.expect_download() as waiting:
        seen.page.locator("[data-table=villages] .bar button").first.click()
    waiting.value.save_as(tmp_path / "villages.csv")
    text = (tmp_path / "villages.csv").read_bytes().decode("utf-8-sig")
    names = [row[0] for row in csv.reader(io.StringIO(text))]
    assert "'" + formula in names
    assert formula not in names


# reading ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_window(page, width):
    """Wide tables and charts scroll in their own frame."""
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_contrast(context, address, scheme):
    """WCAG 2.1, 1.4.3: 4.5 to 1 for the text colours, 1.4.11: 3 to 1 for what is drawn."""
    seen = opened(context, address)
    seen.page.emulate_media(color_scheme=scheme)
    colours = seen.page.evaluate(
        """() => Object.fromEntries(['paper', 'panel', 'ink', 'muted', 'accent', 'low', 'deep',
          'near', 'fine', 'high', 'good', 'new'].map(name => [name, getComputedStyle(
            document.documentElement).getPropertyValue('--' + name).trim()]))"""
    )
    for name in ("ink", "muted", "accent", "low", "deep"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in ("near", "fine", "high", "good", "new", "low", "deep"):
        assert contrast(colours[name], colours["panel"]) >= 3, name


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.1: relative luminance of the lighter and the darker, each plus 0.05."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_whatever_can_be_used_has_a_name(page):
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, a')].filter(e =>
          !(e.textContent.trim() || e.getAttribute('aria-label') ||
            (e.id && document.querySelector(`label[for="${e.id}"]`)))).map(e => e.outerHTML)"""
    )
    assert unnamed == []
    assert page.locator("h1").count() == 1
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map(e => Number(e.tagName[1]))"
    )
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_are_unique(page):
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_prints_on_a_few_pages_of_a4(page, lang):
    page.click(f"[data-lang={lang}]")
    printed = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", printed)
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {A4_POINTS}
    assert 5 <= len(boxes) <= 20
