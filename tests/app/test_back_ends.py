"""Image back ends by their addresses, and one of them behind the whole server."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import aiohttp
import orjson
import pytest

from limner.app.back_ends import open_back_end, open_back_ends
from limner.app.server import open_server
from limner.config import Settings
from limner.core.errors import ConfigError
from limner.core.image import ImageCompleted, ImageRequest
from tests.pictures import picture
from tests.scripted_painters import (
    DONE,
    ScriptedAutomatic1111,
    ScriptedComfyUi,
    ScriptedJobs,
    ScriptedPainter,
    steps,
)
from tests.scripted_services import MANNERS, ScriptedService
from tests.serving import serving


async def paint(address: str, settings: Settings) -> object:
    async with (
        open_back_end(address, settings) as images,
        aclosing(images.generate(ImageRequest("a cat"))) as events,
    ):
        return [event async for event in events][-1]


@pytest.mark.parametrize(
    ("wire", "server"),
    [
        ("comfyui", ScriptedComfyUi(DONE)),
        ("a1111", ScriptedAutomatic1111()),
        ("jobs", ScriptedJobs({"status": "completed"})),
    ],
)
async def test_an_address_names_its_wire(wire: str, server: ScriptedPainter) -> None:
    async with server:
        event = await paint(f"{wire}+{server.url}", Settings(image_key="me:secret"))
    assert isinstance(event, ImageCompleted)
    assert all("Authorization" in headers for headers in server.headers)


async def test_of_several_addresses_one_that_is_away_is_told_of_and_another_paints() -> None:
    async with ScriptedService(MANNERS["openai"]) as service:
        settings = Settings(image_backend=f"http://127.0.0.1:1,{service.url}", image_key="sk-1")
        async with open_back_ends(settings) as (images, readiness):
            before = readiness()
            async with aclosing(images.generate(ImageRequest("a cat"))) as events:
                last = [event async for event in events][-1]
            after = readiness()
        assert isinstance(last, ImageCompleted)
    assert [part.state for part in before.parts.values()] == ["ready", "ready"]
    assert {name: part.state for name, part in after.parts.items()} == {
        "http://127.0.0.1:1": "failed",
        service.url: "ready",
    }
    assert after.state == "ready"


@pytest.mark.parametrize(("wire", "is_repeatable"), [("engine", True), ("limner", False)])
async def test_only_our_own_engine_is_known_to_cost_nothing_but_time(
    wire: str, is_repeatable: bool
) -> None:
    async with open_back_end(f"{wire}+http://127.0.0.1:1", Settings()) as images:
        assert images.capabilities.repeatable == is_repeatable


async def test_an_address_without_one_is_an_images_api() -> None:
    async with open_back_end("http://127.0.0.1:1", Settings(model="theirs")) as images:
        assert images.capabilities.name == "theirs"


async def test_a_workflow_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"1": {"class_type": "Node", "inputs": {"text": "{{prompt}}"}}}')
    async with ScriptedComfyUi(DONE) as comfy:
        await paint(f"comfyui+{comfy.url}", Settings(comfyui_workflow=file))
        assert comfy.bodies("/prompt")[0]["prompt"]["1"]["inputs"] == {"text": "a cat"}


async def test_a_workflow_for_edits_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "edit.json"
    file.write_text('{"1": {"class_type": "{{prompt}}", "inputs": {"image": "{{image}}"}}}')
    settings = Settings(comfyui_edit_workflow=file)
    async with ScriptedComfyUi(DONE) as comfy:
        async with open_back_end(f"comfyui+{comfy.url}", settings) as images:
            events = images.generate(ImageRequest("a cat", images=(picture(),)))
            assert isinstance([event async for event in events][-1], ImageCompleted)
        [node] = [body["prompt"]["1"] for body in comfy.bodies("/prompt")]
        assert comfy.uploads[node["inputs"]["image"]] == picture().content
    file.write_text('{"1": {"class_type": "{{prompt}}"}}')
    with pytest.raises(ConfigError, match=r"--comfyui-edit-workflow .*must have \{\{image\}\}"):
        await paint("comfyui+http://127.0.0.1:1", settings)


@pytest.mark.parametrize("text", [None, "{}"])
async def test_a_workflow_that_cannot_be_used_is_refused(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    if text:
        file.write_text(text)
    with pytest.raises(ConfigError, match=r"--comfyui-workflow .*mine\.json cannot be used: "):
        await paint("comfyui+http://127.0.0.1:1", Settings(comfyui_workflow=file))


async def test_jobs_have_no_choice_of_model() -> None:
    with pytest.raises(ConfigError, match="--model sdxl cannot be chosen"):
        await paint("jobs+http://127.0.0.1:1", Settings(model="sdxl"))


async def test_comfyuis_previews_are_standard_partial_images() -> None:
    body = {
        "model": "limner",
        "input": "draw a cat",
        "tools": [{"type": "image_generation", "partial_images": 2}],
        "stream": True,
    }
    async with ScriptedComfyUi(*steps(6), DONE) as comfy:
        settings = Settings(store="memory", image_backend=f"comfyui+{comfy.url}")
        async with (
            open_server(settings) as app,
            serving(app) as url,
            aiohttp.ClientSession() as session,
            session.post(f"{url}/v1/responses", json=body) as reply,
        ):
            assert reply.status == 200
            text = await reply.text()
    names = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("event: ")]
    call = [name.rpartition(".")[2] for name in names if "image_generation_call" in name]
    assert call == ["in_progress", "generating", "partial_image", "partial_image", "completed"]
    assert names[-1] == "response.completed"


SEVERAL = """
[upstreams.rules]
kind = "intent"

[images.first]
backend = "{first}"

[images.second]
backend = "vllm-omni+{second}"
key_env = "SECOND_KEY"
model = "theirs-1"
aliases = {{ fast = "turbo" }}
"""


async def test_the_model_of_a_request_picks_among_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_KEY", "sk-1")
    path = tmp_path / "limner.toml"
    async with ScriptedService(MANNERS["vllm-omni"]) as second:
        path.write_text(SEVERAL.format(first="http://127.0.0.1:1", second=second.url))
        async with (
            open_server(Settings(store="memory", config=path)) as app,
            serving(app) as url,
            aiohttp.ClientSession(url) as client,
        ):
            for model, status in (("fast", 200), ("gpt-image-1", 200), ("first", 503)):
                body = {"prompt": "a cat", "model": model}
                async with client.post("/v1/images/generations", json=body) as reply:
                    assert reply.status == status, await reply.text()
            async with client.get("/v1/models") as reply:
                models = [model["id"] for model in (await reply.json())["data"]]
        assert [body["model"] for body in second.requests] == ["turbo", "theirs-1"]
    assert models[-3:] == ["first", "second", "fast"]


async def test_two_painters_with_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "limner.toml"
    text = SEVERAL.replace("fast", "first").replace('key_env = "SECOND_KEY"\n', "")
    path.write_text(text.format(first="http://127.0.0.1:1", second="http://127.0.0.1:2"))
    with pytest.raises(ConfigError, match=r"limner\.toml: images: The name 'first' stands for two"):
        async with open_server(Settings(store="memory", config=path)):
            pass


async def test_each_comfyui_of_the_file_paints_by_its_own_workflow(tmp_path: Path) -> None:
    node = {"class_type": "Node", "inputs": {"text": "{{prompt}} by mine"}}
    (tmp_path / "mine.json").write_bytes(orjson.dumps({"1": node}))
    path = tmp_path / "limner.toml"
    async with ScriptedComfyUi(DONE) as comfy:
        path.write_text(
            '[upstreams.rules]\nkind = "intent"\n[images.drawn]\n'
            f'backend = "comfyui+{comfy.url}"\nworkflow = "mine.json"\n'
        )
        async with (
            open_server(Settings(store="memory", config=path)) as app,
            serving(app) as url,
            aiohttp.ClientSession(url) as client,
            client.post("/v1/images/generations", json={"prompt": "a cat"}) as reply,
        ):
            assert reply.status == 200, await reply.text()
        nodes = comfy.bodies("/prompt")[0]["prompt"]
    assert nodes["1"]["inputs"] == {"text": "a cat by mine"}
