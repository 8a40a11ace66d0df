"""What a supervised child paints: its end in the middle of a picture is told by its own name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace

from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest
from limner.core.job import LOST
from limner.core.ports import ImageBackend
from limner.gateway.supervisor import Supervisor

NOTICE_S = 5.0
"""How long after a lost connection the end of a child may come to light; as a rule at once."""


class SupervisedBackend:
    """The port `ImageBackend` around the connection to a child that a supervisor keeps running."""

    def __init__(self, inner: ImageBackend, supervisor: Supervisor) -> None:
        self._inner = inner
        self._supervisor = supervisor

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._inner.capabilities

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield what the child says. Fails as `engine_crashed` or `engine_hung` when it ends.

        A child tells at once of what it begins. One that ends without a word was asked in its last
        moment, and has taken nothing on; that it has ended is known by then.
        """
        hangs = self._supervisor.hangs
        is_heard = False
        async with aclosing(self._inner.generate(request)) as events:
            async for event in events:
                if isinstance(event, ImageFailed) and event.code in LOST:
                    if event.was_taken:
                        event = _ended(event, has_hung=self._supervisor.hangs > hangs)
                    if not is_heard:
                        await self._noticed()
                        event = replace(event, was_taken=False)
                is_heard = True
                yield event

    async def _noticed(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(NOTICE_S):
                await self._supervisor.down()


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
