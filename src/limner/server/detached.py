"""Responses that do not end with their client: in the background, or named by an idempotency key.

A repeat with the same key attaches to the response that there is already. The rules are those of
the IETF draft "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from limner.core.errors import InvalidRequest, LimnerError
from limner.core.events import ResponseError
from limner.core.response_store import ENDED, Frame, Nature, StoredResponse
from limner.gateway.background import Background
from limner.gateway.record import UNBEGUN, as_it_stands, new_response, refusal, refusal_of
from limner.gateway.responder import Asked, Responder
from limner.server.errors import json_response
from limner.server.guard import owner_of
from limner.server.streaming import DEFAULT_HEARTBEAT_S, EventStream, while_client_waits
from limner.wire import sse
from limner.wire.errors import encode_error
from limner.wire.events import encode_event

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_LEFT = ResponseError(
    "server_error",
    "The server is stopping; the response goes on when it is back. Ask again for what is missing.",
    status=503,
    retryable=True,
    retry_after_s=5.0,
)


def idempotency_key(request: Request) -> str | None:
    """The client's key; raises InvalidRequest for one that is none."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidRequest(
            "Idempotency-Key must have 1 to 255 printable ASCII characters.",
            code="invalid_idempotency_key",
        )
    return key


class Detached:
    """Begins such responses, and answers for them."""

    def __init__(
        self,
        responder: Responder,
        background: Background,
        *,
        heartbeat_s: float = DEFAULT_HEARTBEAT_S,
    ) -> None:
        self._responder = responder
        self._background = background
        self._heartbeat_s = heartbeat_s

    async def answer(
        self,
        request: Request,
        body: dict[str, Any],
        key: str | None,
        read: Callable[[], Awaitable[Asked]],
    ) -> Response:
        """Begin a response, or attach to the one of this key. read: checks a new request."""
        digest = sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
        stored = await self._find(owner_of(request), key, digest)
        if stored is None:
            stored = await self._begin(await read(), key, digest)
        if stored.nature.background:
            if stored.nature.streamed:
                return self.stream(stored.id)
            return json_response(await self.whole(stored))
        if stored.nature.streamed:
            following = _Following(self._background, stored.id)
            return self._event_stream(following, following.held())
        async with while_client_waits(request.receive):
            return json_response(await self._end(stored.id))

    def stream(self, id: str, after: int = -1) -> Response:
        """The events of a logged response, from the start or behind that number."""
        return self._event_stream(_Following(self._background, id, after))

    async def whole(self, stored: StoredResponse) -> object:
        """The Response object as it stands."""
        if stored.has_ended:
            return orjson.Fragment(stored.text)
        return as_it_stands(stored, await self._background.store.output(stored.id))

    async def _find(self, owner: str, key: str | None, digest: str) -> StoredResponse | None:
        stored = await self._background.store.by_key(owner, key) if key else None
        if stored is not None and stored.nature.digest != digest:
            raise InvalidRequest(
                "This Idempotency-Key has come with another request already; use a new one.",
                code="idempotency_key_reused",
                status=422,
            )
        return stored

    async def _begin(self, asked: Asked, key: str | None, digest: str) -> StoredResponse:
        now, echo = self._responder.clock(), asked.request.echo
        nature = Nature(
            asked.owner,
            now,
            now + self._background.deadline_s,
            stored=echo.store,
            background=echo.background,
            streamed=asked.request.stream,
            is_logged=True,
            previous_id=echo.previous_response_id,
            conversation_id=echo.conversation,
            key=key,
            digest=digest if key else None,
        )
        new = new_response(self._responder, asked, self._responder.new_id("resp_"), nature)
        if await self._background.begin(new):
            return StoredResponse(new.id, nature, new.status, new.text)
        stored = await self._find(asked.owner, key, digest)
        if stored is None:  # The other one has failed in the meantime, and freed the key.
            raise refusal(_LEFT)
        return stored

    async def _end(self, id: str) -> object:
        """The Response object at its end; raises UpstreamError where nothing was said before."""
        is_over = await self._background.readers.ended(id)
        stored = await self._background.store.peek(id)
        if stored is None:
            raise _deleted()
        if not is_over:
            raise refusal(_LEFT)
        if (error := refusal_of(stored)) is not None:
            raise error
        return await self.whole(stored)

    def _event_stream(
        self, following: _Following, frames: AsyncGenerator[bytes, None] | None = None
    ) -> Response:
        return EventStream(
            frames or following.frames(),
            last_word=following.last_word,
            heartbeat_s=self._heartbeat_s,
        )


def _deleted() -> InvalidRequest:
    return InvalidRequest("The response has been deleted.", status=404)


@dataclass(slots=True)
class _Following:
    """A reader of a logged response. after: the number of the last event that it has had."""

    background: Background
    id: str
    after: int = -1

    async def frames(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self.background.readers.follow(self.id, self.after)) as events:
            async for event in events:
                if isinstance(event, Frame):
                    yield event.content
                    self.after = event.number
                else:
                    yield encode_event(event)
        status = await self.background.store.status(self.id)
        if status in ENDED:
            yield sse.DONE
        else:
            yield self.last_word(_deleted() if status is None else refusal(_LEFT))

    async def held(self) -> AsyncGenerator[bytes, None]:
        """All frames; what comes before the model's first word waits for that.

        Raises UpstreamError for a response that failed before it.
        """
        held: list[bytes] = []
        async with aclosing(self.frames()) as frames:
            async for frame in frames:
                if len(held) < UNBEGUN:
                    held.append(frame)
                elif held[0]:
                    await self._check()
                    yield b"".join((*held, frame))
                    held[0] = b""
                else:
                    yield frame

    async def _check(self) -> None:
        stored = await self.background.store.peek(self.id)
        if stored is not None and (error := refusal_of(stored)) is not None:
            raise error

    def last_word(self, error: LimnerError) -> bytes:
        """No end, since the response goes on: a client asks for what comes after this number."""
        return encode_error(error, max(self.after, 0))
