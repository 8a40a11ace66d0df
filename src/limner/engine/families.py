"""What is known of models by the class of their pipeline and by their name, without torch.

Steps and guidance are those of the models' own cards on the Hub; where a card says nothing, those
of the pipeline's signature in Diffusers. How each edits is not told here but found out from its
classes (`engine.pipelines.siblings`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.image import Size
from limner.engine.model import ModelFacts

OUR_TRANSFORMER = "ZImageTransformer2DModel"
"""What our own loop steps (`engine.zimage`)."""


@dataclass(frozen=True, slots=True)
class Family:
    """label: for people. pipeline: the class in Diffusers.

    names: pattern that the model's name has somewhere, in any case; any name where it is empty.
    is_distilled: as the pipeline's index says; None where it does not matter.
    """

    label: str
    pipeline: str
    facts: ModelFacts
    names: str = ""
    is_distilled: bool | None = None

    def fits(self, index: Mapping[str, Any], model: str) -> bool:
        return (
            self.pipeline == index.get("_class_name")
            and bool(re.search(self.names, model, re.IGNORECASE))
            and self.is_distilled in (None, bool(index.get("is_distilled")))
        )


_QWEN_SIZE = Size(1328, 1328)

FAMILIES = (
    Family(
        "Z-Image",
        "ZImagePipeline",
        ModelFacts("", steps=50, guidance=4.0),
        names=r"z-image$|\bbase\b",
    ),
    Family("Z-Image-Turbo", "ZImagePipeline", ModelFacts("")),
    Family(
        "FLUX.2-klein 4B and 9B",
        "Flux2KleinPipeline",
        ModelFacts("", steps=4, guidance=1.0, guided=False, max_images=4),
        is_distilled=True,
    ),
    Family(
        "FLUX.2-klein base 4B and 9B",
        "Flux2KleinPipeline",
        ModelFacts("", steps=50, guidance=4.0, max_images=4),
    ),
    Family(
        "Qwen-Image, Qwen-Image-2512",
        "QwenImagePipeline",
        ModelFacts("", _QWEN_SIZE, steps=50, guidance=4.0),
    ),
    Family(
        "Qwen-Image-Edit",
        "QwenImageEditPipeline",
        ModelFacts("", steps=50, guidance=4.0),
    ),
    Family(
        "Qwen-Image-Edit-2509, -2511",
        "QwenImageEditPlusPipeline",
        ModelFacts("", steps=40, guidance=4.0, max_images=3),
    ),
    Family(
        "SDXL Turbo",
        "StableDiffusionXLPipeline",
        ModelFacts("", Size(512, 512), steps=4, guidance=0.0, multiple=8),
        names="turbo",
    ),
    Family(
        "SDXL",
        "StableDiffusionXLPipeline",
        ModelFacts("", steps=50, guidance=5.0, multiple=8),
    ),
    Family(
        "Stable Diffusion 3.5 Large Turbo",
        "StableDiffusion3Pipeline",
        ModelFacts("", steps=4, guidance=0.0),
        names="turbo",
    ),
    Family(
        "Stable Diffusion 3.5 Medium",
        "StableDiffusion3Pipeline",
        ModelFacts("", steps=40, guidance=4.5),
        names=r"3[.-]5.*medium",
    ),
    Family(
        "Stable Diffusion 3.5 Large",
        "StableDiffusion3Pipeline",
        ModelFacts("", steps=28, guidance=3.5),
        names=r"3[.-]5",
    ),
    Family(
        "Stable Diffusion 3 Medium",
        "StableDiffusion3Pipeline",
        ModelFacts("", steps=28, guidance=7.0),
    ),
)
"""The first that fits is meant."""


def family_of(index: Mapping[str, Any], model: str) -> Family | None:
    """index: of the pipeline, `model_index.json`. model: its name, such as `owner/model`."""
    return next((family for family in FAMILIES if family.fits(index, model)), None)
