"""The real command in its own process, and what a test must see of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

BANNER = re.compile(r"serves on (http://\S+)")
MIB = 2**20
PATIENCE_S = 120


class Server:
    """`limner serve` that listens. url: where. data: its folder. log: what it has written there."""

    def __init__(self, process: subprocess.Popen[str], data: Path, log: Path) -> None:
        self.process = process
        self.data = data
        self._log = log
        assert process.stdout is not None
        found = next(filter(None, map(BANNER.search, process.stdout)), None)
        assert found, f"it does not serve: {self.log}"
        self.url = found[1]

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def engine(self) -> psutil.Process:
        """The process of its engine; others of its children read pictures."""
        children = psutil.Process(self.process.pid).children()
        (engine,) = (child for child in children if "engine" in child.cmdline())
        return engine

    def engine_status(self) -> dict[str, object]:
        """What the engine says of itself on its private socket."""
        (socket,) = self.data.glob("run-*/engine.sock")
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket))) as client:
            status: dict[str, object] = client.get("http://engine/status").json()
            return status

    def memory(self) -> int:
        """Bytes that server and engine hold together."""
        processes = [psutil.Process(self.process.pid), self.engine]
        return sum(int(process.memory_info().rss) for process in processes)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


def ready(server: Server) -> Server:
    """Wait until it can paint; it listens before."""
    deadline = time.monotonic() + PATIENCE_S
    while httpx.get(f"{server.url}/readyz").status_code != 200:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.1)
    return server


def environment() -> dict[str, str]:
    """Ours, without settings of Limner's that happen to be here."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LIMNER_", "IMAGE_GEN_"))
    }
    return {**kept, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}


@contextmanager
def serving(folder: Path, *flags: str, **variables: str) -> Iterator[Server]:
    """A server on a free port, with these variables set, which ends in the end."""
    data, log = folder / "data", folder / "log"
    command = [sys.executable, "-m", "limner", "serve", "--port", "0", "--data", str(data), *flags]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            env={**environment(), **variables},
        )
    try:
        yield Server(process, data, log)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE_S)
