"""The two ports of a response, twins on purpose.

Both are one method that returns an async iterator. The last event is terminal; failures travel as
events; an exception means a bug; closing the iterator cancels the work and waits until it stopped.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from limner.core.image import ImageCapabilities, ImageEvent, ImageRequest
from limner.core.turn import TurnEvent, TurnRequest, UpstreamCapabilities


class Upstream(Protocol):
    """A language model."""

    @property
    def capabilities(self) -> UpstreamCapabilities: ...

    def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        ...


class ImageBackend(Protocol):
    """Whatever paints pictures."""

    @property
    def capabilities(self) -> ImageCapabilities: ...

    def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield progress, previews and `request.n` pictures.

        Ends with the last `ImageCompleted`, or with `ImageFailed`.
        """
        ...
