"""Draws a scene: the same scene, size and seed always give the same picture.

Places and sizes are nearly fixed by the scene (a few pixels of chance): a small model learns a
crisp picture of few things sooner than a blurred one of many.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.canvas import Canvas, Colour
from training.figures import draw_figure
from training.landscapes import draw_landscape
from training.scenes import COLOURS, Arrangement, Layout, Scene

_PLAIN: tuple[Colour, Colour] = ((176, 212, 240), (228, 240, 250))
_ONE: Mapping[str, float] = {"small": 0.17, "medium": 0.29, "big": 0.39}
_MANY: Mapping[str, float] = {"small": 0.125, "medium": 0.185, "big": 0.22}
# Centres as shares of width and height, in reading order.
PLACES: Mapping[Layout, tuple[tuple[float, float], ...]] = {
    "one": ((0.5, 0.5),),
    "vertical": ((0.5, 0.26), (0.5, 0.74)),
    "horizontal": ((0.26, 0.5), (0.74, 0.5)),
    "two": ((0.26, 0.5), (0.74, 0.5)),
    "three": ((0.5, 0.26), (0.26, 0.74), (0.74, 0.74)),
    "four": ((0.26, 0.26), (0.74, 0.26), (0.26, 0.74), (0.74, 0.74)),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """pixels: (height, width, 3) uint8; cover: (height, width) uint8, 255 where the subject is."""

    pixels: NDArray[np.uint8]
    cover: NDArray[np.uint8]


def draw(scene: Scene, width: int, height: int, rng: random.Random) -> Drawing:
    """Draw a scene on a picture of width x height pixels."""
    canvas = Canvas(width, height)
    if isinstance(scene, Arrangement):
        _draw_arrangement(canvas, scene, rng)
    else:
        draw_landscape(canvas, scene, rng)
    return Drawing(_array(canvas.picture), _array(canvas.cover))


def _array(image: Any) -> NDArray[np.uint8]:
    return np.array(image, dtype=np.uint8)


def _draw_arrangement(canvas: Canvas, scene: Arrangement, rng: random.Random) -> None:
    if scene.background == "plain":
        canvas.gradient(_PLAIN)
    else:
        paint = COLOURS[scene.background]
        canvas.gradient((_jittered(paint, rng), _jittered(paint, rng)))
    places = PLACES[scene.layout]
    figures = scene.figures if len(scene.figures) == len(places) else scene.figures * len(places)
    radii = _ONE if scene.layout == "one" else _MANY
    unit = min(canvas.width, canvas.height)
    sway = 2.0 if scene.layout == "one" else 1.5
    for figure, (column, row) in zip(figures, places, strict=True):
        centre = (
            column * canvas.width + rng.uniform(-sway, sway),
            row * canvas.height + rng.uniform(-sway, sway),
        )
        radius = radii[figure.size] * unit * rng.uniform(0.98, 1.02)
        draw_figure(canvas, figure.what, centre, radius, _jittered(COLOURS[figure.colour], rng, 4))


def _jittered(colour: Colour, rng: random.Random, by: int = 8) -> Colour:
    red, green, blue = (min(255, max(0, channel + rng.randint(-by, by))) for channel in colour)
    return red, green, blue
