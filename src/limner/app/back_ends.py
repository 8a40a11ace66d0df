"""An image back end at an address, by the wire that the address names: `comfyui+http://…`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from limner.config import Settings
from limner.core.errors import ConfigError
from limner.core.image import ImageCapabilities
from limner.core.ports import ImageBackend
from limner.images.automatic1111 import Automatic1111, automatic1111_server
from limner.images.comfyui import ComfyUi, comfyui_server
from limner.images.http import ImagesHttp
from limner.images.image_jobs import ImageJobs, image_jobs_server
from limner.images.openai import OpenAIImages
from limner.wire.comfyui_workflow import Workflow, read_workflow
from limner.wire.images_dialect import ServerFacts


@asynccontextmanager
async def open_back_end(address: str, settings: Settings) -> AsyncIterator[ImageBackend]:
    """Its connections are closed in the end. Raises ConfigError for what cannot be one."""
    named, colon, rest = address.partition(":")
    wire, _, scheme = named.rpartition("+")
    url = scheme + colon + rest
    key, model = settings.image_key, settings.model
    match wire:
        case "comfyui":
            workflow = _workflow(settings.comfyui_workflow)
            async with comfyui_server(url, key=key) as server:
                yield ComfyUi(server, workflow=workflow, model=model)
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
            async with ImagesHttp(url, key=key) as http:
                can = ImageCapabilities(model or "images")
                yield OpenAIImages(http, ServerFacts(can, model=model))


def _workflow(path: Path | None) -> Workflow | None:
    if path is None:
        return None
    try:
        return read_workflow(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"--comfyui-workflow {path} cannot be used: {error}") from None
