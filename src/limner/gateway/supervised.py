"""What a supervised child paints: its end in the middle of a picture is told by its own name."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest
from limner.core.job import LOST
from limner.core.ports import ImageBackend
from limner.gateway.supervisor import Supervisor


class SupervisedBackend:
    """The port `ImageBackend` around the connection to a child that a supervisor keeps running."""

    def __init__(self, inner: ImageBackend, supervisor: Supervisor) -> None:
        self._inner = inner
        self._supervisor = supervisor

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._inner.capabilities

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield what the child says. Fails as `engine_crashed` or `engine_hung` when it ends."""
        hangs = self._supervisor.hangs
        async with aclosing(self._inner.generate(request)) as events:
            async for event in events:
                if isinstance(event, ImageFailed) and event.was_taken and event.code in LOST:
                    event = _ended(event, has_hung=self._supervisor.hangs > hangs)
                yield event


def _ended(lost: ImageFailed, *, has_hung: bool) -> ImageFailed:
    if has_hung:
        return replace(
            lost,
            message="The image engine got nowhere while it painted this, and was started anew",
            code="engine_hung",
            status=504,
        )
    return replace(
        lost,
        message="The image engine ended while it painted this, and is started again",
        code="engine_crashed",
        status=503,
    )
