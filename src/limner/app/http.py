"""Listening, serving and stopping.

The first SIGTERM or SIGINT stops listening and lets replies under way end, so long; the second
SIGINT no longer waits. `server.drain` says what becomes of those that do not end.
"""

from __future__ import annotations

import asyncio
import errno
import math
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from limner.app.listeners import who_listens
from limner.core.errors import ConfigError
from limner.server.drain import Drain, Draining
from limner.server.protocol import ConnectionLimits, uvicorn_config

BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds from the signal on: until replies are told to end, and until they are ended."""

    end_s: float = 20.0
    cut_s: float = 25.0

    @property
    def uvicorn_s(self) -> int:
        """For what even that does not end: uvicorn's own limit, in whole seconds."""
        return math.ceil(self.cut_s) + 5


def listen_tcp(host: str, port: int) -> socket.socket:
    """Listen; port 0 takes a free one. Raises ConfigError saying what is in the way."""
    where = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        raise ConfigError(
            f"--host must be a name or an address of this machine, got {host!r}: {error.strerror}."
        ) from error
    except OSError as error:
        raise ConfigError(_why_not(where, port, error)) from error


def listen_unix(path: Path) -> socket.socket:
    """Listen on a socket file that only this user may open; a stale one is replaced."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        path.unlink(missing_ok=True)
        sock.bind(str(path))
        path.chmod(0o600)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"--socket cannot be {str(path)!r}: {error.strerror or error}."
        ) from error
    return sock


async def serve(
    app: ASGIApp,
    sock: socket.socket,
    *,
    on_listening: Callable[[], None] = lambda: None,
    limits: ConnectionLimits | None = None,
    patience: Patience | None = None,
) -> None:
    """Serve until a signal says stop, or the task is cancelled; then drain."""
    patience, drain = patience or Patience(), Drain()
    config = uvicorn_config(
        Draining(app, drain),
        limits or ConnectionLimits(),
        lifespan="off",
        timeout_graceful_shutdown=patience.uvicorn_s,
    )
    server = _Server(config, on_listening, drain, patience)
    with _stopped_by_signals(server):
        serving = asyncio.create_task(server.serve([sock]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.stop()
            await serving
            raise


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a process's only coroutine, on uvloop where there is one."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        asyncio.run(main)
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main)


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        on_listening: Callable[[], None],
        drain: Drain,
        patience: Patience,
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._drain = drain
        self._patience = patience

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()

    def stop(self) -> None:
        """Be no longer ready, at once, and shut down, in a moment."""
        self._drain.begin()
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        timers = [
            loop.call_later(self._patience.end_s, self._drain.end),
            loop.call_later(self._patience.cut_s, self._drain.cut),
        ]
        try:
            await super().shutdown(sockets)
        finally:
            for timer in timers:
                timer.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal again in the end, before anything of ours is closed."""
        yield


@contextmanager
def _stopped_by_signals(server: _Server) -> Iterator[None]:
    def stop(number: int) -> None:
        if server.should_exit and number == signal.SIGINT:
            server.force_exit = True
        server.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _why_not(where: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{who_listens(port) or 'Another program'} already listens on {where}. Stop it, or "
            "choose another --port (0 takes a free one)."
        )
    if error.errno == errno.EACCES:
        return f"This user may not listen on {where}. Choose a --port of 1024 or more."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where} is no address of this machine. --host 0.0.0.0 listens on all of them."
    return f"Listening on {where} is not possible: {os.strerror(error.errno or 0)}."
