"""Heavily loaded and overloaded transformers and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from ruralgrid.assess.tables import SolutionTables, by_name
from ruralgrid.findings import Finding, Findings

if TYPE_CHECKING:
    from ruralgrid.limits import LimitSet

__all__ = ["LOADING_CLASSES", "loading_findings", "loading_table"]

LOADING_CLASSES: Final = ("overload", "heavy", "normal", "unsupplied", "out_of_service", "failed")

_RULE_OF: Final = {"transformer": "transformer", "transformer3w": "transformer", "line": "line"}


def loading_table(solution: SolutionTables, limits: LimitSet) -> pd.DataFrame:
    """The highest loading of every transformer and line, and its class.

    `overload` above the overload limit, `heavy` above the heavy one (exactly on a closed limit is
    still the class below), else `normal`; without figure `unsupplied`, `out_of_service`, `failed`.
    The highest hourly mean is judged; the 2 h that State Grid's definition asks for are not.

    Returns
    -------
    pandas.DataFrame
        `element` (`transformer`, `transformer3w`, `line`), `name, loading_max_percent,
        loading_max_hour, loading_class`, the most loaded first.
    """
    columns = ("loading_max_percent", "loading_max_hour", "status")
    frames = {
        "transformer": solution.transformers,
        "transformer3w": solution.transformers3w,
        "line": solution.lines,
    }
    pieces = []
    for element, frame in frames.items():
        if frame.empty:
            continue
        named = by_name(frame, f"solution.{element}", columns)[list(columns)].reset_index()
        named.insert(0, "element", element)
        named["loading_class"] = _classes(named, _RULE_OF[element], limits)
        pieces.append(named.drop(columns="status"))
    if not pieces:
        names = ["element", "name", *columns[:2], "loading_class"]
        return pd.DataFrame({name: pd.Series(dtype=object) for name in names})
    table = pd.concat(pieces, ignore_index=True)
    order = ["loading_max_percent", "element", "name"]
    return table.sort_values(order, ascending=[False, True, True], ignore_index=True)


def _classes(frame: pd.DataFrame, rule: str, limits: LimitSet) -> np.ndarray:
    loading, status = frame["loading_max_percent"], frame["status"]
    has_figure = (status == "solved") & loading.notna()
    return np.select(
        [
            status == "unsupplied",
            status == "out_of_service",
            ~has_figure,
            limits.limit(f"{rule}_overload").is_exceeded(loading),
            limits.limit(f"{rule}_heavy").is_exceeded(loading),
        ],
        ["unsupplied", "out_of_service", "failed", "overload", "heavy"],
        default="normal",
    )


def loading_findings(loading: pd.DataFrame, limits: LimitSet) -> Findings:
    """A finding for every row of `loading_table` that is `overload` or `heavy`.

    Codes: `transformer-overload`, `transformer-heavy`, `line-overload`, `line-heavy`.
    """
    items = []
    for row in loading[loading["loading_class"].isin(["overload", "heavy"])].to_dict("records"):
        rule = _RULE_OF[row["element"]]
        limit = limits.limit(f"{rule}_{row['loading_class']}")
        value = float(row["loading_max_percent"])
        items.append(
            Finding(
                f"{rule}-{row['loading_class']}",
                str(row["name"]),
                f"{value:.1f} % in hour {row['loading_max_hour']:g}, limit {limit.value:g} %",
                value=value,
                limit=limit.value,
                unit="%",
                clause=limit.clause,
            )
        )
    return Findings(items)
