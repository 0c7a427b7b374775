"""The folder of a study: it holds the files of one study, and what is not a study's is left alone.

``files.txt`` lists what the study in it wrote; the next study takes those of them away that it does
not write itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from ruralgrid.errors import WriteError
from ruralgrid.files import require_folder, write_text

__all__ = ["LIST", "STUDY_FILES", "require_study_folder", "write_in_place_of"]

LIST: Final = "files.txt"

_FIRST_LINE: Final = "Files of a study by ruralgrid; the next one written here takes them away."

_TABLES: Final = (
    "access", "assumptions", "built", "calibrations", "capacity", "claim_nets",
    "claim_nets_with_projects", "claim_parts", "claim_parts_with_projects", "findings", "gains",
    "loading", "losses", "pass_rates", "phase_moves", "phases", "quick_methods", "radius",
    "representative_hours", "savings", "sensitivity", "stages", "targets", "villages", "voltages",
)  # fmt: skip

STUDY_FILES: Final = frozenset(
    {"report.html", "study.xlsx", "summary.txt", "villages.geojson", LIST}
    | {f"{table}.csv" for table in _TABLES}
)
"""Every file that a study may write."""


def require_study_folder(folder: Path, names: Collection[str] = ()) -> None:
    """Raise WriteError where a study would replace a file that no study wrote.

    Parameters
    ----------
    folder : Path
        Perhaps not there yet.
    names : collection of str
        Files that it writes beside `STUDY_FILES`.
    """
    require_folder(folder)
    own = _listed(folder)
    for name in sorted({*STUDY_FILES, *names} - own):
        if (folder / name).exists():
            raise WriteError(
                f"{folder / name} is there already and no study wrote it ({LIST} does not list "
                "it); name a new or empty folder"
            )


def write_in_place_of(
    folder: Path, names: Collection[str], write: Callable[[], list[Path]]
) -> list[Path]:
    """Write a study, take away what an earlier one wrote besides, and list what is there now.

    Parameters
    ----------
    folder, names
        As in `require_study_folder`, which is asked first.
    write : callable
        Writes the files of the study and returns them.

    Returns
    -------
    list of Path
        The files written, the list at the end.
    """
    require_study_folder(folder, names)
    earlier = _listed(folder)
    written = write()
    current = {path.name for path in written}
    for name in sorted(earlier - current - {LIST}):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            message = f"{folder / name}, of an earlier study, cannot be taken away"
            raise WriteError(f"{message}: {error.strerror or error}") from error
    write_text(folder / LIST, "\n".join([_FIRST_LINE, *(path.name for path in written), ""]))
    return [*written, folder / LIST]


def _listed(folder: Path) -> set[str]:
    """The files of the study in the folder, the list included; none where it has no such list."""
    try:
        first, *names = (folder / LIST).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return set()
    if first != _FIRST_LINE:
        return set()
    return {LIST, *(name for name in names if name and Path(name).name == name)}
