"""Which models a server says it has: asked when somebody wants to know, remembered, and never
waited for long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from limner.core.errors import UpstreamError
from limner.core.ports import CountsTokens, Upstream
from limner.core.turn import TurnEvent, TurnRequest, UpstreamCapabilities
from limner.upstreams.http import UpstreamHttp
from limner.wire.models import read_model_ids

logger = logging.getLogger(__name__)

FRESH_S = 60.0
AGAIN_S = 5.0
WAIT_S = 1.0
MAX_LIST_BYTES = 8 * 1024 * 1024
"""Some services list hundreds of models, each with pages of words."""


class ListedModels:
    """The names of one server's models. `async with` ends what is under way.

    http: open, and closed by its owner. clock: seconds of any monotonic kind. fresh_s: how old an
    answer may be; one that fails is tried again after `again_s`. wait_s: the longest wait. A server
    that was once slower than that is not waited for until it has answered again.
    """

    def __init__(
        self,
        http: UpstreamHttp,
        clock: Callable[[], float],
        *,
        fresh_s: float = FRESH_S,
        again_s: float = AGAIN_S,
        wait_s: float = WAIT_S,
    ) -> None:
        self.names: tuple[str, ...] = ()
        self._http = http
        self._clock = clock
        self._fresh_s = fresh_s
        self._again_s = again_s
        self._wait_s = wait_s
        self._asking: asyncio.Task[None] | None = None
        self._ask_after = clock()
        self._is_quick = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._asking:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking

    async def refresh(self, *, now: bool = False) -> None:
        """Ask where what is known is too old, and wait a little. now: however new it is."""
        if self._asking is None and (now or self._clock() >= self._ask_after):
            self._asking = asyncio.create_task(self._ask())
        if self._asking and self._is_quick:
            _, late = await asyncio.wait([self._asking], timeout=self._wait_s)
            self._is_quick = not late

    async def _ask(self) -> None:
        try:
            _, body = await self._http.probe("GET", "models", most_bytes=MAX_LIST_BYTES)
            self.names = read_model_ids(body)
        except (UpstreamError, ValueError) as error:
            logger.debug("a server does not list its models", extra={"why": str(error)})
            self._ask_after = self._clock() + self._again_s
        else:
            self._ask_after = self._clock() + self._fresh_s
            self._is_quick = True
        finally:
            self._asking = None


class NamedByServer:
    """The port `Upstream` over a server with several models, each asked for by its own name.

    usual: what every name stands for that the server does not list.
    """

    def __init__(self, upstream: Upstream, listed: ListedModels, usual: str) -> None:
        self._upstream = upstream
        self._listed = listed
        self._usual = usual

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return replace(self._upstream.capabilities, name=self._usual)

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        named = replace(request, model=await self._known(request.model))
        async with aclosing(self._upstream.stream(named)) as events:
            async for event in events:
                yield event

    async def count(self, request: TurnRequest) -> int | None:
        """What the turn's input costs as the server counts; None where it does not."""
        if not isinstance(self._upstream, CountsTokens):
            return None
        return await self._upstream.count(replace(request, model=await self._known(request.model)))

    async def _known(self, model: str) -> str:
        """A name that is not known may be one that the server has got since."""
        if model not in (self._usual, *self._listed.names):
            await self._listed.refresh(now=True)
        return model if model in self._listed.names else self._usual
