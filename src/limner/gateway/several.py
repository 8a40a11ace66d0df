"""Language models behind one door: which one serves a request, and how long it may take.

Requests are repeated by the connection itself (`upstreams.http`), and only while nothing has been
answered. Here a server that keeps failing is left alone, and a turn ends in time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from limner.core.circuit import Circuit, Outcome
from limner.core.gate import ImageToolMode
from limner.core.ports import CountsTokens, Upstream
from limner.core.readiness import Readiness
from limner.core.routing import Routes
from limner.core.turn import TurnEvent, TurnFailed, TurnRequest, UpstreamCapabilities

logger = logging.getLogger(__name__)

DEFAULT_TOTAL_S = 1800.0
_ILL = frozenset({502, 503, 504})
"""Statuses that speak of the server, not of the request; 429 speaks of the client's haste."""


@dataclass(frozen=True, slots=True)
class Served:
    """A language model as a client may use it."""

    upstream: Upstream
    image_tool: ImageToolMode = "on"


Select = Callable[[str], Served]
"""Finds what serves the model of this name; raises InvalidRequest `model_not_found`."""


async def count_tokens(upstream: Upstream, request: TurnRequest) -> int | None:
    """What the turn's input costs as its server counts; None where it does not."""
    return await upstream.count(request) if isinstance(upstream, CountsTokens) else None


def always(upstream: Upstream, image_tool: ImageToolMode = "on") -> Select:
    """One upstream for whatever is named."""
    served = Served(upstream, image_tool)
    return lambda model: served


class Several:
    """A `Select` over several upstreams by name, each with the mode of its image tool."""

    def __init__(self, routes: Routes, served: Mapping[str, Served]) -> None:
        self._routes = routes
        self._served = served

    def __call__(self, model: str) -> Served:
        target = self._routes.find(model)
        served = self._served[target.upstream]
        if target.model == model:
            return served
        return replace(served, upstream=_Renamed(served.upstream, target.model))


class _Renamed:
    """The port `Upstream`, asked for a model by the server's own name instead of an alias."""

    def __init__(self, upstream: Upstream, model: str) -> None:
        self._upstream = upstream
        self._model = model

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._upstream.capabilities

    def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        return self._upstream.stream(replace(request, model=self._model))

    async def count(self, request: TurnRequest) -> int | None:
        return await count_tokens(self._upstream, replace(request, model=self._model))


class GuardedUpstream:
    """The port `Upstream` with a circuit breaker and a limit in time. name: for messages.

    total_s: the longest that a turn may take, from asking to its last word. max_output_tokens: of
    a turn whose client sets no limit; None leaves that to the server.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        name: str,
        circuit: Circuit,
        total_s: float = DEFAULT_TOTAL_S,
        max_output_tokens: int | None = None,
    ) -> None:
        self._upstream = upstream
        self._name = name
        self._circuit = circuit
        self._total_s = total_s
        self._max_output_tokens = max_output_tokens

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._upstream.capabilities

    @property
    def readiness(self) -> Readiness:
        """Whether it answers, as far as the last requests tell."""
        if self._circuit.is_open:
            return Readiness("failed", "its last requests failed; it is asked again in a while")
        return Readiness("ready", "its last request did not fail")

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        wait_s = self._circuit.enter()
        if wait_s is not None:
            yield self._resting(wait_s)
            return
        outcome: Outcome = "unknown"
        try:
            async with aclosing(self._within_time(request)) as events:
                async for event in events:
                    outcome = _outcome(event)
                    yield event
        finally:
            was_open = self._circuit.is_open
            self._circuit.leave(outcome)
            if self._circuit.is_open != was_open:
                state = "closes" if was_open else "opens"
                facts = {"action": "circuit", "upstream": self._name}
                logger.warning("circuit of an upstream %s", state, extra=facts)

    async def _within_time(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        deadline = asyncio.get_running_loop().time() + self._total_s
        async with aclosing(self._upstream.stream(self._limited(request))) as events:
            while True:
                try:
                    async with asyncio.timeout_at(deadline) as limit:
                        event = await anext(events, None)
                except TimeoutError:
                    if not limit.expired():
                        raise
                    yield self._late()
                    return
                if event is None:
                    return
                yield event

    def _limited(self, request: TurnRequest) -> TurnRequest:
        limit = request.sampling.max_output_tokens or self._max_output_tokens
        return replace(request, sampling=replace(request.sampling, max_output_tokens=limit))

    async def count(self, request: TurnRequest) -> int | None:
        """None also while the server is left alone."""
        return None if self._circuit.is_open else await count_tokens(self._upstream, request)

    def _resting(self, wait_s: float) -> TurnFailed:
        return TurnFailed(
            f"The language model server {self._name!r} has failed repeatedly and is left alone "
            "for a while.",
            code="upstream_unavailable",
            status=503,
            retryable=True,
            retry_after_s=wait_s,
        )

    def _late(self) -> TurnFailed:
        return TurnFailed(
            f"The language model server {self._name!r} did not end its reply within the "
            f"{self._total_s:g} s that a turn may take.",
            code="upstream_timeout",
            status=504,
            retryable=True,
        )


def _outcome(event: TurnEvent) -> Outcome:
    """What an event says of its server so far: any word of a reply says that it answers."""
    return "ill" if isinstance(event, TurnFailed) and event.status in _ILL else "well"
