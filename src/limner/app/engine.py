"""The engine's process: one painter behind the Images API, or several engines as children."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from socket import AF_UNIX, socket
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.app.engines import named_devices, open_engines
from limner.app.http import serve
from limner.app.painting import Easel
from limner.app.process import settle_garbage
from limner.config import Settings
from limner.core.errors import LimnerError
from limner.core.ports import Codec
from limner.images.checked import CheckedSources
from limner.images.codec import SandboxedCodec
from limner.server.application import Lifespan, Rules, enclose
from limner.server.errors import json_response
from limner.server.guard import allowed_hosts
from limner.server.health import health_routes
from limner.server.images_api import images_routes
from limner.server.picture_sources import PictureSources
from limner.wire import engine_status


async def run_engine(settings: Settings, sock: socket) -> None:
    """Load and serve until a signal says stop.

    Answers from the start, pictures included once it is ready. Raises ConfigError when the model
    cannot be loaded, LimnerError when the engine broke down.
    """
    settings = await named_devices(settings)
    if len(settings.devices) > 1:
        await _run_several(settings, sock)
        return
    easel = Easel(settings)
    async with SandboxedCodec() as codec:
        # Behind the socket file is our own server, which has written all sources anew already.
        reads = None if sock.family == AF_UNIX else codec
        app = build_engine(easel, _rules(settings, sock), reads)
        await _serve_while_it_lives(app, sock, easel)


async def _run_several(settings: Settings, sock: socket) -> None:
    """One engine for each device, each in a process of its own; this one only passes on."""
    async with SandboxedCodec() as codec, open_engines(settings) as engines:
        backend = CheckedSources(engines.backend, codec)
        closed = images_routes(backend, PictureSources(codec=codec), shares_by_user=True)
        opened = health_routes({"engine": lambda: engines.painter.readiness})
        app = enclose(closed, opened, rules=_rules(settings, sock))
        settle_garbage()
        await _serve_until(app, sock, engines.refused())


async def _serve_while_it_lives(app: Starlette, sock: socket, easel: Easel) -> None:
    try:
        await _serve_until(app, sock, _live(easel))
    finally:
        await easel.painter.close()


async def _serve_until(app: Starlette, sock: socket, end: Coroutine[Any, Any, None]) -> None:
    """Serve until a signal says stop; raises what `end` raises, as soon as it does."""
    serving = asyncio.create_task(serve(app, sock))
    living = asyncio.create_task(end)
    try:
        await asyncio.wait([serving, living], return_when=asyncio.FIRST_COMPLETED)
        if living.done():
            await living
    finally:
        for task in (living, serving):
            task.cancel()
            with suppress(asyncio.CancelledError, LimnerError):
                await task


def build_engine(
    easel: Easel, rules: Rules, codec: Codec | None = None, *, lifespan: Lifespan | None = None
) -> Starlette:
    """The engine's application. codec: reads sources that come from anyone."""

    async def status(request: Request) -> Response:
        return json_response(engine_status.status_json(easel.status))

    painter = easel.painter
    backend = CheckedSources(easel.backend, codec) if codec else easel.backend
    images = images_routes(backend, PictureSources(codec=codec), shares_by_user=True)
    closed = [*images, Route(engine_status.PATH, status)]
    opened = health_routes({"engine": lambda: painter.readiness})
    return enclose(closed, opened, rules=rules, lifespan=lifespan)


async def _live(easel: Easel) -> None:
    """Start, then stay until the engine breaks down, which it does not survive."""
    await easel.painter.start()
    settle_garbage()
    await easel.broken()
    raise LimnerError(easel.painter.readiness.message)


def _rules(settings: Settings, sock: socket) -> Rules:
    if sock.family == AF_UNIX:
        return Rules()  # the file's own permissions say who may ask
    return tcp_rules(settings)


def tcp_rules(settings: Settings) -> Rules:
    """Who may ask an engine that listens where others can reach it."""
    return Rules(
        hosts=allowed_hosts(settings.host, settings.allowed_hosts),
        origins=frozenset(settings.allowed_origins),
        api_keys=frozenset(settings.api_keys),
    )
