"""The server between scripted model and image servers, joined as the product is."""

from __future__ import annotations

import socket

import uvicorn

from limner.app.process import keep_freed_memory, settle_garbage
from limner.gateway.several import always
from limner.images.http import ImagesHttp
from limner.images.openai import OpenAIImages
from limner.server.application import ServerParts, create
from limner.server.protocol import ConnectionLimits, uvicorn_config
from limner.upstreams.chat import ChatUpstream
from limner.upstreams.http import UpstreamHttp


async def serve(upstream: int) -> None:
    """Serve on a free port, which is printed first. upstream: the port of both scripted servers."""
    keep_freed_memory()
    url = f"http://127.0.0.1:{upstream}/v1"
    async with UpstreamHttp(url) as chat, ImagesHttp(url) as images:
        parts = ServerParts(always(ChatUpstream(chat)), OpenAIImages(images), models=lambda: [])
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            print(listener.getsockname()[1], flush=True)
            settle_garbage()
            config = uvicorn_config(create(parts), ConnectionLimits(), lifespan="off")
            await uvicorn.Server(config).serve([listener])
