"""vLLM's own server as a child: its command, its port, its health, and all its routes behind ours.

vLLM cannot see the end of this process, so it is started by `limner.app.dependent`.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp

from limner.app.http import serve
from limner.app.process import settle_garbage
from limner.app.server import open_server
from limner.config import Settings
from limner.core.errors import ConfigError
from limner.core.readiness import Readiness
from limner.gateway.supervisor import Patience, Supervisor
from limner.server.relay import relay_route
from limner.server.relay_socket import relay_socket_route

PATIENCE = Patience(loading_probe_s=1.0, silence_s=3600.0, stop_s=30.0, ends_loading_gently=True)
"""Large models load for many minutes, and answer nothing until they have."""

PROBE_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class VllmCommand:
    """model: as `vllm serve` takes it. arguments: further ones, untouched. port: on loopback."""

    model: str
    arguments: tuple[str, ...]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def words(self) -> list[str]:
        """The whole command; raises ConfigError where vLLM is not installed."""
        program = shutil.which("vllm")
        if program is None:
            raise ConfigError(
                "The command vllm is not found. Install vLLM (docs.vllm.ai says how on each kind "
                "of machine), or let --llm of `limner serve` name a server that runs elsewhere."
            )
        address = ("--host", "127.0.0.1", "--port", str(self.port))
        ended = (sys.executable, "-m", "limner.app.dependent")
        return [*ended, program, "serve", self.model, *self.arguments, *address]


def free_port() -> int:
    """One that nobody has just now; vLLM takes no socket that listens already."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


async def run_vllm(
    settings: Settings,
    command: VllmCommand,
    sock: socket.socket,
    *,
    on_line: Callable[[str], None],
    on_listening: Callable[[], None],
) -> None:
    """Serve until a signal says stop; vLLM runs as long.

    on_line: gets what vLLM writes. Raises ConfigError when vLLM refuses its arguments.
    """
    limits = aiohttp.ClientTimeout(total=None, sock_connect=PROBE_TIMEOUT_S)
    async with aiohttp.ClientSession(
        timeout=limits,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=0),
    ) as session:
        child = _Child(command, session, on_line)
        routes = [
            relay_socket_route(session, command.url, lambda: child.readiness),
            relay_route(session, command.url, lambda: child.readiness),
        ]
        parts = {"vllm": lambda: child.readiness}
        async with (
            open_server(settings, routes=routes, readiness=parts, by_their_names=True) as app,
            child.supervisor.run(),
        ):

            def listening() -> None:
                settle_garbage()
                on_listening()

            serving = asyncio.create_task(serve(app, sock, on_listening=listening))
            refused = asyncio.create_task(child.supervisor.refused())
            try:
                await asyncio.wait([serving, refused], return_when=asyncio.FIRST_COMPLETED)
                if refused.done():
                    raise ConfigError(f"{refused.result()}. `vllm serve --help=all` lists flags.")
                await serving
            finally:
                for task in (refused, serving):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task


class _Child:
    def __init__(
        self, command: VllmCommand, session: aiohttp.ClientSession, on_line: Callable[[str], None]
    ) -> None:
        self._health = f"{command.url}/health"
        self._session = session
        self._on_line = on_line
        self._last_line = "it starts"
        self.supervisor = Supervisor(
            command.words,
            self._probe,
            on_line=self._note,
            patience=PATIENCE,
            name="model-server",
        )

    @property
    def readiness(self) -> Readiness:
        """While it loads, in its own last words: it tells no share of the work."""
        found = self.supervisor.readiness
        if found.state != "loading":
            return found
        return Readiness("loading", f"vLLM loads: {self._last_line}")

    def _note(self, line: str) -> None:
        self._last_line = line.strip() or self._last_line
        self._on_line(line)

    async def _probe(self) -> Readiness:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S), self._session.get(self._health) as answer:
                status = answer.status
        except aiohttp.ClientError as error:
            raise OSError(str(error)) from error
        if status != 200:
            raise OSError(f"GET /health answers {status}")
        return Readiness("ready", "vLLM serves", 1.0)
