"""Templates: empty tables with every column explained, an example to change, and the data model."""

from __future__ import annotations

from importlib.resources import as_file, files
from io import StringIO
from pathlib import Path
from typing import Final

from ruralgrid.county.csv_files import csv_bytes
from ruralgrid.county.files import (
    folder_contents,
    read_county,
    require_written_name,
    write_county,
)
from ruralgrid.county.tables import TABLES, County
from ruralgrid.county.vocabulary import COUNTY, columns_of, table_title, words_of
from ruralgrid.county.workbook_writer import (
    CATALOGUE,
    EXPLANATION,
    TableRows,
    explanation_rows,
    workbook_bytes,
)
from ruralgrid.equipment import catalogue_names
from ruralgrid.errors import WriteError
from ruralgrid.files import write_bytes, write_folder

__all__ = ["describe_tables", "example_county", "write_template"]

_HEADER: Final = ("table", "column", "required", "unit", "meaning", "meaning_zh", "words")


def example_county() -> County:
    """An invented county of two feeders and one batch of works: an example to change."""
    with as_file(files("ruralgrid.data") / "template" / "example") as folder:
        return read_county(folder)


def write_template(path: str | Path, *, example: bool = False) -> list[Path]:
    """Write tables to be filled in: a workbook (a path that ends in .xlsx) or a folder of CSV.

    Parameters
    ----------
    path : str or pathlib.Path
        Must not be there yet.
    example : bool
        Fill it with the county of `example_county`.

    Returns
    -------
    list of Path
        The files written. Every column is explained in Chinese and English: in a workbook in the
        sheet 说明 and in a comment of each header, in a folder in ``说明.csv``; 型号 lists the
        conductors, pole heads and transformer types of the catalogue.

    Raises
    ------
    InputError
        If the name promises another format, such as .xls.
    WriteError
        If there is such a file or folder already, or the disk refuses.
    """
    place = Path(path)
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise WriteError(f"{place} is there already; name a new file or folder")
    require_written_name(place)
    if example and place.suffix.lower() == ".xlsx":
        return write_county(example_county(), place)
    if place.suffix.lower() == ".xlsx":
        write_bytes(place, workbook_bytes([TableRows(table, []) for table in (COUNTY, *TABLES)]))
        return [place]
    empty = {
        f"{table}.csv": csv_bytes([column.name for column in columns_of(table)], [], [])
        for table in (COUNTY, *TABLES)
    }
    contents = folder_contents(example_county()) if example else empty
    contents[f"{EXPLANATION}.csv"] = csv_bytes(_HEADER, explanation_rows(), [True] * len(_HEADER))
    names = [("goes_into", "name", "figures"), *catalogue_names()]
    contents[f"{CATALOGUE}.csv"] = csv_bytes(names[0], names[1:], [True] * 3)
    return write_folder(place, contents)


def describe_tables() -> str:
    """The data model as Markdown: every table and column; `docs/data_model.md` is this text."""
    out = StringIO()
    out.write("# The tables of a county\n\n")
    out.write("<!-- made by ruralgrid.county.template.describe_tables from data/schema -->\n\n")
    out.write(
        "A county is these tables, each a CSV file or a sheet of a workbook. Headers are the names "
        "of the columns or their Chinese titles. Names are unique within a table; nodes and "
        "villages are referred to by them. `source` and `grade` of any row may be empty.\n"
    )
    for table in (COUNTY, *TABLES):
        title = table_title(table)
        out.write(
            f"\n## `{table}` {title.title_zh}\n\n{title.meaning}.\n\n{title.meaning_zh}。\n\n"
        )
        out.write("| column | type | unit | needed | meaning | 含义 | words |\n")
        out.write("|---|---|---|---|---|---|---|\n")
        for column in columns_of(table):
            words = ", ".join(words_of(table, column.name))
            needed = "yes" if column.required else ""
            cells = (column.type, column.unit, needed, column.meaning, column.meaning_zh, words)
            row = " | ".join(cell.replace("|", "\\|") for cell in cells)
            out.write(f"| `{column.name}` | {row} |\n")
    return out.getvalue()
