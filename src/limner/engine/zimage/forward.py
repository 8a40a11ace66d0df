"""Our own forward pass over the modules of a stock `ZImageTransformer2DModel`.

The stock one does at every step what depends on the prompt, the shape or the noise level alone:
it refines the caption, lays out positions, computes every block's modulation. Here that is done
once for a request (`read`, `modulations`) or a shape (`rope.turns`), and a step is only what
depends on the picture. All rows of a pass have one shape, so nothing is masked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import torch
from torch.nn import functional as F  # noqa: N812

from limner.engine.zimage import blocks, rope
from limner.engine.zimage.blocks import Attend
from limner.engine.zimage.modulation import Modulation, modulations, together

SHAPES_KEPT = 64
"""Tables of positions; one of 1024 px takes 2 MB."""


class Forward(Protocol):
    """What the loop asks of the transformer. All in inference mode."""

    def read(self, features: Any) -> Any:
        """What the blocks need of a caption. features: (tokens, hidden of the text encoder)."""

    def modulations(self, times: Any) -> Sequence[Any]:
        """What they need of each step. times: (steps), 0 for noise to 1 for the picture."""

    def forward(self, latents: Any, captions: Sequence[Any], steps: Sequence[Any]) -> Any:
        """Answer with the clean picture less the noise, in shape and dtype of the latents.

        latents: (batch, channels, height, width), in the dtype of the transformer.
        captions, steps: for each row, from `read` and `modulations`; captions of one padded length.
        """


RunBlock = Callable[[Any, Any, Any, Any, Attend], Any]
"""What `blocks.modulated` does, by whatever means."""
RunRecorded = Callable[[Any, Any, Modulation], Any]
"""What `OwnForward.run` does for one shape, positions included."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of one pass. latents: (batch, channels, height, width). caption_tokens: padded."""

    latents: tuple[int, ...]
    caption_tokens: int


class OwnForward:
    """Ours.

    recorded: passes of one shape that stand in for `run`; empty until somebody fills it.
    """

    def __init__(self, model: Any, attend: Attend, run_block: RunBlock = blocks.modulated) -> None:
        self._model = model
        self._attend = attend
        self._run_block = run_block
        self.turns = lru_cache(SHAPES_KEPT)(self._new_turns)
        self.recorded: dict[Shape, RunRecorded] = {}

    def read(self, features: Any) -> Any:
        """Refine a caption: (padded tokens, dim)."""
        model = self._model
        real, tokens = len(features), rope.padded(len(features))
        x = model.cap_embedder(features)
        x = torch.cat([x, model.cap_pad_token.to(x.dtype).expand(tokens - real, -1)])[None]
        table = rope.caption_turns(model.rope_embedder, tokens, x.device)
        for block in model.context_refiner:
            x = blocks.plain(block, x, table, self._attend)
        return x[0]

    def modulations(self, times: Any) -> Sequence[Modulation]:
        return modulations(self._model, times, self._model.dtype)

    def forward(self, latents: Any, captions: Sequence[Any], steps: Sequence[Modulation]) -> Any:
        stacked, told = torch.stack(tuple(captions)), together(steps)
        shape = Shape(tuple(latents.shape), stacked.shape[1])
        if recorded := self.recorded.get(shape):
            return recorded(latents, stacked, told)
        return self.run(latents, stacked, told, self.turns(*_grid(latents), stacked.shape[1]))

    def run(self, latents: Any, captions: Any, told: Modulation, table: rope.Turns) -> Any:
        """The same over tensors alone, by nothing but operations on the device.

        captions: (batch, padded tokens, dim).
        """
        model, attend = self._model, self._attend
        rows, columns = _grid(latents)
        x = self._padded(model.all_x_embedder["2-1"](patches(latents)))
        of_block = told.blocks.unbind(1)
        first = len(model.noise_refiner)
        for block, modulation in zip(model.noise_refiner, of_block[:first], strict=True):
            x = self._run_block(block, x, modulation, table.image, attend)
        x = torch.cat([x, captions], dim=1)
        for block, modulation in zip(model.layers, of_block[first:], strict=True):
            x = self._run_block(block, x, modulation, table.whole, attend)
        return self._answer(x[:, : rows * columns], told.final, rows, columns)

    def _padded(self, x: Any) -> Any:
        missing = rope.padded(x.shape[1]) - x.shape[1]
        if not missing:
            return x
        return torch.cat([x, self._model.x_pad_token.to(x.dtype).expand(len(x), missing, -1)], 1)

    def _answer(self, x: Any, scale: Any, rows: int, columns: int) -> Any:
        last = self._model.all_final_layer["2-1"]
        x = F.layer_norm(x, x.shape[-1:], eps=last.norm_final.eps) * scale.unsqueeze(1)
        return picture(last.linear(x), rows, columns)

    def _new_turns(self, rows: int, columns: int, caption_tokens: int) -> rope.Turns:
        model = self._model
        return rope.turns(model.rope_embedder, rows, columns, caption_tokens, model.device)


def _grid(latents: Any) -> tuple[int, int]:
    """Rows and columns of image tokens."""
    return latents.shape[-2] // 2, latents.shape[-1] // 2


def patches(latents: Any) -> Any:
    """(batch, channels, height, width) to (batch, tokens, 4 * channels), channels the quickest."""
    batch, channels, height, width = latents.shape
    cut = latents.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, 4 * channels)


def picture(tokens: Any, rows: int, columns: int) -> Any:
    """The inverse of `patches`."""
    cut = tokens.unflatten(1, (rows, columns)).unflatten(-1, (2, 2, -1))
    return cut.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)


class StockForward:
    """Diffusers' own, for modules that are not as ours expects them; slower, and surely theirs."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def read(self, features: Any) -> Any:
        return features

    def modulations(self, times: Any) -> Sequence[Any]:
        return tuple(times)

    def forward(self, latents: Any, captions: Sequence[Any], steps: Sequence[Any]) -> Any:
        rows = list(latents.unsqueeze(2))
        answers = self._model(rows, torch.stack(tuple(steps)), list(captions), return_dict=False)
        return torch.stack(answers[0]).squeeze(2)
