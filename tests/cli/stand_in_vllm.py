"""A program that behaves as the server of `vllm serve` does, without a model.

It logs and listens to nothing until the file `go` is in its folder, answers `/health` then, calls
the first function that it is offered, and leaves notes: `argv`, `ended`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent


async def health(request: web.Request) -> web.Response:
    return web.Response()


async def chat(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    painted = any(message["role"] == "tool" for message in asked["messages"])
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    if painted or not asked.get("tools"):
        delta: dict[str, object] = {"content": f"Served by {asked['model']}."}
        finish = "stop"
    else:
        function = {
            "name": asked["tools"][0]["function"]["name"],
            "arguments": '{"prompt": "a cat"}',
        }
        call = {"index": 0, "id": "call_1", "type": "function", "function": function}
        delta, finish = {"tool_calls": [call]}, "tool_calls"
    for choice in ({"delta": delta}, {"delta": {}, "finish_reason": finish}):
        chunk = {"id": "c", "choices": [{"index": 0, **choice}]}
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


async def models(request: web.Request) -> web.Response:
    """The model, and the adapters of `--lora-modules name=path …`."""
    adapters = [word.partition("=")[0] for word in sys.argv if word.count("=") == 1]
    names = [sys.argv[2], *(name for name in adapters if not name.startswith("-"))]
    return web.json_response({"object": "list", "data": [{"id": name} for name in names]})


async def echo(request: web.Request) -> web.StreamResponse:
    """Every piece back as soon as it has come, behind what came as the head."""
    names = ("X-Mine", "Authorization", "Content-Type")
    head = {name: request.headers[name] for name in names if name in request.headers}
    response = web.StreamResponse(status=207, headers={"X-Path": request.path_qs})
    await response.prepare(request)
    await response.write(json.dumps(head).encode() + b"\n")
    async for piece in request.content.iter_any():
        await response.write(piece)
    return response


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Every message back, behind the path that was asked for."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(request.path_qs)
    async for message in socket:
        await socket.send_str(message.data)
    (FOLDER / f"closed with {socket.close_code}").touch()
    return socket


async def hang(request: web.Request) -> web.Response:
    (FOLDER / "asked").touch()
    try:
        await asyncio.Event().wait()
    finally:
        (FOLDER / "left").touch()
    return web.Response()


async def crash(request: web.Request) -> web.Response:
    os._exit(1)


async def main() -> None:
    arguments = sys.argv[1:]
    (FOLDER / "argv").write_text(json.dumps(arguments))
    if "--no-such-flag" in arguments:
        print("vllm: error: unrecognized arguments: --no-such-flag", file=sys.stderr)
        sys.exit(2)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print("INFO Loading weights: 1/2", flush=True)
    while not ((FOLDER / "go").exists() or stopped.is_set()):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/realtime", talk)
    app.router.add_get("/hang", hang)
    app.router.add_post("/crash", crash)
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    host, port = (arguments[arguments.index(name) + 1] for name in ("--host", "--port"))
    await web.TCPSite(runner, host, int(port)).start()
    await stopped.wait()
    await runner.cleanup()
    (FOLDER / "ended").touch()


asyncio.run(main())
