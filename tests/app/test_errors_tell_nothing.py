"""Whatever a client sends, it is never a 500, and never tells of the inside of the server."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from limner.app.server import open_server
from limner.config import load
from tests.app.test_every_route import NOWHERE, Door, doors

INSIDE = re.compile(
    rb"Traceback|/home/|/usr/|/tmp/|/root|\.py\b|0x[0-9a-f]{6,}|SELECT |INSERT |sqlite|psycopg"
    rb"|127\.0\.0\.1:\d+|object at |NoneType|asyncio|limner\.[a-z]"
)
WORDS = ["model", "input", "prompt", "tools", "type", "image_generation", "stream", "size", "n"]
WORDS += ["role", "user", "content", "input_image", "image_url", "file_id", "id", "items", "images"]
WORDS += ["message", "function_call_output", "call_id", "output", "image_generation_call", "result"]
WORDS += [
    "tool_choice",
    "mask",
    "conversation",
    "previous_response_id",
    "metadata",
    "../../x",
    "💥",
]
PATHS = ["..%2f..%2fetc%2fpasswd", "%00", "%ff%fe", "a" * 2000, "' OR 1=1 --", "resp_%0a", "None"]
SCALARS: list[object] = [
    None,
    True,
    0,
    -1,
    1.5,
    2**53,
    1e300,
    "",
    "a",
    "x" * 300,
    [],
    {},
    "data:image/png;base64,AA",
]


def odd(chance: random.Random, depth: int = 0) -> Any:
    """A JSON value that looks a little like a request."""
    kind = chance.random()
    if depth > 3 or kind < 0.35:
        return chance.choice([*SCALARS, *WORDS])
    if kind < 0.6:
        return [odd(chance, depth + 1) for _ in range(chance.randint(0, 3))]
    return {chance.choice(WORDS): odd(chance, depth + 1) for _ in range(chance.randint(0, 5))}


def bodies(chance: random.Random) -> Iterator[tuple[bytes, str]]:
    for _ in range(60):
        value = {chance.choice(WORDS): odd(chance) for _ in range(chance.randint(1, 6))}
        yield orjson.dumps(value), "application/json"
    starts: list[dict[str, object]] = [
        {"model": "limner", "input": "hello"},
        {"prompt": "a cat"},
        {"items": []},
    ]
    for start in starts:
        for _ in range(40):
            yield orjson.dumps({**start, chance.choice(WORDS): odd(chance)}), "application/json"
    for content in (b"", b"{", b"[]", b"\xff", b'{"a":"\\u0000"}', b"[" * 500):
        yield content, "application/json"
        yield content, "multipart/form-data; boundary=b"
        yield content, "text/plain"
    part = b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n--b--\r\n'
    for name in (b"image", b"image[]", b"file", b"mask", b"prompt", b"purpose", b"n", b"\xff"):
        for file in (b"", b'; filename="../../a.png"', b'; filename="\xff"'):
            yield part % (name, file, b"no picture"), "multipart/form-data; boundary=b"


def paths(door: Door) -> Iterator[str]:
    if "{" not in door.path:
        yield door.path
        return
    for odd_path in PATHS:
        yield door.at(dict.fromkeys(NOWHERE, odd_path))


async def check(client: httpx.AsyncClient, method: str, path: str, **sent: Any) -> None:
    reply = await client.request(method, path, **sent)
    told = f"{method} {path} {sent} -> {reply.status_code} {reply.text[:500]}"
    assert reply.status_code < 500 or reply.status_code == 503, told
    if reply.status_code >= 400:
        assert not INSIDE.search(reply.content), told


@pytest.mark.parametrize("seed", range(3))
async def test_no_body_breaks_a_route(seed: int) -> None:
    settings = load({"store": "memory", "image_backend": "none", "client_urls": "off"}, {})
    async with open_server(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for door in doors(app.routes):
                if door.method not in ("POST", "PUT", "PATCH"):
                    continue
                for body, content_type in bodies(random.Random(f"{seed}{door}")):
                    headers = {"Content-Type": content_type}
                    path = door.at(NOWHERE)
                    await check(client, door.method, path, content=body, headers=headers)


async def test_no_path_or_query_breaks_a_route() -> None:
    settings = load({"store": "memory", "image_backend": "none"}, {})
    queries = [
        "",
        "?after=x&limit=-1&order=up",
        "?limit=1e9&after=%00",
        "?include=%ff&starting_after=a",
    ]
    async with open_server(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for door in doors(app.routes):
                if not door.is_socket:
                    for path in paths(door):
                        for query in queries:
                            await check(client, door.method, path + query)
