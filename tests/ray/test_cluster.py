"""Two replicas of `tiny` on a Ray of this machine, by the real command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e.processes import PATIENCE_S, environment, serving

pytestmark = pytest.mark.ray

LISTENS = re.compile(r"serves on (http://\S+)")
REPLICA = "ray::ServeReplica:limner:engine"
LONG = {"prompt": "a red circle", "stream": True, "progress": True, "steps": 50, "n": 4}


class Cluster:
    """`limner cluster up` that has come up. url: of its Images API."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self.process = process
        self._environment = {**environment(), "HOME": str(home)}
        assert process.stdout is not None
        found = next(filter(None, map(LISTENS.search, process.stdout)), None)
        assert found, "it does not come up"
        self.url = found[1]

    @property
    def replicas(self) -> list[psutil.Process]:
        """Those that paint, by what Ray calls their processes."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if REPLICA in " ".join(_command_of(child))]

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`limner cluster …` of another terminal."""
        command = [sys.executable, "-m", "limner", "cluster", *words]
        return subprocess.run(
            command, capture_output=True, text=True, env=self._environment, timeout=PATIENCE_S
        )


def _command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def clustered(home: Path, *flags: str) -> Iterator[Cluster]:
    """A cluster of its own, none of whose processes outlives the body."""
    command = [sys.executable, "-m", "limner", "cluster", "up", "--port", "0", *flags]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**environment(), "HOME": str(home)},
        )
    family: list[psutil.Process] = []
    try:
        cluster = Cluster(process, home)
        family = psutil.Process(process.pid).children(recursive=True)
        yield cluster
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=PATIENCE_S)
        finally:
            for child in family:
                if child.is_running():
                    child.kill()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if not os.environ.get("LIMNER_RAY"):
        pytest.skip("a Ray is started by `make test-ray` only: it takes minutes")
    if not find_spec("ray"):
        pytest.skip("Ray is not installed; `make test-ray` installs it")
    if not find_spec("diffusers"):
        pytest.skip("the engine's packages are not installed")
    home = tmp_path_factory.mktemp("ray")
    with clustered(home, "--replicas", "2", "--threads", "1", "--steps", "50") as cluster:
        yield cluster


def until(is_so: Callable[[], bool], what: str) -> None:
    """Look again and again, for so long."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def test_it_is_ready_when_it_says_where_it_serves(cluster: Cluster) -> None:
    assert httpx.get(f"{cluster.url}/readyz").json()["status"] == "ready"
    assert len(cluster.replicas) == 2
    told = cluster.ask("status")
    assert (told.returncode, told.stdout) == (0, "2 running\n"), told.stderr


def test_a_stream_comes_through_in_pieces(cluster: Cluster) -> None:
    with httpx.stream(
        "POST", f"{cluster.url}/v1/images/generations", json=LONG, timeout=PATIENCE_S
    ) as reply:
        pieces = reply.iter_raw()
        assert b"completed" not in next(pieces), "the whole reply came at once"
        rest = b"".join(pieces)
    assert rest.count(b"event: image_generation.completed") == 4


def test_both_replicas_paint_at_the_same_time(cluster: Cluster) -> None:
    before = {each.pid: each.cpu_times().user for each in cluster.replicas}
    with serving(Path(_data(cluster)), *_in_front(cluster)) as server:
        ids = [_ordered(server.url, "a red circle") for _ in range(8)]
        for id in ids:
            assert _outcome(server.url, id)["status"] == "completed"
    spent = [each.cpu_times().user - before[each.pid] for each in cluster.replicas]
    assert min(spent) > 0.1 * max(spent), spent


def test_a_client_that_leaves_stops_the_replica_that_paints_for_it(cluster: Cluster) -> None:
    long = {**LONG, "n": 10}
    with httpx.stream("POST", f"{cluster.url}/v1/images/generations", json=long) as reply:
        next(reply.iter_raw())
    until(
        lambda: all(each.cpu_percent(0.3) < 30 for each in cluster.replicas),
        "a replica goes on painting",
    )


def test_a_replica_killed_in_mid_job_is_survived(cluster: Cluster) -> None:
    with serving(Path(_data(cluster)), *_in_front(cluster)) as server:
        ids = [_ordered(server.url, f"{number} red hearts") for number in range(6)]
        until(lambda: _status(server.url, ids[0])["status"] != "queued", "nothing begins")
        victim = cluster.replicas[0]
        victim.send_signal(signal.SIGKILL)
        for id in ids:
            job = _outcome(server.url, id)
            assert job["status"] == "completed", (job, server.log)
    until(lambda: len(cluster.replicas) == 2, "it is not replaced")
    assert victim.pid not in {each.pid for each in cluster.replicas}


def test_what_runs_is_replaced_from_elsewhere(cluster: Cluster) -> None:
    before = {each.pid for each in cluster.replicas}
    port = cluster.url.rpartition(":")[2]
    again = cluster.ask("up", "--ray", "auto", "--threads", "1", "--port", port)
    assert again.returncode == 0, again.stderr
    assert f"serves on {cluster.url}" in again.stdout
    assert "nothing answers" not in again.stderr
    until(lambda: len({each.pid for each in cluster.replicas} - before) == 1, "it is not replaced")
    too_many = cluster.ask("up", "--ray", "auto", "--replicas", "999", "--threads", "1")
    assert too_many.returncode == 2
    assert "Ask for fewer --replicas" in too_many.stderr


def test_more_replicas_come_when_more_is_asked_for(cluster: Cluster) -> None:
    port = cluster.url.rpartition(":")[2]
    flags = ("--ray", "auto", "--threads", "1", "--steps", "50", "--port", port)
    for replicas in ("1", "1-2"):
        up = cluster.ask("up", *flags, "--replicas", replicas)
        assert up.returncode == 0, up.stderr
    until(lambda: len(cluster.replicas) == 1, "there are more than the least")
    with serving(Path(_data(cluster)), "--image-backend", f"engine+{cluster.url}") as server:
        ids = [_ordered(server.url, "a red circle") for _ in range(8)]
        deadline = time.monotonic() + PATIENCE_S
        while len(cluster.replicas) < 2:
            assert time.monotonic() < deadline, "none comes"
            _outcome(server.url, ids.pop(0))
            ids.append(_ordered(server.url, "a red circle"))
        for id in ids:
            assert _outcome(server.url, id)["status"] == "completed"


def test_it_can_be_ended_from_elsewhere(cluster: Cluster) -> None:
    ended = cluster.ask("down")
    assert (ended.returncode, ended.stdout) == (0, "The replicas have ended.\n"), ended.stderr
    none = "There are no replicas of Limner's engine.\n"
    for word in ("status", "down"):
        told = cluster.ask(word)
        assert (told.returncode, told.stdout) == (1, none), told.stderr


def _in_front(cluster: Cluster) -> tuple[str, ...]:
    return ("--image-backend", f"engine+{cluster.url}", "--max-concurrent", "2")


def _data(cluster: Cluster) -> str:
    folder = Path(cluster._environment["HOME"]) / f"front-{time.monotonic_ns()}"
    folder.mkdir()
    return os.fspath(folder)


def _ordered(url: str, prompt: str) -> str:
    reply = httpx.post(f"{url}/generate/async", json={"prompt": prompt, "seed": 7})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["job_id"])


def _status(url: str, id: str) -> dict[str, Any]:
    job: dict[str, Any] = httpx.get(f"{url}/job/{id}").json()
    return job


def _outcome(url: str, id: str) -> dict[str, Any]:
    until(lambda: _status(url, id)["status"] in ("completed", "failed"), "a job does not end")
    return _status(url, id)
