"""A request with an idempotency key, and a server that is killed in the midst of it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.e2e.processes import Server, serving
from tests.images.test_openai import ScriptedServer, whole
from tests.scripted_chat import Reply

PATH, BODY = "/v1/images/generations", {"prompt": "a cat"}
LOST, DONE = {"Idempotency-Key": "lost"}, {"Idempotency-Key": "done"}


async def test_what_is_done_stays_done_and_what_was_lost_is_not_paid_for_twice(
    tmp_path: Path,
) -> None:
    async with ScriptedServer([whole(), Reply((), then="hang")]) as images:

        def start(stack: ExitStack) -> Server:
            return stack.enter_context(serving(tmp_path, "--image-backend", images.url))

        with ExitStack() as stack:
            server = await asyncio.to_thread(start, stack)
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
                done = await client.post(PATH, json=BODY, headers=DONE)
                lost = asyncio.create_task(client.post(PATH, json=BODY, headers=LOST))
                while len(images.requests) < 2:  # noqa: ASYNC110 - another process asks
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(server.end, signal.SIGKILL)
                await asyncio.wait([lost])
                assert isinstance(lost.exception(), httpx.TransportError)
        with ExitStack() as stack:
            server = await asyncio.to_thread(start, stack)
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
                again = await client.post(PATH, json=BODY, headers=DONE)
                assert (again.status_code, again.content) == (200, done.content)
                unknown = await client.post(PATH, json=BODY, headers=LOST)
                assert unknown.status_code == 409
                assert unknown.json()["error"]["code"] == "outcome_unknown"
            assert len(images.requests) == 2
            await asyncio.to_thread(server.end)
