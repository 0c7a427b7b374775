"""The command: tables to standard output, everything else to standard error.

Exit codes: 0 good, 1 `check` finds a violation, 2 bad input, 3 the load flow found no solution, 130
stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ruralgrid import __version__
from ruralgrid.cli.check import check, export
from ruralgrid.cli.equipment import catalogue, conductor
from ruralgrid.cli.plans import audit, lines, study
from ruralgrid.cli.tables import template, validate
from ruralgrid.errors import ConvergenceError, RuralGridError

__all__ = ["app", "main"]

app = typer.Typer(
    name="ruralgrid",
    help="Rural distribution networks: from a county's plan to voltages, losses and an answer.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (study, audit, lines, conductor, catalogue, check, export, template, validate):
    app.command()(command)

_INTERRUPTED = 130


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


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code; without words it prints its help."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(words or ["--help"], standalone_mode=False)
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
