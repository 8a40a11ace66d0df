"""Orders to services with the job API, and what they say of their jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from limner.core.image import ImageCompleted, ImageFailed, ImageProgress, ImageRequest, Size
from limner.wire.image_jobs import (
    JobIsDone,
    cannot_edit,
    order_picture,
    read_accepted,
    read_job_failure,
    read_result,
    read_status,
    refused_order,
    render_edit,
    render_job,
)
from limner.wire.pictures import to_base64
from tests.pictures import picture

CAT = ImageRequest("a cat")
DONE = {"success": True, "image_base64": to_base64(picture()), "width": 8, "height": 8}


def result(**fields: Any) -> bytes:
    return orjson.dumps({**DONE, **fields})


def test_only_what_is_asked_is_sent() -> None:
    assert render_job(CAT) == {"prompt": "a cat"}
    assert render_job(ImageRequest("a cat", size=Size(512, 256), seed=0)) == {
        "prompt": "a cat",
        "width": 512,
        "height": 256,
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("request_", "param"),
    [(ImageRequest("x" * 2001), "prompt"), (ImageRequest("a cat", model="sdxl"), "model")],
)
def test_what_no_job_can_ask_for_is_refused(request_: ImageRequest, param: str) -> None:
    failed = refused_order(request_)
    assert failed is not None
    assert (failed.param, failed.status, failed.retryable) == (param, 400, False)


@pytest.mark.parametrize(
    "request_", [ImageRequest("x" * 2000), ImageRequest("a cat", model="gpt-image-1")]
)
def test_the_rest_is_ordered(request_: ImageRequest) -> None:
    assert refused_order(request_) is None


EDIT = ImageRequest("a cat", images=(picture(),))


def test_an_edit_carries_its_source() -> None:
    text = to_base64(picture())
    assert render_edit(EDIT) == {"prompt": "a cat", "image_base64": text}
    asked = replace(EDIT, strength=0.5, seed=7, size=Size(64, 64))
    assert render_edit(asked) == {
        "prompt": "a cat",
        "image_base64": text,
        "denoise": 0.5,
        "seed": 7,
    }


def test_the_least_strength_is_said() -> None:
    least = replace(EDIT, strength=0.0)
    assert render_edit(least)["denoise"] == 0.05
    assert order_picture(least, 0).said[0].startswith("strength: 0.05 is the least")
    assert order_picture(replace(EDIT, strength=0.05), 0).said == ()


def test_a_service_may_not_edit() -> None:
    failed = cannot_edit()
    assert (failed.code, failed.param, failed.retryable) == ("not_supported", "image", False)


def test_a_job_has_an_id() -> None:
    assert read_accepted(b'{"job_id": "j", "status": "queued"}') == "j"
    assert isinstance(read_accepted(b'{"job_id": ""}'), ImageFailed)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"status": "queued", "queue_position": 3}, ImageProgress(0, 1, 3)),
        ({"status": "queued", "queue_position": None}, ImageProgress(0, 1)),
        ({"status": "processing"}, ImageProgress(0, 1)),
        ({"status": "completed"}, JobIsDone()),
    ],
)
def test_a_job_waits_is_painted_and_is_done(status: dict[str, Any], expected: object) -> None:
    assert read_status(orjson.dumps(status)) == expected


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"status": "failed", "error": "no\nroom"}, "The image back end could not paint: no room"),
        (
            {"status": "failed", "error": None},
            "The image back end could not paint: it did not say why",
        ),
        ({"status": "cancelled"}, "The image back end says that the job is 'cancelled'"),
        ({}, "The image back end says that the job is None"),
    ],
)
def test_a_job_may_fail(status: dict[str, Any], message: str) -> None:
    assert read_status(orjson.dumps(status)) == ImageFailed(message, retryable=True, status=502)


def test_the_result_says_the_seed() -> None:
    event = read_result(result(seed=5), order_picture(CAT, 1))
    assert isinstance(event, ImageCompleted)
    assert (event.image, event.resolved.seed, event.picture) == (picture(), 5, 1)


def test_without_it_the_seed_is_the_one_asked() -> None:
    event = read_result(result(), order_picture(ImageRequest("a cat", seed=7), 0))
    assert isinstance(event, ImageCompleted)
    assert event.resolved.seed == 7


def test_the_real_size_counts() -> None:
    event = read_result(result(), order_picture(ImageRequest("a cat", size=Size(1080, 1080)), 0))
    assert isinstance(event, ImageCompleted)
    assert event.resolved.size == Size(8, 8)
    assert event.resolved.adjustments == (
        "size: the image back end painted 8x8 instead of 1080x1080.",
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"success": False, "error": "no room"}, "could not paint: no room"),
        ({"image_base64": None}, "answered without a picture"),
        ({"success": None}, "could not paint: it did not say why"),
    ],
)
def test_a_failure_may_come_with_200(fields: dict[str, Any], message: str) -> None:
    event = read_result(result(**fields), order_picture(CAT, 0))
    assert isinstance(event, ImageFailed)
    assert message in event.message
    assert event.retryable


@pytest.mark.parametrize(
    ("body", "status", "code", "retryable"),
    [
        (b'{"detail": "Image generation queue is full."}', 503, "queue_full", True),
        (b'{"detail": "Job not found"}', 404, "job_lost", True),
        (b'{"detail": "Not Found"}', 404, "upstream_404", False),
        (b'{"detail": [{"loc": ["body", "width"]}]}', 422, "upstream_422", False),
        (b"oh", 500, "upstream_500", True),
    ],
)
def test_refusals_are_typed(body: bytes, status: int, code: str, retryable: bool) -> None:
    failed = read_job_failure(body, status)
    assert (failed.code, failed.retryable) == (code, retryable)
