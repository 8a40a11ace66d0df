"""The `input` of a response request, and what was said before it, read into the core's items.

What the input only names is replaced by what was found (`wire.known`): items by their ids, whole or
for the sake of their picture, uploads, and pictures elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.items import FunctionCallOutput, ImagePart, Item, Message, TextPart
from limner.wire.fields import MAX_STRING, Fields, cut, string, wrong_type
from limner.wire.input_items import DECLARING, MAX_NAME, MAX_TOOLS, read_item
from limner.wire.known import Known
from limner.wire.references import is_reference

MAX_ITEMS = 10_000
MAX_IMAGES = 500


@dataclass(frozen=True, slots=True)
class Input:
    """items: what was said before, the first `past` of them, and then the request's own.

    earlier_tools, own_tools: entries like those of `tools` that these items declare.
    """

    items: tuple[Item, ...]
    past: int
    earlier_tools: tuple[Fields, ...]
    own_tools: tuple[Fields, ...]


def parse_input(request: Fields, known: Known, *, may_be_empty: bool = False) -> Input:
    """Read a request's `input`; raises InvalidRequest.

    It may be missing where earlier items are named, and empty where nothing is asked yet. Paths
    count the request's own items only.
    """
    origin = "conversation" if request.get("conversation") is not None else "previous_response_id"
    earlier = [Fields(item, f"{origin}.items[{index}]") for index, item in enumerate(known.history)]
    past = tuple(read_item(_found(entry, known) or entry, known) for entry in earlier)
    value = request.get("input")
    if (past and value is None) or ((past or may_be_empty) and value == []):
        return Input(past, len(past), declared(earlier), ())
    request.require("input")
    if isinstance(value, str):
        said = Message("user", (TextPart(string(value, request.at("input"), MAX_STRING)),))
        return Input((*past, said), len(past), declared(earlier), ())
    own = [_whole(entry, known) for entry in _entries(request, value)]
    items = (*past, *(read_item(entry, known) for entry in own))
    _check_image_count(items)
    return Input(items, len(past), declared(earlier), declared(own))


def parse_items(values: Sequence[Mapping[str, Any]], path: str, known: Known) -> tuple[Item, ...]:
    """Check items that are to be kept. path: of their list, for messages."""
    entries = [Fields.of(value, f"{path}[{index}]") for index, value in enumerate(values)]
    return tuple(read_item(_whole(entry, known), known) for entry in entries)


def _entries(request: Fields, value: object) -> list[Fields]:
    if not isinstance(value, list):
        raise wrong_type(request.at("input"), "a string or an array", value)
    if not value:
        raise InvalidRequest(
            "Invalid 'input': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            param="input",
            code="empty_array",
        )
    return request.objects("input", max_length=MAX_ITEMS)


def _whole(entry: Fields, known: Known) -> Fields:
    """The item itself where the entry only names it; raises InvalidRequest 404 when unknown."""
    found = _found(entry, known)
    if found is not None:
        return found
    if is_reference(entry.values):
        name = entry.required_string("id", min_length=1, max_length=MAX_NAME)
        raise _not_found(name)
    if _lacks_picture(entry):
        raise _not_found(entry.required_string("id", min_length=1, max_length=MAX_NAME))
    return entry


def _found(entry: Fields, known: Known) -> Fields | None:
    """What was found for an item that is named alone, or came without the bytes of its picture."""
    is_named = is_reference(entry.values) or (
        entry.get("type") == "image_generation_call" and not entry.get("result")
    )
    name = entry.get("id")
    if not is_named or not isinstance(name, str) or name not in known.items:
        return None
    return Fields(known.items[name], entry.path)


def _lacks_picture(entry: Fields) -> bool:
    """Whether an image call that succeeded, or of which only the id is said, has no picture."""
    return (
        entry.get("type") == "image_generation_call"
        and entry.get("result") is None
        and entry.get("error") is None
        and entry.get("status") in (None, "completed")
    )


def declared(entries: Sequence[Fields]) -> tuple[Fields, ...]:
    """The tools that items bring along; raises InvalidRequest for what is no list of objects."""
    return tuple(
        tool
        for entry in entries
        if entry.get("type") in DECLARING
        for tool in entry.objects("tools", max_length=MAX_TOOLS)
    )


def _not_found(name: str) -> InvalidRequest:
    return InvalidRequest(f"Item with id '{cut(name)}' not found.", param="input", status=404)


def _check_image_count(items: tuple[Item, ...]) -> None:
    count = sum(
        isinstance(part, ImagePart)
        for item in items
        if isinstance(item, Message | FunctionCallOutput)
        for part in item.parts
    )
    if count > MAX_IMAGES:
        raise InvalidRequest(
            f"Too many images in the input: expected at most {MAX_IMAGES}, got {count}.",
            param="input",
            code="array_above_max_length",
        )
