"""The fields of the job API's bodies.

Its clients know FastAPI's 422: a list of `{"loc", "msg", "type"}` of all that is wrong (FastAPI
documentation, "Handling Errors"; the types are Pydantic's).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.image import MAX_SEED, ImageCapabilities, ImageData
from limner.wire.pictures import data_of, from_base64, picture

Json = dict[str, Any]

MAX_PROMPT = 2000
MAX_ORIGINAL_PROMPT = 32_000
MAX_LABEL = 512
MIN_EDGE_PX, MAX_EDGE_PX = 256, 2048


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong in a body; the `detail` of a 422."""

    detail: tuple[Json, ...]


class Check:
    """Reads fields and collects what is wrong with them; null counts as absent."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.faults: list[Json] = []
        self._body = body

    def fault(self, name: str, kind: str, message: str) -> None:
        self.faults.append({"type": kind, "loc": ["body", name], "msg": message})

    def nothing_but(self, known: Collection[str]) -> None:
        for name in self._body:
            if name not in known:
                self.fault(name[:MAX_LABEL], "extra_forbidden", "Extra inputs are not permitted")

    def text(
        self, name: str, max_length: int, *, min_length: int = 0, required: bool = False
    ) -> str | None:
        value = self._body.get(name)
        if value is None:
            if required:
                self.fault(name, "missing", "Field required")
            return None
        if not isinstance(value, str):
            self.fault(name, "string_type", "Input should be a valid string")
        elif len(value) < min_length:
            self.fault(name, "string_too_short", "String should have at least 1 character")
        elif len(value) > max_length:
            message = f"String should have at most {max_length} characters"
            self.fault(name, "string_too_long", message)
        else:
            return value
        return None

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.fault(name, "int_type", "Input should be a valid integer")
            return None
        return value if self._lies_between(name, value, low, high) else None

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.fault(name, "float_type", "Input should be a valid number")
            return None
        return float(value) if self._lies_between(name, value, low, high) else None

    def seed(self, capabilities: ImageCapabilities) -> int | None:
        seed = self.integer("seed", 0, MAX_SEED)
        if seed is not None and not capabilities.seed:
            self.fault("seed", "not_supported", "This server's image back end takes no seed")
        return seed

    def image(self, name: str, *, required: bool = False) -> ImageData | None:
        """A PNG, JPEG or WebP picture, as base64 or as a data URL."""
        value = self._body.get(name)
        if value is None:
            if required:
                self.fault(name, "missing", "Field required")
            return None
        if not isinstance(value, str):
            self.fault(name, "string_type", "Input should be a valid string")
            return None
        try:
            content = (
                data_of(value, name) if value.startswith("data:") else from_base64(value, name)
            )
        except InvalidRequest as error:
            self.fault(name, "value_error", error.message)
            return None
        if (image := picture(content)) is None:
            self.fault(name, "value_error", "Input should be a PNG, JPEG or WebP picture")
        return image

    def _lies_between(self, name: str, value: float, low: float, high: float) -> bool:
        if not value >= low:  # true for NaN as well
            message = f"Input should be greater than or equal to {low}"
            self.fault(name, "greater_than_equal", message)
        elif value > high:
            self.fault(name, "less_than_equal", f"Input should be less than or equal to {high}")
        return low <= value <= high
