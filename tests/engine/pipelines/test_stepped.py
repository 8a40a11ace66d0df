"""Pictures of other pipelines: the stock ones to the bit, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
import pytest
from PIL import Image

from limner.core.image import ImageData, ImageRequest, Size
from limner.engine.params import Plan, plan
from limner.engine.picture_model import PictureModel
from limner.engine.pipelines.latents import Foreseen, to_pixels
from limner.engine.source import Cover, Source
from tests.engine.pipelines.conftest import (
    MARKS,
    PROMPT,
    SIZE,
    noisy,
    painted,
    planned,
    stock,
)

pytestmark = MARKS
Models = Callable[[str], PictureModel]
AS_LARGE: dict[str, Any] = {"height": SIZE.height, "width": SIZE.width}
AS_ASKED: dict[str, Any] = {**AS_LARGE, "num_inference_steps": 3}
QWEN = {"true_cfg_scale": 4.0, "negative_prompt": " "}


@pytest.mark.parametrize(
    ("name", "guidance", "options"),
    [
        ("sdxl", 5.0, {"guidance_scale": 5.0}),
        ("sdxl", 0.0, {"guidance_scale": 0.0}),
        ("sd3", 4.5, {"guidance_scale": 4.5}),
        ("klein", 1.0, {"guidance_scale": 1.0}),
        ("qwen", 4.0, {"true_cfg_scale": 4.0, "negative_prompt": " "}),
        ("qwen", 1.0, {"true_cfg_scale": 1.0}),
    ],
)
def test_a_new_picture_is_that_of_the_stock_pipeline(
    model_of: Models, loaded_of: Any, name: str, guidance: float, options: dict[str, Any]
) -> None:
    model = model_of(name)
    (made,) = painted(model, planned(model, guidance_scale=guidance))
    assert np.array_equal(made, stock(loaded_of(name), **AS_ASKED, **options))
    assert made.std() > 5


@pytest.mark.parametrize("name", ["sdxl", "sd3", "klein", "qwen"])
def test_pictures_of_one_request_do_not_disturb_each_other(model_of: Models, name: str) -> None:
    model = model_of(name)
    begun = model.begin(planned(model, n=2))
    for _ in range(3):
        assert [model.step([canvas]) for canvas in begun.canvases] == [[True], [True]]
    apart = [painted(model, planned(model, seed=seed))[0] for seed in (7, 8)]
    together = [model.pixels(model.foreseen(each), preview=False) for each in begun.canvases]
    assert np.array_equal(together, apart)
    assert not np.array_equal(*apart)


SOURCE = noisy()
OTHER = noisy(Size(64, 96))


def masked() -> Source:
    """The left third may change."""
    free = np.zeros((SIZE.height, SIZE.width), np.uint8)
    free[:, : SIZE.width // 3] = 255
    return Source(SOURCE, Cover(SOURCE, Image.fromarray(free)))


def edit_of(model: PictureModel, *, masked: bool = False, **options: Any) -> Plan:
    asked = ImageRequest(PROMPT, seed=7, images=(ImageData(b"", "png"),), **options)
    decided = plan(asked, model.facts, 0, SIZE, masked=masked)
    assert decided.painted == SIZE
    return decided


def edited(model: PictureModel, source: Source, **options: Any) -> Any:
    decided = edit_of(model, masked=source.cover is not None, **options)
    (made,) = painted(model, decided, source)
    return made


@pytest.mark.parametrize(
    ("name", "sibling", "strength", "options"),
    [
        ("sdxl", "StableDiffusionXLImg2ImgPipeline", 0.5, {"guidance_scale": 5.0}),
        ("sdxl", "StableDiffusionXLImg2ImgPipeline", 1.0, {"guidance_scale": 5.0}),
        ("sd3", "StableDiffusion3Img2ImgPipeline", 0.5, {"guidance_scale": 7.0, **AS_LARGE}),
        ("sd3", "StableDiffusion3Img2ImgPipeline", 0.1, {"guidance_scale": 7.0, **AS_LARGE}),
        ("qwen", "QwenImageImg2ImgPipeline", 0.6, {**QWEN, **AS_LARGE}),
    ],
)
def test_an_edit_begins_at_the_source_as_the_stock_sibling_does(
    model_of: Models,
    loaded_of: Any,
    name: str,
    sibling: str,
    strength: float,
    options: dict[str, Any],
) -> None:
    model = model_of(name)
    made = edited(model, Source(SOURCE), strength=strength, steps=5)
    kind = getattr(diffusers, sibling)
    options = {"strength": strength, "num_inference_steps": 5, **options}
    expected = stock(loaded_of(name), kind, image=SOURCE, **options)
    if (name, strength) == ("sdxl", 0.5):  # it rounds 2.5 steps down; we make the 3 that we told
        expected = stock(loaded_of(name), kind, image=SOURCE, **(options | {"strength": 0.61}))
    assert np.array_equal(made, expected)


@pytest.mark.parametrize(
    ("name", "sibling", "options"),
    [
        ("sdxl", "StableDiffusionXLInpaintPipeline", {"guidance_scale": 5.0, **AS_LARGE}),
        ("sd3", "StableDiffusion3InpaintPipeline", {"guidance_scale": 7.0, **AS_LARGE}),
        ("klein", "Flux2KleinInpaintPipeline", {"guidance_scale": 1.0}),
        ("qwen", "QwenImageInpaintPipeline", {**QWEN, **AS_LARGE}),
        ("qwen-edit", "QwenImageEditInpaintPipeline", {**QWEN, **AS_LARGE}),
    ],
)
def test_a_mask_leaves_free_what_it_does_for_the_stock_sibling(
    model_of: Models, loaded_of: Any, name: str, sibling: str, options: dict[str, Any]
) -> None:
    model = model_of(name)
    made = edited(model, masked(), strength=0.6, steps=5)
    kind = getattr(diffusers, sibling)
    cover = masked().cover
    assert cover
    expected = stock(
        loaded_of(name),
        kind,
        image=SOURCE,
        mask_image=cover.free,
        **{"strength": 0.6 if name != "sdxl" else 0.61, "num_inference_steps": 5, **options},
    )
    assert np.array_equal(made, expected)


@pytest.mark.parametrize(
    ("name", "others", "options"),
    [
        ("klein", (), {"guidance_scale": 1.0}),
        ("klein", (OTHER, SOURCE), {"guidance_scale": 1.0}),
        ("qwen-edit", (), QWEN),
        ("qwen-edit-plus", (), QWEN),
        ("qwen-edit-plus", (OTHER,), QWEN),
    ],
)
def test_a_model_that_is_told_what_to_change_looks_at_every_source(
    model_of: Models, loaded_of: Any, name: str, others: Any, options: dict[str, Any]
) -> None:
    model = model_of(name)
    made = edited(model, Source(SOURCE, others=others))
    images = [SOURCE, *others] if name != "qwen-edit" else SOURCE
    assert np.array_equal(made, stock(loaded_of(name), image=images, **AS_ASKED, **options))


def test_what_is_painted_smaller_than_planned_is_not_shown_unfinished(model_of: Models) -> None:
    """FLUX.2-klein brings the source of a masked edit to a million pixels."""
    model = model_of("klein")
    canvas: Any = model.begin(planned(model)).canvases[0]
    model.step([canvas])
    assert model.foreseen(canvas) is not None
    canvas.size = Size(2 * SIZE.width, SIZE.height)
    assert model.foreseen(canvas) is None
    model.end(canvas)


@pytest.mark.parametrize("name", ["sdxl", "sd3", "klein", "qwen", "qwen-edit"])
def test_the_last_preview_is_the_picture(model_of: Models, name: str) -> None:
    model = model_of(name)
    source = Source(SOURCE) if name == "qwen-edit" else None
    decided = planned(model) if source is None else edit_of(model)
    begun = model.begin(decided, source)
    canvas: Any = begun.canvases[0]
    assert model.foreseen(canvas) is None
    shown = []
    for _ in range(decided.steps):
        model.step([canvas])
        shown.append(to_pixels(Foreseen(canvas.pipeline, canvas.seen, SIZE), preview=True))
    picture = model.pixels(model.foreseen(canvas), preview=False).astype(int)
    apart = [np.abs(each.astype(int) - picture).mean() for each in shown]
    assert apart[-1] < 0.01
    assert apart[0] > apart[-1]
    assert shown[0].shape == picture.shape
