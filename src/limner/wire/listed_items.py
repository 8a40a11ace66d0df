"""A client's own input as it is kept and listed: items whole, each with an id.

Clients may leave out types, ids and statuses and write a message's content as a string; lists
promise all of them. Source: OpenAI API reference, "List input items" and "Conversations".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from limner.core.turn import JsonObject

_PREFIXES = {
    "message": "msg_",
    "reasoning": "rs_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "image_generation_call": "ig_",
}
_OTHER = "item_"
"""Of ids for items of other types, so that they are known again; OpenAI's API has no such ids."""


def listed_items(
    input: str | Sequence[JsonObject], new_id: Callable[[str], str]
) -> list[JsonObject]:
    """The items of an input that `parse_request` has accepted. new_id: an id from its prefix."""
    if isinstance(input, str):
        input = [{"role": "user", "content": input}]
    return [_listed(item, new_id) for item in input]


def as_it_came(item: JsonObject) -> dict[str, Any]:
    """An item of another type without the id that it was given here, which means nothing elsewhere.

    A server that knows such items looks for the ids that they have.
    """
    value = dict(item)
    if str(value.get("id", "")).startswith(_OTHER):
        del value["id"]
    return value


def _listed(item: JsonObject, new_id: Callable[[str], str]) -> JsonObject:
    said = {name: value for name, value in item.items() if value is not None}
    kind = said.get("type", "message")
    id = said.get("id") or new_id(_PREFIXES.get(kind, _OTHER))
    whole: dict[str, Any] = {**said, "type": kind, "id": id}
    if kind in _PREFIXES:
        whole.setdefault("status", "completed")
    if kind == "message":
        whole["content"] = _parts(item.get("role"), whole["content"])
    return whole


def _parts(role: object, content: str | list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if not isinstance(content, str):
        return content
    if role == "assistant":
        return [{"type": "output_text", "text": content, "annotations": []}]
    return [{"type": "input_text", "text": content}]
