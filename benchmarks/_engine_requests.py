"""What a request of the engine waits for: a real painter, from order to image file.

Requests that come by chance are of a seeded mix of sizes, at the same times for both ways to serve.
Their times are those of `OwnTime`, so that neither other programs nor idle moments count.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks._engine_figures import IN_TURN, SHARED, Latency, Whole, arrivals, percentile
from benchmarks._engine_models import PROMPT, Subject
from benchmarks._engine_pace import begun
from benchmarks._watch import Clock, clock_of, watching
from limner.core.image import ImageCompleted, ImageProgress, ImageRequest, PartialImage, Size
from limner.engine.job import Job
from limner.engine.measured_budget import measured_budget
from limner.engine.painter import Painter
from limner.engine.scheduler import NATIVE_TOKENS, Scheduler

LOADS = (0.3, 0.6, 0.9)
AT_A_TIME = {IN_TURN: 1, SHARED: 16}
CANCEL_STEPS = 50
SEED = 5
_POLL_S = 0.004


@dataclass(frozen=True, slots=True)
class Load:
    """capacity: pictures a second, all of them ordered at once."""

    capacity: float
    latencies: list[Latency]


@asynccontextmanager
async def painter_of(model: Any, policy: str, budget: int, queue: int) -> AsyncIterator[Painter]:
    scheduler = Scheduler[Job](
        queue_limit=queue, max_concurrent=AT_A_TIME[policy], token_budget=budget
    )
    painter = Painter(
        lambda progress: model, name="measured", scheduler=scheduler, fresh_seed=lambda: 0
    )
    await painter.start()
    try:
        yield painter
    finally:
        await painter.close()


async def whole(subject: Subject, way: str, model: Any, rounds: int) -> Whole:
    """Of one picture of the native size on an idle engine."""
    size, now = subject.native, clock_of(subject.loaded.device)
    async with painter_of(model, SHARED, NATIVE_TOKENS, 1) as painter:
        plain, beside = await _plain(subject, painter, model, rounds)
        shown = [await _request(painter, size, seed, now, 3) for seed in range(rounds + 1)]
        cancels = [await _cancel_s(painter, size, seed, now) for seed in range(2 * rounds + 1)]
    step_s, preview_s = _beside(model, size, rounds, now)
    return Whole(
        str(size),
        way,
        request_s=plain,
        beside=beside,
        first_preview_s=median(times[0] for times in shown[1:]),
        preview_s=preview_s,
        cancel_s=median(cancels[1:]),
        cancel_slowest_s=max(cancels[1:]),
        step_s=step_s,
    )


async def _plain(
    subject: Subject, painter: Painter, model: Any, rounds: int
) -> tuple[float, float]:
    """Seconds of a request without previews, and the share that neither network has of it."""
    device, vae = subject.loaded.device, subject.loaded.pipeline.vae
    now, took, shares = clock_of(device), [], []
    with watching(device, (model.forward, "forward"), (vae, "decode")) as watch:
        for seed in range(rounds + 1):
            watch.seconds, began = 0.0, now()
            took.append((await _request(painter, subject.native, seed, now))[-1])
            shares.append(1 - watch.seconds / (now() - began))
    return median(took[1:]), median(shares[1:])


async def _request(
    painter: Painter, size: Size, seed: int, now: Clock, previews: int = 0
) -> tuple[float, ...]:
    """Seconds to each preview and, last, to the picture."""
    began, times = now(), []
    request = ImageRequest(PROMPT, size=size, seed=seed, partial_images=previews)
    last: Any = None
    async for last in painter.generate(request):
        if isinstance(last, PartialImage | ImageCompleted):
            times.append(now() - began)
    assert isinstance(last, ImageCompleted), last
    return tuple(times)


async def _cancel_s(painter: Painter, size: Size, seed: int, now: Clock) -> float:
    """Seconds that closing a request takes which is being painted."""
    stop_after = 1 + seed % 3
    events = painter.generate(ImageRequest(PROMPT, size=size, seed=seed, steps=CANCEL_STEPS))
    async for event in events:
        assert isinstance(event, ImageProgress), event
        if event.step >= stop_after:
            break
    began = now()
    await events.aclose()
    return now() - began


def _beside(model: Any, size: Size, rounds: int, now: Clock) -> tuple[float, float]:
    """Seconds of a step, and of decoding a preview."""
    (canvas,) = begun(model, size, 1)
    steps, previews = [], []
    for _ in range(min(rounds + 1, model.facts.steps)):
        began = now()
        model.step([canvas])
        stepped = now()
        model.pixels(model.foreseen(canvas), preview=True)
        previews.append(now() - stepped)
        steps.append(stepped - began)
    model.end(canvas)
    return median(steps[1:]), median(previews[1:])


def budget_of(subject: Subject, model: Any) -> int:
    """Tokens of a pass as the engine measures them when it starts, other programs left out."""
    return measured_budget(model, clock=clock_of(subject.loaded.device)) or NATIVE_TOKENS


class OwnTime:
    """Seconds since it was made, as on a machine that does nothing else; idle ones are left out."""

    def __init__(self, device: Any) -> None:
        self._clock = clock_of(device)
        self._skipped_s = -self._clock()

    @property
    def now_s(self) -> float:
        return self._clock() + self._skipped_s

    def skip_to(self, at_s: float) -> None:
        self._skipped_s += max(0.0, at_s - self.now_s)


async def loaded(
    subject: Subject, model: Any, budget: int, count: int, loads: Sequence[float]
) -> Load:
    """Capacity and latencies. count: requests of each load."""
    orders, device = _orders(subject, count), subject.loaded.device
    async with painter_of(model, SHARED, budget, count) as painter:
        for _ in range(2):  # the first warms up every size
            waits = await _latencies(painter, orders, [0.0] * count, OwnTime(device))
        capacity = count / max(waits)
    found = []
    for load in loads:
        times = arrivals(load * capacity, count, SEED)
        for policy in AT_A_TIME:
            async with painter_of(model, policy, budget, count) as painter:
                waits = await _latencies(painter, orders, times, OwnTime(device))
            p50, p95 = percentile(waits, 0.5), percentile(waits, 0.95)
            found.append(Latency(load, policy, count, p50, p95))
    return Load(capacity, found)


def _orders(subject: Subject, count: int) -> list[ImageRequest]:
    sizes, weights = zip(*subject.mix, strict=True)
    chosen = random.Random(SEED).choices(sizes, weights, k=count)
    return [ImageRequest(PROMPT, size=size, seed=seed) for seed, size in enumerate(chosen)]


async def _latencies(
    painter: Painter, orders: Sequence[ImageRequest], times: Sequence[float], clock: OwnTime
) -> list[float]:
    """Seconds that each order took which comes at its time; nobody waits for the next to come."""

    async def served(order: ImageRequest, at_s: float) -> float:
        *_, last = [event async for event in painter.generate(order)]
        assert isinstance(last, ImageCompleted), last
        return clock.now_s - at_s

    under_way: list[asyncio.Task[float]] = []
    for order, at_s in zip(orders, times, strict=True):
        while clock.now_s < at_s:
            if all(task.done() for task in under_way):
                clock.skip_to(at_s)
            else:
                await asyncio.sleep(_POLL_S)
        under_way.append(asyncio.create_task(served(order, at_s)))
    return list(await asyncio.gather(*under_way))
