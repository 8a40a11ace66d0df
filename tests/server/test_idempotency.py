"""A request that is sent again under its key is answered again, not done again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.errors import InvalidRequest
from limner.server.application import Rules, enclose
from limner.server.body import read_form, read_json
from limner.server.errors import json_response
from limner.server.idempotency import Idempotency
from limner.server.streaming import EventStream, while_client_waits
from limner.store.blobs import Blobs
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.replies import Replies
from limner.store.sqlite import open_sqlite
from limner.wire import sse
from tests.serving import connection, post, rest, serving

KEY = {"Idempotency-Key": "k-1"}


class Work:
    """Counts how often it is done; its status and its end are as a test says."""

    def __init__(self) -> None:
        self.done = 0
        self.status = 200
        self.repeatable = True
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.begun = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        if request.headers["Content-Type"].startswith("multipart/"):
            self.done += 1
            return json_response((await read_form(request)).fields)
        body = await read_json(request)
        if body.get("stream"):
            return EventStream(self.frames(), last_word=lambda error: b"")
        self.begun.set()
        async with while_client_waits(request.receive):
            await self.may_end.wait()
        self.done += 1
        if body.get("break"):
            raise ZeroDivisionError
        if self.status >= 400:
            raise InvalidRequest("no", status=self.status)
        return json_response({"done": self.done}, self.status, {"X-Job": "7"})

    async def frames(self) -> AsyncGenerator[bytes, None]:
        for number in range(3):
            self.done += 1
            yield sse.encode("step", b"%d" % number)
            await self.may_end.wait()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def replies(tmp_path: Path) -> AsyncIterator[Replies]:
    async with open_sqlite(None) as database:
        await upgrade(database)
        yield Replies(database, Texts(Blobs(tmp_path)), is_alone=True)


@pytest.fixture
async def url(work: Work, replies: Replies) -> AsyncIterator[str]:
    once = Middleware(Idempotency, replies, {"/work": lambda: work.repeatable})
    routes = [Route(path, work.answer, methods=["POST"]) for path in ("/work", "/other")]
    rules = Rules(api_keys=frozenset({"sk-one", "sk-two"}))
    async with serving(enclose(routes, rules=rules, inner=[once])) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": "Bearer sk-one"}
    async with httpx.AsyncClient(base_url=url, headers=headers) as client:
        yield client


async def test_the_same_bytes_come_again_and_nothing_is_done_twice(
    client: httpx.AsyncClient, work: Work
) -> None:
    first, second = [await client.post("/work", json={"a": 1}, headers=KEY) for _ in range(2)]
    assert work.done == 1
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second.headers["X-Job"] == "7"
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert second.headers["Content-Length"] == first.headers["Content-Length"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"]


async def test_streams_come_again_frame_by_frame(client: httpx.AsyncClient, work: Work) -> None:
    first, second = [await client.post("/work", json={"stream": True}, headers=KEY) for _ in "12"]
    assert work.done == 3
    assert first.text == second.text
    assert first.text.count("event: step") == 3
    assert second.headers["Content-Type"].startswith("text/event-stream")


async def test_frames_are_not_held_back(client: httpx.AsyncClient, work: Work) -> None:
    work.may_end.clear()
    async with client.stream("POST", "/work", json={"stream": True}, headers=KEY) as reply:
        pieces = reply.aiter_bytes()
        assert b"step" in await anext(pieces)
        work.may_end.set()
        assert b"".join([piece async for piece in pieces]).count(b"event: step") == 2


async def test_without_a_key_or_on_other_routes_work_is_done_each_time(
    client: httpx.AsyncClient, work: Work
) -> None:
    for path, headers in (("/work", {}), ("/work", {}), ("/other", KEY), ("/other", KEY)):
        assert (await client.post(path, json={}, headers=headers)).status_code == 200
    assert work.done == 4


async def test_keys_of_others_are_others(client: httpx.AsyncClient, work: Work) -> None:
    for owner in ("sk-one", "sk-two"):
        headers = {**KEY, "Authorization": f"Bearer {owner}"}
        await client.post("/work", json={}, headers=headers)
    assert work.done == 2


async def test_while_it_is_in_work_the_second_is_told_to_come_back(
    client: httpx.AsyncClient, work: Work
) -> None:
    work.may_end.clear()
    first = asyncio.create_task(client.post("/work", json={}, headers=KEY))
    await work.begun.wait()
    second = await client.post("/work", json={}, headers=KEY)
    assert second.status_code == 409
    assert second.json()["error"]["code"] == "idempotency_in_progress"
    assert int(second.headers["Retry-After"]) > 0
    work.may_end.set()
    assert (await first).status_code == 200


async def test_another_body_needs_another_key(client: httpx.AsyncClient, work: Work) -> None:
    await client.post("/work", json={"a": 1}, headers=KEY)
    reply = await client.post("/work", json={"a": 2}, headers=KEY)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "idempotency_key_reused")


async def test_a_client_that_leaves_finds_its_reply_when_it_comes_back(
    client: httpx.AsyncClient, url: str, work: Work
) -> None:
    work.may_end.clear()
    async with connection(url) as (_, writer):
        headers = ("Authorization: Bearer sk-one", "Idempotency-Key: k-1")
        writer.write(post("/work", {"a": 1}, *headers))
        await work.begun.wait()
    work.may_end.set()
    reply = await client.post("/work", content=b'{"a":1}', headers={**KEY, **JSON})
    while reply.status_code == 409:
        reply = await client.post("/work", content=b'{"a":1}', headers={**KEY, **JSON})
    assert reply.json() == {"done": 1}


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("status", "repeatable", "is_kept"),
    [
        (400, True, False),
        (404, False, False),
        (429, False, False),
        (503, False, False),
        (500, True, False),
        (500, False, True),
        (502, False, True),
        (202, True, True),
    ],
)
async def test_what_leaves_nothing_behind_frees_the_key(
    client: httpx.AsyncClient, work: Work, status: int, repeatable: bool, is_kept: bool
) -> None:
    work.status, work.repeatable = status, repeatable
    replies = [await client.post("/work", json={}, headers=KEY) for _ in "12"]
    assert [reply.status_code for reply in replies] == [status, status]
    assert work.done == (1 if is_kept else 2)


async def test_a_bug_frees_the_key(client: httpx.AsyncClient, work: Work) -> None:
    for _ in "12":
        assert (await client.post("/work", json={"break": 1}, headers=KEY)).status_code == 500
    assert work.done == 2


@pytest.mark.parametrize("repeatable", [True, False])
async def test_after_a_crash_work_is_done_again_only_where_that_is_free(
    client: httpx.AsyncClient, replies: Replies, work: Work, repeatable: bool
) -> None:
    work.repeatable = repeatable
    work.may_end.clear()
    first = asyncio.create_task(client.post("/work", json={}, headers=KEY))
    await work.begun.wait()
    replies._runner = "the next process"
    work.begun.clear()
    second = asyncio.create_task(client.post("/work", json={}, headers=KEY))
    if repeatable:
        await work.begun.wait()
        work.may_end.set()
        assert (await second).status_code == 200
        assert work.done == 2
    else:
        assert (await second).json()["error"]["code"] == "outcome_unknown"
        assert (await second).status_code == 409
        work.may_end.set()
    await first


async def test_a_form_is_the_same_whatever_its_boundary(
    client: httpx.AsyncClient, work: Work
) -> None:
    for boundary, value, status in (("one", "x", 200), ("other", "x", 200), ("one", "y", 422)):
        part = f'Content-Disposition: form-data; name="a"\r\n\r\n{value}'
        body = f"--{boundary}\r\n{part}\r\n--{boundary}--\r\n"
        headers = {**KEY, "Content-Type": f"multipart/form-data; boundary={boundary}"}
        reply = await client.post("/work", content=body, headers=headers)
        assert reply.status_code == status, reply.text
    assert work.done == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\xe9"])
async def test_a_key_that_is_none_is_refused(url: str, key: str) -> None:
    async with connection(url) as (reader, writer):
        headers = ("Authorization: Bearer sk-one", f"Idempotency-Key: {key}", "Connection: close")
        writer.write(post("/work", {}, *headers))
        reply = await rest(reader)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"invalid_idempotency_key" in reply
