"""Pictures made small enough for a server that refuses larger ones."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Protocol

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.core.items import FunctionCallOutput, ImagePart, Item, Message, Part
from limner.core.turn import TurnRequest
from limner.wire.picture_size import measure


class Scale(Protocol):
    """Makes a picture fit, as `core.ports.Codec.scaled` does; raises InvalidRequest."""

    def __call__(
        self, image: ImageData, *, max_edge_px: int, max_bytes: int
    ) -> Awaitable[ImageData]: ...


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What a server takes of one request's pictures.

    few: up to so many may have max_edge_px, more of them only max_edge_of_many_px. all_bytes: of
    all together.
    """

    max_edge_px: int
    max_bytes: int
    few: int
    max_edge_of_many_px: int
    all_bytes: int


async def fitted(
    request: TurnRequest, limits: PictureLimits, scale: Scale
) -> tuple[TurnRequest, int]:
    """The request with pictures within the limits, and how many of them were made smaller.

    One that cannot be read stays as it is, for the dialect to leave out.
    """
    pictures = [
        part.source
        for item in request.items
        for part in _parts(item)
        if isinstance(part, ImagePart)
    ]
    edge_px = limits.max_edge_of_many_px if len(pictures) > limits.few else limits.max_edge_px
    max_bytes = limits.max_bytes
    if sum(len(picture.content) for picture in pictures) > limits.all_bytes:
        max_bytes = min(max_bytes, limits.all_bytes // len(pictures))
    smaller: dict[ImageData, ImageData] = {}
    for picture in dict.fromkeys(pictures):
        size = measure(picture)
        if len(picture.content) <= max_bytes and size and max(size.width, size.height) <= edge_px:
            continue
        try:
            smaller[picture] = await scale(picture, max_edge_px=edge_px, max_bytes=max_bytes)
        except InvalidRequest:
            continue
    if not smaller:
        return request, 0
    items = tuple(_with(item, smaller) for item in request.items)
    return replace(request, items=items), len(smaller)


def _parts(item: Item) -> tuple[Part, ...]:
    return item.parts if isinstance(item, Message | FunctionCallOutput) else ()


def _with(item: Item, smaller: dict[ImageData, ImageData]) -> Item:
    if not isinstance(item, Message | FunctionCallOutput):
        return item
    parts = tuple(
        replace(part, source=smaller.get(part.source, part.source))
        if isinstance(part, ImagePart)
        else part
        for part in item.parts
    )
    return replace(item, parts=parts)
