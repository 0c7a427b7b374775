"""Commands on the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from ruralgrid.cli.output import AsJson, as_text, print_json, print_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["catalogue", "conductor"]

_DIGITS: Final = {
    "A": 0,
    "N": 0,
    "deg": 1,
    "m": 2,
    "mm": 2,
    "nF/km": 1,
    "ohm/km": 4,
    "-": 2,
}
"""Digits behind the point by unit, as an engineer writes them; the JSON has all."""


def conductor(
    name: Annotated[str, typer.Argument(help="A type, such as JKLGYJ-10/70 or LGJ-240/30.")],
    arrangement: Annotated[str | None, typer.Option(help="A pole head of the catalogue.")] = None,
    span: Annotated[float, typer.Option(help="Span [m].")] = 80.0,
    temperature: Annotated[float, typer.Option(help="Conductor temperature [degC].")] = 40.0,
    as_json: AsJson = False,
) -> None:
    """Print the electrical and mechanical figures of a conductor, each with its source.

    Below them stands what its span breaks: longest span, spacing, height above ground. `ruralgrid
    catalogue` lists the conductors.
    """
    from ruralgrid.equipment import check_conductor, describe_conductor

    table = describe_conductor(name, arrangement, span_m=span, temperature_c=temperature)
    findings = check_conductor(name, arrangement, span_m=span)
    if as_json:
        print_json({"conductor": table, "findings": findings.to_frame()})
        return
    sources = {source: k + 1 for k, source in enumerate(dict.fromkeys(table["source"]))}
    note = "\n".join(f"[{k}] {source}" for source, k in sources.items())
    text = as_text(table.assign(value=_rounded(table), source=table["source"].map(sources)))
    text["source"] = text["source"].map("[{}]".format)
    print_table(f"{name}, span {span:g} m, {temperature:g} degC", text, note)
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.code}: {finding.message} ({finding.clause})")


def _rounded(table: pd.DataFrame) -> list[str]:
    """The values as text, rounded by their unit."""
    return [
        f"{round(value, _DIGITS[unit]):.10g}"
        if isinstance(value, float) and unit in _DIGITS
        else f"{value:.6g}"
        if isinstance(value, float)
        else str(value)
        for value, unit in zip(table["value"], table["unit"], strict=True)
    ]


def catalogue(as_json: AsJson = False) -> None:
    """List the conductors, arrangements (pole heads) and transformer types that tables may name."""
    from ruralgrid.equipment import catalogue_tables

    tables = catalogue_tables()
    if as_json:
        print_json(tables)
        return
    for kind, table in tables.items():
        text = as_text(table.round({"min_spacing_m": 2})).replace("nan", "")
        print_table(kind.replace("_", " ").capitalize(), text, _NOTES.get(kind, ""))


_NOTES: Final = {
    "conductors": "kv: the class of the insulation, empty of a bare wire; "
    "`ruralgrid conductor NAME` shows one with its sources",
    "arrangements": "min_spacing_m: between any two wires; span_max_m: where the design says so",
}
