"""How much: a bounded part in every run of the tests, all of it by `make torture`."""

from __future__ import annotations

import os


def amount(bounded: int, whole: int) -> int:
    """As many as this run is to have."""
    return whole if os.environ.get("LIMNER_TORTURE") else bounded
