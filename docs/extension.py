"""Directives of these pages: comparisons and pictures that the build itself makes.

``{comparisons}`` holds ruralgrid against closed forms, published cases and other programs, prints
the differences, and fails the build where one is larger than its bound. ``{drawn}`` runs a line of
Python on the small county of `examples/small_plan` and shows the line and what it draws.
"""

from __future__ import annotations

import base64
import io
import logging
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


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    logging.getLogger("pandapower").setLevel(logging.WARNING)
    app.add_directive("comparisons", Comparisons)
    app.add_directive("drawn", Drawn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
