"""Read a plan: a packaged one by its name, or a TOML of your own with its CSV beside it.

Every fault is collected and raised in one InputError; what is read is never corrected.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from ruralgrid.errors import InputError, UnknownNameError, nearest_names
from ruralgrid.plan import facts
from ruralgrid.plan.fields import Faults, check_keys, list_fields, to_record

__all__ = ["list_plans", "read_plan"]

_PLAN_FILE = "plan.toml"
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".et")
_T = TypeVar("_T")

_REQUIRED_TABLES: Mapping[str, Callable[..., Any]] = {
    "county": facts.CountyFacts,
    "existing": facts.Existing,
}
_OPTIONAL_TABLES: Mapping[str, Callable[..., Any]] = {
    "document": facts.Document,
    "stated_totals": facts.Totals,
    "unit_prices": facts.UnitPrices,
    "claims": facts.Claims,
    "goals": facts.Goals,
    "line_design": facts.LineDesign,
}
_TABLES = [*_REQUIRED_TABLES, *_OPTIONAL_TABLES, "places", "batch", "hv_project", "hv_schedule"]


def list_plans() -> tuple[str, ...]:
    """Names of the plans that come with the package."""
    folder = resources.files("ruralgrid.data").joinpath("plans")
    return tuple(sorted(e.name for e in folder.iterdir() if e.joinpath(_PLAN_FILE).is_file()))


def read_plan(name_or_path: str | Path) -> facts.Plan:
    """Read a plan.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a packaged plan ("ningxian"), or path of a TOML file, or of a folder with a
        `plan.toml`. A packaged name goes first: write "./ningxian" for a folder of that name.

    Returns
    -------
    Plan
        As stated; `audit` finds where it contradicts itself.

    Raises
    ------
    UnknownNameError, InputError
        If there is no such plan, if a file is missing, not UTF-8 or broken, or with every fault of
        its content: an unknown or missing field, a wrong type, a figure out of range, a name that
        nothing bears, each with its place and the nearest valid name.

    Notes
    -----
    Required are the tables ``[county]``, ``[existing]``, one ``[[batch]]`` or more, and the
    townships (``townships.csv`` beside the plan, or the file that ``[places] townships`` names).
    All else is optional: ``[document]``, ``[[hv_project]]``, ``[stated_totals]``,
    ``[unit_prices]``, ``[claims]``, ``[goals]``, ``[line_design]``, ``villages.csv`` and
    ``[hv_schedule]``. Projects of 35 kV and above without a schedule come with the last batch.
    A row of the townships without a number of villages is a place that is no township. The fields
    with their units and limits stand in ``ruralgrid/data/plans/fields.csv``.
    """
    folder, name, path = _located(name_or_path)
    raw = _parsed(folder.joinpath(name), path)
    faults = Faults()
    plan = _assembled(raw, folder, path, faults)
    faults.require_none(path)
    assert plan is not None  # nothing is missing where there is no fault
    return plan


def _located(name_or_path: str | Path) -> tuple[Traversable, str, str]:
    """Folder, file name in it, and the whole path as text."""
    packaged = list_plans()
    if name_or_path in packaged:
        folder = resources.files("ruralgrid.data").joinpath("plans", str(name_or_path))
        return folder, _PLAN_FILE, str(folder.joinpath(_PLAN_FILE))
    path = Path(name_or_path)
    if path.is_dir():
        path = path / _PLAN_FILE
    if path.is_file():
        _refuse_workbook(path)
        return path.parent, path.name, str(path)
    if path.name == str(name_or_path) and not path.suffix:
        raise UnknownNameError("packaged plan, file or folder", str(name_or_path), packaged)
    near = nearest_names(path.stem, packaged, count=1)
    hint = f"; nearest: {near[0]}" if near else ""
    raise InputError(f"no such file; packaged plans: {', '.join(packaged)}{hint}", str(path))


def _refuse_workbook(path: Path) -> None:
    """What a spreadsheet wrote is zipped, or in an old one's own form: no fault of its encoding."""
    if path.suffix.lower() in _WORKBOOKS:
        raise InputError(
            "this is a county's workbook; a plan's TOML is expected; use `ruralgrid validate` or "
            "`ruralgrid study` (read_county in Python)",
            str(path),
        )


def _text(file: Traversable, path: str) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", path) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"line {line} is not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8, "
            "it may be GBK",
            path,
        ) from error


def _parsed(file: Traversable, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(file, path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not a valid TOML file: {error}", path) from error


def _assembled(
    raw: dict[str, Any], folder: Traversable, path: str, faults: Faults
) -> facts.Plan | None:
    check_keys(raw, _TABLES, "", faults)
    tables = _tables(raw, faults)
    batches = _array("batch", facts.Batch, raw, faults)
    if not raw.get("batch"):
        faults.missing("batch", "a table [[batch]] for each year of the works")
    projects = _array("hv_project", facts.HvProject, raw, faults)
    towns, places, villages, town_names = _geography(raw, folder, faults)
    schedule = _schedule(raw.get("hv_schedule"), raw, faults)
    _check_years(batches, faults)
    _check_unique("hv_project", {i: p.name for i, p in projects.items()}, faults)
    if town_names:
        _check_towns(batches, tables.get("county"), town_names, faults)
    if faults.lines:
        return None
    return facts.Plan(
        **tables,
        batches=tuple(sorted(batches.values(), key=lambda batch: batch.year)),
        hv_projects=tuple(projects.values()),
        hv_schedule=schedule,
        townships=towns,
        places=places,
        villages=villages,
        path=path,
    )


def _tables(raw: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for name, make in {**_REQUIRED_TABLES, **_OPTIONAL_TABLES}.items():
        if name in raw:
            tables[name] = to_record(make, name, raw[name], name, faults)
        elif name in _REQUIRED_TABLES:
            faults.missing(name, f"the table [{name}]")
    return tables


def _array(
    name: str, make: Callable[..., _T], raw: Mapping[str, Any], faults: Faults
) -> dict[int, _T]:
    """The records of ``[[name]]`` by their place, counted from 1; faulty ones are left out."""
    if not isinstance(raw.get(name, []), list):
        faults.add(name, raw[name], f"tables, each headed [[{name}]]")
    records = {
        index: to_record(make, name, each, f"{name}[{index}]", faults)
        for index, each in enumerate(_tables_of(name, raw), start=1)
    }
    return {index: record for index, record in records.items() if record is not None}


def _tables_of(name: str, raw: Mapping[str, Any]) -> list[Any]:
    """What stands under ``[[name]]``; nothing where it is no list."""
    listed = raw.get(name)
    return listed if isinstance(listed, list) else []


def _schedule(schedule: object, raw: Mapping[str, Any], faults: Faults) -> facts.HvSchedule | None:
    """``year_1 = [...]``, ``year_2 = [...]``; a year that is left out has no project."""
    if schedule is None:
        return None
    if not isinstance(schedule, Mapping):
        faults.add("hv_schedule", schedule, "a table with year_1, year_2 ...")
        return None
    years: dict[int, tuple[str, ...]] = {}
    for key, names in schedule.items():
        number = key.removeprefix("year_")
        if key == "grade" and isinstance(names, str):
            continue
        if not (key.startswith("year_") and number.isdecimal() and int(number) >= 1):
            faults.add(f"hv_schedule.{key}", names, "year_1, year_2 ... or a text `grade`")
        elif not isinstance(names, list):
            faults.add(f"hv_schedule.{key}", names, "a list of names of [[hv_project]]")
        else:
            years[int(number)] = tuple(map(str, names))
    projects = _tables_of("hv_project", raw)
    known = [str(each.get("name")) for each in projects if isinstance(each, Mapping)]
    _check_scheduled(years, known, faults)
    last = max(years, default=0)
    count = len(_tables_of("batch", raw))
    if last > count:
        wanted = f"a year of the {count} batches"
        faults.add(f"hv_schedule.year_{last}", last, wanted)
    return facts.HvSchedule(
        tuple(years.get(year, ()) for year in range(1, last + 1)),
        str(schedule.get("grade", "stated")),
    )


def _check_scheduled(
    years: Mapping[int, tuple[str, ...]], known: list[str], faults: Faults
) -> None:
    seen: dict[str, int] = {}
    for year, names in sorted(years.items()):
        for index, name in enumerate(names, start=1):
            where = f"hv_schedule.year_{year}[{index}]"
            if name not in known:
                _unknown(where, name, "the name of an [[hv_project]]", known, faults)
            elif name in seen:
                faults.add(where, name, f"each project once; it stands in year_{seen[name]} too")
            seen[name] = year


def _check_years(batches: Mapping[int, facts.Batch], faults: Faults) -> None:
    years: dict[int, int] = {}
    for index, batch in batches.items():
        if batch.year in years:
            faults.add(
                f"batch[{index}].year",
                batch.year,
                f"a year of its own; batch[{years[batch.year]}] has it",
            )
        years[batch.year] = index
    count = max(batches, default=0)
    if len(years) == count and sorted(years) != list(range(1, count + 1)):
        faults.add("batch, year", sorted(years), f"the years 1 to {count}, each once")


def _check_unique(table: str, names: Mapping[int, str], faults: Faults) -> None:
    seen: dict[str, int] = {}
    for index, name in names.items():
        if name in seen:
            faults.add(
                f"{table}[{index}].name", name, f"a name of its own; {table}[{seen[name]}] has it"
            )
        seen[name] = index


def _check_towns(
    batches: Mapping[int, facts.Batch],
    county: facts.CountyFacts | None,
    known: list[str],
    faults: Faults,
) -> None:
    wanted = "a township of the county, with or without its suffix"
    for index, batch in batches.items():
        for number, name in enumerate(batch.towns, start=1):
            if facts.match_town(name, known) is None:
                _unknown(f"batch[{index}].towns[{number}]", name, wanted, known, faults)
    if county is not None and county.seat and facts.match_town(county.seat, known) is None:
        _unknown("county.seat", county.seat, wanted, known, faults)


def _unknown(where: str, name: str, wanted: str, known: list[str], faults: Faults) -> None:
    """A name that nothing bears; the nearest is sought among short names of towns, too."""
    full = {facts.short_town(each): each for each in known} | {each: each for each in known}
    near = nearest_names(name, full, count=1)
    faults.add(where, name, wanted, full[near[0]] if near else ", ".join(known[:5]))


def _geography(
    raw: Mapping[str, Any], folder: Traversable, faults: Faults
) -> tuple[
    tuple[facts.Township, ...], tuple[facts.Place, ...], tuple[facts.AdminVillage, ...], list[str]
]:
    """Townships, other places, villages, and the names of all rows that are meant as townships."""
    named = raw.get("places", {"townships": "townships.csv"})
    before = len(faults.lines)
    to_record(dict, "places", named, "places", faults)
    if len(faults.lines) > before:
        return (), (), (), []
    rows = _rows(folder, named["townships"], "township", faults)
    towns, places = _townships(rows, named["townships"], faults)
    meant = [str(row.get("name")) for row in rows.values() if "administrative_villages" in row]
    default = folder.joinpath("villages.csv").is_file() and "places" not in raw
    file = "villages.csv" if default else named.get("villages")
    villages = _villages(folder, file, meant, faults) if file else ()
    return towns, places, villages, meant


def _townships(
    rows: Mapping[int, dict[str, object]], file: str, faults: Faults
) -> tuple[tuple[facts.Township, ...], tuple[facts.Place, ...]]:
    towns: list[facts.Township] = []
    places: list[facts.Place] = []
    for line, row in rows.items():
        where = f"{file} line {line}"
        if "administrative_villages" in row:
            town = to_record(facts.Township, "township", row, where, faults)
            towns += [town] if town else []
        else:
            kept = {key: cell for key, cell in row.items() if not key.startswith("population")}
            place = to_record(facts.Place, "township", kept, where, faults)
            places += [place] if place else []
    seen: dict[object, int] = {}
    for line, row in rows.items():
        twin = seen.setdefault(row.get("name", line), line)
        if twin != line:
            faults.add(f"{file} line {line}.name", row["name"], f"its own; line {twin} has it")
    if places and not (towns or faults.lines):
        faults.missing(file, "a row with a number of administrative_villages: a township")
    return tuple(towns), tuple(places)


def _villages(
    folder: Traversable, file: str, towns: list[str], faults: Faults
) -> tuple[facts.AdminVillage, ...]:
    villages = []
    seen: dict[tuple[str, str], int] = {}
    homeless: dict[str, list[int]] = {}
    for line, row in _rows(folder, file, "village", faults).items():
        where = f"{file} line {line}"
        village = to_record(facts.AdminVillage, "village", row, where, faults)
        if village is None:
            continue
        if towns and village.town not in towns:
            homeless.setdefault(village.town, []).append(line)
        twin = seen.setdefault((village.town, village.name), line)
        if twin != line:
            wanted = f"a name of its own in {village.town}; line {twin} has it"
            faults.add(f"{where}.administrative_village", village.name, wanted)
        villages.append(village)
    for town, lines in homeless.items():
        others = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        where = f"{file} line {lines[0]}{others}.town"
        _unknown(where, town, "a township of the plan", towns, faults)
    return tuple(villages)


def _rows(
    folder: Traversable, file: str, table: str, faults: Faults
) -> dict[int, dict[str, object]]:
    """Rows of a CSV by their line; numbers converted, empty cells left out."""
    source = folder.joinpath(file)
    if not source.is_file():
        faults.missing(file, f"a CSV file of the {table}s beside the plan")
        return {}
    reader = csv.DictReader(io.StringIO(_text(source, str(source))))
    fields = {item.key: item for item in list_fields(table)}
    columns = list(reader.fieldnames or ())
    check_keys(dict.fromkeys(columns), list(fields), f"{file} line 1", faults)
    lacking = [key for key, item in fields.items() if item.required and key not in columns]
    if lacking:
        faults.missing(f"{file} line 1", f"a column for each of {', '.join(lacking)}")
        return {}
    rows = {}
    for row in reader:
        if None in row:
            extra = ", ".join(row.pop(None))
            faults.add(f"{file} line {reader.line_num}", extra, "no more cells than columns")
        rows[reader.line_num] = {
            key: _cell(cell, fields[key].type)
            for key, cell in row.items()
            if key in fields and cell not in (None, "")
        }
    if not rows:
        faults.missing(file, f"a row for each {table}")
    return rows


def _cell(text: str, kind: str) -> object:
    """A number where the field wants one and the text is one; else the text, to be refused."""
    if kind == "text":
        return text
    try:
        value = float(text)
    except ValueError:
        return text
    return value
