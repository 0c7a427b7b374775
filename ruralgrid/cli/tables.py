"""Commands on a county's own tables: a template to fill in, and their validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ruralgrid.cli.output import AsJson, finding_lines, print_json, tell
from ruralgrid.errors import counted

if TYPE_CHECKING:
    from ruralgrid.findings import Findings

__all__ = ["template", "validate"]

_BAD_INPUT = 2


def template(
    path: Annotated[Path, typer.Argument(help="A new workbook (.xlsx), or a new folder of CSV.")],
    example: Annotated[
        bool, typer.Option("--example", help="Fill it with an invented county of two feeders.")
    ] = False,
) -> None:
    """Write empty tables for your own county, every column explained in Chinese and English."""
    from ruralgrid.county.template import write_template

    written = write_template(path, example=example)
    what = "an example" if example else "empty tables"
    tell(f"{what} written: {path} ({counted(len(written), 'file')})")


def validate(
    county: Annotated[Path, typer.Argument(help="A folder of CSV, or a workbook (.xlsx).")],
    most: Annotated[int, typer.Option(min=1, help="Print so many findings at the most.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Check a county's tables: every fault at once, with table, row and column.

    Leaves with 0 where a study can be made (warnings are allowed), with 2 where it cannot.
    """
    from ruralgrid.county.files import CountyFileError, read_county
    from ruralgrid.county.validate import validate as validate_county

    try:
        findings = validate_county(read_county(county))
    except CountyFileError as error:
        findings = error.findings
    if as_json:
        print_json({"findings": findings.to_frame()})
    else:
        _print(findings, most)
    if findings.of_severity("error"):
        raise typer.Exit(_BAD_INPUT)


def _print(findings: Findings, most: int) -> None:
    count = len(findings.of_severity("error")) + len(findings.of_severity("warning"))
    for line in finding_lines(findings, most, f"--most {count} or --json shows all"):
        typer.echo(line)
    typer.echo(repr(findings))
