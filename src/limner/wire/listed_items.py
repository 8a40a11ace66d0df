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


def listed_items(
    input: str | Sequence[JsonObject], new_id: Callable[[str], str]
) -> list[JsonObject]:
    """The items of an input that `parse_request` has accepted. new_id: an id from its prefix."""
    if isinstance(input, str):
        input = [{"role": "user", "content": input}]
    return [_listed(item, new_id) for item in input]


def _listed(item: JsonObject, new_id: Callable[[str], str]) -> JsonObject:
    said = {name: value for name, value in item.items() if value is not None}
    kind = said.get("type", "message")
    id = said.get("id") or new_id(_PREFIXES.get(kind, "item_"))
    whole: dict[str, Any] = {"status": "completed", **said, "type": kind, "id": id}
    if kind == "message":
        whole["content"] = _parts(item.get("role"), whole["content"])
    return whole


def _parts(role: object, content: str | list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if not isinstance(content, str):
        return content
    if role == "assistant":
        return [{"type": "output_text", "text": content, "annotations": []}]
    return [{"type": "input_text", "text": content}]
