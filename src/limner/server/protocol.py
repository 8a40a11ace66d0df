"""HTTP/1.1 that slow, silent and greedy clients cannot hold on to.

uvicorn's own protocol waits for ever: for a header's end, for a body's next byte, for a reader that
has stopped. Here every wait has an end:

- a request's head must be complete in time, and small;
- a body and a reply must move: so many bytes in every window, or the connection is dropped;
- a client that was answered before its body ended (413) may finish it, but not for ever;
- connections beyond the limit are answered 503 at once, and 429 beyond that of one address; this
  machine's own may have them all.

Time during which the application itself pauses reading does not count against the client.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from limner.core.errors import InvalidRequest
from limner.server.access import new_request_id
from limner.server.origins import Origins, origin_of
from limner.server.slow_readers import SlowReader, drop, tcp_socket
from limner.server.socket_protocol import HardenedWebSocket
from limner.wire import json
from limner.wire.errors import error_json


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """All times in seconds.

    head_s: from the connection, or a request's first byte, to the end of its headers.
    window_s, window_bytes: a body that comes and a reply that goes must move this much, each.
    linger_s: for the rest of a body after its reply. keep_alive_s: between requests.
    send_buffer_bytes: what the kernel may hold for a reader that stalls.
    message_bytes: of a WebSocket, what comes. ping_timeout_s: a ping, sent every 20 s, may stand
    behind a picture that its reader is still taking.
    connections_per_address: of another machine, or of one /64 network of IPv6.
    """

    connections: int = 2000
    connections_per_address: int = 500
    head_s: float = 10.0
    head_bytes: int = 32 * 1024
    head_lines: int = 100
    window_s: float = 20.0
    window_bytes: int = 16 * 1024
    linger_s: float = 10.0
    keep_alive_s: int = 75
    send_buffer_bytes: int = 256 * 1024
    message_bytes: int = 64 * 1024 * 1024
    ping_timeout_s: float = 120.0


def uvicorn_config(app: ASGIApp, limits: ConnectionLimits, **more: Any) -> uvicorn.Config:
    """uvicorn's configuration around the hardened protocol; `more` goes to it as it is.

    No access log of uvicorn's, no trust in forwarded headers, no `Server` header. WebSockets are
    not compressed: what is large in them is pictures.
    """
    windows = {"window_s": limits.window_s, "window_bytes": limits.window_bytes}
    settings: dict[str, Any] = {
        "ws": type("BoundHardenedWebSocket", (HardenedWebSocket,), windows),
        "ws_max_size": limits.message_bytes,
        "ws_ping_timeout": limits.ping_timeout_s,
        "ws_per_message_deflate": False,
        "access_log": False,
        "log_config": None,
        "proxy_headers": False,
        "server_header": False,
        "timeout_keep_alive": limits.keep_alive_s,
    }
    bounds = {"limits": limits, "origins": Origins()}
    bound = type("BoundHardenedProtocol", (HardenedProtocol,), bounds)
    return uvicorn.Config(app, http=bound, **{**settings, **more})


class HardenedProtocol(HttpToolsProtocol):
    """One connection; `limits` and `origins` are class attributes, set by `uvicorn_config`."""

    limits = ConnectionLimits()

    origins = Origins()

    _origin: str | None = None
    _phase: Literal["idle", "head", "body", "reply"] = "idle"
    _head_bytes = 0
    _body_bytes = 0
    _refusal: InvalidRequest | None = None
    _read_timer: asyncio.TimerHandle | None = None
    _reader: SlowReader

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        limits = self.limits
        self._reader = SlowReader(transport, limits.window_s, limits.window_bytes)
        if len(self.connections) > limits.connections:
            self._refuse(_too_many_connections(limits.connections))
            return
        self._origin = origin_of(transport)
        if self._origin and self.origins.enter(self._origin) > limits.connections_per_address:
            self._refuse(_too_many_of_one(limits.connections_per_address))
            return
        if sock := tcp_socket(transport):
            # asyncio does this only for sockets that name their protocol, which accepted ones do
            # not; without it, replies wait 40 ms for the client to acknowledge their headers.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            size = self.limits.send_buffer_bytes
            # The kernel doubles what is asked, and lets unasked buffers grow to megabytes.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size // 2)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                wait_ms = math.ceil(self.limits.window_s * 1000)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, wait_ms)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._reader.rest()
        self._wait_for_sender(None)
        self._leave_origin()
        super().connection_lost(exc)

    def _leave_origin(self) -> None:
        if self._origin:
            self.origins.leave(self._origin)
        self._origin = None

    def data_received(self, data: bytes) -> None:
        if self._phase == "idle":
            self._expect_head()
        super().data_received(data)
        if self._phase == "head":
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head_bytes and not self.transport.is_closing():
                self._refuse(_large_head(self.limits))

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or InvalidRequest(f"{msg}", code="invalid_http"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._phase != "head":
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= self.limits.head_lines:
            self._refusal = _large_head(self.limits)
            raise ValueError("too many header lines")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.limits.head_bytes:
            self._refusal = _large_head(self.limits)
            raise ValueError("headers too large")
        super().on_headers_complete()
        self._phase = "body"
        self._body_bytes = 0
        self._wait_for_sender(self._check_body, self.limits.window_s)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._phase = "reply"
        self._wait_for_sender(None)

    def handle_websocket_upgrade(self) -> None:
        self._wait_for_sender(None)
        self._leave_origin()
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._phase == "body":
            self._wait_for_sender(self._drop, self.limits.linger_s)
        elif self._phase == "reply" and self.cycle.response_complete:
            self._phase = "idle"

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._reader.rest()

    def _expect_head(self) -> None:
        self._phase = "head"
        self._head_bytes = 0
        self._wait_for_sender(self._check_head, self.limits.head_s)

    def _check_head(self) -> None:
        """Time is up for a head. While an earlier request is being answered, it may wait."""
        if self.flow.read_paused or (self.cycle and not self.cycle.response_complete):
            self._wait_for_sender(self._check_head, self.limits.head_s)
        elif self._head_bytes:
            self._refuse(_late("headers", f"within {self.limits.head_s:g} s"))
        else:
            self.transport.close()

    def _check_body(self) -> None:
        """A window of a body is over."""
        if self._body_bytes < self.limits.window_bytes and not self.flow.read_paused:
            rate = f"with {self.limits.window_bytes} bytes in {self.limits.window_s:g} s at least"
            self._refuse(_late("body", rate))
            return
        self._body_bytes = 0
        self._wait_for_sender(self._check_body, self.limits.window_s)

    def _wait_for_sender(self, then: Callable[[], None] | None, seconds: float = 0) -> None:
        if self._read_timer:
            self._read_timer.cancel()
        self._read_timer = self.loop.call_later(seconds, then) if then else None

    def _drop(self) -> None:
        drop(self.transport)

    def _refuse(self, error: InvalidRequest) -> None:
        """Answer without the application, if nothing has been answered yet, and close."""
        if self.cycle and self.cycle.response_started and not self.cycle.response_complete:
            self._drop()
            return
        body = json.dump(error_json(error))
        head = (
            b"content-type: application/json\r\ncontent-length: %d\r\n"
            b"x-request-id: %b\r\nconnection: close\r\n"
        ) % (len(body), new_request_id().encode())
        if error.retry_after_s:
            head += b"retry-after: %d\r\n" % math.ceil(error.retry_after_s)
        self.transport.write(STATUS_LINE[error.status] + head + b"\r\n" + body)
        self.transport.close()


def _too_many_of_one(limit: int) -> InvalidRequest:
    return InvalidRequest(
        f"One address may have {limit} connections with this server.",
        code="too_many_connections",
        status=429,
        retry_after_s=1,
    )


def _too_many_connections(limit: int) -> InvalidRequest:
    return InvalidRequest(
        f"All {limit} connections of this server are taken.",
        code="too_many_connections",
        type="server_error",
        status=503,
        retry_after_s=1,
    )


def _large_head(limits: ConnectionLimits) -> InvalidRequest:
    return InvalidRequest(
        f"The request's headers must have at most {limits.head_lines} lines and "
        f"{limits.head_bytes} bytes.",
        code="headers_too_large",
        status=431,
    )


def _late(part: str, wanted: str) -> InvalidRequest:
    return InvalidRequest(
        f"The request's {part} must arrive {wanted}.", code="request_timeout", status=408
    )
