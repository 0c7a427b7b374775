"""One table of terms, English and Chinese, for whatever people look at: report, workbook, plots.

The table is `terms.csv` beside this module: kind, key, unit, en, zh.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from ruralgrid.errors import UnknownNameError

__all__ = ["Lang", "Term", "column_title", "find_term", "get_term", "js_words", "language"]

Lang = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Term:
    """One word in both languages.

    Parameters
    ----------
    kind : str
        What it names: column, value, parameter, finding, advice (on a finding), line_design, text.
    key : str
        The column, the value or the code as it stands in the tables.
    unit : str
        Of a column; empty where it has none.
    en, zh : str
        The words.
    """

    kind: str
    key: str
    unit: str
    en: str
    zh: str

    def label(self, lang: Lang) -> str:
        """The word in a language, with its unit in brackets."""
        word = self.zh if lang == "zh" else self.en
        return f"{word} [{self.unit}]" if self.unit else word


def find_term(kind: str, key: str) -> Term | None:
    """The term of a kind, or None."""
    return _table().get((kind, key))


def get_term(kind: str, key: str) -> Term:
    """The term of a kind.

    Raises
    ------
    UnknownNameError
        If the table has no such term; the nearest one is named.
    """
    found = find_term(kind, key)
    if found is None:
        raise UnknownNameError(kind, key, [term for of, term in _table() if of == kind])
    return found


def column_title(column: str) -> Term:
    """The term of a column; one that the table does not know is spelt out as it stands."""
    words = column.replace("_", " ")
    return find_term("column", column) or Term("column", column, "", words, words)


def language(lang: str) -> Lang:
    """The language, if it is one of the table's.

    Raises
    ------
    UnknownNameError
        If it is neither en nor zh.
    """
    if lang not in ("en", "zh"):
        raise UnknownNameError("language", lang, ("en", "zh"))
    return cast("Lang", lang)


def js_words() -> dict[str, tuple[str, str]]:
    """The words that the scripts of the report write, English and Chinese, by key."""
    own = [term for term in _table().values() if term.kind == "text" and term.key.startswith("js.")]
    return {term.key.removeprefix("js."): (term.en, term.zh) for term in own}


@cache
def _table() -> dict[tuple[str, str], Term]:
    text = (files("ruralgrid.report") / "terms.csv").read_text(encoding="utf-8")
    terms = [Term(**row) for row in csv.DictReader(text.splitlines())]
    return {(term.kind, term.key): term for term in terms}
