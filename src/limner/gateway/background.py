"""Responses that need no client: run from the store, by whichever process is there.

A run is claimed with a lease, and whatever it says is on the disk before anyone reads it. What a
process leaves behind another takes over where the log ends.
"""

from __future__ import annotations

import asyncio
import logging
import time

from limner.core.errors import InvalidRequest, StoreError
from limner.core.events import ResponseError
from limner.core.response_store import Claim, NewResponse, ResponseStore
from limner.gateway.attempts import Attempts, LeaseLostError
from limner.gateway.bells import heard
from limner.gateway.deadline import DEFAULT_DEADLINE_S
from limner.gateway.leases import HEARTBEAT_S, Leases
from limner.gateway.readers import POLL_S, Readers
from limner.gateway.record import failed_ending
from limner.gateway.responder import Responder

MAX_RUNS = 64
MAX_WAITING = 1000
_ORPHANED = ResponseError("server_error", "The server stopped before this response was done.")

logger = logging.getLogger(__name__)


class Background:
    """Runs what is claimed while it is open. sole: whether no other process uses the store."""

    def __init__(
        self,
        responder: Responder,
        store: ResponseStore,
        *,
        sole: bool = False,
        max_runs: int = MAX_RUNS,
        max_waiting: int = MAX_WAITING,
        deadline_s: float = DEFAULT_DEADLINE_S,
        poll_s: float = POLL_S,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self.leases = Leases(store, heartbeat_s=heartbeat_s)
        self.readers = Readers(store, poll_s=poll_s)
        self._attempts = Attempts(responder, store, self.leases, self.readers, deadline_s)
        self.store = store
        self.deadline_s = deadline_s
        self._sole = sole
        self._max_runs = max_runs
        self._max_waiting = max_waiting
        self._poll_s = poll_s
        self._work = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._runs: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Background:
        await self._end_orphans(sole=self._sole)
        loops = (self.leases.beat(), self._claim_for_ever(), self._watch_for_ever())
        self._loops = [asyncio.create_task(loop) for loop in loops]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Leave what is under way to the next process."""
        self.readers.stop()
        left = [held.lease for held in self.leases.detached()]
        tasks = [*self._loops, *self._runs]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self.store.release(left)

    async def begin(self, new: NewResponse) -> bool:
        """Keep a response, which runs from then on; False when its key is taken.

        Raises InvalidRequest when too many wait already, and StoreError.
        """
        if await self.store.waiting() >= self._max_waiting:
            raise InvalidRequest(
                f"{self._max_waiting} responses wait to be run already, as many as may.",
                code="too_many_background_responses",
                status=429,
                retry_after_s=10.0,
            )
        is_new = await self.store.create(new) is not None
        self._work.set()
        return is_new

    async def cancel(self, id: str) -> None:
        """Stop a response, wherever it runs; returns when it has ended."""
        await self.store.request_cancel(id)
        if (held := self.leases.find(id)) is not None:
            held.deadline.cancel()
        elif (claim := await self.store.claim(id)) is not None:
            self._carry_on(claim)
        await self.readers.ended(id)

    async def _claim_for_ever(self) -> None:
        while True:
            self._work.clear()
            try:
                while len(self._runs) < self._max_runs and (claim := await self.store.claim()):
                    self._carry_on(claim)
            except StoreError as error:
                logger.warning("nothing could be claimed", extra={"why": error.message})
            await heard(self._work, self._poll_s)

    async def _watch_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self._end_orphans()
                await self._end_overdue()
            except StoreError as error:
                logger.warning("nothing could be ended", extra={"why": error.message})

    async def _end_orphans(self, *, sole: bool = False) -> None:
        for lease, stored in await self.store.orphans(sole=sole):
            _, ending = failed_ending(stored, await self.store.output(stored.id), _ORPHANED, 0)
            await self.store.finish(lease, [], ending)

    async def _end_overdue(self) -> None:
        """What has waited too long ends, however many run."""
        for id in await self.store.overdue():
            if (claim := await self.store.claim(id)) is not None:
                self._carry_on(claim)

    def _carry_on(self, claim: Claim) -> None:
        task = asyncio.create_task(self._run(claim))
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)
        task.add_done_callback(lambda _: self._work.set())

    async def _run(self, claim: Claim) -> None:
        """Run a response to its end, or until the right to do so is lost."""
        facts = {"response_id": claim.lease.id, "attempt": claim.attempts}
        began = time.perf_counter()
        try:
            await self._attempts.make(claim)
        except* LeaseLostError:
            logger.info("response left to another", extra={"action": "left", **facts})
        except* StoreError as group:
            why = str(group.exceptions[0])
            logger.warning("response interrupted", extra={"action": "left", "why": why, **facts})
        except* Exception:
            logger.exception("response failed by a bug", extra={"action": "left", **facts})
        else:
            status = await self.store.status(claim.lease.id)
            seconds = round(time.perf_counter() - began, 3)
            said = {"action": "response", "status": status, "seconds": seconds}
            logger.info("response ended", extra={**said, **facts})
        finally:
            self.leases.drop(claim.lease)
            self.readers.progress.drop(claim.lease.id)
            self.readers.bells.ring(claim.lease.id)
