"""docs/models.md says of each family what the table and Diffusers' classes do."""

from __future__ import annotations

from pathlib import Path

import pytest

from limner.engine.families import FAMILIES, Family

pytestmark = pytest.mark.engine
PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
WAYS = {"noise": "by strength", "words": "by words", "no": "no"}


def row(family: Family) -> str:
    import diffusers

    from limner.engine.pipelines.siblings import with_abilities

    facts = with_abilities(family.facts, getattr(diffusers, family.pipeline))
    cells = (
        family.label,
        f"`{family.pipeline}`",
        facts.steps,
        f"{facts.guidance:g}" if facts.guided else "none",
        facts.native_size,
        f"{facts.multiple} px",
        "yes" if facts.from_words else "no",
        WAYS[facts.edits],
        WAYS[facts.masks],
        facts.max_images,
    )
    return f"| {' | '.join(map(str, cells))} |"


def test_the_table_is_that_of_the_code() -> None:
    table = "\n".join(map(row, FAMILIES))
    assert table in PAGE.read_text(encoding="utf-8"), f"the table must be\n{table}"
