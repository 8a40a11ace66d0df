"""Readers of responses that need no client: they follow the log, not the run."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from limner.core.events import ImageCallProgress
from limner.core.response_store import ENDED, Frame, ResponseStore
from limner.gateway.bells import Bells, heard
from limner.gateway.progress import LatestProgress

POLL_S = 2.0
"""How long news of another process may take; this one's own wake who waits."""

_READ_AT_ONCE = 16


class Readers:
    """poll_s: for tests."""

    def __init__(self, store: ResponseStore, *, poll_s: float = POLL_S) -> None:
        self.bells = Bells()
        self.progress = LatestProgress()
        self._store = store
        self._poll_s = poll_s
        self._is_stopping = False

    def stop(self) -> None:
        """Let nobody wait any longer."""
        self._is_stopping = True
        self.bells.ring_all()

    async def follow(
        self, id: str, after: int = -1
    ) -> AsyncGenerator[Frame | ImageCallProgress, None]:
        """The events of a logged response behind the one of that number, up to its end.

        Who has seen all that is logged is told of progress too, where the response runs here. Ends
        early when the response is deleted, and when this process stops.
        """
        told: ImageCallProgress | None = None
        while not self._is_stopping:
            bell = self.bells.listen(id)
            # Taken before the log is read: what it speaks of is in there.
            progress = self.progress.of(id)
            status = await self._store.status(id)
            frames = await self._store.frames(id, after, _READ_AT_ONCE)
            for frame in frames:
                yield frame
                after = frame.number
            if frames:
                continue
            if status is None or status in ENDED:
                return
            if progress is not None and progress is not told:
                yield progress
                told = progress
            await heard(bell, self._poll_s)

    async def ended(self, id: str) -> bool:
        """Wait until a response has ended; False when it is deleted, or this process stops."""
        while not self._is_stopping:
            bell = self.bells.listen(id)
            status = await self._store.status(id)
            if status is None or status in ENDED:
                return status is not None
            await heard(bell, self._poll_s)
        return False
