"""Rows of the gallery: written with the items that hold the pictures, read as pictures."""

from __future__ import annotations

from typing import cast

from limner.core.gallery import KeptPicture, folded
from limner.core.image import ImageFormat, Size
from limner.store.database import Row, Transaction, Value
from limner.wire.gallery import kept_picture

PREFIX = "ig_"
PICTURE = "id, response_id, created_at, digest, format, width, height, prompt, seed, starred"
_READ = "digest, format, width, height, prompt, folded, seed"


def note(tx: Transaction, response_id: str, position: int, id: str, kept: bytes) -> None:
    """List the picture of an output item, if it is one, and its response is a stored one."""
    if not id.startswith(PREFIX):
        return
    rows = tx.run(
        "SELECT owner, created_at FROM responses WHERE id = ? AND stored = 1", response_id
    )
    for owner, created_at in rows:
        if picture := kept_picture(id, response_id, float(created_at or 0), kept):
            tx.run(
                f"INSERT INTO gallery (id, response_id, position, owner, created_at, starred,"
                f" {_READ}) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                *(id, response_id, position, owner, created_at, *_values(picture)),
            )


def read_in(tx: Transaction, id: str, kept: bytes) -> None:
    """Complete the row of a picture that was listed before it was read."""
    if picture := kept_picture(id, "", 0, kept):
        marks = ", ".join(f"{column} = ?" for column in _READ.split(", "))
        tx.run(f"UPDATE gallery SET {marks} WHERE id = ?", *_values(picture), id)
    else:
        tx.run("DELETE FROM gallery WHERE id = ?", id)


def picture_of(row: Row) -> KeptPicture:
    """row: the columns `PICTURE`."""
    id, response_id, created_at, digest, format, width, height, prompt, seed, starred = row
    return KeptPicture(
        str(id),
        str(response_id),
        float(created_at or 0),
        str(digest),
        cast(ImageFormat, format),  # as `kept_picture` has read it
        size=Size(int(width), int(height)) if width and height else None,
        prompt=None if prompt is None else str(prompt),
        seed=None if seed is None else int(seed),
        starred=bool(starred),
    )


def _values(picture: KeptPicture) -> tuple[Value, ...]:
    # Databases keep no NUL in a text; a model may well have written one.
    prompt = picture.prompt and picture.prompt.replace("\0", " ")
    return (
        *(picture.digest, picture.format),
        *((picture.size.width, picture.size.height) if picture.size else (None, None)),
        *(prompt, prompt and folded(prompt), picture.seed),
    )
