"""`limner demo`, as a newcomer types it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.e2e.processes import PATIENCE_S, environment

USUAL_PORT = 8034


@contextmanager
def demo(folder: Path, *flags: str, **variables: str) -> Iterator[tuple[str, str]]:
    """What it says until it is done saying, and where it serves; it is interrupted in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "limner", "demo", *flags],
        stdout=subprocess.PIPE,
        text=True,
        env={**environment(), "HOME": str(folder), "TMPDIR": str(folder), **variables},
    )
    try:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said and (line := process.stdout.readline()):
            said += line
        found = re.search(r"serves on (http://\S+)", said)
        assert found, said
        yield said, found[1]
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()


def test_it_serves_page_and_api_and_what_it_says_to_try_works(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0") as (said, url):
        assert "<html" in httpx.get(f"{url}/", headers={"accept": "text/html"}).text
        typed = said.partition("try:")[2].partition("  keeps:")[0]
        ran = subprocess.run(
            ["bash", "-c", typed], capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
    assert ran.stdout.count("event: response.image_generation_call.partial_image") == 2
    assert "event: response.completed" in ran.stdout
    left = {path.name for path in tmp_path.iterdir()}
    assert not any(name.startswith(("limner-demo", ".local")) for name in left)


def test_it_takes_a_free_port_and_opens_a_browser_there(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # somebody else has it, which is as good
            other.bind(("127.0.0.1", USUAL_PORT))
            other.listen()
        with demo(tmp_path, BROWSER=f"{browser} %s") as (_, url):
            assert not url.endswith(f":{USUAL_PORT}")
            until = time.monotonic() + PATIENCE_S
            while not opened.exists() and time.monotonic() < until:
                time.sleep(0.05)
    assert opened.read_text() == f"{url}\n"


def test_it_opens_no_browser_where_none_is_wanted(tmp_path: Path) -> None:
    browser = f"touch {tmp_path}/opened %s"
    with demo(tmp_path, "--no-browser", "--port", "0", BROWSER=browser) as (said, _):
        assert "chat:" in said
    assert not (tmp_path / "opened").exists()
