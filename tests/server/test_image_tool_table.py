"""What is wrong with an `image_generation` tool is answered 400 before any stream opens.

The rows are those of the table of checks, in their order; each is asked with and without a stream,
of a tool in `tools` and of one that the input brings along.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from limner.core.image import ImageCapabilities
from limner.gateway.several import always
from limner.server.application import ServerParts, create
from limner.wire.pictures import to_base64
from tests.pictures import picture
from tests.scripted_images import ScriptedImages, done
from tests.scripted_upstream import ScriptedUpstream, says
from tests.serving import serving

MASK = "input_image_mask"
PNG_URL = f"data:image/png;base64,{to_base64(picture())}"
JPEG_URL = "data:image/jpeg;base64,/9j/4AAQ"
SIZES = "'auto' or WIDTHxHEIGHT, such as '1024x1024', with edges of 16 to 4096 pixels"


def among(value: str, *options: str) -> str:
    listed = ", ".join(f"'{option}'" for option in options)
    return f'Invalid value: "{value}". Supported values are: {listed}.'


ROWS: list[tuple[str, Any, str, str, str]] = [
    ("colour", "red", "unknown_parameter", "", "Unknown parameter: '{P}.colour'."),
    ("n", 2, "unknown_parameter", "", "Unknown parameter: '{P}.n'."),
    ("prompt", "a cat", "unknown_parameter", "", "Unknown parameter: '{P}.prompt'."),
    ("complexity", "low", "unsupported_parameter", "", "cannot be set here"),
    ("frame_count", 9, "unsupported_parameter", "", "Animated pictures are not made here"),
    ("frame_duration_ms", 200, "unsupported_parameter", "", "Animated pictures"),
    ("svg", {}, "unsupported_parameter", "", "Vector pictures are not made here"),
    ("model", "", "invalid_value", "", 'Invalid value: "". Expected a non-empty model id.'),
    ("model", 7, "invalid_value", "", "Invalid value: 7. Expected a non-empty model id."),
    ("size", "big", "invalid_value", "", f'Invalid value: "big". Expected {SIZES}.'),
    ("size", 1024, "invalid_value", "", f"Invalid value: 1024. Expected {SIZES}."),
    (
        "quality", "best", "invalid_value", "",
        among("best", "low", "medium", "high", "xhigh", "max", "auto"),
    ),
    (
        "background", "blue", "invalid_value", "",
        among("blue", "transparent", "opaque", "auto"),
    ),
    ("output_format", "gif", "invalid_value", "", among("gif", "png", "jpeg", "webp")),
    ("output_format", "svg", "invalid_value", "", among("svg", "png", "jpeg", "webp")),
    ("moderation", "high", "invalid_value", "", among("high", "auto", "low")),
    ("action", "paint", "invalid_value", "", among("paint", "generate", "edit", "auto")),
    ("input_fidelity", "medium", "invalid_value", "", among("medium", "high", "low")),
    (
        "output_compression", "50", "invalid_value", "",
        'Invalid value: "50". Expected an integer in [0, 100].',
    ),
    (
        "output_compression", 1.5, "invalid_value", "",
        "Invalid value: 1.5. Expected an integer in [0, 100].",
    ),
    (
        "output_compression", True, "invalid_value", "",
        "Invalid value: true. Expected an integer in [0, 100].",
    ),
    (
        "output_compression", -1, "integer_below_min_value", "",
        "Invalid value: -1. Expected an integer >= 0.",
    ),
    (
        "output_compression", 101, "integer_above_max_value", "",
        "Invalid value: 101. Expected an integer <= 100.",
    ),
    (
        "partial_images", False, "invalid_value", "",
        "Invalid value: false. Expected an integer in [0, 3].",
    ),
    (
        "partial_images", -1, "integer_below_min_value", "",
        "Invalid value: -1. Expected an integer >= 0.",
    ),
    (
        "partial_images", 4, "integer_above_max_value", "",
        "Invalid value: 4. Expected an integer <= 3.",
    ),
    (
        "seed", True, "invalid_value", "",
        "Invalid value: true. Expected an integer in [0, 4294967295].",
    ),
    (
        "seed", -1, "integer_below_min_value", "",
        "Invalid value: -1. Expected an integer >= 0.",
    ),
    (MASK, [], "invalid_value", "", "Invalid value: []. Expected an object"),
    (MASK, "x", "invalid_value", "", 'Invalid value: "x". Expected an object'),
    (
        MASK, {}, "missing_mutually_exclusive_parameters", "",
        "Expected exactly one of 'image_url' and 'file_id', got none.",
    ),
    (
        MASK, {"image_url": PNG_URL, "file_id": "file_1"}, "mutually_exclusive_parameters",
        ".file_id", "got both",
    ),
    (
        MASK, {"file_id": "file_nobodys"}, "image_file_not_found", ".file_id",
        "File with id 'file_nobodys' not found.",
    ),
    (
        MASK, {"image_url": "iVBORw0KGgo="}, "invalid_value", ".image_url",
        "Expected a valid URL, but got a value with an invalid format.",
    ),
    (
        MASK, {"image_url": "data:text/plain;base64,aGk="}, "invalid_value", ".image_url",
        "a data URL whose media type is an image's",
    ),
    (
        MASK, {"image_url": "data:image/png,hi"}, "invalid_value", ".image_url",
        "of the form data:image/png;base64,<data>",
    ),
    (
        MASK, {"image_url": "data:image/png;base64,*"}, "invalid_value", ".image_url",
        "a base64-encoded image",
    ),
    (MASK, {"image_url": JPEG_URL}, "invalid_value", ".image_url", "a mask is an alpha channel"),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address() -> AsyncIterator[str]:
    """A server whose painter edits; its model and its painter must never be asked."""
    can = ImageCapabilities("able", edits=True, mask=True, input_fidelity=True)
    upstream = ScriptedUpstream(says("never"))
    images = ScriptedImages(done(), capabilities=can)
    async with serving(create(ServerParts(always(upstream), images, models=lambda: []))) as url:
        yield url
    assert (upstream.requests, images.requests) == ([], [])


async def refusal(url: str, body: dict[str, Any]) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/responses", json={"model": "m", "input": "hi", **body}) as reply,
    ):
        assert (reply.status, reply.content_type) == (400, "application/json")
        error: dict[str, Any] = (await reply.json())["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def declared(place: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    if place == "tools":
        return {"tools": tools}
    item = {"type": "additional_tools", "role": "developer", "tools": tools}
    return {"input": [{"role": "user", "content": "hi"}, item]}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("place", ["tools", "input[1].tools"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("field", "value", "code", "below", "message"), ROWS)
async def test_a_row_of_the_table(
    address: str,
    field: str,
    value: Any,
    code: str,
    below: str,
    message: str,
    stream: bool,
    place: str,
) -> None:
    tools = [{"type": "image_generation"}, {"type": "image_generation", field: value}]
    error = await refusal(address, {"stream": stream, "store": False, **declared(place, tools)})
    at = f"{place}[1]"
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert error["param"] == f"{at}.{field}{below}"
    assert message.replace("{P}", at) in error["message"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("stream", [False, True])
async def test_an_edit_of_nothing(address: str, stream: bool) -> None:
    tool = {"type": "image_generation", "action": "edit"}
    assert await refusal(address, {"stream": stream, "tools": [tool]}) == {
        "message": "ImageGenTool action 'edit' requires an image, mask, or previous context",
        "type": "image_generation_user_error",
        "param": "input",
        "code": None,
    }


INPUT_ROWS: list[tuple[dict[str, str], str, str, str]] = [
    (
        {"image_url": PNG_URL, "file_id": "file_1"}, "mutually_exclusive_parameters", "",
        "Expected exactly one of 'image_url' and 'file_id', got both.",
    ),
    (
        {}, "missing_mutually_exclusive_parameters", "",
        "Expected exactly one of 'image_url' and 'file_id', got none.",
    ),
    (
        {"image_url": "iVBORw0KGgo="}, "invalid_value", ".image_url",
        "Expected a valid URL, but got a value with an invalid format.",
    ),
    ({"image_url": "ftp://a/b"}, "invalid_value", ".image_url", "Expected a valid URL"),
    (
        {"image_url": "data:text/plain;base64,aGk="}, "invalid_value", ".image_url",
        "a data URL whose media type is an image's",
    ),
    (
        {"image_url": "data:image/png,hi"}, "invalid_value", ".image_url",
        "of the form data:image/png;base64,<data>",
    ),
    (
        {"image_url": "data:image/png;base64,a*b"}, "invalid_value", ".image_url",
        "a base64-encoded image",
    ),
    (
        {"image_url": "data:image/png;base64,aGVsbG8="}, "invalid_value", ".image_url",
        "the data of a PNG, JPEG, WebP, GIF, BMP or TIFF image",
    ),
    (
        {"file_id": "file_nobodys"}, "image_file_not_found", ".file_id",
        "File with id 'file_nobodys' not found.",
    ),
]  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("place", ["content", "output"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("named", "code", "below", "message"), INPUT_ROWS)
async def test_a_picture_of_the_input(
    address: str,
    named: dict[str, str],
    code: str,
    below: str,
    message: str,
    stream: bool,
    place: str,
) -> None:
    parts = [{"type": "input_text", "text": "see"}, {"type": "input_image", **named}]
    items = {
        "content": {"role": "user", "content": parts},
        "output": {"type": "function_call_output", "call_id": "c", "output": parts},
    }
    error = await refusal(address, {"stream": stream, "input": [items[place]]})
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert error["param"] == f"input[0].{place}[1]{below}"
    assert message in error["message"]


WHITE = {"image_url": PNG_URL}
ABLE_ROWS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"action": "edit", MASK: WHITE}, "unsupported_parameter", MASK, "'humble' takes no masks"),
    ({"action": "edit"}, "invalid_value", "action", among("edit", "generate", "auto")),
    ({"size": "128x512"}, "invalid_value", "size", "edges of 256 to 1024 pixels"),
    ({"size": "512x1040"}, "invalid_value", "size", "edges of 256 to 1024 pixels"),
    (
        {"background": "transparent"}, "invalid_value", "background",
        among("transparent", "opaque", "auto"),
    ),
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("fields", "code", "field", "message"), ABLE_ROWS)
async def test_what_the_back_end_at_hand_cannot_do(
    fields: dict[str, Any], code: str, field: str, message: str, stream: bool
) -> None:
    can = ImageCapabilities("humble", min_edge_px=256, max_edge_px=1024, transparent=False)
    images = ScriptedImages(done(), capabilities=can)
    upstream = ScriptedUpstream(says("never"))
    shown = {"role": "user", "content": [{"type": "input_image", **WHITE}]}
    tool = {"type": "image_generation", **fields}
    async with serving(create(ServerParts(always(upstream), images, models=lambda: []))) as url:
        error = await refusal(url, {"stream": stream, "input": [shown], "tools": [tool]})
    assert (error["code"], error["param"]) == (code, f"tools[0].{field}")
    assert message.replace('"', "'") in error["message"]
    assert upstream.requests == []
