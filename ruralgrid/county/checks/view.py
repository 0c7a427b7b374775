"""A county at one stage as the checks see it: voltages by node, and where a finding stands."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.checks.signs import without_hidden
from ruralgrid.county.tables import County
from ruralgrid.errors import nearest_names
from ruralgrid.findings import Finding, Severity

__all__ = ["HEADER_ROWS", "Hints", "Rule", "View"]

HEADER_ROWS: Final = 2
"""A spreadsheet shows the first row of a table, below its header, as row 2."""

_MAX_HINTS: Final = 40
_MANY: Final = 300


@dataclass(frozen=True, slots=True)
class Rule:
    """What a finding says whatever row it is about.

    `message` may hold {name} and {value}; `limit` is what is expected.
    """

    code: str
    table: str
    field: str
    message: str
    limit: str | float | None = None
    unit: str = ""
    severity: Severity = "error"
    clause: str = ""


@dataclass
class Hints:
    """The nearest names, for as many faults as a person reads."""

    left: int = _MAX_HINTS

    def nearest(self, name: str, known: Sequence[str]) -> str:
        """``; the nearest: ...``, or nothing where nothing is near."""
        if not self.left:
            return ""
        self.left -= 1
        plain = unicodedata.normalize("NFKC", name).strip()[:200]
        near = nearest_names(plain, _candidates(plain, known))
        return f"; the nearest: {', '.join(near)}" if near else ""


def _candidates(name: str, known: Sequence[str]) -> Sequence[str]:
    """Names that share a half with `name`: one slip leaves the other half whole."""
    if len(known) <= _MANY:
        return known
    half = max(len(name) // 2, 1)
    head, tail = name[:half].casefold(), name[-half:].casefold()
    close = [
        each
        for each in known
        if abs(len(each) - len(name)) <= 3
        and (each.casefold().startswith(head) or each.casefold().endswith(tail))
    ]
    return close[:_MANY]


@dataclass
class View:
    """A county at one stage.

    Parameters
    ----------
    county : County
    base : bool
        Whether its rows are those of the user's own tables, and so have numbers there.
    hints : Hints
        Shared by all stages.
    brought : mapping
        Sheet and row of the batch that brought or changed a row, by table and name; of those that
        have a sheet of their own.
    """

    county: County
    base: bool = True
    hints: Hints = field(default_factory=Hints)
    brought: Mapping[tuple[str, str], str] = field(default_factory=dict)
    _rows: dict[tuple[str, str], NDArray[np.int64]] = field(default_factory=dict, repr=False)

    def __getitem__(self, table: str) -> pd.DataFrame:
        frame: pd.DataFrame = getattr(self.county, table)
        return frame

    @cached_property
    def node_row(self) -> dict[str, int]:
        """Row of each node by its name, the first where a name stands twice."""
        names = self.county.nodes["name"].tolist()
        return {name: row for row, name in reversed(list(enumerate(names)))}

    def rows_at(self, table: str, column: str) -> NDArray[np.int64]:
        """Row of the node that each entry of a column names; -1 where there is none.

        A name that looks the same will do: that it differs is told once, as a name, and not again
        as a net that falls apart.
        """
        place = (table, column)
        if place not in self._rows:
            names = self[table][column].tolist()
            rows = np.array([self.node_row.get(name, -1) for name in names], dtype=np.int64)
            for at in np.flatnonzero(rows < 0).tolist():
                if names[at]:
                    rows[at] = self._row_by_look.get(without_hidden(names[at]), -1)
            self._rows[place] = rows
        return self._rows[place]

    @cached_property
    def _row_by_look(self) -> dict[str, int]:
        looks = ((without_hidden(name), row) for name, row in self.node_row.items())
        return {look: row for look, row in looks if look}

    @cached_property
    def node_kv(self) -> NDArray[np.float64]:
        """Voltage of each node [kV]."""
        return self.county.nodes["kv"].to_numpy(dtype=float)

    def kv_at(self, table: str, column: str) -> NDArray[np.float64]:
        """Voltage of the node that each entry of a column names [kV]; NaN where there is none."""
        return np.append(self.node_kv, np.nan)[self.rows_at(table, column)]

    def found(
        self,
        rule: Rule,
        rows: Any,
        values: Any = None,
        more: Callable[[Any], str] | str = "",
        ends: Any = None,
    ) -> list[Finding]:
        """A finding for each row.

        Parameters
        ----------
        rule : Rule
        rows : array of bool, or of int
            Which rows of the rule's table.
        values : array, optional
            What is found in each of the table's rows; by default the rule's field.
        more : callable or str
            Text behind the message, or what gives it from the value.
        ends : array of str, optional
            Text behind the message of each of the table's rows.
        """
        chosen = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        if not len(chosen):
            return []
        frame = self[rule.table]
        values = frame[rule.field] if values is None else values
        values = np.asarray(values, dtype=object)
        names = frame["name"].tolist()
        return [
            self._finding(
                rule,
                row,
                names[row],
                _plain(values[row]),
                (more(values[row]) if callable(more) else more)
                + (ends[row] if ends is not None else ""),
            )
            for row in chosen.tolist()
        ]

    def _finding(self, rule: Rule, row: int, name: str, value: Any, more: str) -> Finding:
        shown = f"{value:g}" if isinstance(value, float) else str(value)[:80]
        message = rule.message.replace("{name}", str(name)[:80]).replace("{value}", shown)
        where = self.where(rule.table, row, name, rule.field)
        return Finding(
            rule.code,
            str(name),
            message + more,
            value,
            rule.limit,
            rule.unit,
            rule.severity,
            where,
            rule.clause,
        )

    def where(self, table: str, row: int, name: str, column: str) -> str:
        """Table, row and column; after a batch there are no rows of the user's, but names.

        What a batch's own sheet says stands there.
        """
        if self.base and table == "edits" and any(self.county.edit_places[row : row + 1]):
            return f"{self.county.edit_places[row]}, {column}"
        if self.base:
            return f"{table}, row {row + HEADER_ROWS}, {column}"
        if (table, name) in self.brought:
            return f"{self.brought[table, name]}, {column}"
        return f"stage {self.county.stage}, {table}, {str(name)[:80]}, {column}"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
