"""One record for a fault found in facts, data or a grid; a list of them, and its frame.

A finding is data, not an exception: a check returns every fault it sees and lets the caller judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from html import escape
from typing import TYPE_CHECKING, Final, Literal, overload

from ruralgrid.errors import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Finding", "Findings", "Severity"]

_SEVERITIES: Final = ("error", "warning", "note")

_SHOWN: Final = 20
"""Findings that a notebook shows."""

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, or a fact worth a look.

    Parameters
    ----------
    code : str
        The rule that speaks, in kebab case: `sum-differs`, `voltage-low`.
    subject : str
        What it speaks of: a village, a section, a field of the plan.
    message : str
        One sentence that an engineer understands without the code.
    value, limit : float or str, optional
        What was found, and what it is held against.
    unit : str
        Unit of both.
    severity : {"error", "warning", "note"}
        An error stops a study; a warning stands in its report; a note explains.
    where : str
        File, table, row and field.
    clause : str
        The standard or rule, with its clause, that gives the limit.
    """

    code: str
    subject: str
    message: str
    value: float | str | None = None
    limit: float | str | None = None
    unit: str = ""
    severity: Severity = "warning"
    where: str = ""
    clause: str = ""


class Findings(Sequence[Finding]):
    """Findings in the order in which they were made; immutable."""

    def __init__(self, items: Iterable[Finding] = ()) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Findings: ...
    def __getitem__(self, index: int | slice) -> Finding | Findings:
        if isinstance(index, slice):
            return Findings(self._items[index])
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._items)

    def __add__(self, other: Iterable[Finding]) -> Findings:
        return Findings((*self._items, *other))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Findings) and self._items == other._items

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        counts = ", ".join(
            counted(len(self.of_severity(severity)), severity)
            for severity in _SEVERITIES
            if self.of_severity(severity)
        )
        return f"<Findings: {counts or 'none'}>"

    def _repr_html_(self) -> str:
        head = f"<p>{escape(repr(self))}</p>"
        if not self:
            return head
        worst = sorted(self, key=lambda item: _SEVERITIES.index(item.severity))
        shown = Findings(worst[:_SHOWN]).to_frame()
        table = shown[["severity", "code", "subject", "message"]].to_html(index=False, escape=True)
        more = len(self) - len(shown)
        tail = f"<p>{more} more: <code>findings.to_frame()</code></p>" if more > 0 else ""
        return head + table + tail

    def of_severity(self, severity: Severity) -> Findings:
        """Those of one severity."""
        return Findings(item for item in self if item.severity == severity)

    def of_code(self, code: str) -> Findings:
        """Those that one rule made."""
        return Findings(item for item in self if item.code == code)

    def to_frame(self) -> pd.DataFrame:
        """One row a finding; the columns are the fields of `Finding`."""
        import pandas as pd

        columns = [field.name for field in fields(Finding)]
        return pd.DataFrame([asdict(item) for item in self], columns=columns)
