"""Voltages along the way to the villages that matter, before and after the works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ruralgrid.report.wires import WIRE_COLUMNS, followed_phase
from ruralgrid.units import LV_PHASE_BASE_V

if TYPE_CHECKING:
    from ruralgrid.report.staged import StagedStudy
    from ruralgrid.report.supply import SupplyTree
    from ruralgrid.studies import Study

__all__ = ["profile_data"]

_MOST: Final = 300
"""Villages; a county with more shows the lowest."""


def profile_data(staged: StagedStudy) -> dict[str, Any]:
    """For each treated or low village, at the first and at the last stage, the way to its end.

    Returns
    -------
    dict
        By village: ``before``, ``after`` (null where nothing feeds it): ``mv``, ``lv``: two lists,
        distance [km] and voltage (10 kV: kV line to line; 0.4 kV: V of a phase, distance from the
        transformer), and ``unit``, the transformer. The voltage is the lowest of the year at each
        node, each at its own hour. Wire by wire ``lv`` is all along that of one phase, ``phase``:
        the one that is judged at the end; ``others`` are the other two, null where there is no
        such wire.
    """
    names = _chosen(staged.study)
    before, after = (_ways(staged, stage, names) for stage in (staged.stages[0], staged.stages[-1]))
    return {name: {"before": before.get(name), "after": after.get(name)} for name in names}


def _chosen(study: Study) -> list[str]:
    """Treated by a batch, or low at some stage; the lowest first."""
    table = study.villages
    chosen = table[(table["batch"] > 0) | (table["status"] == "low")]
    lowest = chosen.groupby("village")["v_min_v"].min().sort_values(kind="stable")
    return [str(name) for name in lowest.index[:_MOST]]


def _ways(staged: StagedStudy, stage: int, names: list[str]) -> dict[str, Any]:
    study, tree = staged.study, staged.tree(stage)
    nodes = study.nodes[study.nodes["stage"] == stage].set_index("name")
    villages = study.villages[study.villages["stage"] == stage].set_index("village")
    ends = villages["worst_node"].reindex(names)
    ways = {}
    for name, end in ends.items():
        way = tree.way_to(end) if isinstance(end, str) else []
        if way and end in tree.area:
            ways[str(name)] = _way(tree, nodes.loc[way])
    return ways


def _way(tree: SupplyTree, nodes: pd.DataFrame) -> dict[str, Any]:
    at_lv = [name in tree.area for name in nodes.index]
    mv, lv = nodes[[not low for low in at_lv]], nodes[at_lv]
    kv = mv["vm_min_pu"] * mv["vn_kv"]
    phase = followed_phase(lv)
    volts = {name: _volts(lv, column) for name, column in WIRE_COLUMNS.items() if phase}
    return {
        "unit": tree.area[lv.index[-1]],
        "mv": [[round(tree.distance_km[n], 3) for n in mv.index], kv.round(3).tolist()],
        "lv": [
            [round(tree.area_km[n], 3) for n in lv.index],
            volts.pop(phase, None) or _volts(lv, "vm_min_pu"),
        ],
        "phase": phase,
        "others": list(volts.values()),
    }


def _volts(nodes: pd.DataFrame, column: str) -> list[float | None]:
    """Volts of a phase at each node; None where there is no such wire."""
    volts = (nodes[column] * LV_PHASE_BASE_V * nodes["vn_kv"] / 0.4).round(1)
    return [None if volt != volt else volt for volt in volts.tolist()]
