"""The models that the engine is measured with: tiny, and one of full size with random weights.

What a pass takes does not depend on the values of weights. So Z-Image-Turbo is measured without it:
modules of its published widths (its transformer's are Diffusers' defaults, its text encoder is
Qwen3-4B, its VAE that of Flux) are filled with noise on the device. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from limner.core.image import Size
from limner.engine.loading import Loaded, load
from limner.engine.model import ModelFacts
from limner.engine.model_files import TINY

PROMPT = "a red circle above a blue square on a yellow background"
FULL = "Z-Image-Turbo's widths, random weights"
TRANSFORMER: Mapping[str, Any] = {}
TEXT: Mapping[str, Any] = {
    "vocab_size": 151936,
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 40960,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
    "tie_word_embeddings": True,
}
VAE: Mapping[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 16,
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}
SHIFT = 3.0
FREE_BYTES = 30 * 10**9
"""What full size wants of a GPU: 20 GB of weights, and what 8 pictures of 1024 px take beside."""


@dataclass(frozen=True, slots=True)
class Subject:
    """sizes: measured, the native one among them. batches: pictures painted together.

    tokens: no more in one pass. mix: of what requests ask for that come by chance, with how many
    of a dozen ask for it.
    """

    name: str
    loaded: Loaded
    sizes: tuple[Size, ...]
    batches: tuple[int, ...]
    tokens: int
    mix: tuple[tuple[Size, int], ...]

    @property
    def is_cpu(self) -> bool:
        return str(self.loaded.device) == "cpu"

    @property
    def native(self) -> Size:
        return self.loaded.facts.native_size

    @property
    def dtype(self) -> str:
        return str(self.loaded.dtype).removeprefix("torch.")


def squares(*edges: int) -> tuple[Size, ...]:
    return tuple(Size(edge, edge) for edge in edges)


def tiny(dtype: str, threads: int, *, quick: bool) -> Subject:
    """On a CPU. It paints well at its own sizes only; here it is to paint others as well, as far
    as it knows positions: 64 tokens on either side."""
    loaded = load("tiny", device="cpu", dtype=dtype, threads=threads)
    small, middle = squares(128, 256)
    facts = replace(loaded.facts, buckets=(), min_edge_px=small.width)
    sizes: tuple[Size, ...] = (small,)
    if not quick:
        sizes = (small, middle, *squares(512, 768, 1024), Size(1024, 576))
    batches = (1, 2) if quick else (1, 2, 4, 8)
    mix = ((small, 9), (middle, 3))
    return Subject("tiny", replace(loaded, facts=facts), sizes, batches, 1200, mix)


def full_size(device: Any, *, quick: bool) -> Subject:
    """On a GPU, in bfloat16."""
    pipeline = random_pipeline(device, torch.bfloat16, TRANSFORMER, TEXT, VAE)
    loaded = Loaded(ModelFacts("z-image-widths"), pipeline, device, torch.bfloat16)
    small, middle, native = squares(512, 768, 1024)
    sizes = (small, native) if quick else (small, middle, native, Size(1280, 720))
    batches = (1, 4) if quick else (1, 2, 4, 8)
    return Subject(FULL, loaded, sizes, batches, 8 * 4608, ((small, 9), (native, 3)))


def no_room(device: Any) -> str | None:
    """Why the model of full size cannot be measured there; None where it can."""
    free, _ = torch.cuda.mem_get_info(device)
    if free >= FREE_BYTES:
        return None
    return f"the GPU has {free / 1e9:.0f} GB free of the {FREE_BYTES / 1e9:.0f} GB that it takes"


def random_pipeline(
    device: Any,
    dtype: Any,
    transformer: Mapping[str, Any],
    text: Mapping[str, Any],
    vae: Mapping[str, Any],
) -> Any:
    """A pipeline of Z-Image's class; what is given differs from the classes' defaults.

    The tokenizer is tiny's: how many tokens there are matters, not which.
    """
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        ZImagePipeline,
        ZImageTransformer2DModel,
    )
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            modules = (
                AutoencoderKL(**vae),
                Qwen3Model(Qwen3Config(**text)),
                ZImageTransformer2DModel(**transformer),
            )
    finally:
        torch.set_default_dtype(before)
    for module in modules:
        module.eval()
    autoencoder, encoder, denoiser = modules
    for name, weight in denoiser.named_parameters():
        if name.endswith("pad_token"):  # made without values
            torch.nn.init.normal_(weight, std=0.02)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(Path(TINY, "tokenizer"))
    scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
    return ZImagePipeline(scheduler, autoencoder, encoder, tokenizer, denoiser)
