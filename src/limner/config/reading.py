"""How the text of a flag or a variable becomes a value, and how a message says what is accepted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from limner.core.image import Size
from limner.core.lora import LoraFile, read_lora_file

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reader(Generic[T]):
    """accepts: completes "must be …" in messages and documents.

    read: raises ValueError for everything else. metavar: what stands for the value in `--help`.
    """

    accepts: str
    read: Callable[[str], T]
    metavar: str


def whole_number(least: int, most: int) -> Reader[int]:
    """Whole numbers of a range, both ends included."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdecimal():
            raise ValueError(text)
        return _within(least, int(text), most)

    return Reader(f"a whole number from {least} to {most}", read, "N")


def number(least: float, most: float) -> Reader[float]:
    """Finite numbers of a range, both ends included."""
    return Reader(
        f"a number from {least:g} to {most:g}", lambda text: _within(least, float(text), most), "X"
    )


def one_of(*words: str) -> Reader[str]:
    """One of some words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return Reader(" or ".join((", ".join(words[:-1]), words[-1])), read, "|".join(words))


def matching(pattern: str, accepts: str, metavar: str) -> Reader[str]:
    """Text of a form, in any case."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text.lower()):
            raise ValueError(text)
        return text.lower()

    return Reader(accepts, read, metavar)


def text(accepts: str, metavar: str) -> Reader[str]:
    """Any text that is not empty; sources leave out what is."""
    return Reader(accepts, str, metavar)


def names(accepts: str) -> Reader[tuple[str, ...]]:
    """Several texts with commas between them."""

    def read(text: str) -> tuple[str, ...]:
        found = tuple(name for name in map(str.strip, text.split(",")) if name)
        if not found:
            raise ValueError(text)
        return found

    return Reader(accepts, read, "A,B")


def address(*words: str, wires: tuple[str, ...] = (), several: bool = False) -> Reader[str]:
    """An http or https address, or one of some words.

    wires: what may stand before an address with a plus sign, naming what is spoken there. several:
    addresses with the same wire may follow each other, with commas between them.
    """

    def read(text: str) -> str:
        if text in words:
            return text
        each = text.split(",") if several else [text]
        if len({_wire_of(one, wires) for one in each}) != 1:
            raise ValueError(text)
        return text

    accepts = "an address such as http://127.0.0.1:11434/v1"
    if wires:
        accepts += f", or one that begins with {'+, '.join(wires)}+"
    if several:
        accepts += ", or several of one kind with commas between them"
    return Reader(", ".join((*words, f"or {accepts}")) if words else accepts, read, "URL")


def _wire_of(text: str, wires: tuple[str, ...]) -> str:
    """What stands before the address; raises ValueError for what is none."""
    parts = urlsplit(text)
    wire, _, scheme = parts.scheme.rpartition("+")
    if scheme not in ("http", "https") or not parts.hostname or wire not in ("", *wires):
        raise ValueError(text)
    return wire


def _yes_or_no(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[
        text.lower()
    ]


def _postgres_url(text: str) -> str:
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError(text)
    return text


def _forward_passes(text: str) -> int:
    """The older service counted one more than the model's forward passes."""
    return whole_number(2, 51).read(text) - 1


def _sizes(text: str) -> tuple[Size, ...]:
    found = tuple(re.findall(r"([1-9]\d{1,3})x([1-9]\d{1,3})", text))
    if ",".join("x".join(edges) for edges in found) != text.replace(" ", ""):
        raise ValueError(text)
    return tuple(Size(int(width), int(height)) for width, height in found)


def _within(least: float, value: T, most: float) -> T:
    if not (isinstance(value, int | float) and math.isfinite(value) and least <= value <= most):
        raise ValueError(value)
    return value


def _adapters(text: str) -> tuple[LoraFile, ...]:
    return tuple(map(read_lora_file, text.split(",")))


ADAPTERS = Reader(
    "a name and a file, such as ink=/models/ink.safetensors:0.8, or several with commas between "
    "them",
    _adapters,
    "NAME=PATH[:WEIGHT]",
)
YES_OR_NO = Reader("yes or no", _yes_or_no, "yes|no")
FILE = Reader("a file", lambda text: Path(text).expanduser(), "FILE")
FOLDER = Reader("a folder", lambda text: Path(text).expanduser(), "DIR")
SIZES = Reader("sizes such as 512x512,768x512", _sizes, "WxH,WxH")
POSTGRES_URL = Reader("a URL such as postgresql://user@host/name", _postgres_url, "URL")
STEPS_AND_ONE = Reader("a whole number from 2 to 51", _forward_passes, "N")
