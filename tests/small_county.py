"""The small invented county of examples/, drawn, calibrated and studied once for all test files."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from shared_results import shared

import ruralgrid as rg
from ruralgrid.calibrate import CALIBRATIONS, calibrations, synthesise
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
    origin = Origin(small_plan(), 1, small_assumptions())
    return shared("small_calibrations", lambda: calibrations(origin, CALIBRATIONS))


def small_county() -> County:
    return small_calibrations()["middle"]


@cache
def small_study() -> Study:
    """All hours of all stages, with the table of what moves the saving."""
    return _shared_study("small_study")


@cache
def small_quick_study() -> Study:
    """The same by 288 hours of each stage, without that table."""
    return _shared_study("small_quick_study", hours="representative", sensitivity_table=False)


def _shared_study(name: str, **options: Any) -> Study:
    """No warning is let through."""

    def made() -> Study:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return study(small_county(), progress=False, **options)

    return replace(shared(name, made), county=small_county())


# --- what a page, an example or a notebook asks for, and is known ---------------------------------


def known_synthesise(plan: Plan, seed: int = 1, **options: Any) -> County:
    """`synthesise`, but for the small county, which is at hand."""
    if seed == 1 and not options and replace(plan, path=small_plan().path) == small_plan():
        return small_county()
    return synthesise(plan, seed, **options)


def known_study(county: County, **options: Any) -> Study:
    """`study`, but for the small county's, which is at hand."""
    given = inspect.signature(study).bind(county, **options)
    given.apply_defaults()
    asked = tuple(given.arguments[name] for name in ("limits", "phases", "stages"))
    if county is not small_county() or asked != ("GBT12325_2008", "four-wire", None):
        return study(county, **options)
    hours, with_table = given.arguments["hours"], given.arguments["sensitivity_table"]
    if hours == "all":
        whole = small_study()
        return whole if with_table else replace(whole, sensitivity=pd.DataFrame())
    if hours == "representative" and not with_table:
        return small_quick_study()
    return study(county, **options)


def use_what_is_known() -> None:
    """Put the two above in place of the package's own, for the rest of this process.

    The tests of studies run the same; a page or a notebook need not run it again.
    """
    rg.synthesise = known_synthesise  # type: ignore[assignment]
    rg.study = known_study  # type: ignore[assignment]


def copied_plan(folder: Path) -> Path:
    """A copy of the small plan's folder, to be spoilt."""
    return Path(shutil.copytree(FOLDER, folder / "plan"))


def edited(file: Path, old: str, new: str) -> None:
    """Replace a text that stands in the file once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def python(*words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run this Python with `words`, the checkout and tests importable, output as UTF-8 text."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": python_path(), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def python_path() -> str:
    """The checkout and these modules, before what is there."""
    return os.pathsep.join(
        filter(None, [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH")])
    )
