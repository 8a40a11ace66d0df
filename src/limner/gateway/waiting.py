"""An image back end that is not there yet: requests wait for it, so many and so long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest
from limner.core.job import LOST
from limner.core.ports import ImageBackend
from limner.core.readiness import Readiness

_OF_THE_MODEL = (
    *("min_edge_px", "max_edge_px", "edits", "mask", "max_images", "input_fidelity", "strength"),
    *("edits_by_words", "partial_images", "loras"),
)


class WaitingBackend:
    """The port `ImageBackend` around one that needs time to load."""

    def __init__(
        self,
        inner: ImageBackend,
        settled: Callable[[], Awaitable[Readiness]],
        *,
        queue_limit: int,
        wait_s: float = 900.0,
        loaded: Callable[[], ImageCapabilities | None] = lambda: None,
    ) -> None:
        """settled: waits until the engine is ready or failed. loaded: what the model can, once it
        is there; of that what a model decides, so that what it cannot is refused at once.

        queue_limit: requests that may wait for that at a time. wait_s: the longest that one waits;
        large models load for minutes.
        """
        self._inner = inner
        self._settled = settled
        self._queue_limit = queue_limit
        self._wait_s = wait_s
        self._loaded = loaded
        self._waiting = 0

    @property
    def capabilities(self) -> ImageCapabilities:
        known, loaded = self._inner.capabilities, self._loaded()
        if loaded is None:
            return known
        return replace(known, **{name: getattr(loaded, name) for name in _OF_THE_MODEL})

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Wait, then paint. Fails as `model_loading` when the wait leads nowhere.

        Where the back end went away before it took anything on, its return is waited for, once.
        """
        for may_return in (True, False):
            if failed := await self._wait():
                yield failed
                return
            async with aclosing(self._inner.generate(request)) as events:
                first = await anext(events)
                if may_return and _went_away(first):
                    continue
                yield first
                async for event in events:
                    yield event
                return

    async def _wait(self) -> ImageFailed | None:
        if self._waiting >= self._queue_limit:
            return ImageFailed(
                f"{self._queue_limit} pictures already wait for the engine to load",
                code="queue_full",
                retryable=True,
                status=503,
                retry_after_s=10.0,
                was_taken=False,
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                readiness = await self._settled()
        except TimeoutError:
            return _not_ready(f"the engine was still loading after {self._wait_s:g} s")
        finally:
            self._waiting -= 1
        return None if readiness.state == "ready" else _not_ready(readiness.message)


def _went_away(first: ImageEvent) -> bool:
    return isinstance(first, ImageFailed) and not first.was_taken and first.code in LOST


def _not_ready(why: str) -> ImageFailed:
    return ImageFailed(
        f"there is no picture: {why}",
        code="model_loading",
        retryable=True,
        status=503,
        retry_after_s=10.0,
        was_taken=False,
    )
