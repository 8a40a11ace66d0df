"""`GET /v1/models`: OpenAI's list, each entry with a block of ours that says what it can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from limner.core.image import ImageCapabilities, Size
from limner.core.readiness import Readiness
from limner.core.turn import UpstreamCapabilities
from limner.wire import json


@dataclass(frozen=True, slots=True)
class ImageToolState:
    """What the hosted image tool does with a language model.

    state: the mode that the operator chose, `off` where nothing can paint. image_backend: what
    paints, by name; None where nothing does.
    """

    state: str
    reason: str
    image_backend: str | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model that this server offers.

    created: seconds since 1970. readiness: None where nothing needs to be loaded. upstream: the
    operator's name of it, where there are several. stands_for: the model that an alias means.
    """

    id: str
    created: int
    capabilities: UpstreamCapabilities | ImageCapabilities
    readiness: Readiness | None = None
    owned_by: str = "limner"
    upstream: str | None = None
    stands_for: str | None = None
    image_tool: ImageToolState | None = None


def read_model_ids(body: bytes) -> tuple[str, ...]:
    """The names in another server's list: `{"data": [{"id"}]}`, or a bare list, as some write it.

    Raises ValueError for what is none.
    """
    value = json.load(body)
    entries = value.get("data") if isinstance(value, dict) else value
    if not isinstance(entries, list):
        raise ValueError("a list of models must be an object with `data`, or a list")
    names = (entry.get("id") for entry in entries if isinstance(entry, dict))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def models_json(models: Iterable[ModelEntry]) -> dict[str, Any]:
    """The whole list."""
    return {"object": "list", "data": [model_json(model) for model in models]}


def model_json(model: ModelEntry) -> dict[str, Any]:
    """One entry, as `GET /v1/models/{id}` answers it too."""
    block = {
        **_capabilities(model.capabilities),
        "upstream": model.upstream,
        "stands_for": model.stands_for,
        **_image_tool(model.image_tool),
        **_readiness(model.readiness),
    }
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
        "limner": {name: value for name, value in block.items() if value is not None},
    }


def _capabilities(can: UpstreamCapabilities | ImageCapabilities) -> dict[str, Any]:
    if isinstance(can, UpstreamCapabilities):
        return {
            "kind": "language",
            "served_by": can.name,
            "sees_images": can.vision,
            "function_calling": can.tools,
            "parallel_tool_calls": can.parallel_tool_calls,
            "native_image_tool": can.native_image_tool,
            "built_in": can.built_in,
        }
    return {
        "kind": "image",
        "served_by": can.name,
        "sizes": None if can.sizes is None else [str(size) for size in can.sizes],
        "native_px": None if can.native_size is None else _edge_of_square(can.native_size),
        "size_multiple": can.size_multiple,
        "min_edge_px": can.min_edge_px,
        "max_edge_px": can.max_edge_px,
        "output_formats": None if can.formats is None else list(can.formats),
        "max_n": can.max_n,
        "partial_images": can.partial_images,
        "progress": can.progress,
        "seed": can.seed,
        "edits": can.edits,
        "mask": can.mask,
        "max_images": can.max_images,
        "input_fidelity": can.input_fidelity,
        "strength": can.strength,
        "loras": list(can.loras) if can.loras else None,
        "transparent_background": can.transparent,
    }


def _edge_of_square(size: Size) -> int:
    """Of the square with about as many pixels, in pixels."""
    return round(sqrt(size.width * size.height))


def _image_tool(tool: ImageToolState | None) -> dict[str, Any]:
    if tool is None:
        return {}
    said = {"state": tool.state, "reason": tool.reason, "image_backend": tool.image_backend}
    return {"image_tool": said}


def _readiness(readiness: Readiness | None) -> dict[str, Any]:
    if readiness is None:
        return {"state": "ready"}
    return {
        "state": readiness.state,
        "message": readiness.message,
        "progress_of_loading": readiness.progress,
    }
