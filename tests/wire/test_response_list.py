"""Lists of responses: what is asked for, and what is told."""

from __future__ import annotations

import pytest

from limner.core.errors import InvalidRequest
from limner.core.page import Listed, Page
from limner.core.response_store import ListedResponse
from limner.wire.response_list import Wanted, read_list_query, response_list_json


def test_a_query_may_name_labels_a_page_and_the_input() -> None:
    assert read_list_query([]) == Wanted(Page(20))
    query = [
        *(("metadata[chat]", "conv_1"), ("order", "asc"), ("metadata[a]b]", ""), ("limit", "7")),
        *(("include[]", "input"), ("include", "message.input_image.image_url"), ("after", "r")),
    ]
    assert read_list_query(iter(query)) == Wanted(
        Page(7, "r", newest_first=False),
        {"chat": "conv_1", "a]b": ""},
        frozenset({"input", "message.input_image.image_url"}),
    )


@pytest.mark.parametrize(
    ("name", "value", "param"),
    [
        ("include[]", "output", "include"),
        ("metadata[]", "x", "metadata[]"),
        ("metadata", "x", "metadata"),
        ("metadata[" + "k" * 65 + "]", "x", "metadata"),
        ("metadata[k]", "v" * 513, "metadata.k"),
        ("limit", "0", "limit"),
        ("status", "queued", "status"),
    ],
)
def test_what_it_may_not_is_refused_by_name(name: str, value: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_list_query([(name, value)])
    assert caught.value.param == param


def test_there_are_as_many_labels_as_a_response_can_have() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_list_query([(f"metadata[{number}]", "x") for number in range(17)])
    assert caught.value.param == "metadata"


def test_entries_are_responses_as_they_stand() -> None:
    ended = ListedResponse("resp_1", "completed", b'{"id":"resp_1","output":[{"id":"ig_1"}]}')
    going = ListedResponse("resp_2", "in_progress", b'{"id":"resp_2","status":"queued"}', [], [{}])
    told = response_list_json(Listed([ended, going], has_more=True))
    assert told == {
        "object": "list",
        "data": [
            {"id": "resp_1", "status": "completed", "output": [{"id": "ig_1"}]},
            {"id": "resp_2", "status": "in_progress", "output": [], "input": [{}]},
        ],
        "first_id": "resp_1",
        "last_id": "resp_2",
        "has_more": True,
    }
