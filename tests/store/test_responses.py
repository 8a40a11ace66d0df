"""Kept responses, on both databases."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from limner.core.errors import InvalidRequest
from limner.core.page import Page
from limner.core.response_store import Claim, Ending, Frame, Lease, Nature, NewResponse
from limner.store.blobs import Blobs
from limner.store.conversations import Conversations
from limner.store.database import Database
from limner.store.pictures import Texts, sweep
from limner.store.responses import LEASE_S, UNSTORED_S, StoredResponses
from limner.wire.pictures import to_base64
from tests.pictures import picture

KEEP_S = 1_000.0
OWNER = "ann"
PICTURE = picture()
LOGGED: dict[str, Any] = {"is_logged": True, "background": True, "streamed": True}


class Clock:
    now = 5_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def responses(database: Database, texts: Texts, clock: Clock) -> StoredResponses:
    return StoredResponses(database, texts, keep_s=KEEP_S, clock=clock)


def new(id: str = "resp_1", *input: Any, order: bytes = b"{}", **nature: Any) -> NewResponse:
    owner = nature.pop("owner", OWNER)
    kind = Nature(owner, 5_000.5, 9_000.25, **nature)
    frames = [b"data: 0\n\n", b"data: 1\n\n"] if kind.is_logged else []
    return NewResponse(id, kind, "queued", b'{"id":"%s"}' % id.encode(), input, order, frames)


def message(id: str, text: str = "hi") -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "id": id, "content": content}


def drawn(id: str) -> dict[str, Any]:
    return {"type": "image_generation_call", "id": id, "result": to_base64(PICTURE)}


def ending(*output: Any, status: Any = "completed", **more: Any) -> Ending:
    return Ending(status, b'{"status":"%s"}' % status.encode(), output, **more)


async def kept(responses: StoredResponses, id: str, input: Any, output: Any, **nature: Any) -> None:
    lease = await responses.create(new(id, input, **nature))
    assert lease is not None
    assert await responses.finish(lease, [], ending(output))


async def claimed(responses: StoredResponses, id: str | None = None) -> Claim:
    claim = await responses.claim(id)
    assert claim is not None
    return claim


async def test_a_response_is_given_back_as_it_was_made(responses: StoredResponses) -> None:
    made = new(previous_id="resp_0", streamed=True)
    assert await responses.create(made) == Lease("resp_1", 1)
    found = await responses.get(OWNER, "resp_1")
    assert found is not None
    assert (found.id, found.nature, found.status) == ("resp_1", made.nature, "queued")
    assert found.text == made.text
    assert not found.has_ended
    assert await responses.peek("resp_1") == found


async def test_another_owner_finds_nothing(responses: StoredResponses) -> None:
    await kept(responses, "resp_1", message("msg_1"), message("msg_2"))
    assert await responses.get("bob", "resp_1") is None
    assert await responses.items("bob", ["msg_1"]) == {}
    assert not await responses.delete("bob", "resp_1")
    with pytest.raises(InvalidRequest):
        await responses.context("bob", "resp_1")
    assert await responses.get(OWNER, "resp_1") is not None


async def test_its_end_stays_as_it_is(responses: StoredResponses, database: Database) -> None:
    lease = await responses.create(new())
    assert lease is not None
    assert await responses.finish(lease, [], ending(status="failed"))
    assert not await responses.finish(lease, [], ending())
    assert not await responses.append(lease, [Frame(0, b"late")], {}, "")
    assert await responses.renew([lease]) == {}
    with pytest.raises(Exception, match="stays as it is"):
        await database.write(lambda tx: tx.run("UPDATE responses SET status = 'completed'"))
    found = await responses.get(OWNER, "resp_1")
    assert found is not None
    assert (found.status, found.text, found.has_ended) == ("failed", b'{"status":"failed"}', True)


async def test_a_logged_response_waits_and_is_claimed_once(responses: StoredResponses) -> None:
    await responses.create(new(order=b'{"body":1}', **LOGGED))
    assert await responses.waiting() == 1
    claim = await claimed(responses)
    assert (claim.lease, claim.order, claim.attempts) == (Lease("resp_1", 1), b'{"body":1}', 1)
    assert (claim.spent, claim.cancel_requested) == ("", False)
    assert await responses.claim() is None
    assert await responses.waiting() == 0


async def test_the_oldest_is_claimed_first_and_one_by_its_name(responses: StoredResponses) -> None:
    for number in (2, 1, 3):
        made = new(f"resp_{number}", **LOGGED)
        nature = replace(made.nature, created_at=float(number))
        await responses.create(replace(made, nature=nature))
    assert (await claimed(responses, "resp_3")).lease.id == "resp_3"
    assert (await claimed(responses)).lease.id == "resp_1"
    assert (await claimed(responses)).lease.id == "resp_2"


async def test_a_lost_lease_is_fenced_off(responses: StoredResponses, clock: Clock) -> None:
    await responses.create(new(**LOGGED))
    first = await claimed(responses)
    clock.now += LEASE_S + 1
    second = await claimed(responses)
    assert (second.lease.epoch, second.attempts) == (2, 2)
    assert not await responses.append(first.lease, [Frame(2, b"stale")], {}, "")
    assert not await responses.finish(first.lease, [Frame(2, b"stale")], ending())
    assert await responses.renew([first.lease, second.lease]) == {"resp_1": False}
    assert await responses.append(second.lease, [Frame(2, b"fresh")], {}, "")
    assert [frame.content for frame in await responses.frames("resp_1", 1, 10)] == [b"fresh"]


async def test_a_renewed_lease_holds_and_tells_of_a_wish_to_cancel(
    responses: StoredResponses, clock: Clock
) -> None:
    await responses.create(new(**LOGGED))
    claim = await claimed(responses)
    clock.now += LEASE_S - 1
    assert await responses.renew([claim.lease]) == {"resp_1": False}
    await responses.request_cancel("resp_1")
    clock.now += LEASE_S - 1
    assert await responses.claim() is None
    assert await responses.renew([claim.lease]) == {"resp_1": True}


async def test_what_is_given_back_counts_as_not_tried(responses: StoredResponses) -> None:
    await responses.create(new(**LOGGED))
    claim = await claimed(responses)
    assert await responses.append(claim.lease, [Frame(2, b"so far")], {}, '{"turns":1}')
    await responses.release([claim.lease])
    again = await claimed(responses)
    assert (again.attempts, again.spent, again.lease.epoch) == (1, '{"turns":1}', 2)


async def test_frames_come_back_byte_by_byte_with_their_pictures_elsewhere(
    responses: StoredResponses, database: Database
) -> None:
    await responses.create(new(**LOGGED))
    claim = await claimed(responses)
    content = b'data: {"partial_image_b64":"%s"}\n\n' % to_base64(PICTURE).encode()
    frames = [Frame(2, content, [PICTURE.content]), Frame(3, b"data: 3\n\n")]
    assert await responses.append(claim.lease, frames, {0: drawn("ig_1")}, "")
    assert await responses.frames("resp_1", -1, 10) == [
        Frame(0, b"data: 0\n\n"),
        Frame(1, b"data: 1\n\n"),
        *frames,
    ]
    assert [frame.number for frame in await responses.frames("resp_1", 0, 2)] == [1, 2]
    assert await responses.output("resp_1") == [drawn("ig_1")]
    for table, column in (("response_events", "frame"), ("response_items", "item")):
        rows = await database.read(f"SELECT {column} FROM {table}")
        assert not any(to_base64(PICTURE).encode() in bytes(row[0] or b"") for row in rows)  # type: ignore[arg-type]


async def test_a_chain_says_everything_in_its_order(responses: StoredResponses) -> None:
    await kept(responses, "resp_1", message("msg_1"), drawn("ig_1"))
    await kept(responses, "resp_2", message("msg_2"), message("msg_3"), previous_id="resp_1")
    assert await responses.context(OWNER, "resp_2") == [
        message("msg_1"),
        drawn("ig_1"),
        message("msg_2"),
        message("msg_3"),
    ]


@pytest.mark.parametrize("gone", ["resp_1", "resp_2"])
async def test_a_chain_with_a_hole_is_refused(responses: StoredResponses, gone: str) -> None:
    await kept(responses, "resp_1", message("msg_1"), message("msg_2"))
    await kept(responses, "resp_2", message("msg_3"), message("msg_4"), previous_id="resp_1")
    assert await responses.delete(OWNER, gone)
    with pytest.raises(InvalidRequest) as caught:
        await responses.context(OWNER, "resp_2")
    assert caught.value.message == f"Previous response with id '{gone}' not found."
    assert caught.value.param == "previous_response_id"
    assert caught.value.code == "previous_response_not_found"


async def test_nothing_goes_on_from_what_is_not_stored_or_not_over(
    responses: StoredResponses,
) -> None:
    await kept(responses, "resp_1", message("msg_1"), message("msg_2"), stored=False)
    with pytest.raises(InvalidRequest, match="not found"):
        await responses.context(OWNER, "resp_1")
    assert await responses.get(OWNER, "resp_1") is None
    assert await responses.items(OWNER, ["msg_1"]) == {}
    await responses.create(new("resp_2"))
    with pytest.raises(InvalidRequest, match="still queued"):
        await responses.context(OWNER, "resp_2")


async def test_what_a_chain_rests_on_is_kept_longer(
    responses: StoredResponses, clock: Clock
) -> None:
    await kept(responses, "resp_1", message("msg_1"), message("msg_2"))
    await kept(responses, "resp_2", message("msg_3"), message("msg_4"), previous_id="resp_1")
    clock.now += KEEP_S - 1
    await responses.context(OWNER, "resp_2")
    clock.now += 2
    await responses.forget(clock.now)
    assert len(await responses.context(OWNER, "resp_2")) == 4
    clock.now += KEEP_S + 1
    await responses.forget(clock.now)
    assert await responses.get(OWNER, "resp_1") is None


async def test_unstored_background_responses_are_kept_for_ten_minutes(
    responses: StoredResponses, clock: Clock
) -> None:
    await responses.create(new(stored=False, **LOGGED))
    claim = await claimed(responses)
    clock.now += 2 * UNSTORED_S
    await responses.forget(clock.now)
    claim = await claimed(responses)
    assert await responses.finish(claim.lease, [Frame(2, b"end")], ending())
    clock.now += UNSTORED_S - 1
    await responses.forget(clock.now)
    assert await responses.get(OWNER, "resp_1") is not None
    clock.now += 2
    await responses.forget(clock.now)
    assert await responses.get(OWNER, "resp_1") is None


async def test_what_is_forgotten_takes_its_pictures_along(
    responses: StoredResponses, database: Database, blobs: Blobs, clock: Clock
) -> None:
    await kept(responses, "resp_1", message("msg_1"), drawn("ig_1"))
    assert await sweep(database, blobs, grace_s=-1) == 0
    clock.now += KEEP_S + 1
    await responses.forget(clock.now)
    assert await sweep(database, blobs, grace_s=-1) == 1
    for table in ("pictures", "response_items", "response_events"):
        assert await database.read(f"SELECT * FROM {table}") == []


async def test_the_newest_of_several_items_of_one_id_counts(responses: StoredResponses) -> None:
    for number in (1, 2):
        made = new(f"resp_{number}", message("msg_1", f"text {number}"))
        nature = replace(made.nature, created_at=float(number))
        await responses.create(replace(made, nature=nature))
    found = await responses.items(OWNER, ["msg_1", "msg_2"])
    assert found == {"msg_1": message("msg_1", "text 2")}


async def test_a_key_belongs_to_one_response_of_an_owner_until_it_is_freed(
    responses: StoredResponses,
) -> None:
    await responses.create(new(key="k", digest="d", **LOGGED))
    assert await responses.create(new("resp_2", key="k", digest="d", **LOGGED)) is None
    assert await responses.create(new("resp_3", key="k", owner="bob", **LOGGED)) is not None
    found = await responses.by_key(OWNER, "k")
    assert found is not None
    assert (found.id, found.nature.digest) == ("resp_1", "d")
    claim = await claimed(responses, "resp_1")
    over = ending(status="failed", refusal='{"status":503}', frees_key=True)
    assert await responses.finish(claim.lease, [], over)
    assert await responses.by_key(OWNER, "k") is None
    ended = await responses.peek("resp_1")
    assert ended is not None
    assert ended.refusal == '{"status":503}'


async def test_a_dead_process_leaves_its_clients_responses_to_others(
    responses: StoredResponses, clock: Clock
) -> None:
    first = await responses.create(new("resp_1"))
    await responses.create(new("resp_2", **LOGGED))
    assert first is not None
    assert await responses.orphans() == []
    clock.now += LEASE_S + 1
    ((lease, response),) = await responses.orphans()
    assert (lease, response.id) == (Lease("resp_1", 2), "resp_1")
    assert not await responses.finish(first, [], ending())
    assert await responses.orphans() == []
    assert await responses.finish(lease, [], ending(status="failed"))


async def test_the_only_process_takes_everything_over_at_once(responses: StoredResponses) -> None:
    await responses.create(new("resp_1"))
    await responses.create(new("resp_2", **LOGGED))
    await claimed(responses)
    assert [lease.id for lease, _ in await responses.orphans(sole=True)] == ["resp_1"]
    assert (await claimed(responses)).attempts == 2


@pytest.mark.parametrize("newest_first", [True, False])
async def test_the_input_is_listed_in_pages(responses: StoredResponses, newest_first: bool) -> None:
    items = [message(f"msg_{number}") for number in range(5)]
    await responses.create(new("resp_1", *items))
    after: str | None = None
    found: list[Any] = []
    for size in (2, 2, 1):
        page = await responses.input_page("resp_1", Page(2, after, newest_first=newest_first))
        assert len(page.entries) == size
        found += page.entries
        after = page.entries[-1]["id"]
        assert page.has_more == (size == 2)
    assert found == (items[::-1] if newest_first else items)
    with pytest.raises(InvalidRequest, match="msg_9"):
        await responses.input_page("resp_1", Page(2, "msg_9"))


async def test_a_conversation_gets_what_was_said_when_the_response_ends(
    responses: StoredResponses, database: Database, texts: Texts
) -> None:
    conversations = Conversations(database, texts)
    conversation = await conversations.create(OWNER, {}, [message("msg_0")])
    for first, second in itertools.pairwise(("msg_1", "ig_1", "msg_2", "ig_2")):
        if first.startswith("msg"):
            id = f"resp_{first}"
            ids = {"conversation_id": conversation.id}
            await kept(responses, id, message(first), drawn(second), **ids)
    said = ["msg_0", "msg_1", "ig_1", "msg_2", "ig_2"]
    items = await conversations.items(OWNER, conversation.id)
    assert items is not None
    assert [item["id"] for item in items] == said
    context = await responses.context(OWNER, "resp_msg_1")
    assert [item["id"] for item in context] == said[:3]
    await conversations.delete(OWNER, conversation.id)
    context = await responses.context(OWNER, "resp_msg_1")
    assert [item["id"] for item in context] == ["msg_1", "ig_1"]
