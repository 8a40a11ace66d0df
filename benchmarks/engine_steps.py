"""What a step takes beside the transformer, and what pictures gain by sharing passes.

CPU seconds of this thread, so that other programs do not count; batches take turns. "against one"
is how many pictures come of the time that one takes alone.

    python benchmarks/engine_steps.py [--model tiny] [--dtype float32] [--rounds 8]
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from limner.core.image import Size
from limner.engine.loading import load
from limner.engine.zimage.denoise import Denoiser

PROMPT = "a red circle above a blue square on a yellow background"
BATCHES = (1, 2, 4, 8)
STEPS = 8


@dataclass(slots=True)
class Batch:
    """Seconds of each round: of all steps, and of the transformer in them."""

    whole_s: list[float] = field(default_factory=list)
    inside_s: list[float] = field(default_factory=list)


class Timed:
    """A forward pass, with a watch."""

    def __init__(self, forward: Any) -> None:
        self._forward = forward
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._forward, name)

    def forward(self, *inputs: Any) -> Any:
        began = time.thread_time()
        answer = self._forward.forward(*inputs)
        self.seconds += time.thread_time() - began
        return answer


def measure(denoiser: Denoiser, size: Size, rounds: int) -> dict[int, Batch]:
    timed = denoiser.forward = Timed(denoiser.forward)
    caption = denoiser.caption(PROMPT)
    found = {rows: Batch() for rows in BATCHES}
    for turn in range(rounds + 1):
        for rows, batch in found.items():
            canvases = [
                denoiser.canvas(caption, size, seed=seed, steps=STEPS, guidance=0)
                for seed in range(rows)
            ]
            timed.seconds, began = 0.0, time.thread_time()
            for _ in range(STEPS):
                denoiser.step(canvases)
            if turn:  # the first round warms up
                batch.whole_s.append(time.thread_time() - began)
                batch.inside_s.append(timed.seconds)
    return found


def report(found: dict[int, Batch]) -> None:
    print(f"{'rows':>6}{'ms a step':>12}{'beside':>10}{'against one':>13}")
    alone = statistics.median(found[1].whole_s)
    for rows, batch in found.items():
        whole, inside = statistics.median(batch.whole_s), statistics.median(batch.inside_s)
        print(
            f"{rows:6}{1000 * whole / STEPS:12.1f}{1 - inside / whole:10.1%}"
            f"{rows * alone / whole:13.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--rounds", type=int, default=8)
    asked = parser.parse_args()
    loaded = load(asked.model, device="cpu", dtype=asked.dtype, threads=1)
    report(measure(Denoiser(loaded), loaded.facts.native_size, asked.rounds))


if __name__ == "__main__":
    main()
