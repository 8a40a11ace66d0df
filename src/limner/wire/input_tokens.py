"""How many tokens a request's input has: `POST /v1/responses/input_tokens`.

Only a model's own server can count exactly. Where it does not, this is the estimate:

- words: one token for every 4 bytes of UTF-8, each text rounded up;
- 4 tokens around each item and each tool;
- pictures: 85 tokens, and unless `detail` is low 170 for each square of 512 pixels that the picture
  covers once it fits into 2048 by 2048 and its shorter edge into 768 (OpenAI's guide "Images and
  vision"); as many as a square picture of 1024 pixels where its size cannot be read.

A reply that was estimated says so: `limner.estimated`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any, assert_never

from limner.core.image import Size
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
from limner.core.request import ResponseRequest
from limner.core.turn import FunctionTool, TurnRequest
from limner.wire import json
from limner.wire.fields import Fields
from limner.wire.items import extras
from limner.wire.known import NOTHING_KNOWN, Known
from limner.wire.parse import parse_request
from limner.wire.picture_size import measure

MAX_PERSONALITY = 64
AROUND, BYTES_OF_WORDS = 4, 4
PICTURE, TILE, TILE_PX = 85, 170, 512
LONGEST_PX, SHORTER_PX = 2048, 768
UNREAD = Size(1024, 1024)

FIELDS = frozenset(
    {"conversation", "input", "instructions", "model", "parallel_tool_calls", "personality"}
    | {"previous_response_id", "reasoning", "text", "tool_choice", "tools", "truncation"}
)
_ANY_MODEL = "any"


def parse_count_request(body: Mapping[str, Any], known: Known = NOTHING_KNOWN) -> ResponseRequest:
    """Check the body as that of a response; raises InvalidRequest. The model may be missing."""
    request = Fields(body)
    request.allow_only(FIELDS)
    personality = request.string("personality", max_length=MAX_PERSONALITY)
    asked: dict[str, Any] = {name: body[name] for name in body if name != "personality"}
    if request.get("model") is None:
        asked["model"] = _ANY_MODEL
    if request.get("input") is None and not known.history:
        asked["input"] = ""
    parsed = parse_request(asked, known)
    if personality is None:
        return parsed
    said = "personality: has no effect on this server."
    return replace(parsed, adjustments=(*parsed.adjustments, said))


def count_json(tokens: int, *, estimated: bool, adjustments: Sequence[str] = ()) -> dict[str, Any]:
    """The reply."""
    return {
        "object": "response.input_tokens",
        "input_tokens": tokens,
        **extras(estimated=estimated or None, adjustments=list(adjustments)),
    }


def estimate_tokens(turn: TurnRequest) -> int:
    """The input tokens of a turn, by the rule above."""
    return (
        _words(turn.instructions or "")
        + sum(AROUND + _item(item) for item in turn.items)
        + sum(AROUND + _function(tool) for tool in turn.tools)
        + sum(AROUND + _json(tool) for tool in turn.hosted_tools)
        + _json(turn.sampling.text_format)
    )


def _item(item: Item) -> int:
    match item:
        case Message(parts=parts) | FunctionCallOutput(parts=parts):
            return _parts(parts)
        case FunctionCall():
            return _words(item.name) + _words(item.arguments)
        case Reasoning():
            return _words(item.text)
        case ImageCall():
            return _words(item.revised_prompt)
        case Opaque():
            return _json(item.value)
        case _:
            assert_never(item)


def _parts(parts: Iterable[Part]) -> int:
    total = 0
    for part in parts:
        match part:
            case TextPart():
                total += _words(part.text)
            case RefusalPart():
                total += _words(part.refusal)
            case ImagePart():
                total += _picture(part)
            case _:
                assert_never(part)
    return total


def _picture(part: ImagePart) -> int:
    if part.detail == "low":
        return PICTURE
    size = measure(part.source) or UNREAD
    width, height = size.width, size.height
    shrink = min(1, LONGEST_PX / max(width, height))
    shrink *= min(1, SHORTER_PX / (min(width, height) * shrink))
    return PICTURE + TILE * ceil(width * shrink / TILE_PX) * ceil(height * shrink / TILE_PX)


def _function(tool: FunctionTool) -> int:
    return _words(tool.name) + _words(tool.description or "") + _json(tool.parameters)


def _json(value: Mapping[str, Any] | None) -> int:
    return 0 if value is None else ceil(len(json.dump(value)) / BYTES_OF_WORDS)


def _words(text: str) -> int:
    return ceil(len(text.encode(errors="replace")) / BYTES_OF_WORDS)
