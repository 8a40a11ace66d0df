"""Pictures that stored responses have made."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from limner.core.image import ImageFormat, Size

Shape = Literal["landscape", "portrait", "square"]
SHAPES: tuple[Shape, ...] = ("landscape", "portrait", "square")

_WORD = re.compile(r"\w+")
_NAME_CHARS = 40


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """One picture. id: of its output item. digest: of its bytes. created_at: epoch seconds.

    size, prompt, seed: None where nobody said.
    """

    id: str
    response_id: str
    created_at: float
    digest: str
    format: ImageFormat
    size: Size | None = None
    prompt: str | None = None
    seed: int | None = None
    starred: bool = False

    def filename(self, format: ImageFormat) -> str:
        """A name for its file, by time (UTC), prompt and seed: `2026-11-20_2358_a-fox_s42.png`."""
        time = datetime.fromtimestamp(self.created_at, UTC).strftime("%Y-%m-%d_%H%M")
        seed = None if self.seed is None else f"s{self.seed}"
        parts = (time, _words(self.prompt or ""), seed)
        return f"{'_'.join(part for part in parts if part)}.{format}"


@dataclass(frozen=True, slots=True)
class PictureFilter:
    """Which pictures of a list are wanted; None and False want all.

    text: what the prompt contains, in any case. since, before: epoch seconds, since included.
    """

    text: str | None = None
    starred: bool = False
    shape: Shape | None = None
    since: int | None = None
    before: int | None = None


EVERY = PictureFilter()


def folded(text: str) -> str:
    """A text for searches: letters of any case, and of any width, are the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _words(prompt: str) -> str:
    """The first words of a prompt, at least one, as many as a name has room for."""
    name = ""
    for word in _WORD.findall(unicodedata.normalize("NFKC", prompt).lower()):
        longer = f"{name}-{word}" if name else word[:_NAME_CHARS]
        if len(longer) > _NAME_CHARS:
            break
        name = longer
    return name
