"""Ends that nobody wished for, of the engine and of the server, and the one that was."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from openai.types.responses import ResponseCompletedEvent

from tests.e2e.clients import client_of
from tests.e2e.processes import PATIENCE_S, serving

LONG = {"prompt": "a red circle", "stream": True, "progress": True, "steps": 50, "n": 10}


def data_of(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def run_folders(data: Path) -> list[str]:
    """What is there of a server's time, besides what it keeps."""
    return [name for name in os.listdir(data) if name.startswith("run-")]


def test_a_killed_engine_fails_its_picture_by_name_and_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        address = f"{server.url}/v1/images/generations"
        with httpx.stream("POST", address, json=LONG, timeout=PATIENCE_S) as response:
            events = data_of(response)
            assert next(events)["type"] == "image_generation.progress"
            first = server.engine
            first.send_signal(signal.SIGKILL)
            *_, last = events
        assert last["error"]["code"] == "engine_crashed", last
        # Asked while the next engine loads, and answered by it.
        assert client_of(server.url).images.generate(prompt="a red circle").data
        assert server.engine.pid != first.pid
        assert "SIGKILL" in server.log


def test_a_killed_server_takes_its_engine_along_and_the_next_one_sweeps(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        engine = server.engine
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
        engine.wait(PATIENCE_S)
        assert len(run_folders(server.data)) == 1, "nobody was left to clean up"
    with serving(tmp_path) as server:
        (left,) = run_folders(server.data)
        assert server.end() == 0
        assert run_folders(server.data) == [], left


def test_sigterm_lets_what_has_begun_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        client = client_of(server.url)
        stream = client.responses.create(
            model="limner",
            input="draw a red circle",
            tools=[{"type": "image_generation", "partial_images": 1}],
            stream=True,
        )
        events = iter(stream)
        next(event for event in events if event.type.endswith("partial_image"))
        engine = server.engine
        server.process.send_signal(signal.SIGTERM)
        *_, last = events
        assert isinstance(last, ResponseCompletedEvent)
        assert last.response.output_text
        assert server.process.wait(PATIENCE_S) == 0
        assert not engine.is_running()
        assert run_folders(server.data) == []
        assert "Traceback" not in server.log


def test_the_server_lives_from_its_first_second_and_says_what_it_waits_for(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert httpx.get(f"{server.url}/livez").json() == {"status": "live"}
        ready = httpx.get(f"{server.url}/readyz")
        assert ready.status_code == 503
        assert ready.json()["status"] == "loading"


def test_a_model_that_is_not_there_is_named_and_words_go_on(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "/nowhere/model") as server:
        client = client_of(server.url)
        response = client.responses.create(
            model="limner", input="draw a red circle", tools=[{"type": "image_generation"}]
        )
        call, message = response.output
        assert call.type == "image_generation_call"
        assert call.status == "failed"
        assert message.type == "message"
        assert "/nowhere/model" in httpx.get(f"{server.url}/readyz").text
