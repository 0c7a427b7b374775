"""Writing files: whole or not at all.

What is written stands beside its name first and is then renamed, so that an interruption, a full
disk or a refusal leaves what stood there before.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from ruralgrid.errors import WriteError

__all__ = [
    "RUN_BY_SPREADSHEETS",
    "defused",
    "require_folder",
    "require_only",
    "require_writable",
    "write_bytes",
    "write_files",
    "write_folder",
    "write_text",
]

RUN_BY_SPREADSHEETS = re.compile(r"'*[=+\-@＝＋－＠\t\r]")
"""Text that a spreadsheet runs, or that would be mistaken for such a text behind its apostrophe.

`report/page/tables.js` has the same for the page's CSV.
"""

_PLAIN_NUMBER = re.compile(r"[+-]?[0-9.,]* ?%?")
"""A sign, a number, a per cent: text that runs nothing."""


def defused(text: str) -> str:
    """A text for a CSV: behind an apostrophe where a spreadsheet would run it.

    A carriage return becomes a blank: writers of CSV quote line feeds only, so it would end the
    row.
    """
    plain = text.replace("\r", " ")
    harmless = RUN_BY_SPREADSHEETS.match(text) is None or _PLAIN_NUMBER.fullmatch(plain) is not None
    return plain if harmless else f"'{plain}"


def require_folder(folder: Path) -> None:
    """Raise WriteError where `folder`, or what it is to lie in, is a file."""
    for place in (folder, *folder.parents):
        if place.exists():
            if not place.is_dir():
                raise WriteError(f"{place} is a file; a folder is expected")
            return


def require_only(folder: Path, names: Collection[str], form: str) -> None:
    """Raise WriteError where `folder` is to be replaced and holds what is none of `names`.

    `form` is what the folder is to hold, in a word or two.
    """
    require_folder(folder)
    if not folder.is_dir():
        return
    try:
        strange = sorted({each.name for each in folder.iterdir()} - set(names))
    except OSError as error:
        raise WriteError(f"{folder}: {error.strerror or error}") from error
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise WriteError(
            f"{folder} holds {strange[0]!r}{more}, which {form} would delete; "
            "name a new or empty folder"
        )


def require_writable(path: Path) -> None:
    """Raise WriteError unless a file can be written beside `path`, as `write_files` does it.

    The folders that are not there are made, and a file in them; all of them are removed again.
    """
    target = path.resolve()
    absent = [place for place in target.parents if not place.exists()]
    made: list[Path] = []
    try:
        for place in reversed(absent):
            place.mkdir()
            made.append(place)
        handle, trial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(handle)
        Path(trial).unlink()
    except OSError as error:
        message = error.strerror or error
        raise WriteError(f"{path} cannot be written: {message}; name another place") from error
    finally:
        for place in reversed(made):
            place.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) so that `path` holds either what it held or all of it.

    Raises
    ------
    WriteError
        If the disk is full or the folder refuses; what stood there before is untouched.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` so that `path` holds either what it held or all of it.

    A file that stands there keeps its permissions; a link to it stays a link.

    Raises
    ------
    WriteError
        If the disk is full or the folder refuses; what stood there before is untouched.
    """
    write_files(path.parent, {path.name: content})


def write_files(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files into `folder`: all are written beside first, and then each takes its name.

    What else lies in the folder stays.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    WriteError
        If the disk is full or the folder refuses; what stood there before is untouched.
    """
    beside: dict[Path, Path] = {}
    path = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            path = folder / name
            target = path.resolve()
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, "a folder stands there; a file is expected")
            handle, made = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            beside[target] = Path(made)
            _write_handle(handle, content)
            beside[target].chmod(_mode_of(target))
        for target, made_beside in beside.items():
            path = target
            made_beside.replace(target)
    except OSError as error:
        raise WriteError(f"{path}: {error.strerror or error}") from error
    finally:  # gone where they were renamed
        for made_beside in beside.values():
            made_beside.unlink(missing_ok=True)
    return [folder / name for name in contents]


def _mode_of(path: Path) -> int:
    """The permissions of the file that stands there; of a new one those of a public file."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write a folder of files so that `folder` holds either what it held or all of the new ones.

    The new folder is written beside, the old one steps aside under a name that begins with a point,
    the new one takes its place, and only then is the old one removed, with all that is in it.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    WriteError
        If the disk is full or the place refuses; what stood there before is untouched.
    """
    folder = folder.resolve()
    require_folder(folder)
    beside: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        for name, content in contents.items():
            _write_handle(os.open(beside / name, os.O_WRONLY | os.O_CREAT, 0o644), content)
        beside.chmod(0o755)
        _take_place(beside, folder)
    except OSError as error:
        raise WriteError(f"{folder}: {error.strerror or error}") from error
    finally:  # gone where it took its place
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)
    return [folder / name for name in contents]


def _take_place(new: Path, folder: Path) -> None:
    """Rename `new` to `folder`; the folder that stands there steps aside and comes back if need be.

    No portable call exchanges two folders at once, so there are two renames.
    """
    if not folder.exists():
        new.rename(folder)
        return
    aside = new.with_name(f"{new.name}.old")
    folder.rename(aside)
    try:
        new.rename(folder)
    except BaseException:
        aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _write_handle(handle: int, content: bytes) -> None:
    """All of `content`, on the disk and not in its cache, when this returns."""
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
