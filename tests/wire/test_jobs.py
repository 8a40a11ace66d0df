"""The job API's shapes."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageFailed,
    ImageRequest,
    Resolved,
    Size,
)
from limner.core.job import Job, JobOrder
from limner.core.readiness import Readiness
from limner.wire.jobs import (
    Engine,
    Gpu,
    Painter,
    accepted_json,
    health_json,
    info_json,
    pending_json,
    picture_headers,
    result_json,
    status_json,
)
from limner.wire.jobs_fields import Faults
from limner.wire.jobs_request import JobDefaults, parse_job
from limner.wire.pictures import to_base64
from tests.pictures import picture

OURS = ImageCapabilities("tiny", size_multiple=16, seed=True)
FOREIGN = ImageCapabilities("theirs")
DEFAULTS = JobDefaults(Size(1024, 768), inference_steps=9, guidance_scale=0.0)
READY = Readiness("ready", "Ready.")
REQUEST = ImageRequest("a cat", size=Size(512, 512), seed=7)
QUEUED = Job("j1", JobOrder(REQUEST, user_id="u", chat_id="c"), created_at=100.5)
RUNNING = QUEUED.start(101)
LOOK = Resolved(Size(8, 8), seed=9, adjustments=("enlarged",))
COMPLETED = RUNNING.complete(ImageCompleted(picture(), LOOK), 103.25)
FAILED = RUNNING.fail(ImageFailed("out of memory"), 102)


def ordered(capabilities: ImageCapabilities = OURS, /, **fields: Any) -> JobOrder:
    order = parse_job({"prompt": "a cat", **fields}, capabilities, DEFAULTS, fresh_seed=42)
    assert isinstance(order, JobOrder)
    return order


def faults(capabilities: ImageCapabilities = OURS, /, **fields: Any) -> list[dict[str, Any]]:
    refused = parse_job({"prompt": "a cat", **fields}, capabilities, DEFAULTS, fresh_seed=42)
    assert isinstance(refused, Faults)
    return list(refused.detail)


def of(prompt: str, original: str | None = None) -> Job:
    """A completed job for these words."""
    order = JobOrder(ImageRequest(prompt), original)
    return Job("j", order, 1).start(2).complete(ImageCompleted(picture(), Resolved()), 3)


def test_a_prompt_is_enough() -> None:
    assert ordered() == JobOrder(
        ImageRequest("a cat", size=Size(1024, 768), output_format="png", seed=42)
    )


def test_every_field_is_read() -> None:
    order = ordered(
        original_prompt="draw me a cat",
        width=1280,
        height=720,
        seed=0,
        user_id="u",
        chat_id="c",
    )
    assert (order.request.size, order.request.seed) == (Size(1280, 720), 0)
    assert (order.original_prompt, order.user_id, order.chat_id) == ("draw me a cat", "u", "c")
    assert order.adjustments == ()


def test_null_counts_as_absent() -> None:
    names = ("original_prompt", "width", "height", "seed", "user_id", "chat_id")
    assert ordered(**dict.fromkeys(names)) == ordered()


@pytest.mark.parametrize(
    ("asked", "fitted"),
    [((1280, 720), (1280, 720)), ((1200, 675), (1200, 672)), ((257, 2047), (256, 2048))],
)
def test_rounding_is_to_the_nearest_and_reported(
    asked: tuple[int, int], fitted: tuple[int, int]
) -> None:
    order = ordered(width=asked[0], height=asked[1])
    assert order.request.size == Size(*fitted)
    assert bool(order.adjustments) == (asked != fitted)
    assert ordered(FOREIGN, width=asked[0], height=asked[1]).request.size == Size(*asked)


def test_a_back_end_without_seeds_is_not_asked_for_them() -> None:
    assert ordered(FOREIGN).request.seed is None
    assert [fault["loc"] for fault in faults(FOREIGN, seed=1)] == [["body", "seed"]]


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("prompt", None, "missing"),
        ("prompt", "", "string_too_short"),
        ("prompt", "x" * 2001, "string_too_long"),
        ("prompt", 1, "string_type"),
        ("original_prompt", ["x"], "string_type"),
        ("original_prompt", "x" * 32_001, "string_too_long"),
        ("width", 255, "greater_than_equal"),
        ("width", 2049, "less_than_equal"),
        ("height", "512", "int_type"),
        ("height", 512.0, "int_type"),
        ("height", True, "int_type"),
        ("seed", -1, "greater_than_equal"),
        ("seed", 2**32, "less_than_equal"),
        ("user_id", 1, "string_type"),
        ("chat_id", "x" * 513, "string_too_long"),
        ("negative_prompt", "dogs", "extra_forbidden"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, kind: str) -> None:
    [fault] = faults(**{field: value})
    assert (fault["loc"], fault["type"]) == (["body", field], kind)
    assert fault["msg"]


def test_all_that_is_wrong_is_named_at_once() -> None:
    assert [fault["loc"][1] for fault in faults(width=1, seed=-1, x=1)] == ["width", "seed", "x"]


NAMES = st.sampled_from(["prompt", "width", "seed", "user_id", "x"])
VALUES: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.dictionaries(NAMES, VALUES))
def test_any_body_is_read_or_refused(body: dict[str, Any]) -> None:
    read = parse_job(body, OURS, DEFAULTS, fresh_seed=42)
    assert read.detail if isinstance(read, Faults) else read.request.prompt


def test_an_accepted_job_says_what_will_be_painted() -> None:
    assert accepted_json(QUEUED, 3) == {
        "job_id": "j1",
        "status": "queued",
        "queue_position": 3,
        "seed": 7,
        "width": 512,
        "height": 512,
        "adjustments": [],
    }


@pytest.mark.parametrize(
    ("job", "position", "status"),
    [
        (QUEUED, 2, "queued"),
        (RUNNING, None, "processing"),
        (COMPLETED, None, "completed"),
        (FAILED, None, "failed"),
        (QUEUED.cancel(102), None, "cancelled"),
    ],
)
def test_a_status_tells_times_and_place(job: Job, position: int | None, status: str) -> None:
    assert status_json(job, position) == {
        "job_id": "j1",
        "status": status,
        "queue_position": position,
        "created_at": 100.5,
        "started_at": job.started_at,
        "completed_at": job.ended_at,
        "error": "out of memory" if status == "failed" else None,
        "user_id": "u",
        "chat_id": "c",
    }


def test_a_job_that_is_not_done_says_so_in_both_forms() -> None:
    body = pending_json(RUNNING, None)
    assert (body["detail"], body["status"]) == ("Job is processing", "processing")


def test_a_result_tells_what_was_really_painted() -> None:
    assert result_json(COMPLETED) == {
        "success": True,
        "job_id": "j1",
        "image_base64": to_base64(picture()),
        "image_url": "/job/j1/image",
        "width": 8,
        "height": 8,
        "seed": 9,
        "adjustments": ["enlarged"],
        "prompt": "a cat",
        "original_prompt": None,
        "revised_prompt": None,
        "generation_time": 2.25,
        "error": None,
    }


def test_what_the_back_end_does_not_say_is_told_as_asked() -> None:
    job = RUNNING.complete(ImageCompleted(picture(), Resolved()), 103)
    body = result_json(job)
    assert (body["width"], body["height"], body["seed"]) == (512, 512, 7)


def test_a_revised_prompt_is_one_that_the_user_did_not_write() -> None:
    body = result_json(of("a cat, oil on canvas", "draw a cat"))
    assert (body["revised_prompt"], body["original_prompt"]) == (body["prompt"], "draw a cat")
    assert result_json(of("a cat", "a cat"))["revised_prompt"] is None


@pytest.mark.parametrize(
    ("job", "error"), [(FAILED, "out of memory"), (QUEUED.cancel(102), "Job was cancelled")]
)
def test_a_result_without_a_picture_says_why_in_both_forms(job: Job, error: str) -> None:
    body = result_json(job)
    assert (body["success"], body["error"], body["detail"]) == (False, error, error)
    assert (body["image_base64"], body["image_url"]) == (None, None)


def test_the_headers_of_a_picture_carry_any_prompt() -> None:
    assert picture_headers(COMPLETED) == {
        "Content-Disposition": 'inline; filename="j1.png"',
        "X-Prompt": "a cat",
        "X-Seed": "9",
    }
    headers = picture_headers(of("кот\n100%"))
    assert headers["X-Prompt"] == "%D0%BA%D0%BE%D1%82%0A100%25"
    assert "X-Seed" not in headers


@given(st.text(min_size=1, max_size=200))
def test_a_prompt_in_a_header_can_be_read_back(prompt: str) -> None:
    header = picture_headers(of(prompt))["X-Prompt"]
    assert header.isascii()
    assert header.isprintable()
    assert unquote(header) == prompt[:100].strip(" ")


@pytest.mark.parametrize(
    ("state", "status"), [("ready", "healthy"), ("loading", "loading"), ("failed", "failed")]
)
def test_health_says_whether_it_can_paint(state: Any, status: str) -> None:
    painter = Painter("tiny", Readiness(state, "Words.", 0.5))
    assert health_json(painter, waiting=2, max_queue=20, max_concurrent=1) == {
        "status": status,
        "service": "image-gen",
        "model": "tiny",
        "device": None,
        "gpu": None,
        "queue_size": 2,
        "max_queue": 20,
        "max_concurrent": 1,
        "message": "Words.",
        "progress": 0.5,
        "engines": [],
    }


@pytest.mark.parametrize("built_for", [{}, {"rocm_version": "6.4"}, {"cuda_version": "12.8"}])
def test_health_tells_of_every_gpu(built_for: dict[str, str]) -> None:
    loading = Readiness("loading", "reading weights", 0.5)
    engines = (
        Engine("engine-0", loading),
        Engine("engine-1", READY, "cuda:1", Gpu("Some GPU", 24.0, 9.5, **built_for)),
    )
    painter = Painter("tiny", READY, engines)
    health = health_json(painter, waiting=0, max_queue=20, max_concurrent=2)
    gpu = {
        "name": "Some GPU",
        "vram_total_gb": 24.0,
        "vram_used_gb": 9.5,
        **built_for,
    }
    assert (health["device"], health["gpu"]) == ("cuda:1", gpu)
    assert health["engines"] == [
        {
            "name": "engine-0",
            "device": None,
            "gpu": None,
            "status": "loading",
            "message": "reading weights",
            "progress": 0.5,
        },
        {
            "name": "engine-1",
            "device": "cuda:1",
            "gpu": gpu,
            "status": "healthy",
            "message": "Ready.",
            "progress": None,
        },
    ]


def test_info_lists_the_sizes() -> None:
    assert info_json(Painter("tiny", READY), DEFAULTS) == {
        "model": "tiny",
        "supported_sizes": [
            [512, 512],
            [768, 768],
            [1024, 1024],
            [1280, 720],
            [720, 1280],
            [1024, 768],
            [768, 1024],
        ],
        "default_width": 1024,
        "default_height": 768,
        "inference_steps": 9,
        "guidance_scale": 0.0,
    }
