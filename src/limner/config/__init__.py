"""Settings as frozen values: flags before the environment before defaults, exact errors."""

from __future__ import annotations

from limner.config.load import load, source, unknown_variables
from limner.config.option import Entry
from limner.config.settings import (
    ALL_DEVICES,
    NAMES,
    OF_OUR_ENGINE,
    TABLE,
    TAKEN_BY_AN_ENGINE,
    Settings,
)

__all__ = [
    "ALL_DEVICES",
    "NAMES",
    "OF_OUR_ENGINE",
    "TABLE",
    "TAKEN_BY_AN_ENGINE",
    "Entry",
    "Settings",
    "load",
    "source",
    "unknown_variables",
]
