"""Seconds for one picture of tiny, by the engine and by Diffusers' own pipeline in the same run.

The ways take turns, picture by picture, so that a busy machine slows all of them alike; medians are
printed. Seconds are by the wall clock; CPU seconds, of all threads, and the shares made of them do
not count what other programs take. Shares are true for one thread of torch, which is the default of
a machine with two cores. "rest" is all that is neither transformer nor VAE: prompt,
scheduler, threads and the image file.

    python benchmarks/engine_pictures.py [--model tiny] [--rounds 15] [--threads 1]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from limner.core.image import ImageCompleted, ImageRequest
from limner.engine.job import Job
from limner.engine.loading import Loaded, load, open_model
from limner.engine.painter import Painter
from limner.engine.scheduler import Scheduler

PROMPT = "a red circle above a blue square on a yellow background"


@dataclass(slots=True)
class Way:
    """One way to paint, and what each of its rounds took, in seconds a picture."""

    name: str
    paint: Callable[[int], Awaitable[None]]
    pictures: int = 1
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    transformer_s: list[float] = field(default_factory=list)
    vae_s: list[float] = field(default_factory=list)


class Stopwatch:
    """Adds up the CPU time inside one method, of the threads that call it."""

    def __init__(self, module: Any, method: str) -> None:
        self.seconds = 0.0
        self._timed = getattr(module, method)
        setattr(module, method, self._call)

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        began = time.thread_time()
        answer = self._timed(*args, **kwargs)
        self.seconds += time.thread_time() - began
        return answer


def stock_way(loaded: Loaded) -> Way:
    import torch
    from diffusers import ZImagePipeline

    pipeline = ZImagePipeline(
        loaded.pipeline.scheduler,
        loaded.pipeline.vae,
        loaded.pipeline.text_encoder,
        loaded.pipeline.tokenizer,
        loaded.pipeline.transformer,
    )
    pipeline.set_progress_bar_config(disable=True)

    async def paint(seed: int) -> None:
        picture = pipeline(
            [PROMPT],
            height=loaded.facts.native_size.height,
            width=loaded.facts.native_size.width,
            num_inference_steps=loaded.facts.steps,
            guidance_scale=loaded.facts.guidance,
            generator=torch.Generator("cpu").manual_seed(seed),
        ).images[0]
        picture.save(BytesIO(), "png")

    return Way("Diffusers pipeline", paint)


def engine_way(painter: Painter, name: str, **options: int) -> Way:
    pictures = options.get("n", 1)

    async def paint(seed: int) -> None:
        request = ImageRequest(PROMPT, seed=seed, **options)  # type: ignore[arg-type]
        events = [event async for event in painter.generate(request)]
        assert sum(isinstance(event, ImageCompleted) for event in events) == pictures, events[-1]

    return Way(name, paint, pictures)


async def measure(ways: list[Way], loaded: Loaded, model: Any, rounds: int) -> None:
    """model: of the engine; its forward pass is not the stock module's."""
    theirs, ours = (
        Stopwatch(loaded.pipeline.transformer, "forward"),
        Stopwatch(model.forward, "forward"),
    )
    vae = Stopwatch(loaded.pipeline.vae, "decode")
    for turn in range(rounds + 1):
        for way in ways:
            theirs.seconds = ours.seconds = vae.seconds = 0.0
            wall, cpu = time.perf_counter(), time.process_time()
            await way.paint(turn)
            if turn:  # the first round warms up
                way.wall_s.append((time.perf_counter() - wall) / way.pictures)
                way.cpu_s.append((time.process_time() - cpu) / way.pictures)
                way.transformer_s.append((theirs.seconds + ours.seconds) / way.pictures)
                way.vae_s.append(vae.seconds / way.pictures)


def report(ways: list[Way]) -> None:
    heads = ("s", "CPU s", "to stock", "transformer", "VAE", "rest")
    print(f"{'one picture':28}" + "".join(f"{head:>12}" for head in heads))
    stock = statistics.median(ways[0].cpu_s)
    for way in ways:
        wall, cpu, transformer, vae = (
            statistics.median(times)
            for times in (way.wall_s, way.cpu_s, way.transformer_s, way.vae_s)
        )
        rest = cpu - transformer - vae
        print(
            f"{way.name:28}{wall:12.3f}{cpu:12.3f}{cpu / stock:12.2f}"
            f"{transformer / cpu:12.1%}{vae / cpu:12.1%}{rest / cpu:12.1%}"
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    loaded = load(asked.model, threads=asked.threads)
    scheduler = Scheduler[Job](token_budget=4608)
    model = open_model(loaded)
    painter = Painter(
        lambda progress: model, name="tiny", scheduler=scheduler, fresh_seed=lambda: 0
    )
    await painter.start()
    ways = [
        stock_way(loaded),
        engine_way(painter, "engine"),
        engine_way(painter, "engine, two previews", partial_images=2),
        engine_way(painter, "engine, four in one request", n=4),
    ]
    await measure(ways, loaded, model, asked.rounds)
    report(ways)
    await painter.close()


if __name__ == "__main__":
    asyncio.run(main())
