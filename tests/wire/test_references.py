from __future__ import annotations

import contextlib
from typing import Any

import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import InvalidRequest
from limner.wire.known import References
from limner.wire.parse import parse_request
from limner.wire.references import references

GIF = "data:image/png;base64," + pybase64.b64encode(b"GIF89a" + bytes(40)).decode()
PNG = "data:image/png;base64," + pybase64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
WEB = "https://example.com/a.png"


def image(**fields: Any) -> dict[str, Any]:
    return {"type": "input_image", **fields}


def tool(**mask: Any) -> dict[str, Any]:
    return {"type": "image_generation", "input_image_mask": mask}


def test_a_body_that_brings_everything_along_names_nothing() -> None:
    whole = {"type": "image_generation_call", "id": "ig_1", "result": "aaaa"}
    message = {"role": "user", "id": "msg_1", "content": [image(image_url=PNG)]}
    assert references({"model": "m", "input": [whole, message]}) == References()
    assert references({"model": "m", "input": "hello"}) == References()


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
def test_what_was_said_before_is_named_by_its_id(conversation: object) -> None:
    body = {"previous_response_id": "resp_1", "conversation": conversation}
    assert references(body) == References(previous_response_id="resp_1", conversation="conv_1")


def test_items_are_named_by_reference_or_sent_without_their_picture() -> None:
    items = [
        {"type": "item_reference", "id": "a"},
        {"id": "b"},
        {"type": None, "id": "c"},
        {"type": "image_generation_call", "id": "d"},
        {"type": "image_generation_call", "id": "e", "result": None, "status": "completed"},
        {"type": "image_generation_call", "result": None},
        {"type": "item_reference"},
    ]
    assert references({"input": items}) == References(items=frozenset("abcde"))


def test_pictures_are_named_in_messages_in_outputs_and_as_masks() -> None:
    body = {
        "input": [
            {"role": "user", "content": [image(file_id="file_1"), image(image_url=WEB)]},
            {"type": "function_call_output", "output": [image(image_url=GIF), {"type": "x"}]},
            {"type": "additional_tools", "tools": [tool(file_id="file_2"), {"type": "function"}]},
            {"type": "message", "content": [{"type": "input_text", "image_url": WEB + "?"}]},
            {"type": "custom_tool_call_output", "output": [image(image_url=WEB + "?")]},
            {"type": ["message"], "content": [image(image_url=WEB + "?")]},
        ],
        "tools": [tool(image_url=WEB + "?mask"), {"type": "image_generation"}],
    }
    assert references(body) == References(
        files=frozenset({"file_1", "file_2"}), urls=frozenset({WEB, GIF, WEB + "?mask"})
    )


KEYS = [
    "input", "tools", "type", "id", "content", "output", "result", "image_url", "file_id",
    "input_image_mask", "conversation", "previous_response_id",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([WEB, GIF]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner | st.sampled_from(["input_image", "image_generation", "item_reference"]),
            max_size=5,
        )
    ),
)


@given(body=JSON)
def test_no_body_is_too_strange_to_look_through(body: Any) -> None:
    references(body)
    if isinstance(body, dict):
        with contextlib.suppress(InvalidRequest):
            parse_request({"model": "m", **body})
