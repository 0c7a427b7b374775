"""Where a Chinese font comes from, and the part of it that a page needs.

In this order: the package of the extra `fonts` (Noto Sans SC, OFL), a free font of the system, any
other Chinese font of the system. A font whose licence forbids it is drawn with, never embedded.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import logging
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

__all__ = ["ChineseFont", "chinese_font", "chinese_font_file", "embedded_font"]

_PACKAGE: Final = "pylopdf_fonts_zh_cn"

# Beginnings of file names, lower case, best first: under the OFL or the GPL with font exception.
_FREE: Final = (
    "notosanssc",
    "notosanscjk",
    "sourcehansans",
    "wqy-microhei",
    "wqy-zenhei",
    "droidsansfallback",
    "notoserifcjk",
    "notoserifsc",
    "lxgwwenkai",
)
# Parts of Windows and macOS: they draw on their own machine only.
_OF_A_SYSTEM: Final = ("msyh", "pingfang", "simhei", "simsun", "stheiti", "hiragino sans gb")
_ENDINGS: Final = {".ttf", ".otf", ".ttc", ".otc"}


@dataclass(frozen=True, slots=True)
class ChineseFont:
    """A font file with simplified Chinese signs.

    Parameters
    ----------
    path : Path
        The file.
    embeddable : bool
        Whether its licence lets a page carry a part of it.
    """

    path: Path
    embeddable: bool


@cache
def chinese_font() -> ChineseFont | None:
    """The best Chinese font of this machine, or None."""
    if importlib.util.find_spec(_PACKAGE) is not None:
        path: Path = import_module(_PACKAGE).sans_path()
        if path.is_file():
            return ChineseFont(path, embeddable=True)
    found = _font_files(_font_folders())
    for beginnings, embeddable in ((_FREE, True), (_OF_A_SYSTEM, False)):
        for beginning in beginnings:
            for path in found:
                if path.name.lower().startswith(beginning):
                    return ChineseFont(path, embeddable)
    return None


def chinese_font_file() -> Path | None:
    """The file of `chinese_font()`, or None."""
    font = chinese_font()
    return None if font is None else font.path


def embedded_font(text: Iterable[str], font: ChineseFont | None) -> tuple[str, str] | None:
    """The part of a font that writes `text`, as a data URI and its CSS format.

    Parameters
    ----------
    text : iterable of str
        Every text that a page may show.
    font : ChineseFont or None
        Of `chinese_font()`.

    Returns
    -------
    (str, str) or None
        ``data:font/woff2;base64,...`` and ``woff2``, or woff where brotli is not installed. None
        where there is no font, it may not be embedded, or fontTools is not installed: the page then
        asks for a font of the reader's system.
    """
    if font is None or not font.embeddable or importlib.util.find_spec("fontTools") is None:
        return None
    signs = sorted({sign for piece in text for sign in piece if ord(sign) > 0x2000})
    flavor = "woff" if importlib.util.find_spec("brotli") is None else "woff2"
    data = base64.b64encode(_subset(font.path, "".join(signs), flavor)).decode("ascii")
    return f"data:font/{flavor};base64,{data}", flavor


def _subset(path: Path, signs: str, flavor: str) -> bytes:
    from fontTools import subset

    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    options = subset.Options()
    options.flavor = flavor
    options.font_number = 0  # of a collection; the first is as good as the others for labels
    options.hinting = False
    options.layout_features = []
    options.name_IDs = [0, 1, 2, 13, 14]  # copyright, family, style, licence and its address
    options.notdef_outline = True
    options.recalc_timestamp = False  # the same text gives the same bytes
    loaded = subset.load_font(str(path), options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=signs)
    cutter.subset(loaded)
    written = io.BytesIO()
    subset.save_font(loaded, written, options)
    return written.getvalue()


def _font_folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    return [
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".fonts",
        home / ".local/share/fonts",
    ]


def _font_files(folders: Iterable[Path]) -> list[Path]:
    """Font files below the folders, in the order of their names."""
    return sorted(
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.rglob("*")
        if path.suffix.lower() in _ENDINGS
    )
