"""What a command is about to write, looked at before it works.

An output is never the input, and replaces a file only where that is of the kind that the command
writes: its own earlier output. And the place must take it, for nobody waits minutes for a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ruralgrid.errors import WriteError
from ruralgrid.files import require_folder, require_only, require_writable

__all__ = [
    "BASELINE",
    "GEOJSON",
    "GEOJSON_FOLDER",
    "JUNIT",
    "OPENDSS_FOLDER",
    "PANDAPOWER",
    "FileKind",
    "FolderKind",
    "require_apart",
    "require_file",
    "require_replaceable_folder",
    "require_study_out",
]

_HEAD_BYTES: Final = 4096


@dataclass(frozen=True)
class FileKind:
    """A kind of file, by how one begins that ruralgrid wrote."""

    name: str
    begins: re.Pattern[str]

    def is_of(self, path: Path) -> bool:
        """Whether a file begins so."""
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
        except OSError:
            return False
        return self.begins.match(head.decode("utf-8", errors="replace")) is not None


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder: its files, and the one by which it is known."""

    name: str
    files: frozenset[str]
    sign: str
    begins: FileKind


BASELINE: Final = FileKind(
    "a baseline", re.compile(r'\s*\{\s*"format":\s*"ruralgrid voltage baseline')
)
JUNIT: Final = FileKind(
    "JUnit XML of `ruralgrid check`",
    re.compile(r'(<\?xml[^>]*>)?\s*<testsuites name="ruralgrid check"'),
)
PANDAPOWER: Final = FileKind(
    "a pandapower JSON",
    re.compile(r'\s*\{\s*"_module":\s*"pandapower\.auxiliary",\s*"_class":\s*"pandapowerNet"'),
)
GEOJSON: Final = FileKind(
    "a GeoJSON by ruralgrid",
    re.compile(
        r'\{"type": "FeatureCollection", ("datum": "GCJ-02", )?"features": \['
        r'\n\{"type": "Feature", "id": '
    ),
)
GEOJSON_FOLDER: Final = FolderKind(
    "a folder of GeoJSON layers",
    frozenset({"nodes.geojson", "sections.geojson", "villages.geojson"}),
    "nodes.geojson",
    GEOJSON,
)
OPENDSS_FOLDER: Final = FolderKind(
    "a folder of OpenDSS scripts",
    frozenset(
        {f"{name}.dss" for name in ("master", "lines", "transformers", "shunts", "loads")}
        | {"coordinates.csv", "names.csv"}
    ),
    "master.dss",
    FileKind("OpenDSS by ruralgrid", re.compile(r"! .*\n! Written by ruralgrid;")),
)


def require_apart(outputs: Mapping[str, Path], inputs: Iterable[str | Path | None]) -> None:
    """Raise WriteError where an output is an input, or two outputs are one file.

    `outputs` are named by their option or argument; what is no file among the inputs, such as the
    name of a packaged plan, is passed over.
    """
    sources = [Path(each) for each in inputs if each is not None and Path(each).exists()]
    for option, path in outputs.items():
        if any(_is_same(path, source) for source in sources):
            raise WriteError(f"{option}: {path} is read as an input; name another place to write")
    seen: dict[Path, str] = {}
    for option, path in outputs.items():
        other = seen.setdefault(path.resolve(), option)
        if other != option:
            raise WriteError(f"{other} and {option} name the same file, {path}; name two")


def _is_same(path: Path, source: Path) -> bool:
    return path.exists() and path.samefile(source)


def require_file(path: Path, kind: FileKind) -> None:
    """Raise WriteError where another kind of file stands at `path`, or none can be written."""
    if path.is_dir():
        raise WriteError(f"{path} is a folder; a file is expected")
    if path.exists() and not kind.is_of(path):
        raise WriteError(f"{path} is there already and is not {kind.name}; name a new file")
    require_folder(path.parent)
    require_writable(path)


def require_replaceable_folder(folder: Path, kind: FolderKind) -> None:
    """Raise WriteError where `folder` holds what is not of this kind, or cannot be written."""
    require_only(folder, kind.files, kind.name)
    sign = folder / kind.sign
    if folder.is_dir() and any(folder.iterdir()) and not kind.begins.is_of(sign):
        raise WriteError(
            f"{folder} holds files, and no {kind.sign} of ruralgrid's; name a new or empty folder"
        )
    require_writable(folder)


def require_study_out(folder: Path, source: str) -> None:
    """Raise WriteError where a study would spoil its input or a stranger's file, or cannot write.

    A county's folder of CSV and a plan's folder hold tables of the same names as a study's.
    """
    from ruralgrid.study_folder import require_study_folder

    read_from = _folder_of(source)
    if read_from is not None and folder.is_dir() and folder.samefile(read_from):
        raise WriteError(
            f"{folder} is the folder that the study reads its tables from; name another folder"
        )
    require_study_folder(folder)
    require_writable(folder / "report.html")


def _folder_of(source: str) -> Path | None:
    """The folder whose tables an input names; None for a workbook and for a packaged plan."""
    from ruralgrid.plan import list_plans

    place = Path(source)
    if source in list_plans():
        return None
    if place.is_dir():
        return place
    return place.parent if place.suffix.lower() == ".toml" else None
