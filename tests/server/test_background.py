"""Responses in the background: they need no client, no connection and no particular process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import openai
import orjson
import pytest
from openai.types.responses import Response

from limner.core.image import ImageCapabilities
from limner.core.items import FunctionCallOutput, Message
from limner.core.response_store import Frame
from limner.core.turn import TextDelta, TurnEnded, TurnFailed, TurnRequest, Usage
from limner.wire.pictures import to_base64
from tests.pictures import picture
from tests.scripted_images import CAPABLE, HANG, ScriptedImages, done, preview, progress
from tests.scripted_upstream import Script, ScriptedUpstream, draws, says
from tests.server.keeping import Kept, keeping

PATH = "/v1/responses"
TOOL: Any = {"type": "image_generation", "partial_images": 2}
DRAW: dict[str, Any] = {"model": "any", "input": "a circle", "tools": [TOOL], "background": True}


def painter() -> ScriptedImages:
    return ScriptedImages(progress(3), preview(0), progress(6), preview(1), done())


async def polled(kept: Kept, id: str) -> Response:
    """The response at its end, as a client that polls gets it."""
    async with asyncio.timeout(30):
        await kept.background.readers.ended(id)
    return await kept.client.responses.retrieve(id)


async def frames(kept: Kept, path: str) -> bytes:
    """The events of a stream, byte by byte: comments are no events."""
    async with httpx.AsyncClient(base_url=kept.url, timeout=30) as client:
        reply = await client.get(path)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/event-stream")
    found = reply.content.split(b"\n\n")
    return b"\n\n".join(frame for frame in found if not frame.startswith(b":"))


async def begun(kept: Kept, **more: Any) -> str:
    """The id of a streamed response in the background whose client has left at once."""
    stream = await kept.client.responses.create(**{**DRAW, **more}, stream=True)
    first = await anext(stream)
    assert first.type == "response.created"
    await stream.close()
    return str(first.response.id)


async def test_the_answer_comes_at_once_and_the_response_later(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        queued = await kept.client.responses.create(**DRAW)
        assert (queued.status, queued.output, queued.background) == ("queued", [], True)
        done = await polled(kept, queued.id)
    assert done.status == "completed"
    assert done.created_at == queued.created_at
    assert [item.type for item in done.output] == ["image_generation_call", "message"]
    assert done.output[0].to_dict()["result"] == to_base64(picture())


async def test_a_stream_begins_with_the_queue(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        stream = await kept.client.responses.create(**DRAW, stream=True)
        events: list[Any] = [event async for event in stream]
    types = [event.type.removeprefix("response.") for event in events]
    assert types[:3] == ["created", "queued", "in_progress"]
    assert [event.response.status for event in events[:3]] == ["queued", "queued", "in_progress"]
    assert types.count("image_generation_call.partial_image") == 2
    assert types[-1] == "completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_nobody_needs_to_listen(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        done = await polled(kept, await begun(kept))
    assert done.status == "completed"


async def test_the_helper_of_the_sdk_takes_it_up_from_the_start(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), HANG, done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        id = await begun(kept)
        await images.hangs()
        async with kept.client.responses.stream(response_id=id) as stream:
            async for event in stream:
                if event.type == "response.image_generation_call.partial_image":
                    images.go()
            found = await stream.get_final_response()
    assert found.id == id
    assert found.status == "completed"


async def test_a_client_takes_it_up_where_it_was(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), HANG, preview(1), done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        stream = await kept.client.responses.create(**DRAW, stream=True)
        seen: list[Any] = []
        async for event in stream:
            seen.append(event)
            if event.type == "response.image_generation_call.partial_image":
                break
        await stream.close()
        images.go()
        id = seen[0].response.id
        rest = await kept.client.responses.retrieve(
            id, stream=True, starting_after=seen[-1].sequence_number
        )
        seen += [event async for event in rest]
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    assert seen[-1].type == "response.completed"


def many_words(request: TurnRequest) -> Script:
    """A picture, and then words enough for sixty events in all."""
    if any(isinstance(item, FunctionCallOutput) for item in request.items):
        return [*(TextDelta(f"word{number} ") for number in range(46)), TurnEnded(Usage(1, 46))]
    return draws(request)


async def test_it_can_be_taken_up_at_every_event_before_and_after_a_restart(
    tmp_path: Path,
) -> None:
    async with keeping(tmp_path, ScriptedUpstream(many_words), painter()) as kept:
        id = await begun(kept)
        whole = await frames(kept, f"{PATH}/{id}?stream=true")
        *events, end = whole.split(b"\n\n")[:-1]
        assert len(events) >= 60
        assert end == b"data: [DONE]"
        await check_every_cut(kept, id, events)
    async with keeping(tmp_path, ScriptedUpstream([])) as kept:
        assert await frames(kept, f"{PATH}/{id}?stream=true") == whole
        await check_every_cut(kept, id, events)


async def check_every_cut(kept: Kept, id: str, events: list[bytes]) -> None:
    for number in range(len(events)):
        rest = await frames(kept, f"{PATH}/{id}?stream=true&starting_after={number}")
        assert rest == b"\n\n".join((*events[number + 1 :], b"data: [DONE]", b""))


async def test_who_looks_on_is_told_of_progress_which_nobody_keeps(tmp_path: Path) -> None:
    images = ScriptedImages(progress(1), preview(0), progress(3), HANG, progress(4), HANG, done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        id = await begun(kept)
        await images.hangs()
        path = f"{PATH}/{id}?stream=true"
        async with (
            httpx.AsyncClient(base_url=kept.url, timeout=30) as client,
            client.stream("GET", path) as late,
        ):
            lines = late.aiter_lines()
            at_hand = await anext(line async for line in lines if line.startswith(": progress "))
            images.go()
            next_told = await anext(line async for line in lines if line.startswith(": progress "))
            images.go()
            rest = [line async for line in lines]
            again = await client.get(path)
    told = [orjson.loads(line.removeprefix(": progress ")) for line in (at_hand, next_told)]
    assert [(said["step"], said["steps"], said["output_index"]) for said in told] == [
        (3, 8, 0),
        (4, 8, 0),
    ]
    assert all(said["item_id"].startswith("ig_") for said in told)
    assert rest[-2:] == ["data: [DONE]", ""]
    assert "\n:" not in again.text


async def test_behind_the_end_there_is_only_the_end(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        id = await begun(kept)
        await polled(kept, id)
        rest = await frames(kept, f"{PATH}/{id}?stream=true&starting_after=999")
    assert rest == b"data: [DONE]\n\n"


async def test_one_that_was_not_streamed_cannot_be(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        queued = await kept.client.responses.create(**DRAW)
        with pytest.raises(openai.BadRequestError):
            await kept.client.responses.retrieve(queued.id, stream=True)


async def test_cancelling_stops_the_painter_and_stays_the_same(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), HANG, done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        id = await begun(kept)
        await images.hangs()
        first = await kept.client.responses.cancel(id)
        assert images.has_stopped.is_set()
        second = await kept.client.responses.cancel(id)
        whole = await frames(kept, f"{PATH}/{id}?stream=true")
    assert first.status == "cancelled"
    assert first.to_dict() == second.to_dict()
    (item,) = first.output
    error: Any = item.to_dict()["error"]
    assert (item.to_dict()["status"], error["code"]) == ("failed", "cancelled")
    assert b"event: response.incomplete" in whole.split(b"\n\n")[-3]


async def test_what_waits_can_be_cancelled_too(tmp_path: Path) -> None:
    images = ScriptedImages(HANG)
    async with keeping(tmp_path, ScriptedUpstream(draws), images, max_runs=1) as kept:
        await kept.client.responses.create(**DRAW)
        await images.hangs()
        waiting = await kept.client.responses.create(**DRAW)
        cancelled = await kept.client.responses.cancel(waiting.id)
    assert (cancelled.status, cancelled.output) == ("cancelled", [])
    assert len(images.requests) == 1


async def test_deleting_stops_it(tmp_path: Path) -> None:
    images = ScriptedImages(HANG)
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        id = await begun(kept)
        await images.hangs()
        await kept.client.responses.delete(id)
        assert images.has_stopped.is_set()
        with pytest.raises(openai.NotFoundError):
            await kept.client.responses.retrieve(id)


async def test_who_follows_what_is_deleted_is_told_so(tmp_path: Path) -> None:
    images = ScriptedImages(HANG)
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        stream = await kept.client.responses.create(**DRAW, stream=True)
        first = await anext(stream)
        assert first.type == "response.created"
        await images.hangs()
        await kept.store.delete("", first.response.id)
        last: Any = [event async for event in stream][-1]
    assert (last.type, last.message) == ("error", "The response has been deleted.")


async def test_it_ends_in_time_whatever_happens(tmp_path: Path) -> None:
    images = ScriptedImages(HANG)
    async with keeping(tmp_path, ScriptedUpstream(draws), images, deadline_s=0.1) as kept:
        found = await polled(kept, await begun(kept))
    assert found.status == "failed"
    assert found.error is not None
    assert "0.1 seconds" in found.error.message


async def test_a_model_that_fails_fails_it(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream([TurnFailed("gone")])) as kept:
        queued = await kept.client.responses.create(model="any", input="hi", background=True)
        found = await polled(kept, queued.id)
    assert found.status == "failed"
    assert found.error is not None
    assert found.error.message == "gone"


async def test_what_would_be_refused_is_refused_at_once(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws)) as kept:
        with pytest.raises(openai.BadRequestError) as caught:
            await kept.client.responses.create(**DRAW)
    assert caught.value.code == "image_generation_disabled"


async def test_only_so_many_may_wait(tmp_path: Path) -> None:
    images = ScriptedImages(HANG)
    limits: dict[str, Any] = {"max_runs": 1, "max_waiting": 1}
    async with keeping(tmp_path, ScriptedUpstream(draws), images, **limits) as kept:
        await kept.client.responses.create(**DRAW)
        await images.hangs()
        await kept.client.responses.create(**DRAW)
        with pytest.raises(openai.RateLimitError) as caught:
            await kept.client.responses.create(**DRAW)
    assert caught.value.code == "too_many_background_responses"
    assert caught.value.response.headers["retry-after"] == "10"


async def test_one_that_is_not_stored_can_be_polled_and_nothing_else(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        queued = await kept.client.responses.create(**DRAW, store=False)
        found = await polled(kept, queued.id)
        assert found.status == "completed"
        with pytest.raises(openai.BadRequestError) as caught:
            await kept.client.responses.create(
                model="any", input="and?", previous_response_id=queued.id
            )
    assert caught.value.code == "previous_response_not_found"


async def restarted(
    tmp_path: Path, images: ScriptedImages, again: ScriptedImages, upstream: ScriptedUpstream
) -> Response:
    """The response after a restart while `images` hangs; what clients saw before stays true."""
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        id = await begun(kept)
        await images.hangs()
        async for frame in kept.background.readers.follow(id):
            if isinstance(frame, Frame) and b"partial_image" in frame.content:
                break
        before = b"".join(frame.content for frame in await kept.store.frames(id, -1, 100))
    async with keeping(tmp_path, upstream, again) as kept:
        async with kept.client.responses.stream(response_id=id) as stream:
            async for _ in stream:
                pass
            found = await stream.get_final_response()
        whole = await frames(kept, f"{PATH}/{id}?stream=true")
    assert whole.startswith(before)
    return found


@pytest.mark.parametrize(
    ("is_repeatable", "code"), [(True, "server_error"), (False, "outcome_unknown")]
)
async def test_a_restart_closes_what_was_open_and_goes_on(
    tmp_path: Path, is_repeatable: bool, code: str
) -> None:
    can = ImageCapabilities(
        CAPABLE.name, size_multiple=16, progress=True, seed=True, repeatable=is_repeatable
    )
    images = ScriptedImages(preview(0), HANG, capabilities=can)
    again = ScriptedImages(preview(0), done(), capabilities=can)
    upstream = ScriptedUpstream(draws_until_it_works)
    found = await restarted(tmp_path, images, again, upstream)
    assert [item.type for item in found.output] == [
        "image_generation_call",
        "image_generation_call",
        "message",
    ]
    failed, made, _ = (item.to_dict() for item in found.output)
    failed_error: Any = failed["error"]
    assert (failed["status"], failed_error["code"]) == ("failed", code)
    assert failed["revised_prompt"] == "a circle"
    assert (made["status"], made["result"]) == ("completed", to_base64(picture()))


def draws_until_it_works(request: TurnRequest) -> Script:
    """Draw again as long as the last picture has failed."""
    outputs = [item for item in request.items if isinstance(item, FunctionCallOutput)]
    if outputs and '"completed"' in str(outputs[-1].parts[0]):
        return says("Here it is.")
    users = [item for item in request.items if isinstance(item, Message) and item.role == "user"]
    asked = TurnRequest(request.model, tuple(users), tools=request.tools)
    return draws(asked)


async def test_a_response_that_brings_three_servers_down_is_given_up(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), ScriptedImages(HANG)) as kept:
        id = await begun(kept)
        await asyncio.sleep(0)
    async with keeping(tmp_path, ScriptedUpstream(draws), ScriptedImages(HANG), max_runs=0) as kept:
        database = kept.store._database
        await database.write(lambda tx: tx.run("UPDATE responses SET attempts = 3"))
    async with keeping(tmp_path, ScriptedUpstream(draws), ScriptedImages(HANG)) as kept:
        found = await polled(kept, id)
    assert found.status == "failed"
    assert found.error is not None
    assert "given up" in found.error.message


async def test_one_that_this_server_no_longer_takes_is_ended(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), ScriptedImages(HANG), max_runs=0) as kept:
        queued = await kept.client.responses.create(**DRAW)
    async with keeping(tmp_path, ScriptedUpstream(draws)) as kept:
        found = await polled(kept, queued.id)
    assert found.status == "failed"
    assert found.error is not None
    assert "cannot go on" in found.error.message


async def test_the_next_one_can_build_on_it(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(draws)
    async with keeping(tmp_path, upstream, painter()) as kept:
        first = await kept.client.responses.create(**DRAW)
        await polled(kept, first.id)
        second = await kept.client.responses.create(
            model="any", input="and?", previous_response_id=first.id, background=True
        )
        found = await polled(kept, second.id)
    assert found.output_text == "Here it is."
