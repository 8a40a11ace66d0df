"""What a server has acknowledged, kept by its client, and what must be true of it ever after."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from pybase64 import b64decode

from tests.torture.world import World, json_of, shows

OVER = ("completed", "failed", "incomplete", "cancelled")
PATIENCE_S = 60.0


@dataclass(slots=True)
class Said:
    """A response whose id was seen. wish: the user's words.

    frames: of its log, as far as they were read. final: the object in its end, if that was seen.
    """

    wish: str
    frames: list[bytes] = field(default_factory=list)
    final: Any = None
    conversation: str | None = None


@dataclass(slots=True)
class Painted:
    """A picture asked for under a key. reply: the bytes that came, if they did."""

    prompt: str
    reply: bytes | None = None


@dataclass(slots=True)
class Ledger:
    """Only ever added to. gone: paths of what was deleted. keyed: responses under keys, by key."""

    responses: dict[str, Said] = field(default_factory=dict)
    keyed: dict[str, Painted] = field(default_factory=dict)
    images: dict[str, Painted] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    ended_jobs: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    conversations: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    def add(self, other: Ledger) -> None:
        """All that the other one says, too."""
        for name in Ledger.__dataclass_fields__:
            getattr(self, name).update(getattr(other, name))

    @property
    def acknowledged(self) -> int:
        """How many things."""
        parts = (self.responses, self.jobs, self.files, self.conversations, self.gone)
        answered = (*self.images.values(), *self.keyed.values())
        return sum(len(part) for part in parts) + sum(entry.reply is not None for entry in answered)

    @property
    def under_way(self) -> int:
        """How many responses and jobs had not been seen to end."""
        running = sum(said.final is None for said in self.responses.values())
        return running + len(self.jobs.keys() - self.ended_jobs.keys())


class Audit:
    """Compares a ledger with a server that runs now."""

    def __init__(self, ledger: Ledger, http: aiohttp.ClientSession, world: World) -> None:
        self._ledger = ledger
        self._http = http
        self._world = world

    async def nothing_is_lost(self, only: Ledger | None = None) -> None:
        """What has an id is found under it, and what is deleted is not. only: a part of it."""
        ledger = self._ledger if only is None else only
        for id in ledger.responses:
            await self._get(f"/v1/responses/{id}")
        for id in ledger.jobs:
            await self._get(f"/job/{id}")
        for id in ledger.conversations:
            await self._get(f"/v1/conversations/{id}")
        for id, content in ledger.files.items():
            async with self._http.get(f"/v1/files/{id}/content") as reply:
                assert (reply.status, await reply.read()) == (200, content), id
        for path in ledger.gone:
            async with self._http.get(path) as reply:
                assert reply.status == 404, f"{path} is back"

    async def all_is_told_once_and_as_before(self) -> Counter[str]:
        """Wait for all ends, and compare them; returns how the responses and jobs ended."""
        ledger, ends = self._ledger, Counter[str]()
        for id, said in ledger.responses.items():
            found = await self._ended(f"/v1/responses/{id}")
            ends[found["status"]] += 1
            assert said.final is None or found == said.final, f"{id} has changed"
            _check_output(found, said.wish)
            if said.frames:
                await self._same_log(id, said.frames)
        for id, prompt in ledger.jobs.items():
            await self._job(id, prompt, ends)
        for id in ledger.conversations:
            await self._conversation(id)
        for key, painted in ledger.images.items():
            await self._again("/v1/images/generations", {"prompt": painted.prompt}, key, painted)
        for key, painted in ledger.keyed.items():
            await self._again("/v1/responses", wished(painted.prompt), key, painted)
        twice = {prompt: n for prompt, n in self._world.dispatched.items() if n > 1}
        assert not twice, "paid for more than once"
        return ends

    async def _get(self, path: str) -> Any:
        async with self._http.get(path) as reply:
            body = await reply.read()
            assert reply.status == 200, f"{path}: {reply.status} {body.decode()}"
            return json_of(body)

    async def _ended(self, path: str) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self._get(path)
                if found["status"] in OVER:
                    return found
                await asyncio.sleep(0.05)

    async def _same_log(self, id: str, seen: list[bytes]) -> None:
        async with self._http.get(f"/v1/responses/{id}?stream=true") as reply:
            assert reply.status == 200
            *frames, done, rest = (await reply.read()).split(b"\n\n")
        assert (done, rest) == (b"data: [DONE]", b"")
        assert frames[: len(seen)] == [frame for frame in seen if frame != done], f"{id} retold"
        numbers = [json_of(frame.partition(b"data: ")[2])["sequence_number"] for frame in frames]
        assert numbers == list(range(len(frames)))

    async def _job(self, id: str, prompt: str, ends: Counter[str]) -> None:
        found = await self._ended(f"/job/{id}")
        ends[f"job {found['status']}"] += 1
        before = self._ledger.ended_jobs.get(id, found)
        assert found == before, f"job {id} has changed"
        if found["status"] == "completed":
            async with self._http.get(f"/job/{id}/image") as reply:
                assert shows(await reply.read(), prompt), f"another picture: {id}"
        else:
            assert "is not known" in found["error"], found

    async def _conversation(self, id: str) -> None:
        items = await self._get(f"/v1/conversations/{id}/items?limit=100&order=asc")
        ids = [item["id"] for item in items["data"]]
        assert len(set(ids)) == len(ids), f"{id} has items twice"
        for said in self._ledger.responses.values():
            if said.conversation == id and said.final and said.final["status"] == "completed":
                missing = {item["id"] for item in said.final["output"]} - set(ids)
                assert not missing, f"{id} lacks {missing}"

    async def _again(self, path: str, body: Any, key: str, painted: Painted) -> None:
        status, content = await self._repeated(path, body, key)
        if painted.reply is not None:
            assert (status, content) == (200, painted.reply), f"{key}: {content!r}"
        elif status != 200:
            assert json_of(content)["error"]["code"] == "outcome_unknown", content

    async def _repeated(self, path: str, body: Any, key: str) -> tuple[int, bytes]:
        """The answer under a key, once it is not taken for in work any more."""
        async with asyncio.timeout(PATIENCE_S * 2):
            while True:
                headers = {"Idempotency-Key": key}
                async with self._http.post(path, json=body, headers=headers) as reply:
                    content = await reply.read()
                    if b'"idempotency_in_progress"' not in content:
                        return reply.status, content
                await asyncio.sleep(1)


def wished(wish: str) -> dict[str, Any]:
    """The body of a response about these words."""
    return {"model": "any", "input": wish, "tools": [{"type": "image_generation"}]}


def _check_output(found: Any, wish: str) -> None:
    ids = [item["id"] for item in found["output"]]
    assert len(set(ids)) == len(ids)
    for item in found["output"]:
        if item["type"] == "image_generation_call" and item["status"] == "completed":
            assert shows(b64decode(item["result"]), wish.removeprefix("draw ")), item["id"]
