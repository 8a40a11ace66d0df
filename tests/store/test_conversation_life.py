"""The life of conversations against a model of it, on both databases."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from limner.core.errors import InvalidRequest
from limner.core.page import Page
from limner.store.blobs import Blobs
from limner.store.conversations import Conversations, append
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.postgres import open_postgres
from limner.store.session import Dialect
from limner.store.sqlite import open_sqlite

T = TypeVar("T")
OWNERS = st.sampled_from(("ann", "bob"))
NAMES = st.lists(st.sampled_from([f"msg_{n}" for n in range(4)] + ["ig_1", "ig_2"]), max_size=3)


def items(names: Sequence[str]) -> list[dict[str, Any]]:
    picture = base64.b64encode(b"a picture").decode()
    return [{"id": name, "result": picture if name[0] == "i" else None} for name in names]


class Life(RuleBasedStateMachine):
    """One example; `url` is set by the test. model: owner and items of each conversation."""

    url: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, tuple[str, list[str]]] = {}
        self.loop = asyncio.new_event_loop()
        self.folder = TemporaryDirectory()
        self.opening = open_postgres(self.url) if self.url else open_sqlite(None)
        self.database = self.do(self.opening.__aenter__())
        self.do(upgrade(self.database))
        self.do(self.database.write(lambda tx: tx.run("DELETE FROM conversations")))
        self.do(self.database.write(lambda tx: tx.run("DELETE FROM pictures")))
        texts = Texts(Blobs(Path(self.folder.name)))
        self.store = Conversations(self.database, texts)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.do(self.opening.__aexit__(None, None, None))
        self.loop.close()
        self.folder.cleanup()

    def pick(self, data: st.DataObject) -> tuple[str, list[str], bool]:
        """A conversation, what it holds, and whether the owner who asks is its own."""
        id = data.draw(st.sampled_from(sorted(self.model) or ["conv_none"]))
        owner, held = self.model.get(id, ("", []))
        self.asking = data.draw(OWNERS)
        return id, held, owner == self.asking

    @rule(owner=OWNERS, names=NAMES)
    def create(self, owner: str, names: list[str]) -> None:
        try:
            made = self.do(self.store.create(owner, {}, items(names)))
        except InvalidRequest:
            assert len(set(names)) < len(names)
        else:
            assert len(set(names)) == len(names)
            self.model[made.id] = (owner, names)

    @rule(data=st.data(), names=NAMES)
    def add(self, data: st.DataObject, names: list[str]) -> None:
        id, held, is_own = self.pick(data)
        is_new = len({*held, *names}) == len(held) + len(names)
        try:
            assert self.do(self.store.add(self.asking, id, items(names))) == is_own
        except InvalidRequest:
            assert is_own
            assert not is_new
        else:
            assert is_new or not is_own
            held += names if is_own else []

    @rule(data=st.data(), names=NAMES)
    def respond(self, data: st.DataObject, names: list[str]) -> None:
        id, held, is_own = self.pick(data)
        kept = self.do(self.store.keep(items(names)))
        self.do(self.database.write(lambda tx: append(tx, self.asking, id, kept, 1_000.0)))
        if is_own:
            held += [name for name in dict.fromkeys(names) if name not in held]

    @rule(data=st.data(), names=NAMES)
    def delete_items(self, data: st.DataObject, names: list[str]) -> None:
        id, held, is_own = self.pick(data)
        for name in names:
            was_there = is_own and name in held
            found = self.do(self.store.delete_item(self.asking, id, name))
            assert (found is not None) == was_there
            if was_there:
                held.remove(name)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        id, _, is_own = self.pick(data)
        assert self.do(self.store.delete(self.asking, id)) == is_own
        if is_own:
            del self.model[id]

    @rule(data=st.data(), limit=st.integers(1, 3), newest_first=st.booleans())
    def walk(self, data: st.DataObject, limit: int, newest_first: bool) -> None:
        id, held, is_own = self.pick(data)
        walked: list[str] = []
        more = is_own
        while more:
            page = Page(limit, walked[-1] if walked else None, newest_first)
            listed = self.do(self.store.page(self.asking, id, page))
            assert listed is not None
            walked += [item["id"] for item in listed.entries]
            more = listed.has_more
        assert walked == ((held[::-1] if newest_first else held) if is_own else [])

    @invariant()
    def every_conversation_holds_its_items_and_no_picture_more(self) -> None:
        for id, (owner, held) in self.model.items():
            assert self.do(self.store.items(owner, id)) == items(held)
        holders = self.do(self.database.read("SELECT COUNT(*) FROM pictures"))
        painted = sum(name[0] == "i" for _, held in self.model.values() for name in held)
        assert holders == [(painted,)]


def test_a_conversation_is_what_was_done_to_it(
    dialect: Dialect, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if dialect == "postgres" else None
    run_state_machine_as_test(
        type("There", (Life,), {"url": url}),
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
