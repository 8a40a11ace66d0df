"""What every VAE is told before it decodes: its numbers and its tiles."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch


def widen(vae: Any) -> None:
    """Let a VAE compute in float32 beside a model in float16.

    Its activations leave the range of float16: black pictures. The pipelines of Diffusers hand it
    their own numbers, so it turns them into its own.
    """
    vae.to(torch.float32)
    if vae.config.get("force_upcast"):  # SDXL's pipelines do the same, and narrow it again
        vae.register_to_config(force_upcast=False)
    for name in ("encode", "decode"):
        setattr(vae, name, _in_own_numbers(getattr(vae, name)))


def _in_own_numbers(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def widened(given: Any, *args: Any, **kwargs: Any) -> Any:
        return call(given.float(), *args, **kwargs)

    return widened


def tile(vae: Any, edge_px: int) -> bool:
    """Decode pictures with a longer edge in overlapping tiles; False for a VAE that cannot."""
    if not hasattr(vae, "enable_tiling"):
        return False
    vae.enable_tiling()
    if hasattr(vae, "tile_latent_min_size"):  # the VAEs of Flux, Z-Image and Stable Diffusion
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        vae.tile_sample_min_size = edge_px
        vae.tile_latent_min_size = edge_px // factor
    return True
