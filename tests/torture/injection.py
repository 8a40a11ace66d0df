"""Faults of the kernel, put before a server by strace."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.torture.ledger import PATIENCE_S
from tests.torture.servers import Server


@asynccontextmanager
async def injected(server: Server, call: str, fault: str) -> AsyncIterator[None]:
    """A server that meets a fault at a system call, until it ends, which the body has to see to.

    fault: in strace's words, such as `signal=SIGKILL:when=3`, for the third call of a thread.
    """
    strace = shutil.which("strace")
    assert strace
    tracer = await asyncio.create_subprocess_exec(
        *(strace, "-f", "-qq", "-o", "/dev/null", "-p", str(server.pid)),
        *("-e", f"trace={call}", "-e", f"inject={call}:{fault}"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not _is_traced(server.pid):
                await asyncio.sleep(0.01)
        yield
    finally:
        await tracer.wait()


def _is_traced(pid: int) -> bool:
    """Whether all of its threads are; a process that the fault has already ended counts as such."""
    try:
        threads = [thread.read_text() for thread in Path(f"/proc/{pid}/task").glob("*/status")]
    except (FileNotFoundError, ProcessLookupError):  # one has ended meanwhile
        return False
    alive = [thread for thread in threads if "State:\tZ" not in thread]
    return not any("TracerPid:\t0\n" in thread for thread in alive)
