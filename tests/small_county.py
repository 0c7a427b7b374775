"""The small invented county of examples/, drawn, calibrated and studied once for all test files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from ruralgrid.calibrate import CALIBRATIONS, calibrations
from ruralgrid.county import County, Origin
from ruralgrid.county.synthesis import Assumptions, assumptions_for
from ruralgrid.plan import Plan, read_plan
from ruralgrid.studies import Study, study

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples" / "small_plan"


@cache
def small_plan() -> Plan:
    return read_plan(FOLDER)


def small_assumptions(**values: float | str) -> Assumptions:
    """The small plan's assumptions, some of them replaced."""
    return assumptions_for(small_plan()).replace(values)


@cache
def small_calibrations() -> dict[str, County]:
    """The county under the low, the middle and the high calibration."""
    return calibrations(Origin(small_plan(), 1, small_assumptions()), CALIBRATIONS)


def small_county() -> County:
    return small_calibrations()["middle"]


@cache
def small_study() -> Study:
    """All hours of all stages, with the table of what moves the saving."""
    return study(small_county(), progress=False)


def copied_plan(folder: Path) -> Path:
    """A copy of the small plan's folder, to be spoilt."""
    return Path(shutil.copytree(FOLDER, folder / "plan"))


def edited(file: Path, old: str, new: str) -> None:
    """Replace a text that stands in the file once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def python(*words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run this Python with `words`, the checkout importable, output as UTF-8 text."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONIOENCODING": "utf-8",
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
