"""A net as a folder of OpenDSS scripts that solves to the same voltages.

What the two programs do differently, and how it is bridged:

- OpenDSS hangs the whole no-load branch of a transformer on its last winding, pandapower in the
  middle of its impedance. Here half of it stands at either side as a reactor, which is the same
  within the square of a drop. OpenDSS leaves shunts out of its `losses`: they are the load losses
  alone, and the no-load loss is what else the source feeds.
- A load of OpenDSS becomes a constant impedance below 0.95 and above 1.05 pu; `vminpu` and
  `vmaxpu` are set so wide that none does.
- Loads at one bus share one voltage dependence in pandapower: the mean of theirs.
- Names of OpenDSS are ASCII without points and spaces: elements are numbered, and ``names.csv``
  says which is which.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ruralgrid.errors import InputError, TopologyError
from ruralgrid.files import defused, require_only, write_folder
from ruralgrid.network.branch_types import circuit_fault, turned_taps
from ruralgrid.network.foreign import check_pandapower
from ruralgrid.network.from_pandapower import coordinates
from ruralgrid.network.names import bus_labels, labels
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["opendss_scripts", "write_opendss_net"]

_ELEMENTS: Final = ("bus", "ext_grid", "line", "trafo", "trafo3w", "load", "shunt")
_STIFF_OHM: Final = 1e-6
_WINDINGS: Final = ("hv", "mv", "lv")
_SHARES: Final = [f"const_{kind}_{power}_percent" for power in "pq" for kind in "zi"]
_WIDE: Final = "vminpu=0.05 vmaxpu=5"

_ENDS_A_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters and what Unicode takes for the end of a line: a script of its own begins."""

_MASTER: Final = """! {title}
! Written by ruralgrid; names.csv says which element is which.
Clear
Set DefaultBaseFrequency={f_hz:g}
{sources}
Redirect lines.dss
Redirect transformers.dss
Redirect shunts.dss
Redirect loads.dss
Set VoltageBases=[{levels}]
CalcVoltageBases
BusCoords coordinates.csv
Set ControlMode=off
Set MaxIterations=1000
Set Tolerance=0.00000001
Set LoadMult=1
Solve Mode=snapshot
"""


def write_opendss_net(net: pandapowerNet, folder: str | Path) -> list[Path]:
    """Write a net as it stands, with the taps that it has; see `ruralgrid.write_opendss`.

    Parameters
    ----------
    net : pandapowerNet
        Lines, transformers, loads, shunts and external grids.
    folder : str or Path
        Replaced whole, and may hold nothing else: ``master.dss`` (compiles and solves),
        ``lines.dss``, ``transformers.dss``, ``shunts.dss``, ``loads.dss``, ``coordinates.csv``,
        ``names.csv``.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    TopologyError
        An element that the scripts cannot hold; names it.
    InputError
        A load that is not a number, or a transformer of more resistance than impedance; names it.
    WriteError
        The folder holds other files, or the disk refuses; nothing is touched.
    """
    scripts = opendss_scripts(net)
    require_only(Path(folder), scripts, "a folder of OpenDSS scripts")
    return write_folder(Path(folder), {name: text.encode() for name, text in scripts.items()})


def opendss_scripts(net: pandapowerNet) -> dict[str, str]:
    """The files of `write_opendss_net` as text, by name.

    Raises
    ------
    TopologyError
        An element that the scripts cannot hold; names it.
    InputError
        A load that is not a number, or a transformer of more resistance than impedance; names it.
    """
    _refuse(net)
    names = {table: _numbered(net, table) for table in _ELEMENTS}
    bus = names["bus"]
    levels = " ".join(f"{kv:g}" for kv in sorted(net.bus["vn_kv"].unique(), reverse=True))
    title = _ENDS_A_LINE.sub(" ", str(net.name or "net"))
    master = _MASTER.format(
        title=title,
        f_hz=net.f_hz,
        sources="\n".join(_sources(net, bus, names["ext_grid"])),
        levels=levels,
    )
    return {
        "master.dss": master,
        "lines.dss": _joined(_lines(net, bus, names["line"])),
        "transformers.dss": _joined(
            [*_transformers(net, bus, names["trafo"]), *_three_windings(net, bus, names["trafo3w"])]
        ),
        "shunts.dss": _joined(_shunts(net, bus, names["shunt"])),
        "loads.dss": _joined(_loads(net, bus, names["load"])),
        "coordinates.csv": _joined(_coordinates(net, bus)),
        "names.csv": _names_table(net, names),
    }


def _refuse(net: pandapowerNet) -> None:
    if not net.ext_grid["in_service"].any():
        raise TopologyError("no external grid is in service: nothing feeds the net")
    for fault in check_pandapower(net):
        if fault.code in ("element-not-held", "switch-not-held"):
            raise TopologyError(f"{fault.subject}: {fault.message}")
    _refuse_figures(net)
    _refuse_transformers(net)
    if ((net.switch["et"] == "b") & net.switch["closed"]).any():
        raise TopologyError("a switch between two buses is closed; join the buses first")
    if "g_us_per_km" in net.line and (net.line["g_us_per_km"] != 0).any():
        name = labels(net, "line")[net.line.index[net.line["g_us_per_km"] != 0][0]]
        raise TopologyError(f"line {name!r} has a conductance to earth, which OpenDSS lines lack")


def _refuse_figures(net: pandapowerNet) -> None:
    """Figures that no script can state: it would hold `nan`, or the root of less than nothing."""
    name = labels(net, "load")
    for row in _active(net, "load"):
        if not all(math.isfinite(value) for value in (row.p_mw, row.q_mvar, row.scaling)):
            message = f"a finite power is expected, got {row.p_mw} MW, {row.q_mvar} Mvar"
            raise InputError(f"{message}, scaling {row.scaling}", f"load {name[row.Index]}")
    for table, parts in (("trafo", ("",)), ("trafo3w", ("hv_", "mv_", "lv_"))):
        name = labels(net, table)
        for row in _active(net, table):
            for part in parts:
                vk, vkr = getattr(row, f"vk_{part}percent"), getattr(row, f"vkr_{part}percent")
                if not 0 <= vkr <= vk < math.inf:
                    raise InputError(
                        f"vkr_{part}percent from 0 to vk_{part}percent is expected, got {vkr} "
                        f"and {vk}",
                        f"transformer {name[row.Index]}",
                    )


def _refuse_transformers(net: pandapowerNet) -> None:
    """What the scripts would leave out of a transformer, and with it wrong voltages."""
    name = labels(net, "trafo")
    for row in _active(net, "trafo"):
        fault = circuit_fault(row._asdict())
        if fault:
            raise TopologyError(f"transformer {name[row.Index]!r}: {fault}")
    name = labels(net, "trafo3w")
    for row in _active(net, "trafo3w"):
        if turned_taps(row._asdict()):
            raise TopologyError(f"transformer {name[row.Index]!r}: its taps turn the phase")
        if getattr(row, "tap_at_star_point", False) is True:
            raise TopologyError(f"transformer {name[row.Index]!r}: its taps are at the star point")


def _numbered(net: pandapowerNet, table: str) -> pd.Series:
    width = len(str(max(len(net[table]), 1)))
    numbers = [f"{table}{row:0{width}d}" for row in range(1, len(net[table]) + 1)]
    return pd.Series(numbers, index=net[table].index, dtype=object)


def _joined(lines: Any) -> str:
    return "".join(f"{line}\n" for line in lines)


def _names_table(net: pandapowerNet, names: dict[str, pd.Series]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["table", "opendss", "name"])
    for table, numbered in names.items():
        own = bus_labels(net) if table == "bus" else labels(net, table)
        rows = zip(numbered, own, strict=True)
        writer.writerows((table, dss, defused(name)) for dss, name in rows)
    return out.getvalue()


def _active(net: pandapowerNet, table: str) -> Iterator[Any]:
    """Rows in service whose buses are in service, as named tuples."""
    frame = net[table]
    alive = frame["in_service"].astype(bool)
    for column in ("bus", "from_bus", "to_bus", "hv_bus", "mv_bus", "lv_bus"):
        if column in frame:
            alive &= frame[column].map(net.bus["in_service"]).astype(bool)
    yield from frame[alive].itertuples()


def _sources(net: pandapowerNet, bus: pd.Series, names: pd.Series) -> Iterator[str]:
    """The first source makes the circuit. They are stiff: pandapower holds their voltage."""
    for number, row in enumerate(_active(net, "ext_grid")):
        word = "Circuit.county" if number == 0 else f"Vsource.{names[row.Index]}"
        ohm = f"r1={_STIFF_OHM:g} x1={_STIFF_OHM:g} r0={_STIFF_OHM:g} x0={_STIFF_OHM:g}"
        kv = net.bus.at[row.bus, "vn_kv"]
        yield (
            f"New {word} bus1={bus[row.bus]} phases=3 basekv={kv:.10g} pu={row.vm_pu:.12g} "
            f"angle={row.va_degree:.10g} {ohm}"
        )


def _lines(net: pandapowerNet, bus: pd.Series, names: pd.Series) -> Iterator[str]:
    opened = net.switch[(net.switch["et"] == "l") & ~net.switch["closed"].astype(bool)]
    open_at = set(zip(opened["element"], opened["bus"], strict=True))
    opens = []
    for row in _active(net, "line"):
        count = row.parallel
        r, x = row.r_ohm_per_km / count, row.x_ohm_per_km / count
        c = row.c_nf_per_km * count
        yield (
            f"New Line.{names[row.Index]} bus1={bus[row.from_bus]} bus2={bus[row.to_bus]} phases=3 "
            f"r1={r:.12g} x1={x:.12g} c1={c:.12g} r0={r:.12g} x0={x:.12g} c0={c:.12g} "
            f"length={row.length_km:.12g} units=km{_ampacity(row)}"
        )
        for terminal, end in ((1, row.from_bus), (2, row.to_bus)):
            if (row.Index, end) in open_at:
                opens.append(f"Open Line.{names[row.Index]} {terminal}")
    yield from opens


def _ampacity(row: Any) -> str:
    amps = row.max_i_ka * row.df * row.parallel * KILO
    return f" normamps={amps:.6g} emergamps={amps:.6g}" if math.isfinite(amps) else ""


def _tap_factor(row: Any) -> float:
    """By how much the tap turns up the voltage of its winding."""
    if not isinstance(row.tap_changer_type, str) or not isinstance(row.tap_side, str):
        return 1.0
    factor = 1 + (row.tap_pos - row.tap_neutral) * row.tap_step_percent / 100
    return float(factor) if math.isfinite(factor) else 1.0


def _transformers(net: pandapowerNet, bus: pd.Series, names: pd.Series) -> Iterator[str]:
    for row in _active(net, "trafo"):
        kva = row.sn_mva * KILO * row.parallel
        taps = {side: _tap_factor(row) if row.tap_side == side else 1.0 for side in ("hv", "lv")}
        xhl = math.sqrt(row.vk_percent**2 - row.vkr_percent**2)
        conns, lead = _connection(row)
        yield (
            f"New Transformer.{names[row.Index]} phases=3 windings=2 "
            f"buses=[{bus[row.hv_bus]} {bus[row.lv_bus]}] conns=[{conns}] leadlag={lead} "
            f"kvs=[{row.vn_hv_kv:.12g} {row.vn_lv_kv:.12g}] kvas=[{kva:.12g} {kva:.12g}] "
            f"taps=[{taps['hv']:.12g} {taps['lv']:.12g}] xhl={xhl:.12g} "
            f"%rs=[{row.vkr_percent / 2:.12g} {row.vkr_percent / 2:.12g}] "
            f"%noloadloss=0 %imag=0"
        )
        yield f"! no-load loss {row.pfe_kw:g} kW, current {row.i0_percent:g} %: half at either side"
        for side, end in (("hv", row.hv_bus), ("lv", row.lv_bus)):
            kv = getattr(row, f"vn_{side}_kv") * taps[side]
            watts = row.pfe_kw * row.parallel
            yield from _core(f"{names[row.Index]}_{side}", bus[end], kv, (kva, watts, row), 0.5)


def _connection(row: Any) -> tuple[str, str]:
    """Windings and lead or lag. A balanced flow sees the angle alone, and no magnitude of it."""
    if math.isclose(row.shift_degree % 60, 0, abs_tol=1e-9):
        return "wye wye", "lag"
    group = str(getattr(row, "vector_group", ""))
    conns = "wye delta" if group.upper().startswith("Y") else "delta wye"
    return conns, "lead" if row.shift_degree % 360 > 180 else "lag"


def _core(
    name: str, bus: str, kv: float, rated: tuple[float, float, Any], share: float
) -> Iterator[str]:
    """A share of a no-load branch at one side, as two reactors: its loss and its magnetising."""
    kva, watts_kw, row = rated
    magnetising = (row.i0_percent / 100 * kva) ** 2 - watts_kw**2
    kvar = math.sqrt(max(magnetising, 0.0)) * share
    if watts_kw * share > 0:
        ohm = kv**2 * KILO / (watts_kw * share)
        yield f"New Reactor.{name}_loss bus1={bus} phases=3 r={ohm:.12g} x=0"
    if kvar > 0:
        ohm = kv**2 * KILO / kvar
        yield f"New Reactor.{name}_magn bus1={bus} phases=3 r=0 x={ohm:.12g}"


def _three_windings(net: pandapowerNet, bus: pd.Series, names: pd.Series) -> Iterator[str]:
    for row in _active(net, "trafo3w"):
        ends = [getattr(row, f"{side}_bus") for side in _WINDINGS]
        kvas = [getattr(row, f"sn_{side}_mva") * KILO for side in _WINDINGS]
        kvs = [getattr(row, f"vn_{side}_kv") for side in _WINDINGS]
        tap = [_tap_factor(row) if row.tap_side == side else 1.0 for side in _WINDINGS]
        pairs = _pairs_on_high_side(row)
        r = _star([pair[0] for pair in pairs])  # OpenDSS wants all of them on the first rating
        x = [pair[1] for pair in pairs]
        conns = "wye wye " + ("wye" if row.shift_lv_degree % 60 == 0 else "delta")
        yield (
            f"New Transformer.{names[row.Index]} phases=3 windings=3 "
            f"buses=[{' '.join(bus[end] for end in ends)}] conns=[{conns}] leadlag=lead "
            f"kvs=[{_numbers(kvs)}] kvas=[{_numbers(kvas)}] taps=[{_numbers(tap)}] "
            f"xhl={x[0]:.12g} xlt={x[1]:.12g} xht={x[2]:.12g} %rs=[{_numbers(r)}] "
            f"%noloadloss=0 %imag=0"
        )
        yield f"! no-load loss {row.pfe_kw:g} kW, current {row.i0_percent:g} %: half at either side"
        star = _star(x)
        other = min((1, 2), key=lambda k: abs(star[k]))  # the nearest to the star point
        for k in (0, other):
            core = (kvas[0], row.pfe_kw, row)
            name = f"{names[row.Index]}_{_WINDINGS[k]}"
            yield from _core(name, bus[ends[k]], kvs[k] * tap[k], core, 0.5)


def _numbers(values: list[float]) -> str:
    return " ".join(f"{value:.12g}" for value in values)


def _pairs_on_high_side(row: Any) -> list[tuple[float, float]]:
    """Resistance and reactance [%] of hv-mv, mv-lv, lv-hv on the high side's rating.

    pandapower states each on the smaller rating of its two windings.
    """
    ratings = {side: getattr(row, f"sn_{side}_mva") for side in _WINDINGS}
    pairs = []
    for side, (one, two) in zip(_WINDINGS, (("hv", "mv"), ("mv", "lv"), ("lv", "hv")), strict=True):
        factor = ratings["hv"] / min(ratings[one], ratings[two])
        vk, vkr = getattr(row, f"vk_{side}_percent"), getattr(row, f"vkr_{side}_percent")
        pairs.append((vkr * factor, math.sqrt(vk**2 - vkr**2) * factor))
    return pairs


def _star(pairs: list[float]) -> list[float]:
    """Legs hv, mv, lv of a star from the pairs hv-mv, mv-lv, lv-hv."""
    hm, ml, lh = pairs
    return [(hm + lh - ml) / 2, (hm + ml - lh) / 2, (ml + lh - hm) / 2]


def _shunts(net: pandapowerNet, bus: pd.Series, names: pd.Series) -> Iterator[str]:
    for row in _active(net, "shunt"):
        at, name = f"bus1={bus[row.bus]} phases=3", names[row.Index]
        kvar = row.q_mvar * row.step * KILO
        if row.p_mw != 0:
            ohm = row.vn_kv**2 / (row.p_mw * row.step)
            yield f"New Reactor.{name}_p {at} r={ohm:.12g} x=0"
        if kvar < 0:
            yield f"New Capacitor.{name} {at} kv={row.vn_kv:.12g} kvar={-kvar:.12g}"
        elif kvar > 0:
            yield f"New Reactor.{name} {at} r=0 x={row.vn_kv**2 * KILO / kvar:.12g}"


def _loads(net: pandapowerNet, bus: pd.Series, names: pd.Series) -> Iterator[str]:
    load = net.load[net.load["in_service"].astype(bool)]
    shares = load.groupby("bus")[_SHARES].mean() / 100
    for row in _active(net, "load"):
        p, q = row.p_mw * row.scaling * KILO, row.q_mvar * row.scaling * KILO
        zp, ip, zq, iq = shares.loc[row.bus]
        if zp == ip == zq == iq == 0:
            model = f"model=1 {_WIDE}"
        else:
            zip_ = [zp, ip, 1 - zp - ip, zq, iq, 1 - zq - iq, 0.0]
            model = f"model=8 zipv=[{_numbers(zip_)}] {_WIDE}"
        yield (
            f"New Load.{names[row.Index]} bus1={bus[row.bus]} phases=3 conn=wye "
            f"kv={net.bus.at[row.bus, 'vn_kv']:.12g} kw={p:.12g} kvar={q:.12g} {model}"
        )


def _coordinates(net: pandapowerNet, bus: pd.Series) -> Iterator[str]:
    lon, lat = coordinates(net.bus)
    for name, x, y in zip(bus, lon, lat, strict=True):
        if math.isfinite(x):
            yield f"{name}, {x:.7f}, {y:.7f}"
