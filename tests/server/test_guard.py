from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.server.application import Rules, enclose
from limner.server.errors import json_response
from limner.server.guard import LOOPBACK_HOSTS, allowed_hosts
from tests.serving import connection, rest, serving

KEYS = frozenset({"sk-one", "sk-two"})


@asynccontextmanager
async def door(rules: Rules) -> AsyncIterator[str]:
    async def answer(request: Request) -> Response:
        return json_response({"done": True})

    closed = [Route("/", answer, methods=["GET", "POST", "DELETE"])]
    opened = [Route("/livez", answer)]
    async with serving(enclose(closed, opened, rules=rules)) as url:
        yield url


async def status(rules: Rules, method: str, *headers: str, path: str = "/") -> int:
    head = [f"{method} {path} HTTP/1.1", "Connection: close", *headers]
    async with door(rules) as url, connection(url) as (reader, writer):
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n")
        return int((await rest(reader)).split(b" ")[1])


@pytest.mark.parametrize(
    ("bind", "also", "hosts"),
    [
        ("127.0.0.1", [], LOOPBACK_HOSTS),
        ("127.0.0.53", [], LOOPBACK_HOSTS),
        ("::1", [], LOOPBACK_HOSTS),
        ("localhost", ["Paint.Example"], LOOPBACK_HOSTS | {"paint.example"}),
        ("0.0.0.0", [], None),
        ("paint.example", ["paint.example"], {"paint.example"}),
    ],
)
def test_a_loopback_server_answers_for_loopback_only(
    bind: str, also: list[str], hosts: frozenset[str] | None
) -> None:
    assert allowed_hosts(bind, also) == hosts


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Host: localhost"], 200),
        (["Host: LOCALHOST:8034"], 200),
        (["Host: localhost."], 200),
        (["Host: 127.0.0.1:8034"], 200),
        (["Host: [::1]:8034"], 200),
        (["Host: evil.test"], 421),
        (["Host: evil.test:8034"], 421),
        (["Host: localhost.evil.test"], 421),
        (["Host: localhost@evil.test"], 421),
        (["Host: localhost/evil.test"], 421),
        (["Host: "], 421),
        (["Host: localhost", "Host: evil.test"], 421),
        (["Host: localhost", "Host: localhost"], 421),
        ([], 421),
    ],
)
@pytest.mark.parametrize("path", ["/", "/livez", "/nowhere"])
async def test_names_that_are_not_ours_are_refused_on_every_path(
    path: str, headers: list[str], expected: int
) -> None:
    got = await status(Rules(hosts=LOOPBACK_HOSTS), "GET", *headers, path=path)
    assert got == (404 if path == "/nowhere" and expected == 200 else expected)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], 200),
        (["Origin: http://localhost:8034", "Sec-Fetch-Site: same-origin"], 200),
        (["Sec-Fetch-Site: none"], 200),
        (["Origin: https://chat.example", "Sec-Fetch-Site: cross-site"], 200),
        (["Origin: https://evil.test", "Sec-Fetch-Site: cross-site"], 403),
        (["Origin: http://localhost:3000", "Sec-Fetch-Site: same-site"], 403),
        (["Origin: null"], 403),
        (["Origin: "], 403),
        (["Sec-Fetch-Site: cross-site"], 403),
        (["Sec-Fetch-Site: same-site"], 403),
    ],
)
async def test_pages_of_other_sites_change_nothing(
    method: str, headers: list[str], expected: int
) -> None:
    rules = Rules(hosts=LOOPBACK_HOSTS, origins=frozenset({"https://chat.example"}))
    assert await status(rules, method, "Host: localhost:8034", *headers) == expected


async def test_other_sites_may_link_here() -> None:
    assert await status(Rules(), "GET", "Host: x", "Sec-Fetch-Site: cross-site") == 200


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Authorization: Bearer sk-one", 200),
        ("authorization: bearer sk-two", 200),
        ("Authorization: Bearer sk-three", 401),
        ("Authorization: Bearer sk-on", 401),
        ("Authorization: Bearer ", 401),
        ("Authorization: Basic sk-one", 401),
        ("Authorization: sk-one", 401),
        ("X-Api-Key: sk-one", 401),
        ("Authorization: Bearer \xf6", 401),
    ],
)
async def test_one_of_the_keys_is_needed(header: str, expected: int) -> None:
    assert await status(Rules(api_keys=KEYS), "GET", "Host: x", header) == expected


async def test_unknown_paths_need_the_key_and_health_does_not() -> None:
    rules = Rules(api_keys=KEYS)
    assert await status(rules, "GET", "Host: x", path="/nowhere") == 401
    assert await status(rules, "GET", "Host: x", path="/livez") == 200


async def test_the_refusal_of_a_key_is_openais() -> None:
    async with door(Rules(api_keys=KEYS)) as url, connection(url) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        reply = await rest(reader)
    assert b"www-authenticate: Bearer\r\n" in reply
    assert b'"code":"invalid_api_key"' in reply
    assert b"x-request-id: req_" in reply


async def test_keys_never_show_in_a_representation() -> None:
    assert "sk-one" not in repr(Rules(api_keys=KEYS))


async def test_cors_is_off_unless_an_origin_is_named() -> None:
    preflight = (
        b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://chat.example\r\n"
        b"Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
    )
    replies = []
    for origins in (frozenset[str](), frozenset({"https://chat.example"})):
        async with door(Rules(origins=origins)) as url, connection(url) as (reader, writer):
            writer.write(preflight)
            replies.append((await rest(reader)).lower())
    assert b"access-control" not in replies[0]
    assert b"access-control-allow-origin: https://chat.example" in replies[1]
    assert b"credentials" not in replies[1]
