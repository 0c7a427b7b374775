"""Which phase each household hangs on, before and after the works.

The households of a service point share up to three meter boxes, and a box hangs on one phase: so
rows stay few, and a village is as uneven as its boxes are dealt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.synthesis.draft import exact_shares
from ruralgrid.county.synthesis.settlement import LOW_VOLTAGE, THREE_PHASE

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.county.synthesis.draft import Streams

__all__ = ["circuit_wires", "meter_boxes", "phases_after", "phases_before"]

Texts = NDArray[np.str_]

PHASES = np.array(["a", "b", "c"])


def circuit_wires(villages: pd.DataFrame, hubs: pd.DataFrame, points: pd.DataFrame) -> Texts:
    """Wires of each section before the works: two in a three-phase village, else four.

    The circuits of a village's first hub take the phases in turn; those of a further hub hang on
    the one phase of its link.
    """
    row = points["hub"].to_numpy()
    plan_class = villages["plan_class"].to_numpy()[hubs["village"].to_numpy()[row]]
    number = hubs["number"].to_numpy()[row]
    turn = np.where(number == 1, points["circuit"].to_numpy(), number - 1)
    two_wire = np.array(["an", "bn", "cn"])[turn % 3]
    return np.where(plan_class == THREE_PHASE, two_wire, "abcn")


def meter_boxes(points: pd.DataFrame) -> pd.DataFrame:
    """The boxes of all points with households: point (row of `points`), name, count.

    As many as households, at most three, as even as they can be.
    """
    own = np.flatnonzero(points["households"].to_numpy() > 0)
    households = points["households"].to_numpy()[own]
    boxes = np.minimum(households, 3)
    point = np.repeat(own, boxes)
    number = np.arange(len(point)) - np.repeat(np.cumsum(boxes) - boxes, boxes)
    whole, rest = np.divmod(np.repeat(households, boxes), np.repeat(boxes, boxes))
    names = points["name"].to_numpy()[point]
    return pd.DataFrame(
        {
            "point": point,
            "name": [f"{name}居民{k + 1}" for name, k in zip(names, number, strict=True)],
            "count": whole + (number < rest),
        }
    )


def phases_before(
    villages: pd.DataFrame,
    hubs: pd.DataFrame,
    points: pd.DataFrame,
    boxes: pd.DataFrame,
    assumptions: Assumptions,
    streams: Streams,
) -> Texts:
    """The phase of each box before the works.

    On a two-wire circuit the one that it carries. On four wires the shares of the phases of a hub
    follow a symmetric Dirichlet distribution (assumptions `phase_share_concentration`, and
    `phase_share_concentration_tail` in a low-voltage village): the boxes are dealt in these shares
    and in random order.
    """
    hub = points["hub"].to_numpy()[boxes["point"]]
    on_tail = (villages["plan_class"] == LOW_VOLTAGE).to_numpy()[hubs["village"].to_numpy()]
    concentration = np.where(
        on_tail,
        assumptions["phase_share_concentration_tail"],
        assumptions["phase_share_concentration"],
    )
    names = hubs["name"].to_numpy()
    phase = np.empty(len(boxes), dtype="<U1")
    for of_hub, rows in pd.Series(hub).groupby(hub, sort=True).indices.items():
        rng = streams(f"phases {names[of_hub]}")  # one hub's boxes do not move those of another
        count = exact_shares(rng.dirichlet(np.full(3, concentration[of_hub])), len(rows))
        phase[rows] = rng.permutation(np.repeat(PHASES, count))
    wires = circuit_wires(villages, hubs, points)[boxes["point"]]
    two_wire = wires != "abcn"
    phase[two_wire] = wires[two_wire].astype("<U1")
    return phase


def phases_after(points: pd.DataFrame, boxes: pd.DataFrame) -> Texts:
    """The phase of each box once its hub is rebuilt: in turn a, b, c along the circuits."""
    hub = points["hub"].to_numpy()[boxes["point"]]
    return PHASES[boxes.groupby(hub).cumcount().to_numpy() % 3]
