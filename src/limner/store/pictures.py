"""Who needs which picture, and texts whose pictures lie in blobs.

A row of the table `pictures` says that a holder (a response, a file, a job, by its id) needs a
blob. It is written in the transaction that writes the holder, and goes with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from limner.store.blobs import Blobs
from limner.store.database import Database, Transaction
from limner.wire import kept as kept_texts

GRACE_S = 3600.0
"""Between a blob and the row that holds it lies one commit; an hour is plenty."""

DONE_ASIDE_BYTES = 2**18
"""Larger texts are worked on in a thread: a picture of 20 MB takes a tenth of a second."""

P = ParamSpec("P")
T = TypeVar("T")


def hold(transaction: Transaction, holder: str, digests: Iterable[str]) -> None:
    """Note that a holder needs these blobs, besides those that it needs already."""
    for digest in digests:
        transaction.run(
            "INSERT INTO pictures (digest, holder) VALUES (?, ?) ON CONFLICT DO NOTHING",
            digest,
            holder,
        )


def release(transaction: Transaction, holder: str) -> None:
    """Note that a holder needs no blobs any more."""
    transaction.run("DELETE FROM pictures WHERE holder = ?", holder)


class Texts:
    """JSON texts whose pictures are kept as blobs; see `wire.kept`."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def keep(self, text: bytes, pictures: Iterable[bytes]) -> bytes:
        """Put the pictures that the text holds on the disk; returns it without them.

        `wire.kept.digests_in` says what the result needs. `pictures` may be read in another
        thread. Raises StoreError.
        """
        kept, needed = await _aside(len(text), _take_out, text, pictures)
        for content in needed:
            await self._blobs.put(content)
        return kept

    async def restore(self, kept: bytes) -> bytes:
        """The very bytes that there were; raises StoreError where a picture is missing."""
        digests = kept_texts.digests_in(kept)
        pictures = {digest: await self._blobs.get(digest) for digest in digests}
        size = sum(map(len, pictures.values()), len(kept))
        return await _aside(size, kept_texts.restore, kept, pictures)


def _take_out(text: bytes, pictures: Iterable[bytes]) -> tuple[bytes, list[bytes]]:
    """The text without its pictures, and those that it really had."""
    distinct = {kept_texts.digest_of(content): content for content in pictures}
    kept = kept_texts.keep(text, distinct.values())
    return kept, [distinct[digest] for digest in kept_texts.digests_in(kept)]


async def _aside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    if size > DONE_ASIDE_BYTES:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


async def sweep(database: Database, blobs: Blobs, *, grace_s: float = GRACE_S) -> int:
    """Delete the blobs that nobody holds; returns how many. Raises StoreError."""
    rows = await database.read("SELECT DISTINCT digest FROM pictures")
    return await blobs.sweep(frozenset(str(row[0]) for row in rows), older_than_s=grace_s)
