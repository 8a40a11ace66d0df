"""Disks without room, and disks that fail: what cannot be kept is refused, the rest goes on."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from limner.app.store import check_database
from limner.config import Settings
from tests.torture.injection import injected
from tests.torture.ledger import PATIENCE_S, wished
from tests.torture.recording import can_record
from tests.torture.servers import Site, session
from tests.torture.world import SLOW, json_of, picture_of, world
from tests.torture.zygote import Zygote

SMALL = "24m"
MIB = 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system may not be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(file: Path) -> None:
    """Take all the room that there is."""
    with file.open("wb", buffering=0) as filler:
        size = MIB
        while size:
            try:
                filler.write(bytes(size))
            except OSError:
                size //= 2


class Client:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self._http.request(method, path, **options) as reply:
            content = await reply.read()
            is_json = reply.content_type == "application/json"
            return reply.status, json_of(content) if is_json else content

    async def upload(self, name: str) -> tuple[int, Any]:
        form = aiohttp.FormData({"purpose": "vision"})
        form.add_field("file", picture_of(name), filename="p.png", content_type="image/png")
        return await self.ask("POST", "/v1/files", data=form)

    async def respond(self, wish: str, **fields: Any) -> tuple[int, Any]:
        return await self.ask("POST", "/v1/responses", json={**wished(wish), **fields})

    async def new_work(self, name: str) -> list[tuple[int, Any]]:
        """One of each kind that the server would have to keep."""
        key = {"Idempotency-Key": name}
        return [
            await self.upload(name),
            await self.respond(f"draw {name} 1"),
            await self.respond(f"draw {name} 2", background=True),
            await self.ask("POST", "/v1/conversations", json={}),
            await self.ask("POST", "/generate/async", json={"prompt": f"{name} 3"}),
            await self.ask(
                "POST", "/v1/images/generations", json={"prompt": f"{name} 4"}, headers=key
            ),
        ]


async def test_a_full_disk_refuses_new_work_alone_and_only_while_it_is_full(
    servers: Zygote, small_disk: Path
) -> None:
    async with world() as around:
        site = Site(servers, small_disk / "data", around)
        async with site.server() as server, session(server) as http:
            client = Client(http)
            assert {status for status, _ in await client.new_work("before")} == {200}
            _, file = await client.upload("kept")
            _, response = await client.respond("draw kept")
            _, running = await client.respond(f"draw {SLOW}", background=True)
            while not around.dispatched[SLOW]:
                await asyncio.sleep(0.02)
            fill(small_disk / "filler")
            await _is_refused(client)
            await _goes_on(client, file["id"], response["id"], running["id"])
            await _is_refused(client)
            (small_disk / "filler").unlink()
            seconds = await _until_taken(client)
            assert {status for status, _ in await client.new_work("after")} == {200}
            assert not server.has_bugs, server.log.read_text()
        print(f"\ntaken again after {seconds:.1f} s")
        assert await check_database(Settings(data=site.data)) == []


async def test_a_server_starts_on_a_full_disk(servers: Zygote, small_disk: Path) -> None:
    async with world() as around:
        site = Site(servers, small_disk / "data", around)
        async with site.server() as server, session(server) as http:
            client = Client(http)
            _, file = await client.upload("kept")
            _, response = await client.respond("draw kept")
            _, running = await client.respond(f"draw {SLOW}", background=True)
            while not around.dispatched[SLOW]:
                await asyncio.sleep(0.02)
            fill(small_disk / "filler")
            await _is_refused(client)
        async with site.server() as server, session(server) as http:
            client = Client(http)
            await _is_refused(client)
            await _goes_on(client, file["id"], response["id"], running["id"])
            (small_disk / "filler").unlink()
            await _until_taken(client)
            assert not server.has_bugs, server.log.read_text()


async def test_after_a_sync_that_failed_nothing_more_is_promised(
    servers: Zygote, tmp_path: Path
) -> None:
    can_record()
    async with world() as around:
        site = Site(servers, tmp_path / "data", around)
        async with site.server() as server, session(server) as http:
            client = Client(http)
            _, file = await client.upload("kept")
            async with injected(server, "fdatasync", "error=EIO:when=1"):
                assert (await client.upload("refused"))[0] == 503
                assert (await client.upload("refused, too"))[0] == 503
                assert (await client.ask("GET", f"/v1/files/{file['id']}"))[0] == 200
                await server.end()
        async with site.server() as server, session(server) as http:
            client = Client(http)
            _, listed = await client.ask("GET", "/v1/files")
            assert file["id"] in [entry["id"] for entry in listed["data"]]
            assert (await client.upload("taken"))[0] == 200


async def _is_refused(client: Client) -> None:
    for status, said in await client.new_work("while full"):
        assert status == 503, said
        assert "full" in str(said.get("error") or said["detail"])


async def _goes_on(client: Client, file: str, response: str, running: str) -> None:
    for path in (f"/v1/files/{file}/content", f"/v1/responses/{response}", "/v1/files"):
        assert (await client.ask("GET", path))[0] == 200, path
    status, cancelled = await client.ask("POST", f"/v1/responses/{running}/cancel")
    assert (status, cancelled["status"]) == (200, "cancelled")
    for path in (f"/v1/files/{file}", f"/v1/responses/{response}"):
        assert (await client.ask("DELETE", path))[0] == 200, path
        assert (await client.ask("GET", path))[0] == 404, path


async def _until_taken(client: Client) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(PATIENCE_S):
        while (await client.upload("again"))[0] != 200:
            await asyncio.sleep(0.1)
    return loop.time() - began
