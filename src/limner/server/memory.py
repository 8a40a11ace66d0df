"""What one WebSocket remembers of its responses that nobody stores, within limits."""

from __future__ import annotations

from collections.abc import Sequence

from limner.core.session import Remembered
from limner.core.turn import JsonObject

MAX_RESPONSES = 64
MAX_BYTES = 128 * 1024 * 1024


class Memory:
    """Forgets what is oldest where it grows beyond its limits."""

    def __init__(self, max_responses: int = MAX_RESPONSES, max_bytes: int = MAX_BYTES) -> None:
        self.responses: dict[str, Remembered] = {}
        self._sizes: dict[str, int] = {}
        self._max_responses = max_responses
        self._max_bytes = max_bytes

    def add(
        self, id: str, previous_id: str | None, items: Sequence[JsonObject], size_bytes: int
    ) -> None:
        """size_bytes: of the items as JSON, about."""
        self.responses[id] = Remembered(previous_id, items)
        self._sizes[id] = size_bytes
        while len(self._sizes) > self._max_responses or sum(self._sizes.values()) > self._max_bytes:
            oldest = next(iter(self._sizes))
            del self.responses[oldest], self._sizes[oldest]

    def forget(self, id: str | None) -> None:
        """Whether it is there or not."""
        if self.responses.pop(id or "", None):
            del self._sizes[str(id)]
