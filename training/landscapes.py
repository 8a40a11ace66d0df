"""How the little views look: a sky, a ground, and what stands on it."""

from __future__ import annotations

import random
from collections.abc import Mapping

from training.canvas import Canvas, Colour, shaded
from training.scenes import COLOURS, Landscape

_SKIES: Mapping[str, tuple[Colour, ...]] = {
    "day": ((104, 178, 240), (176, 216, 246), (226, 240, 250)),
    "sunset": ((92, 62, 130), (236, 110, 84), (254, 196, 96)),
    "night": ((10, 14, 44), (22, 30, 74), (44, 54, 104)),
}
# How much of the daylight is left on the ground.
_LIGHT: Mapping[str, float] = {"day": 1.0, "sunset": 0.74, "night": 0.42}
_GRASS: Colour = (104, 174, 72)
_SAND: Colour = (226, 200, 144)
_SEA: Mapping[str, tuple[Colour, Colour]] = {
    "day": ((70, 156, 216), (30, 104, 180)),
    "sunset": ((236, 136, 96), (96, 62, 120)),
    "night": ((30, 44, 98), (12, 20, 56)),
}


def draw_landscape(canvas: Canvas, scene: Landscape, rng: random.Random) -> None:
    """Draw the view; chance only moves ridges, stars and clouds a little."""
    light = _LIGHT[scene.time]
    canvas.gradient(_SKIES[scene.time])
    _sky_lights(canvas, scene, rng)
    match scene.ground:
        case "mountains":
            _mountains(canvas, light, rng)
        case "sea":
            _sea(canvas, scene, light)
        case _:
            _hills(canvas, light, rng)
    if scene.boat:
        _boat(canvas, COLOURS[scene.boat], light, rng)
    if scene.trees:
        _trees(canvas, light, beside_house=scene.house is not None)
    if scene.house:
        _house(canvas, scene, light)


def _sky_lights(canvas: Canvas, scene: Landscape, rng: random.Random) -> None:
    width, height = canvas.width, canvas.height
    unit = min(width, height)
    if scene.time == "night":
        for column, row in (
            (0.08, 0.1),
            (0.2, 0.26),
            (0.36, 0.08),
            (0.5, 0.2),
            (0.62, 0.07),
            (0.92, 0.3),
        ):
            x = (column + rng.uniform(-0.02, 0.02)) * width
            y = (row + rng.uniform(-0.02, 0.02)) * height
            canvas.ellipse((x, y), 1.3, 1.3, (240, 240, 210), counts=False)
        canvas.ellipse((0.76 * width, 0.2 * height), 0.1 * unit, 0.1 * unit, (250, 244, 206))
        canvas.ellipse((0.73 * width, 0.18 * height), 0.025 * unit, 0.025 * unit, (222, 214, 178))
    elif scene.time == "sunset":
        canvas.ellipse((0.5 * width, 0.42 * height), 0.15 * unit, 0.15 * unit, (255, 226, 120))
    else:
        canvas.ellipse((0.8 * width, 0.18 * height), 0.1 * unit, 0.1 * unit, (255, 222, 70))
        drift = rng.uniform(-0.03, 0.03) * width
        for offset, lift, size in ((0.14, 0.22, 0.06), (0.24, 0.18, 0.08), (0.34, 0.22, 0.06)):
            centre = (offset * width + drift, lift * height)
            canvas.ellipse(centre, size * unit * 1.3, size * unit, (252, 252, 254), counts=False)


def _mountains(canvas: Canvas, light: float, rng: random.Random) -> None:
    width, height = canvas.width, canvas.height
    horizon = 0.68 * height
    rock, snow = shaded((112, 116, 140), light), shaded((244, 246, 250), min(1.0, light + 0.2))
    for column, peak, spread in ((0.84, 0.36, 0.36), (0.2, 0.33, 0.4), (0.52, 0.42, 0.32)):
        x = (column + rng.uniform(-0.03, 0.03)) * width
        top = (peak + rng.uniform(-0.02, 0.02)) * height
        reach = spread * width
        tone = shaded(rock, 0.82 + 0.36 * column * (1 - column))
        canvas.polygon(
            [(x, top), (x + reach, horizon + 1), (x - reach, horizon + 1)], tone, counts=False
        )
        cap = 0.3
        drop = cap * (horizon - top)
        canvas.polygon(
            [
                (x, top),
                (x + cap * reach, top + drop),
                (x, top + 0.7 * drop),
                (x - cap * reach, top + drop),
            ],
            snow,
            counts=False,
        )
    canvas.box(0, horizon, width, height, shaded(_GRASS, light), counts=False)


def _sea(canvas: Canvas, scene: Landscape, light: float) -> None:
    width, height = canvas.width, canvas.height
    horizon = round(0.56 * height)
    far, near = _SEA[scene.time]
    bands = 6
    for band in range(bands):
        share = band / (bands - 1)
        red, green, blue = (round(a + (b - a) * share) for a, b in zip(far, near, strict=True))
        top = horizon + (height - horizon) * band / bands
        canvas.box(0, top, width, height, (red, green, blue), counts=False)
    if scene.house or scene.trees:
        shore = [(0, 0.8 * height), (0.55 * width, 0.82 * height), (width, 0.95 * height)]
        canvas.polygon([*shore, (width, height), (0, height)], shaded(_SAND, light), counts=False)


def _hills(canvas: Canvas, light: float, rng: random.Random) -> None:
    width, height = canvas.width, canvas.height
    sway = rng.uniform(-0.03, 0.03)
    back, front = shaded(_GRASS, 0.86 * light), shaded(_GRASS, light)
    canvas.ellipse(
        ((0.75 + sway) * width, 0.92 * height), 0.6 * width, 0.36 * height, back, counts=False
    )
    canvas.ellipse(
        ((0.25 + sway) * width, 1.0 * height), 0.8 * width, 0.38 * height, front, counts=False
    )
    canvas.box(0, 0.84 * height, width, height, front, counts=False)


def _house(canvas: Canvas, scene: Landscape, light: float) -> None:
    assert scene.house is not None
    unit = min(canvas.width, canvas.height)
    x, y = 0.36 * canvas.width, 0.86 * canvas.height
    half, tall = 0.17 * unit, 0.22 * unit
    glow = max(light, 0.72)  # a house at night still shows its colour
    wall = shaded(COLOURS[scene.house], glow)
    canvas.box(x - half, y - tall, x + half, y, wall)
    roof = shaded((110, 54, 44) if scene.house != "brown" else (190, 70, 54), glow)
    canvas.polygon(
        [(x - 1.25 * half, y - tall), (x + 1.25 * half, y - tall), (x, y - 1.9 * tall)], roof
    )
    canvas.box(x - 0.2 * half, y - 0.55 * tall, x + 0.24 * half, y, shaded((76, 50, 38), glow))
    pane = (255, 232, 130) if scene.time != "day" else (200, 228, 246)
    for side in (-0.62, 0.66):
        left = x + side * half - 0.19 * half
        canvas.box(left, y - 0.75 * tall, left + 0.38 * half, y - 0.4 * tall, pane)


def _trees(canvas: Canvas, light: float, *, beside_house: bool) -> None:
    unit = min(canvas.width, canvas.height)
    places = (
        ((0.7, 0.88), (0.88, 0.93)) if beside_house else ((0.2, 0.88), (0.48, 0.93), (0.78, 0.88))
    )
    glow = max(light, 0.5)
    for column, row in places:
        x, y = column * canvas.width, row * canvas.height
        canvas.box(
            x - 0.025 * unit, y - 0.14 * unit, x + 0.025 * unit, y, shaded((110, 74, 44), glow)
        )
        for lift, radius in ((0.2, 0.105), (0.29, 0.08)):
            canvas.ellipse(
                (x, y - lift * unit), radius * unit, radius * unit, shaded((34, 124, 58), glow)
            )


def _boat(canvas: Canvas, sail: Colour, light: float, rng: random.Random) -> None:
    unit = min(canvas.width, canvas.height)
    x = (0.64 + rng.uniform(-0.02, 0.02)) * canvas.width
    y = 0.7 * canvas.height
    glow = max(light, 0.72)
    mast = shaded((96, 64, 44), glow)
    canvas.box(x - 0.01 * unit, y - 0.36 * unit, x + 0.01 * unit, y, mast)
    canvas.polygon(
        [
            (x + 0.025 * unit, y - 0.35 * unit),
            (x + 0.19 * unit, y - 0.05 * unit),
            (x + 0.025 * unit, y - 0.05 * unit),
        ],
        shaded(sail, glow),
    )
    canvas.polygon(
        [
            (x - 0.025 * unit, y - 0.3 * unit),
            (x - 0.15 * unit, y - 0.05 * unit),
            (x - 0.025 * unit, y - 0.05 * unit),
        ],
        shaded(sail, 0.92 * glow),
    )
    hull = [(-0.22, 0.0), (0.24, 0.0), (0.16, 0.1), (-0.15, 0.1)]
    canvas.polygon([(x + dx * unit, y + dy * unit) for dx, dy in hull], shaded((132, 70, 40), glow))
