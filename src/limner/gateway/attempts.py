"""One attempt at a response that needs no client: from where its log ends to its own end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from limner.core.errors import LimnerError
from limner.core.events import (
    ImageCallItem,
    OutputItemAdded,
    ResponseError,
    ResponseEvent,
    TerminalEvent,
)
from limner.core.point import Point, read_back
from limner.core.response_store import Claim, Frame, Lease, ResponseStore
from limner.core.run import ResponseRun
from limner.gateway.deadline import DEFAULT_DEADLINE_S, Deadline
from limner.gateway.driver import Step
from limner.gateway.leases import Held, Leases
from limner.gateway.readers import Readers
from limner.gateway.record import done_in, ending_of, failed_ending, frame_of, numbered
from limner.gateway.responder import Asked, Responder
from limner.wire.event_log import read_frames, read_spent, spent_json
from limner.wire.orders import load_order

MAX_ATTEMPTS = 3
_STEPS_AT_ONCE = 64
_READ_AT_ONCE = 256
_GIVEN_UP = ResponseError(
    "server_error",
    f"The server stopped {MAX_ATTEMPTS} times while it made this response, and has given up.",
)


class LeaseLostError(Exception):
    """Another process may run this response now, or it has ended or gone."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """What they need. deadline_s: of a response, from its creation on."""

    responder: Responder
    store: ResponseStore
    leases: Leases
    readers: Readers
    deadline_s: float = DEFAULT_DEADLINE_S

    async def make(self, claim: Claim) -> None:
        """Run a response to its end. Raises LeaseLostError and StoreError, alone or in a group."""
        nature = claim.response.nature
        passed_s = self.responder.clock() - nature.created_at
        deadline = Deadline(self.deadline_s, passed_s=passed_s)
        task = asyncio.current_task()
        assert task is not None, "it runs in a task of its own"
        self.leases.hold(Held(claim.lease, deadline, task.cancel, is_detached=True))
        if claim.cancel_requested:
            deadline.cancel()
        elif claim.attempts > MAX_ATTEMPTS:
            deadline.fail(_GIVEN_UP)
        point = await self._point(claim)
        begun = (int(nature.created_at), point) if point.next_number else None
        try:
            asked = self.responder.read(nature.owner, load_order(claim.order))
            run = self.responder.begin(asked, claim.lease.id, begun)
        except LimnerError as error:
            await self._refuse(claim, error, point.next_number)
        else:
            await self._record(asked, run, claim.lease, deadline)

    async def _point(self, claim: Claim) -> Point:
        """Where the log ends."""
        id, after = claim.lease.id, -1
        frames: list[bytes] = []
        while more := await self.store.frames(id, after, _READ_AT_ONCE):
            frames += [frame.content for frame in more]
            after = more[-1].number
        return read_back(read_frames(frames), read_spent(claim.spent))

    async def _refuse(self, claim: Claim, error: LimnerError, number: int) -> None:
        """End a response that this server, as it is now, does not take any more."""
        output = await self.store.output(claim.lease.id)
        why = ResponseError("server_error", f"The response cannot go on: {error.message}")
        frames, ending = failed_ending(claim.response, output, why, number)
        await self.store.finish(claim.lease, frames, ending)

    async def _record(
        self, asked: Asked, run: ResponseRun, lease: Lease, deadline: Deadline
    ) -> None:
        """Drive the run; what it says waits for the disk, and the run for what waits too long.

        That a picture is begun is on the disk before anybody is asked to paint it: it may cost.
        """
        steps: asyncio.Queue[Step] = asyncio.Queue(_STEPS_AT_ONCE)
        async with (
            asyncio.TaskGroup() as group,
            aclosing(self.responder.drive(asked, run, deadline)) as driven,
        ):
            group.create_task(self._write_all(lease, steps))
            async for step in driven:
                await steps.put(step)
                if any(map(_opens_picture, step.events)):
                    await steps.join()

    async def _write_all(self, lease: Lease, steps: asyncio.Queue[Step]) -> None:
        """Write steps until the last; those that wait go together."""
        has_ended = False
        while not has_ended:
            batch = [await steps.get()]
            while not steps.empty():
                batch.append(steps.get_nowait())
            has_ended = await self._write(lease, batch)
            self.readers.progress.follow(
                lease.id, (event for step in batch for event in step.events)
            )
            self.readers.bells.ring(lease.id)
            for _ in batch:
                steps.task_done()

    async def _write(self, lease: Lease, batch: list[Step]) -> bool:
        """Whether that was the end."""
        events = numbered(event for step in batch for event in step.events)
        frames: list[Frame] = [frame_of(event) for event in events]
        last = events[-1] if events else None
        if isinstance(last, TerminalEvent):
            is_ours = await self.store.finish(lease, frames, ending_of(last))
        else:
            spent = spent_json(batch[-1].spent)
            is_ours = not events or await self.store.append(lease, frames, done_in(events), spent)
        if not is_ours:
            raise LeaseLostError
        return isinstance(last, TerminalEvent)


def _opens_picture(event: ResponseEvent) -> bool:
    return isinstance(event, OutputItemAdded) and isinstance(event.item, ImageCallItem)
