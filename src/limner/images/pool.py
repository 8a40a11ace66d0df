"""Back ends that paint the same as one: each request goes to the one with the least left to do.

What is left is counted in work: pictures times steps times tokens, less as steps are told. One that
surely took nothing on passes the request to the next; one that could not be reached is asked last
for a while. Which one has painted is nobody's concern, so nothing is said of it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from limner.core.circuit import Circuit, Outcome
from limner.core.errors import ConfigError
from limner.core.image import (
    ImageCapabilities,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    Size,
)
from limner.core.ports import ImageBackend
from limner.wire.picture_size import measure

USUAL_SIZE = Size(1024, 1024)
USUAL_STEPS = 8
TOKEN_PX = 16
"""Models see a picture as patches of so many pixels an edge."""

_ILL = frozenset({"image_back_end_unreachable", "image_back_end_lost", "image_back_end_timeout"})


@dataclass(slots=True, eq=False)
class Member:
    """One of them. is_ready: whether it can be asked just now."""

    backend: ImageBackend
    is_ready: Callable[[], bool] = lambda: True
    circuit: Circuit = field(default_factory=lambda: Circuit(time.monotonic, failures=1))
    orders: set[_Order] = field(default_factory=set)

    @property
    def work_left(self) -> float:
        return sum(order.left for order in self.orders)


class Pool:
    """The port `ImageBackend` over several that paint the same."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Raises ConfigError for none. Among equals the first is asked."""
        if not members:
            raise ConfigError("There must be at least one image back end in a pool.")
        self._members = tuple(members)

    @property
    def capabilities(self) -> ImageCapabilities:
        """Of the first that is ready, else of the first."""
        ready = (member for member in self._members if member.is_ready())
        return next(ready, self._members[0]).backend.capabilities

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield what one of them yields; where none takes it on, the first one's refusal."""
        untried = list(self._members)
        refusal: ImageFailed | None = None
        while untried:
            member = _next(untried)
            untried.remove(member)
            async with aclosing(_followed(member, request)) as events:
                first = await anext(events)
                if isinstance(first, ImageFailed) and not first.was_taken:
                    refusal = refusal or first
                    continue
                yield first
                async for event in events:
                    yield event
                return
        assert refusal is not None, "there is at least one, and it was asked"
        yield refusal


def work_of(request: ImageRequest, can: ImageCapabilities) -> float:
    """Pictures times steps times tokens, with what is usual where the request is silent."""
    source = measure(request.images[0]) if request.is_edit else None
    size = request.size or source or can.native_size or USUAL_SIZE
    tokens = size.width * size.height / TOKEN_PX**2
    return request.n * (request.steps or USUAL_STEPS) * tokens


@dataclass(slots=True, eq=False)
class _Order:
    """One request with one of them. left: work."""

    whole: float
    left: float

    def follow(self, event: ImageEvent) -> None:
        if isinstance(event, ImageProgress) and event.steps:
            self.left = self.whole * (1 - event.step / event.steps)


def _next(untried: Sequence[Member]) -> Member:
    """Who is asked; those not ready, or resting, only when no others are left."""
    by_work = sorted(untried, key=lambda member: member.work_left)
    able = (each for each in by_work if each.is_ready() and each.circuit.enter() is None)
    return next(able, by_work[0])


async def _followed(member: Member, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
    work = work_of(request, member.backend.capabilities)
    order = _Order(work, work)
    outcome: Outcome = "unknown"
    member.orders.add(order)
    try:
        async with aclosing(member.backend.generate(request)) as events:
            async for event in events:
                order.follow(event)
                is_ill = isinstance(event, ImageFailed) and event.code in _ILL
                outcome = "ill" if is_ill else "well"
                yield event
    finally:
        member.orders.discard(order)
        member.circuit.leave(outcome)
