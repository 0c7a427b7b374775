"""What the commands read: a county, a plan or a net by one word, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ruralgrid.cli.output import finding_lines, tell
from ruralgrid.errors import InputError, counted

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

    from ruralgrid.county import County
    from ruralgrid.findings import Findings

__all__ = [
    "Seed",
    "is_net_file",
    "open_subject",
    "require_seed_used",
    "tell_warnings",
    "told_reading",
]

_FINDINGS = 20
"""Findings about the county's own tables that are told."""

Seed = Annotated[
    int | None,
    typer.Option(min=0, help="Another seed, another county drawn from a plan; 1 by default."),
]


def is_net_file(source: str) -> bool:
    """Whether a word names a pandapower JSON."""
    return source.lower().endswith(".json")


def require_seed_used(source: str, seed: int | None) -> None:
    """Raise InputError for a seed where nothing is drawn."""
    from ruralgrid.county.files import is_county_file

    if seed is not None and (is_net_file(source) or is_county_file(source)):
        what = "a net" if is_net_file(source) else "a county's own tables"
        raise InputError(f"--seed has no effect on {what}; leave it out", source)


def told_reading(source: str, seed: int | None) -> str:
    """What is being done with a county's tables, or with a plan."""
    from ruralgrid.county.files import is_county_file

    if is_county_file(source):
        return f"reading the tables of {source!r}"
    return f"drawing and calibrating the county of {source!r}, seed {1 if seed is None else seed}"


def open_subject(
    source: str, stage: int | None, seed: int | None, trust: bool
) -> County | pandapowerNet:
    """The county or net that a word names. A pandapower JSON must be trusted by name."""
    require_seed_used(source, seed)
    if is_net_file(source):
        if not trust:
            raise InputError(
                "a pandapower JSON can carry code; say --trust-pandapower-json if you know where "
                "it comes from",
                source,
            )
        from ruralgrid.network import read_pandapower_json

        return read_pandapower_json(source)
    from ruralgrid.county.files import is_county_file
    from ruralgrid.opening import open_county, require_stages

    require_stages(source, [] if stage is None else [stage])
    tell(told_reading(source, seed))
    county = open_county(source, 1 if seed is None else seed)
    if is_county_file(source):
        _require_valid(county)
    return county


def _require_valid(county: County) -> None:
    from ruralgrid.county.validate import validate

    findings = validate(county)
    errors = findings.of_severity("error")
    _tell(errors or findings.of_severity("warning"))
    if errors:
        raise InputError(f"{counted(len(errors), 'error')} in the county's tables, listed above")


def tell_warnings(county: County) -> None:
    """Tell what `validate` warns of; of errors a study tells itself."""
    from ruralgrid.county.validate import validate

    _tell(validate(county).of_severity("warning"))


def _tell(findings: Findings) -> None:
    for line in finding_lines(findings, _FINDINGS, "ruralgrid validate shows all"):
        tell(line)
