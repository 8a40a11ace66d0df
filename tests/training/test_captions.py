"""Captions: they say what the scene shows, in words that the tokenizer keeps apart."""

from __future__ import annotations

import random

import pytest

from training import tokenizer
from training.captions import _TRAITS, caption, sample
from training.scenes import (
    COLOURS,
    NATURAL,
    WHATS,
    Arrangement,
    Figure,
    Landscape,
    random_scene,
)
from training.words import OTHER_WORDS


def words(text: str) -> list[str]:
    """What is left of a text when synonyms, endings and empty words are gone."""
    return [str(token) for token in tokenizer.build().tokenize(text)]


def without_traits(text: str) -> str:
    """A caption less its "with big eyes": what everyone knows of a cat."""
    for trait in (f" with {trait}" for traits in _TRAITS.values() for trait in traits):
        text = text.replace(trait, "")
    return text


def test_a_caption_names_the_figures_in_their_colours() -> None:
    lot = random.Random(1)
    for _ in range(1500):
        scene = random_scene(lot)
        if isinstance(scene, Landscape):
            continue
        said = words(without_traits(caption(scene, lot)))
        assert sorted(w for w in said if w in WHATS) == sorted(f.what for f in scene.figures)
        named = {word for word in said if word in COLOURS}
        must = {f.colour for f in scene.figures if f.colour != NATURAL[f.what]}
        may = {f.colour for f in scene.figures}
        if scene.background != "plain":
            must.add(scene.background)
            may.add(scene.background)
        assert must <= named <= may


def test_a_relation_is_said_the_way_it_is_drawn() -> None:
    lot = random.Random(2)
    figures = (Figure("circle", "red"), Figure("square", "blue"))
    for _ in range(300):
        for layout, forward, backward in (
            ("vertical", {"above"}, {"below"}),
            ("horizontal", {"left"}, {"right"}),
        ):
            text = caption(Arrangement(layout, figures), lot)  # type: ignore[arg-type]
            said = words(text)
            in_order = said.index("circle") < said.index("square")
            turned = bool({"it", "its"} & set(text.split()))  # "a circle, and below it a square"
            if forward & set(said) and not backward & set(said):
                assert in_order != turned
            if backward & set(said) and not forward & set(said):
                assert in_order == turned


@pytest.mark.parametrize("layout", ["two", "three", "four"])
def test_a_count_is_said(layout: str) -> None:
    lot = random.Random(3)
    scene = Arrangement(layout, (Figure("heart", "pink"),))  # type: ignore[arg-type]
    for _ in range(50):
        said = words(caption(scene, lot))
        assert [word for word in said if word in ("one", "two", "three", "four")] == [layout]


def test_a_landscape_names_its_time_and_all_that_stands_there() -> None:
    lot = random.Random(4)
    for _ in range(1500):
        scene = random_scene(lot)
        if not isinstance(scene, Landscape):
            continue
        said = set(words(caption(scene, lot)))
        assert ("sunset" in said) == (scene.time == "sunset")
        assert bool({"night", "moon"} & said) == (scene.time == "night")
        assert ("house" in said) == (scene.house is not None)
        assert ("tree" in said) == scene.trees
        assert ("boat" in said) == (scene.boat is not None)


def test_sizes_are_said_only_when_they_matter() -> None:
    lot = random.Random(5)
    for size, wanted in (("small", {"small"}), ("medium", set()), ("big", {"big"})):
        scene = Arrangement("one", (Figure("car", "teal", size),), "white")
        assert set(words(caption(scene, lot))) & {"small", "big"} == wanted


def test_the_training_stream_is_the_same_for_the_same_lot() -> None:
    first, second = random.Random(6), random.Random(6)
    assert [sample(first) for _ in range(100)] == [sample(second) for _ in range(100)]


def test_every_word_of_a_relation_is_known() -> None:
    assert {"above", "below", "left", "right", "beside", "on", "and"} <= set(OTHER_WORDS)
