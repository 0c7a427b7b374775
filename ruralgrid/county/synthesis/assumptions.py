"""What is assumed where a plan is silent: named figures with unit, grade and source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["Assumption", "Assumptions", "read_assumptions"]


@dataclass(frozen=True, slots=True)
class Assumption:
    """One assumed figure."""

    value: float | str
    unit: str
    grade: str
    source: str


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
    """The packaged assumptions, overruled by those of TOML files; the last file wins."""
    resource = files("ruralgrid.data") / "synthesis" / "assumptions.toml"
    items = _parsed(resource.read_text(encoding="utf-8"), str(resource.name))
    for path in own:
        changed = _parsed(Path(path).read_text(encoding="utf-8"), str(path))
        for name in changed:
            if name not in items:
                raise UnknownNameError("assumption", name, items, where=str(path))
        items = {**items, **changed}
    return Assumptions(items)


def _parsed(text: str, where: str) -> dict[str, Assumption]:
    try:
        return {name: Assumption(**fields) for name, fields in tomllib.loads(text).items()}
    except (tomllib.TOMLDecodeError, TypeError) as error:
        message = f"{error}; tables of value, unit, grade and source are expected"
        raise InputError(message, where) from error
