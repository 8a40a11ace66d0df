"""A scripted model server and image server in one process, which costs next to nothing.

Every byte of its replies is made at start. `POST …/chat/completions` answers with 100 deltas, all
at once or one every 20 ms (model `paced`), or first with a call of the tool where one is offered;
`POST …/images/generations` streams as many frames of 2 MB as were asked for, and then the picture.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
import sys
from base64 import b64encode
from typing import Any

DELTAS = 100
PACE_S = 0.02
FRAME_BYTES = 2_000_000

_OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: keep-alive\r\n\r\n"
)
_END = b"0\r\n\r\n"


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(value: dict[str, Any], name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    return _http_chunk(f"{head}data: {json.dumps(value)}\n\n".encode())


def _delta(finish: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]})


def _frame(kind: str, index: int | None = None) -> bytes:
    """A real header of 1024x1024 and noise: nobody on the way looks further."""
    noise = random.Random(index).randbytes(FRAME_BYTES)
    header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", 1024, 1024, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + header + b"\0\0\0\0" + noise
    value: dict[str, Any] = {
        "type": f"image_generation.{kind}",
        "b64_json": b64encode(png).decode(),
        "created_at": 1,
        "size": "1024x1024",
        "quality": "high",
        "background": "opaque",
        "output_format": "png",
    }
    if index is None:
        value["usage"] = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    else:
        value["partial_image_index"] = index
    return _event(value, value["type"])


class _Replies:
    def __init__(self) -> None:
        done = _http_chunk(b"data: [DONE]\n\n") + _END
        self.deltas = [_delta(content=f"word {number} ") for number in range(DELTAS)]
        self.text_end = _delta("stop") + done
        function = {"name": "image_generation", "arguments": '{"prompt": "a cat"}'}
        call = {"index": 0, "id": "call_0", "type": "function", "function": function}
        self.call = _delta(tool_calls=[call]) + _delta("tool_calls") + done
        self.partials = [_frame("partial_image", index) for index in range(3)]
        self.picture = _frame("completed") + _END


async def _answer(replies: _Replies, reader: asyncio.StreamReader, writer: Any) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            writer.write(_OK)
            if b"/images/generations" in head:
                wanted = json.loads(body).get("partial_images", 0)
                writer.write(b"".join(replies.partials[:wanted]) + replies.picture)
            elif b'"tools"' in body and b'"role":"tool"' not in body:
                writer.write(replies.call)
            else:
                await _speak(replies, writer, PACE_S if b'"paced"' in body else 0)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _speak(replies: _Replies, writer: Any, pace_s: float) -> None:
    if not pace_s:
        writer.write(b"".join(replies.deltas) + replies.text_end)
        return
    for delta in replies.deltas:
        writer.write(delta)
        await asyncio.sleep(pace_s)
    writer.write(replies.text_end)


async def feed() -> None:
    """Serve on a free port, which is printed first."""
    replies = _Replies()
    server = await asyncio.start_server(
        lambda reader, writer: _answer(replies, reader, writer), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
