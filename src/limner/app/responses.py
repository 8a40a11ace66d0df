"""What keeps responses, what runs those that need no client, and where names are looked up."""

from __future__ import annotations

from contextlib import AsyncExitStack

from limner.app.pictures import Pictures
from limner.app.store import Store
from limner.app.stored import Stored
from limner.gateway.archive import Archive
from limner.gateway.background import Background
from limner.gateway.responder import Responder
from limner.store.responses import StoredResponses

DAY_S = 86_400.0


async def open_responses(
    responder: Responder, store: Store, stored: Stored, pictures: Pictures, stack: AsyncExitStack
) -> tuple[Archive, Background]:
    """Both over the one store, until the stack is closed."""
    responses = StoredResponses(store.database, store.texts, keep_s=store.days * DAY_S)
    store.forgets.append(responses.forget)
    archive = Archive(
        responses,
        stored.conversations,
        stored.files,
        pictures.fetch_all,
        pictures.codec,
    )
    background = Background(responder, responses, sole=store.is_alone)
    return archive, await stack.enter_async_context(background)
