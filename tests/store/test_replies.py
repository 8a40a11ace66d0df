"""Replies under keys, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.store.database import Database
from limner.store.pictures import Texts
from limner.store.replies import KEEP_S, LEASE_S, Asked, Claim, Replies, Reply
from limner.wire import json
from limner.wire.pictures import to_base64
from tests.pictures import picture

ASKED = Asked("ann", "/v1/images/generations", "key-1", "d1")
PICTURE = picture(200, 200, "jpeg", quality=100)
REPLY = Reply(200, (("content-type", "application/json"),), json.dump({"b64": to_base64(PICTURE)}))


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replies(database: Database, texts: Texts, clock: Clock) -> Replies:
    return Replies(database, texts, clock=clock)


async def claimed(replies: Replies, asked: Asked = ASKED, *, repeatable: bool = True) -> Claim:
    claim = await replies.claim(asked, repeatable=repeatable)
    assert isinstance(claim, Claim)
    return claim


async def test_the_same_reply_comes_again_with_its_pictures(
    replies: Replies, database: Database
) -> None:
    claim = await claimed(replies)
    assert await replies.claim(ASKED, repeatable=True) == "in_progress"
    await replies.finish(claim, REPLY)
    assert await replies.claim(ASKED, repeatable=False) == REPLY
    ((body,),) = await database.read("SELECT body FROM replies")
    assert isinstance(body, bytes)
    assert len(body) < 200
    assert len(await database.read("SELECT digest FROM pictures")) == 1


async def test_another_body_is_not_the_same_request(replies: Replies) -> None:
    claim = await claimed(replies)
    other = replace(ASKED, digest="d2")
    assert await replies.claim(other, repeatable=True) == "reused"
    await replies.finish(claim, REPLY)
    assert await replies.claim(other, repeatable=True) == "reused"


@pytest.mark.parametrize("change", [{"owner": "bob"}, {"route": "/generate"}, {"key": "key-2"}])
async def test_keys_are_of_one_owner_and_route(replies: Replies, change: dict[str, str]) -> None:
    await replies.finish(await claimed(replies), REPLY)
    await claimed(replies, replace(ASKED, **change))


async def test_a_released_key_is_free(replies: Replies) -> None:
    await replies.release(await claimed(replies))
    await claimed(replies)


async def test_work_whose_runner_is_gone_is_done_again_or_its_outcome_is_unknown(
    replies: Replies, database: Database, texts: Texts, clock: Clock
) -> None:
    late = await claimed(replies)
    other = Replies(database, texts, clock=clock)
    assert await other.claim(ASKED, repeatable=True) == "in_progress"
    clock.now += LEASE_S - 1
    await replies.renew(late)
    clock.now += LEASE_S - 1
    assert await other.claim(ASKED, repeatable=True) == "in_progress"
    clock.now += 2
    assert await other.claim(ASKED, repeatable=False) == "outcome_unknown"
    claim = await claimed(other)
    assert claim == Claim(late.id, 2)
    await replies.finish(late, replace(REPLY, status=201))
    await replies.release(late)
    await replies.renew(late)
    assert await other.claim(ASKED, repeatable=True) == "in_progress"
    await other.finish(claim, REPLY)
    assert await other.claim(ASKED, repeatable=True) == REPLY


async def test_a_server_that_is_alone_need_not_wait_for_one_that_has_ended(
    database: Database, texts: Texts, clock: Clock
) -> None:
    await claimed(Replies(database, texts, clock=clock, is_alone=True))
    after = Replies(database, texts, clock=clock, is_alone=True)
    assert await after.claim(ASKED, repeatable=False) == "outcome_unknown"
    await claimed(after)
    assert await after.claim(ASKED, repeatable=True) == "in_progress"


async def test_a_reply_is_kept_for_a_day(
    replies: Replies, database: Database, clock: Clock
) -> None:
    await replies.finish(await claimed(replies), REPLY)
    await replies.finish(await claimed(replies, replace(ASKED, key="key-2")), REPLY)
    clock.now += KEEP_S
    await claimed(replies)
    assert len(await database.read("SELECT digest FROM pictures")) == 1
    await replies.forget(clock.now)
    assert await database.read("SELECT digest FROM pictures") == []
    assert len(await database.read("SELECT id FROM replies")) == 1
