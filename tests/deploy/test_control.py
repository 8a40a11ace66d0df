"""`control.sh` over the real command, on a machine without Docker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from limner.app.vllm import free_port

SCRIPT = Path(__file__).parents[2] / "deploy" / "control.sh"
NOT_RUNNING = 3


def control(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of a server that paints nothing, and so starts at once."""
    own = {
        "CONTROL": "plain",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CONTROL_STATE": str(tmp_path / "state"),
        "LIMNER_DATA": str(tmp_path / "data"),
        "LIMNER_IMAGE_BACKEND": "none",
        "IMAGE_GEN_PORT": str(free_port()),
    }
    yield own
    control(own, "image", "stop")


def test_it_starts_tells_and_stops(environment: dict[str, str]) -> None:
    started = control(environment, "image", "start")
    assert started.returncode == 0, started.stderr
    assert f"+ limner serve --port {environment['IMAGE_GEN_PORT']}" in started.stderr
    assert "listening on http://127.0.0.1:" in started.stdout
    status = control(environment, "image", "status")
    assert status.returncode == 0
    assert '"images"' in status.stdout
    assert "serves on http://127.0.0.1:" in control(environment, "image", "logs").stdout
    assert "already running" in control(environment, "image", "start").stdout
    stopped = control(environment, "image", "stop")
    assert stopped.returncode == 0
    assert "stopped" in stopped.stdout
    assert control(environment, "image", "status").returncode == NOT_RUNNING


def test_it_does_not_take_another_server_for_its_own(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert control(environment, "image", "start").returncode == 0
    second = {**environment, "CONTROL_STATE": str(tmp_path / "other")}
    refused = control(second, "image", "start")
    assert refused.returncode == 1
    assert f"answers on port {environment['IMAGE_GEN_PORT']}" in refused.stderr


def test_it_says_why_a_server_ended_at_once(environment: dict[str, str]) -> None:
    refused = control({**environment, "LIMNER_DEVICE": "abacus"}, "image", "start")
    assert refused.returncode == 1
    assert "it ended at once" in refused.stderr
    assert "abacus" in refused.stderr


@pytest.mark.parametrize("words", [[], ["image"], ["image", "dance"], ["llm", "start"]])
def test_it_refuses_words_that_it_does_not_know(words: list[str]) -> None:
    refused = control({}, *words)
    assert refused.returncode == 2
    assert "usage:" in refused.stderr


def test_the_linter_of_shells_finds_nothing() -> None:
    linter = shutil.which("shellcheck")
    if linter is None:
        pytest.skip("shellcheck is not installed")
    subprocess.run([linter, str(SCRIPT)], check=True)
