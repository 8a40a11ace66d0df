"""The responses that this process runs, and its word to the store that it still does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from limner.core.errors import StoreError
from limner.core.response_store import Lease, ResponseStore
from limner.gateway.deadline import Deadline

HEARTBEAT_S = 5.0
"""Several fit into a lease, so that a slow disk costs no run."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A response that runs here. lose: called when another process may have taken it over."""

    lease: Lease
    deadline: Deadline
    lose: Callable[[], object]
    is_detached: bool


class Leases:
    """All of them, by id."""

    def __init__(self, store: ResponseStore, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._store = store
        self._heartbeat_s = heartbeat_s
        self._held: dict[str, Held] = {}

    def hold(self, held: Held) -> None:
        self._held[held.lease.id] = held

    def drop(self, lease: Lease) -> None:
        held = self._held.get(lease.id)
        if held is not None and held.lease == lease:
            del self._held[lease.id]

    def find(self, id: str) -> Held | None:
        return self._held.get(id)

    def detached(self) -> list[Held]:
        """Those that need no client."""
        return [held for held in self._held.values() if held.is_detached]

    async def beat(self) -> None:
        """Renew them, again and again; cancel what somebody wants cancelled; runs for ever."""
        while True:
            await asyncio.sleep(self._heartbeat_s)
            before = list(self._held.values())
            try:
                holding = await self._store.renew([held.lease for held in before])
            except StoreError as error:
                logger.warning("leases could not be renewed", extra={"why": error.message})
                continue
            for held in before:
                if held.lease.id not in holding:
                    held.lose()
                elif holding[held.lease.id]:
                    held.deadline.cancel()
