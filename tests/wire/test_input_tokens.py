"""What a request's input is estimated to cost, by the rule that the module states."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImagePart,
    Item,
    Message,
    Opaque,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
)
from limner.core.turn import FunctionTool, Sampling, TurnRequest
from limner.wire.input_tokens import count_json, estimate_tokens, parse_count_request
from limner.wire.known import Known
from tests.pictures import picture


def cost(*items: Item, **fields: Any) -> int:
    return estimate_tokens(TurnRequest("m", items, **fields))


def user(*parts: Part) -> Message:
    return Message("user", parts)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("日本語", 3), ("\ud800", 1)]
)
def test_words_cost_a_token_for_four_bytes_and_an_item_four_more(text: str, tokens: int) -> None:
    assert cost(user(TextPart(text))) == 4 + tokens
    assert cost(instructions=text) == tokens


def test_every_kind_of_item_costs_its_words() -> None:
    assert cost(user(RefusalPart("four"), TextPart("four"))) == 4 + 2
    assert cost(FunctionCall("c", "four", "fourfour")) == 4 + 3
    assert cost(FunctionCallOutput("c", (TextPart("four"),))) == 4 + 1
    assert cost(Reasoning("four")) == 4 + 1
    assert cost(ImageCall("ig", "four", picture())) == 4 + 1
    assert cost(Opaque({"a": 1})) == 4 + 2


def test_tools_and_formats_cost_their_json() -> None:
    assert cost(tools=(FunctionTool("four", "four", {"a": 1}),)) == 4 + 1 + 1 + 2
    assert cost(tools=(FunctionTool("four"),)) == 4 + 1
    assert cost(hosted_tools=({"a": 1},)) == 4 + 2
    assert cost(sampling=Sampling(text_format={"a": 1})) == 2


def png(width: int, height: int) -> ImageData:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return ImageData(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + header, "png")


@pytest.mark.parametrize(
    ("source", "tiles"),
    [
        (png(512, 512), 1),
        (png(513, 512), 2),
        (png(1024, 1024), 4),
        (png(2048, 4096), 6),
        (png(4096, 16), 4),
        (ImageData(b"", "png"), 4),
    ],
)
def test_pictures_cost_by_the_squares_that_they_cover(source: ImageData, tiles: int) -> None:
    assert cost(user(ImagePart(source))) == 4 + 85 + 170 * tiles
    assert cost(user(ImagePart(source, "low"))) == 4 + 85


@pytest.mark.parametrize("body", [{}, {"input": None}, {"instructions": "be kind"}])
def test_nothing_need_be_said(body: dict[str, Any]) -> None:
    assert parse_count_request(body).items == (user(TextPart("")),)


def test_what_was_said_before_counts() -> None:
    known = Known(history=[{"role": "user", "content": "before"}])
    body = {"previous_response_id": "resp_1", "model": "m"}
    assert parse_count_request(body, known).items == (user(TextPart("before")),)


def test_a_personality_is_taken_and_told_to_have_no_effect() -> None:
    request = parse_count_request({"input": "hi", "personality": "friendly"})
    assert request.adjustments == ("personality: has no effect on this server.",)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"stream": True}, "stream"),
        ({"personality": "x" * 65}, "personality"),
        ({"model": 1}, "model"),
        ({"tools": [{"type": "image_generation", "quality": "best"}]}, "tools[0].quality"),
    ],
)
def test_what_does_not_fit_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_count_request(body)
    assert caught.value.param == param


def test_the_reply_says_when_it_is_an_estimate() -> None:
    assert count_json(7, estimated=False) == {
        "object": "response.input_tokens",
        "input_tokens": 7,
    }
    assert count_json(7, estimated=True, adjustments=("a",))["limner"] == {
        "estimated": True,
        "adjustments": ["a"],
    }
