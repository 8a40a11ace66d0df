"""Seconds for a picture by the ways to paint it, taking turns, and what its steps consist of.

The ways take turns so that a busy machine slows all of them alike. On a CPU the processor time of
this process is compared, which other programs do not lengthen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any

import torch

from benchmarks._engine_figures import Pace, Step, compared, compared_steps
from benchmarks._engine_memory import forget_peak, peak_bytes
from benchmarks._engine_models import PROMPT, Subject
from benchmarks._flops import Widths, step_flops
from benchmarks._watch import Watch, clock_of, settle, watching
from limner.core.image import ImageRequest, Size
from limner.engine.device import is_out_of_memory, release_memory
from limner.engine.params import plan

Paint = Callable[[Size, int, int], None]
"""Paints pictures from prompt to pixels. Arguments: size, how many, the seed of the first."""
ENOUGH_S = 6.0
"""After so many seconds there are no further rounds of one size and number."""
PRODUCT_EDGE = {"cpu": 1536, "cuda": 8192}
PRODUCTS = 12


def ceiling_flops(device: Any, dtype: Any) -> float:
    """Operations a second of a large product of matrices, which the engine's passes are made of."""
    edge, now = PRODUCT_EDGE.get(device.type, 2048), clock_of(device)
    one, other = torch.randn(2, edge, edge, device=device, dtype=torch.float32).to(dtype)
    took = []
    for _ in range(PRODUCTS):
        settle(device)
        began = now()
        one @ other
        settle(device)
        took.append(now() - began)
    return float(2 * edge**3 / median(took[2:]))


def stock_way(subject: Subject) -> Paint:
    """Diffusers' pipeline over the same modules."""
    pipeline, facts = _stock(subject), subject.loaded.facts

    def paint(size: Size, batch: int, seed: int) -> None:
        seeds = range(seed, seed + batch)
        pipeline(
            [PROMPT] * batch,
            height=size.height,
            width=size.width,
            num_inference_steps=facts.steps,
            guidance_scale=facts.guidance,
            generator=[torch.Generator("cpu").manual_seed(each) for each in seeds],
        )

    return paint


def _stock(subject: Subject) -> Any:
    from diffusers import ZImagePipeline

    pipeline = ZImagePipeline(**subject.loaded.pipeline.components)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def engine_way(model: Any) -> Paint:
    """One request for as many pictures, without scheduler and image files."""

    def paint(size: Size, batch: int, seed: int) -> None:
        canvases = begun(model, size, batch, seed)
        while canvases[0].step < model.facts.steps:
            model.step(canvases)
        for canvas in canvases:
            model.pixels(model.foreseen(canvas), preview=False)
            model.end(canvas)

    return paint


def begun(model: Any, size: Size, batch: int, seed: int = 0) -> list[Any]:
    request = ImageRequest(PROMPT, size=size, n=batch, seed=seed)
    return list(model.begin(plan(request, model.facts, seed)).canvases)


def cells(subject: Subject, caption_tokens: int) -> Iterator[tuple[Size, int]]:
    """Sizes with the numbers of pictures that are painted of each."""
    for size in subject.sizes:
        tokens = size.width * size.height // 256 + caption_tokens
        for rows in subject.batches:
            if rows == 1 or rows * tokens <= subject.tokens:
                yield size, rows


def paces(
    subject: Subject, ways: Mapping[str, Paint], caption_tokens: int, rounds: int
) -> tuple[list[Pace], list[str]]:
    """What was measured, and what could not be."""
    found: list[Pace] = []
    not_run: list[str] = []
    for size, batch in cells(subject, caption_tokens):
        try:
            found += _turns(subject, ways, size, batch, rounds)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(torch, error):
                raise
            release_memory(torch)
            not_run.append(f"{batch} of {size} together: out of memory")
    return compared(found), not_run


def _turns(
    subject: Subject, ways: Mapping[str, Paint], size: Size, batch: int, rounds: int
) -> list[Pace]:
    """The first round warms up, and counts only where one round takes long."""
    device = subject.loaded.device
    now = clock_of(device)
    peaks: dict[str, int] = {}
    took: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    began = time.perf_counter()
    for turn in range(rounds + 1):
        for way, paint in ways.items():
            forget_peak(device)
            wall, busy = time.perf_counter(), now()
            paint(size, batch, 100 * turn)
            took[way].append((time.perf_counter() - wall, now() - busy))
            peaks[way] = peak_bytes(device)
        if time.perf_counter() - began > ENOUGH_S:
            break
    return [
        Pace(
            str(size),
            batch,
            way,
            median(wall for wall, _ in each[1:] or each) / batch,
            median(busy for _, busy in each[1:] or each) / batch,
            peaks[way],
        )
        for way, each in took.items()
    ]


def steps(
    subject: Subject, way: str, model: Any, ceiling: float, caption_tokens: int, rounds: int
) -> list[Step]:
    """Of every size and number. model: of our own loop over Z-Image's class."""
    widths = Widths.of(subject.loaded.pipeline.transformer.config)
    found = []
    with watching(subject.loaded.device, (model.forward, "forward")) as watch:
        for size, batch in cells(subject, caption_tokens):
            whole, inside = _of_steps(subject, model, watch, begun(model, size, batch), rounds)
            tokens = size.width * size.height // 256
            flops = batch * step_flops(widths, tokens, caption_tokens)
            beside = 1 - inside / whole
            found.append(Step(str(size), batch, way, whole, beside, flops / inside / ceiling))
    return compared_steps(found)


def _of_steps(
    subject: Subject, model: Any, watch: Watch, canvases: list[Any], rounds: int
) -> tuple[float, float]:
    """Seconds of one step, and of the transformer in it: medians, of at most one picture's steps.

    A first step warms up; more follow as long as they are quick.
    """
    now = clock_of(subject.loaded.device)
    took: list[tuple[float, float]] = []
    began = time.perf_counter()
    for _ in range(min(1 + 2 * rounds, model.facts.steps)):
        watch.seconds, start = 0.0, now()
        model.step(canvases)
        took.append((now() - start, watch.seconds))
        if len(took) > 1 and time.perf_counter() - began > ENOUGH_S:
            break
    for canvas in canvases:
        model.end(canvas)
    return median(whole for whole, _ in took[1:]), median(inside for _, inside in took[1:])


def apart(subject: Subject, model: Any) -> float:
    """The largest difference of latents to Diffusers' pipeline, from the same noise.

    Of one picture alone and of another that shares its passes with two.
    """
    worst = 0.0
    for batch in (1, 3):
        canvases = begun(model, subject.native, batch)
        noise = canvases[-1].latents.clone()
        while canvases[0].step < model.facts.steps:
            model.step(canvases)
        theirs = _stock_latents(subject, noise)
        worst = max(worst, float((canvases[-1].latents - theirs).abs().max()))
    return worst


def _stock_latents(subject: Subject, noise: Any) -> Any:
    return _stock(subject)(
        [PROMPT],
        height=subject.native.height,
        width=subject.native.width,
        num_inference_steps=subject.loaded.facts.steps,
        guidance_scale=subject.loaded.facts.guidance,
        latents=noise[None],
        output_type="latent",
    ).images[0]
