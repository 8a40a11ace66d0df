"""Every option is honoured, refused by name, or its adjustment is told."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import ConfigError, ImageError
from limner.core.image import ImageData, ImageRequest, Size
from limner.engine.model import ModelFacts, read_facts, with_choices
from limner.engine.params import capabilities, plan
from limner.engine.sizes import nearest_bucket

FREE = ModelFacts("z-image")
BUCKETS = (Size(128, 128), Size(160, 96), Size(96, 160))
TINY = ModelFacts("tiny", Size(128, 128), buckets=BUCKETS, min_edge_px=64)
ASKED = ImageRequest("a red circle")


def refusal(facts: ModelFacts, /, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as refused:
        plan(replace(ASKED, **options), facts, 0)
    return refused.value


def test_what_is_not_asked_is_the_models_choice() -> None:
    made = plan(ASKED, FREE, fresh_seed=7)
    assert (made.painted, made.size) == (Size(1024, 1024), Size(1024, 1024))
    assert (made.steps, made.guidance, made.seeds) == (8, 0.0, (7,))
    assert (made.format, made.compression, made.partial_images) == ("png", 100, 0)
    assert made.adjustments == ()


def test_what_was_used_is_told_for_each_picture() -> None:
    told = plan(replace(ASKED, n=2, seed=2**32 - 1), TINY, 0).resolved(1)
    assert (told.size, told.seed, told.steps, told.model) == (Size(128, 128), 0, 8, "tiny")
    assert (told.background, told.output_format, told.quality) == ("opaque", "png", None)


@pytest.mark.parametrize("size", [Size(1280, 720), Size(256, 2048), Size(1024, 1024)], ids=str)
def test_multiples_of_16_are_painted_as_asked(size: Size) -> None:
    made = plan(replace(ASKED, size=size), FREE, 0)
    assert made.painted == made.size == size
    assert not made.adjustments


def test_other_sizes_are_rounded_and_the_client_is_told() -> None:
    made = plan(replace(ASKED, size=Size(1000, 300)), FREE, 0)
    assert made.painted == made.size == Size(992, 304)
    assert made.adjustments == ("size 1000x300 was rounded to 992x304, multiples of 16 px",)


@given(st.integers(256, 2048), st.integers(256, 2048))
def test_rounding_stays_within_the_bounds_and_near(width: int, height: int) -> None:
    size = plan(replace(ASKED, size=Size(width, height)), FREE, 0).size
    for asked, edge in ((width, size.width), (height, size.height)):
        assert edge % 16 == 0
        assert 256 <= edge <= 2048
        assert abs(asked - edge) <= 8


@pytest.mark.parametrize(
    ("model", "size"),
    [(FREE, Size(255, 512)), (FREE, Size(512, 2049)), (TINY, Size(63, 64)), (TINY, Size(9999, 64))],
)
def test_sizes_out_of_bounds_are_refused_with_the_bounds(model: ModelFacts, size: Size) -> None:
    error = refusal(model, size=size)
    assert error.param == "size"
    assert error.status == 400
    assert f"{model.min_edge_px} to 2048 px, got {size}" in error.message


def test_a_size_of_the_model_is_painted_as_it_is() -> None:
    made = plan(replace(ASKED, size=Size(96, 160)), TINY, 0)
    assert made.painted == made.size == Size(96, 160)
    assert not made.adjustments


@pytest.mark.parametrize(
    ("asked", "painted", "verb"),
    [
        (Size(1024, 1024), Size(128, 128), "enlarged"),
        (Size(1280, 720), Size(160, 96), "enlarged"),
        (Size(720, 1280), Size(96, 160), "enlarged"),
        (Size(64, 64), Size(128, 128), "reduced"),
    ],
)
def test_other_sizes_are_painted_at_the_nearest_shape_and_resized(
    asked: Size, painted: Size, verb: str
) -> None:
    made = plan(replace(ASKED, size=asked), TINY, 0)
    assert (made.painted, made.size) == (painted, asked)
    assert made.adjustments == (f"painted at {painted}, a size of 'tiny', and {verb} to {asked}",)


def test_of_equal_shapes_the_nearest_area_is_taken() -> None:
    assert nearest_bucket(Size(200, 200), (Size(64, 64), Size(256, 256))) == Size(256, 256)


@pytest.mark.parametrize("name", ["gpt-image-1.5", "chatgpt-image-latest", "dall-e-3"])
def test_names_of_openai_models_mean_whatever_is_loaded(name: str) -> None:
    made = plan(replace(ASKED, model=name), TINY, 0)
    assert made.model == "tiny"
    assert name in made.adjustments[0]


def test_the_served_name_is_accepted_and_any_other_is_not_found() -> None:
    assert not plan(replace(ASKED, model="tiny"), TINY, 0).adjustments
    error = refusal(TINY, model="flux")
    assert (error.code, error.status, error.param) == ("model_not_found", 404, "model")
    assert "'tiny'" in error.message


def test_a_transparent_background_is_refused_by_name() -> None:
    error = refusal(TINY, background="transparent")
    assert (error.code, error.param) == ("not_supported", "background")
    assert not plan(replace(ASKED, background="opaque"), TINY, 0).adjustments


@pytest.mark.parametrize(("option", "value"), [("quality", "high"), ("moderation", "low")])
def test_options_without_effect_are_told(option: str, value: str) -> None:
    asked: Any = {option: value}
    (said,) = plan(replace(ASKED, **asked), TINY, 0).adjustments
    assert said.startswith(f"{option} '{value}' changes nothing")
    asked = {option: "auto"}
    assert not plan(replace(ASKED, **asked), TINY, 0).adjustments


def test_compression_is_for_jpeg_and_webp() -> None:
    made = plan(replace(ASKED, output_format="webp", output_compression=40), TINY, 0)
    assert (made.format, made.compression, made.adjustments) == ("webp", 40, ())
    (said,) = plan(replace(ASKED, output_compression=40), TINY, 0).adjustments
    assert said == "output_compression 40 changes nothing: png keeps every pixel"


@pytest.mark.parametrize(
    ("param", "options"),
    [
        ("prompt", {"prompt": " \n"}),
        ("n", {"n": 0}),
        ("n", {"n": 11}),
        ("seed", {"seed": -1}),
        ("seed", {"seed": 2**32}),
        ("steps", {"steps": 0}),
        ("steps", {"steps": 51}),
        ("guidance_scale", {"guidance_scale": -0.1}),
        ("guidance_scale", {"guidance_scale": math.nan}),
        ("guidance_scale", {"guidance_scale": math.inf}),
        ("partial_images", {"partial_images": 4}),
        ("output_compression", {"output_compression": 101}),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(param: str, options: dict[str, Any]) -> None:
    error = refusal(TINY, **options)
    assert (error.param, error.status) == (param, 400)
    assert error.type == "image_generation_user_error"


@pytest.mark.parametrize(("option", "value"), [("strength", 0.5), ("input_fidelity", "high")])
def test_options_of_edits_change_no_new_picture_and_that_is_told(option: str, value: Any) -> None:
    options: Any = {option: value}
    (said,) = plan(replace(ASKED, **options), TINY, 0).adjustments
    assert said == f"{option} {value!r} changes nothing: there is no picture to edit"


def test_a_mask_without_a_picture_is_refused() -> None:
    error = refusal(TINY, mask=ImageData(b"", "png"))
    assert (error.param, error.status) == ("mask", 400)


def test_an_edit_goes_the_last_steps_of_the_way() -> None:
    asked = replace(ASKED, images=(ImageData(b"", "png"),), steps=20, strength=0.5)
    made = plan(asked, TINY, 0, Size(128, 128))
    assert (made.levels, made.steps, made.strength) == (20, 10, 0.5)
    assert made.resolved(0).steps == 10
    new = plan(ASKED, TINY, 0)
    assert (new.levels, new.steps, new.strength) == (8, 8, None)


def test_capabilities_are_the_models_facts() -> None:
    tiny, free = capabilities(TINY), capabilities(FREE)
    assert (tiny.sizes, tiny.size_multiple, tiny.min_edge_px) == (BUCKETS, 1, 64)
    assert (free.sizes, free.size_multiple, free.min_edge_px) == ((Size(1024, 1024),), 16, 256)
    assert tiny.progress
    assert tiny.seed
    assert tiny.edits
    assert tiny.mask
    assert (tiny.max_images, tiny.transparent) == (1, False)


def test_a_folder_may_state_its_facts() -> None:
    settings: dict[str, Any] = {
        "native_size": [128, 96],
        "buckets": [[128, 96]],
        "steps": 4,
        "guidance": 1.5,
    }
    facts = read_facts("mine", settings, "limner.json")
    assert facts == ModelFacts("mine", Size(128, 96), 4, 1.5, (Size(128, 96),), min_edge_px=64)
    assert read_facts("mine", {}, "limner.json") == ModelFacts("mine")


def test_a_folder_knows_its_model_better_than_the_table_does() -> None:
    known = ModelFacts("", Size(512, 512), steps=30, guidance=5.0, multiple=8, edits="words")
    settings = {"multiple": 32, "edges": [128, 1024], "max_images": 3, "native_size": [256, 256]}
    facts = read_facts("mine", settings, "limner.json", known)
    assert (facts.name, facts.steps, facts.guidance, facts.edits) == ("mine", 30, 5.0, "words")
    assert (facts.multiple, facts.min_edge_px, facts.max_edge_px) == (32, 128, 1024)
    assert (facts.max_images, facts.native_size) == (3, Size(256, 256))


@pytest.mark.parametrize(
    "settings",
    [
        {"size": [1, 1]},
        {"native_size": [100, 100]},
        {"native_size": [128]},
        {"native_size": 128},
        {"steps": "many"},
        {"buckets": [[0, 16]]},
        {"multiple": 0},
        {"edges": [64]},
        {"edges": [128, 64]},
        {"edges": [8, 64]},
    ],
)
def test_facts_that_cannot_be_name_their_file(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"^here/limner\.json: "):
        read_facts("mine", settings, "here/limner.json")


def test_sizes_are_multiples_of_the_models_own() -> None:
    sdxl = replace(FREE, multiple=8)
    made = plan(replace(ASKED, size=Size(1004, 296)), sdxl, 0)
    assert made.painted == made.size == Size(1008, 296)
    assert made.adjustments == ("size 1004x296 was rounded to 1008x296, multiples of 8 px",)
    assert capabilities(sdxl).size_multiple == 8


def test_a_model_that_is_told_what_to_change_has_no_strength_and_says_so() -> None:
    words = ModelFacts("klein", edits="words", masks="noise", max_images=4)
    asked = replace(ASKED, images=(ImageData(b"", "png"),), strength=0.5)
    made = plan(asked, words, 0, Size(512, 512))
    assert (made.strength, made.steps, made.levels, made.is_edit) == (None, 8, 8, True)
    (said,) = made.adjustments
    assert said.startswith("strength 0.5 changes nothing: 'klein' looks at the picture")
    masked = plan(asked, words, 0, Size(512, 512), masked=True)
    assert (masked.strength, masked.steps, masked.adjustments) == (0.5, 4, ())
    assert capabilities(words).strength
    assert capabilities(words).max_images == 4
    assert not capabilities(replace(words, masks="no")).input_fidelity


def test_a_distilled_model_keeps_its_guidance_and_says_so() -> None:
    klein = ModelFacts("klein", guidance=1.0, guided=False)
    made = plan(replace(ASKED, guidance_scale=4.0), klein, 0)
    assert made.guidance == 1.0
    assert made.adjustments == ("guidance_scale 4.0 changes nothing: 'klein' was distilled of it",)
    assert not plan(replace(ASKED, guidance_scale=1.0), klein, 0).adjustments


def test_previews_that_cannot_be_shown_are_not_promised() -> None:
    blind = ModelFacts("blind", previews=False)
    made = plan(replace(ASKED, partial_images=2), blind, 0)
    assert made.partial_images == 0
    assert made.adjustments[0].startswith("partial_images 2 changes nothing")
    assert not capabilities(blind).partial_images


def test_a_model_for_edits_only_says_that_it_needs_a_picture() -> None:
    error = refusal(ModelFacts("edit", from_words=False))
    assert (error.param, error.status, error.code) == ("image", 400, "not_supported")


def test_the_operator_chooses_steps_and_guidance_where_there_is_any() -> None:
    chosen = with_choices(FREE, steps=4, guidance=2.0)
    assert chosen == replace(FREE, steps=4, guidance=2.0)
    assert with_choices(FREE) == FREE
    klein = ModelFacts("klein", guidance=1.0, guided=False)
    assert with_choices(klein, guidance=1.0) == klein
    with pytest.raises(ConfigError, match="--guidance-scale 3 changes nothing: 'klein'"):
        with_choices(klein, guidance=3.0)
