"""What pictures must have in common to share a forward pass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one group may be stepped together; those of two never are.

    Rows of unequal length would be padded and masked to the longest, so that length is part of it.
    One engine computes in one dtype, which is therefore not.

    height, width: in pixels. caption_tokens: padded length, a multiple of 32.
    guided: rows go through the model twice.
    loras: adapters by name with their weights, in the order of applying.
    mode: what else parts rows of this model, such as another pipeline class for edits.
    alone: the pipeline takes one row at a time, whatever it is.
    """

    height: int
    width: int
    caption_tokens: int
    guided: bool
    loras: tuple[tuple[str, float], ...] = ()
    mode: str = ""
    alone: bool = False

    @property
    def tokens(self) -> int:
        """Tokens of one row in one pass: patches of 16 px, padded to 32, and the caption."""
        image = (self.height // 16) * (self.width // 16)
        return (image + -image % 32 + self.caption_tokens) * (2 if self.guided else 1)

    def rows(self, token_budget: int) -> int:
        """How many rows a pass of at most so many tokens holds; never less than one."""
        return 1 if self.alone else max(1, token_budget // self.tokens)
