"""The Conversations API's bodies."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.conversation import Conversation
from limner.core.errors import InvalidRequest
from limner.core.page import Listed
from limner.wire.conversations import (
    check_include,
    conversation_json,
    items_json,
    named_in,
    no_such_conversation,
    no_such_item,
    parse_new_conversation,
    parse_new_items,
    parse_update,
)
from limner.wire.known import NOTHING_KNOWN, Known
from tests.pictures import picture

SAID = {"role": "user", "content": "hello"}


def new_id(prefix: str) -> str:
    return f"{prefix}1"


def shown(**source: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "input_image", **source}]}


def test_a_new_conversation_may_hold_items_already() -> None:
    new = parse_new_conversation({"metadata": {"a": "b"}, "items": [SAID]}, NOTHING_KNOWN, new_id)
    assert new.metadata == {"a": "b"}
    assert [item["id"] for item in new.items] == ["msg_1"]
    empty = parse_new_conversation({"items": None}, NOTHING_KNOWN, new_id)
    assert (empty.metadata, list(empty.items)) == ({}, [])


def test_metadata_is_replaced_or_taken_away() -> None:
    assert parse_update({"metadata": {"a": "b"}}) == {"a": "b"}
    assert parse_update({"metadata": None}) == {}
    with pytest.raises(InvalidRequest, match="metadata"):
        parse_update({})
    with pytest.raises(InvalidRequest, match="name"):
        parse_update({"metadata": {}, "name": "x"})


@pytest.mark.parametrize(
    ("items", "param"),
    [
        (None, "items"),
        ([], "items"),
        ([SAID] * 21, "items"),
        (["hello"], "items[0]"),
        (
            [
                {
                    "type": "tool_search_output",
                    "tools": [{"type": "image_generation", "size": 512}],
                }
            ],
            "items[0].tools[0].size",
        ),
        ([SAID, {"role": "robot", "content": "x"}], "items[1].role"),
        ([{"type": "item_reference", "id": "msg_1"}], "input"),
        ([{"type": "web_search_call", "id": 5}], "items[0].id"),
        ([{**SAID, "id": "a\x00"}], "items[0].id"),
    ],
)
def test_unreadable_items_are_not_kept(items: object, param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_new_items({"items": items}, NOTHING_KNOWN, new_id)
    assert refusal.value.param == param


def test_what_items_name_is_kept_in_its_place() -> None:
    url = "https://example.com/a.png"
    body = {
        "items": [
            shown(file_id="file-1"),
            shown(image_url=url),
            {"type": "item_reference", "id": "msg_9"},
        ]
    }
    named = named_in(body)
    assert named.files | named.urls | named.items == {"file-1", url, "msg_9"}
    said = {"type": "message", "id": "msg_9", **SAID}
    known = Known(items={"msg_9": said}, files={"file-1": picture()}, urls={url: picture()})
    first, second, third = parse_new_items(body, known, new_id)
    assert first["content"] == second["content"]
    assert first["content"][0]["image_url"].startswith("data:image/png;base64,")
    assert third["id"] == "msg_9"


def test_include_names_what_there_can_be() -> None:
    check_include([("include[]", "reasoning.encrypted_content"), ("limit", "3")])
    with pytest.raises(InvalidRequest, match="everything"):
        check_include([("include", "everything")])


def test_the_objects_are_those_of_the_reference() -> None:
    assert conversation_json(Conversation("conv_1", 5, {"a": "b"})) == {
        "id": "conv_1",
        "object": "conversation",
        "created_at": 5,
        "metadata": {"a": "b"},
    }
    listed = items_json(Listed([{"id": "msg_1"}], has_more=False))
    assert (listed["object"], listed["first_id"]) == ("list", "msg_1")
    assert no_such_conversation("conv_1").status == no_such_item("msg_1").status == 404
