"""One picture under way, and the levels of noise that it passes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from limner.core.image import Size
from limner.engine.group import Group
from limner.engine.zimage.captions import Caption
from limner.engine.zimage.edit import Held


@dataclass(frozen=True, slots=True)
class Course:
    """The way from noise to picture, shared by all pictures that go it.

    sigmas: noise levels, one more than there are steps; the last is 0. On the device.
    told: for each step what the transformer is told of it, from `Forward.modulations`.
    """

    sigmas: Any
    told: Sequence[Any]


@dataclass(slots=True)
class Canvas:
    """latents: (channels, height / 8, width / 8), float32, on the device.

    clean: the picture that the last step foresaw, in the same shape; None before the first step.
    held: what must stay as it is, in an edit by mask.
    """

    latents: Any
    course: Course
    caption: Caption
    guidance: float = 0.0
    step: int = 0
    clean: Any = None
    held: Held | None = None

    @property
    def sigmas(self) -> Any:
        return self.course.sigmas

    def move(self, answer: Any) -> None:
        """One Euler step along the straight line from noise to picture (arXiv:2209.03003).

        answer: of the transformer, clean picture less noise, float32.
        """
        now, then = self.sigmas[self.step], self.sigmas[self.step + 1]
        self.clean = self.latents + now * answer
        self.latents = self.latents + (then - now) * -answer
        if self.held:
            self.clean = self.held.over(self.clean, 0.0)
            self.latents = self.held.over(self.latents, then)
        self.step += 1


def group_of(canvas: Canvas, size: Size) -> Group:
    """What a picture must have in common with others to share a forward pass."""
    return Group(size.height, size.width, canvas.caption.padded_tokens, canvas.guidance > 0)
