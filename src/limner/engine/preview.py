"""From latents to pixels, finished or not.

A preview is the picture that the model foresees at that step, x0 = x - sigma * v; never the noisy
latents themselves, and never the finished picture made worse. The real VAE decodes it, from half
the latents where they are many, or what `engine.previews` puts in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.nn import functional as F  # noqa: N812

PREVIEW_TOKENS = 4096
"""Latents of more cells, that is pictures above 512 px square, are halved before a preview."""
_EIGHTHS: dict[int, tuple[int, ...]] = {0: (), 1: (3,), 2: (2, 5), 3: (2, 4, 6)}


class Sketch(Protocol):
    """What decodes previews in the VAE's place. name: for a person."""

    @property
    def name(self) -> str: ...

    def __call__(self, latents: Any) -> Any:
        """Of latents (1, channels, height, width), as the VAE's `decode` takes them.

        Returns RGB in -1 to 1, (1, 3, rows, columns), in the same shape at any size.
        """


def preview_steps(steps: int, partial_images: int) -> tuple[int, ...]:
    """After which forward passes a preview is shown; ascending, all before the last pass.

    The first comes early, since a straight flow shows the composition after a quarter of the way.
    Few steps may give fewer previews than asked.
    """
    after = {max(1, steps * eighth // 8) for eighth in _EIGHTHS[partial_images]}
    return tuple(sorted(step for step in after if step < steps))


@dataclass(frozen=True, slots=True)
class Decoder:
    """What makes pixels of a model's latents. sketch: decodes previews in the VAE's place."""

    vae: Any
    sketch: Sketch | None = None

    def pixels(self, latents: Any, *, preview: bool = False) -> Any:
        """Decode one picture; blocks until the device is done.

        latents: as the VAE's `decode` takes them: (1, channels, height, width), for the VAEs of
            video models with one frame before the height.
        preview: a large picture comes at half its size, at a quarter of the cost.
        Returns uint8, (height, width, 3), on CPU.
        """
        with torch.inference_mode():
            if preview and self.sketch:
                return _bytes(self.sketch(latents[:, :, 0] if latents.ndim == 5 else latents)[0])
            if preview:
                latents = halved_if_large(latents)
            decoded = self.vae.decode(latents.to(self.vae.dtype), return_dict=False)[0]
            return _bytes(decoded[0, :, 0] if decoded.ndim == 5 else decoded[0])


def to_pixels(vae: Any, latents: Any, *, preview: bool = False) -> Any:
    """Decode latents as a transformer knows them: (channels, height / 8, width / 8), float32."""
    return Decoder(vae).pixels(unscaled(vae, latents), preview=preview)


def unscaled(vae: Any, latents: Any) -> Any:
    """From the numbers that the transformer works in to those of the VAE, as a batch of one."""
    scaled = latents / vae.config.scaling_factor + (vae.config.get("shift_factor") or 0)
    return scaled.unsqueeze(0)


def halved_if_large(latents: Any) -> Any:
    """The mean of every two by two cells, where there are more than `PREVIEW_TOKENS`."""
    if latents.shape[-2] * latents.shape[-1] <= PREVIEW_TOKENS:
        return latents
    if latents.ndim == 5:
        return F.avg_pool3d(latents, (1, 2, 2))
    return F.avg_pool2d(latents, 2)


def _bytes(picture: Any) -> Any:
    """(3, height, width) in -1 to 1 to uint8, (height, width, 3)."""
    unit = (picture.float() / 2 + 0.5).clamp(0, 1)
    return (unit * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
