"""The denoising loop over the stock modules, one step at a time for any mixture of pictures.

In float32 on one device the numbers are those of Diffusers' `ZImagePipeline` with the same noise,
whether a picture is stepped alone or in a batch. The conventions are Z-Image's: the noise level
sigma runs from 1 to 0, the model is told 1 - sigma and answers the clean picture less the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from limner.core.image import Size
from limner.engine.group import Group
from limner.engine.loading import Loaded
from limner.engine.model import ModelFacts
from limner.engine.params import Plan
from limner.engine.picture_model import Begun
from limner.engine.preview import to_pixels
from limner.engine.source import Source
from limner.engine.zimage.edit import Held, drawn, free_cells, mixed, seen

MAX_CAPTION_TOKENS = 512
"""What Z-Image was trained with; Diffusers cuts there too."""
CAPTION_MULTIPLE = 32
"""The transformer pads captions to it with learned tokens that take part in attention."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A prompt as the transformer reads it.

    features: (tokens, hidden of the text encoder), on the device. cut: tokens that were left out.
    """

    features: Any
    cut: int

    @property
    def tokens(self) -> int:
        return len(self.features)

    @property
    def padded_tokens(self) -> int:
        return self.tokens + -self.tokens % CAPTION_MULTIPLE


@dataclass(slots=True)
class Canvas:
    """One picture under way.

    latents: (channels, height / 8, width / 8), float32, on the device.
    clean: the picture that the last step foresaw, in the same shape; None before the first step.
    sigmas: noise levels, one more than there are steps; the last is 0.
    held: what must stay as it is, in an edit by mask.
    """

    latents: Any
    sigmas: Any
    caption: Caption
    guidance: float = 0.0
    step: int = 0
    clean: Any = None
    held: Held | None = None


class Denoiser:
    """The modules of one loaded pipeline. Not safe for two threads at a time."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        parts = loaded.pipeline
        self._tokenizer, self._text_encoder = parts.tokenizer, parts.text_encoder
        self._transformer, self._vae = parts.transformer, parts.vae
        self._scheduler = parts.scheduler
        self._nothing: Caption | None = None

    @property
    def facts(self) -> ModelFacts:
        return self._loaded.facts

    @property
    def device(self) -> str:
        return str(self._loaded.device)

    @property
    def dtype(self) -> str:
        return str(self._loaded.dtype).removeprefix("torch.")

    @property
    def decodes_beside(self) -> bool:
        return True

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
        vae, device = self._vae, self._loaded.device
        sigmas = self.sigmas(plan.levels)[-plan.steps - 1 :]
        seen_once = seen(vae, source.picture)
        canvases = []
        for seed in plan.seeds:
            generator = torch.Generator("cpu").manual_seed(seed)
            clean = drawn(vae, seen_once, generator)
            noise = torch.randn(clean.shape, generator=generator).to(device)
            held = None
            if source.cover:
                free = free_cells(source.cover, *clean.shape[1:]).to(device)
                held = Held(clean, noise, free)
            begun = mixed(clean, noise, sigmas[0])
            canvases.append(Canvas(begun, sigmas, caption, plan.guidance, held=held))
        return canvases

    def foreseen(self, canvas: Canvas) -> Any:
        """Latents: every step makes new ones, so that these stay."""
        return canvas.clean

    def pixels(self, foreseen: Any, *, preview: bool) -> Any:
        return to_pixels(self._vae, foreseen, preview=preview)

    def end(self, canvas: Canvas) -> None:
        """Nothing is kept of it here."""

    def warm_up(self) -> None:
        """Take one step of a native picture and decode it: what is slow at first is slow here."""
        facts = self._loaded.facts
        canvas = self.canvas(self.caption("warm"), facts.native_size, seed=0, steps=1, guidance=0)
        self.step([canvas])
        self.pixels(self.foreseen(canvas), preview=False)

    def caption(self, prompt: str) -> Caption:
        """Read a prompt.

        The text encoder sees the real tokens only: it is causal, so padding to the right, which
        Diffusers adds and masks away, changes nothing but the time it takes.
        """
        tokenizer = self._tokenizer
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=True,
        )
        tokens = tokenizer(
            text, truncation=True, max_length=MAX_CAPTION_TOKENS, return_tensors="pt"
        ).to(self._loaded.device)
        whole = len(tokenizer(text, verbose=False).input_ids)
        with torch.inference_mode():
            states = self._text_encoder(
                input_ids=tokens.input_ids,
                attention_mask=tokens.attention_mask,
                output_hidden_states=True,
            ).hidden_states[-2]
        return Caption(states[0], cut=whole - len(states[0]))

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
        return Canvas(noise.to(self._loaded.device), self.sigmas(steps), caption, guidance)

    def sigmas(self, steps: int) -> Any:
        """Noise levels of `steps` forward passes, as the model's own scheduler spaces them."""
        stock = self._scheduler
        scheduler = type(stock).from_config(stock.config)  # it keeps its place inside: never share
        even = torch.linspace(1.0, 1 / steps, steps).tolist()
        scheduler.set_timesteps(sigmas=even, device=self._loaded.device)
        return scheduler.sigmas

    def step(self, batch: Sequence[Canvas]) -> list[bool]:
        """Move every picture of a batch on by one step, in one forward pass, and wait for it.

        All are guided or none. Says for each whether its numbers are finite; a picture of NaN would
        be delivered as plain black.
        """
        with torch.inference_mode():
            answers = self._forward(batch)
            for canvas, answer in zip(batch, answers, strict=True):
                _move(canvas, answer)
            finite = torch.stack([torch.isfinite(canvas.latents).all() for canvas in batch])
            return [bool(each) for each in finite.tolist()]

    def _forward(self, batch: Sequence[Canvas]) -> list[Any]:
        """The model's answer for each picture: clean less noise, float32, shape of the latents."""
        latents = [canvas.latents.to(self._loaded.dtype).unsqueeze(1) for canvas in batch]
        captions = [canvas.caption.features for canvas in batch]
        # The order of operations is the scheduler's and the pipeline's: the model multiplies the
        # time by 1000 before it takes sines, so a last bit that differs here would show.
        levels = torch.stack([canvas.sigmas[canvas.step] for canvas in batch])
        times = (1000 - levels * 1000) / 1000
        if not batch[0].guidance:
            return self._transform(latents, times, captions)
        nothing = [self._empty_caption().features] * len(batch)
        both = self._transform(latents * 2, times.repeat(2), captions + nothing)
        wanted, unasked = both[: len(batch)], both[len(batch) :]
        return [
            with_it + canvas.guidance * (with_it - without)
            for canvas, with_it, without in zip(batch, wanted, unasked, strict=True)
        ]

    def _transform(self, latents: list[Any], times: Any, captions: list[Any]) -> list[Any]:
        answers = self._transformer(latents, times, captions, return_dict=False)[0]
        return [answer.float().squeeze(1) for answer in answers]

    def _empty_caption(self) -> Caption:
        if self._nothing is None:
            self._nothing = self.caption("")
        return self._nothing


def group_of(canvas: Canvas, size: Size) -> Group:
    """What a picture must have in common with others to share a forward pass."""
    return Group(size.height, size.width, canvas.caption.padded_tokens, canvas.guidance > 0)


def _move(canvas: Canvas, answer: Any) -> None:
    """One Euler step along the straight line from noise to picture (arXiv:2209.03003)."""
    now, then = canvas.sigmas[canvas.step], canvas.sigmas[canvas.step + 1]
    canvas.clean = canvas.latents + now * answer
    canvas.latents = canvas.latents + (then - now) * -answer
    if canvas.held:
        canvas.clean = canvas.held.over(canvas.clean, 0.0)
        canvas.latents = canvas.held.over(canvas.latents, then)
    canvas.step += 1
