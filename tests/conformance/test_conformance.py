"""Every scenario over every kind of upstream, streamed and whole."""

from __future__ import annotations

import pytest

from tests.conformance.dialects import Kind
from tests.conformance.page import CELLS, PAGE, page
from tests.conformance.play import play_both
from tests.conformance.promises import PROMISES, is_there
from tests.conformance.scenario import Scenario, expected_of

STALE = "run `make conformance` in the root of the repository"


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [pytest.param(*cell, id=f"{cell[0].name}-{cell[1].name}") for cell in CELLS],
)
async def test_a_scenario_ends_as_it_must(scenario: Scenario, kind: Kind) -> None:
    assert await play_both(scenario, kind) == expected_of(scenario, kind)


def test_the_table_in_the_documentation_is_that_of_these_tests() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(expected_of), STALE


@pytest.mark.parametrize("test", sorted({test for _, tests in PROMISES for test in tests}))
def test_what_holds_a_promise_is_there(test: str) -> None:
    assert is_there(test)
