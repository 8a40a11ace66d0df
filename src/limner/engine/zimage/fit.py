"""Whether our forward pass may be used with the modules at hand: looked at, then tried.

A later Diffusers may change the transformer. What it renames is seen when a model is loaded; what
it computes otherwise shows when both passes answer the same small question. Pictures are never
painted wrong without a word: then the stock pass paints, and the log says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from limner.engine.zimage.forward import Forward, Shape

_OF_BLOCK = (
    "attention",
    "attention_norm1",
    "attention_norm2",
    "feed_forward",
    "ffn_norm1",
    "ffn_norm2",
)
_OF_MODEL = (
    "cap_embedder",
    "cap_pad_token",
    "context_refiner",
    "layers",
    "noise_refiner",
    "rope_embedder",
    "t_embedder",
    "t_scale",
    "x_pad_token",
)
_OF_ATTENTION = ("heads", "norm_k", "norm_q", "to_k", "to_out", "to_q", "to_v")
_TOLERANCE = {torch.float32: 1e-3}
"""Of the answer's own size; narrow floats round at every operation."""
_TOLERANCE_NARROW = 0.1
SMALL = (6, 10, 5)
"""Height, width and caption of a question: odd, so that picture and caption need padding."""
APART = (28, 30, 20)
"""The same with lengths that are no width of any layer: a compiler that leaves lengths open would
take two that are equal for one."""


def unlike(model: Any) -> str | None:
    """What of the modules is not as our pass expects it; None when all is."""
    missing = [name for name in _OF_MODEL if not hasattr(model, name)]
    if missing:
        return f"the transformer has no {missing[0]}"
    for part in ("all_x_embedder", "all_final_layer"):
        if list(getattr(model, part, ())) != ["2-1"]:
            return f"{part} has other patches than 2x2"
    if getattr(model, "siglip_embedder", None) is not None:
        return "it sees pictures through SigLIP"
    modulated = (*model.noise_refiner, *model.layers)
    for block in (*modulated, *model.context_refiner):
        if said := _block_unlike(block):
            return said
    if not all(hasattr(block, "adaLN_modulation") for block in modulated):
        return "a block has no adaLN_modulation"
    return None


def _block_unlike(block: Any) -> str | None:
    missing = [name for name in _OF_BLOCK if not hasattr(block, name)]
    missing += [name for name in _OF_ATTENTION if not hasattr(block.attention, name)]
    if missing:
        return f"a block has no {missing[0]}"
    norms = [getattr(block, name) for name in _OF_BLOCK if "norm" in name]
    norms += [block.attention.norm_q, block.attention.norm_k]
    if any(getattr(norm, "weight", None) is None for norm in norms):
        return "a norm has no weight"
    if any(getattr(layer, "bias", None) is not None for layer in norms):
        return "a norm has a bias"
    return None


@dataclass(frozen=True, slots=True)
class Question:
    """What a transformer is asked to try it: rows of noise, at times spread over the way.

    latents: (batch, channels, height, width). features: (tokens, hidden of the text encoder).
    """

    latents: Any
    features: Any
    times: Any


def question(model: Any, shape: Shape, seed: int = 0) -> Question:
    """Of a shape; its caption is as long as it may be."""
    generator = torch.Generator("cpu").manual_seed(seed)
    latents, features = (
        torch.randn(each, generator=generator).to(model.device, model.dtype)
        for each in (shape.latents, (shape.caption_tokens, model.config.cap_feat_dim))
    )
    times = torch.linspace(0.05, 0.95, len(latents) + 1, device=model.device)[1:]
    return Question(latents, features, times)


def difference(
    model: Any,
    one: Forward,
    other: Forward,
    batch: int = 2,
    shape: tuple[int, int, int] = SMALL,
) -> float:
    """How far two passes are apart on one question, as a share of the answer's size."""
    height, width, tokens = shape
    asked = question(model, Shape((batch, model.in_channels, height, width), tokens))
    with torch.inference_mode():
        answers = [
            each.forward(
                asked.latents,
                [each.read(asked.features)] * batch,
                each.modulations(asked.times),
            )
            for each in (one, other)
        ]
        return apart(*answers)


def apart(answer: Any, expected: Any) -> float:
    """As a share of the expected answer's size; NaN where either has such."""
    return float((answer.float() - expected.float()).norm() / expected.float().norm())


def tolerated(model: Any) -> float:
    return _TOLERANCE.get(model.dtype, _TOLERANCE_NARROW)
