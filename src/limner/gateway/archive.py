"""What a request only names, looked up before it is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.core.ports import Codec, Files
from limner.core.response_store import ResponseStore
from limner.core.turn import JsonObject
from limner.wire.known import Known, References
from limner.wire.pictures import data_of, picture

FetchAll = Callable[[Collection[str]], Awaitable[Mapping[str, ImageData]]]
"""Gets pictures by their URLs, all or none; raises InvalidRequest."""


class ConversationItems(Protocol):
    async def items(self, owner: str, id: str) -> Sequence[JsonObject] | None:
        """All items, oldest first; None for no such conversation."""
        ...


@dataclass(frozen=True, slots=True)
class Archive:
    """Where things are found by their names; None where there are none of them.

    codec: reads uploads and data URLs in formats that nothing else reads.
    """

    responses: ResponseStore | None = None
    conversations: ConversationItems | None = None
    files: Files | None = None
    fetch: FetchAll | None = None
    codec: Codec | None = None

    async def look_up(self, owner: str, names: References) -> Known:
        """What is there of these names; whoever reads the request misses the rest.

        Raises InvalidRequest for a response, a conversation or a URL that is not to be had.
        """
        return Known(
            history=await self._history(owner, names),
            items=await self.responses.items(owner, names.items) if self.responses else {},
            files=await self._uploads(owner, names.files),
            urls=await self._pictures(names.urls),
        )

    async def _history(self, owner: str, names: References) -> Sequence[JsonObject]:
        if (id := names.previous_response_id) is not None:
            if self.responses is None:
                raise InvalidRequest(
                    f"Previous response with id '{id}' not found.",
                    param="previous_response_id",
                    code="previous_response_not_found",
                )
            return await self.responses.context(owner, id)
        if (id := names.conversation) is None:
            return ()
        items = await self.conversations.items(owner, id) if self.conversations else None
        if items is None:
            raise InvalidRequest(
                f"Conversation with id '{id}' not found.",
                param="conversation",
                code="conversation_not_found",
                status=404,
            )
        return items

    async def _uploads(self, owner: str, ids: Collection[str]) -> Mapping[str, ImageData]:
        found = {}
        for id in ids:
            content = await self.files.picture(owner, id) if self.files else None
            if content is not None and (image := await self._readable(content)) is not None:
                found[id] = image
        return found

    async def _pictures(self, urls: Collection[str]) -> Mapping[str, ImageData]:
        inside = {url for url in urls if url[:5].lower() == "data:"}
        elsewhere = set(urls) - inside
        found = dict(await self.fetch(elsewhere)) if self.fetch and elsewhere else {}
        for url in inside:
            if (image := await self._readable(data_of(url, "input"))) is not None:
                found[url] = image
        return found

    async def _readable(self, content: bytes) -> ImageData | None:
        image = picture(content)
        if image is None and self.codec is not None:
            return await self.codec.readable(content)
        return image
