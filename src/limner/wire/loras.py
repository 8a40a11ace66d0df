"""The field `loras` of a request, our own: `[{"name": "ink", "weight": 0.8}]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from limner.core.lora import MAX_WEIGHT, Lora
from limner.wire.fields import Fields

FIELD = "loras"
MAX_LORAS = 8
MAX_NAME = 64


def read_loras(fields: Fields) -> tuple[Lora, ...]:
    """Check the field of an object; raises InvalidRequest.

    Whether they are there, each once, is told later (`core.picture_fitting`).
    """
    loras: list[Lora] = []
    for entry in fields.objects(FIELD, max_length=MAX_LORAS):
        entry.allow_only({"name", "weight"})
        name = entry.required_string("name", min_length=1, max_length=MAX_NAME)
        loras.append(Lora(name, entry.number("weight", -MAX_WEIGHT, MAX_WEIGHT)))
    return tuple(loras)


def loras_json(loras: Sequence[Lora]) -> list[dict[str, Any]]:
    """The same, to be read again."""
    return [
        {"name": each.name} | ({} if each.weight is None else {"weight": each.weight})
        for each in loras
    ]
