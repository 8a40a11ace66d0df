"""Every scenario over every kind of upstream, streamed and whole."""

from __future__ import annotations

import pytest

from tests.conformance.dialects import Kind
from tests.conformance.page import CELLS, PAGE, page
from tests.conformance.play import play_both
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
