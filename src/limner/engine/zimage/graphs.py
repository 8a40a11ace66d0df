"""CUDA graphs: a whole forward pass recorded once, then started by one call.

A small picture keeps the GPU busy for less time than it takes to tell it what to do; a recorded
pass needs no telling. A recording reads and writes the memory that it was made with, so it holds
fast to all of it; and before it is used it is asked the same as the pass itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import torch

from limner.core.image import Size
from limner.engine.zimage import fit
from limner.engine.zimage.forward import OwnForward, RunRecorded, Shape
from limner.engine.zimage.modulation import Modulation, together
from limner.engine.zimage.rope import Turns

logger = logging.getLogger(__name__)

LARGEST_PX = 768 * 768
"""Above it the GPU is busy long enough."""
CAPTIONS = (32, 64, 96, 128)
ROWS = (1, 2, 3, 4)
"""What is recorded of each size; other captions and batches run as they are."""
_WARM_UPS = 3
_TOLERANCE = 0.01

Inputs = tuple[Any, Any, Modulation]
"""Latents, captions and modulation, as `OwnForward.run` takes them."""


class Recording:
    """One pass of one shape; recorded when it is made. Raises RuntimeError when that fails."""

    def __init__(self, own: OwnForward, inputs: Inputs, turns: Turns, pool: Any) -> None:
        """inputs: to record with; copied. pool: memory that recordings of one thread share."""
        latents, captions, told = inputs
        self._latents, self._captions = latents.clone(), captions.clone()
        self._told = Modulation(told.blocks.clone(), told.final.clone())
        self._turns = turns  # the recording reads it, whoever else forgets it
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                self._run(own)
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        # Another thread may be using the device, and may go on.
        with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
            self._answer = self._run(own)

    def _run(self, own: OwnForward) -> Any:
        return own.run(self._latents, self._captions, self._told, self._turns)

    def __call__(self, latents: Any, captions: Any, told: Modulation) -> Any:
        self._latents.copy_(latents)
        self._captions.copy_(captions)
        self._told.blocks.copy_(told.blocks)
        self._told.final.copy_(told.final)
        self._graph.replay()
        return self._answer.clone()  # the next replay of any recording may write over it


Record = Callable[[OwnForward, Inputs, Turns], RunRecorded]


def recorder() -> Record:
    """Makes recordings on the current CUDA device that share their memory."""
    pool = torch.cuda.graph_pool_handle()
    return lambda own, inputs, turns: Recording(own, inputs, turns, pool)


def shapes(size: Size, channels: int, factor: int) -> list[Shape]:
    """What is recorded of a size; nothing of a large one. factor: pixels of one latent's edge."""
    if size.width * size.height > LARGEST_PX:
        return []
    cells = (size.height // factor, size.width // factor)
    return [Shape((rows, channels, *cells), caption) for rows, caption in product(ROWS, CAPTIONS)]


def record(own: OwnForward, model: Any, wanted: Iterable[Shape], make: Record) -> None:
    """Record what can be; each pass that goes wrong stays as it is, and the log says so."""
    for shape in wanted:
        try:
            recording, off = _tried(own, model, shape, make)
        except RuntimeError as error:
            # Out of memory is one: what is recorded so far works, and more would not fit.
            said = f"{type(error).__name__}: {error}"
            logger.warning("no further passes are recorded: %s", said, extra={"action": "record"})
            return
        if off <= _TOLERANCE:
            own.recorded[shape] = recording
            continue
        logger.warning(
            "a recorded pass is not used, its answer is %.1f%% away: %s",
            100 * off,
            shape,
            extra={"action": "record"},
        )


def _tried(own: OwnForward, model: Any, shape: Shape, make: Record) -> tuple[RunRecorded, float]:
    """A recording, and how far its answer is off, asked something else than it was made with."""
    with torch.inference_mode():
        turns = own.turns(shape.latents[-2] // 2, shape.latents[-1] // 2, shape.caption_tokens)
        first, second = (_inputs(own, fit.question(model, shape, seed)) for seed in (1, 2))
        recording = make(own, first, turns)
        return recording, fit.apart(recording(*second), own.run(*second, turns))


def _inputs(own: OwnForward, asked: fit.Question) -> Inputs:
    captions = torch.stack([own.read(asked.features)] * len(asked.latents))
    return asked.latents, captions, together(own.modulations(asked.times))
