"""The one thread that runs the model, and what its exceptions mean to a client."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import torch

from limner.core.image import ImageFailed
from limner.engine import device

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


REMEMBERED_CALLS = 32


class OutOfRoomError(Exception):
    """The model wanted more memory than there is, and may be asked for less."""


class Worker:
    """Runs one call at a time, in the order of asking."""

    def __init__(
        self, name: str = "limner-model", prepare: Callable[[], None] = lambda: None
    ) -> None:
        """prepare: is called in the thread before anything else."""
        self._thread = ThreadPoolExecutor(1, name, initializer=prepare)
        self._calls: set[asyncio.Future[Any]] = set()
        self._began_s: float | None = None
        self._took_s: deque[float] = deque(maxlen=REMEMBERED_CALLS)

    @property
    def call_s(self) -> float:
        """How long the call under way has taken so far; 0 for none."""
        began_s = self._began_s
        return 0.0 if began_s is None else time.monotonic() - began_s

    @property
    def slowest_call_s(self) -> float:
        """The longest that one of the last calls has taken; 0 before the first."""
        return max(tuple(self._took_s), default=0.0)

    def forget_times(self) -> None:
        """What took its time until now says nothing of what comes."""
        self._took_s.clear()

    @property
    def busy(self) -> bool:
        return bool(self._calls)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call in the thread. Who cancels the wait does not stop the call."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, lambda: self._timed(call, *args, **kwargs))
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)
        return await asyncio.shield(future)

    def _timed(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        began_s = self._began_s = time.monotonic()
        try:
            return call(*args, **kwargs)
        finally:
            self._began_s = None
            self._took_s.append(time.monotonic() - began_s)

    async def settle(self) -> None:
        """Wait until the calls that have been asked for have ended."""
        if self._calls:
            await asyncio.wait(tuple(self._calls))

    async def close(self) -> None:
        """Let the call under way end, then the thread."""
        await asyncio.to_thread(self._thread.shutdown)


def failure(error: Exception) -> ImageFailed:
    """What a client is told of an exception in the model; the rest is for the log."""
    if is_out_of_memory(error):
        free_what_is_cached()
        return ImageFailed(
            "the engine ran out of memory; a smaller size or a lower n needs less",
            code="out_of_memory",
            retryable=True,
            status=503,
            param="size",
        )
    if is_device_lost(error):
        return ImageFailed(
            "the device failed while it painted; the engine is started again",
            code="engine_crashed",
            retryable=True,
            status=503,
        )
    return ImageFailed("the engine failed while it painted; its log says why")


def free_what_is_cached() -> None:
    """Give memory back to the device that torch has kept for later."""
    device.release_memory(torch)


def overdue(seconds: float) -> ImageFailed:
    return ImageFailed(
        f"the picture was not done within the {seconds:g} seconds that one may take here, its wait "
        "included",
        code="deadline_exceeded",
        retryable=True,
        status=504,
    )


def not_finite() -> ImageFailed:
    return ImageFailed(
        "the model's numbers left the range of its float type, so there is no picture; "
        "another seed may work, or the engine needs another dtype"
    )


def is_out_of_memory(error: Exception) -> bool:
    """Whether the model wanted more memory than there is, on whatever device."""
    return device.is_out_of_memory(torch, error)


def is_device_lost(error: Exception) -> bool:
    """Whether the GPU does nothing more for this process.

    After an illegal access, a failed assertion and the like every later call fails as well: the
    context is gone (CUDA Runtime API, cudaErrorIllegalAddress; HIP is the same).
    """
    return isinstance(error, RuntimeError) and str(error).startswith(("CUDA error", "HIP error"))
