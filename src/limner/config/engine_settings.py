"""Settings of how our own engine holds a model, steps it, and shows its pictures."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from limner.config.option import Option, option
from limner.config.picture_settings import PictureSettings
from limner.config.reading import ADAPTERS, FOLDER, SIZES, number, one_of, text, whole_number
from limner.core.image import Size
from limner.core.lora import LoraFile


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings(PictureSettings):
    """Further rows of the table that `Settings` is."""

    offload: Literal["auto", "none", "model", "sequential"] = option(
        "auto",
        Option(
            "engine",
            one_of("auto", "none", "model", "sequential"),
            "What of a model waits beside the GPU: nothing, all parts but the one at work "
            "(`model`), or all layers but those (`sequential`, slow). `auto` goes by free memory.",
        ),
    )
    loras: tuple[LoraFile, ...] = option(
        (),
        Option(
            "engine",
            ADAPTERS,
            "Adapters (LoRA) of the model that requests may name, each with a file, a folder or a "
            "name on the Hub, and the weight of those that say none; docs/models.md.",
            unset="none",
            flag="--lora",
            variable="LORA",
        ),
    )
    quantize: Literal["none", "fp8", "int8"] = option(
        "none",
        Option(
            "engine",
            one_of("none", "fp8", "int8"),
            "Linear layers in eight bits: half the memory, and other pictures than without; "
            "docs/engine.md.",
        ),
    )
    previews: Literal["auto", "vae", "taef1", "linear"] = option(
        "auto",
        Option(
            "engine",
            one_of("auto", "vae", "taef1", "linear"),
            "What decodes partial images: the model's VAE, a small decoder at --preview-decoder, "
            "or a linear map, which shows colours and layout.",
        ),
    )
    preview_decoder: str | None = option(
        None,
        Option(
            "engine",
            text("a folder, or a name on the Hugging Face Hub that is in its cache", "MODEL"),
            "A tiny autoencoder for previews, such as `madebyollin/taef1` for Z-Image and Flux.",
            unset="none",
        ),
    )
    token_budget: int | None = option(
        None,
        Option(
            "engine",
            whole_number(1, 10_000_000),
            "Tokens that one pass of the model holds at most, a picture of 1024 px being 4128: how "
            "many pictures are stepped together. docs/scheduling.md.",
            unset="measured at the start",
        ),
    )
    picture_timeout_s: float | None = option(
        None,
        Option(
            "engine",
            number(1, 604_800),
            "Seconds after which the engine fails a request that is not done, its wait in the "
            "engine included.",
            unset="none",
            flag="--picture-timeout",
            variable="PICTURE_TIMEOUT",
        ),
    )
    attention: Literal["auto", "native", "cudnn", "flash3", "flash2", "aiter"] = option(
        "auto",
        Option(
            "engine",
            one_of("auto", "native", "cudnn", "flash3", "flash2", "aiter"),
            "What computes attention; `auto` is the first that is installed and answers as torch "
            "does. docs/engine.md says which.",
        ),
    )
    compile: Literal["auto", "on", "off"] = option(
        "auto",
        Option(
            "engine",
            one_of("auto", "on", "off"),
            "Compile the model's blocks before the first picture; `auto` does on a GPU with CUDA "
            "or ROCm.",
        ),
    )
    compile_cache: Path | None = dataclasses.field(
        default=None,
        metadata={
            "option": Option(
                "engine",
                FOLDER,
                "Where what is compiled is kept for the next start.",
                unset="`limner/compiled` in the user's folder for caches",
            )
        },
    )
    warm_sizes: tuple[Size, ...] = option(
        (),
        Option(
            "engine",
            SIZES,
            "Sizes to be quick from the first picture on, as `512x512,768x768`, besides the "
            "model's own; on CUDA those up to 768 px square are recorded as graphs.",
            unset="none",
        ),
    )
