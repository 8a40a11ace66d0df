"""Sizes of edits; those of new pictures are tested with the plan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import ImageError
from limner.core.image import Size
from limner.engine.model import ModelFacts
from limner.engine.sizes import edit_sizes

FREE = ModelFacts("z-image")
TINY = ModelFacts(
    "tiny", Size(128, 128), buckets=(Size(128, 128), Size(160, 96), Size(96, 160)), min_edge_px=64
)


def sizes(asked: Size | None, source: Size, model: ModelFacts) -> tuple[Size, Size, list[str]]:
    said: list[str] = []
    return (*edit_sizes(asked, source, model, said), said)


@pytest.mark.parametrize("model", [FREE, TINY], ids=lambda model: str(model.name))
def test_a_source_of_a_size_of_the_model_stays_as_it_is(model: ModelFacts) -> None:
    size = model.native_size
    assert sizes(None, size, model) == (size, size, [])
    assert sizes(size, size, model) == (size, size, [])


@pytest.mark.parametrize(
    ("source", "painted", "verb"),
    [
        (Size(1000, 610), Size(992, 608), "enlarged"),
        (Size(4032, 3024), Size(2048, 1536), "enlarged"),
        (Size(32, 64), Size(256, 512), "reduced"),
        (Size(9, 4000), Size(256, 2048), "reduced"),
    ],
    ids=str,
)
def test_a_source_of_any_size_is_scaled_into_the_bounds_and_given_back_as_it_came(
    source: Size, painted: Size, verb: str
) -> None:
    assert sizes(None, source, FREE) == (
        painted,
        source,
        [f"painted at {painted} and {verb} to {source}"],
    )


def test_a_model_with_sizes_of_its_own_paints_the_nearest_in_shape() -> None:
    assert sizes(None, Size(1600, 1000), TINY)[:2] == (Size(160, 96), Size(1600, 1000))


def test_another_shape_than_the_sources_is_cut_and_told() -> None:
    painted, size, said = sizes(Size(1024, 512), Size(600, 600), FREE)
    assert painted == size == Size(1024, 512)
    assert said == ["the source, 600x600, was cut evenly to the shape of 1024x512"]
    assert sizes(Size(1024, 512), Size(512, 256), FREE)[2] == []


def test_an_asked_size_has_bounds_though_a_source_has_none() -> None:
    with pytest.raises(ImageError, match="256 to 2048 px, got 100x100") as refused:
        sizes(Size(100, 100), Size(100, 100), FREE)
    assert refused.value.param == "size"


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_what_is_painted_is_always_within_the_models_bounds(width: int, height: int) -> None:
    painted, size, _ = sizes(None, Size(width, height), FREE)
    assert size == Size(width, height)
    for edge in (painted.width, painted.height):
        assert edge % 16 == 0
        assert 256 <= edge <= 2048
