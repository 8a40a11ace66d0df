"""A server with OpenAI's Images API on loopback that truly paints: pictures of the size, the format
and the colour that are asked for.

Of prompts with `smoke` in them it says that they cannot be painted; of those with `slow` it sends
the previews, if any, and then nothing. Edits come as forms.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import BodyPartReader, web

from limner.wire import sse
from limner.wire.pictures import to_base64
from tests.loopback import OnLoopback
from tests.pictures import picture

SMOKE, SLOW = "smoke", "slow"
USAGE = {
    "input_tokens": 5,
    "input_tokens_details": {"text_tokens": 5, "image_tokens": 0},
    "output_tokens": 64,
    "total_tokens": 69,
}
FAILURE = {"message": "Smoke cannot be painted.", "type": "server_error", "code": "server_error"}


class ScriptedPainter(OnLoopback):
    """`async with` serves. url: its base. asked: the fields of each request; those of an edit also
    have `images` and `masks`, the numbers of its files. has_left: set when a client has left."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.has_begun, self.has_left = asyncio.Event(), asyncio.Event()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/images/generations", self._generate)
        app.router.add_post("/v1/images/edits", self._edit)
        super().__init__(app, "/v1")

    def clear(self) -> None:
        """Forget what was asked."""
        self.asked.clear()
        self.has_begun.clear()
        self.has_left.clear()

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        return await self._paint(request, "image_generation", await request.json())

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        fields: dict[str, Any] = {"images": 0, "masks": 0}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            content = bytes(await part.read())
            if part.filename is None:
                fields[part.name or ""] = content.decode()
            else:
                fields["masks" if part.name == "mask" else "images"] += 1
        return await self._paint(request, "image_edit", fields)

    async def _paint(
        self, request: web.Request, kind: str, asked: dict[str, Any]
    ) -> web.StreamResponse:
        self.asked.append(asked)
        if SMOKE in asked["prompt"]:
            return web.json_response({"error": FAILURE}, status=500)
        try:
            return await self._answer(request, kind, asked)
        except (asyncio.CancelledError, ConnectionError):
            self.has_left.set()
            raise

    async def _answer(
        self, request: web.Request, kind: str, asked: dict[str, Any]
    ) -> web.StreamResponse:
        painted = _paint(asked)
        if not asked.get("stream"):
            await self._dawdle(asked)
            content = {"b64_json": painted.pop("b64_json")}
            data = [content for _ in range(int(asked.get("n", 1)))]
            return web.json_response({"created": 1, "data": data, "usage": USAGE, **painted})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for index in range(int(asked["partial_images"])):
            frame = {"partial_image_index": index, **painted}
            await response.write(_event(f"{kind}.partial_image", frame))
        await self._dawdle(asked)
        await response.write(_event(f"{kind}.completed", {"usage": USAGE, **painted}))
        return response

    async def _dawdle(self, asked: dict[str, Any]) -> None:
        if SLOW in asked["prompt"]:
            self.has_begun.set()
            await asyncio.Event().wait()


def _paint(asked: dict[str, Any]) -> dict[str, Any]:
    size = asked.get("size", "auto")
    size = "64x64" if size == "auto" else size
    width, height = map(int, size.split("x"))
    format = asked.get("output_format", "png")
    return {
        "b64_json": to_base64(picture(width, height, format)),
        "size": size,
        "output_format": format,
        "quality": "high",
        "background": "opaque",
    }


def _event(type: str, value: dict[str, Any]) -> bytes:
    return sse.encode(type, orjson.dumps({"type": type, **value}))
