"""What is known of a setting besides its type, and the names that follow from its own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from limner.config.reading import Reader

T = TypeVar("T")
Part = Literal["server", "language model", "pictures", "jobs", "engine", "log"]
PREFIX = "LIMNER_"


@dataclass(frozen=True, slots=True)
class Option:
    """The entry of a setting in the table.

    unset: what holds when nobody sets it, in words; None where the default says it.
    secret: the value comes from a variable of the environment only, `variable`; the flag names
        another one. older: variable of the service that the job API continues, read as
        `older_reads` where it means something else.
    """

    part: Part
    reads: Reader[Any]
    help: str
    unset: str | None = None
    flag: str | None = None
    variable: str | None = None
    older: str | None = None
    older_reads: Reader[Any] | None = None
    secret: bool = False


def option(default: T, entry: Option) -> T:
    """A field of `Settings` with its default."""
    field: T = dataclasses.field(default=default, metadata={"option": entry}, repr=not entry.secret)
    return field


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table: a setting with all its names."""

    name: str
    option: Option
    default: object

    @property
    def flag(self) -> str:
        return self.option.flag or "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return PREFIX + (self.option.variable or self.name.upper())
