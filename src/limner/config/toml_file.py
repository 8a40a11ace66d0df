"""A TOML file read key by key: complaints name the file, the key's path and the value."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from limner.config.reading import Reader
from limner.core.errors import ConfigError

_HEADER = re.compile(r"\s*\[\s*([\w.-]+)\s*\]\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w-]+)\s*=")

T = TypeVar("T")
D = TypeVar("D")


def read_toml(path: Path) -> Table:
    """The whole file; raises ConfigError when it cannot be read or is not TOML."""
    try:
        text = path.read_bytes().decode()
        return Table(str(path), "", tomllib.loads(text), _Lines(text))
    except OSError as error:
        raise ConfigError(f"--config {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None


class _Lines:
    """Finds the line of a key, which the standard library's reader forgets.

    Looks at plain headers and keys only: what is written inline, in quotes or over several lines is
    not found, and a message then does without.
    """

    def __init__(self, text: str) -> None:
        self._found: dict[str, int] = {}
        table = ""
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.match(line):
                table = header[1]
                self._found.setdefault(table, number)
                # A table of that name may be there by its subtables alone.
                self._found.setdefault(table.partition(".")[0], number)
            elif key := _KEY.match(line):
                self._found.setdefault(f"{table}.{key[1]}" if table else key[1], number)

    def find(self, path: str) -> int | None:
        """path: as in a message, its parts with points between them. The first line is 1."""
        return self._found.get(path)


class Table:
    """One table of the file. Whoever has taken all that it knows says so with `end`."""

    def __init__(self, file: str, path: str, values: dict[str, Any], lines: _Lines) -> None:
        self.file = file
        self._path = path
        self._values = values
        self._lines = lines
        self._known: dict[str, None] = {}

    def take(self, key: str, reader: Reader[T], *kinds: type, default: D) -> T | D:
        """A value of one of the TOML types `kinds` as the reader makes it of its text."""
        value = self._raw(key)
        if value is None:
            return default
        try:
            if type(value) not in kinds or value == "":
                raise ValueError(value)
            return reader.read(str(value))
        except (ValueError, KeyError):
            raise self.wrong(key, reader.accepts, value) from None

    def names(self, key: str) -> tuple[str, ...]:
        """A list of texts that are not empty; empty where there is none."""
        value = self._raw(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
            raise self.wrong(key, 'a list of texts such as ["a", "b"]', value)
        return tuple(value)

    def pairs(self, key: str) -> dict[str, str]:
        """A table of texts; empty where there is none."""
        table = self.table(key)
        return {
            name: table.take(name, Reader("a text", str, "TEXT"), str, default="") for name in table
        }

    def table(self, key: str) -> Table:
        """A table in this one; an empty one where there is none."""
        value = self._raw(key)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.wrong(key, f"a table, [{self.path(key)}]", value)
        return Table(self.file, self.path(key), value, self._lines)

    def __iter__(self) -> Iterator[str]:
        """The keys, in the order of the file."""
        return iter(self._values)

    def end(self) -> None:
        """Raise ConfigError for a key that nobody has asked for."""
        for key in self._values:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(self._known)}."
                raise ConfigError(f"{self._at(key)}: {self.path(key)} is not a key; {hint}")

    def path(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def wrong(self, key: str, accepts: str, value: object) -> ConfigError:
        return ConfigError(f"{self._at(key)}: {self.path(key)} must be {accepts}, got {value!r}.")

    def _at(self, key: str) -> str:
        """The file, with the key's line where that is found."""
        line = self._lines.find(self.path(key))
        return self.file if line is None else f"{self.file}, line {line}"

    def _raw(self, key: str) -> Any:
        self._known[key] = None
        return self._values.get(key)
