"""What a row keeps of a job comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.image import (
    ImageCompleted,
    ImageData,
    ImageFailed,
    ImageRequest,
    ImageUsage,
    Resolved,
    Size,
)
from limner.core.job import JobOrder
from limner.core.lora import Lora
from limner.wire.job_record import (
    order_record,
    outcome_record,
    pictures_of,
    read_order,
    read_outcome,
)
from limner.wire.kept import digest_of, keep, restore
from tests.pictures import picture

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


IMAGES = st.builds(ImageData, st.binary(), st.sampled_from(("png", "jpeg", "webp")))
SIZES = st.builds(Size, st.integers(1, 9999), st.integers(1, 9999))
SMALL = st.floats(0, 1)
LORAS = st.lists(st.builds(Lora, TEXTS, st.none() | SMALL)).map(tuple)
REQUESTS = st.builds(
    ImageRequest,
    prompt=TEXTS,
    size=st.none() | SIZES,
    seed=st.none() | st.integers(0, 2**32 - 1),
    images=st.lists(IMAGES).map(tuple),
    mask=st.none() | IMAGES,
    guidance_scale=st.none() | SMALL,
    strength=st.none() | SMALL,
    loras=LORAS,
    client=TEXTS,
)
ORDERS = st.builds(JobOrder, REQUESTS, st.none() | TEXTS, adjustments=st.lists(TEXTS).map(tuple))
LOOKS = st.builds(Resolved, st.none() | SIZES, adjustments=st.lists(TEXTS).map(tuple), loras=LORAS)
USAGES = st.builds(ImageUsage, st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
PICTURES = st.builds(ImageCompleted, IMAGES, LOOKS, st.none() | USAGES, st.integers(0, 9))
FAILURES = st.builds(ImageFailed, TEXTS, retry_after_s=st.none() | SMALL)


@given(ORDERS)
def test_an_order_comes_back(order: JobOrder) -> None:
    assert read_order(order_record(order)) == order


def test_an_order_of_an_earlier_version_is_read() -> None:
    order = JobOrder(ImageRequest("a"))
    before = order_record(order).replace(b'"loras":[],', b"")
    assert before != order_record(order)
    assert read_order(before) == order


@given(PICTURES | FAILURES)
def test_an_outcome_comes_back(outcome: ImageCompleted | ImageFailed) -> None:
    assert read_outcome(outcome_record(outcome)) == outcome


@pytest.mark.parametrize(
    "order",
    [
        JobOrder(ImageRequest("a cat")),
        JobOrder(ImageRequest("a cat", images=(picture(3, 3), picture(4, 4)))),
        JobOrder(ImageRequest("a cat", images=(picture(3, 3),), mask=picture(3, 3))),
    ],
)
def test_the_pictures_of_an_order_can_be_taken_out_of_its_record(order: JobOrder) -> None:
    record, pictures = order_record(order), pictures_of(order)
    kept = keep(record, pictures)
    assert len(kept) < 800
    assert restore(kept, {digest_of(content): content for content in pictures}) == record
