"""Whatever strangers send to conversations, files and WebSockets is read or refused by name."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import InvalidRequest
from limner.wire import json
from limner.wire.conversations import named_in, parse_new_conversation, parse_update
from limner.wire.files import parse_upload
from limner.wire.known import NOTHING_KNOWN
from limner.wire.pages import read_page
from limner.wire.websocket import Create, lane_of, read_message

WORDS = st.sampled_from(
    [
        *("type", "role", "content", "id", "message", "user", "assistant", "input_text", "text"),
        *("input_image", "file_id", "image_url", "function_call", "call_id", "name", "arguments"),
        *("function_call_output", "output", "image_generation_call", "result", "status", "input"),
        *("item_reference", "reasoning", "summary", "tools", "additional_tools", "metadata"),
        *("response.create", "response.steer", "previous_response_id", "stream_id", "generate"),
    ]
)
TEXTS = WORDS | st.text(max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=6),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=8)


PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["input_text", "output_text", "refusal", "input_image", "x"])},
    optional={name: TEXTS | VALUES for name in ("text", "refusal", "image_url", "file_id")},
)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "type": WORDS | VALUES,
        "role": st.sampled_from(["user", "assistant", "system"]) | VALUES,
        "content": TEXTS | st.lists(PARTS, max_size=2) | VALUES,
        "output": TEXTS | st.lists(PARTS, max_size=2) | VALUES,
        **{name: TEXTS | VALUES for name in ("id", "call_id", "name", "arguments", "status")},
        "summary": st.just([]) | VALUES,
    },
)
"""Items, or nearly so."""


@given(st.lists(LIKELY | OBJECTS, max_size=3) | VALUES, st.none() | VALUES)
def test_what_a_conversation_keeps_can_be_written_and_has_ids(items: Any, metadata: Any) -> None:
    body = {"items": items, "metadata": metadata}
    named_in(body)
    with suppress(InvalidRequest):
        new = parse_new_conversation(body, NOTHING_KNOWN, lambda prefix: f"{prefix}1")
        assert all(isinstance(item["id"], str) and item["id"] for item in new.items)
        json.dump([dict(new.metadata), *new.items])
    with suppress(InvalidRequest):
        parse_update(body)


@given(OBJECTS, WORDS)
def test_a_message_is_a_request_or_a_refusal(message: dict[str, Any], kind: str) -> None:
    with suppress(InvalidRequest):
        lane_of(message)
        asked = read_message({**message, "type": kind})
        if isinstance(asked, Create):
            assert asked.body["stream"] is True
            assert not {"type", "stream_id", "generate"} & asked.body.keys()


@given(st.lists(st.tuples(TEXTS, TEXTS)), st.lists(st.tuples(TEXTS, TEXTS, st.binary())))
def test_a_form_is_an_upload_or_a_refusal(
    fields: list[tuple[str, str]], files: list[tuple[str, str, bytes]]
) -> None:
    with suppress(InvalidRequest):
        parse_upload(fields, files)


@given(st.lists(st.tuples(st.sampled_from(["after", "limit", "order"]), st.text())))
def test_a_query_is_a_page_or_a_refusal(query: list[tuple[str, str]]) -> None:
    with suppress(InvalidRequest):
        assert 1 <= read_page(query).limit <= 100
