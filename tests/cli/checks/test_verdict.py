"""What findings mean together, and how they are shown."""

from __future__ import annotations

import pytest

from limner.cli.checks.verdict import (
    Verdict,
    as_json,
    as_text,
    exit_code,
    failure,
    ok,
    refused,
    skipped,
    warning,
)

FINE, LEFT = ok("port", "free"), skipped("tools", "not asked")
WARNED, FAILED = warning("access", "open", "Use keys."), failure("data", "no folder", "Make it.")


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        ([FINE, LEFT], 0),
        ([FINE, WARNED], 1),
        ([FAILED, WARNED, FINE], 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst(verdicts: list[Verdict], code: int) -> None:
    assert exit_code(verdicts) == code
    assert as_json(verdicts)["exit_code"] == code


def test_the_text_has_the_remedies_and_ends_with_the_sum() -> None:
    assert as_text([FINE, FAILED]).splitlines() == [
        "ok       port             free",
        "failure  data             no folder",
        "                          -> Make it.",
        "",
        "1 failure, 0 warnings.",
    ]
    assert as_text([FINE, LEFT]).endswith("\n\nNothing is in the way.")


def test_the_json_has_every_field_of_every_verdict() -> None:
    assert as_json([WARNED])["checks"] == [
        {"check": "access", "state": "warning", "message": "open", "remedy": "Use keys."}
    ]


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("It is taken. Take another (0 takes a free one).", "Take another (0 takes a free one)."),
        ("It is taken.", "Think."),
        ("It is taken", "Think."),
    ],
)
def test_what_an_error_says_to_do_is_the_remedy(message: str, remedy: str) -> None:
    assert refused("port", message, "Think.") == failure("port", "It is taken", remedy)
