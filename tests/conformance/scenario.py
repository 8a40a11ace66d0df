"""What is played over every kind of upstream, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from limner.upstreams.http import HttpLimits
from tests.conformance.dialects import Deed, Kind

TOOL: Mapping[str, Any] = {"type": "image_generation", "partial_images": 2}
AT_ONCE = HttpLimits(retry_wait_s=0)


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a scenario.

    status: the response's, with the code of its error, or the HTTP error's and its code.
    output: its items in order: `words`, `long words` (beyond a million letters), `picture`, `edited
    picture`, `failed picture`, `call of NAME`; ellipses mark items that did not come to their end.
    previews: how many came before the pictures, where the client streams.
    painted: the prompts, in order. read: what the model was told of each call, in its last request,
    `ok` or not. shown: how many pictures it was shown there. forced: how many of its requests left
    it no choice but the tool.
    """

    status: str = "completed"
    output: tuple[str, ...] = ("words",)
    previews: int = 0
    painted: tuple[str, ...] = ()
    read: tuple[bool, ...] = ()
    shown: int = 0
    forced: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """asked: what the client says, one request after the other; each begins with the output of the
    one before, and what follows a call of the client's function is the function's answer.
    differs: what is seen over the kinds of these names in place of `expected`.

    fields: of the requests beyond `tools`. shows: whether the client's first message shows a
    picture of its own. without: kinds that it does not apply to.
    """

    name: str
    about: str
    asked: tuple[str, ...]
    deeds: tuple[Deed, ...]
    expected: Seen
    differs: Mapping[str, Seen] = field(default_factory=dict)
    tools: tuple[Mapping[str, Any], ...] = (TOOL,)
    fields: Mapping[str, Any] = field(default_factory=dict)
    limits: HttpLimits = AT_ONCE
    shows: bool = False
    without: frozenset[str] = frozenset()


def expected_of(scenario: Scenario, kind: Kind) -> Seen:
    """What must come of a scenario over this kind."""
    return as_seen_by(kind, scenario.differs.get(kind.name, scenario.expected))


def as_seen_by(kind: Kind, seen: Seen) -> Seen:
    """Without what this kind is never shown, or what no double is there to note."""
    if kind.server is None:
        return replace(seen, read=(), shown=0, forced=0)
    return seen if kind.sees else replace(seen, shown=0)
