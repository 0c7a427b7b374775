"""What objects show of themselves in a notebook: the numbers that matter, short, escaped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pandapower as pp
import pytest
from nets import empty_net
from small_county import small_county, small_plan, small_study

from ruralgrid.findings import Finding, Findings
from ruralgrid.flow import LoadProfiles, YearSolution, solve_year

EVIL = "<script>alert('&')</script>"


def year(name: str) -> YearSolution:
    net = empty_net()
    first, last = pp.create_buses(net, 2, 0.4, name=[name, name])
    pp.create_ext_grid(net, first)
    pp.create_line_from_parameters(net, first, last, 0.1, 0.8, 0.4, 0.0, 0.2)
    pp.create_load(net, last, 0.01)
    return solve_year(net, LoadProfiles.constant(net, hours=24))


def findings(name: str) -> Findings:
    return Findings([Finding("village-low", name, name, 190.0, 198.0, "V")] * 100)


def plan(name: str) -> object:
    document = replace(small_plan().document, title=name, county=name)
    return replace(small_plan(), document=document)


SHOWN: dict[str, Callable[[str], object]] = {
    "plan": plan,
    "findings": findings,
    "county": lambda name: replace(small_county(), name=name),
    "study": lambda name: replace(small_study(), county=replace(small_county(), name=name)),
    "year": year,
    "claim": lambda _: small_study().claim,
}


class Reader(HTMLParser):
    """Collects the tags and the words of a page; fails where a tag is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.seen.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += f" {data}"


def read(shown: object) -> Reader:
    reader = Reader()
    reader.feed(shown._repr_html_())  # type: ignore[attr-defined]
    assert not reader.open
    return reader


@pytest.mark.parametrize("kind", SHOWN)
def test_it_is_short_and_whole(kind: str) -> None:
    reader = read(SHOWN[kind]("甲县"))
    assert 20 < len(reader.words) < 3000
    assert "  nan " not in reader.words.lower()


@pytest.mark.parametrize("kind", [kind for kind in SHOWN if kind != "claim"])
def test_a_name_runs_nothing(kind: str) -> None:
    reader = read(SHOWN[kind](EVIL))
    assert reader.seen <= {
        "table",
        "caption",
        "tr",
        "th",
        "td",
        "thead",
        "tbody",
        "p",
        "h3",
        "code",
    }
    assert EVIL in reader.words


def test_a_study_shows_who_is_low_and_the_verdict() -> None:
    words = read(small_study()).words
    assert small_study().claim is not None
    assert small_study().claim.verdict in words
    for count in small_study().stages["households_low"]:
        assert f" {count:,} " in words


def test_a_year_shows_its_lowest_voltage_and_its_loss() -> None:
    """10 kW over 0.08 ohm at 0.4 kV: some 2.1 % of voltage, and 24 times the loss of an hour."""
    words = read(year("b")).words
    solved = year("b")
    assert f"{solved.buses['vm_min_pu'].min():.4f} pu at b in hour 0" in words
    assert f"{solved.balance['fed_kwh']:,.0f}" in words


def test_a_year_without_a_solution_shows_its_state() -> None:
    net = empty_net()
    first, last = pp.create_buses(net, 2, 0.4)
    pp.create_ext_grid(net, first)
    pp.create_line_from_parameters(net, first, last, 10.0, 0.8, 0.4, 0.0, 0.2)
    pp.create_load(net, last, 1.0)
    words = read(solve_year(net, LoadProfiles.constant(net))).words
    assert "failed" in words
    assert "nan" not in words


def test_many_findings_show_the_worst_and_how_many_more() -> None:
    notes = [Finding("a", "s", f"note {k}", severity="note") for k in range(50)]
    error = Finding("z", "s", "the worst", severity="error")
    words = read(Findings([*notes, error])).words
    assert "the worst" in words
    assert "note 18" in words
    assert "note 19" not in words
    assert "31 more" in words


def test_no_findings_show_none() -> None:
    assert read(Findings()).words.strip() == "<Findings: none>"
