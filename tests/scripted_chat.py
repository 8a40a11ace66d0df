"""A Chat Completions server on loopback that says what a test wrote, and notes what it is asked.

async with ScriptedChat([calls("draw", {"prompt": "a cat"}), says("Here it is.")]) as chat:
    ... chat.url ... chat.requests[0]["messages"]
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from tests.loopback import OnLoopback


@dataclass(frozen=True)
class Reply:
    """pieces: each is written by itself. then: what follows the last one.

    `end` closes the reply properly, `hang` waits until the client leaves, `cut` breaks the line.
    """

    pieces: tuple[bytes, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    then: str = "end"


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    """One server-sent event of a reply."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + orjson.dumps(value) + b"\n\n"


def end_of(finish: str, input_tokens: int = 10, output_tokens: int = 5) -> tuple[bytes, ...]:
    """What closes a tidy reply: the reason, the usage and `[DONE]`."""
    usage = {"prompt_tokens": input_tokens, "completion_tokens": output_tokens}
    return (
        chunk(finish),
        b"data: " + orjson.dumps({"choices": [], "usage": usage}) + b"\n\n",
        b"data: [DONE]\n\n",
    )


def says(*texts: str) -> Reply:
    """The model writes these texts, one delta each."""
    return Reply((*(chunk(content=text) for text in texts), *end_of("stop")))


def calls(name: str, *arguments: Mapping[str, Any], say: str = "") -> Reply:
    """The model calls a function once for each of the arguments, after saying something."""
    said = (chunk(content=say),) if say else ()
    pieces = []
    for index, value in enumerate(arguments):
        text = orjson.dumps(value).decode()
        function = {"name": name, "arguments": ""}
        call = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
        pieces.append(chunk(tool_calls=[call]))
        halves = text[: len(text) // 2], text[len(text) // 2 :]
        for half in halves:
            pieces.append(chunk(tool_calls=[{"index": index, "function": {"arguments": half}}]))
    return Reply((*said, *pieces, *end_of("tool_calls")))


def fails(status: int, message: str = "no", **headers: str) -> Reply:
    """The server refuses, in OpenAI's words. Underscores in names of headers stand for dashes."""
    body = orjson.dumps({"error": {"message": message, "type": "error", "code": None}})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply((body,), status, {"Content-Type": "application/json", **named})


class ScriptedChat(OnLoopback):
    """Answers its requests with the replies in their order, and with 500 when there are no more.
    Empty requests, which only ask whether there is anyone, are refused and not counted.

    requests: the bodies, parsed. headers: those of each request. url: the server's root.
    has_left: set when a client has left a reply before its end.
    """

    path = "/v1/chat/completions"

    def __init__(self, replies: Iterable[Reply]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.has_left = asyncio.Event()
        self._replies = list(replies)
        self._reply_to: Callable[[dict[str, Any]], Reply] | None = None
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/{path:.*}", self._answer)
        super().__init__(app)

    @property
    def connections(self) -> list[RequestHandler]:
        """Those that are open now."""
        return self._runner.server.connections if self._runner.server else []

    def play(self, script: Iterable[Reply] | Callable[[dict[str, Any]], Reply]) -> None:
        """Begin anew: with these replies, or with what this makes of each request."""
        self.requests, self.headers = [], []
        self.has_left.clear()
        self._reply_to = script if callable(script) else None
        self._replies = [] if callable(script) else list(script)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path != self.path:
            return web.Response(status=404, text=f"there is no {request.path}")
        asked = await request.json()
        if not asked:
            return web.json_response({"error": {"message": "model is missing"}}, status=400)
        self.requests.append(asked)
        self.headers.append(request.headers.copy())
        if self._reply_to is not None:
            reply = self._reply_to(asked)
        else:
            reply = self._replies.pop(0) if self._replies else fails(500, "the script is over")
        headers = {"Content-Type": "text/event-stream", **reply.headers}
        response = web.StreamResponse(status=reply.status, headers=headers)
        try:
            await response.prepare(request)
            for piece in reply.pieces:
                await response.write(piece)
            if reply.then == "hang":
                await asyncio.Event().wait()
        except (asyncio.CancelledError, ConnectionError):
            self.has_left.set()
            raise
        if reply.then == "cut" and request.transport:
            request.transport.abort()
        return response
