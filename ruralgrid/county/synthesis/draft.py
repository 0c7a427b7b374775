"""Seeded streams, exact shares, and rows that become tables."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ruralgrid.county.tables import TABLES, conform
from ruralgrid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["METRES", "Draft", "Streams", "drawn", "exact_lengths", "exact_shares"]

Floats = NDArray[np.float64]

METRES = 1e-4
"""Lengths are whole multiples of 0.1 m [km]: sums close exactly and files stay the same."""


@dataclass(frozen=True)
class Streams:
    """Random numbers by purpose: adding one draw in a room does not move the others."""

    seed: int

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(
                f"received {self.seed!r}; a whole number from 0 on is expected", "seed"
            )

    def __call__(self, purpose: str) -> np.random.Generator:
        """A generator of its own for `purpose`."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])


def exact_shares(weights: ArrayLike, total: int) -> NDArray[np.int64]:
    """Whole numbers in proportion to `weights` that add up to `total` (largest remainder)."""
    weights = np.asarray(weights, dtype=float)
    if not len(weights):
        return np.zeros(0, dtype=np.int64)
    ideal = weights / weights.sum() * total
    shares = np.floor(ideal).astype(np.int64)
    missing = int(total - shares.sum())
    order = np.argsort(-(ideal - shares), kind="stable")
    shares[order[:missing]] += 1
    return shares


def exact_lengths(weights_km: ArrayLike, total_km: float) -> Floats:
    """Lengths [km] in proportion to `weights_km` that add up to `total_km`, in steps of 0.1 m."""
    return np.asarray(exact_shares(weights_km, round(total_km / METRES)) * METRES, dtype=float)


def drawn(shares: Mapping[str, float], uniform: Floats) -> NDArray[np.str_]:
    """A choice for each number of [0, 1), as often as `shares` say."""
    edges = np.cumsum(list(shares.values())) / sum(shares.values())
    return np.array(list(shares))[np.minimum(np.searchsorted(edges, uniform), len(shares) - 1)]


@dataclass
class Draft:
    """Rows of the county's tables while it is drawn."""

    pieces: dict[str, list[pd.DataFrame]] = field(default_factory=lambda: {t: [] for t in TABLES})

    def add(self, rows_of: str, *, grade: Any, source: Any, **columns: Any) -> None:
        """Append rows to the table `rows_of`; scalars are repeated."""
        columns = {**columns, "source": source, "grade": grade}
        sized = [c for c in columns.values() if not isinstance(c, str) and np.ndim(c) > 0]
        count = len(sized[0]) if sized else 1
        full = {
            name: list(value)
            if not isinstance(value, str) and np.ndim(value) > 0
            else [value] * count
            for name, value in columns.items()
        }
        self.pieces[rows_of].append(pd.DataFrame(full))

    def edit(
        self,
        *,
        stage: int,
        table: str,
        action: str,
        names: list[str],
        fields: Sequence[Mapping[str, Any]] | None,
        project: str,
        source: str,
        grade: str,
    ) -> None:
        """Append edits; numpy numbers in `fields` become plain ones."""
        if not names:
            return
        texts = (
            [
                json.dumps({k: _plain(v) for k, v in row.items()}, ensure_ascii=False)
                for row in fields
            ]
            if fields is not None
            else [""] * len(names)
        )
        self.add(
            "edits",
            stage=[stage] * len(names),
            table=table,
            action=action,
            name=names,
            fields=texts,
            project=project,
            source=source,
            grade=grade,
        )

    def table(self, table: str) -> pd.DataFrame:
        """All rows of a table so far, conformed to its schema."""
        pieces = self.pieces[table]
        frame = pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame()
        return conform(table, frame)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return round(value, 6) if isinstance(value, float) else value
