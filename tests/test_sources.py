"""Every figure that ruralgrid brings along says where it comes from and how sure it is."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ruralgrid

DATA = Path(ruralgrid.__file__).parent / "data"
GRADES = {
    "stated",  # by the plan
    "inferred",
    "assumed",
    "measured",
    "published",  # read in a table that is named
    "derived",  # computed from others by a rule that is named
    "unverified",  # recalled: the usual figure, not read
}
TABLES = sorted(DATA.rglob("*.csv"))
# Facts of the plan carry their grades by column or by document; schemas explain, and state nothing.
WITHOUT_SOURCE = {"schema", "plans"}
ASSUMPTIONS = sorted(DATA.rglob("assumptions.toml"))
LIMITS = sorted((DATA / "limits").glob("*.toml"))


def label(path: Path) -> str:
    return path.relative_to(DATA).as_posix()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SOURCED = [path for path in TABLES if path.relative_to(DATA).parts[0] not in WITHOUT_SOURCE]
SOURCED = [path for path in SOURCED if path != DATA / "equipment" / "sources.csv"]


def test_the_tables_are_found():
    assert len(SOURCED) > 8
    assert len(ASSUMPTIONS) == 2
    assert len(LIMITS) >= 3


@pytest.mark.parametrize("path", TABLES, ids=label)
def test_a_table_is_whole(path):
    """No row with too many or too few fields, none empty, none twice."""
    rows = rows_of(path)
    assert rows
    for row in rows:
        assert None not in row, row
        assert None not in row.values(), row
        assert any(row.values())
    lines = [tuple(row.values()) for row in rows]
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("path", SOURCED, ids=label)
def test_every_row_has_a_source_and_a_grade(path):
    for row in rows_of(path):
        assert row["source"].strip(), row
        assert row["grade"] in GRADES, row


@pytest.mark.parametrize(
    "path", [path for path in SOURCED if path.parent.name == "equipment"], ids=label
)
def test_sources_of_equipment_resolve(path):
    texts = {row["id"]: row["text"] for row in rows_of(DATA / "equipment" / "sources.csv")}
    used = {row["source"] for row in rows_of(path)}
    assert used <= set(texts)
    assert all(texts[name].strip() for name in used)


def test_no_source_of_equipment_is_idle():
    used = {row["source"] for path in SOURCED for row in rows_of(path)}
    assert {row["id"] for row in rows_of(DATA / "equipment" / "sources.csv")} <= used


@pytest.mark.parametrize("path", [p for p in SOURCED if p.parent.name == "equipment"], ids=label)
def test_what_is_recalled_is_not_called_published(path):
    """A row whose source text says that it was recalled as a whole is `unverified` or derived."""
    texts = {row["id"]: row["text"] for row in rows_of(DATA / "equipment" / "sources.csv")}
    for row in rows_of(path):
        if "recalled" in row["source"]:
            assert row["grade"] not in {"published", "stated", "measured"}, row
        assert texts[row["source"]]


@pytest.mark.parametrize("path", ASSUMPTIONS, ids=label)
def test_every_assumption_has_a_unit_a_source_and_a_grade(path):
    for name, fields in tomllib.loads(path.read_text(encoding="utf-8")).items():
        assert set(fields) == {"value", "unit", "grade", "source"}, name
        assert fields["unit"], name
        assert fields["source"].strip(), name
        assert fields["grade"] in GRADES, name


def test_a_plans_own_assumptions_are_known_ones():
    known = tomllib.loads((DATA / "synthesis" / "assumptions.toml").read_text(encoding="utf-8"))
    for path in ASSUMPTIONS:
        assert set(tomllib.loads(path.read_text(encoding="utf-8"))) <= set(known)


def test_every_assumption_is_used():
    """A figure that nothing reads would be printed as if it mattered."""
    code = "".join(path.read_text(encoding="utf-8") for path in DATA.parent.rglob("*.py"))
    known = tomllib.loads((DATA / "synthesis" / "assumptions.toml").read_text(encoding="utf-8"))
    families = ("share_", "entry_voltage_")  # their names are put together where they are read
    idle = {name for name in known if f'"{name}"' not in code and not name.startswith(families)}
    assert not idle


def limits_in(document: Any) -> Iterator[dict[str, Any]]:
    """Tables of a limit set, at any depth, that hold a clause, or that should."""
    for value in document.values():
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, dict))


@pytest.mark.parametrize("path", LIMITS, ids=label)
def test_every_limit_has_a_clause_a_grade_and_its_ends(path):
    limits = list(limits_in(tomllib.loads(path.read_text(encoding="utf-8"))))
    assert limits
    for limit in limits:
        assert limit["clause"].strip(), limit
        assert limit["grade"] in GRADES, limit
        assert limit["ends"] in {"closed", "open"}, limit


@pytest.mark.parametrize("path", sorted((DATA / "schema").glob("*.csv")), ids=label)
def test_every_table_of_a_county_has_room_for_source_and_grade(path):
    assert {"source", "grade"} <= {row["column"] for row in rows_of(path)}


def test_townships_say_which_populations_were_found():
    for row in rows_of(DATA / "plans" / "ningxian" / "townships.csv"):
        if row["population"]:
            assert row["population_grade"] in {"found", "estimated"}, row
        assert float(row["position_accuracy_km"]) > 0


def test_nothing_names_a_place_of_one_machine():
    """The data and the code carry their figures themselves: no path of the workshop is in them."""
    for path in sorted(DATA.parent.rglob("*")):
        if path.suffix in {".py", ".csv", ".toml"} and "__pycache__" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert "/work/" not in text, path
            assert "/root/" not in text, path
