"""A server that others wrote, as a process of its own until the end of the tests."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.e2e.processes import PATIENCE_S, environment

LOOK_AGAIN_S = 0.2


@contextmanager
def running(url: str, *command: str, log: Path, **variables: str) -> Iterator[None]:
    """Start the command and wait until `url` answers, whatever it says; end it in the end.

    log: where its output goes. variables: of its environment, beside ours.
    """
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**environment(), **variables}
        )
    try:
        while not _answers(url):
            assert process.poll() is None, log.read_text()[-3000:]
            time.sleep(LOOK_AGAIN_S)
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True
