"""Who waits for news of a response is woken when this process has some."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Bells:
    """One bell for each response that somebody listens to. Take one before looking, then wait."""

    def __init__(self) -> None:
        self._bells: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    def listen(self, id: str) -> asyncio.Event:
        """Set at the next news."""
        bell = self._bells.get(id)
        if bell is None:
            bell = self._bells[id] = asyncio.Event()
        return bell

    def ring(self, id: str) -> None:
        """There is news of a response."""
        if (bell := self._bells.pop(id, None)) is not None:
            bell.set()

    def ring_all(self) -> None:
        for id in list(self._bells):
            self.ring(id)


async def heard(bell: asyncio.Event, within_s: float) -> bool:
    """Wait for a bell, but no longer; whether it rang."""
    try:
        async with asyncio.timeout(within_s):
            return await bell.wait()
    except TimeoutError:
        return False
