"""The server without its engine: what it offers, refuses and says of itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from limner.app import server as app_server
from limner.app.painting import Easel
from limner.app.server import open_server
from limner.config import load
from limner.core.errors import ConfigError

ORDER = {"model": "limner", "input": "draw a cat", "tools": [{"type": "image_generation"}]}


@asynccontextmanager
async def client_of(
    flags: dict[str, str], environ: dict[str, str] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    async with open_server(load({"store": "memory", **flags}, environ or {})) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


async def test_where_nothing_paints_every_door_says_so() -> None:
    async with client_of({"image_backend": "none"}) as client:
        refused = await client.post("/v1/responses", json=ORDER)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "image_generation_disabled"
        images = await client.post("/v1/images/generations", json={"prompt": "a cat"})
        assert images.json()["error"]["code"] == "image_generation_disabled"
        job = await client.post("/generate", json={"prompt": "a cat"})
        assert (job.status_code, job.json()["success"]) == (503, False)
        assert "--image-backend none" in job.json()["error"]
        health = await client.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "absent")


async def test_words_need_no_painter() -> None:
    async with client_of({"image_backend": "none"}) as client:
        reply = await client.post("/v1/responses", json={"model": "limner", "input": "hello"})
        assert reply.json()["status"] == "completed"
        assert (await client.get("/readyz")).status_code == 200
        models = (await client.get("/v1/models")).json()["data"]
        assert [model["id"] for model in models] == ["limner"]


async def test_keys_are_asked_for_at_every_door_but_health() -> None:
    environ = {"LIMNER_API_KEYS": "sk-one,sk-two"}
    async with client_of({"image_backend": "none"}, environ) as client:
        assert (await client.get("/livez")).status_code == 200
        for path in ("/v1/models", "/info", "/job/1"):
            assert (await client.get(path)).status_code == 401
        key = {"Authorization": "Bearer sk-two"}
        assert (await client.get("/v1/models", headers=key)).status_code == 200


async def test_an_images_api_elsewhere_is_listed_under_its_model() -> None:
    flags = {"image_backend": "http://127.0.0.1:1/v1", "model": "gpt-image-1"}
    async with client_of(flags, {"LIMNER_LLM_URL": "http://127.0.0.1:1"}) as client:
        models = (await client.get("/v1/models")).json()["data"]
        assert [model["id"] for model in models] == ["limner", "gpt-image-1"]
        failed = await client.post("/v1/images/generations", json={"prompt": "a cat"})
        assert failed.json()["error"]["code"] == "image_back_end_unreachable"


async def test_the_jobs_defaults_are_the_operator_s() -> None:
    environ = {"IMAGE_GEN_DEFAULT_WIDTH": "512", "IMAGE_GEN_DEFAULT_HEIGHT": "768"}
    async with client_of({"image_backend": "none"}, environ) as client:
        info = (await client.get("/info")).json()
        assert (info["default_width"], info["default_height"]) == (512, 768)


async def test_without_the_engine_s_packages_it_serves_words_unless_the_engine_was_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_server, "missing_packages", lambda: ["torch"])
    async with client_of({}) as client:
        assert "pip install 'limner[engine]'" in (await client.get("/health")).text
    with pytest.raises(ConfigError, match=r"torch.*pip install 'limner\[engine\]'"):
        async with client_of({"image_backend": "engine"}):
            pass


def test_an_engine_without_its_packages_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limner.app.painting.ENGINE_PACKAGES", ("no_such_torch",))
    with pytest.raises(ConfigError, match="The engine needs no_such_torch"):
        Easel(load({}, {}))


async def test_a_data_folder_that_cannot_be_is_named(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    file = tmp_path_factory.mktemp("s") / "file"  # short enough to have a socket below it
    file.touch()
    with pytest.raises(ConfigError, match="--data must be a folder"):
        async with client_of({"data": str(file / "data")}):
            pass


def test_the_server_s_process_never_imports_what_the_engine_needs() -> None:
    program = "import sys, limner.app.server, limner.cli.serve; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"torch", "diffusers", "transformers", "numpy", "PIL"} & set(ran.stdout.split())
