"""Language models that call the tool: a scripted server, and one that others wrote."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from openai.types.responses import Response, ToolParam

from tests.e2e.clients import client_of
from tests.e2e.processes import PATIENCE_S, Server, serving
from tests.e2e.test_pictures import ORDER, is_what_was_ordered, picture_of
from tests.scripted_chat import ScriptedChat, calls, says

FOREIGN_SCRIPT = f"""\
fixtures:
  - name: draws
    match:
      provider: openai
      tools_present: true
      messages: [{{role: user, content: {{contains: "draw"}}}}]
    response:
      tool_calls:
        - id: call_abc
          type: function
          function: {{name: image_generation, arguments: '{{"prompt": "{ORDER}"}}'}}
  - name: has drawn
    match:
      provider: openai
      messages:
        - {{role: tool, content: {{contains: '"ok": true'}}}}
        - {{role: user, content: {{contains: "draw"}}}}
    response: {{content: "Here is your picture."}}
"""


@contextmanager
def foreign_server(folder: Path) -> Iterator[str]:
    """stubllm, from PyPI, scripted to call the tool."""
    script = folder / "script.yaml"
    script.write_text(FOREIGN_SCRIPT)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = Path(sys.executable).with_name("stubllm")
    process = subprocess.Popen(
        [command, "serve", "--fixture-file", script, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    try:
        next(line for line in process.stderr if "Uvicorn running on" in line)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def ask(url: str, *, stream: bool) -> Response:
    client = client_of(url)
    words = "please draw something"
    tools: list[ToolParam] = [{"type": "image_generation", "size": "128x128"}]
    if not stream:
        return client.responses.create(model="any", input=words, tools=tools)
    with client.responses.stream(model="any", input=words, tools=tools) as events:
        for _ in events:
            pass
        return events.get_final_response()


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_others_wrote_calls_the_tool_and_hears_of_the_picture(
    stream: bool, server: Server, tmp_path: Path
) -> None:
    with (
        foreign_server(tmp_path) as llm,
        serving(tmp_path, "--llm", llm, "--image-backend", server.url) as ours,
    ):
        response = ask(ours.url, stream=stream)
    assert is_what_was_ordered(picture_of(response))
    assert response.output_text == "Here is your picture."


async def test_a_scripted_server_is_told_the_result_and_never_sees_the_hosted_tool(
    server: Server, tmp_path: Path
) -> None:
    replies = [calls("image_generation", {"prompt": ORDER}, say="One moment."), says("Done.")]
    async with ScriptedChat(replies) as chat:
        flags = ("--llm", chat.url, "--llm-model", "painter-7b", "--image-backend", server.url)
        with serving(tmp_path, *flags) as ours:
            response = await asyncio.to_thread(ask, ours.url, stream=True)
    assert is_what_was_ordered(picture_of(response))
    assert [item.type for item in response.output] == [
        "message",
        "image_generation_call",
        "message",
    ]
    first, second = chat.requests
    assert first["model"] == "painter-7b"
    assert [tool["type"] for tool in first["tools"]] == ["function"]
    (told,) = [message for message in second["messages"] if message["role"] == "tool"]
    assert '"ok": true' in str(told["content"])
