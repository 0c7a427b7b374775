"""Stages: a county before and after each batch of works, and what a batch builds.

A batch is a set of edits. The state after batch k is the first state with all edits up to k
applied; the quantities of a batch are read off the edits, never off a log kept on the side.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING, Any

import pandas as pd

from ruralgrid.county.ratings import rated_kva
from ruralgrid.county.tables import TABLES, Column, conform, conform_column, schema
from ruralgrid.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruralgrid.county.tables import County

__all__ = ["built_by_stage", "county_at", "parse_fields"]

_ACTIONS = ("add", "change", "remove")


def county_at(county: County, stage: int) -> County:
    """The county after batch `stage`: all edits up to it applied to a copy.

    Within one stage a row is touched once, so the order of the edits does not matter.

    Raises
    ------
    InputError
        If the stage lies before the county's own or after its last, or an edit does not fit.
    """
    if isinstance(stage, bool | float) or stage not in county.stages:
        expected = f"one of {', '.join(map(str, county.stages))}"
        raise InputError(f"stage {stage!r} is not a stage of {county.name}; {expected}", "stage")
    due = county.edits[county.edits["stage"] <= stage]
    tables = {table: getattr(county, table) for table in TABLES if table != "edits"}
    for _, edits in due.groupby("stage", sort=True):
        for table, of_table in edits.groupby("table", sort=False):
            if table not in tables:
                raise UnknownNameError("table", table, tables, where="edits, table")
            tables[table] = _apply(str(table), tables[table], of_table)
    later = (county.edits["stage"] > stage).to_numpy(dtype=bool)
    rest = county.edits[later].reset_index(drop=True)
    places = tuple(compress(county.edit_places, later))
    return replace(county, stage=stage, edits=rest, edit_places=places, **tables)


def _apply(table: str, frame: pd.DataFrame, edits: pd.DataFrame) -> pd.DataFrame:
    where = f"edits of {table}"
    unknown = set(edits["action"]) - set(_ACTIONS)
    if unknown:
        raise UnknownNameError("action", sorted(unknown)[0], _ACTIONS, where=where)
    twice = edits["name"][edits["name"].duplicated()]
    if len(twice):
        raise InputError(f"{twice.iloc[0]!r} is touched twice in one stage", where)
    by_action = {action: edits[edits["action"] == action] for action in _ACTIONS}
    existing = pd.Index(frame["name"])
    gone = pd.concat([by_action["change"]["name"], by_action["remove"]["name"]])
    absent = gone[~gone.isin(existing)]
    if len(absent):
        raise UnknownNameError(f"row of {table}", absent.iloc[0], existing, where=where)
    known = by_action["add"]["name"][by_action["add"]["name"].isin(existing)]
    if len(known):
        raise InputError(f"{known.iloc[0]!r} is added but stands there already", where)
    frame = _changed(table, frame, by_action["change"])
    frame = frame[~frame["name"].isin(by_action["remove"]["name"])]
    added = _rows(table, by_action["add"])
    return (
        pd.concat([frame, added], ignore_index=True) if len(added) else frame.reset_index(drop=True)
    )


def _changed(table: str, frame: pd.DataFrame, edits: pd.DataFrame) -> pd.DataFrame:
    if edits.empty:
        return frame
    row_of = dict(zip(frame["name"], range(len(frame)), strict=True))
    by_column: dict[str, dict[int, Any]] = {}
    origins = edits[["source", "grade"]].to_dict("records")
    for name, origin, fields in zip(edits["name"], origins, _parsed(edits), strict=True):
        told = {column: text for column, text in origin.items() if text}
        for column, value in {**told, **fields}.items():
            by_column.setdefault(column, {})[row_of[name]] = value
    known = {column.name: column for column in schema(table)}
    for column in by_column:
        if column not in known:
            raise UnknownNameError("column", column, list(known), where=f"edits of {table}")
    changed = {
        name: _replaced(table, column, frame[name], by_column[name])
        for name, column in known.items()
        if name in by_column
    }
    return conform(table, frame.assign(**changed))


def _replaced(
    table: str, column: Column, values: pd.Series, changes: dict[int, Any]
) -> NDArray[Any]:
    """A column of a table with some rows changed; only the new values are of unknown types."""
    rows = sorted(changes)
    new = pd.Series([changes[row] for row in rows], dtype=object)
    replaced = conform_column(table, column, values).to_numpy(copy=True)
    replaced[rows] = conform_column(table, column, new).to_numpy()
    return replaced


def _rows(table: str, edits: pd.DataFrame) -> pd.DataFrame:
    records = [
        {"name": name, "source": source, "grade": grade, **fields}
        for name, source, grade, fields in zip(
            edits["name"], edits["source"], edits["grade"], _parsed(edits), strict=True
        )
    ]
    return conform(table, pd.DataFrame(records))


def _parsed(edits: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        parse_fields(text, f"edits, {name}, fields")
        for name, text in zip(edits["name"], edits["fields"], strict=True)
    ]


def parse_fields(text: str, where: str) -> dict[str, Any]:
    """The new values of an edit: a JSON object of column and value; nothing where `text` is empty.

    Raises
    ------
    InputError
        If it is no such object, or gives the row another name.
    """
    try:
        fields = _JSON.decode(text) if text else {}
    except (ValueError, RecursionError) as error:
        message = f"not a JSON object of column and value: {text[:200]!r}{_json_fault(error)}"
        raise InputError(f'{message}; {{"length_km": 0.4}} is one', where) from error
    if not isinstance(fields, dict):
        raise InputError(f"a JSON object is expected, got {text[:200]!r}", where)
    if "name" in fields:
        raise InputError("a row cannot be renamed; remove it and add another", where)
    return fields


def _json_fault(error: Exception) -> str:
    """What JSON lacks, and at which character."""
    if isinstance(error, json.JSONDecodeError):
        return f" ({error.msg} at character {error.pos + 1})"
    return f" ({error})" if isinstance(error, ValueError) else ""


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no value of a table")


_JSON = json.JSONDecoder(parse_constant=_refused)


def built_by_stage(county: County) -> pd.DataFrame:
    """What each batch builds, read off the edits.

    Returns
    -------
    pandas.DataFrame
        A row per stage, project and kind: `stage, project, item, kv, count, length_km, kva`. Items
        are `line` (new, or rebuilt with another conductor), `line taken down` and `transformer`.
        A rebuilt line counts with its whole length; NaN stands for the length of transformers, the
        rating of lines and of types that are not known. Works of no project are of `batch 2`.
    """
    pieces, before = [], county
    for stage in county.stages[1:]:
        after = before.at(stage)
        pieces.append(_built(before, after))
        before = after
    columns = ["stage", "project", "item", "kv", "count", "length_km", "kva"]
    if not pieces:
        return pd.DataFrame(columns=columns)
    built = pd.concat(pieces, ignore_index=True)
    return (
        built.groupby(columns[:4], sort=True, dropna=False)
        .agg(count=("name", "size"), length_km=("length_km", _sum), kva=("kva", _sum))
        .reset_index()
    )


def _sum(values: pd.Series) -> float:
    """The sum; NaN where nothing is to be summed."""
    return float(values.sum(min_count=1))


def _built(before: County, after: County) -> pd.DataFrame:
    edits = before.edits[before.edits["stage"] == after.stage]
    lines = edits[edits["table"] == "sections"].set_index("name")
    old, new = before.sections.set_index("name"), after.sections.set_index("name")
    changed = lines.index[lines["action"] == "change"]
    rebuilt = changed[
        (old.loc[changed, "conductor"] != new.loc[changed, "conductor"]).to_numpy(dtype=bool)
    ]
    added = lines.index[lines["action"] == "add"]
    removed = lines.index[lines["action"] == "remove"]
    frames = [
        _line_rows(new.loc[added.append(rebuilt)], after, "line"),
        _line_rows(old.loc[removed], before, "line taken down"),
    ]
    units = edits[(edits["table"] == "transformers") & (edits["action"] == "add")]
    kv = after.nodes.set_index("name")["kv"]
    rows = after.transformers.set_index("name").loc[units["name"]]
    frames.append(
        pd.DataFrame(
            {
                "name": rows.index,
                "item": "transformer",
                "kv": rows["hv_node"].map(kv).to_numpy(),
                "kva": rated_kva(after, rows["type"]),
            }
        )
    )
    table = pd.concat(frames, ignore_index=True).astype({"length_km": float, "kva": float})
    # in the order of the frames: a name is unique in its table alone
    projects = [*lines["project"].loc[[*added, *rebuilt, *removed]], *units["project"]]
    named = [project or f"batch {after.stage}" for project in projects]
    return table.assign(stage=after.stage, project=named)


def _line_rows(sections: pd.DataFrame, county: County, item: str) -> pd.DataFrame:
    kv = county.nodes.set_index("name")["kv"]
    return pd.DataFrame(
        {
            "name": sections.index,
            "item": item,
            "kv": sections["from_node"].map(kv).to_numpy(dtype=float),
            "length_km": sections["length_km"].to_numpy(),
        }
    )
