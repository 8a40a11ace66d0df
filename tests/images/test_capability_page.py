"""The page of capabilities is what the code does."""

from __future__ import annotations

from dataclasses import replace

from limner.core.image import FORMATS
from tests.images.capability_page import (
    BACK_ENDS,
    COMMAND,
    EDIT,
    EDIT_ROWS,
    MASK,
    NEW,
    PAGE,
    ROWS,
    cell,
    page,
)


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"run `{COMMAND}`"


def test_every_cell_is_one_of_the_four_words() -> None:
    for rows, request in ((ROWS, NEW), (EDIT_ROWS, EDIT)):
        cells = {
            cell(replace(request, **options), each)
            for options in rows.values()
            for each in BACK_ENDS
        }
        assert cells == {"yes", "said", "no", "here"}


def test_what_a_back_end_says_of_itself_is_what_becomes_of_a_request() -> None:
    for each in BACK_ENDS:
        can = each.can
        assert (cell(EDIT, each) != "no") == can.edits
        assert (cell(replace(EDIT, mask=MASK), each) != "no") == (can.edits and can.mask)
        strong = replace(EDIT, strength=0.5)
        assert (cell(strong, each) != "no") == (can.edits and can.strength)
        seeded = replace(NEW, seed=7)
        assert (cell(seeded, each) != "no") == can.seed
        assert set(can.formats or FORMATS) <= set(FORMATS)
