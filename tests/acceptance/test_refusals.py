"""What is refused before anything starts, with and without a stream."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.acceptance.rig import Rig, beside
from tests.e2e.processes import serving
from tests.scripted_completions import ScriptedCompletions, calls
from tests.server.test_image_tool_table import ROWS

GATE = (
    "Image generation tools are disabled. Start vLLM with a multimodal model or pass "
    "--image-service-config pointing to an external image API."
)
ORDER: Any = {"input": "draw a cat", "tools": [{"type": "image_generation"}]}


@pytest.mark.parametrize("stream", [False, True])
async def test_every_row_of_the_table_of_the_tool_is_a_400_and_no_stream(
    rig: Rig, stream: bool
) -> None:
    rig.painter.clear()
    async with httpx.AsyncClient(base_url=rig.url) as client:
        for field, value, code, below, message in ROWS:
            tool = {"type": "image_generation", field: value}
            body = {"model": "chat", "input": "hi", "tools": [tool], "stream": stream}
            reply = await client.post("/responses", json=body)
            assert reply.status_code == 400, field
            assert reply.headers["content-type"] == "application/json"
            error = reply.json()["error"]
            told = error["type"], error["code"], error["param"]
            assert told == ("invalid_request_error", code, f"tools[0].{field}{below}")
            assert message.replace("{P}", "tools[0]") in error["message"]
    assert rig.painter.asked == []


@pytest.mark.parametrize("stream", [False, True])
async def test_where_nothing_paints_the_tool_is_refused_in_these_words(
    tmp_path: Path, stream: bool
) -> None:
    body = {"model": "any", "stream": stream, **ORDER}
    async with (
        beside(serving(tmp_path, "--image-backend", "none")) as server,
        httpx.AsyncClient(base_url=f"{server.url}/v1") as client,
    ):
        reply = await client.post("/responses", json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/json")
    assert reply.json()["error"] == {
        "message": GATE,
        "type": "invalid_request_error",
        "param": "tools[0]",
        "code": "image_generation_disabled",
    }


async def test_a_model_that_paints_unasked_ends_the_stream_in_the_same_words(
    tmp_path: Path,
) -> None:
    paints = calls("image_generation.generate", {"prompt": "a cat"})
    async with ScriptedCompletions([paints, paints]) as model:
        flags = ("--llm", model.url, "--llm-kind", "harmony", "--image-backend", "none")
        async with beside(serving(tmp_path, *flags, "--image-denial", "error")) as server:
            url = f"{server.url}/v1"
            body = {"model": "any", "input": "hi", "stream": True}
            async with httpx.AsyncClient(base_url=url) as client:
                text = (await client.post("/responses", json=body)).text
            with pytest.raises(openai.APIError) as told:
                await asyncio.to_thread(_hear, url)
    assert told.value.message == GATE
    *_, failure, last = text.removesuffix("\n\n").split("\n\n")
    assert failure.startswith("event: response.failed\n")
    assert last == "data: [DONE]"


def _hear(url: str) -> None:
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        for _ in client.responses.create(model="any", input="hi", stream=True):
            pass


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["chat", "anthropic", "harmony"])
async def test_calls_and_outputs_that_do_not_match_are_the_clients_fault(
    rig: Rig, kind: str, stream: bool
) -> None:
    output = {"type": "function_call_output", "call_id": "call_none", "output": "x"}
    async with httpx.AsyncClient(base_url=rig.url) as client:
        body = {"model": kind, "input": [output], "stream": stream}
        reply = await client.post("/responses", json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/json")
    error = reply.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", "input")
    assert error["message"].startswith("No tool call found for function call output")
