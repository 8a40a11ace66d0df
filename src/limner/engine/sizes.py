"""At what size a picture is painted, and at what size it is given back.

A new picture is painted as asked, or near to it. An edit is given back to the pixel in the size of
its source, or in the size that was asked for, whatever the model paints inside.
"""

from __future__ import annotations

import math

from limner.core.image import Size
from limner.engine.model import ModelFacts
from limner.engine.refusal import refused


def new_sizes(asked: Size | None, model: ModelFacts, said: list[str]) -> tuple[Size, Size]:
    """The painted size and the delivered one; what differs from the asked one goes into `said`.

    Raises ImageError for an edge out of the model's bounds.
    """
    if asked is None:
        return model.native_size, model.native_size
    _check(asked, model)
    if not model.buckets:
        size = _rounded(asked, model)
        if size != asked:
            said.append(f"size {asked} was rounded to {size}, multiples of {model.multiple} px")
        return size, size
    painted = nearest_bucket(asked, model.buckets)
    if painted != asked:
        said.append(
            f"painted at {painted}, a size of {model.name!r}, and {_scaled(painted, asked)}"
        )
    return painted, asked


def edit_sizes(
    asked: Size | None, source: Size, model: ModelFacts, said: list[str]
) -> tuple[Size, Size]:
    """As `new_sizes`, for an edit of a picture as large as `source`."""
    if asked is not None:
        _check(asked, model)
        if asked.width * source.height != asked.height * source.width:
            said.append(f"the source, {source}, was cut evenly to the shape of {asked}")
    size = asked or source
    painted = nearest_bucket(size, model.buckets) if model.buckets else _within(size, model)
    if painted != size:
        said.append(f"painted at {painted} and {_scaled(painted, size)}")
    return painted, size


def nearest_bucket(asked: Size, buckets: tuple[Size, ...]) -> Size:
    """The bucket of the nearest shape; of those equal in shape, the nearest in area."""

    def distance(bucket: Size) -> tuple[float, float]:
        shape = math.log(bucket.width * asked.height / (bucket.height * asked.width))
        area = math.log(bucket.width * bucket.height / (asked.width * asked.height))
        return round(abs(shape), 6), abs(area)

    return min(buckets, key=distance)


def _check(asked: Size, model: ModelFacts) -> None:
    low, high = model.min_edge_px, model.max_edge_px
    if not (low <= asked.width <= high and low <= asked.height <= high):
        raise refused("size", f"both edges must be {low} to {high} px, got {asked}")


def _within(size: Size, model: ModelFacts) -> Size:
    """The size that the model paints for one of any edges: scaled into the bounds, then rounded."""
    shrunk = min(1.0, model.max_edge_px / max(size.width, size.height))
    factor = max(shrunk, model.min_edge_px / min(size.width, size.height))
    return _rounded(Size(round(size.width * factor), round(size.height * factor)), model)


def _rounded(size: Size, model: ModelFacts) -> Size:
    """The nearest multiples that stay within the bounds, themselves multiples."""

    def edge(px: int) -> int:
        nearest = model.multiple * round(px / model.multiple)
        return min(max(nearest, model.min_edge_px), model.max_edge_px)

    return Size(edge(size.width), edge(size.height))


def _scaled(painted: Size, size: Size) -> str:
    larger = size.width * size.height > painted.width * painted.height
    return f"{'enlarged' if larger else 'reduced'} to {size}"
