"""The job API, as its clients use it, and the command that needs no server."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path

import httpx
from PIL import Image

from tests.e2e.processes import PATIENCE_S, Server, environment

HEART = {"prompt": "a red heart", "width": 512, "height": 256, "seed": 42}


def test_a_blocking_job_answers_with_the_picture(server: Server) -> None:
    reply = httpx.post(f"{server.url}/generate", json=HEART, timeout=PATIENCE_S)
    job = reply.json()
    assert reply.status_code == 200
    assert (job["success"], job["seed"], job["width"], job["height"]) == (True, 42, 512, 256)
    picture = Image.open(io.BytesIO(base64.b64decode(job["image_base64"])))
    assert (picture.format, picture.size) == ("PNG", (512, 256))
    again = httpx.get(f"{server.url}/job/{job['job_id']}/image")
    assert again.content == base64.b64decode(job["image_base64"])


def test_a_job_in_the_background_is_fetched_when_it_is_done(server: Server) -> None:
    job = httpx.post(f"{server.url}/generate/async", json=HEART).json()
    assert job["status"] == "queued"
    # Jobs are painted in order, so this one ends after it.
    httpx.post(f"{server.url}/generate", json=HEART, timeout=PATIENCE_S)
    assert httpx.get(f"{server.url}/job/{job['job_id']}").json()["status"] == "completed"
    result = httpx.get(f"{server.url}/job/{job['job_id']}/result").json()
    image = httpx.get(f"{server.url}/job/{job['job_id']}/image")
    assert base64.b64decode(result["image_base64"]) == image.content
    assert image.headers["content-type"] == "image/png"


def test_health_and_info_tell_what_paints(server: Server) -> None:
    httpx.post(f"{server.url}/generate", json=HEART, timeout=PATIENCE_S)
    health = httpx.get(f"{server.url}/health")
    assert health.status_code == 200
    assert health.json()["status"] == "healthy"
    assert (health.json()["model"], health.json()["device"]) == ("tiny", "cpu")
    info = httpx.get(f"{server.url}/info").json()
    assert (info["model"], info["inference_steps"]) == ("tiny", 9)
    assert [1280, 720] in info["supported_sizes"]


def generate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "limner", "generate", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def test_the_command_paints_without_a_server(tmp_path: Path) -> None:
    ran = generate(tmp_path, "a red heart", "-o", "heart.png", "--seed", "3", "--size", "160x96")
    assert ran.returncode == 0, ran.stderr
    assert "heart.png: 160x96, seed 3" in ran.stderr
    assert ran.stdout == ""
    with Image.open(tmp_path / "heart.png") as picture:
        assert picture.size == (160, 96)


def test_the_command_lets_a_server_paint(server: Server, tmp_path: Path) -> None:
    flags = ("--server", server.url, "--seed", "3", "--n", "2", "-o", "heart.webp")
    ran = generate(tmp_path, "a red heart", *flags)
    assert ran.returncode == 0, ran.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"heart-1.webp", "heart-2.webp"}
    with Image.open(tmp_path / "heart-1.webp") as picture:
        assert picture.format == "WEBP"


def test_the_command_says_what_went_wrong(server: Server, tmp_path: Path) -> None:
    ran = generate(tmp_path, "a cat", "--server", server.url, "--size", "9000x16")
    assert ran.returncode == 1
    assert ran.stderr.startswith('limner: Invalid value: "9000x16".')
    assert list(tmp_path.iterdir()) == []
