"""Text of a page in both languages at once: the reader switches, nothing is loaded again."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup

from ruralgrid.report.terms import Term, find_term, get_term

__all__ = ["Pair", "both", "pair", "vocabulary_of", "word_of"]

Pair = tuple[str, str]
"""English, Chinese."""

_BOTH = Markup('<span class="en" lang="en">{}</span><span class="zh" lang="zh">{}</span>')

# The columns whose texts are words of the tables, not names, and where the words stand.
_VOCABULARIES = {
    "status": "value",
    "status_before": "value",
    "status_after": "value",
    "plan_class": "value",
    "level_at_fault": "value",
    "outcome": "value",
    "span": "value",
    "judged": "value",
    "item": "value",
    "element": "value",
    "loading_class": "value",
    "calibration": "calibration",
    "grade": "value",
    "severity": "value",
    "basis": "value",
    "scope": "value",
    "part": "value",
    "quantity": "line_design",
    "value": "line_design",
    "project": "project",
    "method": "value",
    "setting": "value",
    "point_class": "value",
    "code": "finding",
    "advice": "advice",
    "parameter": "parameter",
}


_ONE = re.compile(r"(?<![\d,.])1 ((?:natural )?(?:household|village))s\b")
_OF_BATCH = re.compile(r"batch (\d+)(?: (.+))?|(outlets of) (.+)")


def pair(key: str, figures: Mapping[str, object] | None = None) -> Pair:
    """The text `key` in both languages, with its figures put in; of one there is no plural."""
    term = get_term("text", key)
    english = term.en.format_map(figures or {})
    return _ONE.sub(r"1 \1", english), term.zh.format_map(figures or {})


def both(texts: Pair) -> Markup:
    """Both languages, one of which the page shows; the texts are escaped."""
    return _BOTH.format(*texts)


def vocabulary_of(column: str) -> str:
    """The kind of term that the texts of a column are; empty where they are names."""
    return _VOCABULARIES.get(column, "")


def word_of(column: str, value: object) -> Term | None:
    """The term of a cell, or None where the cell is a name or a number."""
    kind = vocabulary_of(column)
    if isinstance(value, bool):
        return find_term("value", str(value).lower())
    if not kind or not isinstance(value, str):
        return None
    return find_term(kind, value) or find_term("value", value) or _project(kind, value)


def _project(kind: str, name: str) -> Term | None:
    """The works of a batch, whose number stands in their name; other projects have names."""
    batch = _OF_BATCH.fullmatch(name)
    if kind != "project" or batch is None:
        return None
    term = find_term("project", batch[2] or batch[3] or "works")
    if term is None:
        return None
    number = batch[1] or batch[4]
    return Term(kind, name, "", name, term.zh.format(number))
