"""From the server's doors to the model: requests that come together are stepped together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from limner.app.engine import build_engine
from limner.app.painting import Easel
from limner.app.server import open_server
from limner.config import Settings, load
from limner.server.application import Rules
from tests.serving import serving

pytestmark = pytest.mark.engine


class FirstPass:
    """Holds the model's first step after `hold` until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from limner.engine.zimage.denoise import Denoiser

        step = Denoiser.step
        self._let_go = threading.Event()
        self._let_go.set()

        def held(model: Denoiser, batch: Sequence[Any]) -> list[bool]:
            assert self._let_go.wait(60)
            return step(model, batch)

        monkeypatch.setattr(Denoiser, "step", held)

    def hold(self) -> None:
        self._let_go.clear()

    def let_go(self) -> None:
        self._let_go.set()


@asynccontextmanager
async def painting() -> AsyncIterator[tuple[Easel, httpx.AsyncClient]]:
    """The engine's application, and a client of the server before it."""
    easel = Easel(Settings(threads=1, token_budget=4608))
    await easel.painter.start()
    try:
        async with serving(build_engine(easel, Rules())) as url:
            flags = {"store": "memory", "image_backend": f"engine+{url}/v1", "max_concurrent": "16"}
            async with (
                open_server(load(flags, {})) as app,
                serving(app) as door,
                httpx.AsyncClient(base_url=door, timeout=60) as client,
            ):
                yield easel, client
    finally:
        await easel.painter.close()


async def here(easel: Easel, requests: int) -> None:
    async with asyncio.timeout(60):
        while easel.status.running + easel.status.queued < requests:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_four_small_requests_take_the_passes_of_two_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = FirstPass(monkeypatch)
    async with painting() as (easel, client):
        first.hold()
        body = {"prompt": "a red circle", "size": "128x128"}
        asking = [
            asyncio.create_task(client.post("/v1/images/generations", json=body)) for _ in range(4)
        ]
        await here(easel, 4)
        first.let_go()
        replies = [await each for each in asking]
        status = easel.status
    assert [reply.status_code for reply in replies] == [200] * 4
    assert (status.steps, status.pictures) == (4 * 8, 4)
    assert status.passes <= 8 + 3, "who came while the first pass was held joins the next"


async def test_what_nobody_waits_for_is_painted_behind_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = FirstPass(monkeypatch)
    ended: list[str] = []

    async def ask(client: httpx.AsyncClient, tier: str) -> None:
        body = {"prompt": "a red circle", "size": "128x128", "service_tier": tier}
        reply = await client.post("/v1/images/generations", json=body)
        assert reply.status_code == 200
        ended.append(tier)

    async with painting() as (easel, client):
        first.hold()
        slow = asyncio.create_task(ask(client, "flex"))
        await here(easel, 1)
        quick = asyncio.create_task(ask(client, "default"))
        await here(easel, 2)
        first.let_go()
        await asyncio.gather(slow, quick)
    assert ended == ["default", "flex"]
