"""Clients that ask for everything at once, until the server is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import aiohttp

from tests.torture.ledger import OVER, Ledger, Painted, Said, wished
from tests.torture.world import json_of, picture_of


class Load:
    """ledger: of all that these clients were told. cut_off: requests that the kill broke off."""

    def __init__(self, http: aiohttp.ClientSession, name: str, *, deletes: bool = True) -> None:
        """name: sets the words of these clients apart from all others'."""
        self.ledger = Ledger()
        self._deletes = deletes
        self.cut_off = 0
        self._http = http
        self._name = name
        self._numbers = count()

    async def run(self, copies: int = 1) -> None:
        """Return when no client gets an answer any more."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._background,
            self._background_stream,
            self._cancelled,
            self._stream,
            self._keyed_response,
            self._keyed_picture,
            self._job,
            self._file,
            self._talk,
        ]
        await asyncio.gather(*(self._for_ever(kind) for kind in kinds * copies))

    async def _for_ever(self, ask: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await ask()
            except aiohttp.ClientConnectorError:
                return
            except aiohttp.ClientError:
                self.cut_off += 1
                return

    def _words(self) -> str:
        return f"draw {self._name} {next(self._numbers)}"

    async def _ask(self, path: str, body: Any = None, **options: Any) -> Any:
        async with self._http.post(path, json=body, **options) as reply:
            content = await reply.read()
            assert reply.status == 200, f"{path}: {reply.status} {content.decode()}"
            return json_of(content)

    async def _background(self) -> None:
        """Also fetched when it has ended, and then every other time deleted."""
        wish = self._words()
        body = await self._ask("/v1/responses", {**wished(wish), "background": True})
        said = self.ledger.responses[body["id"]] = Said(wish)
        path = f"/v1/responses/{body['id']}"
        while said.final is None:
            async with self._http.get(path) as reply:
                found = json_of(await reply.read())
            if found["status"] in OVER:
                said.final = found
            await asyncio.sleep(0.02)
        if self._deletes and next(self._numbers) % 2:
            del self.ledger.responses[body["id"]]  # either is right until the answer comes
            async with self._http.delete(path) as reply:
                assert reply.status == 200
            self.ledger.gone.add(path)

    async def _background_stream(self) -> None:
        wish = self._words()
        await self._listen({**wished(wish), "background": True, "stream": True}, Said(wish))

    async def _stream(self) -> None:
        wish = self._words()
        said = Said(wish)
        try:
            await self._listen({**wished(wish), "stream": True}, said)
        finally:
            said.frames.clear()  # only responses in the background are told again

    async def _listen(self, body: Any, said: Said) -> None:
        async with self._http.post("/v1/responses", json=body) as reply:
            assert reply.status == 200, await reply.text()
            left = b""
            async for piece in reply.content.iter_any():
                *frames, left = (left + piece).split(b"\n\n")
                for frame in frames:
                    self._note(frame, said)

    def _note(self, frame: bytes, said: Said) -> None:
        if frame.startswith(b":"):
            return
        said.frames.append(frame)
        data = frame.partition(b"data: ")[2]
        if b'"response":' in data:
            response = json_of(data)["response"]
            self.ledger.responses[response["id"]] = said
            if response["status"] in OVER:
                said.final = response

    async def _cancelled(self) -> None:
        wish = self._words()
        body = await self._ask("/v1/responses", {**wished(wish), "background": True})
        said = self.ledger.responses[body["id"]] = Said(wish)
        await asyncio.sleep(0.03)
        said.final = await self._ask(f"/v1/responses/{body['id']}/cancel")
        assert said.final["status"] in OVER

    async def _keyed_response(self) -> None:
        wish = self._words()
        await self._under_key("/v1/responses", wished(wish), wish, self.ledger.keyed)

    async def _keyed_picture(self) -> None:
        prompt = self._words()
        body = {"prompt": prompt}
        await self._under_key("/v1/images/generations", body, prompt, self.ledger.images)

    async def _under_key(
        self, path: str, body: Any, prompt: str, noted: dict[str, Painted]
    ) -> None:
        painted = noted[f"key of {prompt}"] = Painted(prompt)
        headers = {"Idempotency-Key": f"key of {prompt}"}
        async with self._http.post(path, json=body, headers=headers) as reply:
            content = await reply.read()
            assert reply.status == 200, content
            painted.reply = content

    async def _job(self) -> None:
        prompt = self._words()
        id = (await self._ask("/generate/async", {"prompt": prompt}))["job_id"]
        self.ledger.jobs[id] = prompt
        while True:
            async with self._http.get(f"/job/{id}") as reply:
                found = json_of(await reply.read())
            if found["status"] in OVER:
                self.ledger.ended_jobs[id] = found
                return
            await asyncio.sleep(0.02)

    async def _file(self) -> None:
        """Every other one is deleted again."""
        content = picture_of(self._words())
        form = aiohttp.FormData({"purpose": "vision"})
        form.add_field("file", content, filename="picture.png", content_type="image/png")
        async with self._http.post("/v1/files", data=form) as reply:
            assert reply.status == 200, await reply.text()
            id = json_of(await reply.read())["id"]
        self.ledger.files[id] = content
        if self._deletes and next(self._numbers) % 2:
            del self.ledger.files[id]  # either is right until the answer comes
            async with self._http.delete(f"/v1/files/{id}") as reply:
                assert reply.status == 200
            self.ledger.gone.add(f"/v1/files/{id}")

    async def _talk(self) -> None:
        id = (await self._ask("/v1/conversations", {}))["id"]
        self.ledger.conversations.add(id)
        for _ in range(3):
            wish = self._words()
            body = {**wished(wish), "conversation": id, "stream": True}
            said = Said(wish, conversation=id)
            try:
                await self._listen(body, said)
            finally:
                said.frames.clear()
