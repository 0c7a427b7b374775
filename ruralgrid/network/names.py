"""Unique names for the elements of any pandapower net."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["bus_labels", "labels"]


def labels(net: pandapowerNet, table: str) -> pd.Series:
    """A unique name for every row of a table: its own, else with its index behind it."""
    frame = net[table]
    names = frame["name"] if "name" in frame else pd.Series("", index=frame.index, dtype=object)
    names = names.map(lambda name: "" if pd.isna(name) else str(name).strip())
    unclear = (names == "") | names.duplicated(keep=False)
    numbered = names.where(names != "", table) + " #" + frame.index.astype(str)
    return names.where(~unclear, numbered).astype(object)


def bus_labels(net: pandapowerNet) -> pd.Series:
    """A unique name for every bus, by its index."""
    return labels(net, "bus")
