"""One request to a model server and the turn events of its reply, in whatever dialect."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from limner.core.errors import InvalidRequest, UpstreamError
from limner.core.turn import TurnEvent, TurnFailed
from limner.upstreams.http import UpstreamHttp


class ReplyDecoder(Protocol):
    """Bytes of a reply's body in, turn events out; says when nothing more will come."""

    is_finished: bool

    def feed(self, chunk: bytes) -> list[TurnEvent]: ...

    def flush(self) -> list[TurnEvent]: ...


async def read_reply(
    http: UpstreamHttp, path: str, body: bytes, decoder: ReplyDecoder
) -> AsyncGenerator[TurnEvent, None]:
    """Yield what the decoder makes of the reply; a failure of the server is its last event."""
    try:
        async with aclosing(http.post(path, body)) as pieces:
            async for piece in pieces:
                for event in decoder.feed(piece):
                    yield event
                if decoder.is_finished:
                    return
    except UpstreamError as error:
        yield TurnFailed(
            error.message, error.code, error.status, error.retryable, error.retry_after_s
        )
        return
    for event in decoder.flush():
        yield event


def refused(error: InvalidRequest) -> TurnFailed:
    """A turn that cannot be said in the server's dialect."""
    code = error.code or "invalid_request_error"
    return TurnFailed(error.message, code, error.status, param=error.param)
