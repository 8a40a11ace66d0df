"""The denoising loop over the stock modules, one step at a time for any mixture of pictures.

In float32 on one device the numbers are those of Diffusers' `ZImagePipeline` with the same noise,
whether a picture is stepped alone or in a batch. The conventions are Z-Image's: the noise level
sigma runs from 1 to 0, the model is told 1 - sigma and answers the clean picture less the noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch

from limner.core.image import Size
from limner.engine.device import dtype_name
from limner.engine.loading import Loaded, Progress
from limner.engine.model import ModelFacts
from limner.engine.params import Plan
from limner.engine.picture_model import Begun
from limner.engine.preview import Decoder, unscaled
from limner.engine.source import Source
from limner.engine.tuning import Tuning
from limner.engine.zimage import captions, edit
from limner.engine.zimage.canvas import Canvas, Course, group_of
from limner.engine.zimage.captions import Caption
from limner.engine.zimage.tuned import tuned, warm_sizes

_AS_IT_IS = Tuning()

COURSES_KEPT = 4
"""Step counts whose modulations are kept; for Z-Image-Turbo 8 MB each, 49 MB for 50 steps."""


class Denoiser:
    """The modules of one loaded pipeline. Not safe for two threads at a time.

    forward: the pass through the transformer that every step is; benchmarks time it.
    setup: how it was tuned, in words, by what it concerns.
    """

    def __init__(
        self,
        loaded: Loaded,
        tuning: Tuning = _AS_IT_IS,
        progress: Progress = lambda share, words: None,
    ) -> None:
        """Tries the forward pass and compiles it, see `tuned`; blocks. Raises ConfigError."""
        self._loaded = loaded
        parts = loaded.pipeline
        self._tokenizer, self._text_encoder = parts.tokenizer, parts.text_encoder
        self._transformer, self._vae = parts.transformer, parts.vae
        self._scheduler = parts.scheduler
        self._decoder = Decoder(self._vae, loaded.sketch)
        self._warm_sizes = warm_sizes(loaded.facts, tuning)
        found = tuned(loaded, tuning, progress)
        self.forward = found.forward
        self.setup: Mapping[str, str] = {**loaded.setup, **found.setup}
        self._course = lru_cache(COURSES_KEPT)(self._new_course)
        self._nothing: Caption | None = None

    @property
    def facts(self) -> ModelFacts:
        return self._loaded.facts

    @property
    def device(self) -> str:
        return str(self._loaded.device)

    @property
    def dtype(self) -> str:
        return dtype_name(self._loaded.dtype)

    @property
    def decodes_beside(self) -> bool:
        return self._loaded.layout.offload == "none"

    def begin(self, plan: Plan, source: Source | None = None) -> Begun:
        """Read the prompt, and the source of an edit, once; start a picture for each seed."""
        caption = self.caption(plan.prompt)
        canvases = self._edits(plan, caption, source) if source else self._new(plan, caption)
        group = group_of(canvases[0], plan.painted)
        return Begun(canvases, group, caption.tokens, caption.cut)

    def _new(self, plan: Plan, caption: Caption) -> list[Canvas]:
        return [
            self.canvas(caption, plan.painted, seed=seed, steps=plan.steps, guidance=plan.guidance)
            for seed in plan.seeds
        ]

    def _edits(self, plan: Plan, caption: Caption, source: Source) -> list[Canvas]:
        """Start every picture from the source, mixed with its own noise."""
        course = self._course(plan.levels, plan.steps)
        starts = edit.starts(self._vae, source, plan.seeds, self._loaded.device)
        return [
            Canvas(
                edit.mixed(start.clean, start.noise, course.sigmas[0]),
                course,
                caption,
                plan.guidance,
                held=start.held,
            )
            for start in starts
        ]

    def foreseen(self, canvas: Canvas) -> Any:
        """Latents: every step makes new ones, so that these stay."""
        return canvas.clean

    def pixels(self, foreseen: Any, *, preview: bool) -> Any:
        return self._decoder.pixels(unscaled(self._vae, foreseen), preview=preview)

    def end(self, canvas: Canvas) -> None:
        """Nothing is kept of it here."""

    def forget(self) -> None:
        """Pictures under way keep the caption and the course that they began with."""
        self._course.cache_clear()
        self._nothing = None

    def warm_up(self) -> None:
        """Take one step of a native picture and decode it: what is slow at first is slow here.

        The same for every size that the settings name.
        """
        caption = self.caption("warm")
        for size in self._warm_sizes:
            canvas = self.canvas(caption, size, seed=0, steps=1, guidance=0)
            self.step([canvas])
            self.pixels(self.foreseen(canvas), preview=False)

    def caption(self, prompt: str) -> Caption:
        """Read a prompt, once for all steps of all its pictures."""
        seen = captions.features(self._tokenizer, self._text_encoder, prompt, self._loaded.device)
        self._loaded.bring(self._transformer)
        with torch.inference_mode():
            return Caption(seen.states, seen.cut, self.forward.read(seen.states))

    def canvas(
        self, caption: Caption, size: Size, *, seed: int, steps: int, guidance: float
    ) -> Canvas:
        """Start a picture from noise that depends on seed and size alone, on any device."""
        factor = 2 ** (len(self._vae.config.block_out_channels) - 1)
        shape = (
            self._transformer.config.in_channels,
            size.height // factor,
            size.width // factor,
        )
        noise = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))
        return Canvas(noise.to(self._loaded.device), self._course(steps, steps), caption, guidance)

    def sigmas(self, steps: int) -> Any:
        """Noise levels of `steps` forward passes, as the model's own scheduler spaces them."""
        stock = self._scheduler
        scheduler = type(stock).from_config(stock.config)  # it keeps its place inside: never share
        even = torch.linspace(1.0, 1 / steps, steps).tolist()
        scheduler.set_timesteps(sigmas=even, device=self._loaded.device)
        return scheduler.sigmas

    def _new_course(self, levels: int, steps: int) -> Course:
        """The last `steps` of a way of so many levels."""
        sigmas = self.sigmas(levels)[-steps - 1 :]
        # The order of operations is the scheduler's and the pipeline's: the model multiplies the
        # time by 1000 before it takes sines, so a last bit that differs here would show.
        times = (1000 - sigmas[:-1] * 1000) / 1000
        self._loaded.bring(self._transformer)
        with torch.inference_mode():
            return Course(sigmas, self.forward.modulations(times))

    def step(self, batch: Sequence[Canvas]) -> list[bool]:
        """Move every picture of a batch on by one step, in one forward pass, and wait for it.

        All are guided or none. Says for each whether its numbers are finite; a picture of NaN would
        be delivered as plain black.
        """
        with torch.inference_mode():
            for canvas, answer in zip(batch, self._answers(batch), strict=True):
                canvas.move(answer)
            finite = torch.stack([torch.isfinite(canvas.latents).all() for canvas in batch])
            return [bool(each) for each in finite.tolist()]

    def _answers(self, batch: Sequence[Canvas]) -> list[Any]:
        """The model's answer for each picture: clean less noise, float32, shape of the latents."""
        wanted = [(canvas, canvas.caption) for canvas in batch]
        if not batch[0].guidance:
            return self._passes(wanted)
        nothing = self._empty_caption()
        both = self._passes(wanted + [(canvas, nothing) for canvas in batch])
        return [
            with_it + canvas.guidance * (with_it - without)
            for canvas, with_it, without in zip(
                batch, both[: len(batch)], both[len(batch) :], strict=True
            )
        ]

    def _passes(self, rows: Sequence[tuple[Canvas, Caption]]) -> list[Any]:
        """Answer every row: those of one shape in one pass, since a mask makes each row slower."""
        answers: dict[int, Any] = {}
        self._loaded.bring(self._transformer)
        for alike in _alike(rows):
            canvases = [rows[i][0] for i in alike]
            answer = self.forward.forward(
                torch.stack([canvas.latents for canvas in canvases]).to(self._loaded.dtype),
                [rows[i][1].read for i in alike],
                [canvas.course.told[canvas.step] for canvas in canvases],
            )
            answers.update(zip(alike, answer.float(), strict=True))
        return [answers[i] for i in range(len(rows))]

    def _empty_caption(self) -> Caption:
        if self._nothing is None:
            self._nothing = self.caption("")
        return self._nothing


def _alike(rows: Sequence[tuple[Canvas, Caption]]) -> list[list[int]]:
    """Places of the rows, put together by size and length of caption."""
    places: dict[Any, list[int]] = {}
    for i, (canvas, caption) in enumerate(rows):
        places.setdefault((canvas.latents.shape, caption.padded_tokens), []).append(i)
    return list(places.values())
