"""A picture model that paints nothing and does as told: how long, how many, and when to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from limner.engine.group import Group
from limner.engine.model import ModelFacts
from limner.engine.params import Plan
from limner.engine.picture_model import Begun
from limner.engine.source import Source


@dataclass(eq=False)
class BlankCanvas:
    """seed: tells it apart from others of its job."""

    prompt: str
    seed: int
    step: int = 0
    is_over: bool = False


@dataclass
class ScriptedModel:
    """What it was asked is in `steps` (rows as prompt and seed) and `decoded` (prompt, step).

    before_step, before_pixels: called first, in the worker's thread; may raise or block.
    decodes: the thread that each picture was decoded in.
    """

    facts: ModelFacts = field(default_factory=lambda: ModelFacts("scripted"))
    device: str = "cpu"
    dtype: str = "float32"
    decodes_beside: bool = True
    setup: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    before_step: Callable[[Sequence[BlankCanvas]], None] = lambda batch: None
    before_pixels: Callable[[BlankCanvas], None] = lambda canvas: None
    steps: list[list[tuple[str, int]]] = field(default_factory=list)
    decoded: list[tuple[str, int]] = field(default_factory=list)
    decoders: set[str] = field(default_factory=set)
    ended: list[BlankCanvas] = field(default_factory=list)

    def warm_up(self) -> None:
        """Nothing is slow here."""

    def begin(self, plan: Plan, source: Source | None = None) -> Begun:
        size = plan.painted
        group = Group(size.height, size.width, 32, guided=False, alone=self.alone)
        return Begun([BlankCanvas(plan.prompt, seed) for seed in plan.seeds], group, 3)

    def step(self, batch: Sequence[BlankCanvas]) -> list[bool]:
        self.before_step(batch)
        self.steps.append([(canvas.prompt, canvas.seed) for canvas in batch])
        for canvas in batch:
            assert not canvas.is_over, "a picture is stepped after its end"
            canvas.step += 1
        return [True] * len(batch)

    def foreseen(self, canvas: BlankCanvas) -> Any:
        return BlankCanvas(canvas.prompt, canvas.seed, canvas.step)

    def pixels(self, foreseen: BlankCanvas, *, preview: bool) -> Any:
        self.before_pixels(foreseen)
        self.decoded.append((foreseen.prompt, foreseen.step))
        self.decoders.add(threading.current_thread().name.rpartition("_")[0])
        return np.zeros((64, 64, 3), np.uint8)

    def forget(self) -> None:
        """It has no weights."""

    def end(self, canvas: BlankCanvas) -> None:
        canvas.is_over = True
        self.ended.append(canvas)
