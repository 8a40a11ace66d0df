"""A picture taken out of what was said: its item stays, and says that the picture was deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from limner.wire import json
from limner.wire.kept import digest_of

_MARK = b"\x00"
_DATA = b"data: "


def without_picture(value: Any, id: str) -> Any:
    """The same JSON value without the pictures of the item with this id, previews included.

    The item has `"result": null` then, no error, and `"deleted": true` under `limner`.
    """
    if isinstance(value, list):
        return [without_picture(inner, id) for inner in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "image_generation_call" and value.get("id") == id:
        return {**value, "result": None, "limner": {**value.get("limner", {}), "deleted": True}}
    if value.get("item_id") == id and "partial_image_b64" in value:
        return {**value, "partial_image_b64": ""}
    return {name: without_picture(inner, id) for name, inner in value.items()}


def kept_without_picture(kept: bytes, id: str) -> bytes:
    """The same of a kept text; see `wire.kept`."""
    return _edited(kept, lambda value: without_picture(value, id))


def frame_without_picture(kept: bytes, id: str) -> bytes:
    """The same of a kept frame, as `wire.sse.encode` writes them."""
    head, data, rest = kept.partition(_DATA)
    if not data:
        return kept
    text, end, tail = rest.partition(b"\n\n")
    return b"".join((head, data, kept_without_picture(text, id), end, tail))


def _edited(kept: bytes, change: Callable[[Any], Any]) -> bytes:
    """A kept text whose JSON value was changed.

    While it is JSON, the text's own digest stands in for each NUL: no text can hold that.
    """
    stand_in = digest_of(kept).encode()
    value = change(json.load(kept.replace(_MARK, stand_in)))
    return json.dump(value).replace(stand_in, _MARK)
