"""How far pictures are in the responses that run here: for who looks on, and kept nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from limner.core.events import ImageCallProgress, OutputItemDone, ResponseEvent


class LatestProgress:
    """Of each response the last word about the picture under way; older ones are worth nothing."""

    def __init__(self) -> None:
        self._latest: dict[str, ImageCallProgress] = {}

    def follow(self, id: str, events: Iterable[ResponseEvent]) -> None:
        """Take note of what a response has said, once readers can see what is logged of it."""
        for event in events:
            if isinstance(event, ImageCallProgress):
                self._latest[id] = event
            elif isinstance(event, OutputItemDone):
                self.drop(id)

    def of(self, id: str) -> ImageCallProgress | None:
        """None where nothing is being painted, and for what runs elsewhere."""
        return self._latest.get(id)

    def drop(self, id: str) -> None:
        """Its picture is done, or it does not run here any more."""
        self._latest.pop(id, None)
