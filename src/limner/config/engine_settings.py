"""Settings of how our own engine holds a model and shows its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from limner.config.option import Option, option
from limner.config.picture_settings import PictureSettings
from limner.config.reading import one_of, text


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
