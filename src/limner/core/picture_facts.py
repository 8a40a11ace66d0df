"""What a picture's file says of how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from limner.core.lora import Lora


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Enough to have the same picture painted again; None where nobody said.

    prompt: what it was painted from, whoever wrote it. revised_prompt: what an image service made
    of that. size: such as `1024x1024`. guidance: of classifier-free guidance. strength: 0 to 1, how
    far an edit was to leave its source. loras: adapters with their weights. version: of Limner.
    created_at: epoch seconds.
    """

    prompt: str
    revised_prompt: str | None = None
    seed: int | None = None
    size: str | None = None
    model: str | None = None
    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None
    loras: tuple[Lora, ...] = ()
    action: Literal["generate", "edit"] = "generate"
    version: str | None = None
    created_at: int | None = None
