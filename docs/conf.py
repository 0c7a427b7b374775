"""How Sphinx builds these pages: ``python -m sphinx -W --keep-going docs docs/_build``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import ruralgrid  # noqa: E402

project = "ruralgrid"
author = "The ruralgrid developers"
project_copyright = "The ruralgrid developers, BSD-3-Clause"
version = release = ruralgrid.__version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "extension",  # extension.py beside this file
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say it, with shapes and units
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False  # types are words, not links
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"ruralgrid {version}"
html_copy_source = False
