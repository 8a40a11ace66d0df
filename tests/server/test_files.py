"""The Files API, asked by the official SDK and by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import openai
import pytest

from limner.server.application import Rules, enclose
from limner.server.files import files_routes
from limner.store.files import StoredFiles
from limner.wire.files import MAX_FILE_BYTES
from tests.pictures import picture
from tests.serving import serving
from tests.stores import store_parts

PNG = picture().content


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with store_parts(tmp_path) as parts:
        routes = files_routes(StoredFiles(parts.database, parts.blobs))
        keys = frozenset({"ann", "bob"})
        async with serving(enclose(routes, rules=Rules(api_keys=keys))) as address:
            yield address


@pytest.fixture
async def ann(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="ann", max_retries=0) as client:
        yield client


@pytest.fixture
async def bob(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="bob", max_retries=0) as client:
        yield client


async def test_the_sdk_uploads_looks_and_deletes(ann: openai.AsyncOpenAI) -> None:
    made = await ann.files.create(
        file=("fuchs ü.png", PNG),
        purpose="vision",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert (made.bytes, made.filename, made.purpose) == (len(PNG), "fuchs ü.png", "vision")
    assert made.expires_at is not None
    assert made.expires_at - made.created_at == 3600
    assert await ann.files.retrieve(made.id) == made
    content = await ann.files.content(made.id)
    assert content.content == PNG
    assert content.response.headers["content-type"] == "image/png"
    gone = await ann.files.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "file")
    with pytest.raises(openai.NotFoundError):
        await ann.files.retrieve(made.id)


async def test_the_sdk_walks_through_pages(ann: openai.AsyncOpenAI) -> None:
    made = [(await ann.files.create(file=PNG, purpose="user_data")).id for _ in range(3)]
    await ann.files.create(file=PNG, purpose="vision")
    listed = ann.files.list(limit=2, order="asc", purpose="user_data")
    assert [file.id async for file in listed] == made


async def test_foreign_files_are_like_unknown_ones(
    ann: openai.AsyncOpenAI, bob: openai.AsyncOpenAI
) -> None:
    made = await ann.files.create(file=PNG, purpose="vision")
    for ask in (bob.files.retrieve, bob.files.delete, bob.files.content):
        with pytest.raises(openai.NotFoundError) as foreign:
            await ask(made.id)
        with pytest.raises(openai.NotFoundError) as unknown:
            await ask("file-none")
        same = foreign.value.response.text.replace(made.id, "file-none")
        assert same == unknown.value.response.text
    assert [file async for file in bob.files.list()] == []
    assert (await ann.files.retrieve(made.id)).id == made.id


async def test_refusals_are_typed(ann: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as no_picture:
        await ann.files.create(file=b"%PDF-1.7", purpose="vision")
    assert no_picture.value.code == "unsupported_file"
    with pytest.raises(openai.BadRequestError) as purpose:
        await ann.files.create(file=PNG, purpose="batch")
    assert purpose.value.param == "purpose"
    for size in (MAX_FILE_BYTES + 1, MAX_FILE_BYTES + 2 * 1024 * 1024):
        with pytest.raises(openai.APIStatusError) as large:
            await ann.files.create(file=PNG + bytes(size), purpose="vision")
        assert large.value.status_code == 413


async def test_content_is_cached_and_can_do_nothing_in_a_browser(
    url: str, ann: openai.AsyncOpenAI
) -> None:
    made = await ann.files.create(file=("a;b\\ü.png", PNG), purpose="vision")
    where = f"{url}/v1/files/{made.id}/content"
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer ann"}) as session:
        async with session.get(where) as whole:
            assert whole.headers["Cache-Control"] == "private, max-age=31536000, immutable"
            assert whole.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
            assert whole.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert whole.headers.getall("X-Content-Type-Options") == ["nosniff"]
            assert whole.headers["Content-Disposition"].startswith('inline; filename="a_b__.png";')
            assert "filename*=UTF-8''a%3Bb%5C%C3%BC.png" in whole.headers["Content-Disposition"]
            tag = whole.headers["ETag"]
        async with session.head(where) as head:
            assert (head.status, head.headers["Content-Length"]) == (200, str(len(PNG)))
            assert await head.read() == b""
        for given, status in ((tag, 304), (f'"x", W/{tag}', 304), ("*", 304), ('"x"', 200)):
            async with session.get(where, headers={"If-None-Match": given}) as again:
                assert again.status == status
                assert (await again.read() == b"") == (status == 304)
