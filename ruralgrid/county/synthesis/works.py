"""The batches: what each one builds at 10 kV and 0.4 kV, as edits whose sums are the plan's.

Of the 10 kV kilometres a part are spurs to the new transformers; the larger rest is trunk rebuilt
in a larger section, and ties between feeders. The plan states only the sum: the division is
assumed and reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.errors import InputError

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.county.synthesis.medium_voltage import Trees
    from ruralgrid.plan import Batch

__all__ = ["TrunkWorks", "deal_transformers", "plan_trunk"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def deal_transformers(households: Ints, low_voltage: NDArray[np.bool_], transformers: int) -> Ints:
    """New transformers of a batch for each of its villages: one each, then where most live.

    Where there are fewer transformers than villages, the low-voltage villages come first. A further
    one goes to the village with the most households for each transformer that it has (a
    three-phase village has one already).
    """
    order = np.lexsort((-households, ~low_voltage))
    dealt = np.zeros(len(households), dtype=np.int64)
    dealt[order[:transformers]] = 1
    for _ in range(transformers - int(dealt.sum())):
        standing = dealt + np.where(low_voltage, 0, 1)
        dealt[int(np.argmax(households / standing))] += 1
    return dealt


@dataclass(frozen=True)
class TrunkWorks:
    """What is left of a batch's 10 kV kilometres after the spurs.

    Parameters
    ----------
    rebuilt : array of int
        Villages whose section (from their parent) is rebuilt.
    ties : list of (int, int)
        Pairs of villages joined by a new, normally open section.
    tie_km : array
        Their lengths.
    """

    rebuilt: Ints
    ties: list[tuple[int, int]]
    tie_km: Floats


def plan_trunk(
    batch: Batch,
    budget_km: float,
    villages: pd.DataFrame,
    trees: Trees,
    section_km: Floats,
    done: set[int],
    tied: set[frozenset[int]],
    cut: set[int],
    assumptions: Assumptions,
    towns: list[str],
) -> TrunkWorks:
    """Trunk and ties that use up `budget_km` exactly.

    Ties join the nearest ends of two feeders, one of them in a town of the batch, across a township
    border first. The trunk is rebuilt from the station outwards, the sections that feed most
    households first, on the feeders that reach the batch's towns. What does not make a whole
    section is added to the ties' way.

    Raises
    ------
    InputError
        If the feeders of the batch's towns are shorter than the works, or its spurs longer.
    """
    where = f"batch[{batch.year}], length_10kv_km"
    wanted = assumptions["tie_share_percent"] / 100 * batch.length_10kv_km
    ties, tie_km = _choose_ties(wanted, villages, tied, assumptions["detour_10kv"], towns)
    left = budget_km - tie_km.sum()
    if left < 0:
        raise InputError(
            f"{batch.length_10kv_km:g} km of 10 kV works are {-left:.1f} km less than the spurs to "
            "the new transformers, the outlets of new stations and one tie take",
            where,
        )
    feeders = villages.loc[villages["town"].isin(towns), "feeder_id"].unique()
    below = trees.below(villages["households"].to_numpy(dtype=float))
    here = villages["feeder_id"].isin(feeders).to_numpy()
    candidates = [k for k in np.argsort(-below, kind="stable") if here[k] and k not in done | cut]
    rebuilt = []
    for village in candidates:
        if section_km[village] <= left:
            rebuilt.append(village)
            left -= section_km[village]
    if left > 0.35 * tie_km.sum() + 1e-9:
        raise InputError(
            f"{batch.length_10kv_km:g} km of 10 kV works, {left:.1f} km more than the feeders of "
            f"{', '.join(towns)} have to rebuild",
            where,
        )
    done.update(rebuilt)
    tied.update(frozenset(pair) for pair in ties)
    return TrunkWorks(
        np.array(rebuilt, dtype=np.int64), ties, tie_km * (1 + left / max(tie_km.sum(), 1e-12))
    )


def _choose_ties(
    wanted_km: float,
    villages: pd.DataFrame,
    tied: set[frozenset[int]],
    detour: float,
    towns: list[str],
) -> tuple[list[tuple[int, int]], Floats]:
    points = villages[["x", "y"]].to_numpy()
    feeder, town = villages["feeder_id"].to_numpy(), villages["town"].to_numpy()
    fed = villages["plan_class"].to_numpy() != "low_voltage"
    own = np.flatnonzero(np.isin(town, towns) & fed)
    gap = np.hypot(*(points[own, None] - points[None]).transpose(2, 0, 1))
    gap[(feeder[own, None] == feeder[None]) | ~fed[None] | (gap < 0.3)] = np.inf
    gap += np.where(town[own, None] == town[None], 2.0, 0.0)  # across a border first
    joined = {frozenset((feeder[a], feeder[b])) for a, b in (tuple(pair) for pair in tied)}
    pairs: list[tuple[int, int]] = []
    lengths: list[float] = []
    for flat in _nearest_first(gap.ravel()):
        a, b = own[flat // gap.shape[1]], flat % gap.shape[1]
        length = float(np.hypot(*(points[a] - points[b]))) * detour
        if not np.isfinite(gap.flat[flat]) or (pairs and sum(lengths) + length > wanted_km):
            break
        if frozenset((feeder[a], feeder[b])) not in joined:
            joined.add(frozenset((feeder[a], feeder[b])))
            pairs.append((int(a), int(b)))
            lengths.append(length)
    return pairs, np.array(lengths)


def _nearest_first(gaps: Floats) -> Iterator[int]:
    """Positions of the gaps, the smallest first; of equal ones the first, those that are none last.

    They are sorted piece by piece: of a million pairs the nearest few hundred are asked for.
    """
    begin, end = 0, 512
    while begin < len(gaps):
        end = min(end, len(gaps))
        least = np.partition(gaps, end - 1)[end - 1]
        near = np.flatnonzero(gaps <= least)
        if np.isnan(least):  # none but the last ones are left
            near = np.arange(len(gaps))
        ordered = near[np.argsort(gaps[near], kind="stable")]
        yield from ordered[begin:].tolist()
        begin, end = len(ordered), 8 * max(end, len(ordered))
