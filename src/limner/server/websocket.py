"""The Responses API over a WebSocket: many responses on one connection, one after the other in each
lane and side by side in several.

Rules kept here and nowhere else:
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
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from limner.core.errors import InvalidRequest, LimnerError
from limner.core.session import Session
from limner.core.turn import JsonObject
from limner.server.body import PARSED_ASIDE_BYTES
from limner.server.drain import ServerStoppingError, current_drain
from limner.server.errors import request_id, unforeseen
from limner.server.lanes import InLane, Lanes, SocketLimits
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


def websocket_route(path: str, begin: Begin, limits: SocketLimits | None = None) -> WebSocketRoute:
    """The door; `begin` is the one that `POST` uses too."""

    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        await _Connection(websocket, begin, limits or SocketLimits()).serve()

    return WebSocketRoute(path, serve)


class _Connection:
    def __init__(self, websocket: WebSocket, begin: Begin, limits: SocketLimits) -> None:
        self._websocket = websocket
        self._begin = begin
        self._lanes = Lanes(limits)
        self._running: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._memory = Memory()
        self._steering = Steering(self._send)

    async def serve(self) -> None:
        """Until the client leaves, or the server stops and what is under way has ended."""
        try:
            with current_drain().at_end(self._break_off):
                async with asyncio.TaskGroup() as tasks:
                    await self._listen(tasks)
        finally:
            if self._is_stopping:
                with suppress(WebSocketDisconnect):
                    await self._websocket.close(SERVICE_RESTART)

    async def _listen(self, tasks: asyncio.TaskGroup) -> None:
        while (message := await self._websocket.receive())["type"] == "websocket.receive":
            if create := await self._take(message):
                in_lane = self._lanes.enter(create.stream_id, len(message["text"]))
                task = tasks.create_task(self._answer(create, in_lane))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        if STOPPING in message:
            self._is_stopping = True
        else:
            self._cancel()

    def _break_off(self) -> None:
        """The server has waited long enough."""
        self._is_stopping = True
        self._cancel()

    def _cancel(self) -> None:
        for task in self._running:
            task.cancel()

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
                self._lanes.check_room(asked.stream_id, len(message["text"]))
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

    async def _answer(self, asked: Create, in_lane: InLane) -> None:
        """Answer a request, and what steering makes of it, when its lane's turn has come."""
        async with in_lane:
            next_one: Create | None = self._steering.resumed(asked)
            while next_one:
                next_one = await self._respond(next_one)

    async def _respond(self, asked: Create) -> Create | None:
        """One response, whole; returns the request that steering wants to follow."""
        course = _Course(asked)
        try:
            if self._is_stopping:
                raise ServerStoppingError
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
                await self._fail(ServerStoppingError(), course)
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
                if event.response["status"] == "failed":
                    self._forget_origin(course)
            await self._websocket.send_text(message_text(event, course.asked.stream_id))

    def _remember(self, course: _Course, end: OutEvent) -> None:
        """Before its end is told, so that the next request may go on from it."""
        body = course.asked.body
        previous_id = body.get("previous_response_id")
        is_elsewhere = course.is_stored and previous_id not in self._memory.responses
        if is_elsewhere or body.get("conversation") is not None:
            return
        assert course.begun, "what ends has begun"
        response = end.response
        items = [*course.begun.input, *response["output"]]
        size = len(end.text) + len(json.dump(course.begun.input))
        self._memory.add(response["id"], previous_id, items, size)

    def _forget_origin(self, course: _Course) -> None:
        """What a request that fails went on from: nothing goes on from there again, as the
        WebSocket mode of OpenAI's API has it. What the server stores stays."""
        self._memory.forget(course.asked.body.get("previous_response_id"))

    async def _fail(self, error: LimnerError, course: _Course) -> None:
        if course.begun and course.id:
            with suppress(WebSocketDisconnect):
                await self._pass_on(events_of(course.begun.last_word(error)), course)
        else:
            self._forget_origin(course)
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
