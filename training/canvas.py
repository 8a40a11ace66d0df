"""A small drawing surface: soft-edged polygons over a gradient, and a record of what they cover."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]
_OVERSAMPLING = 4


class Canvas:
    """A picture of (width, height) pixels; all coordinates are pixels, y grows downwards."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.picture = Image.new("RGB", (width, height))
        self.cover = Image.new("L", (width, height))

    def gradient(self, stops: Sequence[Colour]) -> None:
        """Fill from top to bottom through the colours at equal distances."""
        rows = np.linspace(0, len(stops) - 1, self.height)
        table = np.array(stops, dtype=np.float64)
        column = np.stack(
            [np.interp(rows, np.arange(len(stops)), table[:, channel]) for channel in range(3)],
            axis=1,
        )
        image = Image.fromarray(column.round().astype(np.uint8)[:, None, :])
        self.picture.paste(image.resize((self.width, self.height)))

    def polygon(
        self,
        points: Sequence[Point],
        colour: Colour,
        *,
        hole: Sequence[Point] = (),
        counts: bool = True,
    ) -> None:
        """Fill a polygon, less a hole. `counts`: it belongs to the subject, not to the scenery."""
        left = max(0, math.floor(min(x for x, _ in points)))
        top = max(0, math.floor(min(y for _, y in points)))
        right = min(self.width, math.ceil(max(x for x, _ in points)) + 1)
        bottom = min(self.height, math.ceil(max(y for _, y in points)) + 1)
        if right <= left or bottom <= top:
            return
        size = ((right - left) * _OVERSAMPLING, (bottom - top) * _OVERSAMPLING)
        mask = Image.new("L", size)
        pen = ImageDraw.Draw(mask)
        for outline, ink in ((points, 255), (hole, 0)):
            if outline:
                pen.polygon(
                    [((x - left) * _OVERSAMPLING, (y - top) * _OVERSAMPLING) for x, y in outline],
                    fill=ink,
                )
        mask = mask.reduce(_OVERSAMPLING)
        self.picture.paste(colour, (left, top, right, bottom), mask)
        if counts:
            self.cover.paste(255, (left, top, right, bottom), mask)

    def ellipse(
        self,
        centre: Point,
        radius_x: float,
        radius_y: float,
        colour: Colour,
        *,
        counts: bool = True,
    ) -> None:
        self.polygon(ellipse(centre, radius_x, radius_y), colour, counts=counts)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        colour: Colour,
        *,
        counts: bool = True,
    ) -> None:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.polygon(corners, colour, counts=counts)


def ellipse(centre: Point, radius_x: float, radius_y: float, corners: int = 48) -> list[Point]:
    """The outline of an upright ellipse as a polygon."""
    angles = (math.tau * corner / corners for corner in range(corners))
    return [
        (centre[0] + radius_x * math.cos(a), centre[1] + radius_y * math.sin(a)) for a in angles
    ]


def shaded(colour: Colour, factor: float) -> Colour:
    """The colour darkened (factor < 1) or lightened (factor > 1, towards white)."""
    if factor <= 1:
        red, green, blue = (round(channel * factor) for channel in colour)
    else:
        red, green, blue = (round(255 - (255 - channel) * (2 - factor)) for channel in colour)
    return red, green, blue
