"""The ports: what the gateway asks of adapters.

The two of a response are twins on purpose.

Both are one method that returns an async iterator. The last event is terminal; failures travel as
events; an exception means a bug; closing the iterator cancels the work and waits until it stopped.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol, runtime_checkable

from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFormat,
    ImageRequest,
)
from limner.core.picture_facts import PictureFacts
from limner.core.turn import TurnEvent, TurnRequest, UpstreamCapabilities


class Upstream(Protocol):
    """A language model."""

    @property
    def capabilities(self) -> UpstreamCapabilities: ...

    def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A language model that tells what a turn would cost without taking it."""

    async def count(self, request: TurnRequest) -> int | None:
        """The turn's input tokens; None where this very server does not tell."""
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


class Finish(Protocol):
    """What is done to every finished picture before it leaves, whoever painted it."""

    async def __call__(self, picture: ImageCompleted, asked: PictureFacts) -> ImageCompleted:
        """The picture as it leaves. asked: how it was made, as far as it does not say itself."""
        ...


class Fetch(Protocol):
    """Gets the pictures that clients name by URL."""

    async def __call__(self, url: str) -> ImageData:
        """The picture at an http(s) URL; raises InvalidRequest when it cannot be had."""
        ...


class Files(Protocol):
    """Pictures that clients have uploaded."""

    async def picture(self, owner: str, file_id: str) -> bytes | None:
        """The bytes of an upload, in any format; None for ids unknown, foreign or deleted."""
        ...


class Codec(Protocol):
    """Reads and writes pictures, away from everything that they could harm."""

    async def readable(self, content: bytes) -> ImageData:
        """A picture of any format as PNG without metadata; raises InvalidRequest for no picture."""
        ...

    async def encode(
        self, image: ImageData, format: ImageFormat, compression: int | None = None
    ) -> ImageData:
        """The same picture in another format; compression: 0 to 100, as in the Images API."""
        ...

    async def thumbnail(self, image: ImageData, *, width_px: int) -> ImageData:
        """A small WebP of it, this wide, or as wide as the picture is where that is less."""
        ...

    async def scaled(self, image: ImageData, *, max_edge_px: int, max_bytes: int) -> ImageData:
        """The picture, made smaller where it exceeds the limits."""
        ...
