"""The loop's numbers are the stock pipeline's, alone or in a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from limner.core.image import ImageRequest, Size
from limner.engine.params import plan
from limner.engine.zimage.attention import native
from limner.engine.zimage.canvas import Canvas, group_of
from limner.engine.zimage.denoise import Denoiser
from limner.engine.zimage.forward import OwnForward

pytestmark = pytest.mark.engine
PROMPT = "a red circle above the blue square"


@pytest.fixture(scope="module")
def stock(loaded: Any) -> Any:
    from diffusers import ZImagePipeline

    pipeline = ZImagePipeline(
        loaded.pipeline.scheduler,
        loaded.pipeline.vae,
        loaded.pipeline.text_encoder,
        loaded.pipeline.tokenizer,
        loaded.pipeline.transformer,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture
def denoiser(loaded: Any) -> Denoiser:
    return Denoiser(loaded)


def painted(
    stock: Any, noise: torch.Tensor, *, guidance: float, prompt: str = PROMPT, steps: int = 8
) -> Any:
    height, width = (8 * edge for edge in noise.shape[1:])
    with torch.inference_mode():
        return stock(
            [prompt],
            height=height,
            width=width,
            num_inference_steps=steps,
            guidance_scale=guidance,
            latents=noise[None].clone(),
            output_type="latent",
        ).images[0]


def canvas(denoiser: Denoiser, size: Size, *, guidance: float = 0.0, seed: int = 1) -> Canvas:
    caption = denoiser.caption(PROMPT)
    return denoiser.canvas(caption, size, seed=seed, steps=8, guidance=guidance)


def test_other_noise_levels_such_as_the_base_models_are_the_schedulers_affair(
    loaded: Any,
) -> None:
    """Z-Image itself has shift 6, fifty steps and guidance 4."""
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline

    scheduler = FlowMatchEulerDiscreteScheduler(shift=6.0)
    base = ZImagePipeline(**{**loaded.pipeline.components, "scheduler": scheduler})
    base.set_progress_bar_config(disable=True)
    denoiser = Denoiser(replace(loaded, pipeline=base))
    caption = denoiser.caption(PROMPT)
    mine = denoiser.canvas(caption, Size(64, 64), seed=3, steps=50, guidance=4.0)
    expected = painted(base, mine.latents, guidance=4.0, steps=50)
    for _ in range(50):
        assert denoiser.step([mine]) == [True]
    assert torch.allclose(mine.latents, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("guidance", [0.0, 2.5])
@pytest.mark.parametrize("size", [Size(64, 64), Size(96, 48)], ids=str)
def test_latents_equal_those_of_the_stock_pipeline(
    denoiser: Denoiser, stock: Any, size: Size, guidance: float
) -> None:
    mine = canvas(denoiser, size, guidance=guidance)
    expected = painted(stock, mine.latents, guidance=guidance)
    for _ in range(8):
        assert denoiser.step([mine]) == [True]
    torch.testing.assert_close(mine.latents, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_any_number_of_steps_leads_where_the_stock_pipeline_goes(
    denoiser: Denoiser, stock: Any, steps: int
) -> None:
    caption = denoiser.caption(PROMPT)
    mine = denoiser.canvas(caption, Size(80, 48), seed=5, steps=steps, guidance=0)
    expected = painted(stock, mine.latents, guidance=0, steps=steps)
    for _ in range(steps):
        assert denoiser.step([mine]) == [True]
    torch.testing.assert_close(mine.latents, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("words", [14, 15, 30, 500])
def test_guidance_weighs_a_long_prompt_against_the_short_empty_one(
    denoiser: Denoiser, stock: Any, words: int
) -> None:
    """Captions of 31 tokens and more; the stock pipeline pads and masks, ours takes two passes."""
    prompt = "red blue " * words
    mine = denoiser.canvas(denoiser.caption(prompt), Size(48, 96), seed=5, steps=2, guidance=3)
    expected = painted(stock, mine.latents, guidance=3, prompt=prompt, steps=2)
    for _ in range(2):
        assert denoiser.step([mine]) == [True]
    torch.testing.assert_close(mine.latents, expected, atol=1e-5, rtol=0)


def test_only_rows_of_one_shape_share_a_pass(denoiser: Denoiser, loaded: Any) -> None:
    passes = []

    class Watched(OwnForward):
        def run(self, latents: Any, captions: Any, told: Any, table: Any) -> Any:
            passes.append((tuple(latents.shape), captions.shape[1]))
            return super().run(latents, captions, told, table)

    denoiser.forward = Watched(loaded.pipeline.transformer, native)
    short, long = denoiser.caption(PROMPT), denoiser.caption("red " * 40)
    denoiser.step(
        [
            denoiser.canvas(caption, size, seed=1, steps=8, guidance=2.0)
            for caption in (short, long, short)
            for size in (Size(64, 64), Size(96, 48))
        ]
    )
    # Guided rows go twice; the empty caption is as long as the short one.
    wide, square = (16, 6, 12), (16, 8, 8)
    assert sorted(passes) == sorted(
        [((5, *square), 32), ((5, *wide), 32), ((1, *square), 64), ((1, *wide), 64)]
    )


def test_a_prompt_and_a_way_are_prepared_once(denoiser: Denoiser, loaded: Any) -> None:
    calls = {"read": 0, "modulations": 0}

    class Counted(OwnForward):
        def read(self, features: Any) -> Any:
            calls["read"] += 1
            return super().read(features)

        def modulations(self, times: Any) -> Any:
            calls["modulations"] += 1
            return super().modulations(times)

    denoiser.forward = Counted(loaded.pipeline.transformer, native)
    asked = ImageRequest(PROMPT, n=4, seed=1, guidance_scale=2.0)
    for _ in range(3):
        begun = denoiser.begin(plan(asked, loaded.facts, 0))
        for _ in range(2):
            denoiser.step(begun.canvases)  # type: ignore[arg-type]
    assert calls == {"read": 3 + 1, "modulations": 1}  # the empty caption is one of them


def test_a_seed_gives_the_noise_that_diffusers_draws_from_it(
    denoiser: Denoiser, stock: Any
) -> None:
    mine = canvas(denoiser, Size(64, 64), seed=77)
    expected = stock.prepare_latents(
        1, 16, 64, 64, torch.float32, torch.device("cpu"), torch.Generator("cpu").manual_seed(77)
    )
    assert torch.equal(mine.latents, expected[0])


def test_a_batch_of_mixed_sizes_steps_and_captions_equals_single_pictures(
    denoiser: Denoiser,
) -> None:
    sizes = (Size(64, 64), Size(96, 48), Size(64, 64))
    alone = [canvas(denoiser, size, seed=i) for i, size in enumerate(sizes)]
    together = [canvas(denoiser, size, seed=i) for i, size in enumerate(sizes)]
    long_caption = denoiser.caption("a blue square " * 20)
    alone[2].caption = together[2].caption = long_caption
    denoiser.step([together[0]])  # one is a step ahead of the others
    for _ in range(7):
        denoiser.step(together)
    for mine in alone:
        for _ in range(7):
            denoiser.step([mine])
    denoiser.step([alone[0]])
    for mine, shared in zip(alone, together, strict=True):
        torch.testing.assert_close(shared.latents, mine.latents, atol=1e-5, rtol=0)


def test_guided_rows_of_one_batch_keep_their_own_strength(denoiser: Denoiser) -> None:
    weak, strong = (canvas(denoiser, Size(64, 64), guidance=g) for g in (1.0, 4.0))
    alone = canvas(denoiser, Size(64, 64), guidance=4.0)
    denoiser.step([weak, strong])
    denoiser.step([alone])
    torch.testing.assert_close(strong.latents, alone.latents, atol=1e-5, rtol=0)
    assert (weak.latents - strong.latents).abs().max() > 1e-3


def test_a_caption_without_padding_reads_as_the_padded_one(denoiser: Denoiser, stock: Any) -> None:
    mine = denoiser.caption(PROMPT)
    with torch.inference_mode():
        expected = stock.encode_prompt([PROMPT], do_classifier_free_guidance=False)[0][0]
    torch.testing.assert_close(mine.features, expected, atol=1e-5, rtol=0)
    assert (mine.tokens, mine.padded_tokens, mine.cut) == (9, 32, 0)


def test_a_prompt_too_long_says_how_many_tokens_were_cut(denoiser: Denoiser) -> None:
    caption = denoiser.caption("red " * 600)
    assert (caption.tokens, caption.cut) == (512, 90)


def test_unknown_words_and_no_words_are_captions_too(denoiser: Denoiser) -> None:
    assert denoiser.caption("ein Zebra 斑马 🦓").tokens > 2
    assert denoiser.caption("").tokens == 2


def test_the_scheduler_of_the_pipeline_is_left_as_it_was(denoiser: Denoiser, loaded: Any) -> None:
    before = loaded.pipeline.scheduler.sigmas.clone()
    levels = denoiser.sigmas(8)
    assert torch.equal(loaded.pipeline.scheduler.sigmas, before)
    expected = [1, 0.9545, 0.9, 0.8333, 0.75, 0.6429, 0.5, 0.3, 0]
    assert levels.tolist() == pytest.approx(expected, abs=1e-4)


def test_the_picture_foreseen_last_is_the_finished_one(denoiser: Denoiser) -> None:
    mine = canvas(denoiser, Size(64, 64))
    for _ in range(8):
        denoiser.step([mine])
    torch.testing.assert_close(mine.clean, mine.latents, atol=1e-5, rtol=0)


def test_numbers_out_of_range_are_told_for_the_picture_that_has_them(denoiser: Denoiser) -> None:
    good, bad = canvas(denoiser, Size(64, 64)), canvas(denoiser, Size(64, 64))
    bad.latents = torch.full_like(bad.latents, float("nan"))
    assert denoiser.step([good, bad]) == [True, False]


def test_rows_share_a_pass_by_size_padded_caption_and_guidance(denoiser: Denoiser) -> None:
    plain, guided = (canvas(denoiser, Size(96, 48), guidance=g) for g in (0.0, 1.0))
    assert group_of(plain, Size(96, 48)).tokens == 32 + 32
    assert group_of(guided, Size(96, 48)).tokens == 2 * (32 + 32)
