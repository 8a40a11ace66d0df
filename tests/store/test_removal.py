"""One picture taken out of everything that was kept of it, on both databases."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from limner.core.errors import InvalidRequest, StoreError
from limner.core.page import Page
from limner.core.response_store import Ending, Frame, Lease, Nature, NewResponse
from limner.store.blobs import COMMIT_S, Blobs
from limner.store.conversations import Conversations
from limner.store.database import Database
from limner.store.gallery import Gallery
from limner.store.pictures import Texts
from limner.store.responses import StoredResponses
from limner.wire import json, sse
from limner.wire.kept import digest_of
from limner.wire.pictures import to_base64
from tests.pictures import picture

FOX, OWL, PREVIEW = picture(8), picture(9), picture(10)


@pytest.fixture
def gallery(database: Database, blobs: Blobs) -> Gallery:
    return Gallery(database, blobs)


@pytest.fixture
def responses(database: Database, texts: Texts) -> StoredResponses:
    return StoredResponses(database, texts, keep_s=1000)


@pytest.fixture
def conversations(database: Database, texts: Texts) -> Conversations:
    return Conversations(database, texts)


@pytest.fixture
def has(tmp_path: Path) -> Callable[[bytes], bool]:
    """Whether these bytes are on the disk."""

    def look(content: bytes) -> bool:
        digest = digest_of(content)
        return (tmp_path / "blobs" / digest[:2] / digest).exists()

    return look


@pytest.fixture
def settle(tmp_path: Path) -> Callable[[], None]:
    """Make all blobs as old as those that no row will follow any more."""

    def age() -> None:
        for blob in (tmp_path / "blobs").rglob("*/*"):
            then = blob.stat().st_mtime - 2 * COMMIT_S
            os.utime(blob, (then, then))

    return age


def item(id: str, image: Any, **more: Any) -> dict[str, Any]:
    head = {"id": id, "type": "image_generation_call", "status": "completed"}
    return {**head, "result": to_base64(image), "revised_prompt": "a fox", **more}


async def begin(responses: StoredResponses, id: str, **more: Any) -> Lease:
    new = NewResponse(id, Nature("ann", 1.0, 9e9), "in_progress", b"{}", **more)
    lease = await responses.create(new)
    assert lease is not None
    return lease


async def make(
    responses: StoredResponses,
    id: str,
    *output: dict[str, Any],
    frames: Sequence[Frame] = (),
    input: Sequence[dict[str, Any]] = (),
    order: bytes = b"",
) -> None:
    """A response of Ann's that has ended."""
    lease = await begin(responses, id, input=input, order=order)
    text = json.dump({"id": id, "output": output})
    assert await responses.finish(lease, frames, Ending("completed", text, output))


def preview(id: str, image: Any) -> Frame:
    event = {"type": "p", "item_id": id, "partial_image_b64": to_base64(image)}
    return Frame(1, sse.encode("p", json.dump(event)), (image.content,))


async def test_a_picture_goes_from_the_disk_and_from_all_that_was_said(
    gallery: Gallery,
    responses: StoredResponses,
    has: Callable[[bytes], bool],
    settle: Callable[[], None],
) -> None:
    fox, owl = item("ig_fox", FOX, limner={"seed": 7}), item("ig_owl", OWL)
    done = Frame(2, sse.encode("d", json.dump({"type": "d", "item": fox})), (FOX.content,))
    await make(responses, "resp_1", fox, owl, frames=(preview("ig_fox", PREVIEW), done))
    settle()
    assert await gallery.delete("ann", "ig_fox")
    assert (has(FOX.content), has(PREVIEW.content), has(OWL.content)) == (False, False, True)
    assert await gallery.get("ann", "ig_fox") is None
    gone = {**fox, "result": None, "limner": {"seed": 7, "deleted": True}}
    found = await responses.get("ann", "resp_1")
    assert found is not None
    assert json.load(found.text)["output"] == [gone, owl]
    assert await responses.items("ann", ["ig_fox"]) == {"ig_fox": gone}
    assert list(await responses.context("ann", "resp_1")) == [gone, owl]
    frames = await responses.frames("resp_1", 0, 9)
    assert b'"partial_image_b64":""' in frames[0].content
    assert json.load(frames[1].content.split(b"data: ")[1])["item"] == gone
    assert not await gallery.delete("ann", "ig_fox")


async def test_a_picture_is_deleted_by_its_owner_alone(
    gallery: Gallery, responses: StoredResponses, has: Callable[[bytes], bool]
) -> None:
    await make(responses, "resp_1", item("ig_fox", FOX))
    assert not await gallery.delete("bob", "ig_fox")
    assert not await gallery.delete("ann", "ig_none")
    assert await gallery.get("ann", "ig_fox") is not None
    assert has(FOX.content)


async def test_it_goes_from_where_it_was_repeated(
    gallery: Gallery,
    responses: StoredResponses,
    conversations: Conversations,
    has: Callable[[bytes], bool],
    settle: Callable[[], None],
) -> None:
    """A client has sent the item back, a response in between has rested on it."""
    fox = item("ig_fox", FOX)
    await make(responses, "resp_1", fox)
    await make(responses, "resp_2", input=[fox], order=json.dump({"history": [fox]}))
    conversation = await conversations.create("ann", {}, [fox, item("ig_owl", OWL)])
    settle()
    await gallery.delete("ann", "ig_fox")
    assert not has(FOX.content)
    assert (await responses.input_page("resp_2", Page(9))).entries[0]["result"] is None
    items = await conversations.items("ann", conversation.id)
    assert items is not None
    assert [kept["result"] for kept in items] == [None, to_base64(OWL)]


async def test_the_same_bytes_elsewhere_stay(
    gallery: Gallery,
    responses: StoredResponses,
    has: Callable[[bytes], bool],
    settle: Callable[[], None],
) -> None:
    """Shown in a message, painted twice more: each is a picture of its own."""
    data = f"data:image/png;base64,{to_base64(FOX)}"
    shown = {"id": "msg_1", "type": "message", "content": [{"image_url": data}]}
    await make(responses, "resp_1", item("ig_fox", FOX))
    holders: list[Callable[[], Awaitable[Any]]] = []
    await make(responses, "resp_2", input=[shown])
    holders.append(lambda: responses.delete("ann", "resp_2"))
    await make(responses, "resp_3", item("ig_twin", FOX), item("ig_other", FOX))
    holders.append(lambda: gallery.delete("ann", "ig_twin"))
    holders.append(lambda: gallery.delete("ann", "ig_other"))
    settle()
    assert await gallery.delete("ann", "ig_fox")
    assert (await responses.input_page("resp_2", Page(9))).entries == [shown]
    for release in holders:
        assert has(FOX.content)
        await release()
    assert not has(FOX.content)


async def test_a_picture_of_a_response_under_way_waits_for_its_end(
    gallery: Gallery, responses: StoredResponses
) -> None:
    lease = await begin(responses, "resp_1", input=[], order=b"")
    fox = item("ig_fox", FOX)
    assert await responses.append(lease, [], {0: fox}, "")
    with pytest.raises(InvalidRequest, match="still in_progress") as refusal:
        await gallery.delete("ann", "ig_fox")
    assert refusal.value.status == 409
    assert await responses.finish(lease, [], Ending("completed", b"{}", [fox]))
    assert await gallery.delete("ann", "ig_fox")


async def test_a_response_that_has_ended_holds_no_pictures_that_it_only_looked_at(
    gallery: Gallery, responses: StoredResponses, database: Database
) -> None:
    """Else a picture that is deleted while another is made of it would stay on the disk."""
    held = "SELECT holder FROM pictures WHERE digest = ?"
    fox = item("ig_fox", FOX)
    await make(responses, "resp_1", fox)
    order = json.dump({"history": [fox]})
    lease = await begin(responses, "resp_2", input=[], order=order)
    await gallery.delete("ann", "ig_fox")
    assert await database.read(held, digest_of(FOX.content)) == [("resp_2",)]
    output = item("ig_owl", OWL)
    ending = Ending("completed", json.dump({"output": [output]}), [output])
    assert await responses.finish(lease, [], ending)
    assert await database.read(held, digest_of(FOX.content)) == []
    assert await database.read(held, digest_of(OWL.content)) == [("resp_2",)]


async def test_what_was_put_just_now_is_left_to_the_sweep(
    blobs: Blobs, settle: Callable[[], None], has: Callable[[bytes], bool]
) -> None:
    """Whoever has put it is about to write the row that holds it."""
    digest = await blobs.put(FOX.content)
    await blobs.remove(digest)
    assert has(FOX.content)
    settle()
    await blobs.remove(digest)
    assert not has(FOX.content)
    await blobs.remove(digest)


async def test_a_disk_that_fails_says_so(blobs: Blobs, tmp_path: Path) -> None:
    digest = digest_of(b"content")
    (tmp_path / "blobs" / digest[:2]).write_bytes(b"no folder")
    with pytest.raises(StoreError):
        await blobs.remove(digest)
