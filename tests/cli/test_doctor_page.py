"""The outputs in docs/doctor.md are those of the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.doctor_page import CASES, HEAD, PAGE, Case, block, shown, without_numbers

pytestmark = pytest.mark.engine
STALE = "run `python -m tests.cli.doctor_page` in the root of the repository"


@pytest.fixture(autouse=True)
def _engine_is_here() -> None:
    for name in ("torch", "diffusers", "transformers"):
        pytest.importorskip(name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
async def test_the_page_of_the_doctor_shows_what_it_says(case: Case, tmp_path: Path) -> None:
    fresh = without_numbers(block(case, await shown(case, tmp_path)))
    assert fresh in without_numbers(PAGE.read_text(encoding="utf-8")), STALE


def test_the_page_of_the_doctor_has_these_cases_and_no_others() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(HEAD), STALE
    assert text.count("\n## ") == len(CASES), STALE
