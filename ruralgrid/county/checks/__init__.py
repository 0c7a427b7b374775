"""Checks of a county's tables, a module for each kind of fault; `county.validate` runs them all."""
