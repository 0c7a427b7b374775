"""Faults of a net that pandapower meets with a bare error, or not at all: refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ruralgrid.errors import InputError, TopologyError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from pandapower.auxiliary import pandapowerNet

    BoolArray = npt.NDArray[np.bool_]

__all__ = ["check_net", "check_powers", "check_signs", "label_element"]

_BUSES: Final = {
    "shunt": ("bus",),
    "ext_grid": ("bus",),
    "line": ("from_bus", "to_bus"),
    "trafo": ("hv_bus", "lv_bus"),
    "trafo3w": ("hv_bus", "mv_bus", "lv_bus"),
    "impedance": ("from_bus", "to_bus"),
    "switch": ("bus",),
}
_SIGNED: Final = {
    "line": ("r_ohm_per_km", "x_ohm_per_km", "length_km"),
    "trafo": ("vk_percent", "vkr_percent"),
    "impedance": ("rft_pu", "xft_pu", "rtf_pu", "xtf_pu"),
}
_HIGHEST_PU: Final = 2.0  # of any voltage: what is above is of another unit, or another level


def label_element(net: pandapowerNet, table: str, index: object) -> str:
    """An element as a reader of the net knows it: ``line 7 ('Feeder 3')``."""
    name = net[table].at[index, "name"] if "name" in net[table] else None
    return f"{table} {index} ({name!r})" if isinstance(name, str) and name else f"{table} {index}"


def check_net(net: pandapowerNet) -> None:
    """Refuse what makes any load flow of `net` meaningless.

    Raises
    ------
    InputError
        An element at a bus that does not exist, a bus or a source without a voltage or at one that
        can be none, a line or a winding at a bus of another level, a transformer whose ratings
        contradict each other, an impedance, a length or a shunt that is not a number; names the
        element.
    TopologyError
        All sources stand at buses that are out of service.
    """
    for table, columns in _BUSES.items():
        for column in columns:
            _check_buses(net, table, column)
    _check_sources(net)
    _check_levels(net)
    _check_transformers(net)
    _check_impedances(net)
    shunt = net.shunt[["p_mw", "q_mvar", "step"]].astype(float)
    _refuse(net, "shunt", ~np.isfinite(shunt.to_numpy()).all(axis=1), "is not a number")


def check_powers(net: pandapowerNet, table: str) -> None:
    """Refuse loads or static generators at a bus that does not exist, or of a power unknown."""
    _check_buses(net, table, "bus")
    powers = net[table][["p_mw", "q_mvar", "scaling"]].astype(float)
    unknown = ~np.isfinite(powers.to_numpy()).all(axis=1)
    _refuse(net, table, unknown, "has a power that is not a number")


def check_signs(net: pandapowerNet) -> None:
    """Refuse negative impedances and lengths where only a slip of the pen puts them.

    A leg of a three-winding transformer may well be negative: its star is an equivalent.
    """
    for table, columns in _SIGNED.items():
        frame = net[table]
        known = [column for column in columns if column in frame]
        negative = np.any([_numbers(frame, column) < 0 for column in known], axis=0)
        _refuse(net, table, negative, "has a negative resistance, reactance or length")


def _refuse(net: pandapowerNet, table: str, bad: BoolArray, what: str) -> None:
    bad = bad & net[table]["in_service"].to_numpy(dtype=bool)
    if bad.any():
        label = label_element(net, table, net[table].index[int(np.argmax(bad))])
        raise InputError(f"{label} {what}", f"net.{table}")


def _check_buses(net: pandapowerNet, table: str, column: str) -> None:
    frame = net[table]
    missing = ~np.isin(frame[column].to_numpy(), net.bus.index.to_numpy())
    if missing.any():
        index = frame.index[int(np.argmax(missing))]
        label = label_element(net, table, index)
        raise InputError(
            f"{label} stands at bus {frame.at[index, column]}, which does not exist; the net has "
            f"{len(net.bus)} buses",
            f"net.{table}.{column}",
        )


def _check_sources(net: pandapowerNet) -> None:
    vm = net.ext_grid["vm_pu"].to_numpy(dtype=float)
    usable = np.isfinite(vm) & (vm > 0) & (vm < _HIGHEST_PU)
    for index, value in zip(net.ext_grid.index[~usable], vm[~usable], strict=True):
        if net.ext_grid.at[index, "in_service"]:
            label = label_element(net, "ext_grid", index)
            raise InputError(
                f"{label} holds {value} pu; expected a number above 0, below {_HIGHEST_PU:g}",
                "net.ext_grid",
            )
    active = net.ext_grid["in_service"].to_numpy(dtype=bool)
    stands = net.bus["in_service"].reindex(net.ext_grid["bus"]).to_numpy(dtype=bool)
    if active.any() and not (active & stands).any() and not _has_slack(net):
        index = net.ext_grid.index[int(np.argmax(active))]
        label, bus = label_element(net, "ext_grid", index), net.ext_grid.at[index, "bus"]
        raise TopologyError(f"{label} stands at bus {bus}, which is out of service: no source left")


def _check_levels(net: pandapowerNet) -> None:
    """A bus has a voltage, and what joins buses is of theirs: half or twice it is a slip."""
    kv = _numbers(net.bus, "vn_kv")
    _refuse(net, "bus", ~(np.isfinite(kv) & (kv > 0)), "has no voltage: vn_kv must be above 0")
    at = net.bus.index.get_indexer
    ends = [kv[at(net.line[end])] for end in ("from_bus", "to_bus")]
    _refuse(net, "line", _apart(*ends), "joins buses of two voltage levels")
    for table, sides in (("trafo", ("hv", "lv")), ("trafo3w", ("hv", "mv", "lv"))):
        for side in sides:
            rated, own = _numbers(net[table], f"vn_{side}_kv"), kv[at(net[table][f"{side}_bus"])]
            what = f"has a vn_{side}_kv that is not of the level of its bus"
            _refuse(net, table, _apart(rated, own), what)


def _apart(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> BoolArray:
    return (a > _HIGHEST_PU * b) | (b > _HIGHEST_PU * a)


def _check_impedances(net: pandapowerNet) -> None:
    for table, columns in _SIGNED.items():
        for column in [column for column in columns if column in net[table]]:
            unknown = ~np.isfinite(_numbers(net[table], column))
            _refuse(net, table, unknown, f"has a {column} that is not a number")


def _has_slack(net: pandapowerNet) -> bool:
    return bool(len(net.gen)) and bool((net.gen["slack"] & net.gen["in_service"]).any())


def _check_transformers(net: pandapowerNet) -> None:
    trafo = net.trafo
    rated = _numbers(trafo, "sn_mva")
    _refuse(net, "trafo", ~(rated > 0), "has no rated power: sn_mva must be above 0")
    vk, vkr = _numbers(trafo, "vk_percent"), _numbers(trafo, "vkr_percent")
    _refuse(net, "trafo", vkr > np.abs(vk), "has vkr_percent above vk_percent")
    for side in ("hv", "mv", "lv"):
        rated = _numbers(net.trafo3w, f"sn_{side}_mva")
        _refuse(net, "trafo3w", ~(rated > 0), f"has no rated power: sn_{side}_mva must be above 0")


def _numbers(frame: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    return frame[column].to_numpy(dtype=float)
