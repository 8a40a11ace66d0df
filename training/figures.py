"""How the shapes and things look: outlines in a unit box, placed by centre and radius.

The proportions are chosen for a small model: no two outlines can be taken for each other even
through a soft picture (a narrow diamond, a wide hexagon, a deep star, a ring that is half hole).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from training.canvas import Canvas, Colour, Point, ellipse, shaded

_DARK: Colour = (36, 34, 40)
_LIGHT: Colour = (248, 248, 250)


def _star() -> list[Point]:
    radii = (1.12, 0.44)
    return [
        (radii[k % 2] * math.sin(math.pi * k / 5), 0.06 - radii[k % 2] * math.cos(math.pi * k / 5))
        for k in range(10)
    ]


def _heart() -> list[Point]:
    """The usual trigonometric heart, its cleft deepened."""
    outline = []
    for k in range(48):
        t = math.tau * k / 48
        y = 13 * math.cos(t) - 6 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        outline.append((1.06 * math.sin(t) ** 3, -0.1 - y / 16))
    return outline


OUTLINES: Mapping[str, Sequence[Point]] = {
    "circle": ellipse((0, 0), 1, 1),
    "square": [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
    "triangle": [(0, -1.02), (1.06, 0.84), (-1.06, 0.84)],
    "star": _star(),
    "heart": _heart(),
    "diamond": [(0, -1.12), (0.66, 0), (0, 1.12), (-0.66, 0)],
    "hexagon": [(-1.12, 0), (-0.56, -0.84), (0.56, -0.84), (1.12, 0), (0.56, 0.84), (-0.56, 0.84)],
    "ring": ellipse((0, 0), 1, 1),
}
HOLES: Mapping[str, Sequence[Point]] = {"ring": ellipse((0, 0), 0.52, 0.52)}


def draw_figure(canvas: Canvas, what: str, centre: Point, radius: float, colour: Colour) -> None:
    """Draw a shape or thing of about 2 * radius pixels; the colour is its main colour."""
    if what in OUTLINES:
        outline = _placed(OUTLINES[what], centre, radius)
        canvas.polygon(outline, colour, hole=_placed(HOLES.get(what, ()), centre, radius))
    else:
        _THINGS[what](_Pen(canvas, centre, radius), colour)


def _placed(outline: Sequence[Point], centre: Point, radius: float) -> list[Point]:
    return [(centre[0] + radius * x, centre[1] + radius * y) for x, y in outline]


class _Pen:
    """Draws in the unit box of one thing."""

    def __init__(self, canvas: Canvas, centre: Point, radius: float) -> None:
        self._canvas = canvas
        self._centre = centre
        self._radius = radius

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        self._canvas.polygon(_placed(points, self._centre, self._radius), colour)

    def ellipse(self, x: float, y: float, radius_x: float, radius_y: float, colour: Colour) -> None:
        self.polygon(ellipse((x, y), radius_x, radius_y), colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)


def _contrast(colour: Colour) -> Colour:
    """Dark on light paint, light on dark paint."""
    return _LIGHT if sum(colour) < 150 else _DARK


def _car(pen: _Pen, colour: Colour) -> None:
    pen.polygon([(-0.66, -0.08), (-0.4, -0.62), (0.36, -0.62), (0.7, -0.08)], colour)
    pen.polygon([(-0.48, -0.1), (-0.31, -0.48), (-0.06, -0.48), (-0.06, -0.1)], (196, 226, 244))
    pen.polygon([(0.06, -0.1), (0.06, -0.48), (0.29, -0.48), (0.5, -0.1)], (196, 226, 244))
    body = [(-1.1, 0.0), (-1.0, -0.14), (0.8, -0.14), (1.1, 0.02), (1.1, 0.42), (-1.1, 0.42)]
    pen.polygon(body, colour)
    for x in (-0.58, 0.58):
        pen.ellipse(x, 0.44, 0.28, 0.28, _DARK)
        pen.ellipse(x, 0.44, 0.12, 0.12, (190, 190, 196))


def _balloon(pen: _Pen, colour: Colour) -> None:
    pen.polygon([(-0.035, 0.5), (0.035, 0.5), (0.07, 1.15), (0.0, 1.15)], (90, 90, 96))
    pen.ellipse(0, -0.3, 0.72, 0.84, colour)
    pen.polygon([(0, 0.48), (0.15, 0.7), (-0.15, 0.7)], shaded(colour, 0.85))
    pen.ellipse(-0.26, -0.62, 0.12, 0.2, shaded(colour, 1.6))


def _cat(pen: _Pen, colour: Colour) -> None:
    for side in (-1, 1):
        pen.polygon([(0.95 * side, -1.05), (0.9 * side, -0.05), (0.2 * side, -0.62)], colour)
        pen.polygon(
            [(0.8 * side, -0.78), (0.76 * side, -0.36), (0.46 * side, -0.58)], (250, 170, 180)
        )
    pen.ellipse(0, 0.14, 0.96, 0.82, colour)
    feature = _contrast(colour)
    for side in (-1, 1):
        pen.ellipse(0.38 * side, 0.0, 0.2, 0.22, _LIGHT)
        pen.ellipse(0.38 * side, 0.02, 0.1, 0.17, _DARK)
        for lift in (0.3, 0.5):
            pen.polygon(
                [
                    (0.4 * side, 0.4),
                    (1.12 * side, lift - 0.03),
                    (1.12 * side, lift + 0.03),
                    (0.4 * side, 0.45),
                ],
                feature,
            )
    pen.polygon([(-0.13, 0.28), (0.13, 0.28), (0, 0.44)], (244, 110, 140))


def _smiley(pen: _Pen, colour: Colour) -> None:
    pen.ellipse(0, 0, 1, 1, colour)
    feature = _contrast(colour)
    for side in (-1, 1):
        pen.ellipse(0.36 * side, -0.28, 0.13, 0.2, feature)
    bow = [(math.cos(math.pi * k / 16), math.sin(math.pi * k / 16)) for k in range(17)]
    outer = [(0.62 * x, 0.12 + 0.54 * y) for x, y in bow]
    inner = [(0.56 * x, 0.12 + 0.3 * y) for x, y in reversed(bow)]
    pen.polygon([*outer, *inner], feature)


_THINGS: Mapping[str, Callable[[_Pen, Colour], None]] = {
    "car": _car,
    "balloon": _balloon,
    "cat": _cat,
    "smiley": _smiley,
}
