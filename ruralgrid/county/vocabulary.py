"""What the tables are called in Chinese and English, and the words that a column may hold."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from ruralgrid.county.tables import TABLES, Column, schema

__all__ = ["COUNTY", "GRADES", "TableTitle", "columns_of", "table_title", "words_of"]

COUNTY: Final = "county"
"""The table of a file that is no table of `County`: its name, its stage and its assumptions."""

GRADES: Final = ("stated", "inferred", "assumed", "measured", "unverified")
"""How sure a row is."""

_COUNTY_COLUMNS: Final = (
    Column("parameter", "text", "", True, "name, stage, or the name of an assumption", "参数"),
    Column("value", "value", "", True, "A number or a text", "值"),
    Column("unit", "text", "", False, "Unit of the value", "单位"),
    Column(
        "grade", "text", "", False, "stated, inferred, assumed, measured, unverified", "可信等级"
    ),
    Column("source", "text", "", False, "Where the value comes from", "来源"),
)


@dataclass(frozen=True, slots=True)
class TableTitle:
    """A table's Chinese title, what its rows are, and the words that its columns may hold."""

    title_zh: str
    meaning: str
    meaning_zh: str
    words: Mapping[str, tuple[str, ...]]


@cache
def _titles() -> dict[str, TableTitle]:
    text = (files("ruralgrid.data") / "template" / "tables.toml").read_text(encoding="utf-8")
    return {
        table: TableTitle(
            facts["title_zh"],
            facts["meaning"],
            facts["meaning_zh"],
            {column: tuple(words) for column, words in facts.get("words", {}).items()},
        )
        for table, facts in tomllib.loads(text).items()
    }


def table_title(table: str) -> TableTitle:
    """Title and words of a table of `TABLES`, or of `COUNTY`."""
    return _titles()[table]


def words_of(table: str, column: str) -> tuple[str, ...]:
    """The words that a column may hold; none where any text or number may stand there."""
    return GRADES if column == "grade" else table_title(table).words.get(column, ())


def columns_of(table: str) -> tuple[Column, ...]:
    """The columns of a table of `TABLES`, or of `COUNTY`."""
    return schema(table) if table in TABLES else _COUNTY_COLUMNS
