"""From a plan to the options of one pipeline's call, each under the name that the call knows."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from limner.engine.params import Plan
from limner.engine.pipelines.siblings import guidance_name, takes
from limner.engine.source import HALF, Cover, Source

NOTHING = " "
"""What guidance leads away from: the models of the Qwen-Image family want a prompt that is not
empty."""


def options_of(pipeline: Any, plan: Plan, source: Source | None, *, sees_several: bool) -> Any:
    """What to call a pipeline with, but for noise and callbacks.

    sees_several: it takes a list of pictures.
    """
    known = takes(type(pipeline))
    options: dict[str, Any] = {
        "prompt": plan.prompt,
        "height": plan.painted.height,
        "width": plan.painted.width,
        "num_inference_steps": plan.levels,
        "num_images_per_prompt": 1,
        "output_type": "np",
        **_guidance(known, plan.guidance),
    }
    if source:
        options["image"] = [source.picture, *source.others] if sees_several else source.picture
        if source.cover and "mask_image" in known:
            options |= {"image": source.picture, "mask_image": _mask(source.cover, plan)}
        options["strength"] = _strength(pipeline, plan)
    return {name: value for name, value in options.items() if name in known}


def _guidance(known: Any, guidance: float) -> dict[str, Any]:
    if guidance_name(known) != "true_cfg_scale":
        return {"guidance_scale": guidance}
    if guidance > 1:
        return {"true_cfg_scale": guidance, "negative_prompt": NOTHING}
    return {"true_cfg_scale": 1.0}


def _strength(pipeline: Any, plan: Plan) -> float:
    """The strength with which the pipeline makes as many forward passes as the plan says.

    Two ways of rounding are in use: `int(levels * strength)`, in pipelines older than flow
    matching, and `levels - int(levels - levels * strength)`. Half a step keeps clear of both edges.
    """
    if plan.steps == plan.levels:
        return 1.0
    rounds_down = "FlowMatch" not in type(pipeline.scheduler).__name__
    return (plan.steps + (0.5 if rounds_down else -0.5)) / plan.levels


def _mask(cover: Cover, plan: Plan) -> Image.Image:
    """White where the model paints; of the painted size."""
    free = cover.free.resize((plan.painted.width, plan.painted.height), Image.Resampling.BILINEAR)
    return Image.fromarray(np.where(np.asarray(free) >= HALF, 255, 0).astype(np.uint8))
