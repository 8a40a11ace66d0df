"""Which decoder shows previews."""

from __future__ import annotations

import logging
from typing import Any

from limner.core.errors import ConfigError
from limner.engine.preview import Sketch
from limner.engine.previews import PreviewChoice
from limner.engine.previews.linear import fit_linear
from limner.engine.previews.small import load_small

logger = logging.getLogger(__name__)

CHEAP_WEIGHTS = 10_000_000
"""A VAE with no more is quick enough anywhere; those of large models have 50 to 130 million."""


def choose_sketch(choice: PreviewChoice, vae: Any, dtype: Any) -> Sketch | None:
    """What decodes previews in the VAE's place; None where the VAE itself does.

    dtype: of a tiny autoencoder. Raises ConfigError for one that was asked for and is not there.
    """
    match choice.previews:
        case "vae":
            return None
        case "linear":
            return fit_linear(vae)
        case "taef1":
            if choice.decoder is None:
                raise ConfigError(
                    "previews 'taef1' needs --preview-decoder: a folder with TAEF1, or "
                    "madebyollin/taef1 where the cache of the Hugging Face Hub has it"
                )
            return load_small(choice.decoder, vae, dtype)
        case "auto":
            return _small_if_there(choice.decoder, vae, dtype) or _unless_cheap(vae)


def _small_if_there(where: str | None, vae: Any, dtype: Any) -> Sketch | None:
    if where is None:
        return None
    try:
        return load_small(where, vae, dtype)
    except ConfigError as error:
        logger.warning(
            "previews go without their decoder", extra={"action": "load", "why": error.message}
        )
        return None


def _unless_cheap(vae: Any) -> Sketch | None:
    """On a CPU the VAE of a large model takes seconds to minutes for a preview."""
    if vae.device.type != "cpu":
        return None
    weights = sum(weight.numel() for weight in vae.parameters())
    return fit_linear(vae) if weights > CHEAP_WEIGHTS else None
