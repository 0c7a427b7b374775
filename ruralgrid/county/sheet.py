"""Cells of one table of a file, before they have a meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

__all__ = ["MAX_CELLS", "MAX_COLUMNS", "MAX_ROWS", "Sheet", "column_letters"]

MAX_ROWS: Final = 1_000_000
"""Rows of one table; a spreadsheet holds 1,048,576."""

MAX_COLUMNS: Final = 256
"""Columns of one table."""

MAX_CELLS: Final = 12_000_000
"""Cells of one table; the largest of the reference county has 400,000."""


@dataclass
class Sheet:
    """The cells of one CSV file or one sheet of a workbook, all of them text.

    Parameters
    ----------
    title : str
        Name of the file or the sheet.
    rows : list of list of str
        The first is the header. Rows without any content are left out.
    numbers : list of int
        The number of each row, as a spreadsheet shows it.
    faults : list of tuple
        Cells that cannot be read: row number, index of the column, what is wrong.
    skipped : int
        Empty rows that were passed over.
    """

    title: str
    rows: list[list[str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    faults: list[tuple[int, int, str]] = field(default_factory=list)
    skipped: int = 0

    def add(self, number: int, cells: list[str]) -> None:
        """Take another row."""
        self.numbers.append(number)
        self.rows.append(cells)


def column_letters(index: int) -> str:
    """What a spreadsheet calls the column of an index: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
