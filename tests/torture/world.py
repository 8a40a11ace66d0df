"""What stands around the server that is killed: a language model, and an image service that costs.

Both live in the test's process, so they outlive every server and can say what they were asked.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import orjson
from aiohttp import web
from PIL import Image
from pybase64 import b64encode_as_string

from tests import scripted_chat

SLOW, LONG_S = "slow", 600.0
"""A prompt with this word takes so long."""


def picture_of(prompt: str) -> bytes:
    """The PNG that the service paints for a prompt: another one for each."""
    file = BytesIO()
    picture = Image.new("RGB", (8, 8))
    picture.putdata([tuple(random.Random(f"{prompt} {k}").randbytes(3)) for k in range(64)])
    picture.save(file, "png")
    return file.getvalue()


def shows(content: bytes, prompt: str) -> bool:
    """Whether a picture is that of the prompt, whatever is written beside its pixels."""
    with Image.open(BytesIO(content)) as found, Image.open(BytesIO(picture_of(prompt))) as painted:
        return found.tobytes() == painted.tobytes()


@dataclass(slots=True)
class World:
    """model_url, painter_url: for `--llm` and `--image-backend`.

    dispatched: how often each prompt came. painting: how many are under way. pause_s: the longest
    that a picture takes, and a word. on_dispatch: called as soon as a picture is asked for.
    """

    model_url: str = ""
    painter_url: str = ""
    dispatched: Counter[str] = field(default_factory=Counter)
    painting: int = 0
    pause_s: float = 0.06
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    on_dispatch: Callable[[], None] | None = None

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """`draw …` calls the image tool with the rest of the words; anything is answered."""
        asked = await request.json()
        if not asked:
            return web.json_response({"error": {"message": "model is missing"}}, status=400)
        reply = _turn(asked)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        with suppress(ConnectionError):  # who asked may be dead
            await response.prepare(request)
            for piece in reply:
                await asyncio.sleep(self.chance.uniform(0, self.pause_s / 4))
                await response.write(piece)
        return response

    async def paint(self, request: web.Request) -> web.StreamResponse:
        prompt = (await request.json())["prompt"]
        self.dispatched[prompt] += 1
        if self.on_dispatch:
            self.on_dispatch()
        self.painting += 1
        try:
            await asyncio.sleep(LONG_S if SLOW in prompt else self.chance.uniform(0, self.pause_s))
        finally:
            self.painting -= 1
        data = [{"b64_json": b64encode_as_string(picture_of(prompt))}]
        return web.json_response({"created": 1, "data": data})


def _turn(asked: dict[str, Any]) -> Iterable[bytes]:
    messages = asked["messages"]
    words = [_text(message) for message in messages if message["role"] == "user"]
    wish = next(word for word in reversed(words) if not word.startswith("(Your answer"))
    is_answered = any(message["role"] == "tool" for message in messages)
    if wish.startswith("draw ") and not is_answered:
        name = asked["tools"][0]["function"]["name"]
        return scripted_chat.calls(name, {"prompt": wish.removeprefix("draw ")}).pieces
    return scripted_chat.says(*(f"{word} " for word in f"Here it is: {wish}".split())).pieces


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


@asynccontextmanager
async def world(pause_s: float = 0.06) -> AsyncIterator[World]:
    """Both of them on free ports of loopback."""
    here = World(pause_s=pause_s)
    chat, images = web.Application(), web.Application()
    chat.router.add_post("/v1/chat/completions", here.chat)
    images.router.add_post("/v1/images/generations", here.paint)
    runners = []
    for app in (chat, images):
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
    here.model_url, here.painter_url = (
        f"http://127.0.0.1:{runner.addresses[0][1]}/v1" for runner in runners
    )
    try:
        yield here
    finally:
        for runner in runners:
            await runner.cleanup()


def json_of(content: bytes) -> Any:
    return orjson.loads(content)
