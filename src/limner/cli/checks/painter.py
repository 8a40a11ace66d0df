"""Whether what paints elsewhere can be used: its key, its description, and whether it answers."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from yarl import URL

from limner.cli.checks.verdict import Verdict, failure, ok, refused, warning
from limner.config.image_service import ImageService, load_image_service
from limner.config.presets import PresetName, load_preset, preset_for
from limner.core.errors import ConfigError, ImageError
from limner.images.automatic1111 import automatic1111_server
from limner.images.connection import Connection
from limner.images.http import ImagesHttp
from limner.images.plain import PlainServer

PATIENCE_S = 15.0
NO_KEY = frozenset({401, 403})
ASK_AT = {"comfyui": "queue", "a1111": "sdapi/v1/progress", "jobs": "health"}
"""What costs nothing to be asked for, by the wire; servers of an Images API list their models."""

SAY_KEY = (
    "Put the right key into the variable LIMNER_IMAGE_API_KEY, or into the one that "
    "--image-key-env or api_key_env names."
)
START_IT = "Start that server, or name another address."
IN_FILE = "docs/image-services.md explains the file."


@dataclass(frozen=True, slots=True)
class Painter:
    """A server that paints. wire: as it stands before the address, empty for an Images API."""

    url: str
    wire: str = ""
    key: str | None = field(default=None, repr=False)
    key_header: str = "Authorization"


def painter_at(address: str, key: str | None) -> Painter:
    """The one that `--image-backend` names."""
    named, colon, rest = address.partition(":")
    wire, _, scheme = named.rpartition("+")
    url = scheme + colon + rest
    if wire in ASK_AT:
        return Painter(url, wire, key)
    preset = load_preset(cast(PresetName, wire)) if wire else preset_for(url)
    return Painter(url, "", key, preset.key_header)


def read_service(path: Path) -> tuple[list[Verdict], Painter | None]:
    """The one that `--image-service-config` describes, its key included."""
    try:
        service = load_image_service(path, os.environ)
    except ConfigError as error:
        return [refused("image service", error.message, IN_FILE)], None
    painter = Painter(service.api_base, key=service.key, key_header=service.preset.key_header)
    return list(_said(service, path)), painter


def _said(service: ImageService, path: Path) -> tuple[Verdict, ...]:
    described = ok("image service", f"{service.provider} at {service.api_base}, from {path}")
    if not service.not_understood:
        return (described,)
    what = f"{path} has keys that mean nothing here: {', '.join(service.not_understood)}"
    return described, warning("image service", what, IN_FILE)


def check_painter(painter: Painter) -> Verdict:
    """What can be said without asking it."""
    name = "image back end"
    if painter.key is None and URL(painter.url).host == "api.openai.com":
        return failure(name, f"{painter.url} wants a key, and none is set", SAY_KEY)
    return ok(name, f"{painter.url}, not asked; --online asks it")


async def ask_painter(painter: Painter) -> Verdict:
    """Ask for what costs nothing; any answer but a refused key shows that it is there."""
    name = "image back end"
    try:
        async with asyncio.timeout(PATIENCE_S), _connection(painter) as connection:
            response = await connection.open("GET", _url(painter))
            response.close()
    except TimeoutError:
        return failure(name, f"{painter.url} was silent for {PATIENCE_S:g} s", START_IT)
    except (ImageError, ConfigError) as error:
        return refused(name, f"{painter.url}: {error.message}", START_IT)
    if response.status in NO_KEY:
        return failure(name, f"{painter.url} refuses the key ({response.status})", SAY_KEY)
    if response.status >= 500:
        what = f"{painter.url} answers {response.status}"
        return failure(name, what, "Look into the log of that server.")
    return ok(name, f"{painter.url} answers")


def _connection(painter: Painter) -> Connection:
    if painter.wire == "a1111":
        return automatic1111_server(painter.url, key=painter.key)
    if painter.wire:
        return PlainServer(painter.url, key=painter.key)
    return ImagesHttp(painter.url, key=painter.key, key_header=painter.key_header)


def _url(painter: Painter) -> URL:
    base = URL(painter.url)
    path = base.path.rstrip("/")
    return base.with_path(
        f"{path}/{ASK_AT[painter.wire]}" if painter.wire else f"{path or '/v1'}/models"
    )
