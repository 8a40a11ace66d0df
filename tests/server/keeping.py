"""A server that keeps its responses, over scripted parts, and the official SDK before it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import openai

from limner.core.ports import ImageBackend, Upstream
from limner.gateway.archive import Archive
from limner.gateway.background import Background
from limner.gateway.deadline import DEFAULT_DEADLINE_S
from limner.gateway.responder import Responder
from limner.gateway.several import always
from limner.images.codec import SandboxedCodec
from limner.server.application import Rules, ServerParts, create
from limner.server.conversations import conversations_routes
from limner.server.drain import Drain, Draining
from limner.server.files import files_routes
from limner.server.gallery import gallery_routes
from limner.server.response_list import response_list_routes
from limner.store.blobs import Blobs
from limner.store.conversations import Conversations
from limner.store.files import StoredFiles
from limner.store.gallery import Gallery
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.response_list import ResponseList
from limner.store.responses import StoredResponses
from limner.store.sqlite import open_sqlite
from tests.serving import serving

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Kept:
    """url: of the server. client: the SDK, which repeats nothing."""

    url: str
    client: openai.AsyncOpenAI
    store: StoredResponses
    background: Background
    drain: Drain


@asynccontextmanager
async def keeping(
    folder: Path,
    upstream: Upstream,
    images: ImageBackend | None = None,
    *,
    rules: Rules = Rules(),  # noqa: B008 - a frozen value
    max_runs: int = 64,
    max_waiting: int = 1000,
    deadline_s: float = DEFAULT_DEADLINE_S,
) -> AsyncIterator[Kept]:
    """What is kept in the folder is there again when it is opened once more."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_sqlite(folder / "limner.sqlite"))
        await upgrade(database)
        blobs = Blobs(folder / "blobs")
        texts = Texts(blobs)
        store = StoredResponses(database, texts, keep_s=DAY_S)
        background = Background(
            Responder(always(upstream), images),
            store,
            sole=True,
            max_runs=max_runs,
            max_waiting=max_waiting,
            deadline_s=deadline_s,
            poll_s=0.05,
        )
        files, conversations = StoredFiles(database, blobs), Conversations(database, texts)
        archive = Archive(store, conversations, files)
        # Its processes start with the first picture.
        codec = await stack.enter_async_context(SandboxedCodec(workers=1))
        parts = ServerParts(
            always(upstream),
            images,
            models=lambda: [],
            archive=archive,
            background=background,
            routes=[
                *files_routes(files),
                *conversations_routes(conversations, archive.look_up),
                *gallery_routes(Gallery(database, blobs), codec),
                *response_list_routes(ResponseList(database, texts)),
            ],
            rules=rules,
        )
        await stack.enter_async_context(background)
        drain = Drain()
        url = await stack.enter_async_context(serving(Draining(create(parts), drain)))
        client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        async with client:
            yield Kept(url, client, store, background, drain)
