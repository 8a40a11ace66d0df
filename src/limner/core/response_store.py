"""Responses as they are kept, and the port to whatever keeps them.

Texts are JSON as clients see it; how a store keeps their pictures is its own affair. Times are
epoch seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from limner.core.events import ResponseStatus
from limner.core.page import Listed, Page
from limner.core.turn import JsonObject

ENDED: frozenset[ResponseStatus] = frozenset({"completed", "failed", "incomplete", "cancelled"})


@dataclass(frozen=True, slots=True)
class Nature:
    """What a response is, from its first moment to its last.

    stored: whether later requests may build on it. is_logged: whether its events are kept, so that
    it goes on without its client. streamed: whether they may be read again.
    previous_id, conversation_id: what it builds on. key, digest: the client's idempotency key and
    what it came with.
    """

    owner: str
    created_at: float
    deadline_at: float
    stored: bool = True
    background: bool = False
    streamed: bool = False
    is_logged: bool = False
    previous_id: str | None = None
    conversation_id: str | None = None
    key: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class NewResponse:
    """A response to be kept. text: the Response object. input: the request's own items, with ids.

    order: all that another process needs to run it; b"" for one that lives with its client.
    frames: its first events. labels: its metadata, to find it by.
    """

    id: str
    nature: Nature
    status: ResponseStatus
    text: bytes = field(repr=False)
    input: Sequence[JsonObject] = field(default=(), repr=False)
    order: bytes = field(default=b"", repr=False)
    frames: Sequence[bytes] = field(default=(), repr=False)
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response as it stands. refusal: the HTTP error that it became, as JSON."""

    id: str
    nature: Nature
    status: ResponseStatus
    text: bytes = field(repr=False)
    refusal: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class ListedResponse:
    """A response in a list. text: the Response object as last written, without its pictures.

    output: the items that are done of one under way; else None. input: its own input items, where
    they are asked for; else None.
    """

    id: str
    status: ResponseStatus
    text: bytes = field(repr=False)
    output: Sequence[JsonObject] | None = field(default=None, repr=False)
    input: Sequence[JsonObject] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write what becomes of a response, until another has taken it."""

    id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A response to be run. spent: as last appended. attempts: how often it has been claimed."""

    lease: Lease
    response: StoredResponse
    order: bytes = field(repr=False)
    spent: str
    attempts: int
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One event: the very bytes that clients get. pictures: those that it holds, in base64."""

    number: int
    content: bytes = field(repr=False)
    pictures: Sequence[bytes] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a response. frees_key: whether the same key may be used for another try."""

    status: ResponseStatus
    text: bytes = field(repr=False)
    output: Sequence[JsonObject] = field(repr=False)
    refusal: str | None = None
    frees_key: bool = False


class ResponseStore(Protocol):
    """Keeps responses. What a method returns from is on the disk. Raises StoreError.

    `owner` is compared everywhere: what is another's is not there. Who writes to a response under
    way holds a lease, and is told False when it is over, or the response has ended or is gone; then
    nothing is written.
    """

    async def create(self, new: NewResponse) -> Lease | None:
        """None when another response of this owner has the same key.

        A logged response waits to be claimed; another is leased to its creator.
        """
        ...

    async def get(self, owner: str, id: str) -> StoredResponse | None:
        """A response that clients may ask for: stored, or in the background."""
        ...

    async def peek(self, id: str) -> StoredResponse | None:
        """Any response, for who knows already whose it is."""
        ...

    async def status(self, id: str) -> ResponseStatus | None: ...

    async def by_key(self, owner: str, key: str) -> StoredResponse | None: ...

    async def waiting(self) -> int:
        """How many logged responses wait to be claimed."""
        ...

    async def overdue(self) -> Sequence[str]:
        """Logged responses that nobody holds and whose time is up."""
        ...

    async def claim(self, id: str | None = None) -> Claim | None:
        """Take a logged response that nobody holds: the oldest, or the one named."""
        ...

    async def renew(self, leases: Collection[Lease]) -> Mapping[str, bool]:
        """The leases that still hold, by id; whether somebody asked to cancel."""
        ...

    async def release(self, leases: Collection[Lease]) -> None:
        """Give claimed responses back, as if they had not been claimed."""
        ...

    async def append(
        self, lease: Lease, frames: Sequence[Frame], done: Mapping[int, JsonObject], spent: str
    ) -> bool:
        """Add events, and the output items that they finish, by output index."""
        ...

    async def finish(self, lease: Lease, frames: Sequence[Frame], ending: Ending) -> bool: ...

    async def frames(self, id: str, after: int, limit: int) -> Sequence[Frame]:
        """Events after the one of that number, in their order."""
        ...

    async def output(self, id: str) -> Sequence[JsonObject]:
        """The items that are done."""
        ...

    async def request_cancel(self, id: str) -> None: ...

    async def delete(self, owner: str, id: str) -> bool: ...

    async def orphans(self, *, sole: bool = False) -> Sequence[tuple[Lease, StoredResponse]]:
        """Responses that lived with a client and whose process is gone; now they are the caller's.

        sole: no other process uses this store, so what is under way is all left by one that died.
        """
        ...

    async def context(self, owner: str, id: str) -> Sequence[JsonObject]:
        """All that was said up to the end of a response, oldest first.

        What it rests on is kept as long as what will rest on it. Raises InvalidRequest.
        """
        ...

    async def items(self, owner: str, ids: Collection[str]) -> Mapping[str, JsonObject]: ...

    async def input_page(self, id: str, page: Page) -> Listed[JsonObject]:
        """Some of a response's own input; raises InvalidRequest for `after`."""
        ...
