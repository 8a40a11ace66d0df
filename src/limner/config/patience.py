"""How long a language model's server is waited for, and when it is left alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from limner.config.reading import Reader, number, whole_number
from limner.core.circuit import FAILURES, REST_S

SECONDS = number(0.001, 86_400)
FAILED_TURNS = whole_number(0, 1000)
RETRIES = whole_number(0, 10)


def _said(limits: Timeouts | CircuitLimits) -> str:
    """As a flag takes it."""
    said = dataclasses.asdict(limits).items()
    return ",".join(f"{name}={value}".removesuffix(".0") for name, value in said)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, to the first byte of a reply, between two pieces of it, for a turn."""

    connect: float = 10
    first_byte: float = 300
    idle: float = 120
    total: float = 1800

    def __str__(self) -> str:
        return _said(self)


@dataclass(frozen=True, slots=True)
class CircuitLimits:
    """After `failures` failed turns in a row (0: never) a server is left alone for `rest` s."""

    failures: int = FAILURES
    rest: float = REST_S

    def __str__(self) -> str:
        return _said(self)


T = TypeVar("T", Timeouts, CircuitLimits)


def some_of(usual: T, parts: Mapping[str, Reader[Any]]) -> Reader[T]:
    """Texts such as `connect=5,total=600`. What they leave out stays as `usual` has it."""

    def read(text: str) -> T:
        said = [part.partition("=") for part in text.replace(" ", "").split(",")]
        found = {name: parts[name].read(value) for name, _, value in said}
        if len(found) < len(said):
            raise ValueError(text)
        return dataclasses.replace(usual, **found)

    each = ", ".join(f"{name} ({reader.accepts})" for name, reader in parts.items())
    return Reader(f"one or more of {each}, as in {usual}", read, "NAME=N,…")


TIMEOUTS = some_of(
    Timeouts(), dict.fromkeys((field.name for field in dataclasses.fields(Timeouts)), SECONDS)
)
CIRCUIT = some_of(CircuitLimits(), {"failures": FAILED_TURNS, "rest": SECONDS})
