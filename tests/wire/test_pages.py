"""Lists in pages."""

from __future__ import annotations

import pytest

from limner.core.errors import InvalidRequest
from limner.core.page import Listed, Page
from limner.wire.pages import page_json, read_page


def test_a_page_is_twenty_of_the_newest_unless_asked_otherwise() -> None:
    assert read_page([]) == Page(20, None, newest_first=True)
    asked = [("after", "x"), ("limit", "7"), ("order", "asc"), ("purpose", "vision")]
    assert read_page(asked, also=("purpose",)) == Page(7, "x", newest_first=False)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("limit", "0", "invalid_value"),
        ("limit", "101", "invalid_value"),
        ("limit", "-1", "invalid_value"),
        ("limit", "ten", "invalid_value"),
        ("limit", "9" * 5000, "invalid_value"),
        ("order", "up", "invalid_value"),
        ("after", "a\x00b", "invalid_value"),
        ("page", "2", "unknown_parameter"),
    ],
)
def test_what_is_no_page_is_refused_by_name(name: str, value: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_page([(name, value)])
    assert (refusal.value.param, refusal.value.code) == (name, code)


def test_a_page_says_its_first_and_last_id() -> None:
    page = page_json([{"id": "a"}, {"id": "b"}], has_more=True)
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("a", "b", True)
    empty = page_json([], has_more=False)
    assert (empty["data"], empty["first_id"], empty["last_id"]) == ([], None, None)


def test_more_than_the_page_was_looked_for() -> None:
    assert Listed.of([1, 2, 3], Page(2)) == Listed([1, 2], has_more=True)
    assert Listed.of([1, 2], Page(2)) == Listed([1, 2], has_more=False)
