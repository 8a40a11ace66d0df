"""Finding the token budget of a loaded model by taking steps of various numbers of rows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from limner.core.errors import ImageError
from limner.core.image import ImageRequest, Size
from limner.engine.budget import Timing, is_worth_it, token_budget
from limner.engine.model import ModelFacts
from limner.engine.params import plan
from limner.engine.picture_model import Begun, PictureModel
from limner.engine.worker import free_what_is_cached, is_out_of_memory

ROWS = (1, 2, 4, 8)
"""What is tried; small pictures gain from more, and get them by the tokens of eight."""
TRIES, MOST_TRIES, ENOUGH_S = 3, 8, 0.3
"""Steps of each number of rows, more of quick ones, which other programs disturb: the first is left
out, of the rest the fastest counts."""
LIMIT_S = 10.0
"""After so long nothing more is tried. A slow device shows early that it gains nothing."""
PROMPT = "a red circle above a blue square"

logger = logging.getLogger(__name__)


def measured_budget(
    model: PictureModel, *, clock: Callable[[], float] = time.perf_counter
) -> int | None:
    """Measure and choose; blocks, in the model's thread. None where rows cannot share a pass.

    clock: seconds.
    """
    until = clock() + LIMIT_S
    measured: list[tuple[int, list[Timing]]] = []
    for size in sizes(model.facts):
        begun = _begun(model, size)
        if begun is None:
            return None
        try:
            if measured and clock() + _foreseen_s(begun.group.tokens, *measured[0]) > until:
                break
            measured.append((begun.group.tokens, _timings(model, begun, until, clock)))
        finally:
            for canvas in begun.canvases:
                model.end(canvas)
    budget = token_budget(measured)
    facts = {"action": "engine_budget", "tokens": budget}
    logger.info("passes hold so many tokens: %s", _said(measured), extra=facts)
    return budget


def sizes(facts: ModelFacts) -> list[Size]:
    """Those that are tried: the smallest, which gains most, and the native one."""
    smallest = min(
        facts.buckets or (Size(facts.min_edge_px, facts.min_edge_px),),
        key=lambda size: size.width * size.height,
    )
    return list(dict.fromkeys((smallest, facts.native_size)))


def _begun(model: PictureModel, size: Size) -> Begun | None:
    steps = len(ROWS) * MOST_TRIES
    request = ImageRequest(PROMPT, size=size, n=max(ROWS), steps=steps)
    try:
        begun = model.begin(plan(request, model.facts, 0))
    except ImageError:  # it paints from pictures only
        return None
    if not begun.group.alone:
        return begun
    for canvas in begun.canvases:
        model.end(canvas)
    return None


def _foreseen_s(tokens: int, measured_tokens: int, timings: Sequence[Timing]) -> float:
    """What it would take to try one row of so many tokens."""
    return TRIES * timings[0].seconds * tokens / measured_tokens


def _timings(
    model: PictureModel, begun: Begun, until: float, clock: Callable[[], float]
) -> list[Timing]:
    """Of one size, ascending, up to the first number of rows that is not worth it."""
    timings: list[Timing] = []
    for rows in ROWS:
        try:
            timing = Timing(rows, _fastest(model, begun.canvases[:rows], clock))
        except Exception as error:
            if not (timings and is_out_of_memory(error)):
                raise
            free_what_is_cached()
            break
        timings.append(timing)
        gains = len(timings) == 1 or is_worth_it(*timings[-2:])
        if not gains or clock() >= until:
            break
    return timings


def _fastest(model: PictureModel, batch: Sequence[Any], clock: Callable[[], float]) -> float:
    took: list[float] = []
    while len(took) < TRIES or (len(took) < MOST_TRIES and sum(took) < ENOUGH_S):
        began = clock()
        model.step(batch)
        took.append(clock() - began)
    return min(took[1:])


def _said(measured: Sequence[tuple[int, Sequence[Timing]]]) -> str:
    """Such as `288 tokens: 1 x 31 ms, 2 x 33 ms`."""
    return "; ".join(
        f"{tokens} tokens: " + ", ".join(f"{t.rows} x {t.seconds * 1000:.0f} ms" for t in timings)
        for tokens, timings in measured
    )
