"""Profiles that a net brings along, as simbench's nets do: their hours, ready for `solve_year`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["net_with_profiles"]

_LEAP_YEAR_HOURS: Final = 8784
_SHARES: Final = [f"const_{kind}_{power}_percent" for kind in "zi" for power in "pq"]


def net_with_profiles(net: pandapowerNet) -> tuple[pandapowerNet, LoadProfiles]:
    """A copy of a net whose loads follow the profiles that it carries.

    simbench's form: ``net.profiles["load"]`` has the columns ``<name>_pload`` and ``<name>_qload``,
    ``net.profiles["renewables"]`` the column ``<name>``, where name is the `profile` of a load or a
    static generator. Active and reactive power move apart there, so each load becomes two, one of
    active and one of reactive power; a static generator with a profile becomes a load of negative
    power. Quarter hours become hourly means. A net without profiles comes back as it is, with one
    hour.

    Returns
    -------
    net : pandapowerNet
        A copy (the net itself where it has no profiles).
    profiles : LoadProfiles
        8,760 or 8,784 hours, or one.

    Raises
    ------
    InputError
        If an element names a profile that is not there, or the profiles have no whole hours.
    """
    profiles = net.get("profiles")
    if not profiles or "profile" not in net.load:
        return net, LoadProfiles.constant(net)
    own = copy.copy(net)  # its tables of load and generation are replaced, never written into
    loads = _split(net.load, net.load["profile"])
    generators = _as_loads(net)
    table = pd.concat([loads, generators], ignore_index=True)
    names, of_load = np.unique(table["profile"].astype(str), return_inverse=True)
    columns = {**_columns(profiles["load"]), **_columns(profiles.get("renewables"))}
    columns[""] = np.ones(len(next(iter(columns.values()))))
    for name in names:
        if name not in columns:
            raise UnknownNameError("profile", name, columns, where="net.profiles")
    own.load = table.drop(columns="profile").astype(
        {name: kind for name, kind in net.load.dtypes.items() if name in _kept(net.load)}
    )
    if len(net.sgen):
        own.sgen = net.sgen[~_has_profile(net.sgen)].copy()
    values = _hourly(np.stack([columns[name] for name in names]))
    return own, LoadProfiles(values, of_load.astype(np.int64))


def _kept(load: pd.DataFrame) -> list[str]:
    columns = ["name", "bus", "p_mw", "q_mvar", "scaling", "in_service", *_SHARES]
    return [*columns, *(["village"] if "village" in load else [])]


def _split(load: pd.DataFrame, profile: pd.Series) -> pd.DataFrame:
    """Each load as one of active and one of reactive power, that follow columns of their own."""
    name = profile.where(profile.notna(), "")
    pieces = []
    for kept, other, suffix in (("p_mw", "q_mvar", "_pload"), ("q_mvar", "p_mw", "_qload")):
        part = load[_kept(load)].assign(**{other: 0.0})
        part["profile"] = name.where(name == "", name + suffix)
        pieces.append(part if kept == "p_mw" else part.assign(name=_text(load) + " (Mvar)"))
    return pd.concat(pieces)


def _text(frame: pd.DataFrame) -> pd.Series:
    return frame["name"].map(lambda name: "" if pd.isna(name) else str(name))


def _has_profile(sgen: pd.DataFrame) -> pd.Series:
    return sgen["profile"].notna() if "profile" in sgen else pd.Series(False, index=sgen.index)


def _as_loads(net: pandapowerNet) -> pd.DataFrame:
    """Static generators that follow a profile, as loads with the voltage dependence of their bus.

    pandapower lets all power at a bus share one dependence: the mean of its loads'.
    """
    sgen = net.sgen[_has_profile(net.sgen)] if len(net.sgen) else net.sgen
    if not len(sgen):
        return pd.DataFrame()
    shares = net.load[net.load["in_service"].astype(bool)].groupby("bus")[_SHARES].mean()
    at_bus = shares.reindex(sgen["bus"]).fillna(0.0).set_axis(sgen.index)
    own = sgen[["bus", "scaling", "in_service", "profile"]].join(at_bus)
    return own.assign(name=_text(sgen), p_mw=-sgen["p_mw"], q_mvar=-sgen["q_mvar"])


def _columns(frame: pd.DataFrame | None) -> dict[str, NDArray[np.float64]]:
    if frame is None:
        return {}
    return {
        str(name): frame[name].to_numpy(dtype=float) for name in frame.columns if name != "time"
    }


def _hourly(values: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = values.shape[1]
    for hours in (HOURS_PER_YEAR, _LEAP_YEAR_HOURS):
        if steps % hours == 0:
            return values.reshape(len(values), hours, -1).mean(axis=2)
    raise InputError(f"{steps} steps are no whole number of each hour of a year", "net.profiles")
