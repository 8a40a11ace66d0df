"""The field `loras`, wherever it stands."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.errors import InvalidRequest
from limner.core.lora import Lora
from limner.wire.fields import Fields
from limner.wire.loras import loras_json, read_loras


def test_names_and_weights_are_read_in_their_order() -> None:
    body = {"loras": [{"name": "ink", "weight": 0.5}, {"name": "pixel", "weight": None}]}
    assert read_loras(Fields(body)) == (Lora("ink", 0.5), Lora("pixel"))
    assert read_loras(Fields({})) == read_loras(Fields({"loras": []})) == ()


def test_what_is_written_is_read_again() -> None:
    loras = (Lora("ink", -4.0), Lora("pixel"))
    assert loras_json(loras) == [{"name": "ink", "weight": -4.0}, {"name": "pixel"}]
    assert read_loras(Fields({"loras": loras_json(loras)})) == loras


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ("ink", "t.loras"),
        (["ink"], "t.loras[0]"),
        ([{"weight": 1}], "t.loras[0].name"),
        ([{"name": ""}], "t.loras[0].name"),
        ([{"name": "x" * 65}], "t.loras[0].name"),
        ([{"name": "ink", "weight": 4.1}], "t.loras[0].weight"),
        ([{"name": "ink", "weight": "1"}], "t.loras[0].weight"),
        ([{"name": "ink", "scale": 1}], "t.loras[0].scale"),
        ([{"name": str(k)} for k in range(9)], "t.loras"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path(value: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_loras(Fields({"loras": value}, "t"))
    assert refused.value.param == param
