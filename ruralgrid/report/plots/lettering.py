"""Labels of a plot, in English or Chinese, in a font that has them; nothing global is changed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ruralgrid.errors import UnknownNameError
from ruralgrid.report.fonts import chinese_font_file
from ruralgrid.report.terms import Lang, get_term

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text

__all__ = ["Lang", "Lettering", "lettering"]

_FIRST_CJK: Final = "\u2e80"


@dataclass(frozen=True)
class Lettering:
    """The language of a plot and the font that it is written in.

    Parameters
    ----------
    lang : {"en", "zh"}
        Language of the labels.
    font : FontProperties or None
        A font with Chinese signs; None where the machine has none.
    latin : mapping of str to str
        Names in Latin letters, for a machine without Chinese signs.
    """

    lang: Lang
    font: FontProperties | None
    latin: Mapping[str, str] = field(default_factory=dict)

    def word(self, key: str, figures: Mapping[str, str | float] | None = None) -> str:
        """The label `key` with its figures put in; UnknownNameError where there is none."""
        text = get_term("plot", key).label(self.lang)
        return text.replace("\\n", "\n").format_map(figures or {})

    def column(self, name: str) -> str:
        """What a column of a table is called, without its unit."""
        term = get_term("column", name)
        return term.zh if self.lang == "zh" else term.en

    def name(self, text: str, instead: str = "") -> str:
        """A name of the county, or what stands for it where its signs cannot be drawn."""
        if self.font is None and _has_chinese(text):
            text = self.latin.get(text, instead)
        return text.replace("$", r"\$")  # a dollar sign begins a formula

    def stage(self, stage: int) -> str:
        """What a stage is called: before the works, after batch 2."""
        return self.word("after", {"stage": stage}) if stage else self.word("before")

    def apply(self, ax: Axes) -> Axes:
        """Write the texts of `ax` in the font, where they need it; the others stay as they are."""
        if self.font is None:
            return ax
        legend = ax.get_legend()
        texts: list[Text] = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        texts += [*legend.get_texts(), legend.get_title()] if legend else []
        ticks = [*ax.get_xticklabels(), *ax.get_yticklabels(), *ax.get_xticklabels(minor=True)]
        texts = [text for text in texts if self.lang == "zh" or _has_chinese(text.get_text())]
        for text in texts + [tick for tick in ticks if _has_chinese(tick.get_text())]:
            own = self.font.copy()
            own.set_size(text.get_fontsize())
            text.set_fontproperties(own)
        return ax


def _has_chinese(text: str) -> bool:
    return any(sign >= _FIRST_CJK for sign in text)


def lettering(lang: Lang, latin: Mapping[str, str] | None = None) -> Lettering:
    """The lettering of a language; English, with a warning, where no font has Chinese signs.

    Raises
    ------
    UnknownNameError
        `lang` is neither en nor zh.
    """
    if lang not in ("en", "zh"):
        raise UnknownNameError("language", lang, ("en", "zh"))
    font = _chinese_font()
    if lang == "zh" and font is None:
        warnings.warn(
            "no font with Chinese signs was found, so labels are English; "
            "pip install 'ruralgrid[fonts]' brings one",
            stacklevel=3,
        )
        lang = "en"
    return Lettering(lang, font, latin or {})


def _chinese_font() -> FontProperties | None:
    from matplotlib.font_manager import FontProperties

    path = chinese_font_file()
    return None if path is None else FontProperties(fname=path)
