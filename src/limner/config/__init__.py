"""Settings as frozen values: flags before the environment before defaults, exact errors."""

from __future__ import annotations

from limner.config.load import load, source, unknown_variables
from limner.config.option import Entry
from limner.config.settings import NAMES, TABLE, Settings

__all__ = ["NAMES", "TABLE", "Entry", "Settings", "load", "source", "unknown_variables"]
