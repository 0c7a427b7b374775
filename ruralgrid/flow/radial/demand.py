"""Loads and static generators, gathered by node and profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ruralgrid.errors import InputError
from ruralgrid.flow.radial.checks import check_powers, label_element

if TYPE_CHECKING:
    import pandas as pd
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.flow.profiles import LoadProfiles
    from ruralgrid.flow.radial.conversion import Branches
    from ruralgrid.flow.radial.tree import Tree

__all__ = ["SHARES", "Demand", "check_shares", "mean_shares", "read_demand"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_ZIP_P: Final = ("const_z_p_percent", "const_i_p_percent")
_ZIP_Q: Final = ("const_z_q_percent", "const_i_q_percent")
SHARES: Final = (*_ZIP_P, *_ZIP_Q)
"""Columns of ``net.load``; one that is missing is 0."""


@dataclass(frozen=True, eq=False)
class Demand:
    """What is drawn at each position of a `Tree`, in per unit.

    A group is all that one node draws along one profile with the same dependence on the voltage.
    Groups stand in the order of positions.

    Attributes
    ----------
    start : int array (positions + 1,)
        The groups of position k are rows ``start[k]:start[k + 1]``.
    profile : int array (groups,)
        Row of `profiles_used`; one past its end is the constant 1 that static generators follow.
    p, q : arrays (groups,)
        Power drawn [pu] at nominal voltage where the profile is 1; a generator's is negative.
    zip_p, zip_q : arrays (groups, 3)
        Shares of constant power, current and impedance [1].
    profiles_used : int array
        The rows of the profiles that any group follows.
    load_group, sgen_group : int arrays (rows of the net's tables,)
        Group of each element; -1 if it is out of service or not supplied.
    load_p, sgen_p : arrays
        Power of each element in service [pu] at nominal voltage and profile 1, supplied or not; 0
        for the others.
    """

    start: IntArray
    profile: IntArray
    p: FloatArray
    q: FloatArray
    zip_p: FloatArray
    zip_q: FloatArray
    profiles_used: IntArray
    load_group: IntArray
    sgen_group: IntArray
    load_p: FloatArray
    sgen_p: FloatArray


def read_demand(
    net: pandapowerNet,
    branches: Branches,
    tree: Tree,
    profiles: LoadProfiles,
    load_scale: FloatArray | None = None,
) -> Demand:
    """Gather the loads and static generators of `net` by position and profile.

    Voltage dependence is that of pandapower's solver: the shares of a bus are the plain mean of the
    shares of its loads in service, and hold for all power at that bus, generators included.

    Raises
    ------
    InputError
        A power that is not a number, shares above 100 %, or a wrong number of profile rows.
    """
    check_shares(net)
    check_powers(net, "load")
    check_powers(net, "sgen")
    load_pos, load_p, load_q = _powers(net, "load", branches, tree, load_scale)
    sgen_pos, sgen_p, sgen_q = _powers(net, "sgen", branches, tree, None)
    used = np.flatnonzero(np.bincount(profiles.of_load[load_pos >= 0]))
    follows = np.searchsorted(used, profiles.of_load)  # of loads that draw nothing: any
    position = np.concatenate([load_pos, sgen_pos])
    follows = np.concatenate([follows, np.full(len(sgen_pos), len(used))])
    kind = np.repeat([0, 1], [len(load_pos), len(sgen_pos)])
    order = np.concatenate([_order(net.load), _order(net.sgen) + len(net.load)])
    order = order[position[order] >= 0]  # sums are taken in the order of the index
    key = (position * (len(used) + 1) + follows) * 2 + kind
    _, one, inverse = np.unique(key[order], return_index=True, return_inverse=True)
    one = order[one]  # of each group
    p, q = np.zeros((2, len(one)))
    np.add.at(p, inverse, np.concatenate([load_p, -sgen_p])[order])
    np.add.at(q, inverse, np.concatenate([load_q, -sgen_q])[order])
    group = np.full(len(position), -1, dtype=np.int64)
    group[order] = inverse
    at = position[one]
    zip_p, zip_q = _shares(net, branches, tree)
    return Demand(
        start=np.searchsorted(at, np.arange(len(tree.node) + 1)),
        profile=follows[one].astype(np.int64),
        p=p,
        q=q,
        zip_p=zip_p[at],
        zip_q=zip_q[at],
        profiles_used=used,
        load_group=group[: len(net.load)],
        sgen_group=group[len(net.load) :],
        load_p=load_p,
        sgen_p=sgen_p,
    )


def _order(frame: pd.DataFrame) -> IntArray:
    """Rows in the order of the index, so that row order changes no sum by a bit."""
    return np.argsort(frame.index.to_numpy(), kind="stable")


def _powers(
    net: pandapowerNet, table: str, branches: Branches, tree: Tree, scale: FloatArray | None
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Position and power [pu] of each row; -1 and 0 if out of service, -1 if not supplied."""
    frame = net[table]
    if not len(frame):
        return np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    factor = frame["scaling"].to_numpy(dtype=float) / branches.base_mva
    if scale is not None:
        factor = factor * scale
    p = frame["p_mw"].to_numpy(dtype=float) * factor
    q = frame["q_mvar"].to_numpy(dtype=float) * factor
    node = branches.node_of_bus[net.bus.index.get_indexer(frame["bus"])]
    in_service = frame["in_service"].to_numpy(dtype=bool)
    position = np.where(in_service & (node >= 0), tree.position[node], -1)
    return position, np.where(in_service, p, 0.0), np.where(in_service, q, 0.0)


def check_shares(net: pandapowerNet) -> None:
    """Refuse shares of voltage dependence that are not a number or exceed 100 %; names the load."""
    shares = _shares_of_loads(net)
    unknown = shares.isna().to_numpy().any(axis=1) & net.load["in_service"].to_numpy(dtype=bool)
    if unknown.any():
        label = label_element(net, "load", net.load.index[unknown.argmax()])
        raise InputError(f"{label} has a share that is not a number", "net.load")
    for columns in (_ZIP_P, _ZIP_Q):
        beyond = np.nansum(shares[list(columns)], axis=1) > 100
        if beyond.any():
            label = label_element(net, "load", net.load.index[beyond.argmax()])
            raise InputError(f"the shares {' and '.join(columns)} of {label} exceed 100 %")


def _shares_of_loads(net: pandapowerNet) -> pd.DataFrame:
    """The `SHARES` [%] of each load."""
    return net.load.reindex(columns=list(SHARES), fill_value=0.0).astype(float)


def mean_shares(net: pandapowerNet) -> pd.DataFrame | None:
    """Shares [1] of all power at each bus, as pandapower's solver has them; None: all are zero.

    The plain mean of the shares of the loads in service. Several buses may share a node: like
    pandapower, the last one stands, in the order of its set, which is that of these rows.
    """
    shares = _shares_of_loads(net)
    if not np.any(shares.to_numpy()):
        return None
    active = net.load["in_service"].to_numpy(dtype=bool)
    mean = shares[active].groupby(net.load["bus"].to_numpy()[active], sort=False).mean() / 100
    in_order = np.array(list(set(net.load["bus"].tolist())), dtype=np.int64)
    return mean.loc[in_order[np.isin(in_order, mean.index)]]


def _shares(net: pandapowerNet, branches: Branches, tree: Tree) -> tuple[FloatArray, FloatArray]:
    """Shares (constant power, current, impedance) at each position, active and reactive."""
    constant_power = np.tile([1.0, 0.0, 0.0], (len(tree.node), 1))
    mean = mean_shares(net)
    if mean is None:
        return constant_power, constant_power.copy()
    row = net.bus.index.get_indexer(mean.index)
    node = np.where(row >= 0, branches.node_of_bus[row], -1)
    position = np.where(node >= 0, tree.position[node], -1)
    both = []
    for z_column, i_column in (_ZIP_P, _ZIP_Q):
        z, i = (mean[column].to_numpy()[position >= 0] for column in (z_column, i_column))
        table = constant_power.copy()
        table[position[position >= 0]] = np.column_stack([1 - z - i, i, z])
        both.append(table)
    return both[0], both[1]
