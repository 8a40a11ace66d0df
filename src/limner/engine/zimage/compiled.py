"""The blocks compiled by torch: one artefact for all blocks, all sizes and all batches.

Shapes are left open (`dynamic`), since a server cannot know them: rows join and leave, captions and
sizes differ. With each shape compiled by itself the ninth would end compiling altogether, and every
new one would hold up all pictures for as long as compiling takes. torch makes two of it by itself,
for one row and for several; both are there before the engine is ready.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

import torch

from limner.engine.zimage import blocks
from limner.engine.zimage.blocks import Attend

logger = logging.getLogger(__name__)

_COMPILER = ("torch._dynamo", "torch._inductor", "torch._functorch", "torch.fx")
"""Where exceptions come from that mean: this cannot be compiled."""


class CompiledBlock:
    """Stands in for `blocks.modulated`; computes by it as soon as compiling fails.

    failed: why it does; None while it does not.
    """

    def __init__(self, backend: str | Callable[..., Any] = "inductor") -> None:
        self.failed: str | None = None
        self._compiled = torch.compile(
            blocks.modulated, fullgraph=True, dynamic=True, backend=backend
        )

    def __call__(self, block: Any, x: Any, modulation: Any, table: Any, attend: Attend) -> Any:
        if self.failed is None:
            try:
                return self._compiled(block, x, modulation, table, attend)
            except Exception as error:
                if not type(error).__module__.startswith(_COMPILER):
                    raise
                inner = getattr(error, "inner_exception", error)
                self.failed = f"{type(inner).__name__}: {str(inner).partition(os.linesep)[0]}"
                logger.warning(
                    "painting without compiled blocks: %s", self.failed, extra={"action": "compile"}
                )
        return blocks.modulated(block, x, modulation, table, attend)
