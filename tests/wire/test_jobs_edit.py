"""Edits ordered as jobs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.image import ImageCapabilities, ImageRequest, Size
from limner.core.job import Job, JobOrder
from limner.wire.jobs import accepted_json, result_json
from limner.wire.jobs_edit import parse_edit_job
from limner.wire.jobs_fields import Faults
from limner.wire.pictures import to_base64
from tests.pictures import picture

OURS = ImageCapabilities("tiny", seed=True, edits=True, mask=True, max_images=1, strength=True)
SOURCE = to_base64(picture())


def read(capabilities: ImageCapabilities = OURS, /, **fields: Any) -> JobOrder | Faults:
    body = {"prompt": "a blue cat", "image_base64": SOURCE, **fields}
    return parse_edit_job(body, capabilities, fresh_seed=42)


def ordered(capabilities: ImageCapabilities = OURS, /, **fields: Any) -> JobOrder:
    order = read(capabilities, **fields)
    assert isinstance(order, JobOrder), order
    return order


def fault(capabilities: ImageCapabilities = OURS, /, **fields: Any) -> tuple[str, str]:
    refused = read(capabilities, **fields)
    assert isinstance(refused, Faults)
    [only] = refused.detail
    assert only["msg"]
    return only["loc"][1], only["type"]


def test_a_prompt_and_a_picture_are_enough() -> None:
    assert ordered() == JobOrder(
        ImageRequest("a blue cat", output_format="png", seed=42, images=(picture(),))
    )


def test_every_field_is_read() -> None:
    order = ordered(
        original_prompt="make it blue",
        mask_base64=to_base64(picture(alpha=True)),
        denoise=0.3,
        steps=7,
        width=512,
        height=256,
        seed=0,
        user_id="u",
        chat_id="c",
    )
    request = order.request
    assert (request.mask, request.strength, request.steps) == (picture(alpha=True), 0.3, 7)
    assert (request.size, request.seed) == (Size(512, 256), 0)
    assert (order.original_prompt, order.user_id, order.chat_id) == ("make it blue", "u", "c")


def test_null_counts_as_absent() -> None:
    names = ("original_prompt", "mask_base64", "denoise", "steps", "width", "height", "seed")
    assert ordered(**dict.fromkeys(names)) == ordered()


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_picture_may_be_a_data_url(format: Any) -> None:
    given = picture(format=format)
    url = f"data:image/{format};base64,{to_base64(given)}"
    assert ordered(image_base64=url).request.images == (given,)


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("prompt", None, "missing"),
        ("image_base64", None, "missing"),
        ("image_base64", 7, "string_type"),
        ("image_base64", "§", "value_error"),
        ("image_base64", "R0lGODlh", "value_error"),
        ("image_base64", "data:text/plain;base64,AAAA", "value_error"),
        ("mask_base64", "AAAA", "value_error"),
        ("denoise", 0.04, "greater_than_equal"),
        ("denoise", 1.1, "less_than_equal"),
        ("denoise", math.nan, "greater_than_equal"),
        ("denoise", "0.3", "float_type"),
        ("denoise", True, "float_type"),
        ("steps", 1, "greater_than_equal"),
        ("steps", 31, "less_than_equal"),
        ("strength", 0.3, "extra_forbidden"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, kind: str) -> None:
    assert fault(**{field: value}) == (field, kind)


def test_an_edge_alone_is_no_size() -> None:
    assert fault(width=512) == ("height", "missing")
    assert fault(height=512) == ("width", "missing")
    assert fault(width=512, height=1) == ("height", "greater_than_equal")


def test_what_the_back_end_cannot_do_is_refused_under_the_fields_own_name() -> None:
    plain = ImageCapabilities("theirs", edits=True)
    assert ordered(plain).request.seed is None
    assert fault(plain, denoise=0.3) == ("denoise", "unsupported_parameter")
    assert fault(plain, mask_base64=SOURCE) == ("mask_base64", "unsupported_parameter")
    assert fault(plain, seed=1) == ("seed", "not_supported")
    assert fault(ImageCapabilities("none")) == ("image_base64", "unsupported_parameter")
    small = ImageCapabilities("small", edits=True, max_edge_px=300)
    assert fault(small, width=512, height=256) == ("width", "invalid_value")


def test_until_it_is_painted_an_edit_is_as_large_as_its_source() -> None:
    source = to_base64(picture(12, 10))
    job = Job("j", ordered(image_base64=source), created_at=1)
    told = accepted_json(job, 1)
    assert (told["width"], told["height"]) == (12, 10)
    assert (result_json(job)["width"], result_json(job)["height"]) == (12, 10)
    sized = Job("j", ordered(width=512, height=256), created_at=1)
    assert accepted_json(sized, 1)["width"] == 512


NAMES = st.sampled_from(["prompt", "image_base64", "mask_base64", "denoise", "steps", "width", "x"])
VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(SOURCE)
)


@given(st.dictionaries(NAMES, VALUES))
def test_any_body_is_read_or_refused(body: dict[str, Any]) -> None:
    order = parse_edit_job(body, OURS, fresh_seed=42)
    assert order.detail if isinstance(order, Faults) else order.request.images
