"""The whole chain over a server of the Responses API, which searches the web by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import openai

from tests.e2e.processes import PATIENCE_S, Server, serving
from tests.e2e.test_pictures import ORDER, is_what_was_ordered, picture_of
from tests.scripted_responses import ScriptedResponses, call, item, message, reply, says

THOUGHT = {"id": "rs_up", "type": "reasoning", "summary": [], "encrypted_content": "sealed"}
SEARCH: dict[str, Any] = {
    "id": "ws_up",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "cats"},
}
TOOLS: Any = [{"type": "web_search"}, {"type": "image_generation"}]


def ask(url: str, input: Any) -> Any:
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="-", timeout=PATIENCE_S) as client,
        client.responses.stream(model="m", input=input, tools=TOOLS) as stream,
    ):
        return stream.get_final_response()


async def test_what_the_server_does_by_itself_reaches_the_client_and_comes_back(
    server: Server, tmp_path: Path
) -> None:
    draws = reply(
        *item(0, THOUGHT),
        *item(1, SEARCH, ("web_search_call.searching", {})),
        *message(2, "One moment."),
        *call(3, "image_generation", {"prompt": ORDER}),
    )
    async with ScriptedResponses([draws, says("Here it is."), says("Bye.")]) as llm:
        flags = ("--llm", llm.url, "--llm-kind", "responses", "--image-backend", server.url)
        with serving(tmp_path, *flags) as ours:
            response = await asyncio.to_thread(ask, ours.url, "draw")
            history = [*response.output, {"role": "user", "content": "thanks"}]
            again = await asyncio.to_thread(ask, ours.url, history)
    assert is_what_was_ordered(picture_of(response))
    assert [output.type for output in response.output] == [
        "reasoning",
        "web_search_call",
        "message",
        "image_generation_call",
        "message",
    ]
    assert again.output_text == "Bye."
    first, second, third = llm.requests
    assert [tool["type"] for tool in first["tools"]] == ["function", "web_search"]
    kinds = ["reasoning", "web_search_call", "message", "function_call", "function_call_output"]
    assert [entry["type"] for entry in second["input"][1:]] == kinds
    assert second["input"][1:3] == [THOUGHT, SEARCH]
    assert [entry["type"] for entry in third["input"]] == [*kinds, "message", "message"]
