"""A tiny autoencoder that decodes a larger one's latents, such as TAEF1 for Z-Image and Flux.

TAEF1 is by Ollin Boer Bohan, https://github.com/madebyollin/taesd: ten megabytes of weights, and an
eighteenth of the work of the VAE that it was distilled from. They are the operator's to bring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from limner.core.errors import ConfigError
from limner.engine.preview import halved_if_large


@dataclass(frozen=True, slots=True)
class SmallDecoder:
    """model: an `AutoencoderTiny`. vae: what made the latents, whose scale it undoes."""

    model: Any
    vae: Any
    name: str = "a tiny autoencoder"

    def __call__(self, latents: Any) -> Any:
        """(1, channels, height, width) to RGB in -1 to 1."""
        config = self.vae.config
        few = halved_if_large(latents)
        scaled = (few - (config.get("shift_factor") or 0)) * config.scaling_factor
        return self.model.decode(scaled.to(self.model.dtype), return_dict=False)[0]


def load_small(where: str, vae: Any, dtype: Any) -> SmallDecoder:
    """Load one from a folder or the cache of the Hub; nothing is fetched.

    Raises ConfigError where it is not there, or decodes other latents than this VAE's.
    """
    from diffusers import AutoencoderTiny

    try:
        model = AutoencoderTiny.from_pretrained(where, dtype=dtype, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"preview decoder {where!r} cannot be loaded: {error}; accepted is a folder, or what "
            f"is in the cache of the Hugging Face Hub, as after: hf download {where}"
        ) from error
    has, wanted = model.config.latent_channels, vae.config.get("latent_channels")
    if has != wanted or not vae.config.get("scaling_factor"):
        raise ConfigError(
            f"preview decoder {where!r} decodes {has} channels, and the latents of this model are "
            f"a {type(vae).__name__}'s with {wanted}; TAEF1 suits Z-Image and Flux, TAESDXL SDXL"
        )
    return SmallDecoder(model.to(vae.device).eval(), vae)
