"""The Responses API over a WebSocket: many responses on one connection, one after the other in each
lane and side by side in several.

Rules kept here and nowhere else:
- what a connection may have under way is bounded, in requests and in bytes;
- a client that leaves cancels all that it has under way;
- no response ends without its last word, whatever fails;
- a server that stops begins nothing more, and closes when what is under way has ended.
Readers that stall are dropped by the protocol (`server.socket_protocol`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from limner.core.errors import InvalidRequest, LimnerError
from limner.core.session import Session
from limner.core.turn import JsonObject
from limner.server.body import PARSED_ASIDE_BYTES
from limner.server.errors import request_id, unforeseen
from limner.server.memory import Memory
from limner.server.socket_protocol import STOPPING
from limner.server.steering import Steering
from limner.wire import json
from limner.wire.websocket import (
    Create,
    OutEvent,
    Steer,
    error_text,
    events_of,
    lane_of,
    message_text,
    read_message,
)

SERVICE_RESTART = 1012
"""The code that a stopping server closes with (IANA, WebSocket Close Code Number Registry)."""

_STOPS = InvalidRequest(
    "The server is stopping; ask again in a moment.",
    code="server_stopping",
    type="server_error",
    status=503,
    retry_after_s=5,
)

logger = logging.getLogger(__name__)


class Begun(Protocol):
    """A response under way. input: the request's own items, whole."""

    @property
    def input(self) -> Sequence[JsonObject]: ...

    def frames(self) -> AsyncGenerator[bytes, None]: ...

    def last_word(self, error: LimnerError) -> bytes: ...


class Begin(Protocol):
    """Checks a request and begins its response; raises LimnerError."""

    async def __call__(
        self, connection: HTTPConnection, body: dict[str, Any], *, session: Session, generate: bool
    ) -> Begun: ...


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one connection may have under way: lanes, requests, and bytes of requests."""

    lanes: int = 8
    requests: int = 32
    request_bytes: int = 128 * 1024 * 1024


def websocket_route(path: str, begin: Begin, limits: SocketLimits | None = None) -> WebSocketRoute:
    """The door; `begin` is the one that `POST` uses too."""

    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        await _Connection(websocket, begin, limits or SocketLimits()).serve()

    return WebSocketRoute(path, serve)


@dataclass(slots=True)
class _Lane:
    """Requests of one lane take turns, in their order. waiting: how many are not answered yet."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class _Connection:
    def __init__(self, websocket: WebSocket, begin: Begin, limits: SocketLimits) -> None:
        self._websocket = websocket
        self._begin = begin
        self._limits = limits
        self._lanes: dict[str | None, _Lane] = {}
        self._waiting_bytes = 0
        self._is_stopping = False
        self._memory = Memory()
        self._steering = Steering(self._send)

    async def serve(self) -> None:
        """Until the client leaves, or the server stops and what is under way has ended."""
        async with asyncio.TaskGroup() as tasks:
            running: set[asyncio.Task[None]] = set()
            while (message := await self._websocket.receive())["type"] == "websocket.receive":
                if create := await self._take(message):
                    size = len(message["text"])
                    task = tasks.create_task(self._answer(create, self._enter(create, size), size))
                    running.add(task)
                    task.add_done_callback(running.discard)
            self._is_stopping = STOPPING in message
            if not self._is_stopping:
                for task in running:
                    task.cancel()
        if self._is_stopping:
            with suppress(WebSocketDisconnect):
                await self._websocket.close(SERVICE_RESTART)

    async def _take(self, message: Mapping[str, Any]) -> Create | None:
        """Read a message; returns what is to be answered in its lane's turn."""
        lane = None
        try:
            body = await _load(message)
            lane = lane_of(body)
            asked = await self._read(body)
            if isinstance(asked, Steer):
                await self._steering.take(asked)
                return None
            if asked:
                self._check_room(asked, len(message["text"]))
            return asked
        except InvalidRequest as error:
            await self._send(error_text(error, lane))
            return None

    async def _read(self, body: Mapping[str, Any]) -> Create | Steer | None:
        try:
            return read_message(body)
        except InvalidRequest as error:
            if not await self._steering.refuse(body, error):
                raise
            return None

    def _check_room(self, asked: Create, size: int) -> None:
        limits = self._limits
        requests = sum(lane.waiting for lane in self._lanes.values())
        for fits, limit in (
            (len(self._lanes.keys() | {asked.stream_id}) <= limits.lanes, f"{limits.lanes} lanes"),
            (requests < limits.requests, f"{limits.requests} requests"),
            (
                self._waiting_bytes + size <= limits.request_bytes,
                f"{limits.request_bytes} bytes of requests",
            ),
        ):
            if not fits:
                raise InvalidRequest(
                    f"One connection may have at most {limit} under way: "
                    "wait for responses to end, or open another connection.",
                    code="websocket_connection_limit_reached",
                    status=429,
                )

    def _enter(self, asked: Create, size: int) -> _Lane:
        lane = self._lanes.setdefault(asked.stream_id, _Lane())
        lane.waiting += 1
        self._waiting_bytes += size
        return lane

    async def _answer(self, asked: Create, lane: _Lane, size: int) -> None:
        """Answer a request, and what steering makes of it, when its lane's turn has come."""
        try:
            async with lane.turn:
                next_one: Create | None = self._steering.resumed(asked)
                while next_one:
                    next_one = await self._respond(next_one)
        finally:
            self._waiting_bytes -= size
            lane.waiting -= 1
            if not lane.waiting:
                self._lanes.pop(asked.stream_id, None)

    async def _respond(self, asked: Create) -> Create | None:
        """One response, whole; returns the request that steering wants to follow."""
        course = _Course(asked)
        try:
            if self._is_stopping:
                raise _STOPS
            course.begun = await self._begin(
                self._websocket,
                asked.body,
                session=self._memory.responses,
                generate=asked.generate,
            )
            async with aclosing(course.begun.frames()) as frames:
                async for chunk in frames:
                    await self._pass_on(events_of(chunk), course)
        except LimnerError as error:
            await self._fail(error, course)
        except WebSocketDisconnect:
            return None
        except asyncio.CancelledError:
            if self._is_stopping:
                await self._fail(_STOPS, course)
            raise
        except Exception:
            id = request_id(self._websocket)
            logger.exception("response failed", extra={"action": "failed", "request_id": id})
            await self._fail(unforeseen(id), course)
        return await self._steering.follow(asked, course.id, course.end)

    async def _pass_on(self, events: Sequence[OutEvent], course: _Course) -> None:
        for event in events:
            if course.id is None:
                course.begins(event.response)
                self._steering.open(str(course.id), course.asked)
            if event.is_end:
                course.end = event
                self._remember(course, event)
            await self._websocket.send_text(message_text(event, course.asked.stream_id))

    def _remember(self, course: _Course, end: OutEvent) -> None:
        """Before its end is told, so that the next request may go on from it."""
        body = course.asked.body
        if course.is_stored or body.get("conversation") is not None:
            return
        assert course.begun, "what ends has begun"
        response = end.response
        items = [*course.begun.input, *response["output"]]
        size = len(end.text) + len(json.dump(course.begun.input))
        self._memory.add(response["id"], body.get("previous_response_id"), items, size)

    async def _fail(self, error: LimnerError, course: _Course) -> None:
        if course.begun and course.id:
            with suppress(WebSocketDisconnect):
                await self._pass_on(events_of(course.begun.last_word(error)), course)
        else:
            await self._send(error_text(error, course.asked.stream_id))

    async def _send(self, text: str) -> None:
        with suppress(WebSocketDisconnect):
            await self._websocket.send_text(text)


@dataclass(slots=True)
class _Course:
    """How far a response has come. id: once it is known. is_stored: whether the server keeps it."""

    asked: Create
    begun: Begun | None = None
    id: str | None = None
    is_stored: bool = False
    end: OutEvent | None = None

    def begins(self, response: Mapping[str, Any]) -> None:
        """Note what its first event says."""
        self.id = response["id"]
        self.is_stored = bool(response.get("store"))


async def _load(message: Mapping[str, Any]) -> dict[str, Any]:
    text = message.get("text")
    if text is None:
        raise InvalidRequest("Messages must be text, got binary data.", code="invalid_json")
    body = text.encode()
    if len(body) > PARSED_ASIDE_BYTES:
        return await asyncio.to_thread(json.load_body, body)
    return json.load_body(body)
