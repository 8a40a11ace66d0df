"""`kill -9` at the moment when an image service is asked to paint: nothing is ordered twice."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.amount import amount
from tests.torture.ledger import OVER, wished
from tests.torture.servers import Server, Site, session
from tests.torture.world import World, world
from tests.torture.zygote import Zygote

ROUNDS = amount(1, 20)
Asked = tuple[str, Any, dict[str, str]]


def _asked(kind: str, name: str) -> Asked:
    """Path, body and headers of a request that leads to a picture."""
    key = {"Idempotency-Key": name}
    response = wished(f"draw {name}")
    match kind:
        case "background":
            return "/v1/responses", {**response, "background": True}, {}
        case "forced":
            forced = {"tool_choice": {"type": "image_generation"}, "background": True}
            return "/v1/responses", {**response, **forced}, {}
        case "keyed response":
            return "/v1/responses", response, key
        case "keyed picture":
            return "/v1/images/generations", {"prompt": name}, key
        case _:
            return "/generate/async", {"prompt": name}, {}


@pytest.mark.parametrize("kind", ["background", "forced", "keyed response", "keyed picture", "job"])
async def test_a_kill_at_the_order_does_not_lead_to_another(
    servers: Zygote, tmp_path: Path, kind: str
) -> None:
    async with world() as around:
        site = Site(servers, tmp_path / "data", around)
        for number in range(ROUNDS):
            asked = _asked(kind, f"{kind} {number}")
            async with site.server() as server, session(server) as http:
                await _killed_at_the_order(server, http, around, asked)
        async with site.server() as server, session(server) as http:
            for number in range(ROUNDS):
                if kind.startswith("keyed"):
                    path, body, headers = _asked(kind, f"{kind} {number}")
                    async with http.post(path, json=body, headers=headers) as reply:
                        await reply.read()
            await _all_have_ended(site.data, http)
    assert around.dispatched == {f"{kind} {number}": 1 for number in range(ROUNDS)}


async def _killed_at_the_order(
    server: Server, http: aiohttp.ClientSession, around: World, asked: Asked
) -> None:
    path, body, headers = asked
    is_ordered = asyncio.Event()

    def kill() -> None:
        os.kill(server.pid, signal.SIGKILL)
        is_ordered.set()

    around.on_dispatch = kill
    posting = asyncio.create_task(_post(http, path, body, headers))
    async with asyncio.timeout(30):
        await is_ordered.wait()
    around.on_dispatch = None
    await posting
    await server.end()


async def _post(http: aiohttp.ClientSession, path: str, body: Any, headers: dict[str, str]) -> None:
    try:
        async with http.post(path, json=body, headers=headers) as reply:
            assert reply.status == 200, await reply.text()
    except aiohttp.ClientError:
        pass  # the server is dead, as it should be


async def _all_have_ended(data: Path, http: aiohttp.ClientSession) -> None:
    import apsw

    database = apsw.Connection(str(data / "limner.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        async with asyncio.timeout(60):
            for table in ("responses", "jobs"):
                open_ = f"SELECT 1 FROM {table} WHERE status NOT IN {OVER}"
                while database.execute(open_).fetchall():
                    await asyncio.sleep(0.05)
    finally:
        database.close()
