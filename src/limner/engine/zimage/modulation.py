"""What the blocks are told of the noise level (adaLN, arXiv:2212.09748), for all steps at once.

It depends on the level alone, neither on picture nor prompt; so it is computed once for a request,
and kept for the next one with the same levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Modulation:
    """One step's. On the device, in the dtype of the transformer.

    blocks: (blocks, 4, dim), the noise refiner's first: what multiplies before attention, how much
        of attention is kept, and both again for the feed-forward part. final: (dim).
    """

    blocks: Any
    final: Any


def modulations(model: Any, times: Any, dtype: Any) -> tuple[Modulation, ...]:
    """For each step. times: (steps), 0 for noise to 1 for the picture, as the model counts."""
    told = model.t_embedder(times * model.t_scale).to(dtype)
    of_blocks = [_of_block(block, told) for block in (*model.noise_refiner, *model.layers)]
    final = 1.0 + model.all_final_layer["2-1"].adaLN_modulation(told)
    return tuple(
        Modulation(blocks, scale)
        for blocks, scale in zip(torch.stack(of_blocks, dim=1), final, strict=True)
    )


def _of_block(block: Any, told: Any) -> Any:
    widen, keep, widen_after, keep_after = block.adaLN_modulation(told).chunk(4, dim=1)
    each = (1.0 + widen, keep.tanh(), 1.0 + widen_after, keep_after.tanh())
    return torch.stack(each, dim=1)


def together(rows: Sequence[Modulation]) -> Modulation:
    """Of a batch: blocks (batch, blocks, 4, dim), final (batch, dim)."""
    if len(rows) == 1:
        return Modulation(rows[0].blocks[None], rows[0].final[None])
    return Modulation(
        torch.stack([row.blocks for row in rows]), torch.stack([row.final for row in rows])
    )
