"""Reads replies as the compliance tester of the Open Responses specification does.

It is stricter than the standards of JSON and server-sent events ask for: what a frame has said is
forgotten at the end of each piece that the network brings. Source: the tester's own page,
https://www.openresponses.org/compliance.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

_SCHEMAS = orjson.loads(Path(__file__).with_name("open_responses.schema.json").read_bytes())
TERMINAL = {"response.completed", "response.failed", "response.incomplete"}


def faults(kind: str, value: Any) -> list[str]:
    """What is wrong with a `response`, an `event` or an `item`."""
    schema = {**_SCHEMAS, "$ref": f"#/$defs/{kind}"}
    validator = jsonschema_rs.validator_for(schema)
    return [
        f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(value)
    ]


@dataclass(slots=True)
class Seen:
    """final: the response of the last event. errors: what is wrong with the events."""

    events: list[dict[str, Any]] = field(default_factory=list)
    final: dict[str, Any] | None = None
    errors: list[str] = field(default_factory=list)

    def take(self, event: dict[str, Any]) -> None:
        """Note one event."""
        self.events.append(event)
        self.errors += [f"{event['type']}: {fault}" for fault in faults("event", event)]
        if event["type"] in TERMINAL:
            self.final = event["response"]


async def read_stream(pieces: AsyncIterator[bytes]) -> Seen:
    """The events of a stream, as far as this reader gets them."""
    seen = Seen()
    rest = ""
    async for piece in pieces:
        *lines, rest = (rest + piece.decode()).split("\n")
        _read(lines, seen)
    return seen


def _read(lines: Iterable[str], seen: Seen) -> None:
    name = data = ""
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data = line[5:].strip()
        elif not line and data:
            if data != "[DONE]":
                event = orjson.loads(data)
                seen.take(event)
                if name != event["type"]:
                    seen.errors.append(f"{event['type']} has the name {name!r}")
            name = data = ""
