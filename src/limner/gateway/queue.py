"""The queue before the image back end, the same one for all doors.

Rules kept here and nowhere else:
- `max_concurrent` requests are with the back end at a time, and clients take turns (`core.queue`);
- what may have ended an engine is painted alone, so that it does not take others with it again;
- one in four places is kept for requests that somebody waits for;
- one that the back end lets wait itself stands in the queue all the same, before those that wait
  here;
- `max_waiting` requests may wait, and of one client's only so many: one more is refused at once,
  with the time when it is worth asking again, as measured;
- whoever waits is told the place and the time, whenever the place changes;
- closing the iterator leaves the queue, or stops the painting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
)
from limner.core.ports import ImageBackend
from limner.core.queue import FairQueue, Pace, QueueState, Standing, background_places
from limner.gateway.place import Place

FIRST_GUESS_S = 5.0
"""When it is worth asking again, as long as no picture has been painted."""


class QueuedBackend:
    """The port `ImageBackend` around one that all clients share."""

    def __init__(
        self,
        backend: ImageBackend,
        *,
        max_waiting: int = 20,
        max_waiting_of_client: int | None = None,
        max_concurrent: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """max_waiting_of_client: None for no other limit than `max_waiting`. clock: seconds."""
        self.max_waiting = max_waiting
        self.max_concurrent = max_concurrent
        self._backend = backend
        self._max_waiting_of_client = max_waiting_of_client or max_waiting
        self._clock = clock
        self._queue: FairQueue[Place] = FairQueue()
        self._working: dict[Place, None] = {}
        self._suspects: dict[Place, None] = {}
        self._pace = Pace()
        self._last_end = clock()
        self._news = asyncio.Event()

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._backend.capabilities

    @property
    def waiting(self) -> int:
        """How many requests wait; those in work are not among them."""
        return len(self._queue)

    @property
    def news(self) -> asyncio.Event:
        """Set when next somebody comes, goes, moves up or gets a step further."""
        return self._news

    def state(self, client: str) -> QueueState:
        """The queue as this client may see it."""
        places = [*self._working, *self._queue]
        mine = tuple(self._standing(place) for place in places if place.client == client)
        held = len(self._held)
        return QueueState(mine, len(self._queue) + held, len(self._working) - held)

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Wait, then paint. Fails as `queue_full` or `rate_limit_exceeded` where too many wait."""
        place = self.enter(request)
        if isinstance(place, ImageFailed):
            yield place
            return
        try:
            async with aclosing(self.wait(place)) as waits:
                async for waiting in waits:
                    yield waiting
            async with aclosing(self.paint(request, place)) as events:
                async for event in events:
                    yield event
        finally:
            self.leave(place)

    def enter(
        self, request: ImageRequest, *, job_id: str = "", is_owed: bool = False
    ) -> Place | ImageFailed:
        """Take a place, which must be left in the end. is_owed: was accepted before, at any length.

        Who finds a free place among those in work has it at once. job_id: of the job that it is.
        """
        is_free = self._has_room and not self._queue
        if not (is_free or is_owed) and (refused := self._refusal(request.client)):
            return refused
        place = Place(request, job_id, self._clock())
        self._queue.join(place.client, place, place.priority)
        self._go_on()
        return place

    async def wait(self, place: Place) -> AsyncGenerator[ImageProgress, None]:
        """Tell where it waits, at every change; ends when its turn has come."""
        while place.position is not None:
            place.moved.clear()
            yield ImageProgress(0, 0, place.position, self._eta_s(place.position))
            await place.moved.wait()

    async def paint(self, request: ImageRequest, place: Place) -> AsyncGenerator[ImageEvent, None]:
        """Paint for someone whose turn has come; progress is told with the time that is left.

        What a picture takes is counted from the back end's first answer, where there is one before
        the picture: an engine may have to load before it.
        """
        async with aclosing(self._backend.generate(request)) as events:
            async for event in events:
                if isinstance(event, ImageProgress):
                    event = place.progress = self._followed(place, event)
                    self._tell()
                if isinstance(event, ImageCompleted) and event.picture == request.n - 1:
                    self._note_end(place)
                yield event

    @asynccontextmanager
    async def alone(self, place: Place) -> AsyncIterator[None]:
        """Wait until nothing else is painted, and let nothing in as long as the body runs.

        For what was in work when an engine ended, and may be why. Several take turns.
        """
        self._suspects[place] = None
        self._tell()
        try:
            while self._working.keys() - self._suspects or next(iter(self._suspects)) is not place:
                await self._news.wait()
            yield
        finally:
            del self._suspects[place]
            self._go_on()

    def leave(self, place: Place) -> None:
        """Let the next one in. May be called twice."""
        self._queue.leave(place)
        self._working.pop(place, None)
        self._go_on()

    def _go_on(self) -> None:
        while self._has_room and (place := self._next()):
            place.entered = self._clock()
            if not self._working:
                self._last_end = place.entered
            self._working[place] = None
            self._move(place, None)
        for position, waiting in enumerate(self._queue, 1 + len(self._held)):
            self._move(waiting, position)
        self._tell()

    @property
    def _has_room(self) -> bool:
        return len(self._working) < self.max_concurrent and not self._suspects

    def _next(self) -> Place | None:
        behind = sum(place.priority == "background" for place in self._working)
        return self._queue.take(background=behind < background_places(self.max_concurrent))

    @property
    def _held(self) -> list[Place]:
        return [place for place in self._working if place.held_at is not None]

    def _followed(self, place: Place, event: ImageProgress) -> ImageProgress:
        """Take what the back end says of a request; returns it with the time that is left."""
        now, was_held = self._clock(), place.held_at is not None
        if not place.is_answered:
            place.entered = now
        place.held_at = event.queue_position
        if place.held_at is None and place.began is None:
            place.began = now, event.step
            if not any(other.began for other in self._working if other is not place):
                self._last_end = now
        if was_held != (place.held_at is not None):
            self._go_on()
        if event.eta_s is not None:
            return event
        return replace(event, eta_s=place.left_s(event, self._clock(), self._pace))

    def _note_end(self, place: Place) -> None:
        now = self._clock()
        self._pace = self._pace.after(now - place.entered, now - self._last_end)
        self._last_end = now

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    @staticmethod
    def _move(place: Place, position: int | None) -> None:
        if place.position != position:
            place.position = position
            place.moved.set()

    def _standing(self, place: Place) -> Standing:
        waits_for = place.position
        return Standing(
            place.id,
            place.prompt,
            place.held_at if waits_for is None else waits_for,
            round(self._clock() - place.since, 1),
            place.response_id,
            place.job_id,
            place.progress.step,
            place.progress.steps,
            place.progress.eta_s if waits_for is None else self._eta_s(waits_for),
        )

    def _refusal(self, client: str) -> ImageFailed | None:
        """Why one more cannot wait."""
        if len(self._queue) >= self.max_waiting:
            return ImageFailed(
                f"The image queue is full ({self.max_waiting} waiting). Please try again later.",
                code="queue_full",
                retryable=True,
                status=503,
                retry_after_s=self._until_turn_s(1),
                was_taken=False,
            )
        if self._queue.waiting_of(client) >= self._max_waiting_of_client:
            return ImageFailed(
                "This API key has as many pictures waiting as it may "
                f"({self._max_waiting_of_client}). Please try again later.",
                code="rate_limit_exceeded",
                type="rate_limit_error",
                retryable=True,
                status=429,
                retry_after_s=self._until_turn_s(self._queue.position_of(client)),
                was_taken=False,
            )
        return None

    def _until_turn_s(self, position: int) -> float:
        """At least a second, or a guess as long as nothing is measured."""
        turn_s = self._turn_s(position)
        return FIRST_GUESS_S if turn_s is None else max(1.0, turn_s)

    def _eta_s(self, position: int) -> float | None:
        # Those whom the back end holds have had their turn here; `usual_s` counts their wait.
        turn_s, usual_s = self._turn_s(position - len(self._held)), self._pace.usual_s
        return None if turn_s is None or usual_s is None else round(turn_s + usual_s, 1)

    def _turn_s(self, position: int) -> float | None:
        return self._pace.until_turn_s(position, self._clock() - self._last_end)
