"""What a picture can show, and which pictures are kept out of training.

A scene is a value: everything that a caption may say, nothing about words, pixels or chance.
Figures stand in reading order, so `vertical` and `horizontal` need no direction: the first figure
is the upper or the left one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (222, 36, 40),
    "blue": (36, 84, 222),
    "green": (40, 164, 56),
    "yellow": (252, 216, 44),
    "orange": (246, 132, 24),
    "purple": (132, 48, 184),
    "pink": (252, 144, 196),
    "brown": (122, 72, 34),
    "black": (22, 22, 26),
    "white": (250, 250, 250),
    "gray": (142, 142, 148),
    "teal": (0, 160, 164),
}
SHAPES = ("circle", "square", "triangle", "star", "heart", "diamond", "hexagon", "ring")
THINGS = ("car", "balloon", "cat", "smiley")
WHATS = SHAPES + THINGS
SIZES = ("small", "medium", "big")
BACKGROUNDS = ("plain", *COLOURS)
TIMES = ("day", "sunset", "night")
GROUNDS = ("mountains", "sea", "hills")

# The colour of what is named without one: "a heart" is red.
NATURAL: Mapping[str, str] = {
    "circle": "blue",
    "square": "green",
    "triangle": "orange",
    "star": "yellow",
    "heart": "red",
    "diamond": "teal",
    "hexagon": "purple",
    "ring": "black",
    "car": "red",
    "balloon": "red",
    "cat": "orange",
    "smiley": "yellow",
    "house": "brown",
    "boat": "white",
}

Layout = Literal["one", "vertical", "horizontal", "two", "three", "four"]
LAYOUTS: tuple[Layout, ...] = ("one", "vertical", "horizontal", "two", "three", "four")
Kind = Literal["single", "pair", "count", "thing", "landscape"]
Diet = Mapping[Kind, float]

# Shares of the kinds in training; the focus diet of the last minutes repeats what is hard.
FULL_DIET: Diet = {"single": 0.22, "pair": 0.32, "count": 0.14, "thing": 0.14, "landscape": 0.18}
FOCUS_DIET: Diet = {"single": 0.18, "pair": 0.46, "count": 0.14, "thing": 0.10, "landscape": 0.12}


@dataclass(frozen=True, slots=True)
class Figure:
    """A shape or a thing: `what` of WHATS, `colour` of COLOURS, `size` of SIZES."""

    what: str
    colour: str
    size: str = "medium"


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Figures before a background (a colour, or "plain": a pale sky).

    `vertical` and `horizontal` hold two figures, every other layout one, drawn as often as it says.
    """

    layout: Layout
    figures: tuple[Figure, ...]
    background: str = "plain"


@dataclass(frozen=True, slots=True)
class Landscape:
    """A little view. `house` and `boat` (its sail) are colours; a boat needs the sea."""

    time: str
    ground: str
    house: str | None = None
    trees: bool = False
    boat: str | None = None


Scene = Arrangement | Landscape


def is_held_out(scene: Scene) -> bool:
    """Whether the scene is for the benchmark only: one in eight with a named background.

    The rule looks at what stands where in which colours, never at sizes, so that no size of a
    held-out combination is ever trained on.
    """
    if not isinstance(scene, Arrangement) or scene.background == "plain":
        return False
    figures = (f"{figure.colour} {figure.what}" for figure in scene.figures)
    return crc32("|".join((scene.layout, *figures, scene.background)).encode()) % 8 == 0


def random_scene(rng: random.Random, diet: Diet = FULL_DIET) -> Scene:
    """A scene that may be trained on, its kind drawn by the shares of `diet`."""
    kind = rng.choices(tuple(diet), weights=tuple(diet.values()))[0]
    while is_held_out(scene := _scene_of(kind, rng)):
        pass
    return scene


def held_out_scene(
    rng: random.Random, layout: Layout, whats: tuple[str, ...] = SHAPES
) -> Arrangement:
    """A scene never trained on, of one layout, its figures among `whats`."""
    while not is_held_out(scene := _arrangement(rng, layout, whats, named_background=1.0)):
        pass
    return scene


def _scene_of(kind: Kind, rng: random.Random) -> Scene:
    match kind:
        case "single":
            return _arrangement(rng, "one", SHAPES)
        case "pair":
            whats = WHATS if rng.random() < 0.2 else SHAPES
            return _arrangement(rng, rng.choice(("vertical", "horizontal")), whats)
        case "count":
            whats = WHATS if rng.random() < 0.2 else SHAPES
            return _arrangement(rng, rng.choice(("two", "three", "four")), whats)
        case "thing":
            return _arrangement(rng, "one", THINGS, named_background=0.5)
        case "landscape":
            return _landscape(rng)


def _arrangement(
    rng: random.Random, layout: Layout, whats: tuple[str, ...], named_background: float = 0.75
) -> Arrangement:
    background = rng.choice(tuple(COLOURS)) if rng.random() < named_background else "plain"
    colours = [colour for colour in COLOURS if colour != background]
    number = 2 if layout in ("vertical", "horizontal") else 1
    figures = tuple(
        Figure(rng.choice(whats), colour, _size(rng, layout))
        for colour in rng.sample(colours, number)
    )
    return Arrangement(layout, figures, background)


def _size(rng: random.Random, layout: Layout) -> str:
    usual = {"one": 0.6, "vertical": 0.85, "horizontal": 0.85}.get(layout, 1.0)
    return "medium" if rng.random() < usual else rng.choice(("small", "big"))


def _landscape(rng: random.Random) -> Landscape:
    ground = rng.choice(GROUNDS)
    colours = tuple(COLOURS)
    house = rng.choice(colours) if rng.random() < 0.45 else None
    boat = None
    if ground == "sea" and rng.random() < 0.65:
        boat = NATURAL["boat"] if rng.random() < 0.6 else rng.choice(colours)
    trees = rng.random() < (0.15 if ground == "sea" else 0.4)
    return Landscape(rng.choice(TIMES), ground, house, trees, boat)
