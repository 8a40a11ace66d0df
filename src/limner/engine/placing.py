"""A pipeline that was read, put where its layout says, in the numbers that were asked for."""

from __future__ import annotations

from typing import Any

import torch

from limner.core.errors import ConfigError
from limner.engine.device import is_out_of_memory
from limner.engine.offload import Swap, fetch_layers
from limner.engine.quantized import quantize_part
from limner.engine.room import Layout, what_helps
from limner.engine.vae import tile, widen
from limner.engine.weights import VAE, Precision


def place(
    pipeline: Any, name: str, *, device: Any, precision: Precision, layout: Layout
) -> Swap | None:
    """Move and prepare the parts; give what swaps them, where one at a time is there.

    name: the model's, for messages. Raises ConfigError where memory does not suffice.
    """
    parts = {
        part: module
        for part, module in pipeline.components.items()
        if isinstance(module, torch.nn.Module)
    }
    vae = parts.get(VAE)
    if vae is not None and precision.dtype == "float16":
        widen(vae)
    if vae is not None and layout.tile_px:
        tile(vae, layout.tile_px)
    try:
        swap = _move(parts, device, precision, layout)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(torch, error):
            raise
        raise ConfigError(
            f"model {name!r} does not fit into the memory of {device}. "
            f"{what_helps(precision, str(device))}"
        ) from error
    for module in parts.values():
        module.eval()
    return swap


def _move(parts: dict[str, Any], device: Any, precision: Precision, layout: Layout) -> Swap | None:
    rest = [module for part, module in parts.items() if part != VAE]
    for part, module in parts.items():
        quantize_part(module, part, precision.quantize, device)
        stays = part == VAE or layout.offload == "none"
        module.to(device if stays else "cpu")
    match layout.offload:
        case "none":
            return None
        case "model":
            return Swap(device, rest, parts.get(VAE))
        case "sequential":
            fetch_layers(device, rest)
            return None
