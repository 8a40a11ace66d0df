"""Any pipeline of Diffusers as a model of the studio: its own call, one step at a time.

Every picture has a call of its own (`handover`), on a pipeline object of its own over the shared
modules, with a scheduler of its own: pipelines keep what they are at inside themselves. So a
picture is what the stock pipeline makes of the same seed, to the bit.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from limner.core.errors import ConfigError
from limner.core.image import ImageRequest, Size
from limner.engine.device import dtype_name
from limner.engine.group import Group
from limner.engine.loading import Loaded
from limner.engine.model import ModelFacts
from limner.engine.params import Plan, plan
from limner.engine.picture_model import Begun
from limner.engine.pipelines.handover import Handover
from limner.engine.pipelines.latents import Foreseen, to_pixels, watched
from limner.engine.pipelines.options import options_of
from limner.engine.pipelines.prompts import lengths
from limner.engine.pipelines.siblings import made, siblings_of
from limner.engine.source import Source
from limner.engine.tuning import Tuning

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Canvas:
    """One picture under way.

    steps: forward passes of the whole. seen: what the last of them foresaw, where that can be told.
    """

    call: Handover[Any]
    steps: int
    size: Size
    step: int = 0
    finite: bool = True
    pipeline: Any = None
    seen: Any = None


class Stepped:
    """One loaded pipeline. Not safe for two threads at a time."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._facts = loaded.facts
        pipeline = loaded.pipeline
        pipeline.set_progress_bar_config(disable=True)
        classes = siblings_of(type(pipeline))
        self._new, self._edit, self._mask = (
            made(each, pipeline) if each else None
            for each in (classes.new, classes.edit, classes.mask)
        )

    @property
    def facts(self) -> ModelFacts:
        return self._facts

    @property
    def device(self) -> str:
        return str(self._loaded.device)

    @property
    def dtype(self) -> str:
        return dtype_name(self._loaded.dtype)

    @property
    def setup(self) -> Mapping[str, str]:
        return {**self._loaded.setup, "forward": "the pipeline's own"}

    @property
    def decodes_beside(self) -> bool:
        """No: VAEs of video models, such as Qwen-Image's, keep inside what they are at."""
        return False

    def warm_up(self) -> None:
        """Paint a native picture in one step, and find out whether unfinished ones can be shown."""
        size = self._facts.native_size
        facts = replace(self._facts, from_words=True)
        decided = replace(plan(ImageRequest("warm"), facts, 0), steps=1, levels=1)
        blank = Image.new("RGB", (size.width, size.height), "white")
        source = None if self._new else Source(blank)
        canvas = self._canvas(self._template(source), decided, source, seed=0)
        try:
            self.step([canvas])
            self._facts = replace(self._facts, previews=_can_be_shown(canvas))
        finally:
            canvas.call.stop()

    def begin(self, plan: Plan, source: Source | None = None) -> Begun:
        """Start a picture for each seed; prompt and source are read at its first step."""
        template = self._template(source)
        canvases = [self._canvas(template, plan, source, seed) for seed in plan.seeds]
        tokens, cut = lengths(template, plan.prompt)
        group = Group(
            plan.painted.height,
            plan.painted.width,
            caption_tokens=tokens + -tokens % 32,
            guided=plan.guidance > 1,
            mode=type(template).__name__,
            alone=True,
        )
        return Begun(canvases, group, tokens, cut)

    def step(self, batch: Sequence[Canvas]) -> list[bool]:
        """Let every call go on to the end of its next step; the last one, to the picture."""
        for canvas in batch:
            over = canvas.call.advance()
            while canvas.step + 1 == canvas.steps and not over:
                over = canvas.call.advance()
            canvas.step += 1
        return [canvas.finite for canvas in batch]

    def foreseen(self, canvas: Canvas) -> Any:
        """Finished pixels, or latents: every step makes new ones, so that these stay."""
        if canvas.call.result is not None:
            return canvas.call.result
        if canvas.seen is None or not self._facts.previews:
            return None
        foreseen = Foreseen(canvas.pipeline, canvas.seen, canvas.size)
        return foreseen if foreseen.is_of_its_size else None

    def pixels(self, foreseen: Any, *, preview: bool) -> Any:
        if not isinstance(foreseen, Foreseen):
            return foreseen
        return to_pixels(foreseen, preview=preview, sketch=self._loaded.sketch)

    def forget(self) -> None:
        """Nothing is kept here but what a picture has of its own."""

    def end(self, canvas: Canvas) -> None:
        """Let its call go no further."""
        canvas.call.stop()

    def _template(self, source: Source | None) -> Any:
        if source is None:
            return self._new
        return self._mask if source.cover else self._edit

    def _canvas(self, template: Any, plan: Plan, source: Source | None, seed: int) -> Canvas:
        several = self._facts.max_images > 1
        options = options_of(template, plan, source, sees_several=several)

        def paint(pause: Callable[[], None]) -> Any:
            return _painted(template, options, seed, canvas, pause)

        canvas = Canvas(Handover(paint), plan.steps, plan.painted)  # which the call tells of itself
        return canvas


def refuse_tuning(name: str, tuning: Tuning) -> None:
    """Raise ConfigError for what only our own loop can be told."""
    for flag, asked, default in (
        ("--attention", tuning.attention, "auto"),
        ("--compile", tuning.compile, "auto"),
        ("--warm-sizes", ",".join(map(str, tuning.warm_sizes)), ""),
    ):
        if asked not in (default, "off"):
            raise ConfigError(
                f"{flag} {asked} is for models of Z-Image's class, and {name!r} is stepped by its "
                f"own pipeline; leave {flag} out"
            )


def _painted(
    template: Any, options: Any, seed: int, canvas: Canvas, pause: Callable[[], None]
) -> Any:
    """Run the pipeline's call, to pixels: uint8, (height, width, 3)."""
    pipeline = copy.copy(template)

    def see(clean: Any) -> None:
        canvas.seen = clean

    def after_step(_: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        canvas.finite = bool(torch.isfinite(values["latents"]).all())
        pause()
        return {}

    pipeline.scheduler = watched(template.scheduler, see)
    canvas.pipeline = pipeline
    generator = torch.Generator("cpu").manual_seed(seed)
    (picture,) = pipeline(**options, generator=generator, callback_on_step_end=after_step).images
    canvas.finite = canvas.finite and bool(np.isfinite(picture).all())
    return (np.nan_to_num(picture) * 255).round().astype(np.uint8)


def _can_be_shown(canvas: Canvas) -> bool:
    """Whether the latents of its last step could be decoded."""
    try:
        return canvas.seen is not None and bool(
            to_pixels(Foreseen(canvas.pipeline, canvas.seen, canvas.size), preview=True).size
        )
    except Exception as error:  # of whatever kind: the layout of its latents is not known here
        logger.warning(
            "unfinished pictures cannot be shown", extra={"action": "load", "why": repr(error)}
        )
        return False
