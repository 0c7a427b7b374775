"""Random damage to a sound county's files: findings or one clear error, and nothing else.

Each case is made from its own number, so that one that fails can be made again. What is left
without an error is, in every third case, built and solved. The default run does 150 of them;
``RURALGRID_FUZZ=10000 pytest tests/test_county_fuzz.py`` does them all.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

import ruralgrid as rg
from ruralgrid.county import County, conform
from ruralgrid.county.files import read_county, write_county
from ruralgrid.county.template import example_county
from ruralgrid.county.validate import validate
from ruralgrid.errors import InputError, RuralGridError
from ruralgrid.findings import Findings
from ruralgrid.flow import solve_snapshot

CASES = int(os.environ.get("RURALGRID_FUZZ", "150"))
BATCHES = 10
LIMIT_S = 60

CELLS = [
    *(
        "",
        " ",
        "NaN",
        "inf",
        "-inf",
        "1e308",
        "1e999",
        "-1",
        "0",
        "0.5",
        "-0.0",
        "1,5",
        "１２",
        "9" * 30,
    ),
    *("=1+1", "'", '"', "\x00", "\r", "\n", "\ud7ff", "\U0010ffff", "a" * 40_000, "石桥站10kV母线"),
    *("{}", "[" * 3000, '{"a": 1}', '{"length_km": -1}', '{"kv": "x"}', '{"name": "x"}', "null"),
    *("2012", "20240315", "999", "51", "-3", "100", "7", "2.5", "hv", "lv", "高压", "HV", "mv"),
    *("true", "no", "add", "remove", "nodes", "edits", "abc", "n", "LGJ-50/8", "S9-50/10", "家"),
    *('{"length_km": 1e999}', '{"to_node": ["x"]}', '{"conductor": {"a": 1}}', "0x10", "1_0", "\t"),
]

Damage = Callable[[random.Random, bytes], bytes]


# --- damage to bytes ------------------------------------------------------------------------------


def cut_off(dice: random.Random, content: bytes) -> bytes:
    return content[: dice.randrange(len(content) + 1)]


def flipped(dice: random.Random, content: bytes) -> bytes:
    if not content:
        return content
    changed = bytearray(content)
    for _ in range(dice.choice([1, 3, 30])):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def moved(dice: random.Random, content: bytes) -> bytes:
    """A piece is left out, or stands twice."""
    one, other = sorted(dice.randrange(len(content) + 1) for _ in range(2))
    return (
        content[:one] + content[other:] if dice.random() < 0.5 else content[:other] + content[one:]
    )


def recoded(dice: random.Random, content: bytes) -> bytes:
    text = content.decode("utf-8", errors="replace")
    coding = dice.choice(["utf-16", "utf-32", "latin-1", "gb18030", "big5", "shift-jis", "cp1252"])
    return text.encode(coding, errors="replace")


def noise(dice: random.Random, content: bytes) -> bytes:
    return dice.randbytes(dice.randrange(300))


BYTES: list[Damage] = [cut_off, flipped, moved, recoded, noise]


# --- damage to cells ------------------------------------------------------------------------------


def respelt(dice: random.Random, content: bytes) -> bytes:
    """Cells of a CSV: put in, left out, swapped; rows and columns likewise."""
    rows = [line.split(",") for line in content.decode("utf-8").split("\n")]
    for _ in range(dice.choice([1, 1, 2, 8])):
        dice.choice(PLAUSIBLE if dice.random() < 0.7 else COARSE)(dice, rows)
    return "\n".join(",".join(row) for row in rows).encode("utf-8", errors="replace")


def _cell(dice: random.Random, rows: list[list[str]]) -> None:
    row = dice.choice(rows)
    if row:
        text = dice.choice(CELLS)
        quoted = dice.random() < 0.8
        row[dice.randrange(len(row))] = '"' + text.replace('"', '""') + '"' if quoted else text


def _of_column(dice: random.Random, rows: list[list[str]], wanted: tuple[str, ...]) -> list[int]:
    """Row and column of a cell below one of the wanted headers, or below any."""
    places = [index for index, name in enumerate(rows[0]) if name in wanted]
    index = dice.choice(places or range(max(len(rows[0]), 1)))
    fitting = [k for k, row in enumerate(rows) if k and index < len(row)]
    return [dice.choice(fitting), index] if fitting else []


def _blanked(dice: random.Random, rows: list[list[str]]) -> None:
    """A cell that should hold something is left empty: a village, a town, a tap side."""
    wanted = ("village", "town", "admin_village", "tap_side", "tap_step_percent", "phases")
    for row, index in filter(None, [_of_column(dice, rows, wanted)]):
        rows[row][index] = ""


def _numbered(dice: random.Random, rows: list[list[str]]) -> None:
    """Another number where a number stands: a year, a date's digits, another sign or size."""
    row = dice.choice(rows[1:] or rows)
    places = [k for k, text in enumerate(row) if text.lstrip("-").replace(".", "", 1).isdigit()]
    if places:
        at = dice.choice(places)
        row[at] = dice.choice(["2012", "20240315", "999", "0", "1", "-2", "0.38", f"-{row[at]}"])


def _doubled(dice: random.Random, rows: list[list[str]]) -> None:
    """A row stands twice, with a name of its own: two sources at one node, two units."""
    row = list(dice.choice(rows[1:] or rows))
    if rows[0] and "name" in rows[0] and rows[0].index("name") < len(row):
        row[rows[0].index("name")] += " 2"
    rows.insert(1, row)


def _exchanged(dice: random.Random, rows: list[list[str]]) -> None:
    """Two cells of one column: each of its type, and in the wrong row."""
    one, other = dice.choice(rows[1:] or rows), dice.choice(rows[1:] or rows)
    index = dice.randrange(max(min(len(one), len(other)), 1))
    if index < len(one) and index < len(other):
        one[index], other[index] = other[index], one[index]


def _swapped(dice: random.Random, rows: list[list[str]]) -> None:
    one, other = dice.choice(rows), dice.choice(rows)
    if one and other:
        a, b = dice.randrange(len(one)), dice.randrange(len(other))
        one[a], other[b] = other[b], one[a]


def _dropped(dice: random.Random, rows: list[list[str]]) -> None:
    row = dice.choice(rows)
    if row:
        row.pop(dice.randrange(len(row)))


def _row(dice: random.Random, rows: list[list[str]]) -> None:
    row = dice.choice(rows)
    dice.choice(
        [lambda: rows.remove(row), lambda: rows.append(list(row)), lambda: rows.insert(2, [])]
    )()
    if not rows:
        rows.append([""])


def _column(dice: random.Random, rows: list[list[str]]) -> None:
    index = dice.randrange(max(len(rows[0]), 1))
    for row in rows:
        if index < len(row):
            row.pop(index)


def _header(dice: random.Random, rows: list[list[str]]) -> None:
    if rows[0]:
        words = [
            "length_m",
            "name",
            "长度（米）",
            "kv[V]",
            "",
            "nodes",
            "x" * 500,
            "kwh_per_year[MWh]",
        ]
        rows[0][dice.randrange(len(rows[0]))] = dice.choice(words)


PLAUSIBLE = [_exchanged, _exchanged, _exchanged, _blanked, _numbered, _doubled]
"""What a person may type, and what no reader can see: the figures or the wires are wrong."""

COARSE = [_cell, _cell, _swapped, _dropped, _row, _column, _header]


# --- cases ----------------------------------------------------------------------------------------


def damage_folder(dice: random.Random, sound: Path, place: Path) -> Path:
    shutil.copytree(sound, place)
    for _ in range(dice.choice([1, 1, 2])):
        file = dice.choice(sorted(each for each in place.iterdir() if each.is_file()))
        kind = dice.random()
        if kind < 0.6:
            try:
                file.write_bytes(respelt(dice, file.read_bytes()))
            except UnicodeDecodeError:  # damaged already
                file.unlink()
        elif kind < 0.9:
            file.write_bytes(dice.choice(BYTES)(dice, file.read_bytes()))
        elif kind < 0.95:
            file.rename(file.with_name(dice.choice(["x.csv", "nodes.csv", "batch 1 nodes.csv"])))
        else:
            file.unlink()
            if dice.random() < 0.5:
                file.mkdir()
    return place


def damage_workbook(dice: random.Random, sound: Path, place: Path) -> Path:
    path = place.with_suffix(".xlsx")
    if dice.random() < 0.25:
        path.write_bytes(dice.choice(BYTES)(dice, sound.read_bytes()))
        return path
    with zipfile.ZipFile(sound) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(dice.choice([1, 1, 2])):
        name = dice.choice(sorted(parts))
        kind = dice.random()
        if kind < 0.5:
            parts[name] = retagged(dice, parts[name])
        elif kind < 0.8:
            parts[name] = dice.choice(BYTES)(dice, parts[name])
        elif kind < 0.85:
            parts[name] = dice.choice(BOMBS)
        elif len(parts) > 1:
            del parts[name]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


BOMBS = [
    b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>',
    b"<a>" * 20_000,
    b"<row/>" * 50_000,
    b'<worksheet><sheetData><row r="1"><c r="ZZZ1"><v>1</v></c></row></sheetData></worksheet>',
    b'<worksheet><sheetData><row r="99999999"><c><v>1</v></c></row></sheetData></worksheet>',
    b'<worksheet><sheetData><row><c t="s"><v>99</v></c></row></sheetData></worksheet>',
    b'<worksheet><sheetData><row r="x"><c r="1A"><v>1</v></c></row></sheetData></worksheet>',
    b"\xff\xfe<\x00a\x00>\x00",
]


NEW = [
    *(b"", b"x</v>", b"-1</v>", b"1e999</v>", b",5</t>", b' t="e"', b' t="b"', b' t="s"'),
    *(b' t="d"', b'r="A', b"<is><t>NaN</t>", b"<f>1+1</f><v>", b'<row r="7" ', b'<c s="1" '),
    b"&#1;</t>",
]


def retagged(dice: random.Random, content: bytes) -> bytes:
    """Values of a sheet changed: other texts, other types, other places."""
    old = dice.choice(
        [b"</v>", b"</t>", b' t="inlineStr"', b'r="', b"<is>", b"<row", b"<c ", b"Id="]
    )
    new = dice.choice(NEW)
    count = content.count(old)
    if not count:
        return content
    at = -1
    for _ in range(dice.randrange(min(count, 300)) + 1):
        at = content.index(old, at + 1)
    return content[:at] + new + content[at + len(old) :]


def sound_county() -> County:
    """The example, with a conductor and a transformer of its own types."""
    county = example_county()
    line = {"name": "own line", "r_ohm_per_km": 0.6, "x_ohm_per_km": 0.35, "max_i_ka": 0.2}
    unit = {
        "name": "own unit",
        "sn_kva": 100.0,
        "vn_hv_kv": 10.0,
        "vn_lv_kv": 0.4,
        "vk_percent": 4.0,
        "vkr_percent": 1.5,
        "p0_kw": 0.29,
        "i0_percent": 1.6,
        "vector_group": "Dyn11",
        "tap_side": "hv",
        "tap_step_percent": 5.0,
        "tap_min": -1,
        "tap_max": 1,
    }
    sections, units = county.sections.copy(), county.transformers.copy()
    sections.loc[1, "conductor"] = "own line"
    units.loc[units.index[-1], ["type", "tap"]] = ["own unit", 1]
    return county.with_tables(
        sections=sections,
        transformers=units,
        line_types=conform("line_types", pd.DataFrame([line])),
        transformer_types=conform("transformer_types", pd.DataFrame([unit])),
    )


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder, county = tmp_path_factory.mktemp("sound"), sound_county()
    assert not validate(county).of_severity("error")
    assert solved(county) == "sound"  # pandapower compiles at its first flow: no case waits for it
    write_county(county, folder / "county")
    write_county(county, folder / "county.xlsx")
    return folder / "county", folder / "county.xlsx"


def outcome(path: Path, solve: bool) -> str:
    """What reading, validating and solving gives; what is no error of ours is raised."""
    try:
        county = read_county(path)
    except InputError as error:
        return "refused" if 0 < len(str(error)) < 50_000 else f"told in {len(str(error))} signs"
    findings = validate(county)
    assert isinstance(findings, Findings)
    findings.to_frame()
    for each in findings:
        assert each.message
        assert each.where
        assert len(each.message) < 3000
    if findings.of_severity("error"):
        return "faulty"
    return solved(county) if solve else "sound"


def solved(county: County) -> str:
    """A county without an error is built after its last batch, and solved for one hour."""
    try:
        solve_snapshot(rg.build(county.at(county.stages[-1])))
    except RuralGridError as error:
        return "unsolved" if 0 < len(str(error)) < 50_000 else "told at length"
    return "sound"


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """A case that takes longer fails, rather than keeping all others waiting."""

    def stop(*_signal: object) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcomes(cases: range, sound: tuple[Path, Path], tmp_path: Path) -> Iterator[str]:
    for number in cases:
        dice = random.Random(number)
        place = tmp_path / f"case{number}"
        if number % 2:
            path = damage_folder(dice, sound[0], place)
        else:
            path = damage_workbook(dice, sound[1], place)
        try:
            with limited(LIMIT_S):
                seen = outcome(path, solve=number % 3 == 0)
        except Exception as error:
            error.add_note(f"case {number}: {path}")
            raise
        yield seen
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_damage_is_told_and_nothing_breaks(
    batch: int, sound: tuple[Path, Path], tmp_path: Path
) -> None:
    size = CASES // BATCHES
    seen = list(outcomes(range(batch * size, (batch + 1) * size), sound, tmp_path))
    assert len(seen) == size
    assert set(seen) <= {"refused", "faulty", "unsolved", "sound"}
    assert seen.count("refused") + seen.count("faulty") > size // 3  # the damage is felt


def test_most_damage_is_refused_and_some_leaves_the_county_sound(
    sound: tuple[Path, Path], tmp_path: Path
) -> None:
    """A fuzz that only ever sees one kind of answer would test little."""
    seen = set(outcomes(range(10_000, 10_030), sound, tmp_path))
    assert seen >= {"refused", "faulty", "sound"}
