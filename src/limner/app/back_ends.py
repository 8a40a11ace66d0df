"""An image back end at an address, by the wire that the address names: `comfyui+http://…`."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

from limner.config import Settings
from limner.config.image_service import load_image_service
from limner.config.presets import PresetName, load_preset, preset_for
from limner.core.errors import ConfigError
from limner.core.ports import ImageBackend
from limner.core.readiness import Readiness, any_of
from limner.images.automatic1111 import Automatic1111, automatic1111_server
from limner.images.comfyui import ComfyUi, comfyui_server
from limner.images.http import ImagesHttp
from limner.images.image_jobs import ImageJobs, image_jobs_server
from limner.images.openai import OpenAIImages
from limner.images.pool import Member, Pool
from limner.wire.comfyui_workflow import Workflow, read_workflow

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_back_ends(
    settings: Settings,
) -> AsyncIterator[tuple[ImageBackend, Callable[[], Readiness]]]:
    """What paints at the addresses of the settings, several as one, and how it is just now."""
    async with AsyncExitStack() as stack:
        members = {
            address: Member(await stack.enter_async_context(open_back_end(address, settings)))
            for address in settings.addresses
        }
        if len(members) > 1:
            yield Pool([*members.values()]), lambda: any_of(_known(members))
            return
        ((address, only),) = members.items()
        there = Readiness("ready", f"an image back end at {address}")
        yield only.backend, lambda: there


def _known(members: Mapping[str, Member]) -> dict[str, Readiness]:
    """As far as the last requests tell."""
    away = Readiness("failed", "its last request failed; it is asked last for a while")
    there = Readiness("ready", "its last request did not fail")
    return {
        address: away if member.circuit.is_open else there for address, member in members.items()
    }


@asynccontextmanager
async def open_back_end(address: str, settings: Settings) -> AsyncIterator[ImageBackend]:
    """Its connections are closed in the end. Raises ConfigError for what cannot be one."""
    named, colon, rest = address.partition(":")
    wire, _, scheme = named.rpartition("+")
    url = scheme + colon + rest
    key, model = settings.image_key, settings.model
    match wire:
        case "comfyui":
            workflow = _workflow("--comfyui-workflow", settings.comfyui_workflow)
            path = settings.comfyui_edit_workflow
            edit = _workflow("--comfyui-edit-workflow", path, edits=True)
            async with comfyui_server(url, key=key) as server:
                yield ComfyUi(server, workflow=workflow, edit_workflow=edit, model=model)
        case "a1111":
            async with automatic1111_server(url, key=key) as server:
                yield Automatic1111(server, model=model)
        case "jobs":
            if model is not None:
                raise ConfigError(
                    f"--model {model} cannot be chosen with --image-backend {address}."
                )
            async with image_jobs_server(url, key=key) as server:
                yield ImageJobs(server)
        case _:
            preset = load_preset(cast(PresetName, wire)) if wire else preset_for(url)
            async with ImagesHttp(url, key=key, key_header=preset.key_header) as http:
                yield OpenAIImages(http, preset.facts(model))


@asynccontextmanager
async def open_image_service(path: Path) -> AsyncIterator[ImageBackend]:
    """What the file of `--image-service-config` describes; raises ConfigError for what is wrong."""
    service = load_image_service(path, os.environ)
    preset = service.preset
    logger.info("External image service configured: %s", service.provider)
    if service.not_understood:
        logger.warning(
            "image service config has keys that mean nothing here",
            extra={"keys": ", ".join(service.not_understood)},
        )
    facts = preset.facts(service.default_model, generate=service.generate, edit=service.edit)
    async with ImagesHttp(service.api_base, key=service.key, key_header=preset.key_header) as http:
        yield OpenAIImages(http, facts)


def _workflow(flag: str, path: Path | None, *, edits: bool = False) -> Workflow | None:
    if path is None:
        return None
    try:
        return read_workflow(path.read_bytes(), edits=edits)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{flag} {path} cannot be used: {error}") from None
