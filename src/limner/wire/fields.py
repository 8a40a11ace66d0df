"""Typed reading of JSON objects that strangers sent, and the refusals for what does not fit.

`null` counts as absent, as in OpenAI's own SDK, which sends it for what was not set. Booleans are
not integers. Messages and codes are those of OpenAI's APIs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from limner.core.errors import InvalidRequest
from limner.wire import json

MAX_STRING = 10_485_760
"""Characters of one string, the limit that the Open Responses specification names."""

Option = TypeVar("Option", bound=str)

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object.

    path: where it stands in the request, such as `tools[0]`; empty for the body itself.
    """

    values: Mapping[str, Any]
    path: str = ""

    @classmethod
    def of(cls, value: object, path: str) -> Fields:
        """Take a value that must be an object."""
        if not isinstance(value, dict):
            raise wrong_type(path, "an object", value)
        return cls(value, path)

    def at(self, name: str) -> str:
        """The path of one of this object's fields."""
        return f"{self.path}.{name}" if self.path else name

    def get(self, name: str) -> Any:
        """The bare value, None when absent."""
        return self.values.get(name)

    def allow_only(self, known: Collection[str]) -> None:
        """Refuse the first key that is not known and not null."""
        for name, value in self.values.items():
            if name not in known and value is not None:
                raise unknown_parameter(self.at(name))

    def string(self, name: str, *, max_length: int = MAX_STRING, min_length: int = 0) -> str | None:
        """A string of the lengths given."""
        value = self.get(name)
        return value if value is None else string(value, self.at(name), max_length, min_length)

    def required_string(
        self, name: str, *, max_length: int = MAX_STRING, min_length: int = 0
    ) -> str:
        """As `string`, and present."""
        self.require(name)
        return string(self.get(name), self.at(name), max_length, min_length)

    def require(self, name: str) -> None:
        """Refuse the object when it lacks this field."""
        if self.get(name) is None:
            path = self.at(name)
            raise InvalidRequest(
                f"Missing required parameter: '{path}'.",
                param=path,
                code="missing_required_parameter",
            )

    def boolean(self, name: str) -> bool | None:
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise wrong_type(self.at(name), "a boolean", value)

    def integer(self, name: str, low: int, high: int) -> int | None:
        """An integer in [low, high]."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid_value(self.at(name), value, f"an integer in [{low}, {high}]")
        _check_range(self.at(name), value, low, high, "integer")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number in [low, high], an integer or not."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise invalid_value(self.at(name), value, f"a number in [{low}, {high}]")
        _check_range(self.at(name), value, low, high, "decimal")
        return value

    def choice(self, name: str, options: Collection[Option]) -> Option | None:
        """One of the strings given."""
        value = self.get(name)
        return None if value is None else one_of(value, self.at(name), options)

    def required_choice(self, name: str, options: Collection[Option]) -> Option:
        """As `choice`, and present."""
        self.require(name)
        return one_of(self.get(name), self.at(name), options)

    def object(self, name: str) -> Fields | None:
        value = self.get(name)
        return None if value is None else Fields.of(value, self.at(name))

    def array(self, name: str, *, max_length: int) -> list[Any] | None:
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise wrong_type(self.at(name), "an array", value)
        if len(value) > max_length:
            raise InvalidRequest(
                f"Invalid '{self.at(name)}': array too long. Expected an array with maximum length "
                f"{max_length}, but got an array with length {len(value)} instead.",
                param=self.at(name),
                code="array_above_max_length",
            )
        return value

    def objects(self, name: str, *, max_length: int) -> list[Fields]:
        """The objects of an array, none when it is absent."""
        values = self.array(name, max_length=max_length) or []
        return [Fields.of(v, f"{self.at(name)}[{i}]") for i, v in enumerate(values)]


def string(value: object, path: str, max_length: int, min_length: int = 0) -> str:
    """Take a value that must be a string of the lengths given."""
    if not isinstance(value, str):
        raise wrong_type(path, "a string", value)
    if not min_length <= len(value) <= max_length:
        fault, bound = ("short", "min") if len(value) < min_length else ("long", "max")
        limit = min_length if bound == "min" else max_length
        raise InvalidRequest(
            f"Invalid '{path}': string too {fault}. Expected a string with {bound}imum length "
            f"{limit}, but got a string with length {len(value)} instead.",
            param=path,
            code=f"string_{'below' if bound == 'min' else 'above'}_{bound}_length",
        )
    return value


def one_of(value: object, path: str, options: Collection[Option]) -> Option:
    """Take a value that must be one of the strings given."""
    for option in options:
        if option == value:
            return option
    raise not_among(path, value, options)


def shown(value: object) -> str:
    """A value from a request as JSON for a message, cut where it gets long."""
    if isinstance(value, str):
        return json.dump(cut(value)).decode()
    return cut(json.dump(value).decode())


def cut(text: str) -> str:
    """The text, or its beginning where it is too long to stand in a message."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def invalid_value(path: str, value: object, expected: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid value: {shown(value)}. Expected {expected}.", param=path, code="invalid_value"
    )


def not_among(path: str, value: object, options: Collection[str]) -> InvalidRequest:
    listed = ", ".join(f"'{option}'" for option in options)
    return InvalidRequest(
        f"Invalid value: {shown(value)}. Supported values are: {listed}.",
        param=path,
        code="invalid_value",
    )


def wrong_type(path: str, expected: str, value: object) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid type for '{path}': expected {expected}, but got {json.type_name(value)} instead.",
        param=path,
        code="invalid_type",
    )


def unknown_parameter(path: str) -> InvalidRequest:
    path = cut(path)
    return InvalidRequest(f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")


def unsupported(path: str, instead: str) -> InvalidRequest:
    """instead: a sentence that says what would be accepted."""
    return InvalidRequest(
        f"Unsupported parameter: '{path}'. {instead}", param=path, code="unsupported_parameter"
    )


def _check_range(path: str, value: float, low: float, high: float, kind: str) -> None:
    expected = "an integer" if kind == "integer" else "a number"
    for fits, sign, limit, code in (
        (value >= low, ">=", low, f"{kind}_below_min_value"),
        (value <= high, "<=", high, f"{kind}_above_max_value"),
    ):
        if not fits:
            raise InvalidRequest(
                f"Invalid value: {shown(value)}. Expected {expected} {sign} {limit}.",
                param=path,
                code=code,
            )
