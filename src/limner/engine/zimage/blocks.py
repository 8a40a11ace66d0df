"""One transformer block of Z-Image, as a function over the stock block's parts.

The stock block computes its modulation anew at every step, and its norms in six operations each;
these take the modulation ready made, and the norms in one. The weights stay where they are, so that
adapters and quantised layers in the stock block work here as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.nn import functional as F  # noqa: N812  everybody's name for it

from limner.engine.zimage.rope import rotate

Attend = Callable[[Any, Any, Any], Any]
"""Attention over query, key and value, each (batch, tokens, heads, head), without a mask."""


def modulated(block: Any, x: Any, modulation: Any, table: Any, attend: Attend) -> Any:
    """A block that knows the noise level.

    x: (batch, tokens, dim). modulation: (batch, 4, dim), see `modulation.Modulation`.
    table: positions, see `rope.rotate`.
    """
    widen, keep, widen_after, keep_after = modulation.unsqueeze(2).unbind(1)
    seen = attention(block.attention, norm(block.attention_norm1, x) * widen, table, attend)
    x = x + keep * norm(block.attention_norm2, seen)
    thought = block.feed_forward(norm(block.ffn_norm1, x) * widen_after)
    return x + keep_after * norm(block.ffn_norm2, thought)


def plain(block: Any, x: Any, table: Any, attend: Attend) -> Any:
    """A block that does not: those that refine the caption."""
    seen = attention(block.attention, norm(block.attention_norm1, x), table, attend)
    x = x + norm(block.attention_norm2, seen)
    return x + norm(block.ffn_norm2, block.feed_forward(norm(block.ffn_norm1, x)))


def attention(part: Any, x: Any, table: Any, attend: Attend) -> Any:
    query, key, value = (
        layer(x).unflatten(-1, (part.heads, -1)) for layer in (part.to_q, part.to_k, part.to_v)
    )
    query = rotate(norm(part.norm_q, query), table)
    key = rotate(norm(part.norm_k, key), table)
    return part.to_out[0](attend(query, key, value).flatten(2))


def norm(part: Any, x: Any) -> Any:
    """Root mean square norm (arXiv:1910.07467)."""
    return F.rms_norm(x, part.weight.shape, part.weight, part.eps)
