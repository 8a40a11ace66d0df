"""Lists of stored responses, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from limner.core.errors import InvalidRequest
from limner.core.page import Listed, Page
from limner.core.response_store import Ending, ListedResponse, Nature, NewResponse
from limner.store.database import Database
from limner.store.pictures import Texts
from limner.store.response_list import ResponseList
from limner.store.responses import StoredResponses
from limner.wire import json
from limner.wire.pictures import to_base64
from tests.pictures import picture

BASE64 = to_base64(picture())
SHOWN = {"type": "input_image", "image_url": f"data:image/png;base64,{BASE64}"}
INPUT = {"type": "message", "id": "msg_1", "role": "user", "content": [SHOWN]}
DRAWN = {"type": "image_generation_call", "id": "ig_1", "result": BASE64}


@pytest.fixture
def responses(database: Database, texts: Texts) -> StoredResponses:
    return StoredResponses(database, texts, keep_s=1_000.0)


@pytest.fixture
def listing(database: Database, texts: Texts) -> ResponseList:
    return ResponseList(database, texts)


async def begin(
    responses: StoredResponses, id: str, owner: str = "ann", *, at: float = 0, **more: Any
) -> Any:
    labels: Mapping[str, str] = more.pop("labels", {})
    text = json.dump({"id": id, "status": "in_progress"})
    nature = Nature(owner, at, 9e9, **more)
    lease = await responses.create(
        NewResponse(id, nature, "in_progress", text, [INPUT], labels=labels)
    )
    assert lease is not None
    return lease


async def made(responses: StoredResponses, id: str, owner: str = "ann", **more: Any) -> None:
    lease = await begin(responses, id, owner, **more)
    text = json.dump({"id": id, "status": "completed", "output": [DRAWN]})
    assert await responses.finish(lease, [], Ending("completed", text, [DRAWN]))


def ids(listed: Listed[ListedResponse]) -> list[str]:
    return [response.id for response in listed.entries]


async def test_the_newest_come_first_a_page_at_a_time(
    responses: StoredResponses, listing: ResponseList
) -> None:
    for at, id in ((1, "resp_1"), (2, "resp_b"), (2, "resp_a"), (3, "resp_3")):
        await made(responses, id, at=at)
    first = await listing.page("ann", Page(2))
    assert (ids(first), first.has_more) == (["resp_3", "resp_b"], True)
    rest = await listing.page("ann", Page(2, after="resp_b"))
    assert (ids(rest), rest.has_more) == (["resp_a", "resp_1"], False)
    oldest = await listing.page("ann", Page(3, after="resp_1", newest_first=False))
    assert ids(oldest) == ["resp_a", "resp_b", "resp_3"]


async def test_only_what_has_every_label_is_found(
    responses: StoredResponses, listing: ResponseList
) -> None:
    await made(responses, "resp_1", labels={"chat": "a", "kind": "x"})
    await made(responses, "resp_2", labels={"chat": "a"})
    await made(responses, "resp_3", labels={"chat": "b", "kind": "a"})
    await made(responses, "resp_4")
    found = await listing.page("ann", Page(9, newest_first=False), labels={"chat": "a"})
    assert ids(found) == ["resp_1", "resp_2"]
    found = await listing.page("ann", Page(9), labels={"chat": "a", "kind": "x"})
    assert ids(found) == ["resp_1"]
    assert not ids(await listing.page("ann", Page(9), labels={"kind": "b"}))


async def test_what_is_anothers_gone_or_not_to_be_kept_is_not_listed(
    responses: StoredResponses, listing: ResponseList, database: Database
) -> None:
    await made(responses, "resp_1", "bob", labels={"chat": "a"})
    await made(responses, "resp_2", stored=False, background=True, labels={"chat": "a"})
    await made(responses, "resp_3", labels={"chat": "a"})
    assert await responses.delete("ann", "resp_3")
    assert not ids(await listing.page("ann", Page(9), labels={"chat": "a"}))
    labels = await database.read("SELECT response_id FROM response_labels ORDER BY response_id")
    assert labels == [("resp_1",), ("resp_2",)]
    for id in ("resp_1", "resp_2", "resp_3", "resp_none"):
        with pytest.raises(InvalidRequest) as caught:
            await listing.page("ann", Page(9, after=id))
        assert caught.value.param == "after"


async def test_pictures_are_left_out(responses: StoredResponses, listing: ResponseList) -> None:
    await made(responses, "resp_1")
    (found,) = (await listing.page("ann", Page(9))).entries
    assert found.input is None
    assert found.output is None
    assert json.load(found.text)["output"] == [{**DRAWN, "result": None}]
    (found,) = (await listing.page("ann", Page(9), has_input=True)).entries
    assert found.input == [{**INPUT, "content": [{**SHOWN, "image_url": None}]}]
    whole = await listing.page("ann", Page(9), has_input=True, has_input_pictures=True)
    (found,) = (whole).entries
    assert found.input == [INPUT]


async def test_one_under_way_shows_what_is_done(
    responses: StoredResponses, listing: ResponseList
) -> None:
    lease = await begin(responses, "resp_1")
    (found,) = (await listing.page("ann", Page(9))).entries
    assert (found.status, found.output) == ("in_progress", [])
    assert await responses.append(lease, [], {0: DRAWN}, "")
    (found,) = (await listing.page("ann", Page(9))).entries
    assert found.output == [{**DRAWN, "result": None}]
