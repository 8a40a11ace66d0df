from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import ImageError
from limner.core.image import ImageRequest
from limner.engine.strength import forwards, strength_of


def strength(masked: bool = False, **options: Any) -> tuple[float, list[str]]:
    said: list[str] = []
    return strength_of(ImageRequest("a", **options), said, masked=masked), said


@pytest.mark.parametrize(
    ("levels", "share", "passes"),
    [(8, 0.6, 5), (8, 0.4, 4), (8, 0.05, 1), (8, 1.0, 8), (30, 0.5, 15), (1, 0.1, 1), (10, 0.7, 7)],
)
def test_forward_passes_are_counted_as_diffusers_counts_them(
    levels: int, share: float, passes: int
) -> None:
    assert forwards(levels, share) == passes


@given(st.integers(1, 50), st.floats(0, 1, exclude_min=True), st.floats(0, 1, exclude_min=True))
def test_more_strength_never_takes_fewer_passes(levels: int, one: float, other: float) -> None:
    weak, strong = sorted((one, other))
    assert 1 <= forwards(levels, weak) <= forwards(levels, strong) <= levels


def test_fidelity_stands_for_a_strength_and_low_is_what_is_not_asked() -> None:
    assert strength() == strength(input_fidelity="low") == (0.6, [])
    assert strength(input_fidelity="high") == (0.4, [])


def test_inside_a_mask_the_picture_begins_anew_unless_fidelity_is_high() -> None:
    assert strength(masked=True) == strength(masked=True, input_fidelity="low") == (1.0, [])
    assert strength(masked=True, input_fidelity="high") == (0.6, [])


def test_a_strength_overrules_fidelity_and_says_so() -> None:
    assert strength(strength=0.2) == (0.2, [])
    assert strength(strength=0.2, masked=True, input_fidelity="high") == (
        0.2,
        ["input_fidelity 'high' changes nothing beside strength 0.2"],
    )


@pytest.mark.parametrize("asked", [0.0, -0.1, 1.01, math.nan, math.inf])
def test_a_strength_that_cannot_be_is_refused(asked: float) -> None:
    with pytest.raises(ImageError, match=r"above 0 and at most 1, got") as refused:
        strength(strength=asked)
    assert (refused.value.param, refused.value.status) == ("strength", 400)
