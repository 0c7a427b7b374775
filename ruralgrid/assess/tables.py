"""What assess reads: the few tables of a county and of a solution, joined by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import pandas as pd

from ruralgrid.errors import InputError, UnknownNameError

__all__ = ["CountyTables", "SolutionTables", "by_name", "looked_up"]


class CountyTables(Protocol):
    """The tables of a county that assess reads; see `ruralgrid/data/schema/*.csv`."""

    @property
    def nodes(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def sections(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def transformers(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def consumers(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def villages(self) -> pd.DataFrame: ...  # noqa: D102


class SolutionTables(Protocol):
    """The frames of a year's, or of an hour's, solution that assess reads; each has a `name`."""

    @property
    def buses(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def lines(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def transformers(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def transformers3w(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def loads(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def sources(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def static_generators(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def phases(self) -> pd.DataFrame | None: ...  # noqa: D102
    @property
    def balance(self) -> pd.Series: ...  # noqa: D102


def by_name(frame: pd.DataFrame, table: str, columns: Iterable[str] = ()) -> pd.DataFrame:
    """`frame` indexed by its unique `name`.

    Raises
    ------
    InputError
        If `name` or one of `columns` is absent, or a name stands twice.
    """
    for column in ("name", *columns):
        if column not in frame.columns:
            have = ", ".join(map(str, frame.columns))
            raise InputError(f"column {column!r} is expected; there are {have}", table)
    twice = frame["name"][frame["name"].duplicated()]
    if len(twice):
        raise InputError(f"the name {twice.iloc[0]!r} stands twice; names are unique", table)
    return frame.set_index("name")


def looked_up(names: pd.Series, values: pd.Series, kind: str, where: str) -> pd.Series:
    """The value of each name, in the order and with the index of `names`.

    Raises
    ------
    UnknownNameError
        If a name has no value.
    """
    unknown = names[~names.isin(values.index)]
    if len(unknown):
        raise UnknownNameError(kind, unknown.iloc[0], map(str, values.index), where=where)
    return pd.Series(values.reindex(names).to_numpy(), index=names.index)
