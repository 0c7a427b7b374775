"""What the commands share: tables to standard output, words to standard error, exit codes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    import pandas as pd

    from ruralgrid.findings import Finding, Findings

__all__ = [
    "VIOLATED",
    "AsJson",
    "as_text",
    "finding_lines",
    "print_json",
    "print_table",
    "tell",
]

_TYPES_UNKNOWN: Final = (
    "arrangement-unknown",
    "conductor-unknown",
    "neutral-unknown",
    "transformer-unknown",
)

VIOLATED: Final = 1
"""Exit code of `check` where a threshold is violated."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def tell(message: str) -> None:
    """Say something to the person at the terminal."""
    typer.echo(message, err=True)


def finding_lines(findings: Findings, most: int, rest: str) -> list[str]:
    """Findings with table, row and column, errors first; `rest` says where the further ones are."""
    ordered = [*findings.of_severity("error"), *findings.of_severity("warning")]
    lines = []
    for each in ordered[:most]:
        subject = "" if each.subject in each.where else f"{each.subject}: "
        lines.append(f"{each.severity}: {each.where}: {subject}{each.message}{_words(each)}")
    if len(ordered) > most:
        lines.append(f"... and {len(ordered) - most} more; {rest}")
    if any(each.code in _TYPES_UNKNOWN for each in ordered):
        lines.append("`ruralgrid catalogue` lists conductors, pole heads and transformer types")
    return lines


def _words(finding: Finding) -> str:
    """The words that are expected, where there is a list of them and the message has none."""
    limit = finding.limit
    if not isinstance(limit, str) or ", " not in limit or "expected" in finding.message:
        return ""
    return f"; one of {limit} is expected"


def print_json(tables: dict[str, pd.DataFrame]) -> None:
    """Print tables by name as one JSON object, a record per row."""
    data: dict[str, Any] = {
        name: json.loads(table.to_json(orient="records", force_ascii=False))
        for name, table in tables.items()
    }
    typer.echo(json.dumps(data, ensure_ascii=False, indent=1))


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Every value as text, numbers with six digits."""
    return table.map(lambda v: f"{v:.6g}" if isinstance(v, float) else str(v))


def print_table(title: str, table: pd.DataFrame, note: str) -> None:
    """A table by rich in a terminal, plain where the output is piped."""
    if not sys.stdout.isatty():
        from ruralgrid.report.text import plain_section

        typer.echo(plain_section(title, table, note))
        return
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", caption=note or None, caption_justify="left")
    for column in table.columns:
        drawn.add_column(str(column), overflow="fold")
    for row in table.itertuples(index=False):
        drawn.add_row(*map(str, row))
    Console(markup=False, emoji=False, highlight=False).print(drawn)
