"""What a pipeline foresees in the middle of its call, and how that becomes a picture.

The picture foreseen is x0 as the scheduler of the call has it: sample less sigma times velocity in
flow matching (arXiv:2210.02747), else what the scheduler itself returns beside its step. It is
decoded by the pipeline's own VAE, from latents put back into the shape and scale of that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from limner.core.image import Size
from limner.engine.preview import Decoder, Sketch


@dataclass(frozen=True, slots=True)
class Foreseen:
    """latents: as the pipeline has them, packed or not. size: of the whole picture."""

    pipeline: Any
    latents: Any
    size: Size

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of packed latents, which are patches of 2 x 2."""
        edge = 2 * self.pipeline.vae_scale_factor
        return self.size.height // edge, self.size.width // edge

    @property
    def is_of_its_size(self) -> bool:
        """False where the pipeline paints smaller than it was told, as some edits of FLUX.2 do."""
        if self.latents.ndim != 3:
            return True
        rows, columns = self.grid
        return int(self.latents.shape[1]) == rows * columns


def watched(scheduler: Any, see: Callable[[Any], None]) -> Any:
    """A scheduler of the same kind, for one call: it keeps its place inside.

    see: is given the clean latents that every step foresees; never, where they cannot be told.
    """
    fresh = type(scheduler).from_config(scheduler.config)
    stock = fresh.step

    @functools.wraps(stock)  # pipelines look for options in its signature
    def step(model_output: Any, timestep: Any, sample: Any, *rest: Any, **options: Any) -> Any:
        answer = stock(model_output, timestep, sample, *rest, **options)
        if (clean := _clean(fresh, model_output, sample, answer)) is not None:
            see(clean)
        return answer

    fresh.step = step
    return fresh


def to_pixels(foreseen: Foreseen, *, preview: bool, sketch: Sketch | None = None) -> Any:
    """Decode; blocks. Returns uint8, (height, width, 3), on CPU, smaller for a large preview.

    sketch: decodes previews in the VAE's place.
    """
    vae = foreseen.pipeline.vae
    with torch.inference_mode():
        grid = _unscaled(_unpacked(foreseen), vae)
    return Decoder(vae, sketch).pixels(grid, preview=preview)


def _clean(scheduler: Any, output: Any, sample: Any, answer: Any) -> Any:
    if type(scheduler).__name__ == "FlowMatchEulerDiscreteScheduler":
        sigma = scheduler.sigmas[scheduler.step_index - 1]  # the step has counted itself
        return sample.float() - sigma * output.float()
    if isinstance(answer, tuple):
        return answer[1] if len(answer) > 1 else None
    return getattr(answer, "pred_original_sample", None)


def _unpacked(foreseen: Foreseen) -> Any:
    """Latents as a picture: (1, channels, height, width), for video models with a frame before."""
    pipeline, latents, size = foreseen.pipeline, foreseen.latents, foreseen.size
    if latents.ndim != 3:
        return latents
    scale = pipeline.vae_scale_factor
    if not hasattr(pipeline.vae, "bn"):
        return pipeline._unpack_latents(latents, size.height, size.width, scale)
    # FLUX.2 normalises patches instead of latents, after packing them.
    rows, columns = foreseen.grid
    patches = latents.reshape(1, rows, columns, -1).permute(0, 3, 1, 2)
    norm, epsilon = pipeline.vae.bn, pipeline.vae.config.batch_norm_eps
    mean, variance = (each.view(1, -1, 1, 1).to(patches) for each in _statistics(norm))
    return pipeline._unpatchify_latents(patches * torch.sqrt(variance + epsilon) + mean)


def _statistics(norm: Any) -> tuple[Any, Any]:
    return norm.running_mean, norm.running_var


def _unscaled(latents: Any, vae: Any) -> Any:
    """From the numbers that the denoiser works in to those that the VAE does."""
    config = vae.config
    scale: Any = 1 / (config.get("scaling_factor") or 1)
    shift: Any = config.get("shift_factor") or 0
    if config.get("latents_mean") and config.get("latents_std"):
        shape = (1, -1) + (1,) * (latents.ndim - 2)
        shift = torch.tensor(config["latents_mean"]).view(shape).to(latents)
        scale = scale * torch.tensor(config["latents_std"]).view(shape).to(latents)
    return latents * scale + shift
