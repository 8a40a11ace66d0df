"""The Images API as it is served: requests, refusals, replies, and the SDK reading them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import (
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
    ImagesResponse,
)

from limner.core.errors import ImageError, InvalidRequest, LimnerError
from limner.core.image import (
    ImageCompleted,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    ImageUsage,
    PartialImage,
    Resolved,
    Size,
)
from limner.core.lora import Lora
from limner.wire.images import (
    ImagesCall,
    as_error,
    encode_event,
    encode_failure,
    encode_reply,
    parse_images_request,
)
from limner.wire.pictures import to_base64
from tests.pictures import picture

PNG = picture()
RESOLVED = Resolved(Size(8, 8), "high", "opaque", "png", 7, 8, "tiny", ("rounded",))
CALL = ImagesCall(ImageRequest("a cat"), stream=True)


def parsed(**fields: Any) -> ImagesCall:
    return parse_images_request({"prompt": "a cat", **fields})


def refused(**fields: Any) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        parsed(**fields)
    assert caught.value.status == 400
    return caught.value.code, caught.value.param


def read(frame: bytes) -> tuple[str, dict[str, Any]]:
    event, data = frame.decode().removesuffix("\n\n").split("\n")
    return event.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))


def test_a_prompt_is_enough() -> None:
    assert parsed() == ImagesCall(ImageRequest("a cat"))


def test_every_field_is_read() -> None:
    assert parsed(
        model="tiny",
        n=3,
        size="1280x720",
        quality="hd",
        background="opaque",
        output_format="webp",
        output_compression=0,
        moderation="low",
        partial_images=3,
        stream=True,
        response_format="b64_json",
        user="u",
        seed=2**32 - 1,
        steps=8,
        guidance_scale=1.5,
        loras=[{"name": "ink", "weight": 0.5}],
        service_tier="flex",
        progress=True,
    ) == ImagesCall(
        ImageRequest(
            "a cat",
            model="tiny",
            n=3,
            size=Size(1280, 720),
            quality="hd",
            background="opaque",
            output_format="webp",
            output_compression=0,
            moderation="low",
            partial_images=3,
            seed=2**32 - 1,
            steps=8,
            guidance_scale=1.5,
            loras=(Lora("ink", 0.5),),
            client="u",
            priority="background",
        ),
        stream=True,
        progress=True,
        safety_identifier="u",
    )


def test_auto_and_null_leave_the_choice() -> None:
    fields = ("size", "quality", "background", "moderation", "service_tier")
    assert parsed(**dict.fromkeys(fields, "auto")) == parsed(**dict.fromkeys(fields)) == parsed()


def test_the_safety_identifier_goes_before_the_user() -> None:
    assert parsed(safety_identifier="s", user="u").safety_identifier == "s"
    assert parsed(safety_identifier="", user="u").safety_identifier == "u"
    assert parsed(user="").safety_identifier is None


def test_what_only_streams_can_do_is_reported() -> None:
    assert parsed(partial_images=2, progress=True).adjustments == (
        "partial_images: has no effect without stream: true.",
        "progress: has no effect without stream: true.",
    )
    assert parsed(partial_images=2, progress=True, stream=True).adjustments == ()


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("prompt", None, "missing_required_parameter"),
        ("prompt", "", "string_below_min_length"),
        ("prompt", "x" * 32_001, "string_above_max_length"),
        ("prompt", ["a cat"], "invalid_type"),
        ("model", "", "invalid_value"),
        ("n", 0, "integer_below_min_value"),
        ("n", 11, "integer_above_max_value"),
        ("n", True, "invalid_value"),
        ("n", 1.5, "invalid_value"),
        ("n", "2", "invalid_value"),
        ("size", "big", "invalid_value"),
        ("size", "8x8", "invalid_value"),
        ("size", "8192x64", "invalid_value"),
        ("quality", "best", "invalid_value"),
        ("background", "blue", "invalid_value"),
        ("output_format", "gif", "invalid_value"),
        ("output_format", "svg", "invalid_value"),
        ("output_compression", -1, "integer_below_min_value"),
        ("output_compression", 101, "integer_above_max_value"),
        ("moderation", "high", "invalid_value"),
        ("partial_images", -1, "integer_below_min_value"),
        ("partial_images", 4, "integer_above_max_value"),
        ("partial_images", False, "invalid_value"),
        ("stream", "yes", "invalid_type"),
        ("progress", 1, "invalid_type"),
        ("response_format", "url", "unsupported_parameter"),
        ("response_format", "png", "invalid_value"),
        ("user", 1, "invalid_type"),
        ("safety_identifier", "x" * 513, "string_above_max_length"),
        ("seed", -1, "integer_below_min_value"),
        ("seed", 2**32, "integer_above_max_value"),
        ("steps", 0, "integer_below_min_value"),
        ("guidance_scale", "high", "invalid_value"),
        ("guidance_scale", -0.5, "decimal_below_min_value"),
        ("style", "vivid", "unsupported_parameter"),
        ("complexity", "low", "unsupported_parameter"),
        ("frame_count", 9, "unsupported_parameter"),
        ("frame_duration_ms", 200, "unsupported_parameter"),
        ("svg", {}, "unsupported_parameter"),
        ("image", "x", "unknown_parameter"),
    ],
)
def test_a_wrong_field_is_refused_by_name(field: str, value: object, code: str) -> None:
    assert refused(**{field: value}) == (code, field)


NAMES = st.sampled_from(["prompt", "n", "size", "quality", "seed", "guidance_scale", "stream", "x"])
VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([])
)


@given(st.dictionaries(NAMES, VALUES))
def test_any_body_is_read_or_refused(body: dict[str, Any]) -> None:
    try:
        prompt = parse_images_request(body).request.prompt
    except InvalidRequest as error:
        prompt = error.param or ""
    assert prompt


def test_the_sdk_reads_a_whole_reply() -> None:
    pictures = [
        ImageCompleted(PNG, RESOLVED),
        ImageCompleted(PNG, RESOLVED, ImageUsage(5, 1, 64), picture=1),
    ]
    call = parsed(n=2, user="u", partial_images=1)
    body = orjson.loads(encode_reply(call, pictures, created=1700000000))
    reply = ImagesResponse.model_validate(body, strict=True)
    assert reply.created == 1700000000
    assert reply.data is not None
    assert [entry.b64_json for entry in reply.data] == [to_base64(PNG)] * 2
    assert (reply.background, reply.quality, reply.size) == ("opaque", "high", "8x8")
    assert (reply.output_format, reply.safety_identifier) == ("png", "u")
    assert reply.usage is not None
    assert reply.usage.to_dict() == {
        "input_tokens": 6,
        "input_tokens_details": {"text_tokens": 5, "image_tokens": 1},
        "output_tokens": 64,
        "output_tokens_details": {"image_tokens": 64, "text_tokens": 0},
        "total_tokens": 70,
    }
    assert body["limner"] == {
        "model": "tiny",
        "seed": 7,
        "steps": 8,
        "adjustments": ["partial_images: has no effect without stream: true.", "rounded"],
    }


def test_what_is_not_known_is_left_out_of_a_reply() -> None:
    body = orjson.loads(encode_reply(parsed(), [ImageCompleted(PNG, Resolved())], created=1))
    assert body == {"created": 1, "data": [{"b64_json": to_base64(PNG)}], "output_format": "png"}


def test_the_sdk_reads_a_partial_image() -> None:
    event, body = read(encode_event(CALL, PartialImage(1, PNG, RESOLVED, picture=2), now=5))
    partial = ImageGenPartialImageEvent.model_validate(body, strict=True)
    assert event == partial.type == "image_generation.partial_image"
    assert (partial.partial_image_index, partial.created_at, partial.size) == (1, 5, "8x8")
    assert body["limner"] == {
        "picture": 2,
        "model": "tiny",
        "seed": 7,
        "steps": 8,
        "adjustments": ["rounded"],
    }


@pytest.mark.parametrize("resolved", [RESOLVED, Resolved()])
@pytest.mark.parametrize("usage", [None, ImageUsage(3, 0, 64)])
def test_the_sdk_reads_a_completed_picture(resolved: Resolved, usage: ImageUsage | None) -> None:
    event, body = read(encode_event(CALL, ImageCompleted(PNG, resolved, usage), now=5))
    completed = ImageGenCompletedEvent.model_validate(body, strict=True)
    assert event == completed.type == "image_generation.completed"
    assert completed.b64_json == to_base64(PNG)
    assert completed.usage.output_tokens == (64 if usage else 0)
    assert completed.quality == (resolved.quality or "auto")
    assert completed.safety_identifier is None


def test_a_stream_echoes_the_safety_identifier() -> None:
    call = ImagesCall(ImageRequest("a cat"), stream=True, safety_identifier="u")
    assert (
        read(encode_event(call, ImageCompleted(PNG, RESOLVED), now=5))[1]["safety_identifier"]
        == "u"
    )


def test_progress_tells_steps_and_the_queue() -> None:
    name = "image_generation.progress"
    assert read(encode_event(CALL, ImageProgress(3, 8), now=5)) == (
        name,
        {"type": name, "step": 3, "steps": 8},
    )
    assert read(encode_event(CALL, ImageProgress(0, 8, 2), now=5))[1]["queue_position"] == 2
    assert read(encode_event(CALL, ImageProgress(4, 8, eta_s=1.5), now=5))[1]["eta_s"] == 1.5


def test_a_failure_within_a_stream_is_nested() -> None:
    failed = ImageFailed(
        "full", "queue_full", retryable=True, status=503, param="n", retry_after_s=2
    )
    event, body = read(encode_failure(as_error(failed)))
    assert event == "error"
    assert body == {
        "error": {
            "message": "full",
            "type": "image_generation_server_error",
            "param": "n",
            "code": "queue_full",
            "limner": {"status": 503, "retryable": True, "retry_after_s": 2},
        }
    }


def test_a_bug_within_a_stream_is_nested_too() -> None:
    assert read(encode_failure(LimnerError("oh")))[1]["error"]["message"] == "oh"


def test_a_failure_becomes_an_error_of_the_same_fields() -> None:
    failed = ImageFailed("m", "c", "t", True, 503, "p", 1)
    error = as_error(failed)
    assert isinstance(error, ImageError)
    assert {name: getattr(error, name) for name in failed.__slots__} == {
        name: getattr(failed, name) for name in failed.__slots__
    }
