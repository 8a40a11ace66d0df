"""The image tool works where something paints, be it an external service, and else says why."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from limner.wire.pictures import to_base64
from tests.e2e.processes import PATIENCE_S, Server, environment, serving
from tests.e2e.test_pictures import sdk
from tests.pictures import picture, unmarked
from tests.scripted_responses import ScriptedResponses, item, message, reply
from tests.scripted_services import MANNERS, ScriptedService

TEMPLATE = Path(__file__).parents[2] / "image_service_config.template.json"
DISABLED = (
    "Image generation tools are disabled. Start vLLM with a multimodal model or pass "
    "--image-service-config pointing to an external image API."
)
ORDER = {"model": "limner", "input": "draw a cat", "tools": [{"type": "image_generation"}]}
KEY = {"EXAMPLE_IMAGE_API_KEY": "sk-1"}


def config(folder: Path, **changes: Any) -> Path:
    """A copy of the template, filled in; None takes a key out."""
    value = {**json.loads(TEMPLATE.read_text()), **changes}
    path = folder / "image_service.json"
    path.write_text(json.dumps({name: each for name, each in value.items() if each is not None}))
    return path


def refused(config: Path, variables: Mapping[str, str] = KEY, *flags: str) -> str:
    """What the command says when it does not start."""
    data = str(config.parent / "data")
    command = [sys.executable, "-m", "limner", "serve", "--port", "0", "--data", data]
    ended = subprocess.run(
        [*command, "--image-service-config", str(config), *flags],
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr


def events_of(server: Server) -> list[str]:
    """The types of the events of a streamed order of a picture, the last one's result checked."""
    with sdk(server) as client:
        events = list(client.responses.create(**ORDER, stream=True))  # type: ignore[call-overload]
    (item,) = [i for i in events[-1].response.output if i.type == "image_generation_call"]
    assert unmarked(base64.b64decode(item.result)) == picture().content
    return [event.type for event in events if "image_generation_call" in event.type]


async def test_an_external_service_paints_and_is_named_in_the_log(tmp_path: Path) -> None:
    async with ScriptedService(MANNERS["other"]) as service:
        file = config(tmp_path, provider="my painters", api_base=service.url)
        flags = ("--image-service-config", str(file))
        with serving(tmp_path, *flags, **KEY) as ours:
            events = await asyncio.to_thread(events_of, ours)
            log = ours.log
        [asked] = service.requests
    assert events == [
        f"response.image_generation_call.{kind}"
        for kind in ("in_progress", "generating", "completed")
    ]
    assert "External image service configured: my painters" in log
    assert "sk-1" not in log
    assert (asked["model"], asked["n"]) == ("gpt-image-1", 1)
    assert "cat" in asked["prompt"]


async def test_the_variable_names_the_file_and_operations_their_paths(tmp_path: Path) -> None:
    manner = MANNERS["azure"]
    async with ScriptedService(manner) as service:
        file = config(
            tmp_path,
            api_base=service.url,
            preset="azure",
            default_model="theirs-1",
            operations=None,
        )
        variables = {"LIMNER_IMAGE_SERVICE_CONFIG": str(file), **KEY}
        with serving(tmp_path, **variables) as ours:
            await asyncio.to_thread(events_of, ours)
            reply = await asyncio.to_thread(
                httpx.post, f"{ours.url}/v1/images/generations", json={"prompt": "a dog"}
            )
            [made] = reply.json()["data"]
            assert unmarked(base64.b64decode(made["b64_json"])) == picture().content
            models = (await asyncio.to_thread(httpx.get, f"{ours.url}/v1/models")).json()["data"]
            assert "theirs-1" in [model["id"] for model in models]
        assert len(service.requests) == 2


async def test_a_model_that_paints_by_itself_needs_nothing_else(tmp_path: Path) -> None:
    call = {"id": "ig_up", "type": "image_generation_call", "status": "completed"}
    painted = reply(*item(0, {**call, "result": to_base64(picture())}), *message(1, "There."))
    async with ScriptedResponses([painted]) as server:
        flags = ("--llm", server.url, "--llm-kind", "responses", "--image-tool", "passthrough")
        with serving(tmp_path, *flags, "--image-backend", "none") as ours:
            await asyncio.to_thread(events_of, ours)
        assert server.requests[0]["tools"] == ORDER["tools"]


def test_our_own_engine_is_enough(server: Server) -> None:
    response = httpx.post(f"{server.url}/v1/responses", json=ORDER, timeout=PATIENCE_S)
    assert response.status_code == 200
    assert "External image service" not in server.log


@pytest.mark.parametrize("stream", [False, True])
def test_where_nothing_paints_the_tool_is_refused_before_anything_starts(
    stream: bool, tmp_path: Path
) -> None:
    with serving(tmp_path, "--image-backend", "none") as ours, sdk(ours) as client:
        with pytest.raises(openai.BadRequestError) as raised:
            client.responses.create(**ORDER, stream=stream)  # type: ignore[call-overload]
        words = client.responses.create(model="limner", input="Who are you?")
        assert "image generation denied" in ours.log
    assert raised.value.body == {
        "message": DISABLED,
        "type": "invalid_request_error",
        "param": "tools[0]",
        "code": "image_generation_disabled",
    }
    assert words.output_text


def test_what_the_file_lacks_is_named_at_start(tmp_path: Path) -> None:
    file = config(tmp_path, provider="", default_model=None)
    assert refused(file) == (
        "limner: image_service_config is missing required field(s): default_model, provider. "
        f"See docs/image-services.md for the template. The file is {file}.\n"
    )


def test_a_key_that_is_not_there_is_named_at_start(tmp_path: Path) -> None:
    said = refused(config(tmp_path), {})
    assert "api_key_env names the environment variable 'EXAMPLE_IMAGE_API_KEY'" in said
    assert said.count("\n") == 1


def test_two_painters_at_once_are_refused(tmp_path: Path) -> None:
    said = refused(config(tmp_path), KEY, "--image-backend", "none")
    assert "--image-backend (LIMNER_IMAGE_BACKEND) has no meaning beside" in said
