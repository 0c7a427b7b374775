"""The command: tables to standard output, everything else to standard error.

Exit codes: 0 good, 1 a threshold is violated, 2 bad input, 3 the load flow found no solution.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruralgrid import __version__
from ruralgrid.errors import ConvergenceError, InputError, RuralGridError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Hours",
    "app",
    "audit",
    "conductor",
    "lines",
    "main",
    "study",
]

app = typer.Typer(
    name="ruralgrid",
    help="Rural distribution networks: from a county's plan to voltages, losses and an answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_PlanName = Annotated[
    str, typer.Argument(metavar="PLAN", help="A packaged plan (ningxian) or the path of a TOML.")
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


_VIOLATED, _INTERRUPTED = 1, 130


class Hours(StrEnum):
    """Which hours a study solves."""

    ALL = "all"
    REPRESENTATIVE = "representative"


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ruralgrid {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def study(
    plan: _PlanName,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another synthetic county.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for the CSV of every table.")] = None,
    stage: Annotated[
        list[int] | None, typer.Option(help="Only these stages (repeat it); all by default.")
    ] = None,
    hours: Annotated[Hours, typer.Option(help="8,760 hours, or 288 for a quick look.")] = Hours.ALL,
    limits: Annotated[str, typer.Option(help="A named set of limits.")] = "GBT12325_2008",
    sensitivity: Annotated[bool, typer.Option(help="Vary one assumption at a time.")] = True,
    as_json: _AsJson = False,
) -> None:
    """Study a plan's county before and after each batch: low voltage, losses, the claim."""
    from ruralgrid import read_plan
    from ruralgrid.limits import get_limits
    from ruralgrid.report.files import require_folder

    # what is wrong with the words is told before minutes of work, and before pandapower is loaded
    read, judged = read_plan(plan), get_limits(limits)
    for wanted in stage or ():
        if not 0 <= wanted <= len(read.batches):
            known = ", ".join(map(str, range(len(read.batches) + 1)))
            raise InputError(f"there is no stage {wanted}; the county has {known}", "stages")
    if out is not None:
        require_folder(out)
    from ruralgrid import study as study_county
    from ruralgrid import synthesise
    from ruralgrid.report.text import study_sections

    _tell(f"drawing and calibrating the county of {plan!r}, seed {seed}")
    county = synthesise(read, seed)
    _tell(f"solving {county!r}")
    result = study_county(
        county,
        limits=judged,
        hours=hours.value,
        stages=stage,
        sensitivity_table=sensitivity,
        progress=None,
    )
    if out is not None:
        _tell(f"{len(result.write(out))} files written into {out}")
    if as_json:
        _print_json(result.tables)
    else:
        for title, table, note in study_sections(result):
            _print_table(title, table, note)
    after_all = result.stages[result.stages["stage"] == county.stages[-1]]
    if (after_all[["households_low", "households_unsupplied"]] > 0).any(axis=None):
        raise typer.Exit(_VIOLATED)


@app.command()
def audit(plan: _PlanName, as_json: _AsJson = False) -> None:
    """Hold a plan against itself: sums, figures stated twice, money, lengths, the claim."""
    from ruralgrid import audit as audit_plan
    from ruralgrid import read_plan
    from ruralgrid.report.text import audit_table

    findings = audit_plan(read_plan(plan))
    frame = findings.to_frame()
    if as_json:
        _print_json({"findings": frame})
        return
    table = audit_table(frame)
    _print_table(f"Audit of {plan}", table.drop(columns="message"), repr(findings))
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.subject}: {finding.message}")


@app.command()
def conductor(
    name: Annotated[str, typer.Argument(help="A type, such as JKLGYJ-10/70 or LGJ-240/30.")],
    arrangement: Annotated[str | None, typer.Option(help="A pole head of the catalogue.")] = None,
    span: Annotated[float, typer.Option(help="Span [m].")] = 80.0,
    temperature: Annotated[float, typer.Option(help="Conductor temperature [degC].")] = 40.0,
    as_json: _AsJson = False,
) -> None:
    """Print the electrical and mechanical figures of a conductor, each with its source."""
    from ruralgrid.equipment import describe_conductor

    table = describe_conductor(name, arrangement, span_m=span, temperature_c=temperature)
    if as_json:
        _print_json({"conductor": table})
        return
    sources = {source: k + 1 for k, source in enumerate(dict.fromkeys(table["source"]))}
    note = "\n".join(f"[{k}] {source}" for source, k in sources.items())
    text = _as_text(table.assign(source=table["source"].map(sources).map("[{}]".format)))
    _print_table(f"{name}, span {span:g} m, {temperature:g} degC", text, note)


@app.command()
def lines(
    plan: _PlanName,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another synthetic county.")] = 1,
    as_json: _AsJson = False,
) -> None:
    """Rebuild the three tables that a plan refers to, and check the county's lines by them."""
    from ruralgrid import read_plan
    from ruralgrid.county.synthesis import draw_county
    from ruralgrid.equipment import line_tables
    from ruralgrid.lines import check_lines

    read = read_plan(plan)
    tables = line_tables(read)  # raises where the plan states no line design
    frames = {
        "conductors": tables.conductors,
        "spans": tables.spans,
        "spacing": tables.spacing,
        "findings": check_lines(draw_county(read, seed)).to_frame(),
    }
    if as_json:
        _print_json(frames)
        return
    for title, frame in frames.items():
        _print_table(
            f"{title} (a reconstruction)" if title != "findings" else title, _as_text(frame), ""
        )


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code."""
    try:
        code = app(arguments, standalone_mode=False)
    except ConvergenceError as error:
        _fail(str(error), 3)
    except RuralGridError as error:
        _fail(str(error), 2)
    except Exception as error:
        if hasattr(error, "format_message"):  # a mistake in the command's words
            _fail(f"{error.format_message()} (see ruralgrid --help)", 2)
        raise
    if code == _INTERRUPTED:
        _fail("stopped; files already written are whole", _INTERRUPTED)
    sys.exit(code or 0)


def _fail(message: str, code: int) -> None:
    typer.echo(f"ruralgrid: {message}", err=True)
    sys.exit(code)


def _tell(message: str) -> None:
    typer.echo(message, err=True)


def _print_json(tables: dict[str, pd.DataFrame]) -> None:
    data: dict[str, Any] = {
        name: json.loads(table.to_json(orient="records", force_ascii=False))
        for name, table in tables.items()
    }
    typer.echo(json.dumps(data, ensure_ascii=False, indent=1))


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    return table.map(lambda v: f"{v:.6g}" if isinstance(v, float) else str(v))


def _print_table(title: str, table: pd.DataFrame, note: str) -> None:
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
