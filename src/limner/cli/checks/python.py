"""Which Python this is."""

from __future__ import annotations

import sys

from limner import __version__
from limner.cli.checks.verdict import Verdict, ok, warning

FIRST, LAST = (3, 11), (3, 14)
"""Of those that the project is tested with."""


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Verdict:
    if FIRST <= version[:2] <= LAST:
        return ok("python", f"Limner {__version__} on Python {_dotted(version)}")
    return warning(
        "python",
        f"Limner is not tested with Python {_dotted(version)}",
        f"Use Python {_dotted(FIRST)} to {_dotted(LAST)}.",
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
