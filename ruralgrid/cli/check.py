"""Commands for a county of one's own in CI and in other programs: `check` and `export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ruralgrid.cli import outputs
from ruralgrid.cli.inputs import Seed, is_net_file, open_subject, require_seed_used
from ruralgrid.cli.output import VIOLATED, AsJson, as_text, print_table, tell
from ruralgrid.errors import InputError, counted

if TYPE_CHECKING:
    import pandas as pd

    from ruralgrid.county import County
    from ruralgrid.network.geojson import StudyTables
    from ruralgrid.studies import VoltageCheck

__all__ = ["CheckHours", "CheckPhases", "Datum", "ExportFormat", "ViolationKind", "check", "export"]

_ROWS = 40
"""Rows of the table; the JSON holds all."""

Source = Annotated[
    str,
    typer.Argument(
        metavar="COUNTY",
        help="A folder of CSV, a workbook, a packaged plan, a plan's TOML, or a pandapower JSON.",
    ),
]
Stage = Annotated[
    int | None,
    typer.Option(min=0, help="0 before the works, k after batch k; the tables' own by default."),
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust-pandapower-json",
        help="Read a pandapower JSON. Such a file can carry code: only one that you trust.",
    ),
]


class CheckHours(StrEnum):
    """Which hours a check solves."""

    ALL = "all"
    REPRESENTATIVE = "representative"
    PEAK = "peak"


class CheckPhases(StrEnum):
    """How 0.4 kV is solved."""

    BALANCED = "balanced"
    FOUR_WIRE = "four-wire"


class ViolationKind(StrEnum):
    """Kinds of violations."""

    UNSUPPLIED = "unsupplied"
    LOW = "low"
    HIGH = "high"
    DEVIATION_SUM = "deviation_sum"


class ExportFormat(StrEnum):
    """What other programs read."""

    PANDAPOWER = "pandapower"
    OPENDSS = "opendss"
    GEOJSON = "geojson"


class Datum(StrEnum):
    """Coordinates of a map."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"


def check(
    county: Source,
    limits: Annotated[str, typer.Option(help="A named set, or a TOML of your own.")] = (
        "GBT12325_2008"
    ),
    stage: Stage = None,
    hours: Annotated[
        CheckHours, typer.Option(help="8,760 hours, 288 that stand for them, or the peak.")
    ] = CheckHours.ALL,
    phases: Annotated[
        CheckPhases | None,
        typer.Option(help="0.4 kV wire by wire (default for tables) or balanced (for a net)."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Known violations: only what is new or worse fails.")
    ] = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Write the baseline from what is found.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML, a case per village.")] = None,
    ignore: Annotated[
        list[ViolationKind] | None, typer.Option(help="Kinds not to judge (repeat it).")
    ] = None,
    all_nodes: Annotated[
        bool, typer.Option("--all-nodes", help="Judge every node, not only those with customers.")
    ] = False,
    villages: Annotated[
        Path | None, typer.Option(help="CSV of bus and village, for a pandapower JSON.")
    ] = None,
    seed: Seed = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Hold the voltage at every customer against its limits; fail on what a baseline lacks."""
    from ruralgrid.limits import voltage_limits

    # what is wrong with the words is told before anything is drawn or solved
    judged = voltage_limits(limits)
    if update_baseline and baseline is None:
        raise InputError("--update-baseline needs --baseline FILE")
    if baseline is not None and not update_baseline:
        from ruralgrid.report.guard import read_baseline

        read_baseline(baseline)
    written = baseline if update_baseline else None
    _require_outputs(written, junit, [county, limits, villages, None if written else baseline])
    village_table = _village_table(villages)
    subject = open_subject(county, stage, seed, trust)
    from ruralgrid.studies import check_voltages

    at = stage if stage is not None else getattr(subject, "stage", 0)
    tell(f"checking {county!r}, stage {at}, {hours.value} hours, {judged.name}")
    found = check_voltages(
        subject,
        limits=judged,
        stage=stage,
        hours=hours.value,
        phases=phases.value if phases else None,
        villages=village_table,
        all_nodes=all_nodes,
    ).without([kind.value for kind in ignore or ()])
    if _judge(found, baseline, written, junit, as_json=as_json):
        raise typer.Exit(VIOLATED)


def _village_table(path: Path | None) -> pd.DataFrame | None:
    if path is None:
        return None
    import pandas as pd

    from ruralgrid.county.csv_files import read_csv_sheet

    header, *rows = read_csv_sheet(path).rows or [[]]
    for number, row in enumerate(rows, 1):
        if len(row) > len(header):
            message = f"{len(row)} cells; the header has {len(header)}"
            raise InputError(message, f"{path.name}, row {number} below the header")
    filled = [row + [""] * (len(header) - len(row)) for row in rows]
    return pd.DataFrame(filled, columns=[name.strip() for name in header])


def _require_outputs(
    baseline: Path | None, junit: Path | None, inputs: list[str | Path | None]
) -> None:
    """Raise WriteError for a file that is not to be written, before anything is drawn or solved."""
    named = {"--baseline": (baseline, outputs.BASELINE), "--junit": (junit, outputs.JUNIT)}
    given = {option: (path, kind) for option, (path, kind) in named.items() if path is not None}
    outputs.require_apart({option: path for option, (path, _) in given.items()}, inputs)
    for path, kind in given.values():
        outputs.require_file(path, kind)


def _judge(
    found: VoltageCheck,
    baseline: Path | None,
    written: Path | None,
    junit: Path | None,
    *,
    as_json: bool,
) -> bool:
    """Print, then write, and say whether a violation is new or worse.

    A baseline that is `written` knows all that is found.
    """
    from ruralgrid.assess import compared_violations
    from ruralgrid.files import write_text
    from ruralgrid.report.guard import (
        FAILING,
        check_as_json,
        junit_xml,
        read_baseline,
        write_baseline,
    )

    if written is not None:
        known = found.violations
    else:
        none = found.violations.iloc[:0]
        known = none if baseline is None else read_baseline(baseline, found)
    compared, gone = compared_violations(found.violations, known)
    if as_json:
        typer.echo(check_as_json(found, compared, gone), nl=False)
    else:
        _print(found, compared)
    _tell_better(compared, gone)
    if written is not None:
        write_baseline(found, written)
        tell(f"{counted(len(found.violations), 'violation')} known from now on: {written}")
    if junit is not None:
        write_text(junit, junit_xml(found, compared))
    return bool(compared["state"].isin(FAILING).any())


def _tell_better(compared: pd.DataFrame, gone: pd.DataFrame) -> None:
    for (village, kind), rows in gone.groupby(["village", "kind"]):
        tell(f"improved: {village} is no longer {kind} at {', '.join(rows['node'])}")
    improved = int((compared["state"] == "improved").sum())
    if improved or len(gone):
        tell(f"{improved} better and {len(gone)} gone against the baseline; --update-baseline")


def _print(found: VoltageCheck, compared: pd.DataFrame) -> None:
    from ruralgrid.report.guard import village_table

    title = f"Voltages of {found.name}, stage {found.stage}, {found.limits.name}"
    counts = compared["state"].value_counts().to_dict()
    told = ", ".join(f"{count} {state}" for state, count in counts.items()) or "none"
    points = f"{len(found.points)} point{'' if len(found.points) == 1 else 's'} of supply"
    note = f"{points}, {counted(len(found.solution.hours), 'hour')}: {told}"
    table = village_table(compared)
    if len(table) > _ROWS:
        note += f"; the first {_ROWS} of {len(table)} rows"
    shown = table.head(_ROWS).round({"value": 1, "limit": 1, "hours": 1})
    print_table(title, as_text(shown).replace({"nan": "", "<NA>": ""}), note)


def export(
    county: Source,
    out: Annotated[Path, typer.Argument(help="A file (pandapower, geojson) or a folder.")],
    form: Annotated[ExportFormat, typer.Option("--format", help="For which program.")],
    stage: Stage = None,
    hour: Annotated[
        str | None, typer.Option(help="0 to 8759, peak (the default) or mean; not of a GeoJSON.")
    ] = None,
    datum: Annotated[
        Datum | None, typer.Option(help="Coordinates of a GeoJSON; WGS-84 by default.")
    ] = None,
    results: Annotated[
        bool, typer.Option("--results", help="GeoJSON with the results of 288 hours a stage.")
    ] = False,
    seed: Seed = None,
    trust: Trust = False,
) -> None:
    """Write a county for pandapower (JSON), OpenDSS (scripts) or a GIS (GeoJSON)."""
    _require_used(form, county, hour, stage, {"--datum": datum, "--results": results or None})
    at_hour: int | str = "peak" if hour is None else int(hour) if hour.isdecimal() else hour
    require_seed_used(county, seed)
    _require_export(form, out, county)
    subject = open_subject(county, stage, seed, trust)
    from ruralgrid.county import County
    from ruralgrid.network.geojson import write_geojson
    from ruralgrid.report.exports import write_opendss, write_pandapower

    of_stage = subject.at(stage) if isinstance(subject, County) and stage is not None else subject
    if form is ExportFormat.PANDAPOWER:
        written = [write_pandapower(of_stage, out, hour=at_hour)]
    elif form is ExportFormat.OPENDSS:
        written = write_opendss(of_stage, out, hour=at_hour)
    elif isinstance(of_stage, County):
        written = write_geojson(
            of_stage,
            out,
            _results(subject) if results else None,
            datum=datum.value if datum else "wgs84",
        )
    else:
        raise InputError("a GeoJSON is made of a county's tables", county)
    told = ", ".join(str(path) for path in written)
    tell(f"{counted(len(written), 'file')} written: {told}")


def _require_export(form: ExportFormat, out: Path, source: str) -> None:
    """Raise WriteError for a place that is not to be written, before anything is drawn or built."""
    outputs.require_apart({"OUT": out}, [source])
    if form is ExportFormat.PANDAPOWER:
        outputs.require_file(out, outputs.PANDAPOWER)
    elif form is ExportFormat.OPENDSS:
        outputs.require_replaceable_folder(out, outputs.OPENDSS_FOLDER)
    elif out.suffix.lower() in (".geojson", ".json"):
        outputs.require_file(out, outputs.GEOJSON)
    else:
        outputs.require_replaceable_folder(out, outputs.GEOJSON_FOLDER)


def _require_used(
    form: ExportFormat, source: str, hour: str | None, stage: int | None, of_map: dict[str, object]
) -> None:
    """Raise InputError for an option that would be without effect on what is written."""
    unused = {"--hour": hour} if form is ExportFormat.GEOJSON else of_map
    of_form = dict.fromkeys(unused, f"has no effect on --format {form.value}")
    if is_net_file(source):
        unused = {**unused, "--hour": hour, "--stage": stage}
    for option, value in unused.items():
        if value is not None:
            why = of_form.get(option, "is of a county; a net is written as it stands")
            raise InputError(f"{option} {why}; leave it out", "export")


def _results(county: County) -> StudyTables:
    from ruralgrid.studies import study

    return study(county, hours="representative", sensitivity_table=False, progress=None)
