"""Drawing: the same picture each time, and the figures where the scene puts them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from training.drawing import PLACES, draw
from training.scenes import (
    COLOURS,
    GROUNDS,
    SHAPES,
    TIMES,
    WHATS,
    Arrangement,
    Figure,
    Landscape,
    random_scene,
)

SIZES = [(128, 128), (160, 96), (96, 160), (144, 112), (112, 144)]


def test_the_same_scene_size_and_lot_give_the_same_picture() -> None:
    lot = random.Random(1)
    for _ in range(40):
        scene = random_scene(lot)
        first, again = (draw(scene, 128, 128, random.Random(9)) for _ in range(2))
        assert np.array_equal(first.pixels, again.pixels)
        assert np.array_equal(first.cover, again.cover)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_pictures_have_the_size_asked_for(width: int, height: int) -> None:
    drawing = draw(Landscape("sunset", "mountains", house="red"), width, height, random.Random(0))
    assert drawing.pixels.shape == (height, width, 3)
    assert drawing.cover.shape == (height, width)
    assert drawing.pixels.dtype == drawing.cover.dtype == np.uint8


@pytest.mark.parametrize("what", WHATS)
def test_the_cover_lies_where_the_figure_is(what: str) -> None:
    drawing = draw(Arrangement("one", (Figure(what, "red"),), "blue"), 128, 128, random.Random(0))
    ys, xs = np.nonzero(drawing.cover > 127)
    assert abs(xs.mean() - 64) < 6
    assert abs(ys.mean() - 64) < 12
    differs = np.abs(drawing.pixels.astype(int) - drawing.pixels[2, 2]).sum(2) > 60
    assert (differs & (drawing.cover == 0)).sum() == 0


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "ring"])
def test_a_shape_has_its_colour_in_its_middle(shape: str) -> None:
    drawing = draw(
        Arrangement("one", (Figure(shape, "teal"),), "white"), 128, 128, random.Random(0)
    )
    middle = drawing.pixels[56:72, 60:68].reshape(-1, 3).mean(0)
    assert np.abs(middle - np.array(COLOURS["teal"])).max() < 12


def test_a_ring_shows_the_background_through_its_hole() -> None:
    drawing = draw(
        Arrangement("one", (Figure("ring", "red"),), "white"), 128, 128, random.Random(0)
    )
    assert drawing.cover[64, 64] == 0
    assert drawing.pixels[64, 64].min() > 235


def test_the_first_figure_stands_above_or_left_of_the_second() -> None:
    figures = (Figure("circle", "red"), Figure("square", "blue"))
    for layout, axis in (("vertical", 0), ("horizontal", 1)):
        (first_x, first_y), (second_x, second_y) = PLACES[layout]  # type: ignore[index]
        assert (first_y < second_y) if axis == 0 else (first_x < second_x)
        pixels = draw(Arrangement(layout, figures, "white"), 128, 128, random.Random(0)).pixels  # type: ignore[arg-type]
        red = (pixels[..., 0] > 180) & (pixels[..., 1] < 90)
        blue = (pixels[..., 2] > 180) & (pixels[..., 0] < 90)
        assert np.nonzero(red)[axis].max() < np.nonzero(blue)[axis].min()


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_each_part_of_a_landscape_changes_the_picture(time: str, ground: str) -> None:
    def pixels(**parts: object) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        scene = Landscape(time, ground, **parts)  # type: ignore[arg-type]
        return draw(scene, 128, 128, random.Random(0)).pixels

    bare = pixels()
    others = [pixels(house="red"), pixels(house="blue"), pixels(trees=True)]
    if ground == "sea":
        others.append(pixels(boat="white"))
    for other in others:
        assert not np.array_equal(bare, other)
    assert not np.array_equal(others[0], others[1])
