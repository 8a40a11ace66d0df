"""The Conversations API. Source: OpenAI API reference, "Conversations"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limner.core.conversation import Conversation
from limner.core.errors import InvalidRequest
from limner.core.page import Listed
from limner.core.turn import JsonObject
from limner.wire.fields import Fields, invalid_value, one_of
from limner.wire.input import Input, declared, parse_items
from limner.wire.input_items import MAX_NAME
from limner.wire.items import Json
from limner.wire.known import Known, References
from limner.wire.orders import Order, own_input
from limner.wire.pages import page_json
from limner.wire.references import references
from limner.wire.settings import parse_metadata
from limner.wire.tools import parse_tools

MAX_NEW_ITEMS = 20

INCLUDABLE = (
    "web_search_call.action.sources",
    "web_search_call.results",
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
)
"""Items are always given back whole, so each of these is there where it ever was."""


@dataclass(frozen=True, slots=True)
class NewConversation:
    """items: whole, as they are kept."""

    metadata: Mapping[str, str]
    items: Sequence[JsonObject] = ()


def named_in(body: Mapping[str, Any]) -> References:
    """What the items of a body only name; never raises."""
    return references({"input": body.get("items")})


def parse_new_conversation(
    body: Mapping[str, Any], known: Known, new_id: Callable[[str], str]
) -> NewConversation:
    """The body of a new one. known: what was found of `named_in`. Raises InvalidRequest."""
    request = Fields(body)
    request.allow_only({"items", "metadata"})
    return NewConversation(parse_metadata(request), _items(request, known, new_id))


def parse_update(body: Mapping[str, Any]) -> Mapping[str, str]:
    """The metadata that replaces the old, null for none; raises InvalidRequest."""
    request = Fields(body)
    request.allow_only({"metadata"})
    if "metadata" not in body:
        request.require("metadata")
    return parse_metadata(request)


def parse_new_items(
    body: Mapping[str, Any], known: Known, new_id: Callable[[str], str]
) -> list[JsonObject]:
    """The items to append, at least one; otherwise as `parse_new_conversation`."""
    request = Fields(body)
    request.allow_only({"items"})
    request.require("items")
    if not (items := _items(request, known, new_id)):
        raise InvalidRequest(
            f"Invalid 'items': empty array. Expected 1 to {MAX_NEW_ITEMS} items.",
            param="items",
            code="empty_array",
        )
    return items


def check_include(query: Iterable[tuple[str, str]]) -> None:
    """Refuse what `include` cannot name."""
    for name, value in query:
        if name in ("include", "include[]"):
            one_of(value, name, INCLUDABLE)


def conversation_json(conversation: Conversation) -> Json:
    """The Conversation object."""
    return {
        "id": conversation.id,
        "object": "conversation",
        "created_at": conversation.created_at,
        "metadata": dict(conversation.metadata),
    }


def items_json(listed: Listed[JsonObject]) -> Json:
    """A page of items."""
    return page_json([dict(item) for item in listed.entries], listed.has_more)


def no_such_conversation(id: str) -> InvalidRequest:
    """The same for conversations unknown, foreign and deleted."""
    return InvalidRequest(
        f"Conversation with id '{id}' not found.", param="conversation", status=404
    )


def no_such_item(id: str) -> InvalidRequest:
    return InvalidRequest(f"Item with id '{id}' not found.", param="item_id", status=404)


def _items(request: Fields, known: Known, new_id: Callable[[str], str]) -> list[JsonObject]:
    """Whole items that a response will be able to read, whatever is deleted until then."""
    entries = request.objects("items", max_length=MAX_NEW_ITEMS)
    for entry in entries:
        if not (entry.string("id", max_length=MAX_NAME) or "").isprintable():
            raise invalid_value(entry.at("id"), entry.get("id"), "printable characters")
    values = [entry.values for entry in entries]
    items = parse_items(values, request.at("items"), known)
    brought = Input(items, 0, (), declared(entries))
    parse_tools(Fields({}), brought, known, stream=True, adjustments=[])
    return own_input(Order({"input": values}, known), new_id)
