"""Commands on the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from ruralgrid.cli.output import AsJson, as_text, print_json, print_table

__all__ = ["conductor"]


def conductor(
    name: Annotated[str, typer.Argument(help="A type, such as JKLGYJ-10/70 or LGJ-240/30.")],
    arrangement: Annotated[str | None, typer.Option(help="A pole head of the catalogue.")] = None,
    span: Annotated[float, typer.Option(help="Span [m].")] = 80.0,
    temperature: Annotated[float, typer.Option(help="Conductor temperature [degC].")] = 40.0,
    as_json: AsJson = False,
) -> None:
    """Print the electrical and mechanical figures of a conductor, each with its source."""
    from ruralgrid.equipment import describe_conductor

    table = describe_conductor(name, arrangement, span_m=span, temperature_c=temperature)
    if as_json:
        print_json({"conductor": table})
        return
    sources = {source: k + 1 for k, source in enumerate(dict.fromkeys(table["source"]))}
    note = "\n".join(f"[{k}] {source}" for source, k in sources.items())
    text = as_text(table.assign(source=table["source"].map(sources).map("[{}]".format)))
    print_table(f"{name}, span {span:g} m, {temperature:g} degC", text, note)
