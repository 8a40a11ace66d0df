"""The Conversations API: items that grow from one response to the next."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.conversation import Conversation
from limner.core.page import Listed
from limner.server.body import DEFAULT_LIMIT_BYTES, read_json
from limner.server.errors import json_response
from limner.server.guard import owner_of
from limner.store.conversations import Conversations
from limner.wire.conversations import (
    check_include,
    conversation_json,
    items_json,
    named_in,
    no_such_conversation,
    no_such_item,
    parse_new_conversation,
    parse_new_items,
    parse_update,
)
from limner.wire.known import Known, References
from limner.wire.pages import page_json, read_page

LookUp = Callable[[str, References], Awaitable[Known]]
"""What an owner's request names, as far as it is there; raises InvalidRequest."""

_PATH = "/v1/conversations"


def conversations_routes(
    conversations: Conversations,
    look_up: LookUp,
    *,
    body_limit_bytes: int = DEFAULT_LIMIT_BYTES,
) -> list[Route]:
    """look_up: finds what items only name, which is kept in their place."""
    api = _Api(conversations, look_up, body_limit_bytes)
    return [
        Route(_PATH, api.create, methods=["POST"]),
        Route(_PATH, api.list_all, methods=["GET"]),
        Route(f"{_PATH}/{{id}}", api.get, methods=["GET"]),
        Route(f"{_PATH}/{{id}}", api.update, methods=["POST"]),
        Route(f"{_PATH}/{{id}}", api.delete, methods=["DELETE"]),
        Route(f"{_PATH}/{{id}}/items", api.add, methods=["POST"]),
        Route(f"{_PATH}/{{id}}/items", api.list_items, methods=["GET"]),
        Route(f"{_PATH}/{{id}}/items/{{item_id}}", api.item, methods=["GET"]),
        Route(f"{_PATH}/{{id}}/items/{{item_id}}", api.delete_item, methods=["DELETE"]),
    ]


class _Api:
    def __init__(
        self, conversations: Conversations, look_up: LookUp, body_limit_bytes: int
    ) -> None:
        self._conversations = conversations
        self._look_up = look_up
        self._body_limit_bytes = body_limit_bytes

    async def create(self, request: Request) -> Response:
        body = await read_json(request, self._body_limit_bytes)
        owner = owner_of(request)
        new = parse_new_conversation(body, await self._look_up(owner, named_in(body)), _new_id)
        return _reply(await self._conversations.create(owner, new.metadata, new.items))

    async def list_all(self, request: Request) -> Response:
        """Limner's own: OpenAI's API lists no conversations."""
        page = read_page(request.query_params.multi_items())
        listed = await self._conversations.listed(owner_of(request), page)
        entries = list(map(conversation_json, listed.entries))
        return json_response(page_json(entries, listed.has_more))

    async def get(self, request: Request) -> Response:
        owner, id = _named(request)
        return _reply(_found(await self._conversations.get(owner, id), id))

    async def update(self, request: Request) -> Response:
        owner, id = _named(request)
        metadata = parse_update(await read_json(request))
        return _reply(_found(await self._conversations.update(owner, id, metadata), id))

    async def delete(self, request: Request) -> Response:
        owner, id = _named(request)
        if not await self._conversations.delete(owner, id):
            raise no_such_conversation(id)
        return json_response({"id": id, "object": "conversation.deleted", "deleted": True})

    async def add(self, request: Request) -> Response:
        """Append items; replies with them as they are kept."""
        owner, id = _named(request)
        check_include(request.query_params.multi_items())
        body = await read_json(request, self._body_limit_bytes)
        items = parse_new_items(body, await self._look_up(owner, named_in(body)), _new_id)
        if not await self._conversations.add(owner, id, items):
            raise no_such_conversation(id)
        return json_response(items_json(Listed(items, has_more=False)))

    async def list_items(self, request: Request) -> Response:
        owner, id = _named(request)
        query = request.query_params.multi_items()
        check_include(query)
        page = read_page(query, also=("include", "include[]"))
        listed = await self._conversations.page(owner, id, page)
        if listed is None:
            raise no_such_conversation(id)
        return json_response(items_json(listed))

    async def item(self, request: Request) -> Response:
        owner, id = _named(request)
        check_include(request.query_params.multi_items())
        item_id = request.path_params["item_id"]
        _found(await self._conversations.get(owner, id), id)
        item = await self._conversations.item(owner, id, item_id)
        if item is None:
            raise no_such_item(item_id)
        return json_response(item)

    async def delete_item(self, request: Request) -> Response:
        """Replies with the conversation."""
        owner, id = _named(request)
        item_id = request.path_params["item_id"]
        _found(await self._conversations.get(owner, id), id)
        conversation = await self._conversations.delete_item(owner, id, item_id)
        if conversation is None:
            raise no_such_item(item_id)
        return _reply(conversation)


def _named(request: Request) -> tuple[str, str]:
    return owner_of(request), request.path_params["id"]


def _found(conversation: Conversation | None, id: str) -> Conversation:
    if conversation is None:
        raise no_such_conversation(id)
    return conversation


def _reply(conversation: Conversation) -> Response:
    return json_response(conversation_json(conversation))


def _new_id(prefix: str) -> str:
    return f"{prefix}{secrets.token_hex(24)}"
