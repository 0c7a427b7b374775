"""Directives of these pages: comparisons and pictures that the build itself makes.

``{comparisons}`` holds ruralgrid against closed forms, published cases and other programs, prints
the differences, and fails the build where one is larger than its bound. ``{commands}`` lists the
words and options of every command. ``{drawn}`` runs a line of
Python on the small county of `examples/small_plan` and shows the line and what it draws.
"""

from __future__ import annotations

import base64
import io
import logging
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")

from comparisons import comparisons_table
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from ruralgrid.studies import Study

ROOT = Path(__file__).parent.parent


@cache
def small_study() -> Study:
    """The invented county, from 288 hours of each stage."""
    import ruralgrid as rg

    county = rg.synthesise(rg.read_plan(ROOT / "examples" / "small_plan"), seed=1)
    return rg.study(county, hours="representative", sensitivity_table=False, progress=False)


class Comparisons(SphinxDirective):
    """The table of comparisons."""

    def run(self) -> list[nodes.Node]:
        """Compute it and parse its Markdown."""
        return self.parse_text_to_nodes(comparisons_table())


class Commands(SphinxDirective):
    """Every command with its words and options, as its own help has them."""

    def run(self) -> list[nodes.Node]:
        """Read them from the command and parse them as Markdown."""
        import typer.main

        from ruralgrid.cli import app

        known: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
        text = "\n".join(command_section(name, command) for name, command in known.items())
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def command_section(name: str, command: Any) -> str:
    """One command: how it is called, what it does, a row for each word and option."""
    words = [word for word in command.params if word.param_type_name == "argument"]
    usage = " ".join([f"ruralgrid {name}", *(word.name.upper() for word in words), "[options]"])
    rows = ["| word or option | default | meaning |", "|---|---|---|"]
    for word in command.params:
        if word.name == "help":
            continue
        called = (
            word.name.upper() if word in words else ", ".join([*word.opts, *word.secondary_opts])
        )
        default = "" if word.default is None or word.default is False else f"`{word.default}`"
        rows.append(f"| `{called}` | {default} | {word.help} |")
    return "\n".join([f"## {name}", "", f"    {usage}", "", command.help, "", *rows, ""])


class Drawn(SphinxDirective):
    """A line of Python on `study` and `village`, and the plot that it returns."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Run the line; show it, and the picture with the line as its description."""
        from matplotlib import pyplot

        from ruralgrid.report import plots

        study, line = small_study(), self.arguments[0]
        found = study.targets[study.targets["judged"] == "found"]
        names = {"study": study, "village": found["village"].iloc[0], "plots": plots}
        axes = eval(line, names)
        file = io.BytesIO()
        axes.figure.savefig(file, format="png", dpi=110)
        pyplot.close(axes.figure)
        data = base64.b64encode(file.getvalue()).decode("ascii")
        code = nodes.literal_block(line, line, language="python")
        alt = nodes.make_id(line)
        html = f'<img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{data}">'
        return [code, nodes.raw("", html, format="html")]


def keep_bars(*given: Any) -> None:
    """Absolute values of a docstring, |z|, are no substitutions; drawings and code stay."""
    lines: list[str] = given[-1]
    drawing: int | None = None  # the indent of the line that announced a drawing
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if drawing is not None and line.strip() and indent <= drawing:
            drawing = None
        if drawing is None:
            lines[number] = re.sub(r"(`[^`]*`)|\|", lambda part: part[1] or r"\|", line)
            drawing = indent if line.rstrip().endswith("::") else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    logging.getLogger("pandapower").setLevel(logging.WARNING)
    app.connect("autodoc-process-docstring", keep_bars)
    app.add_directive("comparisons", Comparisons)
    app.add_directive("commands", Commands)
    app.add_directive("drawn", Drawn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
