"""One picture taken out of all that was said and kept of it, while the words stay.

A picture stands in the item of its response, in the response itself, in the events that were sent,
with its previews, and in what later responses and conversations have repeated. Its owner wants it
gone from all of these. Another file with the same bytes is another matter, and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from limner.core.errors import InvalidRequest
from limner.store.database import Transaction, Value
from limner.store.pictures import release
from limner.wire.kept import digests_in
from limner.wire.removed import frame_without_picture, kept_without_picture

_Edit = Callable[[bytes, str], bytes]


def take_out(tx: Transaction, owner: str, id: str) -> list[str] | None:
    """The digests that nobody holds any more; None for no such picture of this owner.

    Raises InvalidRequest (409) while its response is under way.
    """
    rows = tx.run(
        "SELECT g.response_id, r.status FROM gallery g JOIN responses r ON r.id = g.response_id"
        " WHERE g.owner = ? AND g.id = ? AND g.digest IS NOT NULL",
        *(owner, id),
    )
    if not rows:
        return None
    response_id, status = rows[0]
    if status in ("queued", "in_progress"):
        raise InvalidRequest(
            f"Image '{id}' belongs to a response that is still {status}; delete it when that has "
            "ended.",
            param="id",
            code="response_not_ended",
            status=409,
        )
    gone = {
        *_from_items(tx, owner, id),
        *_from_conversations(tx, owner, id),
        *_from_response(tx, str(response_id), id),
        *_thumbnails(tx, id),
    }
    tx.run("DELETE FROM gallery WHERE id = ?", id)
    for digest in gone:
        _release_where_unneeded(tx, digest)
    return [digest for digest in gone if not tx.run(_HOLDERS, digest)]


_HOLDERS = "SELECT holder FROM pictures WHERE digest = ?"


def release_unneeded(tx: Transaction, holder: str, digests: Iterable[str]) -> None:
    """Let go of those that a response names nowhere any more; other holders keep theirs."""
    texts = tx.run("SELECT response, request FROM responses WHERE id = ?", holder)
    for digest in digests:
        if texts and not _is_named(tx, holder, digest, texts):
            tx.run("DELETE FROM pictures WHERE digest = ? AND holder = ?", digest, holder)


def _from_items(tx: Transaction, owner: str, id: str) -> set[str]:
    """Of its own response and of those whose client has sent the item again."""
    rows = tx.run(
        "SELECT item, response_id, direction, position FROM response_items"
        " WHERE owner = ? AND id = ?",
        *(owner, id),
    )
    where = "UPDATE response_items SET item = ? WHERE response_id = ? AND direction = ?"
    return _rewrite(tx, rows, f"{where} AND position = ?", id, kept_without_picture)


def _from_response(tx: Transaction, response_id: str, id: str) -> set[str]:
    rows = tx.run("SELECT response, id FROM responses WHERE id = ?", response_id)
    frames = tx.run(
        "SELECT frame, response_id, number FROM response_events WHERE response_id = ?", response_id
    )
    # Only frames that name the item can hold its pictures.
    named = [row for row in frames if isinstance(row[0], bytes) and id.encode() in row[0]]
    change = "UPDATE response_events SET frame = ? WHERE response_id = ? AND number = ?"
    return {
        *_rewrite(
            tx, rows, "UPDATE responses SET response = ? WHERE id = ?", id, kept_without_picture
        ),
        *_rewrite(tx, named, change, id, frame_without_picture),
    }


def _from_conversations(tx: Transaction, owner: str, id: str) -> set[str]:
    rows = tx.run(
        "SELECT i.kept, i.conversation_id, i.position FROM conversation_items i"
        " JOIN conversations c ON c.id = i.conversation_id WHERE c.owner = ? AND i.id = ?",
        *(owner, id),
    )
    change = "UPDATE conversation_items SET kept = ? WHERE conversation_id = ? AND position = ?"
    gone = _rewrite(tx, rows, change, id, kept_without_picture)
    for _, conversation_id, _ in rows:
        release(tx, f"{conversation_id!s}/{id}")
    return gone


def _thumbnails(tx: Transaction, id: str) -> set[str]:
    rows = tx.run("DELETE FROM thumbnails WHERE picture_id = ? RETURNING digest", id)
    return {str(digest) for (digest,) in rows}


def _rewrite(
    tx: Transaction, rows: Iterable[tuple[Value, ...]], update: str, id: str, edit: _Edit
) -> set[str]:
    """Edit kept texts, the first column of each row; the others say which it is.

    Returns the digests that they no longer name.
    """
    gone: set[str] = set()
    for text, *place in rows:
        old = _bytes(text)
        new = edit(old, id)
        gone |= set(digests_in(old)) - set(digests_in(new))
        tx.run(update, new, *place)
    return gone


def _release_where_unneeded(tx: Transaction, digest: str) -> None:
    """Let go of a blob by every response that held it and names it nowhere any more."""
    for (holder,) in tx.run(_HOLDERS, digest):
        release_unneeded(tx, str(holder), [digest])


def _is_named(
    tx: Transaction, response_id: str, digest: str, texts: Iterable[tuple[Value, ...]]
) -> bool:
    more = (
        *tx.run("SELECT item FROM response_items WHERE response_id = ?", response_id),
        *tx.run("SELECT frame FROM response_events WHERE response_id = ?", response_id),
        *tx.run(
            "SELECT t.digest FROM thumbnails t JOIN gallery g ON g.id = t.picture_id"
            " WHERE g.response_id = ?",
            response_id,
        ),
    )
    named = (value for row in (*texts, *more) for value in row if value is not None)
    return any(
        value == digest if isinstance(value, str) else digest in digests_in(_bytes(value))
        for value in named
    )


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes), "the column is typed by the table"
    return value
