"""Edits: what a batch adds is new, what it changes or removes is there, and its values are such."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pandas as pd

from ruralgrid.county.checks.view import Rule, View
from ruralgrid.county.stages import parse_fields
from ruralgrid.county.tables import MAX_STAGE, TABLES, Column, conform_column, schema
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.findings import Finding

__all__ = ["check_edits"]

_ACTIONS: Final = ("add", "change", "remove")
_CHANGED: Final = tuple(table for table in TABLES if table != "edits")

_RULES: Final = {
    "table": Rule("edit-table", "edits", "table", "no table is named {value}", ", ".join(_CHANGED)),
    "action": Rule(
        "edit-action", "edits", "action", "no action is named {value}", "add, change, remove"
    ),
    "stage": Rule("edit-stage", "edits", "stage", "stage {value} is not after the county's own"),
    "late": Rule(
        *("edit-stage", "edits", "stage"),
        f"stage {{value}} is no number of a batch: {MAX_STAGE} at the most (a year, or a date?)",
        MAX_STAGE,
    ),
    "gap": Rule(
        *("edit-stage", "edits", "stage"),
        "stage {value} is the first after a gap: stages are counted 1, 2, 3, ...",
        *("the next number", "", "warning"),
    ),
    "twice": Rule("edit-twice", "edits", "name", "{value} is touched twice in one stage"),
    "absent": Rule("edit-absent", "edits", "name", "{value} is not there to be changed or removed"),
    "present": Rule("edit-present", "edits", "name", "{value} is added and stands there already"),
    "fields": Rule("edit-fields", "edits", "fields", "", "a JSON object of column and value"),
    "nothing": Rule(
        *("edit-nothing", "edits", "fields", "a change of nothing", "what is to be changed", ""),
        "warning",
    ),
}


def check_edits(view: View) -> Iterator[Finding]:
    """Every fault of every batch, whatever the others hold.

    A name counts as there after the batch that adds it, and as gone after the one that removes it.
    """
    edits = view["edits"]
    names = {table: set(view[table]["name"]) for table in _CHANGED}
    order = edits["stage"].argsort(kind="stable").tolist()
    columns = [edits[each].tolist() for each in ("stage", "table", "action", "name", "fields")]
    touched: set[tuple[int, str, str]] = set()
    typed: dict[str, list[tuple[int, dict[str, Any]]]] = {table: [] for table in _CHANGED}
    for row in order:
        stage, table, action, name, fields = (column[row] for column in columns)
        faulty = list(_edit_faults(view, row, table, action, stage))
        yield from faulty
        if faulty:
            continue
        if (stage, table, name) in touched:
            yield from view.found(_RULES["twice"], [row])
            continue
        touched.add((stage, table, name))
        yield from _name_faults(view, row, action, name, names[table])
        parsed = yield from _fields_of(view, row, fields, f"edits, {name}, fields")
        if parsed is not None:
            yield from _field_faults(view, row, table, action, parsed)
            typed[table].append((row, parsed))
        _apply(action, name, names[table])
    for table, rows in typed.items():
        yield from _type_faults(view, table, rows)
    yield from _gaps(view)


def _apply(action: str, name: str, names: set[str]) -> None:
    if action == "add":
        names.add(name)
    elif action == "remove":
        names.discard(name)


def _edit_faults(view: View, row: int, table: str, action: str, stage: int) -> Iterator[Finding]:
    if table not in _CHANGED:
        hint = view.hints.nearest(table, _CHANGED)
        yield from view.found(_RULES["table"], [row], more=hint)
    if action not in _ACTIONS:
        hint = view.hints.nearest(action, _ACTIONS)
        yield from view.found(_RULES["action"], [row], more=hint)
    if stage <= view.county.stage:
        yield from view.found(_RULES["stage"], [row])
    elif stage > MAX_STAGE:
        yield from view.found(_RULES["late"], [row])


def _gaps(view: View) -> list[Finding]:
    """The first edit of each stage whose predecessor has none; a batch may build elsewhere."""
    stages = view["edits"]["stage"]
    possible = stages[(stages > view.county.stage) & (stages <= MAX_STAGE)].drop_duplicates()
    known = {view.county.stage, *possible}
    return view.found(_RULES["gap"], [r for r, k in possible.items() if k - 1 not in known])


def _name_faults(view: View, row: int, action: str, name: str, names: set[str]) -> list[Finding]:
    if action == "add":
        return view.found(_RULES["present"], [row]) if name in names else []
    if name in names:
        return []
    return view.found(_RULES["absent"], [row], more=view.hints.nearest(name, list(names)))


def _fields_of(view: View, row: int, text: str, where: str) -> Any:
    try:
        return parse_fields(text, where)
    except InputError as error:
        message = str(error).removeprefix(f"{where}: ")
        yield from _fields_fault(view, row, message)
        return None


def _fields_fault(view: View, row: int, message: str, column: str = "fields") -> list[Finding]:
    """A fault of the new values; a batch's own sheet has them in their columns."""
    found = view.found(_RULES["fields"], [row], more=message)
    place = next(iter(view.county.edit_places[row : row + 1]), "")
    return [replace(each, where=f"{place}, {column}") for each in found] if place else found


def _field_faults(
    view: View, row: int, table: str, action: str, fields: dict[str, Any]
) -> Iterator[Finding]:
    known = [column.name for column in schema(table)]
    for column in fields:
        if column not in known:
            message = str(UnknownNameError("column", column[:80], known))
            yield from _fields_fault(view, row, message)
    if action == "add":
        absent = [c.name for c in schema(table) if c.required and c.name not in {"name", *fields}]
        if absent:
            message = f"a new row of {table} needs {', '.join(absent)}"
            yield from _fields_fault(view, row, message, absent[0])
    elif action == "change" and not fields:
        yield from view.found(_RULES["nothing"], [row])


def _type_faults(
    view: View, table: str, rows: list[tuple[int, dict[str, Any]]]
) -> Iterator[Finding]:
    """Values of another type than their column's; each is tried alone where any is wrong."""
    for column in schema(table):
        given = [(row, fields[column.name]) for row, fields in rows if column.name in fields]
        if not given or _conforms(table, column, [value for _, value in given]):
            continue
        for row, value in given:
            if not _conforms(table, column, [value]):
                text = f"{column.name}: a {column.type} is expected, received {str(value)[:80]!r}"
                yield from _fields_fault(view, row, text, column.name)


def _conforms(table: str, column: Column, values: list[Any]) -> bool:
    try:
        conform_column(table, column, pd.Series(values, dtype=object))
    except InputError:
        return False
    return True
