"""What every VAE is told before it decodes: its numbers and its tiles."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch


def widen(vae: Any) -> None:
    """Have a VAE compute in float32, and stay so, beside a model in float16.

    Its activations leave the range of float16: black pictures. The pipelines of Diffusers hand it
    their own numbers, want what it encodes in these, and some cast it to and fro.
    """
    vae.to(torch.float32)
    vae.to = _without_dtype(vae)
    vae.encode = _encoding(vae.encode)
    vae.decode = _decoding(vae.decode)


def _without_dtype(vae: Any) -> Callable[..., Any]:
    stock = vae.to

    @wraps(stock)
    def to(*where: Any, **options: Any) -> Any:
        options.pop("dtype", None)
        kept = [each for each in where if not isinstance(each, torch.dtype)]
        return stock(*kept, **options) if kept or options else vae

    return to


def _encoding(stock: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(stock)
    def encode(given: Any, *args: Any, **kwargs: Any) -> Any:
        answer = stock(given.float(), *args, **kwargs)
        if isinstance(answer, tuple):
            return tuple(_narrowed(each, given.dtype) for each in answer)
        for name, each in answer.items():
            answer[name] = _narrowed(each, given.dtype)
        return answer

    return encode


def _narrowed(encoded: Any, dtype: Any) -> Any:
    """encoded: latents, or a distribution of them."""
    if isinstance(encoded, torch.Tensor):
        return encoded.to(dtype)
    return type(encoded)(encoded.parameters.to(dtype))


def _decoding(stock: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(stock)
    def decode(given: Any, *args: Any, **kwargs: Any) -> Any:
        return stock(given.float(), *args, **kwargs)

    return decode


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
