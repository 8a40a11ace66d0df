"""How many tokens of a prompt are read, and how many are told to be cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from limner.engine.pipelines.prompts import lengths
from tests.engine.pipelines.conftest import MARKS

pytestmark = MARKS


@pytest.mark.parametrize(
    ("name", "most"), [("sdxl", 77), ("sd3", 256), ("klein", 512), ("qwen", 512)]
)
def test_the_encoder_that_reads_most_says_what_is_cut(
    loaded_of: Callable[[str], Any], name: str, most: int
) -> None:
    pipeline = loaded_of(name).pipeline
    assert lengths(pipeline, "x" * 12) == (12, 0)
    assert lengths(pipeline, "x" * most) == (most, 0)
    assert lengths(pipeline, "x" * (most + 5)) == (most, 5)


def test_a_pipeline_without_a_tokenizer_counts_nothing(loaded_of: Callable[[str], Any]) -> None:
    import diffusers

    assert lengths(diffusers.DDPMPipeline.__new__(diffusers.DDPMPipeline), "x") == (0, 0)
