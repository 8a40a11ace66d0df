"""A server whose system calls are written down while clients ask it for everything."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.e2e.processes import environment
from tests.torture.disk import STRACE, Call
from tests.torture.load import Load
from tests.torture.servers import Server, listening, session
from tests.torture.world import World

_ID = re.compile(rb'"(?:id|job_id)":"((?:resp_|conv_|file-)?[0-9a-f]{32,48})"')
_END = re.compile(
    rb'^event: response\.(?:completed|incomplete|failed)\n.*?"id":"(resp_\w+)".*?"status":"(\w+)"',
    re.MULTILINE | re.DOTALL,
)


def can_record() -> None:
    """Skip the test where there is no strace, or it may not trace."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode:
        pytest.skip("strace may not trace here")


async def record(folder: Path, around: World, program: Sequence[str], count: int) -> Path:
    """The calls of a server below `folder/disk`, whose data is in `folder/disk/data`.

    program: a module of Python with its first arguments, which runs `limner`. count: how much the
    server acknowledges before it is killed.
    """
    disk, found, log = folder / "disk", folder / "calls", folder / "log"
    disk.mkdir(parents=True)
    argv = ["serve", "--port", "0", "--data", str(disk / "data"), "--max-queue", "500"]
    argv += ["--llm", around.model_url, "--image-backend", around.painter_url]
    with log.open("w") as output:
        tracer = subprocess.Popen(
            [*STRACE, str(found), sys.executable, "-m", *program, *argv],
            stdout=output,
            stderr=output,
            env=environment(),
        )
    server = Server(tracer.pid, log)
    try:
        await listening(server)
        async with session(server) as http:
            load = Load(http, folder.name, deletes=False)
            asking = asyncio.create_task(load.run())
            while load.ledger.acknowledged < count:
                assert not asking.done(), asking.exception()
                await asyncio.sleep(0.05)
            _kill_below(tracer.pid)
            await asking
    finally:
        _kill_below(tracer.pid)
        tracer.wait(60)
    return found


def _kill_below(tracer: int) -> None:
    for child in psutil.Process(tracer).children(recursive=True):
        child.send_signal(signal.SIGKILL)


@dataclass(slots=True)
class Acknowledged:
    """What has left the server's sockets. ids: of anything. ends: of responses, by id."""

    ids: set[str] = field(default_factory=set)
    ends: dict[str, str] = field(default_factory=dict)

    def note(self, call: Call) -> None:
        if call.path.startswith("socket:"):
            self.ids |= {id.decode() for id in _ID.findall(call.data)}
            for id, status in _END.findall(call.data):
                self.ends[id.decode()] = status.decode()
