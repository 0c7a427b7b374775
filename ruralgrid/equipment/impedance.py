"""From conductor, pole head and temperature to ohms and nanofarads per kilometre.

The primitive matrix of all wires with earth return (Carson, in the modified form of Kersting) is
the root; Kron reduction, a metallic neutral, symmetrical components and the balanced equivalent are
taken from it. Frequency and earth resistivity are arguments, so that foreign cases can be checked.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ruralgrid.equipment.catalogue import get_conductor, get_pole_head
from ruralgrid.equipment.records import Conductor, PoleHead
from ruralgrid.errors import InputError
from ruralgrid.units import KILO

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DEFAULT_AIR_C",
    "DEFAULT_TEMPERATURE_C",
    "LineParameters",
    "ac_resistance_ohm_per_km",
    "balanced_equivalent",
    "capacitance_matrix",
    "earth_return_depth_m",
    "kron_reduction",
    "line_capacitances",
    "line_parameters",
    "loop_impedance",
    "metallic_return",
    "parameter_table",
    "primitive_impedance",
    "primitive_matrix",
    "sequence_impedances",
]

ComplexMatrix = NDArray[np.complex128]
FloatMatrix = NDArray[np.float64]

DEFAULT_TEMPERATURE_C: Final = 25.0
"""Conductor temperature of the load flow [°C].

Best estimate, not a safe side: air of 9 °C in the yearly mean (the plateau of Qingyang), some 5 K
from the sun, and some 10 K from the current, weighted with the loss (at half its ampacity a bare
wire runs 11 K above the air). 40 °C would raise every resistance by 6 %, and with it the predicted
saving.
"""

DEFAULT_AIR_C: Final = 40.0
"""Air temperature at which ampacity is judged [°C]: the highest of the weather zones."""

_FREQUENCY_HZ: Final = 50.0
_EARTH_OHM_M: Final = 100.0
_EULER_GAMMA: Final = 0.5772156649015329
_NF_KM_FACTOR: Final = 2.0 * math.pi * 8.8541878128e-12 * 1e12  # 2 pi eps0 in nF/km


@dataclass(frozen=True, slots=True)
class LineParameters:
    """Parameters of a line, per phase and kilometre.

    Parameters
    ----------
    r_ohm_per_km, x_ohm_per_km, c_nf_per_km : float
        Positive sequence; of a circuit with fewer than three phases its balanced equivalent.
    r0_ohm_per_km, x0_ohm_per_km, c0_nf_per_km : float
        Zero sequence: through the earth, or through the neutral where there is one. NaN where the
        circuit has fewer than three phases.
    max_i_ka : float
        Continuous current of the model's line [kA]: of an equivalent, that of the wire times n/3.
    r_loop_ohm_per_km, x_loop_ohm_per_km : float
        One phase wire and its neutral, there and back; NaN without a neutral.
    """

    r_ohm_per_km: float
    x_ohm_per_km: float
    c_nf_per_km: float
    r0_ohm_per_km: float
    x0_ohm_per_km: float
    c0_nf_per_km: float
    max_i_ka: float
    r_loop_ohm_per_km: float
    x_loop_ohm_per_km: float


def line_parameters(
    conductor: Conductor | str,
    arrangement: PoleHead | str,
    *,
    phases: str | None = None,
    temperature_c: float = DEFAULT_TEMPERATURE_C,
    air_c: float = DEFAULT_AIR_C,
    frequency_hz: float = _FREQUENCY_HZ,
    earth_resistivity_ohm_m: float = _EARTH_OHM_M,
) -> LineParameters:
    """Parameters of a transposed line of one conductor on one pole head.

    Parameters
    ----------
    conductor : Conductor or str
        Record or name. A neutral is of the same conductor.
    arrangement : PoleHead or str
        Record or name.
    phases : str, optional
        Wires carried ("abc", "abcn", "abn", "an", ...); all wires of the head when left out.
    temperature_c : float
        Conductor temperature [°C].
    air_c : float
        Air temperature of the ampacity [°C].
    frequency_hz, earth_resistivity_ohm_m : float
        [Hz], [ohm m].

    Returns
    -------
    LineParameters
        Positive sequence of three phases; `balanced_equivalent` of one or two.

    Raises
    ------
    UnknownNameError
        If the catalogue has no such conductor or pole head.
    InputError
        If the pole head does not carry `phases`, or a temperature is out of range.
    """
    wire = get_conductor(conductor) if isinstance(conductor, str) else conductor
    head = get_pole_head(arrangement) if isinstance(arrangement, str) else arrangement
    letters = head.phases if phases is None else phases
    count = len(letters.replace("n", ""))
    if count == 0 or (count < 3 and "n" not in letters):
        raise InputError(f"phases {letters!r}; expected abc, or one to three phases with n")
    z_wires = primitive_impedance(
        wire,
        head,
        phases=letters,
        temperature_c=temperature_c,
        frequency_hz=frequency_hz,
        earth_resistivity_ohm_m=earth_resistivity_ohm_m,
    )
    z_phases = metallic_return(z_wires) if "n" in letters else z_wires
    z_1 = balanced_equivalent(z_phases)
    z_0 = sequence_impedances(z_phases)[0] if count == 3 else complex(math.nan, math.nan)
    z_loop = loop_impedance(z_wires) if "n" in letters else complex(math.nan, math.nan)
    c_1, c_0 = _sequence_capacitances(line_capacitances(wire, head, phases=letters), count)
    ampacity_ka = head.bundle_count * wire.ampacity_at(air_c) / KILO * count / 3.0
    return LineParameters(
        z_1.real, z_1.imag, c_1, z_0.real, z_0.imag, c_0, ampacity_ka, z_loop.real, z_loop.imag
    )


def balanced_equivalent(z_phases: ComplexMatrix) -> complex:
    """Impedance of the balanced three-phase line that stands for a circuit of n phases [ohm/km].

    A balanced load flow puts one third of a load's power on each of three phases. The true circuit
    puts 1/n on each of its n phases, with currents 3/n as large. With equal power and equal voltage
    the loss (and the reactive loss) is the same when

        z = (3 / n^2) a^H Z a,      a = the unit phasors of the n phases, 120 degrees apart,

    and so is the mean drop along the current. For a two-wire circuit this is **three times the loop
    impedance**: I = P/U in the true one, P/(3 U) in the model, so the drop is z_loop I = (3
    z_loop)(I/3), and the loss r_loop I^2 = 3 (3 r_loop)(I/3)^2. For three phases it is the positive
    sequence.

    Parameters
    ----------
    z_phases : complex array (n, n)
        Impedance of the phases, the neutral already taken in [ohm/km].
    """
    count = len(z_phases)
    turn = np.exp(-2j * np.pi / 3.0 * np.arange(count))
    return complex(3.0 / count**2 * (turn.conj() @ z_phases @ turn))


def primitive_impedance(
    conductor: Conductor,
    head: PoleHead,
    *,
    phases: str | None = None,
    neutral: Conductor | None = None,
    temperature_c: float = DEFAULT_TEMPERATURE_C,
    frequency_hz: float = _FREQUENCY_HZ,
    earth_resistivity_ohm_m: float = _EARTH_OHM_M,
) -> ComplexMatrix:
    """Matrix of all wires with earth return [ohm/km], in the order of `phases`.

    4x4 of a four-wire line, 2x2 of a two-wire one.

    Parameters
    ----------
    neutral : Conductor, optional
        Conductor of the neutral, where it is not that of the phases.
    """
    wires = head.wires_of(head.phases if phases is None else phases)
    kinds = [neutral if wire.label == "n" and neutral else conductor for wire in wires]
    resistances = [
        ac_resistance_ohm_per_km(kind, temperature_c, frequency_hz) / head.bundle_count
        for kind in kinds
    ]
    radii = [_bundle_radius_m(kind.gmr_mm / KILO, head) for kind in kinds]
    return primitive_matrix(
        resistances,
        radii,
        [(wire.x_m, wire.y_m) for wire in wires],
        frequency_hz=frequency_hz,
        earth_resistivity_ohm_m=earth_resistivity_ohm_m,
    )


def primitive_matrix(
    r_ohm_per_km: Sequence[float],
    gmr_m: Sequence[float],
    positions_m: Sequence[tuple[float, float]],
    *,
    frequency_hz: float = _FREQUENCY_HZ,
    earth_resistivity_ohm_m: float = _EARTH_OHM_M,
) -> ComplexMatrix:
    """Carson's matrix of parallel wires over earth [ohm/km], first term of his series.

        z_ii = r_i + r_e + j k ln(D_e / GMR_i),    z_ij = r_e + j k ln(D_e / D_ij)
        k = 4 pi 1e-4 f,   r_e = pi^2 1e-4 f,   D_e = `earth_return_depth_m`

    Source: Carson, Bell System Technical Journal 5 (1926); Kersting, Distribution System Modeling
    and Analysis, ch. 4 ("modified Carson's equations").
    """
    points = np.array(positions_m, dtype=float)
    distance = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(distance, gmr_m)
    depth = earth_return_depth_m(frequency_hz, earth_resistivity_ohm_m)
    z = math.pi**2 * 1e-4 * frequency_hz + 4e-4j * math.pi * frequency_hz * np.log(depth / distance)
    return z + np.diag(r_ohm_per_km)


def earth_return_depth_m(
    frequency_hz: float = _FREQUENCY_HZ, earth_resistivity_ohm_m: float = _EARTH_OHM_M
) -> float:
    """Depth of the equivalent earth return [m]: 658.9 sqrt(rho/f); 932 m at 100 ohm m, 50 Hz."""
    if frequency_hz <= 0.0 or earth_resistivity_ohm_m <= 0.0:
        raise InputError(
            f"frequency {frequency_hz:g} Hz, earth resistivity {earth_resistivity_ohm_m:g} ohm m; "
            "expected both above 0"
        )
    carson = 4e-4 * math.pi * math.sqrt(5.0)
    factor = 2.0 * math.exp(0.5 - _EULER_GAMMA) / carson
    return factor * math.sqrt(earth_resistivity_ohm_m / frequency_hz)


def kron_reduction(z: ComplexMatrix, keep: int = 3) -> ComplexMatrix:
    """The first `keep` wires, the others held at earth potential: Z_pp - Z_pn Z_nn^-1 Z_np."""
    inner = z[:keep, keep:] @ np.linalg.solve(z[keep:, keep:], z[keep:, :keep])
    return z[:keep, :keep] - inner


def metallic_return(z: ComplexMatrix) -> ComplexMatrix:
    """Matrix of the phases against a neutral that carries the whole return current (the last wire).

    Z_ij - Z_in - Z_nj + Z_nn: the earth drops out. A village line earths its neutral over some ten
    ohms, the wire itself has tenths of one: the return stays in the wire.
    """
    return z[:-1, :-1] - z[:-1, -1:] - z[-1:, :-1] + z[-1, -1]


def loop_impedance(z: ComplexMatrix) -> complex:
    """Mean impedance of one phase wire and the neutral, there and back [ohm/km]."""
    return complex(np.diag(metallic_return(z)).mean())


def sequence_impedances(z_phases: ComplexMatrix) -> tuple[complex, complex]:
    """Zero and positive sequence of a transposed line [ohm/km]: z_s + 2 z_m and z_s - z_m."""
    own = complex(np.diag(z_phases).mean())
    mutual = complex(z_phases[~np.eye(len(z_phases), dtype=bool)].mean())
    return own + 2.0 * mutual, own - mutual


def line_capacitances(
    conductor: Conductor, head: PoleHead, *, phases: str | None = None
) -> FloatMatrix:
    """Capacitances of the phase wires of a line [nF/km], the neutral earthed.

    An insulation counts through `Conductor.electric_radius_mm`. Heights are those at the pole: with
    sag the zero sequence grows by a few per cent, the positive one hardly.
    """
    wires = head.wires_of(head.phases if phases is None else phases)
    radius = _bundle_radius_m(conductor.electric_radius_mm / KILO, head)
    positions = [(wire.x_m, head.height_m + wire.y_m) for wire in wires]
    phase = [index for index, wire in enumerate(wires) if wire.label != "n"]
    return capacitance_matrix([radius] * len(wires), positions)[np.ix_(phase, phase)]


def capacitance_matrix(
    radii_m: Sequence[float], positions_m: Sequence[tuple[float, float]]
) -> FloatMatrix:
    """Maxwell's capacitances of parallel wires over perfect earth [nF/km].

    The inverse of the potential coefficients ln(image distance / distance) / (2 pi eps0); a wire's
    own distance is its radius. `positions_m` holds (x, height above ground). To earth a wire,
    strike its row and column out of the result.
    """
    points = np.array(positions_m, dtype=float)
    across = points[:, None, 0] - points[None, :, 0]
    direct = np.hypot(across, points[:, None, 1] - points[None, :, 1])
    np.fill_diagonal(direct, radii_m)
    image = np.hypot(across, points[:, None, 1] + points[None, :, 1])
    return _NF_KM_FACTOR * np.linalg.inv(np.log(image / direct))


def ac_resistance_ohm_per_km(
    conductor: Conductor, temperature_c: float, frequency_hz: float = _FREQUENCY_HZ
) -> float:
    """Resistance to alternating current at working temperature [ohm/km].

    R_dc (1 + x^4 / (192 + 0.8 x^4)),   x^2 = 8 pi f 1e-7 / R_dc [ohm/m]

    The skin effect of IEC 60287-1-1, clause 2.1.2 (recalled): 1.5 % at 400 mm2, nothing at 70 mm2.

    Raises
    ------
    InputError
        If the temperature is not within -60 to 150 °C.
    """
    if not -60.0 <= temperature_c <= 150.0:
        raise InputError(f"conductor temperature {temperature_c:g} °C; expected -60 to 150 °C")
    dc = conductor.dc_ohm_per_km(temperature_c)
    x4 = (8e-7 * math.pi * frequency_hz * KILO / dc) ** 2
    return dc * (1.0 + x4 / (192.0 + 0.8 * x4))


def parameter_table(
    sections: pd.DataFrame,
    temperature_c: float = DEFAULT_TEMPERATURE_C,
    air_c: float = DEFAULT_AIR_C,
) -> pd.DataFrame:
    """Parameters of many sections at once; each combination is computed once.

    Parameters
    ----------
    sections : pandas.DataFrame
        With the columns conductor, arrangement, phases; other columns are ignored.
    temperature_c, air_c : float
        As in `line_parameters`.

    Returns
    -------
    pandas.DataFrame
        Aligned with the rows (same index): r_ohm_per_km, x_ohm_per_km, c_nf_per_km, r0_ohm_per_km,
        x0_ohm_per_km, c0_nf_per_km, max_i_ka, r_loop_ohm_per_km, x_loop_ohm_per_km. Circuits of one
        or two phases enter as balanced equivalents.
    """
    import pandas as pd

    keys = ["conductor", "arrangement", "phases"]
    unique = sections[keys].drop_duplicates()
    rows = [
        line_parameters(c, head, phases=phases, temperature_c=temperature_c, air_c=air_c)
        for c, head, phases in unique.itertuples(index=False)
    ]
    columns = list(LineParameters.__dataclass_fields__)
    values = [[getattr(row, column) for column in columns] for row in rows]
    computed = pd.DataFrame(values, columns=columns, dtype=float)
    unique = unique.reset_index(drop=True).join(computed)
    table = sections[keys].merge(unique, on=keys, how="left", sort=False)[columns]
    return table.set_axis(sections.index, axis=0)


def _bundle_radius_m(radius_m: float, head: PoleHead) -> float:
    """Equivalent radius of a bundle of two: sqrt(r d). A single wire keeps its own."""
    if head.bundle_count == 1:
        return radius_m
    return math.sqrt(radius_m * head.bundle_spacing_m)


def _sequence_capacitances(c: FloatMatrix, count: int) -> tuple[float, float]:
    """Positive (or equivalent) and zero sequence [nF/km] of the phases.

    Fewer phases charge with n/3 of the power that three would take: the equivalent is scaled so.
    """
    if count == 3:
        own, mutual = float(np.diag(c).mean()), float(c[~np.eye(3, dtype=bool)].mean())
        return own - mutual, own + 2.0 * mutual
    turn = np.array([cmath.exp(-2j * math.pi / 3.0 * index) for index in range(count)])
    return float((turn.conj() @ c @ turn).real / 3.0), math.nan
