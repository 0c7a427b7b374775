"""Commands on a plan or a county: its audit, its study, its line tables."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ruralgrid.cli.inputs import Seed, require_seed_used, tell_warnings, told_reading
from ruralgrid.cli.output import AsJson, as_text, print_json, print_table, tell
from ruralgrid.cli.outputs import require_study_out
from ruralgrid.errors import counted

__all__ = ["Hours", "Language", "Wires", "audit", "lines", "study"]

PlanName = Annotated[
    str, typer.Argument(metavar="PLAN", help="A packaged plan (ningxian) or the path of a TOML.")
]
CountyName = Annotated[
    str,
    typer.Argument(
        metavar="COUNTY",
        help="A packaged plan (ningxian), a plan's TOML, or a county's folder of CSV or workbook.",
    ),
]


class Hours(StrEnum):
    """Which hours a study solves."""

    ALL = "all"
    REPRESENTATIVE = "representative"


class Language(StrEnum):
    """What the report opens in."""

    EN = "en"
    ZH = "zh"


class Wires(StrEnum):
    """How a study solves 0.4 kV."""

    FOUR_WIRE = "four-wire"
    BALANCED = "balanced"


def study(
    county: CountyName,
    seed: Seed = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for report.html, study.xlsx and CSV.")
    ] = None,
    lang: Annotated[
        Language, typer.Option(help="What the report opens in; it has both.")
    ] = Language.EN,
    stage: Annotated[
        list[int] | None, typer.Option(help="Only these stages (repeat it); all by default.")
    ] = None,
    hours: Annotated[Hours, typer.Option(help="8,760 hours, or 288 for a quick look.")] = Hours.ALL,
    phases: Annotated[
        Wires, typer.Option(help="0.4 kV wire by wire, or as if every load were balanced.")
    ] = Wires.FOUR_WIRE,
    limits: Annotated[
        str, typer.Option(help="A named set, or a TOML of your own.")
    ] = "GBT12325_2008",
    sensitivity: Annotated[bool, typer.Option(help="Vary one assumption at a time.")] = True,
    as_json: AsJson = False,
) -> None:
    """Study a county before and after each batch: low voltage, losses, the claim.

    Low villages are its answer, not its failure: it leaves with 0. The guard is `check`.
    """
    from ruralgrid.limits import voltage_limits
    from ruralgrid.opening import open_county, require_stages

    # what is wrong with the words is told before minutes of work, and before pandapower is loaded
    judged = voltage_limits(limits)
    require_seed_used(county, seed)
    require_stages(county, stage)
    if out is not None:
        require_study_out(out, county)
    from ruralgrid import study as study_county
    from ruralgrid.report.text import study_sections

    tell(told_reading(county, seed))
    opened = open_county(county, 1 if seed is None else seed)
    if opened.origin is None:
        tell_warnings(opened)
    tell(f"solving {opened!r}")
    result = study_county(
        opened,
        limits=judged,
        hours=hours.value,
        phases=phases.value,
        stages=stage,
        sensitivity_table=sensitivity,
        progress=None,
    )
    if as_json:
        print_json(result.tables)
    else:
        for title, table, note in study_sections(result):
            print_table(title, table, note)
    if out is not None:  # after minutes of work the tables stand there, whatever the disk says
        written = result.write(out, lang=lang.value)
        tell(f"{counted(len(written), 'file')} written into {out}")


def audit(plan: PlanName, as_json: AsJson = False) -> None:
    """Hold a plan against itself: sums, figures stated twice, money, lengths, the claim."""
    from ruralgrid import audit as audit_plan
    from ruralgrid import read_plan
    from ruralgrid.report.text import audit_table

    findings = audit_plan(read_plan(plan))
    frame = findings.to_frame()
    if as_json:
        print_json({"findings": frame})
        return
    table = audit_table(frame)
    print_table(f"Audit of {plan}", table.drop(columns="message"), repr(findings))
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.subject}: {finding.message}")


def lines(
    plan: PlanName,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another synthetic county.")] = 1,
    as_json: AsJson = False,
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
        print_json(frames)
        return
    for title, frame in frames.items():
        print_table(
            f"{title} (a reconstruction)" if title != "findings" else title, as_text(frame), ""
        )
