"""aimock (npm, `@copilotkit/aimock`): a server of scripted replies, in three dialects."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio

from limner.app.vllm import free_port
from tests.foreign.chain import PROMPTED, TOOL, Chain, chained, examined
from tests.foreign.install import AIMOCK, HOW
from tests.foreign.processes import running

KINDS = ("chat", "responses", "anthropic", "auto")
every_kind = pytest.mark.parametrize("kind", KINDS)
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
LONG = "A sentence that is long enough for a line to break in the middle of it."
BLOCK = '```tool_call\n{"name": "image_generation", "arguments": {"prompt": "a red circle"}}\n```'


def paints(*prompts: str, **more: Any) -> dict[str, Any]:
    calls = [{"name": "image_generation", "arguments": {"prompt": prompt}} for prompt in prompts]
    return {"toolCalls": calls, **more}


def calls(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"toolCalls": [{"name": name, "arguments": arguments}]}


def to(words: str, response: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The reply to a user who says these words, unless a function has answered since."""
    return {"match": {"userMessage": words, "hasToolResult": False}, "response": response, **more}


SCRIPT = [
    {"match": {"hasToolResult": True}, "response": {"content": "Here it is."}},
    to('"ok"', {"content": "Here it is."}),
    to("a circle", paints("a red circle", content="One moment.")),
    to("both", paints("a red circle", "a blue square", reasoning="Two of them.")),
    to("smoke", paints("smoke")),
    to("in words", {"content": f"One moment.\n{BLOCK}"}),
    to("weather", calls("weather", {"city": "Paris"})),
    to("limit", {"error": {"message": "Slow down.", "type": "rate_limit_error"}, "status": 429}),
    to("cut", {"content": LONG}, truncateAfterChunks=5, latency=20, chunkSize=10),
    to("garbage", {"content": LONG}, chaos={"malformedRate": 1}),
    to("broken", {"content": LONG}, chaos={"dropRate": 1}),
    {"match": {"toolName": "report_ready"}, "response": calls("report_ready", {"ready": True})},
    {"match": {}, "response": {"content": "Hello."}},
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not AIMOCK.is_file():
        pytest.skip(f"aimock is not installed; {HOW}")
    folder = tmp_path_factory.mktemp("aimock")
    script = folder / "script.json"
    script.write_text(json.dumps({"fixtures": SCRIPT}))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (node, str(AIMOCK), "--port", str(port), "--fixtures", str(script))
    with running(url, *command, "--validate-on-load", log=folder / "log"):
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chain(address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    async with chained(folder, address, (*KINDS, PROMPTED), ["m"]) as made:
        yield made


@every_kind
async def test_words_come_as_words(chain: Chain, kind: str) -> None:
    heard = await chain.ask(f"{kind}/m", "hi")
    assert (heard.made, heard.response.output_text) == (["message"], "Hello.")


@every_kind
async def test_words_and_a_picture_come_in_a_stream_and_in_one_piece(
    chain: Chain, kind: str
) -> None:
    tool = {**TOOL, "partial_images": 2}
    streamed = await chain.ask(f"{kind}/m", "a circle", tools=[tool])
    whole = await chain.ask_whole(f"{kind}/m", "a circle")
    for heard in (streamed, whole):
        assert heard.made == ["message", "image_generation_call", "message"]
        assert heard.response.output_text == "One moment.Here it is."
        assert [picture.size for picture in heard.pictures] == [(64, 64)]
    assert streamed.previews == 2
    assert chain.prompts == ["a red circle"]


@every_kind
async def test_two_calls_of_one_reply_are_two_pictures_after_their_thought(
    chain: Chain, kind: str
) -> None:
    heard = await chain.ask(f"{kind}/m", "both")
    assert heard.types[:3] == ["reasoning", "image_generation_call", "image_generation_call"]
    assert heard.made[2:] == ["message"]
    assert sorted(chain.prompts) == ["a blue square", "a red circle"]


@every_kind
async def test_the_model_hears_of_a_failure(chain: Chain, kind: str) -> None:
    heard = await chain.ask(f"{kind}/m", "smoke")
    assert heard.made == ["image_generation_call", "message"]
    assert heard.pictures == []
    assert heard.response.output_text == "Here it is."


@every_kind
async def test_a_function_of_the_client_is_the_clients(chain: Chain, kind: str) -> None:
    tools = [TOOL, WEATHER]
    first = await chain.ask(f"{kind}/m", "weather", tools=tools)
    assert first.made == ["function_call"]
    *_, call = first.response.output
    assert call.type == "function_call"
    answer = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
    asked: list[Any] = [{"role": "user", "content": "weather"}, *first.response.output, answer]
    second = await chain.ask(f"{kind}/m", asked, tools=tools)
    assert second.response.output_text == "Here it is."


async def test_a_model_that_writes_its_calls_gets_its_picture(chain: Chain) -> None:
    heard = await chain.ask(f"{PROMPTED}/m", "in words")
    assert heard.made == ["message", "image_generation_call", "message"]
    assert heard.response.output_text.replace("\n", "") == "One moment.Here it is."
    assert chain.prompts == ["a red circle"]


@every_kind
async def test_a_server_that_is_busy_is_429(chain: Chain, kind: str) -> None:
    with pytest.raises(openai.RateLimitError, match="answered 429: Slow down") as told:
        await chain.ask(f"{kind}/m", "limit")
    assert told.value.response.headers["retry-after"] == "1"


@every_kind
@pytest.mark.parametrize(
    ("words", "why"), [("broken", "answered 500: Chaos"), ("garbage", "sent what is not JSON")]
)
async def test_a_server_that_fails_is_502_and_says_why(
    chain: Chain, kind: str, words: str, why: str
) -> None:
    with pytest.raises(openai.InternalServerError, match=why) as told:
        await chain.ask(f"{kind}/m", words)
    assert told.value.status_code == 502


@every_kind
async def test_a_line_that_breaks_fails_the_response_and_keeps_its_beginning(
    chain: Chain, kind: str
) -> None:
    heard = await chain.ask(f"{kind}/m", "cut")
    assert heard.response.status == "failed"
    assert heard.response.error is not None
    assert heard.response.error.message == "The language model server broke off its reply"
    assert LONG.startswith(heard.response.output_text)


async def test_it_is_found_to_speak_chat(chain: Chain) -> None:
    assert "dialect found  action=detect kind=chat" in chain.server.log


async def test_the_doctor_finds_nothing_in_the_way(address: str, tmp_path: Path) -> None:
    states = await examined(tmp_path, address, "m")
    assert (states["language model"], states["tools"]) == ("ok", "ok")
