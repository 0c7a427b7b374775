"""The READMEs and pages with code: it runs, their commands exist, their files are there."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pytest
import typer.main
from small_county import ROOT, known_study, known_synthesise

import ruralgrid as rg
from ruralgrid.cli import app

README, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
QUICKSTART, FOUR_WIRE = ROOT / "docs" / "quickstart.md", ROOT / "docs" / "four_wire.md"
PAGES = [README, CHINESE, QUICKSTART]
STAND_INS = {
    '"ningxian"': '"examples/small_plan"',
}
"""What a page has at hand, and the test puts in its place."""

LINKED = [README, CHINESE, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def name_of(path: Path) -> str:
    return path.name


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def without_comments(code: str) -> str:
    return "\n".join(re.sub(r"\s*#.*", "", line) for line in code.splitlines())


def commands(path: Path) -> list[str]:
    """Every use of the command in the page's shell lines, without what follows it."""
    text = path.read_text(encoding="utf-8")
    shell = [*blocks(path, "bash"), *re.findall(r"(?m)^ {4}(ruralgrid .*)$", text)]
    lines = [line for block in shell for line in block.splitlines()]
    parts = [part.strip() for line in lines for part in re.split(r"&&|#| {2,}", line)]
    return [part for part in parts if part.startswith("ruralgrid ")]


@pytest.mark.parametrize("path", [README, QUICKSTART, FOUR_WIRE], ids=name_of)
def test_the_code_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the small plan; block after block, as a reader types them.

    What the tests of studies run with the same arguments is taken from there.
    """
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for file in (ROOT / "examples" / "small_plan").iterdir():
        new = "my_plan.toml" if file.name == "plan.toml" else file.name
        shutil.copy(file, tmp_path / new)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rg, "synthesise", known_synthesise)
    monkeypatch.setattr(rg, "study", known_study)
    typed = blocks(path, "python")
    assert typed
    names: dict[str, object] = {"np": np}
    for block in typed:
        for text, stand_in in STAND_INS.items():
            block = block.replace(text, stand_in)
        exec(block, names)


def test_the_chinese_readme_types_the_same_code() -> None:
    """Comments are its own, and its verdict is the Chinese one."""
    own, other = (
        [without_comments(block) for block in blocks(path, "python")] for path in (CHINESE, README)
    )
    assert [block.replace("verdict_zh", "verdict") for block in own] == other
    shell = [[without_comments(b) for b in blocks(path, "bash")] for path in (CHINESE, README)]
    assert shell[0] == shell[1]
    assert commands(CHINESE) == commands(README)


def test_the_chinese_readme_states_no_figure_of_its_own() -> None:
    """Figures change in one README and not in the other: every one of three digits is in both."""
    figure = r"\d[\d,]*\.?\d*"
    known = {f.rstrip(".,") for f in re.findall(figure, README.read_text(encoding="utf-8"))}
    own = {f.rstrip(".,") for f in re.findall(figure, CHINESE.read_text(encoding="utf-8"))}
    assert {f for f in own if len(re.sub(r"\D", "", f)) >= 3} <= known


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_its_commands_exist_with_their_options(path: Path) -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    found = commands(path)
    assert found
    for line in found:
        name, *words = line.split()[1:]
        assert name in known, line
        options = {option for parameter in known[name].params for option in parameter.opts}
        for word in words:
            assert not word.startswith("--") or word.split("=")[0] in options, line


@pytest.mark.parametrize("path", LINKED, ids=name_of)
def test_its_links_lead_to_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    missing = [link for link in local if not (path.parent / link).exists()]
    assert not missing


def test_every_example_is_named_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    for example in sorted((ROOT / "examples").iterdir()):
        assert example.name in text or example.stem in text, example.name


def test_the_pages_name_no_place_of_one_machine() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        if "_build" not in page.parts:
            text = page.read_text(encoding="utf-8")
            assert "/root/" not in text, page
            assert "/work/" not in text, page
            assert os.sep + "tmp" + os.sep not in text, page
