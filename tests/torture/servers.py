"""Servers that are made to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.e2e.processes import BANNER
from tests.torture.world import World
from tests.torture.zygote import Zygote

PATIENCE_S = 60.0


@dataclass(slots=True)
class Server:
    """A process that serves. url: where. log: what it says."""

    pid: int
    log: Path
    url: str = ""

    @property
    def has_bugs(self) -> bool:
        """Whether it tells of one."""
        return "Traceback" in self.log.read_text()

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send the signal, and return when the process is no more."""
        exit = os.pidfd_open(self.pid)
        try:
            os.kill(self.pid, number)
            async with asyncio.timeout(PATIENCE_S):
                await _readable(exit)
        finally:
            os.close(exit)


@dataclass(frozen=True, slots=True)
class Site:
    """Where servers run. data: their folder. variables: of their environment, besides ours."""

    zygote: Zygote
    data: Path
    world: World
    variables: Mapping[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def server(self) -> AsyncIterator[Server]:
        """One that listens, and is killed in the end."""
        server = self.begin()
        try:
            await listening(server)
            yield server
        finally:
            await server.end()  # which does nothing to one that has ended: nobody reaps it

    def begin(self) -> Server:
        """A process that will listen, if nothing is in its way."""
        log = self.data.parent / f"log-{len(list(self.data.parent.glob('log-*')))}"
        log.touch()
        argv = ["serve", "--port", "0", "--data", str(self.data), "--max-queue", "500"]
        argv += ["--llm", self.world.model_url, "--image-backend", self.world.painter_url]
        argv += ["--max-concurrent", "4"]
        return Server(self.zygote.fork(argv, log, self.variables), log)


async def listening(server: Server) -> None:
    """Wait until it says where."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := BANNER.search(server.log.read_text())):
            assert _lives(server.pid), f"it does not serve: {server.log.read_text()}"
            await asyncio.sleep(0.01)
    server.url = found[1]


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def _readable(number: int) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(number, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(number)


def session(server: Server) -> aiohttp.ClientSession:
    """A client of a server that will be killed: each request has a connection of its own."""
    return aiohttp.ClientSession(
        server.url,
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(120),
    )
