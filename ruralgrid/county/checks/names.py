"""Names: there, once, without stray blanks; what refers to them; words of a fixed list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np

from ruralgrid.county.checks.signs import hidden_signs, without_hidden
from ruralgrid.county.checks.view import HEADER_ROWS, Rule, View
from ruralgrid.county.kinds import CONSTANT, list_kinds
from ruralgrid.county.tables import TABLES, schema
from ruralgrid.county.vocabulary import words_of
from ruralgrid.findings import Finding, Severity

__all__ = ["REFERENCES", "check_names", "check_references", "check_texts", "check_words"]

REFERENCES: Final = (
    ("sections", "from_node", "nodes"),
    ("sections", "to_node", "nodes"),
    ("transformers", "hv_node", "nodes"),
    ("transformers", "lv_node", "nodes"),
    ("transformers", "mv_node", "nodes"),
    ("sources", "node", "nodes"),
    ("capacitors", "node", "nodes"),
    ("consumers", "node", "nodes"),
    ("consumers", "village", "villages"),
    ("nodes", "village", "villages"),
)
"""Table, column, and the table whose name stands there."""

# phases are judged with the pole head; a table and an action with the edits
_WORDS: Final[tuple[tuple[str, str, Severity], ...]] = (
    ("nodes", "kind", "error"),
    ("consumers", "kind", "error"),
    ("consumers", "phases", "error"),
    ("villages", "plan_class", "error"),
    *((table, "grade", "warning") for table in TABLES),
)


def check_names(view: View) -> Iterator[Finding]:
    """Every row has a name, and no two rows of a table share one."""
    for table in TABLES:
        if table == "edits":
            continue
        names = view[table]["name"]
        plain = names.str.strip()
        missing = (plain == "").to_numpy(dtype=bool)
        yield from view.found(
            Rule("name-missing", table, "name", "the row has no name", "a name"), missing
        )
        twice = names.duplicated(keep="first").to_numpy(dtype=bool) & ~missing
        rule = Rule(
            "name-twice", table, "name", "the name {value} stands twice", "a name of its own"
        )
        first = {name: row for row, name in reversed(list(enumerate(names.tolist())))}
        ends = [f", first in row {first[name] + HEADER_ROWS}" for name in names.tolist()]
        yield from view.found(rule, twice, ends=ends)
        signs = [hidden_signs(name) for name in names.tolist()]
        stray = np.array([bool(each) for each in signs], dtype=bool) & ~missing
        rule = Rule(
            *("name-blanks", table, "name"),
            "the name holds a sign that does not show, and who types it without will miss it: ",
            *("no such signs", "", "warning"),
        )
        ends = [f", {each}" for each in signs]
        yield from view.found(rule, stray, more=lambda name: repr(name[:80]), ends=ends)


def check_texts(view: View) -> Iterator[Finding]:
    """Texts that are required and that no other check looks at: town and administrative village."""
    for column in ("town", "admin_village"):
        blank = (view["villages"][column].str.strip() == "").to_numpy(dtype=bool)
        rule = Rule(
            *("value-missing", "villages", column),
            f"the {column} is empty (of merged cells the first alone holds the text)",
            *("a name", "", "warning"),
        )
        yield from view.found(rule, blank)


def check_references(view: View) -> Iterator[Finding]:
    """Every node and village that a row names is there."""
    for table, column, target in REFERENCES:
        names = view[table][column]
        known = view[target]["name"]
        optional = not next(c for c in schema(table) if c.name == column).required
        absent = ~names.isin(set(known)).to_numpy(dtype=bool)
        if optional:
            absent &= (names != "").to_numpy(dtype=bool)
        severity: Severity = "warning" if table == "nodes" else "error"
        rule = Rule(
            *("reference-unknown", table, column),
            f"no row of {target} is named {{value}}",
            *(f"a name of {target}", "", severity),
        )
        listed = list(dict.fromkeys(known)) if absent.any() else []
        yield from view.found(rule, absent, more=_meant(view, target, listed))


def _meant(view: View, target: str, known: list[str]) -> Callable[[str], str]:
    """What a name that is not there may mean: one that looks the same, or else the nearest."""
    alike = {without_hidden(name): name for name in reversed(known) if name}

    def meant(name: str) -> str:
        twin = alike.get(without_hidden(name))
        if not twin:
            return view.hints.nearest(name, known)
        sides = [
            f"{side} holds {signs}"
            for side, signs in (
                ("it", hidden_signs(name)),
                (f"that of {target}", hidden_signs(twin)),
            )
            if signs
        ]
        return f"; one looks the same: {', '.join(sides)}, which does not show"

    return meant


def check_words(view: View) -> Iterator[Finding]:
    """Kinds, phases, classes and grades are of those that there are."""
    for table, column, severity in _WORDS:
        words = _words(table, column)
        values = view[table][column]
        optional = not next(c for c in schema(table) if c.name == column).required
        unknown = ~values.isin({*words, ""} if optional else words).to_numpy(dtype=bool)
        code = f"{column.replace('_', '-')}-unknown"
        expected = ", ".join(words)
        rule = Rule(
            *(code, table, column),
            f"{column} {{value}} is none of {expected}",
            *(expected, "", severity),
        )
        yield from view.found(rule, unknown, more=partial(view.hints.nearest, known=words))


def _words(table: str, column: str) -> tuple[str, ...]:
    if (table, column) == ("consumers", "kind"):
        return (*dict.fromkeys((*list_kinds(), CONSTANT)),)
    return words_of(table, column)
