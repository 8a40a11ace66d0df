"""Says what a picture of coloured shapes shows, by measuring it: no eye, no network, no model.

The way: the edge columns tell the background; what differs from it falls into connected parts; each
part has a median colour and an outline. An outline is compared with those of all shapes after both
are moved to their centroid and scaled to one area, so that only the form counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.canvas import Canvas
from training.figures import draw_figure
from training.scenes import COLOURS, SHAPES, Arrangement, Figure

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_EDGE = 3  # columns at either side that no figure touches
_DIFFERS = 9.0  # CIELAB distance that the eye sees at once; soft backgrounds vary by less
_SMALLEST = 0.004  # share of the picture below which a part is a speck
_GRID = 48  # side of the square on which outlines are compared
_AREA = 0.30  # share of that square that every outline is scaled to cover
_LIKE = 0.72  # overlap with the best outline below which a part is no shape at all

_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "vertical": 2, "horizontal": 2}


@dataclass(frozen=True, slots=True)
class Part:
    """A connected part of the picture: `colour` of COLOURS, `shape` of SHAPES or "none".

    x and y: the centroid in pixels. area: pixels. overlap: how like the shape it is, 0 to 1.
    """

    colour: str
    shape: str
    overlap: float
    x: float
    y: float
    area: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a picture shows; parts are sorted by area, the largest first."""

    background: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is right in a picture. `colours` and `shapes` answer for each figure that was asked for.

    relation: both figures stand where the caption puts them; None where it asks for no two.
    count: as many parts as asked for.
    """

    background: bool
    colours: tuple[bool, ...]
    shapes: tuple[bool, ...]
    relation: bool | None
    count: bool


def judge(pixels: Pixels, scene: Arrangement) -> Verdict:
    """Compare a picture, (height, width, 3) bytes, with the scene that was asked for."""
    reading = read(pixels)
    number = _COUNTS[scene.layout]
    parts = reading.parts[:number]
    wanted = scene.figures if len(scene.figures) == number else scene.figures * number
    found = _assigned(wanted, parts)
    pairs = list(zip(wanted, found, strict=True))
    return Verdict(
        background=reading.background == scene.background,
        colours=tuple(part is not None and part.colour == figure.colour for figure, part in pairs),
        shapes=tuple(part is not None and part.shape == figure.what for figure, part in pairs),
        relation=_relation(scene, found),
        count=len(reading.parts) == number,
    )


def read(pixels: Pixels) -> Reading:
    """Measure a picture, (height, width, 3) bytes, whatever it shows."""
    lab = _lab(pixels)
    edges = np.concatenate([lab[:, :_EDGE], lab[:, -_EDGE:]], axis=1)
    rows = np.median(edges, axis=1)
    distance = np.linalg.norm(lab - rows[:, None, :], axis=2)
    smallest = _SMALLEST * distance.size
    parts = []
    for rough in _connected(distance > _DIFFERS):
        # A soft edge belongs to the part as far as it is nearer to the part than to the background.
        mask = rough & (distance > np.median(distance[rough]) / 2)
        # What has no inside is a hair, such as a picture's outermost row.
        if mask.sum() >= smallest and (inside := _eroded(mask)).any():
            parts.append(_part(lab, mask, inside))
    parts.sort(key=lambda part: -part.area)
    if parts:
        parts = [part for part in parts if part.area >= 0.12 * parts[0].area]
    return Reading(_nearest(np.median(rows, axis=0)), tuple(parts))


def _part(lab: Floats, mask: Mask, inside: Mask) -> Part:
    ys, xs = np.nonzero(mask)
    colour = _nearest(np.median(lab[inside], axis=0))
    form = _normalised(mask)
    overlaps = {shape: _overlap(form, outline) for shape, outline in _outlines().items()}
    shape = max(overlaps, key=lambda name: overlaps[name])
    overlap = overlaps[shape]
    named = shape if overlap >= _LIKE else "none"
    return Part(colour, named, overlap, float(xs.mean()), float(ys.mean()), len(xs))


def _assigned(wanted: tuple[Figure, ...], parts: tuple[Part, ...]) -> list[Part | None]:
    """The part that answers each figure; two figures take the pairing that agrees best."""
    slots: list[Part | None] = [*parts, *[None] * (len(wanted) - len(parts))]
    if len(wanted) != 2:
        return slots
    return max((slots, slots[::-1]), key=lambda order: _agreement(wanted, order))


def _agreement(wanted: tuple[Figure, ...], parts: list[Part | None]) -> int:
    score = 0
    for figure, part in zip(wanted, parts, strict=True):
        if part is not None:
            score += 2 * (part.colour == figure.colour) + (part.shape == figure.what)
    return score


def _relation(scene: Arrangement, found: list[Part | None]) -> bool | None:
    """Whether the parts that carry the two colours stand in the order that was asked for."""
    if scene.layout not in ("vertical", "horizontal"):
        return None
    first, second = found
    if first is None or second is None:
        return False
    if (first.colour, second.colour) != tuple(figure.colour for figure in scene.figures):
        return False
    across, down = second.x - first.x, second.y - first.y
    ahead, aside = (down, across) if scene.layout == "vertical" else (across, down)
    return ahead > abs(aside)


def _connected(mask: Mask) -> list[Mask]:
    """The parts of a mask that hang together by their sides."""
    left = set(zip(*(axis.tolist() for axis in np.nonzero(mask)), strict=True))
    parts = []
    while left:
        edge = [left.pop()]
        part = np.zeros_like(mask)
        while edge:
            y, x = edge.pop()
            part[y, x] = True
            for neighbour in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if neighbour in left:
                    left.remove(neighbour)
                    edge.append(neighbour)
        parts.append(part)
    return parts


def _eroded(mask: Mask) -> Mask:
    """The mask without two pixels at its edge, where colours mix."""
    for _ in range(2):
        padded = np.pad(mask, 1)
        mask = mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask


def _normalised(mask: Mask) -> Mask:
    """The mask moved to its centroid and scaled to one area, on a square grid."""
    ys, xs = np.nonzero(mask)
    scale = np.sqrt(len(xs) / _AREA) / _GRID  # pixels for each step of the grid
    steps = (np.arange(_GRID) - (_GRID - 1) / 2) * scale
    rows = np.rint(ys.mean() + steps).astype(int)
    columns = np.rint(xs.mean() + steps).astype(int)
    pad = int(max(mask.shape))
    padded = np.pad(mask, pad)
    limit = np.array(padded.shape) - 1
    rows, columns = np.clip(rows + pad, 0, limit[0]), np.clip(columns + pad, 0, limit[1])
    form: Mask = padded[np.ix_(rows, columns)]
    return form


def _overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


@cache
def _outlines() -> dict[str, Mask]:
    """The outline of every shape as drawn large, normalised."""
    outlines = {}
    for shape in SHAPES:
        canvas = Canvas(256, 256)
        draw_figure(canvas, shape, (128, 128), 96, (255, 255, 255))
        outlines[shape] = _normalised(np.asarray(canvas.cover) > 127)
    return outlines


def _nearest(lab: Any) -> str:
    names = tuple(COLOURS)
    return names[int(np.argmin(np.linalg.norm(_palette() - lab, axis=1)))]


@cache
def _palette() -> Floats:
    return _lab(np.array([[*COLOURS.values()]], dtype=np.uint8)).reshape(-1, 3)


def _lab(pixels: Pixels) -> Floats:
    """sRGB bytes to CIELAB (D65, CIE 15:2004), where distance is what the eye calls different."""
    share = pixels.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    bent = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = bent[..., 0], bent[..., 1], bent[..., 2]
    lab: Floats = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
    return lab
