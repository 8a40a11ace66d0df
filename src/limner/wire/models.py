"""`GET /v1/models`: OpenAI's list, each entry with a block of ours that says what it can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from limner.core.image import ImageCapabilities
from limner.core.readiness import Readiness
from limner.core.turn import UpstreamCapabilities


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model that this server offers.

    created: seconds since 1970. readiness: None where nothing needs to be loaded.
    """

    id: str
    created: int
    capabilities: UpstreamCapabilities | ImageCapabilities
    readiness: Readiness | None = None
    owned_by: str = "limner"


def models_json(models: Iterable[ModelEntry]) -> dict[str, Any]:
    """The whole list."""
    return {"object": "list", "data": [model_json(model) for model in models]}


def model_json(model: ModelEntry) -> dict[str, Any]:
    """One entry, as `GET /v1/models/{id}` answers it too."""
    block = {**_capabilities(model.capabilities), **_readiness(model.readiness)}
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
            "parallel_tool_calls": can.parallel_tool_calls,
        }
    return {
        "kind": "image",
        "served_by": can.name,
        "sizes": None if can.sizes is None else [str(size) for size in can.sizes],
        "size_multiple_px": can.size_multiple,
        "min_edge_px": can.min_edge_px,
        "max_edge_px": can.max_edge_px,
        "output_formats": None if can.formats is None else list(can.formats),
        "max_n": can.max_n,
        "partial_images": can.partial_images,
        "progress": can.progress,
        "seed": can.seed,
    }


def _readiness(readiness: Readiness | None) -> dict[str, Any]:
    if readiness is None:
        return {"state": "ready"}
    return {
        "state": readiness.state,
        "message": readiness.message,
        "progress_of_loading": readiness.progress,
    }
