"""Codex as a client: all its tools in every request, nothing stored, its own history sent back.

What it sends is written after its source, https://github.com/openai/codex (`common.rs` and
`images.rs` of `codex-api/src`, `protocol/src/models.rs`): most items of its history have no ids.
"""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect

from limner.wire.pictures import to_base64
from tests.acceptance.rig import KIND, Rig
from tests.conformance.dialects import KINDS, Calls, Kind
from tests.conformance.scenarios import HERE, draws
from tests.pictures import picture

Json = dict[str, Any]

SHELL: Json = {
    "type": "function",
    "name": "exec_command",
    "description": "Runs a command in a PTY.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"cmd": {"type": "string"}},
        "required": ["cmd"],
        "additionalProperties": False,
    },
}
PATCH: Json = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch" LF'},
}
SPACE: Json = {
    "type": "namespace",
    "name": "mcp__notes",
    "description": "Notes.",
    "tools": [{**SHELL, "name": "search", "defer_loading": True}],
}
SEARCH: Json = {
    "type": "tool_search",
    "execution": "client",
    "description": "Searches tools.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
}
TOOLS: list[Json] = [
    SHELL,
    PATCH,
    {"type": "web_search", "external_web_access": False},
    {"type": "local_shell"},
    SPACE,
    SEARCH,
    {"type": "image_generation", "output_format": "png"},
]
OURS = ("function", "image_generation")
DEVELOPER: Json = {
    "type": "message",
    "role": "developer",
    "content": [{"type": "input_text", "text": "<permissions instructions>"}],
}
HEADERS = {
    "originator": "codex_cli_rs",
    "session_id": "0199a213-81c0-7800-8aa1-bbab2a035a53",
    "OpenAI-Beta": "responses=experimental",
    "Accept": "text/event-stream",
}
SERVERS = [kind for kind in KINDS if kind.server]
DRAWN = to_base64(picture(64, 64))
URL = f"data:image/png;base64,{DRAWN}"


def said(text: str, *pictures: str) -> Json:
    shown = [{"type": "input_image", "image_url": url} for url in pictures]
    content = [{"type": "input_text", "text": text}, *shown]
    return {"type": "message", "role": "user", "content": content}


def request(model: str, *items: Json) -> Json:
    return {
        "model": model,
        "instructions": "You are Codex, a coding agent.",
        "input": [DEVELOPER, *items],
        "tools": TOOLS,
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199a213-81c0-7800-8aa1-bbab2a035a53",
        "text": {"verbosity": "medium"},
        "client_metadata": {"x-codex-installation-id": "6f1e"},
    }


HISTORY: list[Json] = [
    said("list the files, then draw one", URL),
    {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "I look first."}],
        "content": None,
        "encrypted_content": "gAAAA",
    },
    {"type": "function_call", "name": "exec_command", "arguments": "{}", "call_id": "call_1"},
    {"type": "function_call_output", "call_id": "call_1", "output": "a.txt"},
    {"type": "function_call", "name": "view_image", "arguments": "{}", "call_id": "call_4"},
    {
        "type": "function_call_output",
        "call_id": "call_4",
        "output": [{"type": "input_image", "image_url": URL}],
    },
    {
        "type": "image_generation_call",
        "id": "ig_1",
        "status": "completed",
        "revised_prompt": "a red circle",
        "result": DRAWN,
    },
    {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Here it is."}],
        "phase": "final_answer",
    },
    said("now make it blue"),
]
FOREIGN: list[Json] = [
    {"type": "custom_tool_call", "call_id": "call_2", "name": "apply_patch", "input": "*** Begin"},
    {"type": "custom_tool_call_output", "call_id": "call_2", "output": "Done."},
    {
        "type": "local_shell_call",
        "call_id": "call_3",
        "status": "completed",
        "action": {"type": "exec", "command": ["ls"], "env": None, "timeout_ms": None},
    },
    {"type": "function_call_output", "call_id": "call_3", "output": "a.txt"},
    {
        "type": "function_call",
        "name": "search",
        "namespace": "mcp__notes",
        "arguments": "{}",
        "call_id": "call_5",
    },
    {"type": "function_call_output", "call_id": "call_5", "output": "nothing"},
    {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}},
]
"""What only a server with such tools has begun, and reads."""


async def ask(rig: Rig, body: Json) -> list[Json]:
    async with httpx.AsyncClient(base_url=rig.url, headers=HEADERS, timeout=60) as client:
        reply = await client.post("/responses", json=body)
    assert reply.status_code == 200, reply.text
    frames = reply.text.removesuffix("data: [DONE]\n\n").split("\n\n")[:-1]
    return [orjson.loads(frame.partition("\ndata: ")[2]) for frame in frames if "data: " in frame]


def done(events: list[Json]) -> list[Json]:
    """All that Codex reads of items."""
    return [event["item"] for event in events if event["type"] == "response.output_item.done"]


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
async def test_a_turn_goes_on_and_says_what_was_left_out(rig: Rig, kind: Kind) -> None:
    rig.play(kind, (draws("a red circle"), Calls((("exec_command", {"cmd": "ls"}),))))
    events = await ask(rig, request(kind.name, said("draw a circle, then look")))
    assert [item["type"] for item in done(events)] == ["image_generation_call", "function_call"]
    response = events[-1]["response"]
    assert events[-1]["type"] == "response.completed"
    assert [tool["type"] for tool in response["tools"]] == [tool["type"] for tool in TOOLS]
    assert response["prompt_cache_key"] == "0199a213-81c0-7800-8aa1-bbab2a035a53"
    told = " ".join(response["limner"]["adjustments"])
    assert "client_metadata" in told
    names = [f"tools[{at}]" for at, tool in enumerate(TOOLS) if tool["type"] not in OURS]
    assert [name in told for name in names] == [kind.name != "responses"] * len(names), told


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
async def test_its_whole_history_comes_back(rig: Rig, kind: Kind) -> None:
    rig.play(kind, (draws("a blue circle", action="edit"), HERE))
    first, *rest = HISTORY
    foreign = FOREIGN if kind.name == "responses" else []
    events = await ask(rig, request(kind.name, first, *foreign, *rest))
    picture, message = done(events)
    assert (picture["status"], picture["action"]) == ("completed", "edit")
    assert message["content"][0]["text"] == "Here it is."
    for asked in rig.models[kind.name].requests:
        kind.judge(asked)


async def test_over_a_websocket_it_names_the_response_before(rig: Rig) -> None:
    rig.play(KIND["chat"], (Calls((("exec_command", {"cmd": "ls"}),)), HERE))
    body = {"type": "response.create", **request("chat", said("look"))}
    async with connect(f"ws{rig.url.removeprefix('http')}/responses", max_size=None) as line:
        await line.send(orjson.dumps({**body, "input": [], "generate": False}).decode())
        warm = await last_of(line)
        await line.send(orjson.dumps({**body, "previous_response_id": warm["id"]}).decode())
        first = await last_of(line)
        (call,) = first["output"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "a.txt"}
        going_on = {**body, "input": [output], "previous_response_id": first["id"]}
        await line.send(orjson.dumps(going_on).decode())
        assert (await last_of(line))["output"][0]["content"][0]["text"] == "Here it is."


async def last_of(line: Any) -> Json:
    while True:
        event = orjson.loads(await line.recv())
        assert event["type"] != "error", event
        if event["type"] == "response.completed":
            return dict(event["response"])


async def test_its_own_image_tool_uses_the_json_routes(rig: Rig) -> None:
    rig.painter.clear()
    common = {"model": "gpt-image-2", "background": "opaque", "quality": "medium"}
    async with httpx.AsyncClient(base_url=rig.url, headers=HEADERS) as client:
        generated = await client.post(
            "/images/generations", json={"prompt": "a fox", "size": "1024x1536", **common}
        )
        edited = await client.post(
            "/images/edits", json={"prompt": "a hat", "images": [{"image_url": URL}], **common}
        )
    for reply in (generated, edited):
        assert reply.status_code == 200, reply.text
        body = reply.json()
        assert isinstance(body["created"], int)
        assert body["quality"] in ("low", "medium", "high", "auto")
        assert body["background"] in ("transparent", "opaque", "auto")
        assert [set(each) for each in body["data"]] == [{"b64_json"}]
    assert [asked.get("images") for asked in rig.painter.asked] == [None, 1]
