"""How the end of a child in the middle of a picture is told."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import aclosing

import pytest

from limner.core.image import ImageEvent, ImageFailed, ImageRequest
from limner.core.readiness import Readiness
from limner.gateway.supervised import SupervisedBackend
from limner.gateway.supervisor import Patience, Supervisor
from tests.scripted_images import HANG, ScriptedImages, done, progress

AWAY = ImageFailed("gone", "image_back_end_lost", retryable=True, status=502)
NEVER_THERE = ImageFailed("away", "image_back_end_unreachable", status=503, was_taken=False)
TOO_LARGE = ImageFailed("too large", "out_of_memory", status=503)


async def nobody() -> Readiness:
    raise AssertionError("no child runs here")


def supervisor() -> Supervisor:
    return Supervisor(["none"], nobody, on_line=print)


async def last_of(backend: SupervisedBackend) -> ImageEvent:
    async with aclosing(backend.generate(ImageRequest("a cat"))) as events:
        return [event async for event in events][-1]


@pytest.mark.parametrize("event", [done(), TOO_LARGE, NEVER_THERE])
async def test_what_the_child_says_itself_is_passed_on(event: ImageEvent) -> None:
    backend = SupervisedBackend(ScriptedImages(progress(1), event), supervisor())
    assert await last_of(backend) == event
    assert backend.capabilities.name == "tiny"


async def test_a_connection_lost_in_mid_picture_means_that_the_engine_has_ended() -> None:
    failed = await last_of(SupervisedBackend(ScriptedImages(progress(1), AWAY), supervisor()))
    assert isinstance(failed, ImageFailed)
    assert (failed.code, failed.status, failed.retryable) == ("engine_crashed", 503, True)


async def test_it_has_hung_where_the_supervisor_has_killed_it_for_that() -> None:
    watching = supervisor()
    watching.hangs = 3
    inner = ScriptedImages(progress(1), HANG, AWAY)
    async with aclosing(
        SupervisedBackend(inner, watching).generate(ImageRequest("a cat"))
    ) as events:
        await anext(events)
        watching.hangs += 1
        inner.go()
        failed = [event async for event in events][-1]
    assert isinstance(failed, ImageFailed)
    assert (failed.code, failed.status) == ("engine_hung", 504)


@pytest.mark.parametrize(
    ("event", "code"), [(AWAY, "engine_crashed"), (NEVER_THERE, "image_back_end_unreachable")]
)
async def test_who_asks_a_child_in_its_last_moment_was_not_taken_on(
    event: ImageEvent, code: str
) -> None:
    failed = await last_of(SupervisedBackend(ScriptedImages(event), supervisor()))
    assert isinstance(failed, ImageFailed)
    assert (failed.code, failed.was_taken) == (code, False)


async def test_who_is_told_so_finds_the_end_of_the_child_known() -> None:
    async def ready() -> Readiness:
        return Readiness("ready", "painting", 1.0)

    program = "import time; print('up', flush=True); time.sleep(60)"
    lines: asyncio.Queue[str] = asyncio.Queue()
    quick = Patience(loading_probe_s=0, restart_s=60)
    dying = Supervisor(
        [sys.executable, "-c", program], ready, on_line=lines.put_nowait, patience=quick
    )
    async with dying.run():
        await lines.get()
        assert (await dying.settled()).state == "ready"
        assert dying.pid is not None
        os.kill(dying.pid, signal.SIGKILL)
        assert isinstance(
            await last_of(SupervisedBackend(ScriptedImages(AWAY), dying)), ImageFailed
        )
        assert dying.readiness.state == "loading"
