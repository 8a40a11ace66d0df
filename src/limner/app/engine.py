"""The engine's process: one painter behind the Images API."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from socket import AF_UNIX, socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.app.http import serve
from limner.app.painting import Easel
from limner.app.process import settle_garbage
from limner.config import Settings
from limner.core.errors import LimnerError
from limner.server.application import Rules, enclose
from limner.server.errors import json_response
from limner.server.guard import allowed_hosts
from limner.server.health import health_routes
from limner.server.images_api import images_routes
from limner.wire import engine_status


async def run_engine(settings: Settings, sock: socket) -> None:
    """Load and serve until a signal says stop.

    Answers from the start, pictures included once it is ready. Raises ConfigError when the model
    cannot be loaded, LimnerError when the engine broke down.
    """
    easel = Easel(settings)
    painter = easel.painter
    serving = asyncio.create_task(serve(build_engine(easel, _rules(settings, sock)), sock))
    living = asyncio.create_task(_live(easel))
    try:
        await asyncio.wait([serving, living], return_when=asyncio.FIRST_COMPLETED)
        if living.done():
            await living
    finally:
        for task in (living, serving):
            task.cancel()
            with suppress(asyncio.CancelledError, LimnerError):
                await task
        await painter.close()


def build_engine(easel: Easel, rules: Rules) -> Starlette:
    """The engine's application."""

    async def status(request: Request) -> Response:
        return json_response(engine_status.status_json(easel.status))

    painter = easel.painter
    closed = [*images_routes(painter), Route(engine_status.PATH, status)]
    return enclose(closed, health_routes({"engine": lambda: painter.readiness}), rules=rules)


async def _live(easel: Easel) -> None:
    """Start, then stay until the engine breaks down, which it does not survive."""
    await easel.painter.start()
    settle_garbage()
    await easel.broken()
    raise LimnerError(easel.painter.readiness.message)


def _rules(settings: Settings, sock: socket) -> Rules:
    if sock.family == AF_UNIX:
        return Rules()  # the file's own permissions say who may ask
    return Rules(
        hosts=allowed_hosts(settings.host, settings.allowed_hosts),
        origins=frozenset(settings.allowed_origins),
        api_keys=frozenset(settings.api_keys),
    )
