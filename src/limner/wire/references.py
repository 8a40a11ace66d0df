"""What a request's body names without bringing it along, found before the body is checked.

The walk believes nothing: whatever has not the shape that it looks for is passed over, and the
parser says later what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.wire.known import References
from limner.wire.pictures import is_elsewhere

_CARRIERS = {None: "content", "message": "content", "function_call_output": "output"}
"""Where an item of which type holds a list of parts."""


def references(body: object) -> References:
    """What to look up before `parse_request`; never raises."""
    if not isinstance(body, Mapping):
        return References()
    found = _Found()
    for item in _objects(body.get("input")):
        found.take_item(item)
    found.take_tools(body)
    return References(
        previous_response_id=_text(body.get("previous_response_id")),
        conversation=conversation_id(body.get("conversation")),
        items=frozenset(found.items),
        files=frozenset(found.files),
        urls=frozenset(found.urls),
    )


def conversation_id(value: object) -> str | None:
    """A conversation is named by its id, or by an object that has it."""
    return _text(value.get("id") if isinstance(value, Mapping) else value)


def is_reference(item: Mapping[str, Any]) -> bool:
    """Whether an item only names another; OpenAI lets the type of such a one be absent."""
    kind = item.get("type")
    return kind == "item_reference" or (
        kind is None and item.get("role") is None and item.get("id") is not None
    )


@dataclass(slots=True)
class _Found:
    items: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    urls: set[str] = field(default_factory=set)

    def take_item(self, item: Mapping[str, Any]) -> None:
        kind, name = item.get("type"), _text(item.get("id"))
        is_bare = kind == "image_generation_call" and not item.get("result")
        if name and (is_bare or is_reference(item)):
            self.items.add(name)
        carrier = _CARRIERS.get(kind) if kind is None or isinstance(kind, str) else None
        for part in _objects(item.get(carrier) if carrier else None):
            if part.get("type") == "input_image":
                self.take_picture(part)
        self.take_tools(item)

    def take_tools(self, holder: Mapping[str, Any]) -> None:
        for tool in _objects(holder.get("tools")):
            mask = tool.get("input_image_mask")
            if tool.get("type") == "image_generation" and isinstance(mask, Mapping):
                self.take_picture(mask)

    def take_picture(self, holder: Mapping[str, Any]) -> None:
        if file_id := _text(holder.get("file_id")):
            self.files.add(file_id)
        url = _text(holder.get("image_url"))
        if url and is_elsewhere(url):
            self.urls.add(url)


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (entry for entry in value if isinstance(entry, Mapping))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
