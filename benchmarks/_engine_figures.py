"""What `engine.py` finds out, as it is written into its JSON; and the arithmetic of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

STOCK, EAGER, COMPILED, FP8 = "Diffusers", "engine", "engine, compiled", "engine, fp8"
"""The ways to paint."""
IN_TURN, SHARED = "one at a time", "shared passes"
"""The ways to serve."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A picture, prompt to pixels, when `batch` are painted together.

    wall_s: seconds by the clock. busy_s: what ratios are made of: on a CPU seconds of the
    processor, of all threads, elsewhere those of the clock.
    to_stock: how many pictures come in the time of one by Diffusers, asked for as many together.
    to_one: in the time of one of the same way, painted alone.
    peak_bytes: of memory meanwhile, of the GPU or of the whole process.
    """

    size: str
    batch: int
    way: str
    wall_s: float
    busy_s: float
    peak_bytes: int
    to_stock: float | None = None
    to_one: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of `batch` pictures. beside: the share of it that is not the transformer's.

    of_ceiling: what the transformer computed in its time, against a large product of matrices.
    to_one: how many pictures take a step in the time of one alone.
    """

    size: str
    batch: int
    way: str
    busy_s: float
    beside: float
    of_ceiling: float
    to_one: float | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """One request on an idle engine, order to image file, in seconds as `busy_s`.

    first_preview_s: until the first of three. preview_s: what decoding one takes.
    beside: the share of the request that is neither the transformer's nor the VAE's.
    cancel_s: from closing a request to an engine that no longer works for it; the median and the
    slowest. step_s: what a step takes there.
    """

    size: str
    way: str
    request_s: float
    beside: float
    first_preview_s: float
    preview_s: float
    cancel_s: float
    cancel_slowest_s: float
    step_s: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Requests that come by chance, at a share of what the engine can do; seconds as `busy_s`."""

    load: float
    policy: str
    requests: int
    p50_s: float
    p95_s: float


@dataclass(slots=True)
class Figures:
    """Of one model in one dtype on one device.

    ceiling_flops: operations a second of a large product of matrices. capacity: pictures a second
    of the mix of sizes that `latencies` were measured with.
    apart: the largest difference to the latents of Diffusers' pipeline.
    """

    name: str
    device: str
    dtype: str
    caption_tokens: int
    setup: dict[str, str]
    ceiling_flops: float
    pace: list[Pace] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    whole: list[Whole] = field(default_factory=list)
    capacity: float | None = None
    mix: str = ""
    latencies: list[Latency] = field(default_factory=list)
    apart: float | None = None
    not_run: list[str] = field(default_factory=list)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of all does not exceed; one of those given."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def arrivals(rate: float, count: int, seed: int) -> list[float]:
    """Times of a Poisson process, ascending, in seconds from now; the first is 0."""
    chance = random.Random(seed)
    times = [0.0]
    while len(times) < count:
        times.append(times[-1] + chance.expovariate(rate))
    return times


def compared(paces: Sequence[Pace]) -> list[Pace]:
    """The same with their ratios, as far as what they are compared with is among them."""
    busy = {(pace.size, pace.batch, pace.way): pace.busy_s for pace in paces}
    return [
        replace(
            pace,
            to_stock=_ratio(busy.get((pace.size, pace.batch, STOCK)), pace.busy_s),
            to_one=_ratio(busy.get((pace.size, 1, pace.way)), pace.busy_s),
        )
        for pace in paces
    ]


def compared_steps(steps: Sequence[Step]) -> list[Step]:
    """The same, each with its ratio to one picture alone."""
    alone = {(step.size, step.way): step.busy_s for step in steps if step.batch == 1}
    return [
        replace(step, to_one=_ratio(alone.get((step.size, step.way)), step.busy_s / step.batch))
        for step in steps
    ]


def _ratio(other: float | None, own: float) -> float | None:
    return None if other is None else other / own
