"""Requests to other pipelines through the whole engine: events, cancelling, failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from limner.core.image import (
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    PartialImage,
    Size,
)
from limner.engine.painter import Painter
from tests.engine.painting import painting
from tests.engine.pipelines.conftest import MARKS, noisy

pytestmark = MARKS
LoadedOf = Callable[[str], Any]


def data(picture: Image.Image) -> ImageData:
    out = BytesIO()
    picture.save(out, "png")
    return ImageData(out.getvalue(), "png")


def pixels(image: ImageData) -> Any:
    return np.asarray(Image.open(BytesIO(image.content)).convert("RGB")).astype(int)


async def drained(painter: Painter, request: ImageRequest) -> list[ImageEvent]:
    return [event async for event in painter.generate(request)]


def only(events: list[ImageEvent], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("name", ["sdxl", "sd3", "klein", "qwen"])
async def test_progress_previews_and_pictures_come_as_from_our_own_loop(
    loaded_of: LoadedOf, name: str
) -> None:
    async with painting(loaded_of(name)) as painter:
        events = await drained(painter, ImageRequest("a red circle", n=2, partial_images=1))
    steps = {each.steps for each in only(events, ImageProgress)}
    assert steps == {2 * 3}
    shown = only(events, PartialImage)
    assert {each.picture for each in shown} == {0, 1}
    for event in (*shown, *only(events, ImageCompleted)):
        assert pixels(event.image).std() > 3
        assert event.resolved.size == Size(64, 64)
    made = only(events, ImageCompleted)
    assert [each.resolved.seed for each in sorted(made, key=lambda each: each.picture)] == [5, 6]
    assert made[-1].usage.input_text_tokens == len("a red circle")
    assert made[-1].usage.output_tokens == 2 * 16


async def test_requests_of_several_clients_share_the_model(loaded_of: LoadedOf) -> None:
    async with painting(loaded_of("qwen")) as painter:
        asked = ImageRequest("a", seed=1), ImageRequest("b", seed=2, images=(data(noisy()),))
        apart = [(await drained(painter, each))[-1] for each in asked]
        together = await asyncio.gather(*(drained(painter, each) for each in asked))
    for alone, events in zip(apart, together, strict=True):
        assert isinstance(alone, ImageCompleted)
        assert isinstance(events[-1], ImageCompleted)
        assert alone.image == events[-1].image


async def test_a_picture_that_no_one_waits_for_stops_after_its_step(loaded_of: LoadedOf) -> None:
    async with painting(loaded_of("sd3")) as painter:
        before = painter.stats.steps
        events = painter.generate(ImageRequest("a", steps=50))
        async for event in events:
            if isinstance(event, ImageProgress) and event.step == 1:
                break
        await events.aclose()
        assert painter.stats.idle
        assert painter.stats.steps - before <= 2


async def test_an_engine_that_stops_fails_what_is_under_way(loaded_of: LoadedOf) -> None:
    async with painting(loaded_of("klein")) as painter:
        events = painter.generate(ImageRequest("a", steps=50, n=3))
        async for event in events:
            if isinstance(event, ImageProgress) and event.step == 1:
                break
        await painter.close()
        last = [event async for event in events][-1]
        assert isinstance(last, ImageFailed)
        assert last.code == "engine_stopped"


@pytest.mark.parametrize("name", ["sdxl", "sd3", "klein", "qwen"])
async def test_outside_a_mask_not_one_pixel_differs(loaded_of: LoadedOf, name: str) -> None:
    source = noisy(Size(80, 72))
    free = np.full((72, 80, 4), 255, np.uint8)
    free[:, :30, 3] = 0
    request = ImageRequest(
        "a", images=(data(source),), mask=data(Image.fromarray(free)), partial_images=1
    )
    async with painting(loaded_of(name)) as painter:
        events = await drained(painter, request)
    before = np.asarray(source).astype(int)
    for event in (*only(events, PartialImage), *only(events, ImageCompleted)):
        made = pixels(event.image)
        assert np.array_equal(made[:, 30:], before[:, 30:])
        assert np.abs(made[:, :30] - before[:, :30]).mean() > 10
    assert isinstance(events[-1], ImageCompleted)


async def test_several_pictures_are_looked_at_where_the_model_does(loaded_of: LoadedOf) -> None:
    first, second = data(noisy()), data(noisy(Size(200, 300)))
    async with painting(loaded_of("klein")) as painter:
        made = [
            (await drained(painter, ImageRequest("a", images=images, seed=3)))[-1]
            for images in ((first,), (first, second))
        ]
        (refused,) = await drained(painter, ImageRequest("a", images=(first,) * 5))
        assert painter.capabilities.max_images == 4
    one, two = made
    assert isinstance(one, ImageCompleted)
    assert isinstance(two, ImageCompleted)
    assert one.image != two.image
    assert one.usage
    assert two.usage
    assert two.usage.input_image_tokens == 2 * one.usage.input_image_tokens > 0
    assert isinstance(refused, ImageFailed)
    assert "at most 4, got 5" in refused.message


async def test_a_model_for_edits_refuses_to_paint_from_words(loaded_of: LoadedOf) -> None:
    async with painting(loaded_of("qwen-edit-plus")) as painter:
        (refused,) = await drained(painter, ImageRequest("a"))
        (masked,) = await drained(
            painter, ImageRequest("a", images=(data(noisy()),), mask=data(noisy()))
        )
        edited = await drained(
            painter, ImageRequest("a", images=(data(noisy()),), strength=0.3, partial_images=1)
        )
    assert isinstance(refused, ImageFailed)
    assert (refused.param, refused.status) == ("image", 400)
    assert isinstance(masked, ImageFailed)
    assert masked.param == "mask"
    last = edited[-1]
    assert isinstance(last, ImageCompleted)
    assert "strength 0.3 changes nothing" in last.resolved.adjustments[0]
    assert last.resolved.strength is None
    assert only(edited, PartialImage)


async def test_numbers_that_are_none_fail_the_picture_and_no_other(loaded_of: LoadedOf) -> None:
    import torch

    loaded = loaded_of("sd3")
    weight = loaded.pipeline.transformer.proj_out.weight
    async with painting(loaded) as painter:
        kept = weight.detach().clone()
        with torch.no_grad():
            weight.fill_(torch.nan)
        failed = (await drained(painter, ImageRequest("a")))[-1]
        with torch.no_grad():
            weight.copy_(kept)
        assert isinstance((await drained(painter, ImageRequest("a")))[-1], ImageCompleted)
    assert isinstance(failed, ImageFailed)
    assert "left the range" in failed.message


async def test_a_call_that_raises_fails_its_picture_and_no_other(
    loaded_of: LoadedOf, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = loaded_of("sd3")

    def broken(*args: Any) -> None:
        raise MemoryError

    async with painting(loaded) as painter:
        hook = loaded.pipeline.transformer.register_forward_pre_hook(broken)
        failed = (await drained(painter, ImageRequest("a")))[-1]
        hook.remove()
        assert isinstance((await drained(painter, ImageRequest("a")))[-1], ImageCompleted)
    assert isinstance(failed, ImageFailed)
    assert failed.code == "out_of_memory"


async def test_a_model_whose_unfinished_latents_do_not_decode_paints_without_previews(
    loaded_of: LoadedOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = loaded_of("sd3")
    decode, asked = loaded.pipeline.vae.decode, []

    def sometimes(*args: Any, **options: Any) -> Any:
        asked.append(args)
        if len(asked) == 2:  # after the picture of the warm-up
            raise RuntimeError("not these latents")
        return decode(*args, **options)

    monkeypatch.setattr(loaded.pipeline.vae, "decode", sometimes)
    async with painting(loaded) as painter:
        assert not painter.capabilities.partial_images
        assert isinstance((await drained(painter, ImageRequest("a")))[-1], ImageCompleted)


async def test_a_scheduler_that_tells_nothing_clean_gives_no_previews(
    loaded_of: LoadedOf,
) -> None:
    from diffusers import UniPCMultistepScheduler

    loaded = loaded_of("sdxl")
    pipeline = type(loaded.pipeline)(
        **{
            **loaded.pipeline.components,
            "scheduler": UniPCMultistepScheduler.from_config(loaded.pipeline.scheduler.config),
        },
        add_watermarker=False,
    )
    async with painting(replace(loaded, pipeline=pipeline)) as painter:
        assert not painter.capabilities.partial_images
        events = await drained(painter, ImageRequest("a", partial_images=2))
    assert not only(events, PartialImage)
    (made,) = only(events, ImageCompleted)
    assert "partial_images 2 changes nothing" in made.resolved.adjustments[0]
