"""What is assumed where a plan is silent: named figures with unit, grade and source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.county.vocabulary import GRADES
from ruralgrid.errors import InputError, UnknownNameError, nearest_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["Assumption", "Assumptions", "Ladder", "read_assumptions"]


@dataclass(frozen=True, slots=True)
class Assumption:
    """One assumed figure."""

    value: float | str
    unit: str
    grade: str
    source: str


class Ladder:
    """A choice for every size: the last one whose least size is not above it."""

    def __init__(self, name: str, pairs: list[tuple[float, str]]) -> None:
        self.steps = sorted(pairs)
        if self.steps[0][0] != 0:
            raise InputError("a choice from 0 on is expected", f"assumption {name}")

    def at(self, size: float) -> str:
        """The choice for a size."""
        return next(choice for least, choice in reversed(self.steps) if max(size, 0.0) >= least)

    @property
    def choices(self) -> list[str]:
        """All choices, smallest size first."""
        return [choice for _, choice in self.steps]


@dataclass(frozen=True)
class Assumptions:
    """A set of assumptions, read as ``assumptions["kva_per_household"]``."""

    items: Mapping[str, Assumption]

    def _get(self, name: str) -> Assumption:
        if name not in self.items:
            raise UnknownNameError("assumption", name, self.items)
        return self.items[name]

    def __getitem__(self, name: str) -> float:
        value = self._get(name).value
        if isinstance(value, str):
            raise InputError(f"{value!r} is a text, a number is asked for", f"assumption {name}")
        return float(value)

    def text(self, name: str) -> str:
        """An assumption that is a name: a conductor, a series of transformers."""
        return str(self._get(name).value)

    def ladder(self, name: str) -> Ladder:
        """Choices by size, written ``LGJ-35/6 from 0, LGJ-50/8 from 300``.

        Raises
        ------
        InputError
            If the text is not of this form, or nothing holds from 0 on.
        """
        return Ladder(name, self._pairs(name, " from "))

    def shares(self, name: str) -> dict[str, float]:
        """Choices by how often they are met, written ``LGJ-25/4 0.5, LGJ-35/6 0.5``."""
        return {choice: share for share, choice in self._pairs(name, " ")}

    def _pairs(self, name: str, between: str) -> list[tuple[float, str]]:
        pairs = []
        for part in self.text(name).split(","):
            choice, _, number = part.strip().rpartition(between)
            try:
                pairs.append((float(number), choice.strip()))
            except ValueError:
                choice = ""
            if not choice:
                expected = f"'name{between}number, name{between}number' is expected"
                raise InputError(f"{part.strip()!r}: {expected}", f"assumption {name}")
        return pairs

    def replace(self, values: Mapping[str, float | str]) -> Assumptions:
        """A copy with other values; their grade becomes `assumed`, set by the caller.

        Raises
        ------
        UnknownNameError
            If a name is not among the assumptions; the message names the nearest.
        """
        changed = {
            name: replace(self._get(name), value=value, grade="assumed", source="set by the caller")
            for name, value in values.items()
        }
        return Assumptions({**self.items, **changed})

    def to_frame(self) -> pd.DataFrame:
        """Columns parameter, value, unit, grade, source."""
        import pandas as pd

        rows = [(k, v.value, v.unit, v.grade, v.source) for k, v in self.items.items()]
        return pd.DataFrame(rows, columns=["parameter", "value", "unit", "grade", "source"])


def read_assumptions(*own: str | Path) -> Assumptions:
    """The packaged assumptions, overruled by those of TOML files; the last file wins.

    Raises
    ------
    InputError
        If a file cannot be read, a name is unknown, a value is a text in a number's place or the
        reverse, a unit is not that of the packaged one, or a grade none of those that there are.
    """
    resource = files("ruralgrid.data") / "synthesis" / "assumptions.toml"
    items = _parsed(resource.read_text(encoding="utf-8"), str(resource.name))
    for path in own:
        changed = _parsed(_text(Path(path)), str(path))
        for name, assumption in changed.items():
            if name not in items:
                raise UnknownNameError("assumption", name, items, where=str(path))
            _require_like(assumption, items[name], f"{path}, [{name}]")
        items = {**items, **changed}
    return Assumptions(items)


def _require_like(own: Assumption, packaged: Assumption, where: str) -> None:
    """Raise InputError unless value, unit and grade are of the kind that is expected there."""
    if isinstance(own.value, str) != isinstance(packaged.value, str):
        wanted = "a text" if isinstance(packaged.value, str) else "a number"
        raise InputError(f"received {own.value!r}; {wanted} is expected", f"{where} value")
    if own.unit != packaged.unit:
        message = f"received {own.unit!r}; {packaged.unit!r} is expected, and a value in it"
        raise InputError(message, f"{where} unit")
    if own.grade not in GRADES:
        near = nearest_names(str(own.grade), GRADES, count=1)
        nearest = f"; the nearest: {near[0]}" if near else ""
        message = f"received {own.grade!r}; one of {', '.join(GRADES)} is expected{nearest}"
        raise InputError(message, f"{where} grade")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8; save the file as UTF-8, it may be GBK", str(path)) from error
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", str(path)) from error


def _parsed(text: str, where: str) -> dict[str, Assumption]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not a valid TOML file: {error}", where) from error
    return {name: _assumption(table, f"{where}, [{name}]") for name, table in tables.items()}


def _assumption(table: object, where: str) -> Assumption:
    known = [each.name for each in fields(Assumption)]
    if not isinstance(table, dict):
        message = f"received {table!r}; a table of {', '.join(known)} is expected"
        raise InputError(message, where)
    for key in table:
        if key not in known:
            raise UnknownNameError("field", key, known, where)
    for key in known:
        if key not in table:
            raise InputError(f"{key} is missing; value, unit, grade and source are expected", where)
    value = table["value"]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InputError(f"received {value!r}; a number or a text is expected", f"{where} value")
    return Assumption(**table)
