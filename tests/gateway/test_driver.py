from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from limner.core import events as shown
from limner.core.errors import InvalidRequest
from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest
from limner.core.image_tool import Denial
from limner.core.request import ResponseRequest
from limner.core.turn import TextDelta, TurnEnded, TurnEvent, TurnRequest, UpstreamCapabilities
from limner.gateway.driver import random_id, respond
from tests.core.recorded import asking, brief, draw, numbered_ids, painted, preview

Scripted = Sequence[object]


class Forever:
    """In a script: wait here until closed."""


class Player:
    """Plays scripts, one for each request, and notes what happens to it."""

    def __init__(self, *scripts: Scripted) -> None:
        self.scripts = list(scripts)
        self.requests: list[object] = []
        self.closed = 0
        self.is_waiting = asyncio.Event()

    async def play(self, request: object) -> AsyncGenerator[object, None]:
        self.requests.append(request)
        try:
            for step in self.scripts.pop(0):
                if isinstance(step, Forever):
                    self.is_waiting.set()
                    await asyncio.Event().wait()
                if isinstance(step, Exception):
                    raise step
                yield step
        finally:
            await asyncio.sleep(0)  # closing may take a while, and is waited for
            self.closed += 1


class ScriptedUpstream(Player):
    capabilities = UpstreamCapabilities("scripted", vision=False)

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        async with aclosing(self.play(request)) as events:
            async for event in events:
                yield event  # type: ignore[misc]


class ScriptedPainter(Player):
    capabilities = ImageCapabilities("scripted")

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        async with aclosing(self.play(request)) as events:
            async for event in events:
                yield event  # type: ignore[misc]


def responding(
    upstream: ScriptedUpstream,
    painter: ScriptedPainter | None = None,
    *,
    request: ResponseRequest | None = None,
    deadline_s: float = 60.0,
) -> AsyncGenerator[shown.ResponseEvent, None]:
    if request is None:
        request = asking() if painter else asking(image_tool=None)
    return respond(
        request,
        upstream=upstream,
        image_backend=painter,
        new_id=numbered_ids(),
        clock=lambda: 1000.0,
        deadline_s=deadline_s,
    )


async def all_of(events: AsyncGenerator[shown.ResponseEvent, None]) -> list[shown.ResponseEvent]:
    return [event async for event in events]


async def test_turns_and_pictures_follow_each_other() -> None:
    upstream = ScriptedUpstream([*draw("a"), TurnEnded()], [TextDelta("Done."), TurnEnded()])
    painter = ScriptedPainter([preview(), painted()])
    events = await all_of(responding(upstream, painter))
    assert [brief(event) for event in events] == [
        "created",
        "in_progress",
        "added #0 image",
        "image in_progress #0",
        "image generating #0",
        "image completed #0",
        "done #0 image completed",
        "added #1 message",
        "part added #1/0",
        "text #1/0 Done.",
        "text done #1/0 Done.",
        "part done #1/0",
        "done #1 message completed",
        "COMPLETED",
    ]
    assert (upstream.closed, painter.closed) == (2, 1)
    created = events[0]
    assert isinstance(created, shown.ResponseCreated)
    assert (created.response.id, created.response.created_at) == ("resp_1", 1000)


async def test_a_picture_is_asked_for_in_the_name_of_its_response() -> None:
    painter = ScriptedPainter([painted()])
    upstream = ScriptedUpstream([*draw("a"), TurnEnded()], [TurnEnded()])
    await all_of(responding(upstream, painter))
    (request,) = painter.requests
    assert isinstance(request, ImageRequest)
    assert request.response_id == "resp_1"


async def test_the_opening_comes_before_the_upstream_is_asked() -> None:
    upstream = ScriptedUpstream([TurnEnded()])
    async with aclosing(responding(upstream)) as events:
        assert brief(await anext(events)) == "created"
        assert brief(await anext(events)) == "in_progress"
        assert upstream.requests == []


async def test_each_event_comes_as_soon_as_it_is_known() -> None:
    upstream = ScriptedUpstream([TextDelta("Hel"), Forever()])
    async with aclosing(responding(upstream)) as events:
        seen = [brief(await anext(events)) for _ in range(5)]
    assert seen[-1] == "text #0/0 Hel"


async def test_what_the_upstream_can_see_decides_what_it_is_shown() -> None:
    upstream = ScriptedUpstream([*draw("a"), TurnEnded()], [TurnEnded()])
    await all_of(responding(upstream, ScriptedPainter([painted()])))
    second = upstream.requests[1]
    assert isinstance(second, TurnRequest)
    assert len(second.items) == 3


async def test_a_source_that_goes_on_after_its_end_is_closed() -> None:
    upstream = ScriptedUpstream([TurnEnded(), Forever()])
    events = await all_of(responding(upstream))
    assert brief(events[-1]) == "COMPLETED"
    assert upstream.closed == 1


async def test_closing_closes_the_turn_and_waits_for_it() -> None:
    upstream = ScriptedUpstream([TextDelta("Hello"), Forever()])
    events = responding(upstream)
    async for event in events:
        if isinstance(event, shown.OutputTextDelta):
            break
    await events.aclose()
    assert upstream.closed == 1


async def test_cancelling_who_waits_closes_the_picture_and_waits_for_it() -> None:
    upstream = ScriptedUpstream([*draw("a"), TurnEnded()])
    painter = ScriptedPainter([preview(), Forever()])
    reader = asyncio.create_task(all_of(responding(upstream, painter)))
    await painter.is_waiting.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert (upstream.closed, painter.closed) == (1, 1)


@pytest.mark.parametrize("script", [[ValueError("oops")], [TextDelta("Hi"), ValueError("oops")]])
async def test_a_bug_in_the_upstream_fails_the_response_and_is_logged(
    script: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "limner.gateway.driver"):
        events = await all_of(responding(ScriptedUpstream(script)))
    assert brief(events[-1]) == "FAILED server_error"
    (record,) = caplog.records
    assert record.__dict__["response_id"] == "resp_1"
    assert record.exc_info is not None
    last = events[-1]
    assert isinstance(last, shown.ResponseFailed)
    assert last.response.error is not None
    assert "oops" not in last.response.error.message


@pytest.mark.parametrize(
    ("denial", "end"), [("recover", "COMPLETED"), ("error", "FAILED image_generation_disabled")]
)
async def test_a_denied_call_is_logged(
    denial: Denial, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    upstream = ScriptedUpstream([*draw("a", name="images.edit"), TurnEnded()], [TurnEnded()])
    events = respond(asking(image_tool=None), upstream=upstream, image_backend=None, denial=denial)
    with caplog.at_level(logging.WARNING, "limner.gateway.driver"):
        assert brief((await all_of(events))[-1]) == end
    assert [record.message for record in caplog.records] == ["image generation denied"]


async def test_a_bug_in_the_painter_closes_the_picture_as_failed() -> None:
    upstream = ScriptedUpstream([*draw("a"), TurnEnded()])
    events = await all_of(responding(upstream, ScriptedPainter([preview(), KeyError("oops")])))
    assert [brief(event) for event in events[-2:]] == [
        "done #0 image failed",
        "FAILED server_error",
    ]


async def test_a_source_that_ends_without_its_last_event_has_a_bug() -> None:
    events = await all_of(responding(ScriptedUpstream([TextDelta("Hi")])))
    assert brief(events[-1]) == "FAILED server_error"


async def test_a_timeout_inside_an_adapter_is_its_bug_and_not_the_deadline() -> None:
    events = await all_of(responding(ScriptedUpstream([TimeoutError("inside")])))
    last = events[-1]
    assert isinstance(last, shown.ResponseFailed)
    assert last.response.error is not None
    assert last.response.error.status == 500


async def test_events_that_make_no_sense_fail_the_response() -> None:
    events = await all_of(responding(ScriptedUpstream([painted()])))
    assert brief(events[-1]) == "FAILED server_error"


async def test_an_error_while_closing_fails_a_response_that_would_go_on() -> None:
    class Stubborn(ScriptedUpstream):
        async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
            try:
                for event in (*draw("a"), TurnEnded()):
                    yield event
            finally:
                raise ValueError("cannot close")

    events = await all_of(responding(Stubborn(), ScriptedPainter()))
    assert [brief(event) for event in events[-2:]] == [
        "done #0 image failed",
        "FAILED server_error",
    ]


async def test_the_deadline_ends_the_response_and_stops_what_is_under_way() -> None:
    upstream = ScriptedUpstream([TextDelta("Hi"), Forever()])
    events = await all_of(responding(upstream, deadline_s=0.5))
    last = events[-1]
    assert isinstance(last, shown.ResponseFailed)
    assert last.response.error == shown.ResponseError(
        "server_error", "The response took longer than the 0.5 seconds that it may.", status=504
    )
    assert upstream.closed == 1


async def test_a_failed_picture_is_no_end() -> None:
    upstream = ScriptedUpstream([*draw("a"), TurnEnded()], [TurnEnded()])
    events = await all_of(responding(upstream, ScriptedPainter([ImageFailed("no")])))
    assert brief(events[-1]) == "COMPLETED"


async def test_without_a_painter_the_image_tool_is_refused_before_anything_starts() -> None:
    upstream = ScriptedUpstream()
    with pytest.raises(InvalidRequest) as refusal:
        await anext(responding(upstream, request=asking()))
    assert refusal.value.code == "image_generation_disabled"
    assert upstream.requests == []


def test_random_ids_are_long_and_differ() -> None:
    ids = {random_id("ig_") for _ in range(100)}
    assert len(ids) == 100
    assert {len(made) for made in ids} == {51}
