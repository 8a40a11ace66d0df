"""What the engine is meant to reach, and whether it did in this run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks._engine_figures import COMPILED, EAGER, FP8, Figures
from benchmarks._engine_models import FULL

Outcome = Literal["met", "missed", "not run"]
Look = Callable[[Figures], float | None]
NATIVE, SMALL = "1024x1024", "512x512"
MOST = 8


@dataclass(frozen=True, slots=True)
class Goal:
    """model, dtype: whose figures are looked at. at_least: more is better, else less."""

    words: str
    model: str
    dtype: str
    limit: float
    look: Look
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    goal: str
    limit: float
    found: float | None
    outcome: Outcome


def _request(way: str) -> Look:
    return lambda figures: _first(each.request_s for each in figures.whole if each.way == way)


def _to_stock(way: str, size: str) -> Look:
    return lambda figures: _first(
        pace.to_stock
        for pace in figures.pace
        if (pace.way, pace.size, pace.batch) == (way, size, 1) and pace.to_stock is not None
    )


def _together(way: str, size: str) -> Look:
    """The best of all numbers painted together, where as many as `MOST` were tried."""

    def look(figures: Figures) -> float | None:
        paces = [pace for pace in figures.pace if (pace.way, pace.size) == (way, size)]
        if max((pace.batch for pace in paces), default=0) < MOST:
            return None
        return max((pace.to_one for pace in paces if pace.to_one is not None), default=None)

    return look


def _first_preview(figures: Figures) -> float | None:
    return _first(each.first_preview_s for each in figures.whole if each.way == COMPILED)


def _preview(figures: Figures) -> float | None:
    return _first(each.preview_s for each in figures.whole if each.way == COMPILED)


def _beside(way: str, size: str) -> Look:
    return lambda figures: _first(
        each.beside for each in figures.steps if (each.way, each.size, each.batch) == (way, size, 1)
    )


def _cancel(figures: Figures) -> float | None:
    """In steps."""
    return _first(each.cancel_s / each.step_s for each in figures.whole)


def _first(values: Iterable[float]) -> float | None:
    return next(iter(values), None)


_FULL, _TINY = (FULL, "bfloat16"), ("tiny", "float32")

GOALS = (
    Goal("1024 px on an H100, compiled, s", *_FULL, 0.70, _request(COMPILED)),
    Goal("1024 px on an H100, not compiled, s", *_FULL, 1.0, _request(EAGER)),
    Goal("1024 px on an H100, fp8, s", *_FULL, 0.48, _request(FP8)),
    Goal(
        "1024 px, compiled, times Diffusers' pace",
        *_FULL,
        1.5,
        _to_stock(COMPILED, NATIVE),
        at_least=True,
    ),
    Goal(
        "512 px in batches, times the pace of one",
        *_FULL,
        2.5,
        _together(COMPILED, SMALL),
        at_least=True,
    ),
    Goal("a preview of 1024 px on an H100, s", *_FULL, 0.010, _preview),
    Goal("first preview of 1024 px on an H100, s", *_FULL, 0.25, _first_preview),
    Goal("of a step beside the transformer, 1024 px", *_FULL, 0.03, _beside(COMPILED, NATIVE)),
    Goal("of a step beside the transformer, tiny", *_TINY, 0.10, _beside(EAGER, "128x128")),
    Goal(
        "tiny in batches, times the pace of one",
        *_TINY,
        1.5,
        _together(EAGER, "128x128"),
        at_least=True,
    ),
    Goal(
        "tiny in batches in bfloat16, times the pace of one",
        "tiny",
        "bfloat16",
        1.5,
        _together(EAGER, "128x128"),
        at_least=True,
    ),
    Goal("apart from Diffusers' latents, tiny", *_TINY, 1e-5, lambda figures: figures.apart),
    Goal("cancelling tiny, in steps: the one under way, no other", *_TINY, 1.5, _cancel),
)


def judged(goals: Sequence[Goal], found: Sequence[Figures]) -> list[Judged]:
    """What was not measured is said to be so, never met."""
    by_model = {(figures.name, figures.dtype): figures for figures in found}
    results = []
    for goal in goals:
        figures = by_model.get((goal.model, goal.dtype))
        value = goal.look(figures) if figures else None
        results.append(Judged(goal.words, goal.limit, value, _outcome(goal, value)))
    return results


def _outcome(goal: Goal, value: float | None) -> Outcome:
    if value is None:
        return "not run"
    return "met" if (value >= goal.limit if goal.at_least else value <= goal.limit) else "missed"
