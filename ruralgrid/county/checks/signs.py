"""Signs of a name that do not show: two names that look alike are not the same."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["hidden_signs", "without_hidden"]

_HIDDEN: Final = ("Cc", "Cf", "Zl", "Zp", "Zs")
"""Categories of Unicode: controls, formats, and blanks, of which the plain one shows inside."""


def hidden_signs(name: str) -> str:
    """Signs that do not show, each once with its code: ``U+200B (zero width space)``."""
    found = [" "] if name.strip(" ") != name else []
    found += [each for each in name if _is_hidden(each)] if not name.isprintable() else []
    return ", ".join(
        f"U+{ord(each):04X} ({unicodedata.name(each, 'control').lower()})"
        for each in dict.fromkeys(found)
    )


def without_hidden(name: str) -> str:
    """The name as it looks."""
    shown = name if name.isprintable() else "".join(c for c in name if not _is_hidden(c))
    return shown.strip(" ")


def _is_hidden(sign: str) -> bool:
    return sign != " " and unicodedata.category(sign) in _HIDDEN
