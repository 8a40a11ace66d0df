"""The one thread that runs the model, and what its exceptions mean to a client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import torch

from limner.core.image import ImageFailed

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Runs one call at a time, in the order of asking."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "limner-model")
        self._call: asyncio.Future[Any] | None = None

    @property
    def busy(self) -> bool:
        return self._call is not None and not self._call.done()

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call in the thread. Who cancels the wait does not stop the call."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, lambda: call(*args, **kwargs))
        self._call = future
        try:
            return await asyncio.shield(future)
        finally:
            self._call = None

    async def settle(self) -> None:
        """Wait until the call under way, if there is one, has ended."""
        if self._call is not None:
            await asyncio.wait([self._call])

    async def close(self) -> None:
        """Let the call under way end, then the thread."""
        await asyncio.to_thread(self._thread.shutdown)


def failure(error: Exception) -> ImageFailed:
    """What a client is told of an exception in the model; the rest is for the log."""
    if is_out_of_memory(error):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return ImageFailed(
            "the engine ran out of memory; a smaller size or a lower n needs less",
            code="out_of_memory",
            retryable=True,
            status=503,
            param="size",
        )
    return ImageFailed("the engine failed while it painted; its log says why")


def not_finite() -> ImageFailed:
    return ImageFailed(
        "the model's numbers left the range of its float type, so there is no picture; "
        "another seed may work, or the engine needs another dtype"
    )


def is_out_of_memory(error: Exception) -> bool:
    """Whether the model wanted more memory than there is, on whatever device."""
    # On CPU torch raises a bare RuntimeError; the allocator's name is all there is to tell it by.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )
