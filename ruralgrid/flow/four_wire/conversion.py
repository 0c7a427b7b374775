"""From areas and loads to the kernel's arrays: everything that is the same in every hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.flow.four_wire.arrays import UNIT, Demand, Gauges, Wires
from ruralgrid.network.four_wire import FourWireAreas
from ruralgrid.units import KILO

__all__ = ["AreaLoads", "area_demand", "area_gauges", "area_wires", "shunt_of_pi"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ComplexArray = npt.NDArray[np.complex128]

_TURN: Final = np.exp(2j * np.pi / 3 * np.array([0, 1, 2]))
_BITS: Final = np.array([1, 2, 4])


@dataclass(frozen=True, eq=False)
class AreaLoads:
    """Loads of the consumers of `FourWireAreas`, in their order.

    Attributes
    ----------
    p_kw, q_kvar : arrays
        Power at nominal voltage where the profile is 1, all phases together.
    profile : int array
        Row of the profiles that each follows.
    share_p, share_q : arrays (consumers, 3)
        Shares of constant power, current and impedance [1].
    """

    p_kw: FloatArray
    q_kvar: FloatArray
    profile: IntArray
    share_p: FloatArray
    share_q: FloatArray


def _base_ohm(areas: FourWireAreas) -> FloatArray:
    """Ohms that are one per unit, by area: 1 kW a phase at the base voltage."""
    return areas.base_v**2 / KILO


def shunt_of_pi(areas: FourWireAreas) -> ComplexArray:
    """Admittance [pu] of each of the two shunts of a transformer's pi, per phase."""
    base = _base_ohm(areas)
    z, y = areas.series_ohm / base, areas.magnetising_s * base
    return y / (2 + y * z / 2)


def area_wires(areas: FourWireAreas, loads: AreaLoads) -> Wires:
    """Matrices and topology; `loads` tell which phases carry anything."""
    base = _base_ohm(areas)
    by_position = base[areas.area_of]
    bits = areas.wires[:, None] & np.array([1, 2, 4, 8]) > 0
    z, w, nn = _reduced(areas.impedance_ohm / by_position[:, None, None], bits)
    busbar = areas.first[:-1]
    half = areas.series_ohm / base / 2
    factor = 1 / (1 + areas.magnetising_s * base * half)
    z[busbar] = _unit_matrices(areas, half + half * factor, areas.zero_sequence_ohm / base)
    earthed, gain = _earth_elimination(areas, by_position, nn)
    loaded, tips, blank = _masks(areas, loads)
    phase = loaded[:, None] & _BITS > 0
    order = np.argsort(~phase, axis=1, kind="stable")
    open_v = areas.no_load_v / areas.base_v
    source = (open_v * factor)[:, None] * _TURN.conj() * (areas.phases[:, None] & _BITS > 0)
    return Wires(
        first=areas.first,
        parent=areas.parent,
        carried=phase.sum(axis=1),
        phase_a=order[:, 0].copy(),
        phase_b=order[:, 1].copy(),
        tips=tips,
        blank=blank,
        zr=z.real.ravel(),
        zi=z.imag.ravel(),
        wr=w.real.ravel(),
        wi=w.imag.ravel(),
        earthed=earthed.astype(np.int64),
        nr=nn.real.copy(),
        ni=nn.imag.copy(),
        gain=gain.view(float).ravel(),
        source=source.view(float).ravel(),
        unit=_unit_numbers(areas, base, factor).ravel(),
    )


def _reduced(
    z4: ComplexArray, carried: npt.NDArray[np.bool_]
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Matrix from phase to neutral; what phase currents take off the neutral; its impedance."""
    pn, nn = z4[:, :3, 3], z4[:, 3, 3]
    z = z4[:, :3, :3] - pn[:, :, None] - pn[:, None, :] + nn[:, None, None]
    phases = carried[:, :3]
    z *= phases[:, :, None] & phases[:, None, :]
    return z, (pn - nn[:, None]) * phases, nn.copy()


def _unit_matrices(areas: FourWireAreas, series: ComplexArray, zero: ComplexArray) -> ComplexArray:
    """Matrix of a transformer's phases against its star point; of a single-phase unit one entry."""
    single = areas.phases != 7
    zero = np.where(single, series, zero)
    own, mutual = (zero + 2 * series) / 3, (zero - series) / 3
    z = np.where(np.eye(3, dtype=bool), own[:, None, None], mutual[:, None, None])
    fed = areas.phases[:, None] & _BITS > 0
    return z * (fed[:, :, None] & fed[:, None, :])


def _earth_elimination(
    areas: FourWireAreas, base: FloatArray, nn: ComplexArray
) -> tuple[npt.NDArray[np.bool_], ComplexArray]:
    """Where current returns through the earth, and the factors Y and 1/(1 + G Znn)."""
    electrode = np.nan_to_num(base / areas.earthing_ohm, nan=0.0)
    total = electrode.astype(complex)
    gain = np.zeros((len(base), 2), dtype=complex)
    if not electrode.any():
        return np.zeros(len(base), dtype=bool), gain
    for k in range(len(base) - 1, -1, -1):
        parent = areas.parent[k]
        gain[k, 1] = 1 / (1 + total[k] * nn[k])
        gain[k, 0] = total[k] * gain[k, 1]
        if parent >= 0:
            total[parent] += gain[k, 0]
    busbar = areas.first[:-1]
    with np.errstate(divide="ignore"):
        star = base[busbar] / areas.star_earthing_ohm
        gain[busbar, 0] = -1 / (star + total[busbar])
    return total != 0, gain


def _masks(areas: FourWireAreas, loads: AreaLoads) -> tuple[IntArray, IntArray, IntArray]:
    """Phases with load behind each position, those that end there, those without a star's load."""
    own, star = np.zeros((2, len(areas.node_row)), dtype=np.int64)
    drawing = (loads.p_kw != 0) | (loads.q_kvar != 0)
    for mask, which in ((own, drawing), (star, drawing & ~areas.consumer_between)):
        np.bitwise_or.at(mask, areas.consumer_position[which], areas.consumer_phases[which])
    loaded, behind, parents = own.tolist(), [0] * len(own), areas.parent.tolist()
    for k in range(len(own) - 1, -1, -1):
        if parents[k] >= 0:
            loaded[parents[k]] |= loaded[k]
            behind[parents[k]] |= loaded[k]
    whole = np.array(loaded, dtype=np.int64)
    return whole, whole & ~np.array(behind, dtype=np.int64), whole & ~star


def _unit_numbers(areas: FourWireAreas, base: FloatArray, factor: ComplexArray) -> FloatArray:
    """See the names in `ruralgrid.flow.four_wire.unit`."""
    y = areas.magnetising_s * base * factor
    amps = KILO / areas.base_v
    with np.errstate(divide="ignore"):
        star = base / areas.star_earthing_ohm
    any_electrode = np.zeros(len(base))
    np.add.at(any_electrode, areas.area_of, np.isfinite(areas.earthing_ohm))
    star = np.where((any_electrode > 0) & np.isfinite(star), star, 0.0)  # else no current flows
    count = np.where(areas.phases == 7, 3.0, 1.0)
    columns = [
        areas.no_load_v / areas.base_v, y.real, y.imag, factor.real, factor.imag,
        (amps / areas.rated_a) ** 2, (amps / areas.rated_hv_a) ** 2, star,
        areas.phases.astype(float), count,
    ]  # fmt: skip
    numbers = np.zeros((len(base), UNIT))
    numbers[:, : len(columns)] = np.column_stack(columns)
    return numbers


def area_demand(areas: FourWireAreas, loads: AreaLoads) -> tuple[Demand, IntArray, IntArray]:
    """Loads gathered by position, phase, profile and voltage dependence.

    Returns
    -------
    demand, consumer, group
        Each consumer's phases as pairs: number of the consumer, and the group it is in. One between
        the phases is a single pair.
    """
    drawing = ((loads.p_kw != 0) | (loads.q_kvar != 0))[:, None]
    on_phase = (areas.consumer_phases[:, None] & _BITS > 0) & ~areas.consumer_between[:, None]
    wanted = np.column_stack([on_phase, areas.consumer_between]) & drawing
    consumer, phase = np.nonzero(wanted)  # a column of the fourth is BETWEEN
    shares = pd.DataFrame(np.column_stack([loads.share_p, loads.share_q]))
    zip_kind = shares.groupby(list(shares)).ngroup().to_numpy()
    keys = (areas.consumer_position[consumer], phase, loads.profile[consumer], zip_kind[consumer])
    sizes = tuple(int(key.max(initial=0)) + 1 for key in keys)
    unique, one, group = np.unique(
        np.ravel_multi_index(keys, sizes), return_index=True, return_inverse=True
    )
    position, phase, profile, _ = (key[one] for key in keys)
    share = 1 / wanted.sum(axis=1)[consumer]
    p, q = (
        np.bincount(group, power[consumer] * share, minlength=len(unique)).astype(float)
        for power in (loads.p_kw, loads.q_kvar)
    )
    share_p, share_q = loads.share_p[consumer[one]], loads.share_q[consumer[one]]
    begins = np.ones(len(unique), dtype=bool)
    begins[1:] = (np.diff(position) != 0) | (np.diff(phase) != 0)
    starts = np.flatnonzero(begins)
    current = (share_p[:, 1] != 0) | (share_q[:, 1] != 0)
    demand = Demand(
        point=np.searchsorted(position[starts], np.arange(len(areas.node_row) + 1)),
        phase=phase[starts],
        has_current=np.bincount(np.cumsum(begins) - 1, current, minlength=len(starts)).astype(
            np.int64
        ),
        group=np.append(starts, len(unique)),
        profile=profile,
        p=p,
        share_p=share_p.ravel(),
        drawn=np.hstack([p[:, None] * share_p, q[:, None] * share_q]).ravel(),
    )
    return demand, consumer, group


def area_gauges(
    areas: FourWireAreas, low_pu: Mapping[str, FloatArray], high_pu: Mapping[str, FloatArray]
) -> Gauges:
    """What is measured; limits by position [pu], NaN for none."""
    present = areas.wires & 7
    parents = areas.parent.tolist()
    reach = present.tolist()
    for k, parent in enumerate(parents):
        if parent >= 0:
            reach[k] &= reach[parent]
    there = np.array(reach, dtype=np.int64)
    customers = np.zeros(len(there), dtype=np.int64)
    np.bitwise_or.at(customers, areas.consumer_position, areas.consumer_phases)
    limits = [*low_pu.values(), *high_pu.values()]
    ratio = np.nan_to_num(areas.ampacity_a / areas.neutral_ampacity_a, nan=0.0)
    base = _base_ohm(areas)[areas.area_of]
    return Gauges(
        present=there,
        connected=np.where(customers & there > 0, customers & there, there),
        limit2=np.concatenate([np.zeros(0), *(limit**2 for limit in limits)]),
        sizes=np.array([len(low_pu), len(high_pu), len(there)]),
        neutral_factor2=ratio**2,
        electrode=np.nan_to_num(base / areas.earthing_ohm, nan=0.0),
    )
