"""What the classes of Diffusers tell of a model, and what the table adds."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest

from limner.core.errors import ConfigError
from limner.core.image import Size
from limner.engine.families import FAMILIES, family_of
from limner.engine.pipelines.siblings import class_of, facts_of, siblings_of

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("pipeline", "new", "edit", "mask"),
    [
        ("ZImagePipeline", "ZImagePipeline", "ZImageImg2ImgPipeline", "ZImageInpaintPipeline"),
        (
            "Flux2KleinPipeline",
            "Flux2KleinPipeline",
            "Flux2KleinPipeline",
            "Flux2KleinInpaintPipeline",
        ),
        (
            "QwenImagePipeline",
            "QwenImagePipeline",
            "QwenImageImg2ImgPipeline",
            "QwenImageInpaintPipeline",
        ),
        (
            "QwenImageEditPipeline",
            None,
            "QwenImageEditPipeline",
            "QwenImageEditInpaintPipeline",
        ),
        ("QwenImageEditPlusPipeline", None, "QwenImageEditPlusPipeline", None),
        (
            "StableDiffusionXLPipeline",
            "StableDiffusionXLPipeline",
            "StableDiffusionXLImg2ImgPipeline",
            "StableDiffusionXLInpaintPipeline",
        ),
        (
            "StableDiffusion3Img2ImgPipeline",
            "StableDiffusion3Pipeline",
            "StableDiffusion3Img2ImgPipeline",
            "StableDiffusion3InpaintPipeline",
        ),
        (
            "FluxKontextPipeline",
            "FluxKontextPipeline",
            "FluxKontextPipeline",
            "FluxKontextInpaintPipeline",
        ),
        ("SanaPipeline", "SanaPipeline", None, None),
    ],
)
def test_a_family_has_classes_for_new_pictures_edits_and_masks(
    pipeline: str, new: str | None, edit: str | None, mask: str | None
) -> None:
    found = siblings_of(getattr(diffusers, pipeline))
    names = [each.__name__ if each else None for each in (found.new, found.edit, found.mask)]
    assert names == [new, edit, mask]


@pytest.mark.parametrize(
    ("model", "pipeline", "index", "steps", "guidance", "size"),
    [
        ("Z-Image-Turbo", "ZImagePipeline", {}, 8, 0.0, 1024),
        ("Z-Image", "ZImagePipeline", {}, 50, 4.0, 1024),
        ("my-finetune", "ZImagePipeline", {}, 8, 0.0, 1024),
        ("FLUX.2-klein-4B", "Flux2KleinPipeline", {"is_distilled": True}, 4, 1.0, 1024),
        ("FLUX.2-klein-base-9B", "Flux2KleinPipeline", {"is_distilled": False}, 50, 4.0, 1024),
        ("Qwen-Image-2512", "QwenImagePipeline", {}, 50, 4.0, 1328),
        ("Qwen-Image-Edit", "QwenImageEditPipeline", {}, 50, 4.0, 1024),
        ("Qwen-Image-Edit-2511", "QwenImageEditPlusPipeline", {}, 40, 4.0, 1024),
        ("stable-diffusion-xl-base-1.0", "StableDiffusionXLPipeline", {}, 50, 5.0, 1024),
        ("sdxl-turbo", "StableDiffusionXLPipeline", {}, 4, 0.0, 512),
        ("stable-diffusion-3.5-large", "StableDiffusion3Pipeline", {}, 28, 3.5, 1024),
        ("stable-diffusion-3.5-medium", "StableDiffusion3Pipeline", {}, 40, 4.5, 1024),
        ("stable-diffusion-3.5-large-turbo", "StableDiffusion3Pipeline", {}, 4, 0.0, 1024),
        ("stable-diffusion-3-medium-diffusers", "StableDiffusion3Pipeline", {}, 28, 7.0, 1024),
        ("FLUX.1-dev", "FluxPipeline", {}, 28, 3.5, 1024),
    ],
)
def test_the_defaults_are_those_of_the_models_card(
    model: str, pipeline: str, index: dict[str, Any], steps: int, guidance: float, size: int
) -> None:
    whole = {"_class_name": pipeline, **index}
    facts = facts_of(getattr(diffusers, pipeline), whole, model, "mine")
    assert facts.name == "mine"
    native = Size(size, size)
    assert (facts.steps, facts.guidance, facts.native_size) == (steps, guidance, native)


def test_every_family_of_the_table_can_be_stepped_and_is_reached() -> None:
    for family in FAMILIES:
        index = {"_class_name": family.pipeline, "is_distilled": family.is_distilled}
        assert class_of(index, family.label) is getattr(diffusers, family.pipeline)
        assert family_of(index, family.label) is family


def test_what_is_distilled_takes_no_guidance() -> None:
    index = {"_class_name": "Flux2KleinPipeline", "is_distilled": True}
    klein = facts_of(diffusers.Flux2KleinPipeline, index, "klein", "klein")
    assert not klein.guided
    assert (klein.edits, klein.masks, klein.max_images) == ("words", "noise", 4)


@pytest.mark.parametrize(
    ("pipeline", "why"),
    [
        ("WanPipeline", "it makes videos"),
        ("DDPMPipeline", "its call takes no prompt"),
        ("MarigoldDepthPipeline", "its call takes no prompt"),
    ],
)
def test_what_makes_no_pictures_from_words_is_refused_with_the_reason(
    pipeline: str, why: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        class_of({"_class_name": pipeline}, "owner/model")
    assert f"model 'owner/model' is a {pipeline}" in refused.value.message
    assert why in refused.value.message
