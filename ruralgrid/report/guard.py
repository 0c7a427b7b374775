"""What the guard leaves behind: a baseline, JUnit XML for CI, JSON for machines, a table."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

import pandas as pd

from ruralgrid.assess import VIOLATION_KEY
from ruralgrid.errors import InputError
from ruralgrid.files import write_text

if TYPE_CHECKING:
    from ruralgrid.studies.guard import VoltageCheck

__all__ = [
    "FAILING",
    "check_as_json",
    "describe_violation",
    "junit_xml",
    "read_baseline",
    "village_table",
    "write_baseline",
]

FAILING: Final = ("new", "worse")
"""States of a violation that fail a check."""

_FORMAT: Final = "ruralgrid voltage baseline, version 1"
_LARGEST_BYTES: Final = 200_000_000
_COLUMNS: Final = (*VIOLATION_KEY, "value", "limit", "unit", "hours")
_TEXTS: Final = (*VIOLATION_KEY, "unit")
_WORDS: Final = {
    "low": "below",
    "high": "above",
    "deviation_sum": "sum of deviations above",
}
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def describe_violation(row: dict[Any, Any]) -> str:
    """One violation in words: village, node, phase, value, limit with clause, hours."""
    place = " ".join(filter(None, (str(row["village"]), str(row["node"]))))
    phases = f" (phase {row['phases']})" if row.get("phases") else ""
    if row["kind"] == "unsupplied":
        return f"{place}{phases}: without supply"
    text = (
        f"{place}{phases}: {row['value']:.1f} {row['unit']}, {_WORDS[row['kind']]} "
        f"{row['limit']:.1f} {row['unit']} ({row['clause']})"
    )
    if not math.isnan(row["hours"]):
        text += f", {row['hours']:g} h"
    if not pd.isna(row["first_hour"]):
        text += f", first in hour {row['first_hour']}"
    if not pd.isna(row["worst_hour"]):
        text += f", worst in hour {row['worst_hour']}"
    return text


def village_table(violations: pd.DataFrame) -> pd.DataFrame:
    """A row per state, village and kind: how many nodes, and the worst of them, worst first.

    `violations` is what `compared_violations` gives, or `voltage_violations` (without `state`).
    """
    if "state" not in violations:
        violations = violations.assign(state="new")
    groups = violations.groupby(["state", "village", "kind"], sort=False)
    worst = groups.head(1).reset_index(drop=True)
    counts = groups.size().reset_index(drop=True).rename("nodes")
    columns = ["state", "village", "kind", "node", "phases", "value", "limit", "unit"]
    rest = ["hours", "first_hour", "worst_hour", "clause"]
    table = worst[columns].join(counts)[[*columns[:3], "nodes", *columns[3:]]]
    return table.join(worst[rest])


def write_baseline(check: VoltageCheck, path: str | Path) -> Path:
    """Write the violations that are known, a line each, so that a change of them can be read.

    An older file stays whole until the new one is.
    """
    rows = check.violations[list(_COLUMNS)].sort_values(list(VIOLATION_KEY), kind="stable")
    lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in _records(rows))
    head = json.dumps({"format": _FORMAT, **_facts(check)}, ensure_ascii=False, indent=1)
    listed = f"[\n{lines}\n ]" if lines else "[]"
    write_text(Path(path), f'{head[:-2]},\n "violations": {listed}\n}}\n')
    return Path(path)


def _facts(check: VoltageCheck) -> dict[str, Any]:
    return {
        "county": check.name,
        "stage": check.stage,
        "hours": check.hours,
        "phases": "balanced" if check.areas is None else "four-wire",
        "limits": check.limits.name,
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: what is not a number is null, figures to three digits behind the point."""
    plain = table.round({"value": 3, "limit": 3, "hours": 3})
    return list(json.loads(plain.to_json(orient="records", force_ascii=False, double_precision=6)))


def read_baseline(path: str | Path, check: VoltageCheck | None = None) -> pd.DataFrame:
    """The violations of a baseline: `village, node, kind, value, limit, unit, hours`.

    Parameters
    ----------
    path : str or Path
        Written by `write_baseline`.
    check : VoltageCheck, optional
        What it is to be compared with: county, stage, limits, and the choice of hours and phases
        must be the same.

    Raises
    ------
    InputError
        The file cannot be read, is no baseline, or is of another check.
    """
    where = str(path)
    data = _json(Path(path))
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise InputError(f"not a baseline; its 'format' must be {_FORMAT!r}", where)
    if check is not None:
        for field in _facts(check):
            if data.get(field) != _facts(check)[field]:
                raise InputError(
                    f"the baseline is of {field} {data.get(field)!r}, the check of "
                    f"{_facts(check)[field]!r}; write a new one with --update-baseline",
                    where,
                )
    rows = data.get("violations")
    if not isinstance(rows, list):
        raise InputError("a list 'violations' is expected", where)
    for number, row in enumerate(rows, 1):
        _check_row(row, f"{where}, violation {number}")
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table = table.astype(dict.fromkeys(("value", "limit", "hours"), "float64"))
    twice = table.duplicated(list(VIOLATION_KEY))
    if twice.any():
        row = table[twice].iloc[0]
        raise InputError(f"{row['kind']} at {row['node']!r} stands twice", where)
    return table


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError(f"larger than {_LARGEST_BYTES:,} bytes", str(path))
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        made = "ruralgrid check --baseline FILE --update-baseline makes one"
        raise InputError(f"there is no such baseline; {made}", str(path)) from error
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot be read as JSON: {error}", str(path)) from error


def _check_row(row: Any, where: str) -> None:
    if not isinstance(row, dict) or set(row) != set(_COLUMNS):
        raise InputError(f"the fields {', '.join(_COLUMNS)} are expected, got {row!r}", where)
    for name in _COLUMNS:
        value = row[name]
        if name in _TEXTS and not isinstance(value, str):
            raise InputError(f"text is expected, got {value!r}", f"{where}, {name}")
        if name not in _TEXTS and not _is_number(value):
            raise InputError(f"a number or null is expected, got {value!r}", f"{where}, {name}")


def _is_number(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_as_json(check: VoltageCheck, compared: pd.DataFrame, gone: pd.DataFrame) -> str:
    """The whole check as JSON: facts, every violation with its state, what is gone."""
    failing = int(compared["state"].isin(FAILING).sum())
    data = {
        **_facts(check),
        "points": len(check.points),
        "failing": failing,
        "violations": _records(compared),
        "gone": _records(gone),
    }
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def junit_xml(check: VoltageCheck, compared: pd.DataFrame) -> str:
    """JUnit XML: a test case per village, failed where a violation is new or worse.

    Known violations stand in the system-out of their village.
    """
    villages = sorted(set(check.points["village"]))
    by_village = dict(list(compared.groupby("village")))
    suite_name = f"{check.name}, stage {check.stage}, {check.limits.name}"
    failures = compared.loc[compared["state"].isin(FAILING), "village"].nunique()
    counts = {"tests": str(len(villages)), "failures": str(failures), "errors": "0"}
    root = ElementTree.Element("testsuites", {"name": "ruralgrid check", **counts})
    facts = {"name": _xml(suite_name), **counts, "skipped": "0", "time": "0"}
    suite = ElementTree.SubElement(root, "testsuite", facts)
    for village in villages:
        rows = by_village.get(village, compared.iloc[:0])
        name = _xml(village or "(no village)")
        case = ElementTree.SubElement(
            suite, "testcase", {"name": name, "classname": _xml(check.name), "time": "0"}
        )
        _fill_case(case, rows)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, "unicode")}\n'


def _fill_case(case: ElementTree.Element, rows: pd.DataFrame) -> None:
    failing = rows[rows["state"].isin(FAILING)].to_dict("records")
    known = rows[~rows["state"].isin(FAILING)].to_dict("records")
    if failing:
        message = f"{len(failing)} violations, worst: {describe_violation(failing[0])}"
        failure = ElementTree.SubElement(
            case, "failure", {"message": _xml(message), "type": str(failing[0]["kind"])}
        )
        failure.text = _xml("\n".join(f"{r['state']}: {describe_violation(r)}" for r in failing))
    if known:
        out = ElementTree.SubElement(case, "system-out")
        out.text = _xml("\n".join(f"{r['state']}: {describe_violation(r)}" for r in known))


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold, not even escaped."""
    return _NOT_XML.sub("?", text)
