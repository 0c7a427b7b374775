"""The county's tables, their stages, and a synthetic county drawn from a plan."""

from ruralgrid.county.stages import built_by_stage, county_at
from ruralgrid.county.tables import TABLES, Column, County, Origin, conform, empty_table, schema

__all__ = [
    "TABLES",
    "Column",
    "County",
    "Origin",
    "built_by_stage",
    "conform",
    "county_at",
    "empty_table",
    "schema",
]
