"""What painting takes beside the weights, estimated from a model's configuration.

The factors are the peaks of live tensors that Diffusers' modules of full size show when they are
run on shapes alone (`benchmarks/memory.py` counts them again).
"""

from __future__ import annotations

from collections.abc import Iterable

from limner.core.image import Size
from limner.engine.weights import VAE, Part, Precision

STEP_FACTOR = 16
"""Numbers alive at once for each number of the hidden state: Z-Image 15.8, Qwen-Image 14.3, the
U-Net of SDXL 15.8."""
DECODE_FACTOR = 3
"""Of a VAE's widest tensor at full resolution, which a residual block needs three times: 3.0."""
ROWS = 2
"""One picture, guided."""

_CAPTION_TOKENS = 512
_LATENT_PX = 8
_UNKNOWN_SHARE = 0.1
"""Of a denoiser's weights, where its configuration has none of the names below."""
_FULL_SIZE_CHANNELS = 256
"""Of the VAEs of Flux, Z-Image and Stable Diffusion where they first reach full resolution."""


def step_bytes(parts: Iterable[Part], size: Size, precision: Precision) -> int:
    """One step of one guided picture: tokens x width x 16 numbers, twice."""
    denoisers = [part for part in parts if part.name.startswith(("transformer", "unet"))]
    return max((_step(part, size, precision) for part in denoisers), default=0)


def _step(part: Part, size: Size, precision: Precision) -> int:
    cells = size.width * size.height // _LATENT_PX**2
    if channels := part.config.get("block_out_channels"):  # a U-Net works on latents as they are
        tokens, width = cells, int(channels[0])
    else:
        tokens, width = _CAPTION_TOKENS + cells // 4, _width(part)
    if not width:
        return int(_UNKNOWN_SHARE * precision.bytes_of(part))
    return ROWS * STEP_FACTOR * tokens * width * precision.bytes_each(part)


def _width(part: Part) -> int:
    """Of the hidden state of a transformer; 0 where its configuration does not say."""
    config = part.config
    if "dim" in config:
        return int(config["dim"])
    return int(config.get("num_attention_heads", 0)) * int(config.get("attention_head_dim", 0))


def decode_bytes_per_px(parts: Iterable[Part], precision: Precision) -> int:
    """Decoding latents to pixels, for each pixel; 0 for a model without a VAE."""
    vae = next((part for part in parts if part.name == VAE), None)
    if vae is None:
        return 0
    channels = vae.config.get("block_out_channels") or ()
    # The last block but one ends at full resolution with the width that it began with.
    widest = int(channels[min(1, len(channels) - 1)]) if channels else _FULL_SIZE_CHANNELS
    return DECODE_FACTOR * widest * precision.bytes_each(vae)
