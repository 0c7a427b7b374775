"""The county: tables that hold the same whether they were synthesised or are a utility's own.

The columns stand in `ruralgrid/data/schema/*.csv`; nothing here repeats them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ruralgrid.errors import InputError, UnknownNameError, counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ruralgrid.county.synthesis import Assumptions
    from ruralgrid.plan import Plan

__all__ = [
    "MAX_STAGE",
    "TABLES",
    "Column",
    "County",
    "Origin",
    "conform",
    "conform_column",
    "empty_table",
    "schema",
]

TABLES: Final = (
    "nodes",
    "sections",
    "transformers",
    "sources",
    "capacitors",
    "consumers",
    "villages",
    "line_types",
    "transformer_types",
    "edits",
)
"""The tables of a county: what there is, types of its own, and what is to change."""

MAX_STAGE: Final = 50
"""The last stage that a county may have; what is above is a year, or a date, for a batch."""

_DTYPES: Final = {"text": object, "number": "float64", "integer": "int64", "flag": "bool"}
_BLANKS: Final = {"text": "", "number": float("nan"), "integer": 0, "flag": False}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, as the schema states it."""

    name: str
    type: str
    unit: str
    required: bool
    meaning: str
    meaning_zh: str


@cache
def schema(table: str) -> tuple[Column, ...]:
    """The columns of `table`, in order.

    Raises
    ------
    UnknownNameError
        If there is no such table.
    """
    if table not in TABLES:
        raise UnknownNameError("table", table, TABLES)
    text = (files("ruralgrid.data") / "schema" / f"{table}.csv").read_text(encoding="utf-8")
    return tuple(
        Column(
            row["column"],
            row["type"],
            row["unit"],
            row["required"] == "yes",
            row["meaning"],
            row["meaning_zh"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def empty_table(table: str) -> pd.DataFrame:
    """A frame with the columns of `table` and no rows."""
    return conform(table, pd.DataFrame())


def conform(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the schema's columns, order and types; what is optional and absent is blank.

    Raises
    ------
    InputError
        If a required column is absent, a column is unknown or a value is of another type.
    """
    columns = {column.name: column for column in schema(table)}
    for name in frame.columns:
        if name not in columns:
            raise UnknownNameError("column", name, columns, where=table)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InputError(f"column {twice[0]!r} stands twice", where=table)
    missing = [c.name for c in columns.values() if c.required and c.name not in frame.columns]
    if missing and len(frame):
        raise InputError(f"column {missing[0]!r} is required and absent", where=table)
    data = {name: _typed(frame, column, table) for name, column in columns.items()}
    return pd.DataFrame(data, columns=list(columns)).reset_index(drop=True)


def _typed(frame: pd.DataFrame, column: Column, table: str) -> pd.Series:
    if column.name in frame.columns:
        return conform_column(table, column, frame[column.name])
    blank, dtype = _BLANKS[column.type], _DTYPES[column.type]
    return pd.Series([blank] * len(frame), index=frame.index, dtype=dtype)


def conform_column(table: str, column: Column, values: pd.Series) -> pd.Series:
    """`values` with the type of a column; a missing one is blank.

    Raises
    ------
    InputError
        If a value is of another type.
    """
    dtype, blank = _DTYPES[column.type], _BLANKS[column.type]
    if values.dtype == dtype and column.type != "text":
        return values
    if column.type == "text" and _are_texts(values):
        return values.astype(object)
    if column.type != "number":
        values = values.where(values.notna(), blank)
    try:
        _require_kind(values, column.type)
        return values.astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{column.type} expected: {error}", f"{table}, {column.name}") from error


def _are_texts(values: pd.Series) -> bool:
    """Whether all are there and texts; of pandas' own texts the type alone does not tell."""
    if values.isna().any():
        return False
    return not len(values) or pd.api.types.infer_dtype(values, skipna=False) == "string"


def _require_kind(values: pd.Series, kind: str) -> None:
    if _is_plain(values, kind):
        return
    for value in values.tolist():
        if not _is_of(kind, value):
            raise ValueError(f"received {value!r}")


def _is_plain(values: pd.Series, kind: str) -> bool:
    """Whether the types alone say that every value is of a kind."""
    if kind == "number" and values.dtype.kind in "iuf":
        return True
    types = set(map(type, values.tolist()))
    return not types & {bool, np.bool_} if kind == "number" else types <= _PLAIN[kind]


_PLAIN: Final[dict[str, set[type]]] = {
    "text": {str},
    "integer": {int, np.int64},
    "flag": {bool, np.bool_},
}


def _is_of(kind: str, value: object) -> bool:
    """Whether a value is of a type, and would not be turned into another value by it.

    2.7 is no integer and "no" no flag; that a text is a number is for the conversion to say.
    """
    if kind == "text":
        return isinstance(value, str)
    if kind == "flag":
        return isinstance(value, bool | int | float | np.generic) and value in (0, 1)
    if isinstance(value, bool | np.bool_):
        return False
    return kind == "number" or not isinstance(value, float) or value.is_integer()


@dataclass(frozen=True)
class Origin:
    """What a synthetic county was drawn from, so that it can be drawn again otherwise.

    Parameters
    ----------
    plan : Plan
    seed : int
    assumptions : Assumptions
    calibration : str
        low, middle or high; empty where the tails are not calibrated.
    """

    plan: Plan
    seed: int
    assumptions: Assumptions
    calibration: str = ""


def _no_assumptions() -> pd.DataFrame:
    return pd.DataFrame(columns=["parameter", "value", "unit", "grade", "source"])


@dataclass(frozen=True, eq=False)
class County:
    """A county's network, customers and planned works, at one stage.

    Parameters
    ----------
    name : str
        What reports call it.
    nodes, sections, transformers, sources, capacitors, consumers, villages, edits : DataFrame
        The tables; see `schema` for their columns.
    line_types, transformer_types : DataFrame
        Conductors and transformers of one's own, beside those of the catalogue and before them.
    assumptions : pandas.DataFrame
        What was assumed to make it: parameter, value, unit, grade, source.
    stage : int
        0 before the works, k after batch k. `edits` holds what is still to come.
    origin : Origin, optional
        What a synthetic county was drawn from; None for a utility's own tables.
    edit_places : tuple of str
        Where each row of `edits` stands in a user's files ("batch 2 sections, row 3"), for
        findings; an empty text, or none at all, for the rows of the table `edits` itself.
    """

    name: str
    nodes: pd.DataFrame
    sections: pd.DataFrame
    transformers: pd.DataFrame
    sources: pd.DataFrame
    consumers: pd.DataFrame
    villages: pd.DataFrame
    capacitors: pd.DataFrame = field(default_factory=lambda: empty_table("capacitors"))
    edits: pd.DataFrame = field(default_factory=lambda: empty_table("edits"))
    line_types: pd.DataFrame = field(default_factory=lambda: empty_table("line_types"))
    transformer_types: pd.DataFrame = field(
        default_factory=lambda: empty_table("transformer_types")
    )
    assumptions: pd.DataFrame = field(default_factory=_no_assumptions)
    stage: int = 0
    origin: Origin | None = None
    edit_places: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[int, ...]:
        """The own stage and those that the edits lead to.

        Raises
        ------
        InputError
            If an edit is of a stage above `MAX_STAGE`.
        """
        last = int(self.edits["stage"].max()) if len(self.edits) else self.stage
        if last > MAX_STAGE and last > self.stage:
            message = f"stage {last}; the number of a batch, {MAX_STAGE} at the most, is expected"
            raise InputError(message, "edits, stage")
        return tuple(range(self.stage, last + 1))

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The tables by name."""
        return {table: getattr(self, table) for table in TABLES}

    def at(self, stage: int) -> County:
        """A copy after batch `stage`. See `ruralgrid.county.stages.county_at`."""
        from ruralgrid.county.stages import county_at

        return county_at(self, stage)

    def with_tables(self, **tables: pd.DataFrame) -> County:
        """A copy in which the named tables are replaced, conformed to their schema."""
        replaced: dict[str, Any] = {name: conform(name, each) for name, each in tables.items()}
        if "edits" in tables:  # other rows stand elsewhere
            replaced["edit_places"] = ()
        return replace(self, **replaced)

    def __repr__(self) -> str:
        tables = self.tables.items()
        counts = ", ".join(counted(len(frame), table.removesuffix("s")) for table, frame in tables)
        return f"<County {self.name!r}, stage {self.stage}: {counts}>"

    def _repr_html_(self) -> str:
        lengths = self.sections.groupby(
            self.sections["from_node"].map(self.nodes.set_index("name")["kv"])
        )["length_km"].sum()
        rows = [(table, f"{len(frame):,}") for table, frame in self.tables.items()]
        rows += [(f"lines of {kv:g} kV", f"{km:,.1f} km") for kv, km in lengths[::-1].items()]
        body = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
        title = escape(f"{self.name}, stage {self.stage}")
        return f"<table><caption>{title}</caption>{body}</table>"
