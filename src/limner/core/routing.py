"""Which upstream serves the model that a client names.

A name or an alias says it exactly; else the pattern with the most literal characters that fits,
the earlier one where two have as many. The only wildcard is `*`, for any characters or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from limner.core.errors import ConfigError, InvalidRequest

MAX_QUOTED = 200
MAX_LISTED = 20
"""How many characters of a client's name, and how many names, an error repeats."""


@dataclass(frozen=True, slots=True)
class Route:
    """What one upstream serves; one that names nothing serves whatever no other does.

    models: the server's own names. aliases: further names, each with the model that it means.
    """

    upstream: str
    models: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What can be listed, models before aliases."""
        return (*self.models, *self.aliases)

    @property
    def all_patterns(self) -> tuple[str, ...]:
        return self.patterns if self.names or self.patterns else ("*",)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. model: what that upstream calls it."""

    upstream: str
    model: str


class Routes:
    """The table of all upstreams; raises ConfigError for what two of them claim."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[str, Target] = {}
        owners: dict[str, str] = {}
        patterns: dict[str, str] = {}
        for route in routes:
            for name in route.names:
                _claim(owners, "model", name, route.upstream)
                self._exact[name] = Target(route.upstream, route.aliases.get(name, name))
            for pattern in route.all_patterns:
                _claim(patterns, "pattern", pattern, route.upstream)
        by_weight = sorted(
            patterns, key=lambda pattern: len(pattern.replace("*", "")), reverse=True
        )
        self._patterns = [(_compile(pattern), patterns[pattern]) for pattern in by_weight]

    def find(self, model: str) -> Target:
        """Where this model is; raises InvalidRequest `model_not_found` when it is nowhere."""
        if exact := self._exact.get(model):
            return exact
        for pattern, upstream in self._patterns:
            if pattern.fullmatch(model):
                return Target(upstream, model)
        raise model_not_found(model, self._exact)

    def leads(self, model: str, upstream: str) -> bool:
        """Whether a request for this model goes to that upstream under the same name."""
        try:
            return self.find(model) == Target(upstream, model)
        except InvalidRequest:
            return False


def model_not_found(model: str, known: Iterable[str]) -> InvalidRequest:
    """What a client is told that names a model which is not here."""
    names = list(known)
    listed = ", ".join(names[:MAX_LISTED]) + (", …" if len(names) > MAX_LISTED else "")
    there = f", but {listed}" if names else "; GET /v1/models lists what is"
    return InvalidRequest(
        f"There is no model {model[:MAX_QUOTED]!r} here{there}.",
        param="model",
        code="model_not_found",
        status=404,
    )


def _claim(owners: dict[str, str], what: str, name: str, upstream: str) -> None:
    if name in owners:
        both = " and ".join(dict.fromkeys((owners[name], upstream)))
        raise ConfigError(f"the {what} {name!r} is named twice, by {both}; only one may have it")
    owners[name] = upstream


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
