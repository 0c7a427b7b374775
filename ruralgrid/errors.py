"""What ruralgrid raises, and when.

A fault in *data* or in a *grid* is returned, whole, as `findings`; what is wrong with a *call*, and
what makes going on meaningless, is raised::

    RuralGridError
    ├── InputError (also a ValueError)   a file, a table, a field or an argument is not as expected
    │   └── UnknownNameError             a name that nothing bears; carries the nearest ones
    ├── TopologyError                    the net is not what an engine can take; names the element
    ├── ConvergenceError                 no solution of the load flow; carries stage, hour, feeder
    │   └── SolutionRejectedError        it found one on the wrong branch
    └── WriteError                       a result could not be written; the older file is untouched
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ConvergenceError",
    "InputError",
    "RuralGridError",
    "SolutionRejectedError",
    "TopologyError",
    "UnknownNameError",
    "WriteError",
    "counted",
    "nearest_names",
    "require_kind",
]


class RuralGridError(Exception):
    """The root of everything that ruralgrid raises on purpose."""


class InputError(RuralGridError, ValueError):
    """A file, a table, a field or an argument is not as expected.

    Parameters
    ----------
    message : str
        What was received and what is expected.
    where : str
        File, table, row and field, as far as they are known.
    """

    def __init__(self, message: str, where: str = "") -> None:
        self.where = where
        super().__init__(f"{where}: {message}" if where else message)


class UnknownNameError(InputError):
    """A name that nothing bears. `nearest` holds the names that come closest.

    `more` is said behind them: where all of them are listed.
    """

    def __init__(
        self, kind: str, name: object, known: Iterable[str], where: str = "", more: str = ""
    ) -> None:
        known = list(known)
        self.nearest = nearest_names(str(name), known)
        hint = (
            f"the nearest: {', '.join(self.nearest)}"
            if self.nearest
            else f"there are {len(known)}, for example {', '.join(known[:3])}"
            if known
            else "there is none"
        )
        ending = f"; {more}" if more else ""
        super().__init__(f"no {kind} is named {name!r}; {hint}{ending}", where)


class TopologyError(RuralGridError):
    """The net is not what an engine can take: a loop, an island, no source."""


class ConvergenceError(RuralGridError):
    """The load flow found no solution.

    Parameters
    ----------
    message : str
        What did not converge and what to look at.
    stage, hour, feeder : int, int, str, optional
        Where it happened, as far as it is known.
    """

    def __init__(
        self,
        message: str,
        stage: int | None = None,
        hour: int | None = None,
        feeder: str | None = None,
    ) -> None:
        self.stage, self.hour, self.feeder = stage, hour, feeder
        self.message = message
        known = {"stage": stage, "hour": hour, "feeder": feeder}
        place = ", ".join(f"{key} {value}" for key, value in known.items() if value is not None)
        super().__init__(f"{message} ({place})" if place else message)


class SolutionRejectedError(ConvergenceError):
    """The iteration ended on the wrong branch: below 0.5 pu, or more loss than load."""


class WriteError(RuralGridError):
    """A result could not be written; a file that stood there before is untouched."""


def counted(count: int, noun: str) -> str:
    """How many of what: "1 file", "2 files"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def nearest_names(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The `count` known names that come closest to `name`, best first; letter case is ignored."""
    by_folded = {str(candidate).casefold(): str(candidate) for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=count, cutoff=0.5)
    return [by_folded[match] for match in close]


def require_kind(value: object, kind: type, name: str, maker: str) -> None:
    """Raise InputError unless the argument `name` is a `kind`, which `maker` makes."""
    if not isinstance(value, kind):
        received = f"received {type(value).__name__} {str(value)[:60]!r}"
        raise InputError(f"{received}; a {kind.__name__} is expected, see {maker}", name)
