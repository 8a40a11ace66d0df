"""Jobs through `kill -9` of the server: nothing accepted is lost, nothing is paid for twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from limner.wire import json
from limner.wire.pictures import to_base64
from tests.e2e.processes import PATIENCE_S, Server, serving
from tests.pictures import picture, unmarked

KILLS = int(os.environ.get("LIMNER_TEST_KILLS", "4"))
OVER = ("completed", "failed", "cancelled")


class PaidService:
    """An Images API on loopback that counts what it is asked, and paints when it may.

    asked: how often each prompt came. may_paint: unset, it lets its callers wait.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.may_paint = threading.Event()
        self.arrived = threading.Event()
        self.pause_s = 0.0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.load(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked[body["prompt"]] += 1
                service.arrived.set()
                service.may_paint.wait(PATIENCE_S)
                time.sleep(service.pause_s)
                reply = json.dump({"created": 1, "data": [{"b64_json": to_base64(picture())}]})
                with suppress(ConnectionError):  # who asked may be dead
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(reply)))
                    self.end_headers()
                    self.wfile.write(reply)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @contextmanager
    def running(self) -> Iterator[PaidService]:
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self.may_paint.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


@pytest.fixture
def service() -> Iterator[PaidService]:
    with PaidService().running() as service:
        yield service


def submit(server: Server, prompt: str, **fields: Any) -> str:
    reply = httpx.post(f"{server.url}/generate/async", json={"prompt": prompt, **fields})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["job_id"])


def ended(server: Server, id: str) -> dict[str, Any]:
    """The job when it is over."""
    for _ in range(PATIENCE_S * 20):
        reply = httpx.get(f"{server.url}/job/{id}")
        assert reply.status_code == 200, reply.text
        job: dict[str, Any] = reply.json()
        if job["status"] in OVER:
            return job
        time.sleep(0.05)
    raise AssertionError(f"{job} does not end: {server.log}")


def test_a_paid_picture_is_asked_for_once_whatever_happens(
    service: PaidService, tmp_path: Path
) -> None:
    flags = ("--image-backend", service.url, "--max-concurrent", "1")
    with serving(tmp_path, *flags) as server:
        ids = {prompt: submit(server, prompt) for prompt in ("first", "second", "third")}
        assert service.arrived.wait(PATIENCE_S)
        server.end(signal.SIGKILL)
    service.may_paint.set()
    with serving(tmp_path, *flags) as server:
        jobs = {prompt: ended(server, id) for prompt, id in ids.items()}
        lost = httpx.get(f"{server.url}/job/{ids['first']}/result")
        image = httpx.get(f"{server.url}/job/{ids['third']}/image")
    assert [job["status"] for job in jobs.values()] == ["failed", "completed", "completed"]
    assert "is not known" in lost.json()["error"]
    assert unmarked(image.content) == picture().content
    assert service.asked == {"first": 1, "second": 1, "third": 1}


def test_a_picture_of_our_own_engine_is_painted_again(tmp_path: Path) -> None:
    size = {"width": 256, "height": 256, "seed": 7}
    with serving(tmp_path) as server:
        ids = [submit(server, f"{number} red hearts", **size) for number in range(3)]
        while httpx.get(f"{server.url}/job/{ids[0]}").json()["status"] == "queued":
            time.sleep(0.02)
        server.end(signal.SIGKILL)
    with serving(tmp_path) as server:
        assert [ended(server, id)["status"] for id in ids] == ["completed"] * 3
        images = [httpx.get(f"{server.url}/job/{id}/image").content for id in ids]
    assert len(set(images)) == 3


def test_a_job_whose_engine_is_killed_is_painted_by_the_next_one(tmp_path: Path) -> None:
    with serving(tmp_path, "--steps", "50") as server:
        while httpx.get(f"{server.url}/readyz").status_code != 200:
            time.sleep(0.05)
        id = submit(server, "a red heart", width=2048, height=2048)
        while httpx.get(f"{server.url}/job/{id}").json()["status"] == "queued":
            pass
        engine = server.engine
        engine.send_signal(signal.SIGKILL)
        assert ended(server, id)["status"] == "completed"
        assert server.engine.pid != engine.pid


def test_a_server_that_stops_leaves_its_queue_to_the_next(
    service: PaidService, tmp_path: Path
) -> None:
    flags = ("--image-backend", service.url, "--max-concurrent", "1")
    with serving(tmp_path, *flags) as server:
        under_way = submit(server, "under way")
        assert service.arrived.wait(PATIENCE_S)
        waiting = submit(server, "waiting")
        server.process.terminate()
        service.may_paint.set()
        assert server.process.wait(PATIENCE_S) == 0
    with serving(tmp_path, *flags) as server:
        ends = [ended(server, id)["status"] for id in (under_way, waiting)]
    assert ends == ["completed", "completed"]
    assert service.asked == {"under way": 1, "waiting": 1}


class Ledger(threading.Thread):
    """A client under load: what was acknowledged to it, by prompt. Servers may die under it."""

    def __init__(self, server: Server, first: int) -> None:
        super().__init__()
        self.acknowledged: dict[str, str] = {}
        self._server = server
        self._number = first

    def run(self) -> None:
        with suppress(httpx.TransportError), httpx.Client(base_url=self._server.url) as client:
            while True:
                prompt = f"picture {self._number}"
                self._number += 1
                reply = client.post("/generate/async", json={"prompt": prompt})
                if reply.status_code == 200:
                    self.acknowledged[prompt] = reply.json()["job_id"]


def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(
    service: PaidService, tmp_path: Path
) -> None:
    service.may_paint.set()
    service.pause_s = 0.02
    flags = ("--image-backend", service.url, "--max-concurrent", "3", "--max-queue", "500")
    acknowledged: dict[str, str] = {}
    chance = random.Random(0)
    for cycle in range(KILLS):
        with serving(tmp_path, *flags) as server:
            ledger = Ledger(server, first=1000 * cycle)
            ledger.start()
            time.sleep(chance.uniform(0.2, 0.7))
            server.end(signal.SIGKILL)
            ledger.join()
        assert ledger.acknowledged, "a kill without work shows nothing"
        acknowledged |= ledger.acknowledged
    with serving(tmp_path, *flags) as server:
        ends = {prompt: ended(server, id) for prompt, id in acknowledged.items()}
        unknown = [prompt for prompt, job in ends.items() if job["status"] == "failed"]
        for prompt in unknown:
            assert "is not known" in ends[prompt]["error"]
    assert {job["status"] for job in ends.values()} <= {"completed", "failed"}
    assert len(unknown) <= 3 * KILLS
    assert set(acknowledged) - set(unknown) <= set(service.asked)
    assert max(service.asked.values()) == 1
