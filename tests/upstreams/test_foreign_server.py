"""The chat upstream against a server that others wrote: stubllm, from PyPI, in its own process."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from limner.core.items import FunctionCall, FunctionCallOutput, Item, Message, TextPart
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    FunctionTool,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
)
from limner.upstreams.chat import ChatUpstream
from limner.upstreams.http import HttpLimits, UpstreamHttp

SCRIPT = """\
fixtures:
  - name: draws
    match:
      provider: openai
      tools_present: true
      messages: [{role: user, content: {contains: "draw"}}]
    response:
      tool_calls:
        - id: call_abc
          type: function
          function: {name: image_generation, arguments: '{"prompt": "a red circle"}'}
  - name: has drawn
    match:
      provider: openai
      messages:
        - {role: tool, content: {contains: '"ok":true'}}
        - {role: user, content: {contains: "draw"}}
    response: {content: "Here is your circle."}
  - name: fails
    match: {messages: [{role: user, content: {exact: "fail"}}]}
    response: {http_status: 500, error_message: "out of memory"}
"""
TOOL = FunctionTool("image_generation", "Makes a picture.", {"type": "object"})
ORDER = Message("user", (TextPart("draw a red circle"),))
CALL = FunctionCall("call_abc", "image_generation", '{"prompt": "a red circle"}')
DRAWN = FunctionCallOutput("call_abc", (TextPart('{"ok":true,"status":"completed"}'),))


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    script = tmp_path / "script.yaml"
    script.write_text(SCRIPT)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("stubllm"), "serve", "--fixture-file", script),
        *("--port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    try:
        async for line in process.stderr:
            if b"Uvicorn running on" in line:
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.communicate()


async def ask(url: str, *items: Item) -> list[TurnEvent]:
    request = TurnRequest("any", items, tools=(TOOL,))
    async with (
        UpstreamHttp(url, limits=HttpLimits(retries=0)) as http,
        aclosing(ChatUpstream(http).stream(request)) as events,
    ):
        return [event async for event in events]


async def test_a_foreign_server_calls_our_tool_reads_its_output_and_fails(url: str) -> None:
    assert await ask(url, ORDER) == [
        CallStarted("call_0", "call_abc", "image_generation"),
        CallDelta("call_0", '{"prompt": "a red circle"}'),
        CallEnded("call_0", '{"prompt": "a red circle"}'),
        TurnEnded(),
    ]
    told = await ask(url, ORDER, CALL, DRAWN)
    assert told[-1] == TurnEnded()
    text = "".join(event.text for event in told if isinstance(event, TextDelta))
    assert text == "Here is your circle."
    assert len(told) > 2, "the text should come in several deltas"
    failed = await ask(url, Message("user", (TextPart("fail"),)))
    assert failed == [
        TurnFailed(
            "The language model server answered 500: out of memory", "server_error", 502, True
        )
    ]
