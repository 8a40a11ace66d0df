"""Replies of an Images API, from every kind of server."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import ImageError
from limner.core.image import (
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    ImageUsage,
    PartialImage,
    Resolved,
    Size,
)
from limner.wire import sse
from limner.wire.images import ImagesCall, encode_event, encode_failure, encode_reply
from limner.wire.images_client import ImagesReplyDecoder
from limner.wire.pictures import to_base64
from tests.pictures import picture

CAT = ImageRequest("a cat")
PNG, WEBP = picture(), picture(format="webp")
LOOK = Resolved(Size(8, 8), "high", "opaque", "png", 7, 8, "tiny", ("rounded",))
ASKED = ImagesCall(CAT, stream=True, progress=True)


def decoded(*chunks: bytes, request: ImageRequest = CAT, limit: int = 10**6) -> list[ImageEvent]:
    decoder = ImagesReplyDecoder(request, limit_bytes=limit)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    events += decoder.flush()
    assert decoder.is_finished
    return events


def reply(**fields: Any) -> bytes:
    return orjson.dumps({"created": 1, **fields})


def frame(kind: str, **fields: Any) -> bytes:
    name = f"image_generation.{kind}"
    return sse.encode(name, orjson.dumps({"type": name, **fields}))


def failure(*chunks: bytes, limit: int = 10**6) -> ImageFailed:
    """The failure that is all that came."""
    [event] = decoded(*chunks, limit=limit)
    assert isinstance(event, ImageFailed)
    return event


EVENTS: list[ImageProgress | PartialImage | ImageCompleted] = [
    ImageProgress(0, 8, 1),
    ImageProgress(3, 8),
    PartialImage(0, PNG, LOOK),
    ImageCompleted(PNG, LOOK, ImageUsage(5, 1, 64)),
]


def test_our_own_stream_comes_back_as_it_was() -> None:
    frames = [encode_event(ASKED, event, now=1) for event in EVENTS]
    assert decoded(b": keepalive\n\n", *frames) == EVENTS


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40))
def test_any_split_of_the_bytes_reads_the_same(lengths: list[int]) -> None:
    stream = b"".join(encode_event(ASKED, event, now=1) for event in EVENTS)
    whole = encode_reply(ASKED, [ImageCompleted(PNG, LOOK)], created=1)
    for body, events in ((stream, EVENTS), (b"\n " + whole, [ImageCompleted(PNG, LOOK)])):
        chunks, rest = [], body
        for length in lengths:
            chunks.append(rest[:length])
            rest = rest[length:]
        assert decoded(*chunks, rest) == events


def test_our_own_pictures_keep_their_places_whatever_comes_first() -> None:
    request = ImageRequest("a cat", n=2)
    second = ImageCompleted(PNG, LOOK, picture=1)
    frames = [encode_event(ASKED, event, now=1) for event in (second, EVENTS[-1])]
    assert decoded(*frames, request=request) == [second, EVENTS[-1]]


def test_our_own_pictures_in_one_reply_have_seeds_that_follow() -> None:
    request = ImageRequest("a cat", n=2)
    look = Resolved(Size(8, 8), seed=2**32 - 1, output_format="png")
    pictures = [ImageCompleted(PNG, look), ImageCompleted(PNG, look, ImageUsage(1), picture=1)]
    events = decoded(encode_reply(ASKED, pictures, created=1), request=request)
    assert [e.resolved.seed for e in events if isinstance(e, ImageCompleted)] == [2**32 - 1, 0]
    assert isinstance(events[1], ImageCompleted)
    assert events[1].usage == ImageUsage(1)


def test_foreign_pictures_are_counted_as_they_come_and_usage_is_added_up() -> None:
    request = ImageRequest("a cat", n=2)
    usage = {"input_tokens": 3, "output_tokens": 10, "total_tokens": 13}
    done = frame("completed", b64_json=to_base64(PNG), usage=usage)
    partial = frame("partial_image", b64_json=to_base64(PNG), partial_image_index=0)
    events = decoded(partial, done, partial, done, done, request=request)
    assert [getattr(event, "picture", None) for event in events] == [0, 0, 1, 1]
    assert isinstance(events[1], ImageCompleted)
    assert isinstance(events[3], ImageCompleted)
    assert (events[1].usage, events[3].usage) == (None, ImageUsage(6, 0, 20))


@pytest.mark.parametrize(
    ("said", "size"), [("64x32", Size(64, 32)), ("auto", Size(8, 8)), (64, Size(8, 8))]
)
def test_a_preview_may_be_smaller_than_its_picture(said: object, size: Size) -> None:
    request = ImageRequest("a cat", size=Size(64, 32), partial_images=1)
    partial = frame("partial_image", b64_json=to_base64(PNG), partial_image_index=0, size=said)
    assert decoded(partial, request=request)[0] == PartialImage(
        0, PNG, Resolved(size, output_format="png")
    )


def test_what_a_picture_is_is_read_from_its_bytes() -> None:
    request = ImageRequest("a cat", size=Size(64, 64), output_format="png")
    body = reply(data=[{"b64_json": to_base64(WEBP)}], output_format="png", size="64x64")
    [event] = decoded(body, request=request)
    assert event == ImageCompleted(
        WEBP,
        Resolved(
            Size(8, 8),
            output_format="webp",
            adjustments=(
                "size: the image back end painted 8x8 instead of 64x64.",
                "output_format: the image back end sent webp instead of png.",
            ),
        ),
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"quality": "auto", "background": "auto"},
        {"quality": "best", "background": 1, "usage": 1},
        {"limner": "x"},
        {"limner": {"seed": -1, "steps": True, "model": "", "adjustments": "x", "picture": 9}},
        {"limner": {"adjustments": [1, ""]}},
    ],
)
def test_odd_settings_are_not_taken_over(odd: dict[str, Any]) -> None:
    [event] = decoded(frame("completed", b64_json=to_base64(PNG), **odd))
    assert event == ImageCompleted(PNG, Resolved(Size(8, 8), output_format="png"))


@pytest.mark.parametrize(
    ("told", "read"), [(9.5, 9.5), (0, 0), (-1, None), (True, None), ("soon", None), (None, None)]
)
def test_the_time_that_is_left_is_read_where_it_is_one(told: object, read: float | None) -> None:
    done = frame("completed", b64_json=to_base64(PNG))
    first, *_ = decoded(frame("progress", step=1, steps=8, eta_s=told), done)
    assert first == ImageProgress(1, 8, eta_s=read)


def test_usage_is_read_with_its_details_or_without() -> None:
    def usage(**fields: Any) -> ImageUsage | None:
        [event] = decoded(reply(data=[{"b64_json": to_base64(PNG)}], usage=fields))
        assert isinstance(event, ImageCompleted)
        return event.usage

    details = {"text_tokens": 3, "image_tokens": 4}
    assert usage(input_tokens=7, input_tokens_details=details) == ImageUsage(3, 4, 0)
    assert usage(input_tokens=7, output_tokens="x") == ImageUsage(7, 0, 0)


def test_a_picture_may_come_as_a_data_url() -> None:
    url = f"data:image/png;base64,{to_base64(PNG)}"
    for entry in ({"b64_json": url}, {"url": url}):
        [event] = decoded(reply(data=[entry]))
        assert isinstance(event, ImageCompleted)
        assert event.image == PNG


def test_a_picture_elsewhere_is_not_fetched() -> None:
    failed = failure(reply(data=[{"url": "https://example.org/a.png"}]))
    assert (failed.code, failed.status, failed.retryable) == ("not_supported", 502, False)
    assert "b64_json" in failed.message


@pytest.mark.parametrize(
    "data", [[], [{}], [{"b64_json": None}], ["x"], [{"b64_json": "%%%"}], [{"b64_json": 1}]]
)
def test_a_reply_without_a_picture_is_a_failure(data: list[Any]) -> None:
    failed = failure(reply(data=data))
    assert (failed.code, failed.retryable, failed.status) == ("server_error", True, 502)


@pytest.mark.parametrize("content", [b"GIF89a", b"<svg/>"])
def test_other_kinds_of_pictures_are_refused(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    assert "not a PNG" in failure(reply(data=[{"b64_json": text}])).message


def test_fewer_pictures_than_asked_are_a_failure_after_them() -> None:
    body = reply(data=[{"b64_json": to_base64(PNG)}])
    first, last = decoded(body, request=ImageRequest("a cat", n=2))
    assert isinstance(first, ImageCompleted)
    assert isinstance(last, ImageFailed)
    assert "1 of 2 pictures" in last.message


def test_more_pictures_than_asked_are_not_taken() -> None:
    assert len(decoded(reply(data=[{"b64_json": to_base64(PNG)}] * 3))) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"data"',
        b"",
        b"<html>",
        b"data: {\n\n",
        frame("completed"),
        frame("partial_image", b64_json=to_base64(PNG), partial_image_index=0)[:40],
        frame("partial_image", b64_json="%", partial_image_index=0),
        frame("partial_image", b64_json=to_base64(PNG)),
        frame("progress", step=1),
        frame("queued"),
        b"data: 1\n\ndata: [DONE]\n\n",
    ],
)
def test_a_reply_that_leads_to_no_picture_is_a_failure(body: bytes) -> None:
    failed = failure(body)
    assert (failed.code, failed.retryable, failed.status) == ("server_error", True, 502)


@pytest.mark.parametrize(
    "body",
    [
        reply(error={"code": "moderation_blocked", "message": "no"}),
        reply(detail={"code": "moderation_blocked", "message": "no"}),
        sse.encode("error", b'{"error": {"code": "moderation_blocked", "message": "no"}}'),
        sse.encode("error", b'{"code": "moderation_blocked", "message": "no"}'),
        frame("failed", error={"code": "moderation_blocked", "message": "no"}),
    ],
)
def test_an_error_with_status_200_is_a_failure(body: bytes) -> None:
    failed = failure(body, b" ")
    assert "no" in failed.message
    assert failed.status == 502


def test_nothing_comes_after_a_failure() -> None:
    error = encode_failure(ImageError("out of memory"))
    done = encode_event(ASKED, EVENTS[-1], now=1)
    assert failure(error + done, done).message.endswith("out of memory")


def test_too_much_at_once_is_a_failure() -> None:
    assert "1000 bytes" in failure(b"{" + b" " * 1000, b" ", limit=1000).message
    assert "1000 bytes" in failure(b"data: " + b" " * 1000, b" ", limit=1000).message


def test_pictures_that_a_reply_links_to_are_asked_for_and_taken() -> None:
    decoder = ImagesReplyDecoder(replace(CAT, n=2), said=("slower than asked",))
    here = {"b64_json": to_base64(PNG), "url": None}
    assert decoder.links == []
    assert decoder.feed(reply(data=[{"url": "/a.webp"}, here, {"url": "/c.png"}])) == []
    assert decoder.links == ["/a.webp"], "more than were ordered are left alone"
    decoder.add("/a.webp", WEBP.content)
    first, second = decoder.flush()
    assert isinstance(first, ImageCompleted)
    assert isinstance(second, ImageCompleted)
    assert (first.image, second.image) == (WEBP, PNG)
    assert first.resolved.adjustments == ("slower than asked",)


@pytest.mark.parametrize(
    "body",
    [b'{"data": "url"}', b'{"url": 1}', b'{"url": ', b'{"data": [{"url": 1}, {"url": ""}, "url"]}'],
)
def test_what_is_no_link_is_not_followed(body: bytes) -> None:
    decoder = ImagesReplyDecoder(CAT)
    decoder.feed(body)
    assert decoder.links == []


def test_data_urls_are_pictures_and_other_links_failures_unless_fetched() -> None:
    [event] = decoded(reply(data=[{"url": f"data:image/png;base64,{to_base64(PNG)}"}]))
    assert isinstance(event, ImageCompleted)
    assert event.image == PNG
    assert "on another server" in failure(reply(data=[{"url": "https://h/x.png"}])).message
    decoder = ImagesReplyDecoder(CAT)
    decoder.feed(reply(data=[{"url": "/a"}]))
    decoder.add("/a", b"<html>")
    [event] = decoder.flush()
    assert isinstance(event, ImageFailed)


def test_previews_tell_what_was_known_before_too() -> None:
    decoder = ImagesReplyDecoder(CAT, said=("no seed",))
    body = {"b64_json": to_base64(PNG), "partial_image_index": 0}
    [event] = decoder.feed(frame("partial_image", **body))
    assert isinstance(event, PartialImage)
    assert event.resolved.adjustments == ("no seed",)
