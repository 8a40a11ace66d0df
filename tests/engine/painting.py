"""A painter over a loaded model, as long as a test needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from limner.engine.loading import open_model
from limner.engine.painter import Painter
from limner.engine.scheduler import Scheduler


@asynccontextmanager
async def painting(loaded: Any, max_concurrent: int = 4) -> AsyncIterator[Painter]:
    painter = Painter(
        lambda progress: open_model(loaded),
        name="random",
        scheduler=Scheduler(max_concurrent=max_concurrent),
        fresh_seed=lambda: 5,
    )
    await painter.start()
    try:
        yield painter
    finally:
        await painter.close()
