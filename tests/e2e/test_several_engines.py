"""`limner engine` with several devices, behind a server elsewhere."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from tests.e2e.processes import PATIENCE_S, environment, serving

LISTENS = re.compile(r"listens on (http://\S+)")


def started(folder: Path, *flags: str) -> tuple[subprocess.Popen[str], Path]:
    log = folder / "engine.log"
    command = [sys.executable, "-m", "limner", "engine", "--port", "0", *flags]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=output, text=True, env=environment()
        )
    return process, log


def test_two_engines_paint_behind_one_address_and_end_together(tmp_path: Path) -> None:
    process, log = started(tmp_path, "--device", "cpu,cpu")
    try:
        assert process.stdout is not None
        found = LISTENS.search(process.stdout.readline())
        assert found, log.read_text()
        parts: dict[str, dict[str, str]] = {}
        deadline = time.monotonic() + PATIENCE_S
        while {part["state"] for part in parts.values()} != {"ready"}:
            assert time.monotonic() < deadline, log.read_text()
            told = httpx.get(f"{found[1]}/readyz").json()["parts"]["engine"]
            parts = told["parts"]
        assert parts.keys() == {"engine-0", "engine-1"}
        with serving(tmp_path, "--image-backend", f"engine+{found[1]}") as server:
            body = {"prompt": "a red circle", "seed": 7}
            address = f"{server.url}/v1/images/generations"
            reply = httpx.post(address, json=body, timeout=PATIENCE_S).json()
        assert reply["limner"]["seed"] == 7
        engines = [
            child
            for child in psutil.Process(process.pid).children()
            if "--with-parent" in child.cmdline()
        ]
        assert len(engines) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert not any(engine.is_running() for engine in engines)
    finally:
        process.kill()
        process.communicate()


def test_where_no_device_can_be_used_it_ends_and_says_so(tmp_path: Path) -> None:
    process, log = started(tmp_path, "--device", "cuda:62,cuda:63")
    try:
        assert process.wait(PATIENCE_S) == 2, log.read_text()
        *_, last = log.read_text().strip().splitlines()
        assert last.startswith("limner: the engine cannot start: device 'cuda:6")
    finally:
        process.kill()
        process.communicate()
