"""Whom a gpt-oss model means, in all the spellings that have been seen."""

from __future__ import annotations

import pytest

from limner.wire.harmony_calls import address_of, function_of


@pytest.mark.parametrize(
    "recipient",
    [
        "functions.image_generation",
        "function.image_generation",
        "image_generation",
        "image_generation.generate",
        "functions.image_generation.generate",
        "image_generation.edit",
    ],
)
def test_the_image_function_is_recognised(recipient: str) -> None:
    assert function_of(recipient, {"image_generation", "draw"}) == "image_generation"


@pytest.mark.parametrize("recipient", ["functions.draw", "function.draw", "draw", "draw.run"])
def test_a_function_is_recognised(recipient: str) -> None:
    assert function_of(recipient, {"image_generation", "draw"}) == "draw"


@pytest.mark.parametrize(
    ("recipient", "name"),
    [
        ("images.edit", "images.edit"),
        ("functions.images.edit", "images.edit"),
        ("image_generation.generate", "image_generation.generate"),
        ("functions.drawing", "drawing"),
        ("browser.search", "browser.search"),
        ("python", "python"),
    ],
)
def test_what_was_not_declared_keeps_its_name(recipient: str, name: str) -> None:
    assert function_of(recipient, {"draw"}) == name


def test_a_call_is_written_to_the_address_it_was_read_from() -> None:
    assert address_of("draw") == "functions.draw"
    assert address_of("images.edit") == "images.edit"
