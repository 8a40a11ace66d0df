"""Real engines that are killed or stopped in the middle of a picture, and those beside them."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path

import pytest

from limner.app import child
from limner.app.child import EngineChild
from limner.app.engines import Engines, open_engines
from limner.config import Settings
from limner.core.image import ImageCompleted, ImageEvent, ImageFailed, ImageProgress, ImageRequest
from limner.gateway.supervisor import Patience
from tests.e2e.processes import PATIENCE_S, environment

LONG = ImageRequest("a red circle", steps=50, n=10)

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        not find_spec("diffusers"), reason="the engine's packages are not installed"
    ),
]


@pytest.fixture(autouse=True)
def _one_thread_and_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name not in environment():
            monkeypatch.delenv(name)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


class Request:
    """One that is under way. events: what has come of it. begins: set with its first step."""

    def __init__(self, engines: Engines, request: ImageRequest = LONG) -> None:
        self.events: list[ImageEvent] = []
        self.begins = asyncio.Event()
        self.task = asyncio.create_task(self._follow(engines, request))

    async def _follow(self, engines: Engines, request: ImageRequest) -> ImageEvent:
        async with aclosing(engines.backend.generate(request)) as events:
            async for event in events:
                self.events.append(event)
                if isinstance(event, ImageProgress) and event.step:
                    self.begins.set()
        return self.events[-1]


async def test_a_killed_and_a_stopped_engine_fail_their_pictures_by_name_and_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "PATIENCE", Patience(probe_s=1.0, misses=2))
    monkeypatch.setattr(child, "PATIENCE_S", 5.0)
    settings = Settings(device="cpu,cpu", data=tmp_path)
    async with asyncio.timeout(2 * PATIENCE_S), open_engines(settings) as engines:
        first, second = engines.children
        for each in engines.children:
            assert (await each.supervisor.settled()).state == "ready"

        killed, beside = Request(engines), Request(engines)
        await killed.begins.wait()
        await beside.begins.wait()
        pid = blow(first, signal.SIGKILL)
        assert ending(await killed.task) == ("engine_crashed", 503, True)
        assert isinstance(await beside.task, ImageCompleted), "it was the other engine's"
        assert engines.painter.readiness.state == "ready", "one engine is enough"

        stopped = Request(engines)
        await stopped.begins.wait()
        blow(second, signal.SIGSTOP)
        assert ending(await stopped.task) == ("engine_hung", 504, True)
        # Whether an engine is there again or not: it waits for the first that is.
        assert isinstance(await Request(engines, ImageRequest("a cat")).task, ImageCompleted)
        assert (await first.supervisor.settled()).state == "ready"
        assert first.supervisor.pid not in (pid, None)
        assert (first.supervisor.hangs, second.supervisor.hangs) == (0, 1)


async def test_an_engine_that_refuses_its_device_leaves_the_others_to_paint(
    tmp_path: Path,
) -> None:
    settings = Settings(device="cuda:63,cpu", data=tmp_path)
    async with asyncio.timeout(PATIENCE_S), open_engines(settings) as engines:
        assert isinstance(await Request(engines, ImageRequest("a cat")).task, ImageCompleted)
        await engines.children[0].supervisor.refused()
        readiness = engines.painter.readiness
        assert (readiness.state, readiness.parts["engine-0"].state) == ("ready", "failed")
        assert "cuda:63" in readiness.message


def blow(engine: EngineChild, number: signal.Signals) -> int:
    """Send a signal to the engine's process; returns its id."""
    pid = engine.supervisor.pid
    assert pid is not None
    os.kill(pid, number)
    return pid


def ending(event: ImageEvent) -> tuple[str, int, bool]:
    assert isinstance(event, ImageFailed)
    return event.code, event.status, event.retryable
