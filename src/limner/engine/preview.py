"""From latents to pixels, finished or not.

A preview is the picture that the model foresees at that step, x0 = x - sigma * v, through the real
VAE; never the noisy latents themselves, and never the finished picture made worse.
"""

from __future__ import annotations

from typing import Any

import torch

PREVIEW_TOKENS = 4096
"""Latents of more pixels, that is pictures above 512 px square, are halved before a preview."""
_EIGHTHS: dict[int, tuple[int, ...]] = {0: (), 1: (3,), 2: (2, 5), 3: (2, 4, 6)}


def preview_steps(steps: int, partial_images: int) -> tuple[int, ...]:
    """After which forward passes a preview is shown; ascending, all before the last pass.

    The first comes early, since a straight flow shows the composition after a quarter of the way.
    Few steps may give fewer previews than asked.
    """
    after = {max(1, steps * eighth // 8) for eighth in _EIGHTHS[partial_images]}
    return tuple(sorted(step for step in after if step < steps))


def to_pixels(vae: Any, latents: Any, *, preview: bool = False) -> Any:
    """Decode one picture's latents; blocks until the device is done.

    latents: (channels, height / 8, width / 8), float32. Returns uint8, (height, width, 3), on CPU.
    preview: a large picture comes at half its size, at a quarter of the cost.
    """
    with torch.inference_mode():
        if preview and latents.shape[-2] * latents.shape[-1] > PREVIEW_TOKENS:
            latents = torch.nn.functional.avg_pool2d(latents, 2)
        scaled = latents.to(vae.dtype) / vae.config.scaling_factor + vae.config.shift_factor
        pixels = vae.decode(scaled.unsqueeze(0), return_dict=False)[0][0]
        unit = (pixels.float() / 2 + 0.5).clamp(0, 1)
        return (unit * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
