"""Requests and answers of `/sdapi/v1`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from limner.core.image import (
    ImageCompleted,
    ImageData,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    PartialImage,
    Size,
)
from limner.wire.automatic1111 import (
    ProgressReader,
    order_picture,
    path_for,
    read_automatic1111_failure,
    read_is_ours,
    read_reply,
    render_order,
)
from limner.wire.images_plain import Painting
from limner.wire.pictures import to_base64
from tests.pictures import picture

CAT = ImageRequest("a cat")
TEXT = to_base64(picture())
OTHER = to_base64(picture(4, 4))


def progress(step: object, steps: object = 4, image: object = None) -> bytes:
    state = {"job": "scripts_txt2img", "sampling_step": step, "sampling_steps": steps}
    return orjson.dumps({"progress": 0.5, "state": state, "current_image": image})


def reply(info: object = None, *images: object) -> bytes:
    return orjson.dumps({"images": images, "parameters": {}, "info": info})


def test_what_is_not_asked_is_the_servers_choice() -> None:
    painting = order_picture(CAT, 0, None)
    assert render_order(painting, "task(1)") == {
        "prompt": "a cat",
        "seed": -1,
        "force_task_id": "task(1)",
    }


def test_everything_asked_is_sent() -> None:
    request = ImageRequest(
        "a cat", model="gpt-image-1", size=Size(512, 256), seed=0, steps=4, guidance_scale=0.0
    )
    painting = order_picture(request, 1, "sd15")
    assert (painting.picture, painting.size, painting.model) == (1, Size(512, 256), "sd15")
    assert "instead of 'gpt-image-1'" in painting.said[0]
    assert render_order(painting, "task(1)") == {
        "prompt": "a cat",
        "seed": 0,
        "steps": 4,
        "cfg_scale": 0.0,
        "width": 512,
        "height": 256,
        "override_settings": {"sd_model_checkpoint": "sd15"},
        "force_task_id": "task(1)",
    }


EDIT = ImageRequest("a cat", images=(picture(24, 17),))


@pytest.mark.parametrize(
    ("source", "asked", "size"),
    [
        (picture(24, 17), None, (24, 16)),
        (picture(4, 4), None, (8, 8)),
        (picture(4096, 1024), None, (2048, 512)),
        (picture(24, 17), Size(64, 32), (64, 32)),
    ],
)
def test_an_edit_is_as_large_as_its_source_or_as_asked(
    source: ImageData, asked: Size | None, size: tuple[int, int]
) -> None:
    painting = order_picture(ImageRequest("a cat", images=(source,), size=asked), 0, None)
    assert painting.size == Size(*size)
    body = render_order(painting, "task(1)")
    assert (body["width"], body["height"]) == size
    assert body["init_images"] == [to_base64(source)]


def test_a_source_whose_size_cannot_be_read_is_left_to_the_server() -> None:
    source = ImageData(picture().content[:18], "png")
    body = render_order(order_picture(ImageRequest("a", images=(source,)), 0, None), "task(1)")
    assert "width" not in body


def test_an_edit_goes_elsewhere_with_its_strength_and_its_mask_the_other_way_round() -> None:
    mask = picture(24, 17, alpha=True)
    request = replace(EDIT, mask=mask, strength=0.5)
    assert (path_for(request), path_for(CAT)) == ("sdapi/v1/img2img", "sdapi/v1/txt2img")
    assert render_order(order_picture(request, 0, None), "task(1)") == {
        "prompt": "a cat",
        "seed": -1,
        "width": 24,
        "height": 16,
        "force_task_id": "task(1)",
        "init_images": [to_base64(EDIT.images[0])],
        "denoising_strength": 0.5,
        "resize_mode": 1,
        "mask": to_base64(mask),
        "inpainting_mask_invert": 1,
        "inpainting_fill": 1,
        "inpaint_full_res": False,
    }


def test_the_reply_says_what_was_used() -> None:
    info = orjson.dumps({"seed": 2**32 + 5, "sd_model_name": "sd15"}).decode()
    event = read_reply(reply(info, TEXT), Painting(CAT, 2))
    assert isinstance(event, ImageCompleted)
    assert (event.image, event.picture) == (picture(), 2)
    assert (event.resolved.seed, event.resolved.model) == (5, "sd15")
    assert event.resolved.size == Size(8, 8)


@pytest.mark.parametrize("info", [None, "not JSON", "{}", '{"seed": -1, "sd_model_name": ""}'])
def test_what_the_reply_does_not_say_is_what_was_asked(info: object) -> None:
    painting = Painting(CAT, seed=7, model="sd15")
    event = read_reply(reply(info, TEXT), painting)
    assert isinstance(event, ImageCompleted)
    assert (event.resolved.seed, event.resolved.model) == (7, "sd15")


@pytest.mark.parametrize(
    "body", [b"oh", b"{}", b'{"images": []}', reply(None, 5), reply(None, "R0lGODlh")]
)
def test_a_reply_without_a_picture_is_a_failure(body: bytes) -> None:
    event = read_reply(body, Painting(CAT))
    assert isinstance(event, ImageFailed)
    assert event.retryable


@pytest.mark.parametrize(
    ("body", "expected"), [(b'{"active": true}', True), (b'{"active": false}', False), (b"", False)]
)
def test_a_picture_is_ours_when_it_is_said_so(body: bytes, expected: bool) -> None:
    assert read_is_ours(body) is expected


def test_steps_are_told_once_and_previews_when_they_are_new() -> None:
    reader = ProgressReader(Painting(ImageRequest("a cat", partial_images=2)))
    bodies = [
        progress(0),
        progress(2, image=TEXT),
        progress(2, image=TEXT),
        progress(3, image=TEXT),
        progress(4, image=OTHER),
        progress(4, image=TEXT),
    ]
    events = [event for body in bodies for event in reader.read(body)]
    assert [type(event).__name__ for event in events] == [
        "ImageProgress",
        "PartialImage",
        "ImageProgress",
        "ImageProgress",
        "PartialImage",
    ]
    assert events[0] == ImageProgress(2, 4)
    assert [event.index for event in events if isinstance(event, PartialImage)] == [0, 1]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"state": 5}', progress(None), progress(1, None), progress(0, 0, TEXT)]
)
def test_what_says_nothing_of_steps_is_no_progress(body: bytes) -> None:
    assert ProgressReader(Painting(CAT)).read(body) == []


@pytest.mark.parametrize("image", [5, "not base64!"])
def test_a_broken_preview_is_left_out(image: object) -> None:
    reader = ProgressReader(Painting(ImageRequest("a cat", partial_images=1)))
    assert reader.read(progress(4, image=image)) == [ImageProgress(4, 4)]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (
            {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory"},
            500,
            "The image back end answered 500: CUDA out of memory",
        ),
        ({"detail": "Sampler not found"}, 404, "The image back end answered 404: Sampler not"),
        ({"error": "RuntimeError"}, 500, "The image back end answered 500: RuntimeError"),
        ({"detail": [{"loc": ["body", "prompt"], "msg": "wrong"}]}, 422, '[{"loc":["body","pro'),
        ({}, 500, "The image back end answered 500: {}"),
    ],
)
def test_errors_are_read_in_the_servers_words(
    body: dict[str, Any], status: int, message: str
) -> None:
    failed = read_automatic1111_failure(orjson.dumps(body), status)
    assert failed.message.startswith(message)
    assert failed.retryable is (status == 500)


def test_plain_text_is_an_error_too() -> None:
    assert "Bad Gateway" in read_automatic1111_failure(b"Bad Gateway", 502).message
