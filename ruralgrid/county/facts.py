"""The table `county` of a file: name, stage and assumptions, checked where they have an effect."""

from __future__ import annotations

import difflib
import math
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

import pandas as pd

from ruralgrid.county.number_hints import number_hint
from ruralgrid.county.sheet import Sheet
from ruralgrid.county.table_reader import file_fault, parse_sheet
from ruralgrid.county.tables import MAX_STAGE
from ruralgrid.county.vocabulary import COUNTY, columns_of
from ruralgrid.findings import Finding

__all__ = ["ASSUMED", "known_assumptions", "read_facts"]

ASSUMED: Final = ["parameter", "value", "unit", "grade", "source"]
"""Columns of a county's assumptions."""

_RANGES: Final = {"coincidence_floor": (0.0, 1.0), "unbalance_surcharge_percent": (0.0, 100.0)}
"""What a study of a county's own tables is made with; the first end of the floor is open."""

_NEAR: Final = 0.8
"""A name so like a known one is misspelt; one further off is a note of the user's own."""


@cache
def known_assumptions() -> dict[str, Any]:
    """The packaged value of every assumption by its name: a number or a text."""
    text = (files("ruralgrid.data") / "synthesis" / "assumptions.toml").read_text(encoding="utf-8")
    return {name: each["value"] for name, each in tomllib.loads(text).items()}


def read_facts(sheet: Sheet, name: str) -> tuple[str, int, pd.DataFrame, list[Finding]]:
    """Name, stage and assumptions of a county, and the faults of the sheet.

    Parameters
    ----------
    sheet : Sheet
    name : str
        Of the county where the sheet gives none.
    """
    empty = pd.DataFrame(columns=ASSUMED)
    values, faults = parse_sheet(sheet, columns_of(COUNTY))
    if faults:
        return name, 0, empty, faults
    table = pd.DataFrame({each: values.get(each, "") for each in ASSUMED}, columns=ASSUMED)
    table = table.astype(object)
    stage = 0
    first: dict[str, int] = {}
    for row, (parameter, value) in enumerate(zip(table["parameter"], table["value"], strict=True)):
        number = sheet.numbers[row + 1]
        message = _fault(parameter, value)
        if parameter in first and parameter in {"name", "stage", *known_assumptions()}:
            message = f"{parameter} stands twice, first in row {first[parameter]}"
        if message:
            where = f"{sheet.title}, row {number}, {parameter[:80]}"
            faults.append(file_fault("cell-value", where, message, str(value)[:80]))
        elif parameter == "name":
            name = str(value)
        elif parameter == "stage":
            stage = value
        first.setdefault(parameter, number)
    table = table[~table["parameter"].isin(["name", "stage"])].reset_index(drop=True)
    return name, stage, table if len(table) else empty, faults


def _fault(parameter: str, value: Any) -> str:
    """What is wrong with a fact, or nothing."""
    if parameter == "name":
        return ""
    if parameter == "stage":
        fits = isinstance(value, int) and 0 <= value <= MAX_STAGE
        return "" if fits else f"0, 1, 2, ... {MAX_STAGE} is expected, not {value!r}"
    packaged = known_assumptions().get(parameter)
    if packaged is None:
        near = difflib.get_close_matches(parameter.casefold(), known_assumptions(), 3, _NEAR)
        return f"no assumption is named so; the nearest: {', '.join(near)}" if near else ""
    if isinstance(packaged, str):
        return "" if isinstance(value, str) else f"a text is expected, received {value!r}"
    if isinstance(value, str) or math.isnan(value):
        unit = "%" if parameter.endswith("percent") else ""
        hint = number_hint(value, unit) if isinstance(value, str) else ""
        return f"a number is expected, received {str(value)[:80]!r}{hint}"
    least, most = _RANGES.get(parameter, (float("-inf"), float("inf")))
    if not least <= value <= most or (parameter == "coincidence_floor" and value == 0):
        ends = "above 0, 1 at the most" if most == 1 else f"{least:g} to {most:g}"
        return f"{value!r} is out of range: {ends}"
    return ""
