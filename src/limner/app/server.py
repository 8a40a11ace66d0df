"""The server's process: a language model, an image back end, and all doors to them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from limner import logs
from limner.app.back_ends import open_back_ends, open_image_service
from limner.app.engines import named_devices, open_engines
from limner.app.http import serve
from limner.app.language_models import LanguageModels, open_language_models
from limner.app.marks import finish_of, finished
from limner.app.painting import INSTALL, missing_packages
from limner.app.pictures import open_pictures
from limner.app.process import settle_garbage
from limner.app.queue import open_jobs, queue_before
from limner.app.replies import idempotency
from limner.app.responses import open_responses
from limner.app.secrets import secrets_of
from limner.app.store import open_store
from limner.app.stored import Stored
from limner.config import Settings
from limner.config.image_backends import ImageEntry
from limner.config.load import check_painters_are_the_file_s
from limner.config.upstreams import read_upstreams
from limner.core.errors import ConfigError
from limner.core.image import ImageCapabilities, Size
from limner.core.ports import Codec, Finish, ImageBackend
from limner.core.readiness import Readiness
from limner.gateway.closed import ClosedBackend
from limner.gateway.queue import QueuedBackend
from limner.gateway.responder import Responder
from limner.images.checked import CheckedSources
from limner.images.converted import ConvertedFormats
from limner.images.several import NamedBackend, SeveralBackends
from limner.server.application import Rules, ServerParts, create
from limner.server.guard import allowed_hosts
from limner.server.health import ReadinessOf
from limner.server.images_api import images_routes
from limner.server.jobs_api import jobs_routes
from limner.server.picture_sources import PictureSources
from limner.server.queue_api import queue_routes
from limner.server.web import web_routes
from limner.wire.jobs import Painter
from limner.wire.jobs_request import JobDefaults
from limner.wire.models import ModelEntry

WEB = Path(__file__).parents[1] / "web"
USUAL_STEPS, USUAL_GUIDANCE = 8, 0.0
"""Of tiny and of Z-Image-Turbo, where nobody set others."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Painting:
    """What paints. backend: None where nothing does. painter: what is known of it just now.

    can: what it says of itself, once it does.
    named: where there are several, each by the names that may pick it.
    """

    backend: ImageBackend | None
    painter: Callable[[], Painter]
    named: Mapping[str, Painting] = field(default_factory=dict)
    can: Callable[[], ImageCapabilities | None] = lambda: None


async def run_server(settings: Settings, sock: socket, on_listening: Callable[[], None]) -> None:
    """Serve until a signal says stop. Answers from the start, whatever the engine still loads."""

    def listening() -> None:
        settle_garbage()
        on_listening()

    async with open_server(settings) as app:
        await serve(app, sock, on_listening=listening)


@asynccontextmanager
async def open_server(
    settings: Settings,
    *,
    routes: Sequence[BaseRoute] = (),
    readiness: Mapping[str, ReadinessOf] | None = None,
    by_their_names: bool = False,
) -> AsyncIterator[Starlette]:
    """The server's application with all that it needs, which is closed in the end.

    routes: behind all others. readiness: of further parts. by_their_names: as a model may be asked.
    """
    logs.hide(secrets_of(settings))
    settings = await named_devices(settings)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings))
        stored = Stored.over(store)
        await stored.gallery.read_in()
        finish = finish_of(settings)
        models = await open_language_models(settings, stack, finish, by_their_names)
        pictures = await stack.enter_async_context(open_pictures(settings))
        painting = await _open_painting(settings, stack, pictures.codec)
        backend = _guarded(painting.backend, finish, pictures.codec)
        queue = _queue(backend, painting, settings, models)
        jobs = await open_jobs(queue, store, settings, stack)
        image_backend = queue if backend else None
        responder = Responder(models.select, image_backend, settings.image_denial)
        archive, background = await open_responses(responder, store, stored, pictures, stack)
        sources = PictureSources(pictures.fetch_all, stored.files, pictures.codec)
        started = int(time.time())
        parts = ServerParts(
            select=models.select,
            image_backend=image_backend,
            denial=settings.image_denial,
            archive=archive,
            background=background,
            models=lambda: _models(models, painting, started),
            refresh_models=models.list.refresh,
            readiness={"images": lambda: painting.painter().readiness, **(readiness or {})},
            routes=(
                *images_routes(image_backend, sources),
                *jobs_routes(jobs, painting.painter, _job_defaults(settings)),
                *queue_routes(queue),
                *stored.routes(archive.look_up, pictures.codec),
                *routes,
            ),
            page=web_routes(WEB),
            inner=[idempotency(store, queue)],
            rules=_rules(settings, models),
        )
        yield create(parts)


def _guarded(
    backend: ImageBackend | None, finish: Finish | None, codec: Codec
) -> ImageBackend | None:
    """What paints, with its sources read before it and its pictures finished behind it."""
    return backend and CheckedSources(finished(backend, finish), codec)


def _queue(
    backend: ImageBackend | None, painting: Painting, settings: Settings, models: LanguageModels
) -> QueuedBackend:
    return queue_before(
        backend or ClosedBackend(painting.painter().readiness.message),
        settings,
        at_a_time=_painted_at_a_time(settings),
        has_keys=bool(settings.api_keys or models.keys),
    )


def _rules(settings: Settings, models: LanguageModels) -> Rules:
    return Rules(
        hosts=allowed_hosts(settings.host, settings.allowed_hosts),
        origins=frozenset(settings.allowed_origins),
        api_keys=frozenset((*settings.api_keys, *models.keys)),
        image_tool={key: mode for key, mode in models.keys.items() if mode},
    )


async def _open_painting(settings: Settings, stack: AsyncExitStack, codec: Codec) -> Painting:
    """codec: writes the formats that servers elsewhere cannot; our engine has them all."""
    if entries := _image_entries(settings):
        return await _open_several(entries, settings, stack, codec)
    if (path := settings.image_service_config) is not None:
        service = await stack.enter_async_context(open_image_service(path))
        backend = ConvertedFormats(service, codec)
        what = Readiness("ready", f"the image service of {path.name}")
        there = Painter(backend.capabilities.name, what)
        return Painting(backend, lambda: there)
    match settings.image_backend:
        case "none":
            return _nothing("nothing paints here (--image-backend none)")
        case "engine" | None:
            if missing := missing_packages():
                return _without_engine(missing, is_wanted=settings.image_backend == "engine")
            engines = await stack.enter_async_context(open_engines(settings))
            return Painting(engines.backend, lambda: engines.painter, can=lambda: engines.can)
        case _:
            several, readiness = await stack.enter_async_context(open_back_ends(settings))
            backend = ConvertedFormats(several, codec)
            name = settings.model or backend.capabilities.name
            return Painting(backend, lambda: Painter(name, readiness()))


def _image_entries(settings: Settings) -> tuple[ImageEntry, ...]:
    """Those of the file with several, if there is one."""
    return read_upstreams(settings.config, os.environ).images if settings.config else ()


async def _open_several(
    entries: Sequence[ImageEntry], settings: Settings, stack: AsyncExitStack, codec: Codec
) -> Painting:
    check_painters_are_the_file_s(settings)
    backends: list[NamedBackend] = []
    paintings: list[Painting] = []
    named: dict[str, Painting] = {}
    for entry in entries:
        painting = await _open_painting(entry.of(settings), stack, codec)
        assert painting.backend, "only `none` paints nothing, which the file cannot say"
        backends.append(NamedBackend(entry.name, painting.backend, entry.aliases))
        paintings.append(painting)
        named |= dict.fromkeys((entry.name, *entry.aliases), painting)
    try:
        several = SeveralBackends(backends)
    except ConfigError as error:
        raise ConfigError(f"{settings.config}: images: {error.message}") from None
    return Painting(several, paintings[0].painter, named)


def _painted_at_a_time(settings: Settings) -> int:
    if settings.max_concurrent is None and (entries := _image_entries(settings)):
        return sum(entry.of(settings).painted_at_a_time for entry in entries)
    return settings.painted_at_a_time


def _without_engine(missing: list[str], *, is_wanted: bool) -> Painting:
    why = f"the engine's packages are not installed ({', '.join(missing)}): {INSTALL}"
    if is_wanted:
        raise ConfigError(f"--image-backend engine is not possible: {why}")
    logger.warning("nothing paints", extra={"action": "no_engine", "why": why})
    return _nothing(why)


def _nothing(why: str) -> Painting:
    absent = Painter("none", Readiness("absent", why))
    return Painting(None, lambda: absent)


def _models(models: LanguageModels, painting: Painting, created: int) -> list[ModelEntry]:
    painter = painting.painter()
    named = painting.named or {painter.model: painting}
    return [
        *models.list.entries(painter, created, taken=named),
        *(
            ModelEntry(
                name, created, each.can() or each.backend.capabilities, each.painter().readiness
            )
            for name, each in named.items()
            if each.backend
        ),
    ]


def _job_defaults(settings: Settings) -> JobDefaults:
    """The engine itself applies steps and guidance; here they are only told."""
    size = Size(settings.default_width, settings.default_height)
    if entries := _image_entries(settings):
        settings = entries[0].of(settings)
    if not settings.paints_itself:
        return JobDefaults(size)
    guidance = settings.guidance_scale
    return JobDefaults(
        size,
        inference_steps=(settings.steps or USUAL_STEPS) + 1,
        guidance_scale=USUAL_GUIDANCE if guidance is None else guidance,
    )
