"""Which phase each service point hangs on, before and after the works.

The households of a service point share one meter box, and the box one phase: so their number does
not grow into thousands of rows, and a village is as uneven as its boxes are dealt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.synthesis.draft import exact_shares
from ruralgrid.county.synthesis.settlement import THREE_PHASE

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.county.synthesis.draft import Streams

__all__ = ["balanced_phases", "circuit_wires", "point_phases"]

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


def point_phases(
    villages: pd.DataFrame,
    hubs: pd.DataFrame,
    points: pd.DataFrame,
    assumptions: Assumptions,
    streams: Streams,
) -> Texts:
    """The phase of each service point before the works.

    On a two-wire circuit the one that it carries. On four wires the shares of the phases of a hub
    follow a symmetric Dirichlet distribution (assumption `phase_share_concentration`): the boxes
    are dealt in these shares and in random order.
    """
    wires = circuit_wires(villages, hubs, points)
    rng = streams("phases")
    concentration = assumptions["phase_share_concentration"]
    phase = np.empty(len(points), dtype="<U1")
    for rows in points.groupby("hub", sort=True).indices.values():
        count = exact_shares(rng.dirichlet(np.full(3, concentration)), len(rows))
        phase[rows] = rng.permutation(np.repeat(PHASES, count))
    two_wire = wires != "abcn"
    phase[two_wire] = wires[two_wire].astype("<U1")
    return phase


def balanced_phases(points: pd.DataFrame) -> Texts:
    """The phase of each service point once its hub is rebuilt: the boxes in turn a, b, c."""
    return PHASES[points.groupby("hub").cumcount().to_numpy() % 3]
