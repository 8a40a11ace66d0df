"""Conversations, on both databases."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from limner.core.errors import InvalidRequest
from limner.core.page import Page
from limner.store.conversations import Conversations, append
from limner.store.database import Database
from limner.store.pictures import Texts

PICTURE = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def conversations(database: Database, texts: Texts) -> Conversations:
    return Conversations(database, texts, clock=lambda: 1_000.0)


def said(number: int) -> dict[str, Any]:
    return {"type": "message", "id": f"msg_{number}", "role": "user", "content": f"words {number}"}


def painted(number: int) -> dict[str, Any]:
    result = base64.b64encode(PICTURE).decode()
    return {"type": "image_generation_call", "id": f"ig_{number}", "result": result}


async def test_a_conversation_is_its_owners_alone(conversations: Conversations) -> None:
    made = await conversations.create("ann", {"topic": "foxes"}, [said(1)])
    assert made.id.startswith("conv_")
    assert await conversations.get("ann", made.id) == made
    assert await conversations.items("ann", made.id) == [said(1)]
    for owner, id in (("bob", made.id), ("ann", "conv_none")):
        assert await conversations.get(owner, id) is None
        assert await conversations.items(owner, id) is None
        assert await conversations.page(owner, id, Page(10)) is None
        assert await conversations.item(owner, id, "msg_1") is None
        assert await conversations.update(owner, id, {}) is None
        assert await conversations.delete_item(owner, id, "msg_1") is None
        assert not await conversations.add(owner, id, [said(2)])
        assert not await conversations.delete(owner, id)
    assert await conversations.items("ann", made.id) == [said(1)]


async def test_the_last_that_changed_comes_first(database: Database, texts: Texts) -> None:
    times = iter(range(100))
    conversations = Conversations(database, texts, clock=lambda: float(next(times)))
    made = [await conversations.create("ann", {"number": str(number)}) for number in range(4)]
    ids = [conversation.id for conversation in made]
    await conversations.create("bob", {})

    async def listed(**page: Any) -> list[int]:
        found = await conversations.listed("ann", Page(**{"limit": 10, **page}))
        return [ids.index(conversation.id) for conversation in found.entries]

    assert await listed() == [3, 2, 1, 0]
    assert await conversations.add("ann", ids[1], [said(1), said(2)])
    assert await listed() == [1, 3, 2, 0]
    assert await conversations.update("ann", ids[0], {"number": "zero"})
    assert await listed() == [0, 1, 3, 2]
    assert await conversations.delete_item("ann", ids[1], "msg_1")
    assert await listed() == [1, 0, 3, 2]
    await database.write(lambda tx: append(tx, "ann", ids[2], [], 50.0))
    assert await listed(newest_first=False) == [3, 0, 1, 2]
    assert await listed(after=ids[1], limit=1) == [0]
    assert await listed(after=ids[0], newest_first=False) == [1, 2]
    assert (await conversations.listed("ann", Page(3))).has_more
    with pytest.raises(InvalidRequest):
        await listed(after="conv_none")


async def test_metadata_is_replaced(conversations: Conversations) -> None:
    made = await conversations.create("ann", {"a": "1"})
    changed = await conversations.update("ann", made.id, {"b": "2"})
    assert changed == await conversations.get("ann", made.id)
    assert changed is not None
    assert changed.metadata == {"b": "2"}


async def test_items_stay_in_their_order(conversations: Conversations) -> None:
    made = await conversations.create("ann", {}, [said(1), painted(2)])
    assert await conversations.add("ann", made.id, [said(3)])
    assert await conversations.items("ann", made.id) == [said(1), painted(2), said(3)]


async def test_pictures_lie_beside_the_rows(
    conversations: Conversations, database: Database
) -> None:
    made = await conversations.create("ann", {}, [painted(1)])
    await conversations.add("ann", made.id, [painted(2)])
    rows = await database.read("SELECT kept FROM conversation_items")
    assert not any(base64.b64encode(PICTURE) in bytes(str(row), "utf-8") for row in rows)
    assert await database.read("SELECT COUNT(*) FROM pictures") == [(2,)]
    without = await conversations.delete_item("ann", made.id, "ig_1")
    assert without == made
    assert await conversations.items("ann", made.id) == [painted(2)]
    assert await conversations.delete("ann", made.id)
    assert await database.read("SELECT COUNT(*) FROM pictures") == [(0,)]
    assert await database.read("SELECT COUNT(*) FROM conversation_items") == [(0,)]


async def test_an_id_can_stand_only_once(conversations: Conversations) -> None:
    made = await conversations.create("ann", {}, [said(1)])
    with pytest.raises(InvalidRequest, match="msg_1"):
        await conversations.add("ann", made.id, [said(2), said(1)])
    with pytest.raises(InvalidRequest, match="msg_3"):
        await conversations.create("ann", {}, [said(3), said(3)])
    assert await conversations.items("ann", made.id) == [said(1)]


async def test_a_response_appends_what_is_new(
    conversations: Conversations, database: Database
) -> None:
    made = await conversations.create("ann", {}, [said(1)])
    kept = await conversations.keep([said(1), painted(2)])
    await database.write(lambda tx: append(tx, "ann", made.id, kept, 2_000.0))
    await database.write(lambda tx: append(tx, "bob", made.id, kept, 2_000.0))
    await database.write(lambda tx: append(tx, "ann", "conv_gone", kept, 2_000.0))
    assert await conversations.items("ann", made.id) == [said(1), painted(2)]


@pytest.mark.parametrize("newest_first", [True, False])
async def test_items_are_walked_page_by_page(
    conversations: Conversations, newest_first: bool
) -> None:
    items = [said(number) for number in range(5)]
    made = await conversations.create("ann", {}, items)
    walked: list[Any] = []
    after, more = None, True
    while more:
        listed = await conversations.page("ann", made.id, Page(2, after, newest_first))
        assert listed is not None
        walked += listed.entries
        after, more = walked[-1]["id"], listed.has_more
    assert walked == (items[::-1] if newest_first else items)
    assert await conversations.item("ann", made.id, "msg_3") == said(3)
    with pytest.raises(InvalidRequest, match="msg_none"):
        await conversations.page("ann", made.id, Page(2, "msg_none"))
