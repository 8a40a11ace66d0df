"""An image back end that does what a test wrote, and notes what it is asked.

ScriptedImages(progress(3, 8), done())           every call goes so
ScriptedImages(progress(3, 8), HANG)             every call hangs after its first step
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageProgress,
    ImageRequest,
    ImageUsage,
    PartialImage,
    Resolved,
    Size,
)
from tests.pictures import picture

LOOK = Resolved(Size(8, 8), "high", "opaque", "png", 7, 8, "tiny", ("rounded",))
CAPABLE = ImageCapabilities("tiny", size_multiple=16, progress=True, seed=True)


class Hang:
    """Wait until the iterator is closed, or until the test says `go`."""


class BrokenError(Exception):
    """Raised where a script has its class."""


HANG = Hang()
Step = ImageEvent | Hang | type[BrokenError]


def progress(step: int, steps: int = 8, queue_position: int | None = None) -> ImageProgress:
    return ImageProgress(step, steps, queue_position)


def preview(index: int = 0) -> PartialImage:
    return PartialImage(index, picture(), LOOK)


def done(at: int = 0, *, is_last: bool = True) -> ImageCompleted:
    usage = ImageUsage(5, 0, 64) if is_last else None
    return ImageCompleted(picture(), LOOK, usage, at)


class ScriptedImages:
    """requests: in the order of asking. running, most_running: how many iterators are open.

    has_stopped: set when an iterator has closed.
    """

    def __init__(self, *steps: Step, capabilities: ImageCapabilities = CAPABLE) -> None:
        self.requests: list[ImageRequest] = []
        self.running = self.most_running = 0
        self.has_stopped = asyncio.Event()
        self._hung = asyncio.Semaphore(0)
        self._go = asyncio.Semaphore(0)
        self._steps = steps
        self._capabilities = capabilities

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._capabilities

    async def hangs(self) -> None:
        """Wait until one more call has come to a HANG."""
        await self._hung.acquire()

    def go(self) -> None:
        """Let one call go on that hangs or will hang."""
        self._go.release()

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        self.requests.append(request)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for step in self._steps:
                if isinstance(step, Hang):
                    self._hung.release()
                    await self._go.acquire()
                elif isinstance(step, type):
                    raise step
                else:
                    yield step
        finally:
            self.running -= 1
            self.has_stopped.set()
