"""The report of a study as one HTML file: it opens from disk and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from ruralgrid.files import write_text
from ruralgrid.report.fonts import chinese_font, embedded_font
from ruralgrid.report.page.content import content
from ruralgrid.report.page.words import both, pair
from ruralgrid.report.staged import StagedStudy
from ruralgrid.report.terms import Lang, language

if TYPE_CHECKING:
    from jinja2 import Environment

    from ruralgrid.studies import Study

__all__ = ["report_html", "write_report"]

_PAGE: Final = files("ruralgrid.report") / "page"
_STYLES: Final = ("report.css",)
_SCRIPTS: Final = ("words.js", "tables.js", "map.js", "profiles.js", "start.js")

_FONT_FACE: Final = (
    "@font-face{{font-family:'Report CJK';src:url({uri}) format('{kind}');font-display:block;}}\n"
)

# What HTML or JavaScript could take for markup or for the end of a line, inside a JSON text.
_ESCAPED: Final = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def write_report(study: Study | StagedStudy, path: str | Path, *, lang: Lang = "en") -> Path:
    """Write the report of a study as one self-contained HTML file.

    Parameters
    ----------
    study : Study or StagedStudy
        Of `ruralgrid.study`; staged where several reports are written of it.
    path : str or Path
        The file.
    lang : {"en", "zh"}
        The language that it opens in; a switch in the page shows the other.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UnknownNameError
        There is no such language.
    WriteError
        The file cannot be written; what stood there before is untouched.
    """
    path = Path(path)
    write_text(path, report_html(study, lang=lang))
    return path


def report_html(study: Study | StagedStudy, *, lang: Lang = "en") -> str:
    """The report of a study as the text of an HTML page; see `write_report`.

    The page's policy (Content-Security-Policy) allows its own style and script by their hashes, its
    font and its pictures as data, and nothing else. The same study gives the same text.
    """
    shown = content(study if isinstance(study, StagedStudy) else StagedStudy(study))
    data = _json({**shown.data, "lang": language(lang)})
    style, script = _joined(_STYLES), _joined(_SCRIPTS)
    template = _environment().get_template("report.html.j2")

    def rendered(style: str) -> str:
        return template.render(
            content=shown,
            lang=lang,
            policy=_policy(style, script),
            # the page's own files, and JSON in which nothing can be taken for markup
            style=Markup(style),
            script=Markup(script),
            data=Markup(data),
        )

    page = rendered(style)
    font = embedded_font([page], chinese_font())
    return page if font is None else rendered(_FONT_FACE.format(uri=font[0], kind=font[1]) + style)


def _policy(style: str, script: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "font-src data:",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _json(data: dict[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPED)


def _joined(names: tuple[str, ...]) -> str:
    return "".join((_PAGE / name).read_text(encoding="utf-8") for name in names)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    def source(name: str) -> str:
        return (_PAGE / name).read_text(encoding="utf-8")

    def words(key: str) -> Markup:
        return both(pair(key))

    environment = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(t=words, both=both)
    return environment
