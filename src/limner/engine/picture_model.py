"""What the studio asks of a model, whichever pipeline it was loaded from.

`warm_up`, `begin` and `step` are called from one thread, one call at a time, and may block.
`pixels` runs beside them in a thread of its own, on what `foreseen` gave it, where the model says
`decodes_beside`, else in theirs. `foreseen` and `end` are called from the event loop and must not
block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from limner.engine.group import Group
from limner.engine.model import ModelFacts
from limner.engine.params import Plan
from limner.engine.source import Source


class Canvas(Protocol):
    """One picture under way; what else is in it is the model's own affair."""

    @property
    def step(self) -> int:
        """Forward passes that it has behind it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The pictures of one request, before their first step.

    group: what other pictures must have in common with them to share a forward pass.
    prompt_tokens: as the text encoder reads the prompt. cut_tokens: those left out of it.
    """

    canvases: Sequence[Canvas]
    group: Group
    prompt_tokens: int
    cut_tokens: int = 0


class PictureModel(Protocol):
    """One loaded pipeline.

    device, dtype: as torch writes them, such as `cuda:0` and `bfloat16`.
    """

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def device(self) -> str: ...

    @property
    def dtype(self) -> str: ...

    @property
    def setup(self) -> Mapping[str, str]:
        """How it was made quick, or why not, in words for a person, by what it concerns."""

    @property
    def decodes_beside(self) -> bool:
        """Whether `pixels` may run while a step does: it moves no module that a step needs."""

    def warm_up(self) -> None:
        """Take one step of a native picture and decode it: what is slow at first is slow here."""

    def begin(self, plan: Plan, source: Source | None = None) -> Begun:
        """Read the prompt, and the source of an edit, once; start a picture for each seed.

        Raises ImageError for what only the loaded model can tell that it cannot do.
        """

    def step(self, batch: Sequence[Any]) -> list[bool]:
        """Move every picture of a batch on by one step, in one forward pass, and wait for it.

        batch: canvases of one group that this model has begun. Says for each whether its numbers
        are finite; a picture of NaN would be delivered as plain black.
        """

    def foreseen(self, canvas: Any) -> Any:
        """The picture as the last step foresees it, for `pixels`; no later step changes it.

        After the last step that is the picture. None where this model cannot show it now.
        """

    def pixels(self, foreseen: Any, *, preview: bool) -> Any:
        """Decode; blocks. Returns uint8, (height, width, 3), on CPU, smaller for a preview."""

    def forget(self) -> None:
        """Drop what was computed of the weights alone: they wear other adapters now."""

    def end(self, canvas: Any) -> None:
        """Let go of a picture, finished or not; a step of it may be under way, none follows."""
