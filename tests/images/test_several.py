"""Several image back ends: who is asked, and who may stand in for whom."""

from __future__ import annotations

import socket
from contextlib import aclosing
from dataclasses import replace

import pytest

from limner.core.errors import ConfigError
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageRequest,
    PartialImage,
)
from limner.images.http import HttpLimits, ImagesHttp
from limner.images.openai import OpenAIImages
from limner.images.several import NamedBackend, SeveralBackends
from tests.images.test_openai import ScriptedServer, frame, whole
from tests.pictures import picture
from tests.scripted_chat import Reply, fails
from tests.scripted_images import HANG, LOOK, ScriptedImages, done, preview, progress

CAT = ImageRequest("a cat")
BUSY = ImageFailed("full", "queue_full", retryable=True, status=503, was_taken=False)
BROKEN = ImageFailed("lost", retryable=True, status=502)
UNKNOWN = ImageFailed("no seed here", "not_supported", status=400)


def several(*backends: ScriptedImages) -> SeveralBackends:
    return SeveralBackends([NamedBackend(f"b{n}", each) for n, each in enumerate(backends)])


async def ask(images: SeveralBackends, request: ImageRequest = CAT) -> list[ImageEvent]:
    async with aclosing(images.generate(request)) as events:
        return [event async for event in events]


async def test_the_first_is_the_default_and_gets_the_request_as_it_is() -> None:
    first, second = ScriptedImages(done()), ScriptedImages(done())
    for model in (None, "gpt-image-1"):
        assert await ask(several(first, second), ImageRequest("a cat", model=model)) == [done()]
    assert [request.model for request in first.requests] == [None, "gpt-image-1"]
    assert second.requests == []
    assert several(first, second).capabilities == first.capabilities


@pytest.mark.parametrize(("model", "passed_on"), [("big", None), ("fast", "turbo"), ("own", None)])
async def test_a_name_or_alias_picks_one(model: str, passed_on: str | None) -> None:
    first, second = ScriptedImages(done()), ScriptedImages(progress(1), done())
    aliases = {"fast": "turbo", "own": None}
    images = SeveralBackends([NamedBackend("a", first), NamedBackend("big", second, aliases)])
    assert await ask(images, ImageRequest("a cat", model=model)) == [progress(1), done()]
    assert [request.model for request in second.requests] == [passed_on]
    assert first.requests == []
    assert images.names == ("a", "big", "fast", "own")


def test_what_each_can_do_is_known_by_all_of_its_names() -> None:
    first, second = ScriptedImages(), ScriptedImages(capabilities=ImageCapabilities("large"))
    images = SeveralBackends([NamedBackend("a", first), NamedBackend("b", second, {"c": "x"})])
    can = images.capabilities
    assert can.of("a") == first.capabilities
    assert can.of("b") == can.of("c") == second.capabilities
    assert can.of(None) == can.of("unheard-of") == can


async def test_another_stands_in_for_one_that_took_nothing_and_the_picture_says_so() -> None:
    first, second = ScriptedImages(BUSY), ScriptedImages(progress(1), preview(), done())
    events = await ask(several(first, second), ImageRequest("a cat", model="gpt-image-1"))
    assert second.requests == [CAT]
    assert [type(event).__name__ for event in events] == [
        "ImageProgress",
        "PartialImage",
        "ImageCompleted",
    ]
    for event in events[1:]:
        assert isinstance(event, PartialImage | ImageCompleted)
        assert event.resolved.adjustments == (
            "'b0' could not take the picture: full",
            *LOOK.adjustments,
        )


async def test_nobody_stands_in_once_money_may_be_spent() -> None:
    for script in ([BROKEN], [progress(0), BUSY], [preview(), BUSY], [UNKNOWN]):
        first, second = ScriptedImages(*script), ScriptedImages(done())
        assert (await ask(several(first, second)))[-1] == script[-1]
        assert second.requests == []


async def test_nobody_stands_in_for_one_that_was_named() -> None:
    first, second = ScriptedImages(BUSY), ScriptedImages(done())
    assert await ask(several(first, second), ImageRequest("a cat", model="b0")) == [BUSY]
    assert second.requests == []


@pytest.mark.parametrize("second", [BUSY, UNKNOWN])
async def test_where_none_can_the_failure_is_the_default_s(second: ImageFailed) -> None:
    other = ImageFailed("first", retryable=True, status=429, retry_after_s=7, was_taken=False)
    assert await ask(several(ScriptedImages(other), ScriptedImages(second))) == [other]


async def test_a_stand_in_that_breaks_off_ends_the_call() -> None:
    third = ScriptedImages(done())
    assert await ask(several(ScriptedImages(BUSY), ScriptedImages(BROKEN), third)) == [BROKEN]
    assert third.requests == []


async def test_closing_the_iterator_stops_whoever_paints() -> None:
    first, second = ScriptedImages(BUSY), ScriptedImages(progress(1), HANG)
    events = several(first, second).generate(CAT)
    assert await anext(events) == progress(1)
    await events.aclose()
    await second.has_stopped.wait()
    assert first.running == second.running == 0


def test_names_stand_for_one_back_end_each() -> None:
    a, b = NamedBackend("a", ScriptedImages()), NamedBackend("b", ScriptedImages(), {"a": None})
    with pytest.raises(ConfigError, match="'a' stands for two image back ends, 'a' and 'b'"):
        SeveralBackends([a, b])
    with pytest.raises(ConfigError, match="at least one"):
        SeveralBackends([])


AT_ONCE = HttpLimits(retries=0)
PARTIAL = frame("partial_image", partial_image_index=0)


@pytest.mark.parametrize(
    ("reply", "moves_on"),
    [
        (None, True),
        (fails(429), True),
        (fails(503), True),
        (fails(500), False),
        (fails(502), False),
        (fails(400), False),
        (Reply((), then="cut"), False),
        (Reply((PARTIAL,), then="cut"), False),
        (Reply((frame("error", error={"code": "server_error", "message": "503"}),)), False),
    ],
)
async def test_over_http_only_what_was_surely_not_taken_moves_on(
    reply: Reply | None, moves_on: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with (
        ScriptedServer([reply] if reply else []) as first,
        ScriptedServer([whole()]) as second,
        ImagesHttp(first.url if reply else nobody, limits=AT_ONCE) as one,
        ImagesHttp(second.url, limits=AT_ONCE) as two,
    ):
        images = SeveralBackends(
            [NamedBackend("one", OpenAIImages(one)), NamedBackend("two", OpenAIImages(two))]
        )
        last = (await ask(images))[-1]
        assert isinstance(last, ImageCompleted) == moves_on
        assert len(second.requests) == moves_on
        assert images.capabilities == ImageCapabilities("images")


EDIT = ImageRequest("a cat", images=(picture(),))
PLAIN = ImageCapabilities("plain", ("png",), max_n=4, min_edge_px=64, max_edge_px=512)
EDITOR = ImageCapabilities(
    "editor", ("png", "webp"), edits=True, mask=True, max_images=2, max_n=2, strength=True
)


async def test_an_edit_goes_to_the_first_that_edits_and_the_picture_says_so() -> None:
    plain, editor = (ScriptedImages(done(), capabilities=can) for can in (PLAIN, EDITOR))
    request = replace(EDIT, model="gpt-image-1", strength=0.5)
    [event] = await ask(several(plain, editor), request)
    assert isinstance(event, ImageCompleted)
    assert event.resolved.adjustments[0] == (
        "'b0' could not take the picture: Unsupported parameter: 'image'. The image back end "
        "'plain' edits no pictures."
    )
    assert plain.requests == []
    assert editor.requests == [replace(request, model=None)]
    assert [await ask(several(editor, plain), EDIT)] == [[done()]]


async def test_where_none_can_the_default_refuses() -> None:
    plain, other = (ScriptedImages(UNKNOWN, capabilities=PLAIN) for _ in range(2))
    assert await ask(several(plain, other), EDIT) == [UNKNOWN]
    assert other.requests == []


async def test_one_that_is_named_is_asked_whatever_it_can() -> None:
    plain, editor = (ScriptedImages(UNKNOWN, capabilities=can) for can in (PLAIN, EDITOR))
    assert await ask(several(plain, editor), replace(EDIT, model="b0")) == [UNKNOWN]
    assert (len(plain.requests), editor.requests) == (1, [])


def test_together_they_can_what_any_of_them_can() -> None:
    plain, editor = (ScriptedImages(capabilities=can) for can in (PLAIN, EDITOR))
    assert several(plain, editor).capabilities == ImageCapabilities(
        "plain",
        ("png",),
        max_n=4,
        edits=True,
        mask=True,
        max_images=2,
        strength=True,
    )


@pytest.mark.parametrize(("second", "together"), [(True, True), (False, False)])
def test_painting_again_is_free_only_where_it_is_for_all(second: bool, together: bool) -> None:
    each = [
        ScriptedImages(capabilities=ImageCapabilities("a", repeatable=free))
        for free in (True, second)
    ]
    assert several(*each).capabilities.repeatable is together


@pytest.mark.parametrize(
    ("answers", "together"),
    [((False, False), False), ((False, None), None), ((None, True), True)],
)
def test_what_one_can_paint_or_may_paint_is_possible(
    answers: tuple[bool | None, ...], together: bool | None
) -> None:
    each = [
        ScriptedImages(capabilities=ImageCapabilities("a", transparent=answer))
        for answer in answers
    ]
    assert several(*each).capabilities.transparent is together


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (("ink",), ("pixel", "ink"), ("ink", "pixel")),
        ((), ("ink",), ("ink",)),
        (("ink",), None, None),
    ],
)
def test_adapters_are_those_of_all_where_all_are_known(
    first: tuple[str, ...] | None,
    second: tuple[str, ...] | None,
    together: tuple[str, ...] | None,
) -> None:
    each = [
        ScriptedImages(capabilities=ImageCapabilities("a", loras=names))
        for names in (first, second)
    ]
    assert several(*each).capabilities.loras == together
