"""Responses that live with their client: run while it listens, kept for later requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from limner.core.events import (
    ResponseCreated,
    ResponseError,
    ResponseEvent,
    ResponseInProgress,
    TerminalEvent,
)
from limner.core.response_store import Lease, Nature, NewResponse, ResponseStore
from limner.core.run import ResponseRun
from limner.gateway.deadline import DEFAULT_DEADLINE_S, Deadline
from limner.gateway.driver import Step
from limner.gateway.leases import Held, Leases
from limner.gateway.record import ending_of, new_response
from limner.gateway.responder import Asked, Responder

_STOPPED = ResponseError("server_error", "The server stopped before this response was done.")


async def unkept(
    responder: Responder, asked: Asked, *, deadline_s: float = DEFAULT_DEADLINE_S
) -> AsyncGenerator[ResponseEvent, None]:
    """The events of a response that leaves nothing behind."""
    run = responder.begin(asked, responder.new_id("resp_"))
    steps = responder.drive(asked, run, Deadline(deadline_s))
    async with aclosing(steps):
        async for step in steps:
            for event in step.events:
                yield event


async def kept(
    responder: Responder,
    asked: Asked,
    store: ResponseStore,
    leases: Leases,
    *,
    is_stopping: Callable[[], bool] = lambda: False,
    deadline_s: float = DEFAULT_DEADLINE_S,
) -> AsyncGenerator[ResponseEvent, None]:
    """The events of a response that later requests may name.

    It is on the disk before the model's first word goes out, and whole before its end does; the
    opening events may be held back until then. Closing the iterator ends it as cancelled, or, where
    the server is stopping, as failed. Raises StoreError.
    """
    now, echo = responder.clock(), asked.request.echo
    nature = Nature(
        asked.owner,
        now,
        now + deadline_s,
        streamed=asked.request.stream,
        previous_id=echo.previous_response_id,
        conversation_id=echo.conversation,
    )
    run = responder.begin(asked, responder.new_id("resp_"))
    deadline = Deadline(deadline_s)
    keeping = _Keeping(store, leases, new_response(responder, asked, run.id, nature), deadline)
    try:
        async with aclosing(responder.drive(asked, run, deadline)) as steps:
            async for step in steps:
                await keeping.follow(step)
                for event in step.events:
                    yield event
    finally:
        await asyncio.shield(keeping.close(run, _STOPPED if is_stopping() else None))


class _Keeping:
    """Writes what becomes of one response. The first write runs beside the upstream's wait."""

    def __init__(
        self, store: ResponseStore, leases: Leases, new: NewResponse, deadline: Deadline
    ) -> None:
        self._store = store
        self._leases = leases
        self._deadline = deadline
        self._creating = asyncio.create_task(store.create(new))
        self._lease: Lease | None = None
        self._has_ended = False

    async def follow(self, step: Step) -> None:
        """Return when the events of the step may go out."""
        for event in step.events:
            if isinstance(event, TerminalEvent):
                self._has_ended = True
                await self._store.finish(await self._begun(), [], ending_of(event))
            elif not isinstance(event, ResponseCreated | ResponseInProgress):
                await self._begun()

    async def close(self, run: ResponseRun, why: ResponseError | None) -> None:
        """All is said, or nobody listens any longer. why: None for a client that has left."""
        try:
            if not self._has_ended:
                if why is None:
                    run.cancel()
                else:
                    run.fail(why)
                await self.follow(Step(run.events(), run.spent))
        finally:
            if self._lease is not None:
                self._leases.drop(self._lease)

    async def _begun(self) -> Lease:
        if self._lease is None:
            self._lease = await self._creating
            assert self._lease is not None, "only keys are taken, and there is none"
            held = Held(self._lease, self._deadline, lambda: None, is_detached=False)
            self._leases.hold(held)
        return self._lease
