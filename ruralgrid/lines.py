"""The county's lines held against the rules of overhead lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruralgrid.equipment import check_line_sections

if TYPE_CHECKING:
    from ruralgrid.county import County
    from ruralgrid.findings import Findings

__all__ = ["check_lines"]


def check_lines(county: County) -> Findings:
    """Spans, spacing, clearance, insulation class and neutral of every section of a county.

    The rules and their clauses stand in `ruralgrid.equipment.check_line_sections`.
    """
    return check_line_sections(county.sections, county.nodes)
