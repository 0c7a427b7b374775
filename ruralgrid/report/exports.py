"""A county for other programs: a pandapower net as JSON, OpenDSS scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.county import County
from ruralgrid.flow.snapshot import solve_snapshot
from ruralgrid.network import build, write_pandapower_json
from ruralgrid.network.opendss import write_opendss_net

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["write_opendss", "write_pandapower"]


def write_opendss(
    subject: County | pandapowerNet, folder: str | Path, *, hour: int | str = "peak"
) -> list[Path]:
    """Write an OpenDSS model of one hour: ``master.dss`` compiles and solves it.

    The voltages are those of ``solve_snapshot(build(county, hour=hour))`` within 1e-4 pu. Taps
    stand where that load flow leaves them, and stay there.

    Parameters
    ----------
    subject : County or pandapowerNet
        A county at its stage is built at `hour`; a net is taken as it stands.
    folder : str or Path
        Replaced whole, and may hold nothing else. ``names.csv`` says which element of OpenDSS is
        which of the county's.
    hour : int, "peak" or "mean"
        As in `build`; of a county alone.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    TopologyError
        An element that the scripts cannot hold; names it.
    ConvergenceError
        The load flow that sets the taps found no solution.
    WriteError
        The folder holds other files, or the disk refuses; nothing is touched.
    """
    net = build(subject, hour=hour) if isinstance(subject, County) else subject
    moves_taps = "controller" in net and net.controller["in_service"].any()
    return write_opendss_net(solve_snapshot(net) if moves_taps else net, folder)


def write_pandapower(
    subject: County | pandapowerNet, path: str | Path, *, hour: int | str = "peak"
) -> Path:
    """Write a net as pandapower's JSON (``pandapower.from_json`` reads it), whole or not at all.

    Parameters
    ----------
    subject, hour
        As in `write_opendss`.
    path : str or Path
        The file.
    """
    net = build(subject, hour=hour) if isinstance(subject, County) else subject
    return write_pandapower_json(net, path)
