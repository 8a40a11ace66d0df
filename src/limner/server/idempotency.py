"""`Idempotency-Key`: a request that is sent again under its key is answered again, not done again.

After the IETF draft "The Idempotency-Key HTTP Header Field", section 2.6, and Stripe's API:

- the key is on the disk before the work begins;
- sent again while it is in work: 409, with advice when to come back;
- sent again when it is done, within a day: the same bytes, streams too;
- sent again with another body: 422;
- the server was killed meanwhile: done again where that costs nothing but time, else 409, for
  nobody can say what the first attempt has come to.

Work under a key goes on when its client leaves, so that the reply is there when it comes back.
Refusals that leave nothing behind are not kept: the key stays free.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from hashlib import sha256

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from limner.core.errors import InvalidRequest, LimnerError, StoreError
from limner.server.body import DEFAULT_LIMIT_BYTES, read_bytes
from limner.server.detached import idempotency_key
from limner.server.errors import error_response
from limner.server.guard import owner_of
from limner.store.replies import LEASE_S, Asked, Claim, Refusal, Replies, Reply

HEADER = "Idempotency-Key"
REPLAYED = (b"idempotent-replayed", b"true")
RETRY_AFTER_S = 2.0

Repeatable = Callable[[], bool]
"""Whether work that was cut off may be done again."""

_BOUNDARY = re.compile(r'boundary="?([^\s";]+)', re.IGNORECASE)

logger = logging.getLogger(__name__)


class Idempotency:
    """ASGI middleware, behind the keys.

    paths: of the POST routes that honour the header. Others leave it to themselves.
    """

    def __init__(
        self,
        app: ASGIApp,
        replies: Replies,
        paths: Mapping[str, Repeatable],
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
    ) -> None:
        self._app = app
        self._replies = replies
        self._paths = paths
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            request = Request(scope, receive)
            path = scope["path"]
            if path in self._paths and HEADER in request.headers:
                try:
                    await self._once(request, self._paths[path](), send)
                except LimnerError as error:
                    await error_response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _once(self, request: Request, repeatable: bool, send: Send) -> None:
        key = idempotency_key(request)
        assert key is not None, "the header is there"
        body = await read_bytes(request, self._limit_bytes)
        asked = Asked(owner_of(request), request.scope["path"], key, _digest(request, body))
        match await self._replies.claim(asked, repeatable=repeatable):
            case Reply() as reply:
                await _send(reply, send)
            case Claim() as claim:
                await self._work(claim, request.scope, body, repeatable, send)
            case refusal:
                raise _refused(refusal)

    async def _work(
        self, claim: Claim, scope: Scope, body: bytes, repeatable: bool, send: Send
    ) -> None:
        recorded = _Recorded(send)
        try:
            async with self._renewed(claim):
                await self._app(scope, _replayed(body), recorded)
        except Exception:
            await self._settle(claim, None)
            raise
        reply = recorded.reply()
        await self._settle(claim, reply if _is_final(reply.status, repeatable) else None)
        await recorded.end()

    async def _settle(self, claim: Claim, reply: Reply | None) -> None:
        """Keep the reply, or free the key. The client gets its reply even where neither works."""
        try:
            if reply:
                await self._replies.finish(claim, reply)
            else:
                await self._replies.release(claim)
        except StoreError as error:
            logger.warning("a reply could not be kept", extra={"why": error.message})

    @asynccontextmanager
    async def _renewed(self, claim: Claim) -> AsyncIterator[None]:
        async def renew() -> None:
            while True:
                await asyncio.sleep(LEASE_S / 3)
                with suppress(StoreError):
                    await self._replies.renew(claim)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()


class _Recorded:
    """An ASGI `send` that keeps what it passes on, and holds its end back until that is kept.

    A client that has seen the end of its reply can rely on the same reply being there.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}
        self._pieces: list[bytes] = []
        self._last: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._pieces.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._last = message
                return
        await self._pass_on(message)

    async def end(self) -> None:
        if self._last:
            await self._pass_on(self._last)

    def reply(self) -> Reply:
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._start["headers"]
            if name != b"content-length"
        )
        return Reply(self._start["status"], headers, b"".join(self._pieces))

    async def _pass_on(self, message: Message) -> None:
        # The client may be gone; the work is not done for it alone.
        with suppress(OSError):
            await self._send(message)


async def _send(reply: Reply, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    length = (b"content-length", str(len(reply.body)).encode())
    start = {"type": "http.response.start", "status": reply.status}
    await send({**start, "headers": [*headers, length, REPLAYED]})
    await send({"type": "http.response.body", "body": reply.body})


def _replayed(body: bytes) -> Receive:
    """An ASGI `receive` with the whole body, and a client that never leaves."""
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError("waited for a client that never leaves")

    return receive


def _digest(request: Request, body: bytes) -> str:
    """Of what was asked; a form's boundary is chosen anew with each attempt and means nothing."""
    content_type = request.headers.get("content-type", "")
    if boundary := _BOUNDARY.search(content_type):
        body = body.replace(boundary[1].encode("latin-1"), b"")
    media_type = content_type.partition(";")[0].strip().lower()
    return sha256(media_type.encode() + b"\n" + body).hexdigest()


def _is_final(status: int, repeatable: bool) -> bool:
    """Whether this is the answer for good. A failure may have cost something unless it says not."""
    return status < 400 or (status >= 500 and status != 503 and not repeatable)


def _refused(refusal: Refusal) -> InvalidRequest:
    match refusal:
        case "in_progress":
            return InvalidRequest(
                f"The first request with this {HEADER} is still in work.",
                code="idempotency_in_progress",
                status=409,
                retry_after_s=RETRY_AFTER_S,
            )
        case "reused":
            return InvalidRequest(
                f"This {HEADER} came before with another body; each request needs its own.",
                code="idempotency_key_reused",
                status=422,
            )
        case "outcome_unknown":
            return InvalidRequest(
                f"The server ended while it worked on the first request with this {HEADER}, and "
                "nobody can say what came of it. Look, then ask under another key.",
                code="outcome_unknown",
                status=409,
            )
