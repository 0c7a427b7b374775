"""The county's lines held against the rules of overhead lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ruralgrid.equipment import check_line_sections
from ruralgrid.units import KILO

if TYPE_CHECKING:
    import pandas as pd

    from ruralgrid.county import County
    from ruralgrid.findings import Findings

__all__ = ["check_lines", "span_counts"]


def check_lines(county: County) -> Findings:
    """Spans, spacing, clearance, insulation class and neutral of every section of a county.

    The rules and their clauses stand in `ruralgrid.equipment.check_line_sections`.
    """
    return check_line_sections(county.sections, county.nodes)


def span_counts(county: County) -> pd.Series:
    """Number of spans of each section, by name: its length over its mean span, rounded up.

    A section that states no span counts as one.
    """
    sections = county.sections.set_index("name")
    spans = np.ceil(sections["length_km"] * KILO / sections["span_m"] - 1e-9)
    return spans.fillna(1).clip(lower=1).astype("int64").rename("spans")
