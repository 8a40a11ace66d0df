"""Scenes: which there are, and which are never trained on."""

from __future__ import annotations

import random

from training.captions import sample
from training.scenes import (
    FOCUS_DIET,
    FULL_DIET,
    LAYOUTS,
    WHATS,
    Arrangement,
    Figure,
    Landscape,
    held_out_scene,
    is_held_out,
    random_scene,
)


def test_nothing_held_out_is_ever_trained_on() -> None:
    lot = random.Random(1)
    stream = [random_scene(lot, diet) for diet in (FULL_DIET, FOCUS_DIET) for _ in range(4000)]
    stream += [sample(lot)[1] for _ in range(4000)]
    assert not any(is_held_out(scene) for scene in stream)


def test_a_held_out_combination_is_held_out_in_every_size() -> None:
    lot = random.Random(2)
    for _ in range(50):
        scene = held_out_scene(lot, "vertical")
        for size in ("small", "medium", "big"):
            figures = tuple(Figure(f.what, f.colour, size) for f in scene.figures)
            assert is_held_out(Arrangement(scene.layout, figures, scene.background))


def test_about_one_combination_in_eight_is_held_out() -> None:
    lot = random.Random(3)
    colours = ("red", "blue", "green", "white")
    drawn = [
        Arrangement("one", (Figure(lot.choice(WHATS), lot.choice(colours)),), lot.choice(colours))
        for _ in range(8000)
    ]
    share = sum(map(is_held_out, set(drawn))) / len(set(drawn))
    assert 0.06 < share < 0.2


def test_scenes_are_what_drawing_and_captions_can_rely_on() -> None:
    lot = random.Random(4)
    seen = set()
    for _ in range(3000):
        scene = random_scene(lot)
        if isinstance(scene, Landscape):
            assert scene.boat is None or scene.ground == "sea"
            continue
        seen.add(scene.layout)
        assert len(scene.figures) == (2 if scene.layout in ("vertical", "horizontal") else 1)
        colours = [scene.background, *(figure.colour for figure in scene.figures)]
        assert len(set(colours)) == len(colours), "a figure must stand out"
    assert seen == set(LAYOUTS)


def test_the_same_lot_gives_the_same_scenes() -> None:
    def scenes() -> list[object]:
        lot = random.Random(5)
        return [random_scene(lot) for _ in range(50)]

    assert scenes() == scenes()
