"""`limner vllm serve` with a stand-in for vLLM on the PATH."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from yarl import URL

from limner.app.vllm import VllmCommand
from limner.cli.vllm import OURS, REFUSED, behind, check_arguments, serve, served_name
from limner.config import TABLE, Settings
from limner.core.errors import ConfigError
from limner.wire.pictures import to_base64
from tests.e2e.processes import BANNER, environment
from tests.pictures import picture

PATIENCE_S = 40
STAND_IN = Path(__file__).with_name("stand_in_vllm.py")
FLAGS = (Path(__file__).parent / "vllm_flags.txt").read_text().split("\n\n")[1].split()
"""Of the public argument list; see the head of the file."""

SHARED = frozenset({"--host", "--port"})


class Running:
    """`limner vllm serve` that listens. folder: of the stand-in and its notes."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, http: httpx.AsyncClient):
        self.process = process
        self.folder = folder
        self.http = http

    async def until(self, name: str) -> None:
        """Wait for a note of the stand-in."""
        async with asyncio.timeout(PATIENCE_S):
            while not (self.folder / name).exists():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    async def answers(self, path: str, status: int) -> httpx.Response:
        """Ask until it answers so."""
        async with asyncio.timeout(PATIENCE_S):
            while (  # noqa: ASYNC110 - another process
                answer := await self.http.get(path)
            ).status_code != status:
                await asyncio.sleep(0.05)
        return answer

    async def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


def installed(folder: Path) -> dict[str, str]:
    """An environment with the stand-in as the command vllm."""
    program = folder / "vllm"
    program.write_text(f"#!{sys.executable}\n{STAND_IN.read_text()}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {**environment(), "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


async def started(folder: Path, *arguments: str, **environ: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "limner", "vllm", "serve", *arguments),
        env={**installed(folder), "LIMNER_DATA": str(folder / "data"), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@asynccontextmanager
async def running(folder: Path, *arguments: str, **environ: str) -> AsyncIterator[Running]:
    paints = "--image-service-config" in arguments
    flags = ("--port", "0", *(() if paints else ("--image-backend", "none")))
    process = await started(folder, "some/model", *flags, *arguments, **environ)
    assert process.stdout is not None
    found, seen = None, b""
    async with asyncio.timeout(PATIENCE_S):
        while not found:
            line = await process.stdout.readline()
            seen += line
            assert line, seen.decode()
            found = BANNER.search(line.decode())
    draining = asyncio.create_task(process.stdout.read())
    try:
        async with httpx.AsyncClient(base_url=found[1], timeout=PATIENCE_S) as http:
            yield Running(process, folder, http)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        await draining


async def test_it_loads_honestly_serves_relays_and_ends(tmp_path: Path) -> None:
    async with running(tmp_path, "--max-model-len", "64", "--kv-cache-dtype=auto") as limner:
        await limner.until("argv")
        answer = await limner.answers("/tokenize", 503)
        await limner.answers("/readyz", 503)
        assert int(answer.headers["retry-after"]) > 0
        (tmp_path / "go").touch()
        await limner.answers("/readyz", 200)
        argv = json.loads((tmp_path / "argv").read_text())
        assert argv[:-1] == [
            *("serve", "some/model", "--max-model-len", "64", "--kv-cache-dtype=auto"),
            *("--host", "127.0.0.1", "--port"),
        ]
        reply = await limner.http.post("/v1/responses", json={"model": "any", "input": "hello"})
        assert reply.json()["output"][0]["content"][0]["text"] == "Served by some/model."
        assert await limner.end() == 0
        assert (tmp_path / "ended").exists()


async def test_other_routes_of_vllm_pass_both_ways_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def body() -> AsyncIterator[bytes]:
        while piece := await heard.get():
            yield piece

    headers = {"X-Mine": "1", "Authorization": "Bearer k", "Content-Type": "text/x"}
    async with running(tmp_path, LIMNER_API_KEYS="k") as limner:
        await limner.answers("/readyz", 200)
        assert (await limner.http.post("/score")).status_code == 401
        await heard.put(b"first")
        url = URL(f"{limner.http.base_url.join('/')}a%2Fb?c=%20d", encoded=True)
        async with (
            asyncio.timeout(PATIENCE_S),
            aiohttp.ClientSession() as http,
            http.put(url, data=body(), headers=headers) as answer,
        ):
            assert answer.status == 207
            assert answer.headers["x-path"] == "/a%2Fb?c=%20d"
            head = json.loads(await answer.content.readline())
            assert head == {"X-Mine": "1", "Content-Type": "text/x"}
            assert await answer.content.readexactly(5) == b"first"
            await heard.put(b"second")
            assert await answer.content.readexactly(6) == b"second"
            await heard.put(b"")
            assert await answer.content.read() == b""


async def test_adapters_of_vllm_are_listed_and_asked_for_by_their_names(tmp_path: Path) -> None:
    flags = ("--enable-lora", "--lora-modules", "sql=/a", "chess=/b")
    async with running(tmp_path, *flags) as limner:
        await limner.until("argv")
        names = [model["id"] for model in (await limner.http.get("/v1/models")).json()["data"]]
        assert names == ["some/model"]  # while it loads
        (tmp_path / "go").touch()
        await limner.answers("/readyz", 200)
        said = {}
        for model in ("chess", "some/model", "any"):
            body = {"model": model, "input": "hello"}
            reply = (await limner.http.post("/v1/responses", json=body)).json()
            said[reply["model"]] = reply["output"][0]["content"][0]["text"]
        names = [model["id"] for model in (await limner.http.get("/v1/models")).json()["data"]]
        shown = (await limner.http.get("/v1/models/sql")).json()
    assert names == ["some/model", "sql", "chess"]
    assert shown["limner"]["served_by"] == "some/model"
    assert said == {
        "chess": "Served by chess.",
        "some/model": "Served by some/model.",
        "any": "Served by some/model.",
    }


async def test_web_sockets_of_vllm_are_there_behind_the_keys(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    keys = {"Authorization": "Bearer k"}
    async with running(tmp_path, LIMNER_API_KEYS="k") as limner, asyncio.timeout(PATIENCE_S):
        await limner.answers("/readyz", 200)
        url = str(limner.http.base_url.join("/v1/realtime?model=m")).replace("http", "ws", 1)
        with pytest.raises(InvalidStatus):
            await connect(url)
        async with connect(url, additional_headers=keys) as socket:
            assert await socket.recv() == "/v1/realtime?model=m"
            await socket.send("hello")
            assert await socket.recv() == "hello"
            await socket.close(4001)
        await limner.until("closed with 4001")


async def test_a_client_that_leaves_takes_its_request_along(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    async with running(tmp_path) as limner:
        await limner.answers("/readyz", 200)
        asking = asyncio.create_task(limner.http.get("/hang"))
        await limner.until("asked")
        asking.cancel()
        await limner.until("left")


async def test_vllm_is_started_again_when_it_crashes(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    async with running(tmp_path) as limner:
        await limner.answers("/readyz", 200)
        (tmp_path / "argv").unlink()
        assert (await limner.http.post("/crash")).status_code in (502, 503)
        await limner.until("argv")
        await limner.answers("/readyz", 200)


@pytest.mark.parametrize("is_loading", [True, False])
async def test_vllm_ends_with_limner_however_that_ends(tmp_path: Path, is_loading: bool) -> None:
    if not is_loading:
        (tmp_path / "go").touch()
    async with running(tmp_path) as limner:
        await limner.until("argv")
        if not is_loading:
            await limner.answers("/readyz", 200)
        assert await limner.end(signal.SIGKILL) == -signal.SIGKILL
        await limner.until("ended")


async def test_the_command_line_of_the_service_paints(tmp_path: Path) -> None:
    asked: list[Any] = []

    async def paint(request: web.Request) -> web.Response:
        asked.append((request.headers["Authorization"], await request.json()))
        return web.json_response({"data": [{"b64_json": to_base64(picture())}]})

    app = web.Application()
    app.router.add_post("/v1/images/generations", paint)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    described = {
        "provider": "example",
        "api_base": f"http://127.0.0.1:{runner.addresses[0][1]}/v1",
        "api_key_env": "EXAMPLE_IMAGE_API_KEY",
        "default_model": "gpt-image-1",
    }
    (tmp_path / "service.json").write_text(json.dumps(described))
    (tmp_path / "go").touch()
    flags = ("--image-service-config", str(tmp_path / "service.json"), "--async-scheduling")
    async with running(tmp_path, *flags, EXAMPLE_IMAGE_API_KEY="s3cret") as limner:
        await limner.answers("/readyz", 200)
        tools = [{"type": "image_generation"}]
        body = {"model": "m", "input": "draw a cat", "tools": tools}
        output = (await limner.http.post("/v1/responses", json=body)).json()["output"]
    await runner.cleanup()
    assert [item["type"] for item in output] == ["image_generation_call", "message"]
    assert output[0]["result"]
    assert asked[0][0] == "Bearer s3cret"
    assert "a cat" in asked[0][1]["prompt"]


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (("--no-such-flag",), {}, "unrecognized arguments: --no-such-flag"),
        (("--api-key", "k"), {}, "--api-key of vLLM cannot be used here: put keys into"),
        ((), {"VLLM_API_KEY": "k"}, "VLLM_API_KEY cannot be used here"),
        ((), {"PATH": "/nowhere"}, "The command vllm is not found. Install vLLM"),
        (("--image-service-config", "no.json"), {}, "no.json"),
    ],
)
async def test_what_cannot_work_ends_with_2_and_says_why(
    tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], words: str
) -> None:
    process = await started(tmp_path, "some/model", "--port", "0", *arguments, **environ)
    async with asyncio.timeout(PATIENCE_S):
        output, _ = await process.communicate()
    assert words in output.decode()
    assert "Traceback" not in output.decode()
    assert process.returncode == 2


def parsed(*arguments: str) -> dict[str, Any]:
    return serve.make_context("serve", ["some/model", *arguments]).params


@pytest.mark.parametrize("flag", sorted({*FLAGS} - SHARED))
def test_every_flag_of_vllm_passes_in_both_forms_and_in_its_place(flag: str) -> None:
    forms = (flag, "value", f"{flag}=value", flag)
    assert parsed("--host", "h", *forms, "--port=1")["arguments"] == forms
    assert parsed(*forms)["arguments"] == forms


def test_our_flags_are_taken_out_in_both_forms_wherever_they_stand() -> None:
    given = parsed("-tp", "4", "--image-service-config", "a.json", "-O3", "--port=9", "-q", "awq")
    assert given["arguments"] == ("-tp", "4", "-O3", "-q", "awq")
    assert (given["image_service_config"], given["port"]) == ("a.json", "9")


def test_no_flag_of_ours_is_one_of_vllm_s_but_the_address() -> None:
    ours = {entry.flag for entry in TABLE if entry.name in OURS}
    assert ours & {*FLAGS} == SHARED


def test_refused_flags_are_vllm_s_and_refused_in_every_form() -> None:
    for flag in REFUSED:
        assert flag in FLAGS
        for form in (flag, f"{flag}=x", flag.replace("-", "_").replace("__", "--", 1)):
            with pytest.raises(ConfigError, match="cannot be used here"):
                check_arguments([form], {})
    check_arguments(["--served-model-name", "x"], {})


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], "m"),
        (["--served-model-name", "a", "b"], "a"),
        (["--seed", "1", "--served-model-name=a"], "a"),
        (["--served_model_name", "a"], "a"),
        (["--served-model-name"], "m"),
    ],
)
def test_the_model_is_asked_for_by_the_name_that_vllm_gives_it(
    arguments: list[str], name: str
) -> None:
    assert served_name("m", arguments) == name


@pytest.mark.parametrize(
    ("model", "name", "asked", "kind"),
    [
        ("openai/gpt-oss-120b", "openai/gpt-oss-120b", "auto", "harmony"),
        ("openai/gpt-oss-120b", "fast", "auto", "harmony"),
        ("/models/x", "GPT-OSS", "auto", "harmony"),
        ("openai/gpt-oss-120b", "fast", "chat", "chat"),
        ("Qwen/Qwen3-8B", "qwen", "auto", "chat"),
        ("Qwen/Qwen3-8B", "qwen", "responses", "responses"),
    ],
)
def test_the_kind_of_upstream_follows_from_the_model(
    model: str, name: str, asked: Any, kind: str
) -> None:
    settings = behind(Settings(llm_kind=asked), VllmCommand(model, (), 9), name)
    assert (settings.llm_kind, settings.llm_model) == (kind, name)
    assert settings.llm_url == "http://127.0.0.1:9/v1"
