"""The judge of tiny's pictures: right on true drawings, and not to be fooled."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from benchmarks._judge import Pixels, judge, read
from benchmarks.tiny_accuracy import FLOORS, Scores, below_floor, questions, table
from training.drawing import draw
from training.scenes import COLOURS, SHAPES, Arrangement, Figure, is_held_out

PAIR = Arrangement("vertical", (Figure("circle", "red"), Figure("square", "blue")), "yellow")


def picture(scene: Arrangement, seed: int = 0) -> Pixels:
    return draw(scene, 128, 128, random.Random(seed)).pixels


def blurred(pixels: Pixels, radius: float) -> Pixels:
    return np.asarray(
        Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)), dtype=np.uint8
    )


def test_true_drawings_are_judged_right_even_soft_ones() -> None:
    scores = Scores()
    for question in questions(0.3):
        scores.add(question.scene, judge(blurred(picture(question.scene), 1.2), question.scene))
    assert not below_floor(scores)
    assert min(score.share for score in scores.matters.values()) > 0.97


@pytest.mark.parametrize("colour", COLOURS)
def test_every_colour_is_told_as_figure_and_as_background(colour: str) -> None:
    for other in COLOURS:
        if other != colour:
            reading = read(picture(Arrangement("one", (Figure("heart", colour),), other)))
            assert (reading.background, reading.parts[0].colour) == (other, colour)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", ["small", "medium", "big"])
def test_every_shape_is_told_in_every_size(shape: str, size: str) -> None:
    (part,) = read(picture(Arrangement("one", (Figure(shape, "red", size),), "white"))).parts
    assert part.shape == shape


def test_swapped_figures_are_wrong_in_their_relation_only() -> None:
    swapped = replace(PAIR, figures=PAIR.figures[::-1])
    verdict = judge(picture(swapped), PAIR)
    assert verdict.relation is False
    assert verdict.background
    assert all((*verdict.colours, *verdict.shapes))


def test_a_wrong_colour_shape_background_or_number_is_wrong() -> None:
    green = replace(PAIR, figures=(Figure("circle", "green"), PAIR.figures[1]))
    assert judge(picture(green), PAIR).colours == (False, True)
    heart = replace(PAIR, figures=(PAIR.figures[0], Figure("heart", "blue")))
    assert judge(picture(heart), PAIR).shapes == (True, False)
    assert not judge(picture(replace(PAIR, background="white")), PAIR).background
    alone = Arrangement("one", PAIR.figures[:1], "yellow")
    verdict = judge(picture(alone), PAIR)
    assert (verdict.relation, verdict.count) == (False, False)
    assert verdict.colours == (True, False)


def test_a_shapeless_blob_has_no_shape() -> None:
    for box in ((60, 68, 10, 118), (20, 110, 50, 75)):
        bar = np.full((128, 128, 3), 250, np.uint8)
        bar[box[0] : box[1], box[2] : box[3]] = COLOURS["red"]
        assert read(bar).parts[0].shape == "none"


def test_an_empty_picture_has_no_parts() -> None:
    empty = np.full((128, 128, 3), 250, np.uint8)
    assert read(empty).parts == ()
    verdict = judge(empty, PAIR)
    assert not any((*verdict.colours, *verdict.shapes, verdict.count, verdict.relation))


def test_the_questions_are_held_out_and_always_the_same() -> None:
    asked = questions()
    assert len(asked) == 320
    assert all(is_held_out(question.scene) for question in asked)
    assert asked == questions()


def test_a_share_below_its_floor_is_named() -> None:
    scores = Scores()
    scores.add(PAIR, judge(np.zeros((128, 128, 3), np.uint8), PAIR))
    assert below_floor(scores) == list(FLOORS)
    assert "0.0%" in table(scores)
