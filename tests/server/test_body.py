from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.server.application import Rules, enclose
from limner.server.body import PARSED_ASIDE_BYTES, FormLimits, read_form, read_json
from limner.server.errors import json_response
from tests.serving import connection, serving

LIMIT = 2 * PARSED_ASIDE_BYTES
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def echo(request: Request) -> Response:
        return json_response(await read_json(request, LIMIT))

    async with serving(enclose([Route("/", echo, methods=["POST"])], rules=Rules())) as url:
        yield url


async def send(url: str, body: object, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
    data = BytesIO(body) if isinstance(body, bytes) else body
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=data, headers=headers) as reply,
    ):
        return reply.status, await reply.json()


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
async def test_json_objects_are_read(url: str, content_type: str) -> None:
    assert await send(url, b'{"a": 1}', {"Content-Type": content_type}) == (200, {"a": 1})


async def test_large_bodies_are_read_whole(url: str) -> None:
    text = "x" * PARSED_ASIDE_BYTES
    assert await send(url, f'{{"a": "{text}"}}'.encode(), JSON) == (200, {"a": text})


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * 65536


@pytest.mark.parametrize(
    ("body", "headers", "status", "code", "says"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_content_type", "'text/plain'"),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, None, "form"),
        (b"{}", {"Content-Type": ""}, 415, "unsupported_content_type", "got none"),
        (
            b"{}",
            {**JSON, "Content-Encoding": "gzip"},
            415,
            "unsupported_content_encoding",
            "'gzip'",
        ),
        (b"", JSON, 400, "invalid_json", "empty"),
        (b"{", JSON, 400, "invalid_json", "not valid JSON"),
        (b"[]", JSON, 400, "invalid_type", "an array"),
        (b" " * (LIMIT + 1), JSON, 413, "request_too_large", f"{LIMIT + 1} bytes"),
    ],
)
async def test_other_bodies_are_refused_by_name(
    url: str, body: bytes, headers: dict[str, str], status: int, code: str | None, says: str
) -> None:
    got, reply = await send(url, body, headers)
    error = reply["error"]
    assert isinstance(error, dict)
    assert (got, error["type"]) == (status, "invalid_request_error")
    assert error["code"] == (code or "unsupported_content_type")
    assert says in error["message"]


async def test_a_body_of_undeclared_size_is_cut_at_the_limit(url: str) -> None:
    status, reply = await send(url, pieces(LIMIT // 65536 + 1), JSON)
    assert status == 413
    assert reply["error"]["code"] == "request_too_large"  # type: ignore[index]


async def test_a_declared_size_beyond_the_limit_is_refused_before_it_is_sent(url: str) -> None:
    async with connection(url) as (reader, writer):
        writer.write(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")


FORM_TYPE = "multipart/form-data; boundary=b"
FORM = {"Content-Type": FORM_TYPE}
FORM_LIMITS = FormLimits(body_bytes=LIMIT, files=2, fields=2, field_bytes=100)


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


@pytest.fixture
async def form_url() -> AsyncIterator[str]:
    async def echo(request: Request) -> Response:
        form = await read_form(request, FORM_LIMITS)
        files = [[name, file.filename, len(file.content)] for name, file in form.files]
        return json_response({"fields": form.fields, "files": files})

    async with serving(enclose([Route("/", echo, methods=["POST"])], rules=Rules())) as url:
        yield url


async def test_forms_are_read_with_all_their_parts_in_order(form_url: str) -> None:
    picture = bytes(PARSED_ASIDE_BYTES + 1)
    parts = (
        part("prompt", "Füchse".encode()),
        part("image[]", picture, "../a.png"),
        part("image[]", b"", ""),
    )
    assert await send(form_url, b"".join(parts) + b"--b--\r\n", FORM) == (
        200,
        {
            "fields": [["prompt", "Füchse"]],
            "files": [["image[]", "../a.png", len(picture)], ["image[]", "", 0]],
        },
    )


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{}", JSON, 415, "unsupported_content_type"),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, None),
        (b"", {**FORM, "Content-Encoding": "br"}, 415, "unsupported_content_encoding"),
        (b"x", {"Content-Type": "multipart/form-data"}, 400, "invalid_form"),
        (b"x", {"Content-Type": FORM_TYPE + "; charset=punycode"}, 415, None),
        (b"no form at all", FORM, 400, "invalid_form"),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\n\r\n--b--\r\n", FORM, 400, "invalid_form"),
        (part("a", b"x" * 101) + b"--b--\r\n", FORM, 400, "invalid_form"),
        (part("a", b"x") * 3 + b"--b--\r\n", FORM, 400, "invalid_form"),
        (part("a", b"x", "x") * 3 + b"--b--\r\n", FORM, 400, "invalid_form"),
        (part("a", bytes(LIMIT), "x") + b"--b--\r\n", FORM, 413, "request_too_large"),
        (part("a", b"cut", "x"), FORM, 400, "invalid_form"),
    ],
)
async def test_other_forms_are_refused_by_name(
    form_url: str, body: bytes, headers: dict[str, str], status: int, code: str | None
) -> None:
    got, reply = await send(form_url, body, headers)
    assert (got, reply["error"]["code"]) == (  # type: ignore[index]
        status,
        code or "unsupported_content_type",
    )


async def test_a_form_of_undeclared_size_is_cut_at_the_limit(form_url: str) -> None:
    async def endless_file() -> AsyncIterator[bytes]:
        yield part("a", b"", "x")[:-2]
        async for piece in pieces(LIMIT // 65536 + 1):
            yield piece

    status, reply = await send(form_url, endless_file(), FORM)
    assert status == 413
    assert reply["error"]["code"] == "request_too_large"  # type: ignore[index]
