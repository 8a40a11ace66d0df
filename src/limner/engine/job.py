"""One request inside the engine, and what waits for whoever reads its events."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from limner.core.image import ImageFailed, ImageProgress, ImageUsage
from limner.engine.params import Plan
from limner.engine.picture_model import Begun, Canvas
from limner.engine.preview import preview_steps
from limner.engine.source import Source
from limner.engine.worker import Worker


@dataclass(frozen=True, slots=True)
class Frame:
    """Decoded pixels, uint8 (height, width, 3), of a finished picture or a preview of it."""

    picture: int
    pixels: Any
    finished: bool


class Job:
    """Lives on the event loop; only its canvases are touched by the workers' threads.

    workers: one for each call for it that is in hand. began_s: when it was admitted, monotonic.

    What waits to be read is bounded without ever making the painter wait: of progress only the
    newest is kept, and of each picture there are at most three previews and the picture.
    """

    def __init__(self, plan: Plan, source: Source | None = None) -> None:
        self.plan = plan
        self.source = source
        self.canvases: Sequence[Canvas] = ()
        self._prompt_tokens = 0
        self.workers: list[Worker] = []
        self.began_s = 0.0
        self.previews_after = preview_steps(plan.steps, plan.partial_images)
        self._waiting: deque[ImageProgress | Frame | ImageFailed] = deque()
        self._arrived = asyncio.Event()
        self._told: ImageProgress | None = None

    @property
    def usage(self) -> ImageUsage:
        """Text tokens are those of the prompt in its template, read once for all pictures.

        Output tokens are the model's image tokens, one for each 16 x 16 px painted; previews and
        enlarging are free. Each source of an edit counts as much as one picture.
        """
        return ImageUsage(
            input_image_tokens=self.plan.image_tokens * self._sources,
            input_text_tokens=self._prompt_tokens,
            output_tokens=self.plan.image_tokens * len(self.canvases),
        )

    @property
    def _sources(self) -> int:
        return 1 + len(self.source.others) if self.source else 0

    def prepare(self, begun: Begun) -> None:
        """Take the canvases that the model has begun."""
        self.canvases = begun.canvases
        self._prompt_tokens = begun.prompt_tokens
        if cut := begun.cut_tokens:
            said = f"the prompt is too long for the model; {cut} of its tokens were left out"
            self.plan = replace(self.plan, adjustments=(*self.plan.adjustments, said))

    def tell_progress(self, queue_position: int | None = None) -> None:
        """Steps are counted over all pictures of the request."""
        steps = sum(canvas.step for canvas in self.canvases)
        whole = self.plan.steps * len(self.plan.seeds)
        progress = ImageProgress(steps, whole, queue_position)
        if progress == self._told:
            return
        if self._waiting and isinstance(self._waiting[-1], ImageProgress):
            self._waiting.pop()
        self._told = progress
        self.put(progress)

    def put(self, item: ImageProgress | Frame | ImageFailed) -> None:
        self._waiting.append(item)
        self._arrived.set()

    async def read(self) -> AsyncGenerator[ImageProgress | Frame | ImageFailed, None]:
        """Yield what arrives, without end. A preview whose picture is there already is left out."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                item = self._waiting.popleft()
                if not (isinstance(item, Frame) and self._is_stale(item)):
                    yield item

    def _is_stale(self, frame: Frame) -> bool:
        return not frame.finished and any(
            isinstance(later, Frame) and later.finished and later.picture == frame.picture
            for later in self._waiting
        )
