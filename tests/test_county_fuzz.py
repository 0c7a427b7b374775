"""Random damage to a sound county's files: findings or one clear error, and nothing else.

Each case is made from its own number, so that one that fails can be made again. The default run
does a few hundred of them; ``RURALGRID_FUZZ=10000 pytest tests/test_county_fuzz.py`` does them all.
"""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ruralgrid.county.files import read_county, write_county
from ruralgrid.county.template import example_county
from ruralgrid.county.validate import validate
from ruralgrid.errors import InputError
from ruralgrid.findings import Findings

CASES = int(os.environ.get("RURALGRID_FUZZ", "400"))
BATCHES = 20

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
        dice.choice([*[_exchanged] * 6, _cell, _cell, _swapped, _dropped, _row, _column, _header])(
            dice, rows
        )
    return "\n".join(",".join(row) for row in rows).encode("utf-8", errors="replace")


def _cell(dice: random.Random, rows: list[list[str]]) -> None:
    row = dice.choice(rows)
    if row:
        text = dice.choice(CELLS)
        quoted = dice.random() < 0.8
        row[dice.randrange(len(row))] = '"' + text.replace('"', '""') + '"' if quoted else text


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


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("sound")
    write_county(example_county(), folder / "county")
    write_county(example_county(), folder / "county.xlsx")
    return folder / "county", folder / "county.xlsx"


def outcome(path: Path) -> str:
    """What reading and validating gives; anything but findings or an InputError is raised."""
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
    return "faulty" if findings.of_severity("error") else "sound"


def outcomes(cases: range, sound: tuple[Path, Path], tmp_path: Path) -> Iterator[str]:
    for number in cases:
        dice = random.Random(number)
        place = tmp_path / f"case{number}"
        if number % 2:
            path = damage_folder(dice, sound[0], place)
        else:
            path = damage_workbook(dice, sound[1], place)
        try:
            yield outcome(path)
        except Exception as error:
            error.add_note(f"case {number}: {path}")
            raise
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
    assert set(seen) <= {"refused", "faulty", "sound"}
    assert seen.count("refused") + seen.count("faulty") > size // 3  # the damage is felt


def test_most_damage_is_refused_and_some_leaves_the_county_sound(
    sound: tuple[Path, Path], tmp_path: Path
) -> None:
    """A fuzz that only ever sees one kind of answer would test little."""
    assert set(outcomes(range(10_000, 10_060), sound, tmp_path)) == {"refused", "faulty", "sound"}
