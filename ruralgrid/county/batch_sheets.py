"""Batches as sheets of their own: the changes of one batch to one table, in the table's columns.

A sheet named ``batch 1 sections`` (or 批次1 线路段) has the columns of `sections` and `action`;
what a change leaves as it is stays empty. It says the same as rows of `edits`, without JSON.

====== ======= ============ =========
action name    conductor    length_km
====== ======= ============ =========
change L12     JKLGYJ-1/70
remove L13
====== ======= ============ =========
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ruralgrid.county.headers import find_columns, fold
from ruralgrid.county.sheet import Sheet
from ruralgrid.county.table_reader import parse_sheet
from ruralgrid.county.tables import TABLES, Column, conform, schema
from ruralgrid.county.vocabulary import table_title
from ruralgrid.findings import Finding

__all__ = ["batch_edits", "batch_of"]

_TITLE = re.compile(r"(?:batch|批次)_?(\d{1,18})_?(.+)")

_OWN = (
    Column("action", "text", "", True, "add, change or remove", "操作"),
    Column("project", "text", "", False, "Project that the change belongs to", "项目"),
)
_NO_FIELDS = {"name", "action", "project", "source", "grade"}


def batch_of(title: str) -> tuple[int, str] | None:
    """The stage and the table of a batch's sheet by its title, None for any other sheet."""
    match = _TITLE.fullmatch(fold(title))
    if match is None:
        return None
    for table in TABLES:
        if table != "edits" and match[2] in (table, table_title(table).title_zh):
            return int(match[1]), table
    return None


def batch_edits(sheet: Sheet, stage: int, table: str) -> tuple[pd.DataFrame, list[Finding]]:
    """The rows of `edits` that a batch's sheet stands for, and the faults of the sheet."""
    own = [replace(column, required=column.name == "name") for column in schema(table)]
    values, faults = parse_sheet(sheet, [*own, *_OWN])
    if faults:
        return conform("edits", pd.DataFrame()), faults
    columns = [(name, _given(sheet, name, own)) for name in values if name not in _NO_FIELDS]
    fields = []
    for row in range(len(values["name"])):
        of_row = {name: _plain(values[name][row]) for name, given in columns if given[row]}
        fields.append(json.dumps(of_row, ensure_ascii=False) if of_row else "")
    texts = {name: values[name] for name in _NO_FIELDS if name in values}
    return conform(
        "edits", pd.DataFrame({"stage": stage, "table": table, **texts, "fields": fields})
    ), []


def _given(sheet: Sheet, name: str, columns: list[Column]) -> list[bool]:
    """Whether each row has something in a column: what is empty stays as it is."""
    position = find_columns(sheet.rows[0], [*columns, *_OWN])
    return [bool(row[position[name]].strip()) for row in sheet.rows[1:]]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
