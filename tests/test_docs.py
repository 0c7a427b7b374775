"""The pages: they build without a warning, every link leads somewhere, every code is explained."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import typer.main
import yaml
from small_county import ROOT, python

from ruralgrid.cli import app

DOCS = ROOT / "docs"

pytestmark = pytest.mark.xdist_group("docs")  # the pages are built once


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, built with warnings as errors: comparisons computed, plots drawn."""
    out = tmp_path_factory.mktemp("site")
    sphinx = "import small_county, sphinx.cmd.build, sys; small_county.use_what_is_known(); "
    words = ("-q", "-W", "--keep-going", "-d", out / "trees", DOCS, out)
    built = python("-c", sphinx + "sys.exit(sphinx.cmd.build.main())", *words)
    assert built.returncode == 0, built.stderr + built.stdout
    return out


def page(site: Path, name: str) -> str:
    return (site / f"{name}.html").read_text(encoding="utf-8")


def test_every_page_is_built(site: Path) -> None:
    for source in DOCS.rglob("*.md"):
        built = site / source.relative_to(DOCS).with_suffix(".html")
        assert built.is_file(), source


def test_links_within_the_pages_lead_somewhere(site: Path) -> None:
    """Each href is a file, and each #part of one an id in it."""
    ids = {
        file: set(re.findall(r'\bid="([^"]+)"', file.read_text(encoding="utf-8")))
        for file in site.rglob("*.html")
    }
    missing = []
    for file in ids:
        for href in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', file.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", href):
                continue
            target, _, part = href.partition("#")
            other = (file.parent / target).resolve() if target else file
            if not other.exists() or (part and part not in ids.get(other, {part})):
                missing.append(f"{file.name}: {href}")
    assert not missing


def test_the_comparisons_stand_in_the_page_with_their_figures(site: Path) -> None:
    text = page(site, "validation")
    for other in ("closed form", "OpenDSS", "pandapower runpp", "published matrix"):
        assert other in text
    assert len(re.findall(r"<p>\d\.\de.\d\d</p>", text)) >= 9


def test_the_plots_are_drawn(site: Path) -> None:
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page(site, "plots"))
    assert len(pictures) == (DOCS / "plots.md").read_text(encoding="utf-8").count("{drawn}")
    assert all(len(picture) > 10_000 for picture in pictures)


def test_every_command_is_in_the_page_with_its_options(site: Path) -> None:
    text = page(site, "commands")
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, command in known.items():
        assert f"ruralgrid {name} " in re.sub(r"<[^>]+>", "", text)
        for parameter in command.params:
            assert parameter.name == "help" or parameter.opts[0] in text.replace("&#45;", "-"), name


def test_every_test_that_the_pages_name_exists(site: Path) -> None:
    """In the sources, and in the table that the build makes."""
    texts = {source.name: source.read_text(encoding="utf-8") for source in DOCS.rglob("*.md")}
    texts["validation.html"] = re.sub(r"<[^>]+>", "`", page(site, "validation"))
    for name, text in texts.items():
        for test in re.findall(r"`(test_[a-z0-9_]+)`", text):
            assert (ROOT / "tests" / f"{test}.py").is_file(), f"{name}: {test}"


def test_public_functions_are_in_the_reference(site: Path) -> None:
    text = page(site, "api")
    for name in (
        "ruralgrid.plan.audit",
        "ruralgrid.calibrate.synthesise",
        "ruralgrid.network.build",
        "ruralgrid.flow.solve_year",
        "ruralgrid.studies.study",
        "ruralgrid.studies.Study.plot_profile",
        "ruralgrid.report.plots.plot_claim",
        "ruralgrid.county.files.read_county",
        "ruralgrid.flow.four_wire.solve_year_four_wire",
        "ruralgrid.testing.assert_voltages",
    ):
        assert f'id="{name}"' in text


def test_every_code_of_a_finding_is_explained() -> None:
    """What a check may say stands in a page, with what to do about it."""
    made = set()
    for module in (ROOT / "ruralgrid").rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        made |= set(re.findall(r'Finding\(\s*(?:code=)?"([a-z0-9-]+)"', text))
    pages = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    assert len(made) > 20
    assert made <= set(re.findall(r"`([a-z0-9-]+)`", pages))


def test_a_larger_difference_fails_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    import comparisons

    def off() -> object:
        yield comparisons.Comparison("a", "b", "c", 2.0, 1.0, "t")

    def unknown() -> object:
        yield comparisons.Comparison("a", "b", "c", float("nan"), 1.0, "t")

    for source in (off, unknown):
        monkeypatch.setattr(comparisons, "SOURCES", (source,))
        with pytest.raises(ValueError, match="larger than their bounds"):
            comparisons.comparisons_table()


def test_the_quick_check_runs_tests_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    import check

    files = [word for word in check.QUICK["tests"] if word.startswith("tests/")]
    assert files
    assert all((ROOT / file).is_file() for file in files)


def test_the_check_names_what_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / ".ci"))
    import check

    monkeypatch.setattr(sys, "argv", ["check.py"])
    monkeypatch.setattr(check, "CHECKS", {"good": ["this"], "bad": ["no_such_module"]})
    assert check.main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "failed: bad"
    monkeypatch.setattr(check, "CHECKS", {"good": ["this"]})
    assert check.main() == 0


def test_templates_ask_for_what_helps() -> None:
    forms = (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")
    read = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in forms}
    assert set(read) == {"county", "figure"}
    for form in read.values():
        assert {"name", "description", "body"} <= set(form)
        asked = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(set(asked)) == len(asked) > 0
    assert "ruralgrid validate" in str(read["county"])
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks["repos"][0]["hooks"]][:3] == [
        "ruff",
        "ruff-format",
        "mypy",
    ]
