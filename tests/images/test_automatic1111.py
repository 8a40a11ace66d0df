"""AUTOMATIC1111's web UI as a back end, against a scripted double of it on loopback."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from limner.core.errors import ConfigError
from limner.core.image import (
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    PartialImage,
    Size,
)
from limner.images.automatic1111 import Automatic1111, automatic1111_server
from limner.wire.pictures import to_base64
from tests.pictures import picture
from tests.scripted_painters import PNG, ScriptedAutomatic1111

CAT = ImageRequest("a cat")


@asynccontextmanager
async def back_end(
    url: str, key: str | None = None, **options: Any
) -> AsyncIterator[Automatic1111]:
    async with automatic1111_server(url, key=key) as server:
        yield Automatic1111(server, poll_s=0.01, **options)


async def ask(images: Automatic1111, request: ImageRequest = CAT) -> list[ImageEvent]:
    async with aclosing(images.generate(request)) as events:
        return [event async for event in events]


async def test_a_picture_is_painted_while_its_progress_is_polled() -> None:
    async with ScriptedAutomatic1111(1, 2, 3, 4) as webui, back_end(webui.url) as images:
        events = await ask(images, ImageRequest("a cat", partial_images=1))
    told = [event for event in events if isinstance(event, ImageProgress)]
    assert told == [ImageProgress(step, 4) for step in (1, 2, 3, 4)]
    [preview] = [event for event in events if isinstance(event, PartialImage)]
    assert preview.index == 0
    last = events[-1]
    assert isinstance(last, ImageCompleted)
    assert last.image == PNG
    assert (last.resolved.size, last.resolved.seed, last.resolved.model) == (Size(8, 8), 5, "sd15")
    [body] = webui.bodies("/sdapi/v1/txt2img")
    assert webui.bodies("/internal/progress")[0] == {
        "id_task": body["force_task_id"],
        "live_preview": False,
    }
    assert webui.bodies("/sdapi/v1/interrupt") == []


async def test_somebody_elses_progress_is_not_told() -> None:
    webui = ScriptedAutomatic1111(polls=2, ours=False)
    async with webui, back_end(webui.url) as images:
        events = await ask(images, ImageRequest("a cat", partial_images=1))
    assert [type(event) for event in events] == [ImageCompleted]
    assert webui.bodies("/sdapi/v1/progress") == []


async def test_without_the_web_ui_all_progress_is_taken_for_ours() -> None:
    webui = ScriptedAutomatic1111(2, missing=["/internal/progress"])
    async with webui, back_end(webui.url) as images:
        events = await ask(images)
    assert [type(event) for event in events] == [ImageProgress, ImageCompleted]


async def test_progress_that_cannot_be_had_does_not_fail_the_picture() -> None:
    missing = ["/internal/progress", "/sdapi/v1/progress"]
    webui = ScriptedAutomatic1111(polls=2, missing=missing)
    async with webui, back_end(webui.url) as images:
        assert [type(event) for event in await ask(images)] == [ImageCompleted]


async def test_pictures_wait_here_for_one_another() -> None:
    async with ScriptedAutomatic1111(1, 2) as webui, back_end(webui.url) as images:
        await asyncio.gather(ask(images, ImageRequest("a cat", n=2, seed=7)), ask(images))
        seeds = [body["seed"] for body in webui.bodies("/sdapi/v1/txt2img")]
        assert sorted(seeds) == [-1, 7, 8]
        assert webui.most_at_a_time == 1


async def test_closing_the_iterator_interrupts_our_picture() -> None:
    async with ScriptedAutomatic1111(1, then="hang") as webui, back_end(webui.url) as images:
        events = images.generate(CAT)
        assert await anext(events) == ImageProgress(1, 4)
        await events.aclose()
        assert webui.interrupted.is_set()
        assert webui.painting == 0


async def test_somebody_elses_picture_is_never_interrupted() -> None:
    webui = ScriptedAutomatic1111(then="hang", ours=False)
    async with webui, back_end(webui.url) as images:
        task = asyncio.create_task(ask(images))
        await webui.started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not webui.interrupted.is_set()


async def test_a_picture_that_cannot_be_stopped_is_left() -> None:
    webui = ScriptedAutomatic1111(1, then="hang", missing=["/sdapi/v1/interrupt"])
    async with webui, back_end(webui.url) as images:
        events = images.generate(CAT)
        await anext(events)
        await events.aclose()
        assert len(webui.bodies("/sdapi/v1/interrupt")) == 1


async def test_an_error_ends_the_call() -> None:
    failure = {"error": "OutOfMemoryError", "detail": "", "errors": "CUDA out of memory"}
    async with ScriptedAutomatic1111(failure=failure) as webui, back_end(webui.url) as images:
        [event] = await ask(images, ImageRequest("a cat", n=2))
    assert isinstance(event, ImageFailed)
    assert event.message == "The image back end answered 500: CUDA out of memory"
    assert event.retryable


async def test_what_cannot_be_painted_is_refused() -> None:
    async with ScriptedAutomatic1111() as webui, back_end(webui.url) as images:
        [event] = await ask(images, ImageRequest("a cat", background="transparent"))
        assert webui.asked == []
    assert isinstance(event, ImageFailed)
    assert event.param == "background"


async def test_the_operator_may_name_checkpoint_and_user() -> None:
    webui = ScriptedAutomatic1111()
    async with webui, back_end(webui.url, key="me:secret", model="sdxl") as images:
        assert images.capabilities.seed
        await ask(images)
        [body] = webui.bodies("/sdapi/v1/txt2img")
        assert body["override_settings"] == {"sd_model_checkpoint": "sdxl"}
        basic = base64.b64encode(b"me:secret").decode()
        assert {headers["Authorization"] for headers in webui.headers} == {f"Basic {basic}"}


def test_a_key_without_its_colon_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be user:password") as refused:
        automatic1111_server("http://127.0.0.1:7860", key="secret")
    assert "secret" not in refused.value.message


async def test_a_picture_is_edited_by_its_alpha_mask_and_polled_like_any_other() -> None:
    mask = picture(alpha=True)
    request = ImageRequest("a cat", images=(PNG,), mask=mask, strength=0.4, n=2, seed=5)
    async with ScriptedAutomatic1111(1, 2, 3, 4) as webui, back_end(webui.url) as images:
        events = await ask(images, request)
    bodies = webui.bodies("/sdapi/v1/img2img")
    assert [body["seed"] for body in bodies] == [5, 6]
    assert {body["init_images"][0] for body in bodies} == {to_base64(PNG)}
    assert (bodies[0]["mask"], bodies[0]["denoising_strength"]) == (to_base64(mask), 0.4)
    assert webui.bodies("/sdapi/v1/txt2img") == []
    assert sum(isinstance(event, ImageCompleted) for event in events) == 2


@pytest.mark.parametrize(
    ("asked", "param"),
    [({"images": (PNG, PNG)}, "image"), ({"background": "transparent"}, "background")],
)
async def test_edits_beyond_it_are_refused(asked: dict[str, Any], param: str) -> None:
    async with ScriptedAutomatic1111() as webui, back_end(webui.url) as images:
        [failed] = await ask(images, ImageRequest("a cat", **asked))
        assert isinstance(failed, ImageFailed)
        assert (failed.status, failed.param, webui.asked) == (400, param, [])
