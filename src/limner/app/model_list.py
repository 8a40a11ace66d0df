"""The language models that `/v1/models` lists: those that the operator named, and those that the
servers behind patterns say they have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from limner.core.gate import ImageToolMode
from limner.core.readiness import Readiness
from limner.gateway.several import Served
from limner.upstreams.listed import ListedModels
from limner.wire.jobs import Painter
from limner.wire.models import ImageToolState, ModelEntry

_REASONS: Mapping[ImageToolMode, str] = {
    "off": "the operator has switched it off for this model",
    "passthrough": "it is left to the language model's own server",
    "strip": "the operator has it taken out of requests",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A model that is listed. readiness: None where nobody watches its server."""

    id: str
    served: Served
    upstream: str | None = None
    stands_for: str | None = None
    readiness: Callable[[], Readiness] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A server that is asked for its models. like: all of them, but for the name.

    leads: whether a request for a model of this name reaches it.
    """

    models: ListedModels
    like: Named
    leads: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class ModelList:
    """named: always there. stand_in: there while nothing else is."""

    named: tuple[Named, ...] = ()
    listings: tuple[Listing, ...] = ()
    stand_in: Named | None = None

    async def refresh(self) -> None:
        """Ask the servers whose last answer is old; waits for all together, and not long."""
        await asyncio.gather(*(listing.models.refresh() for listing in self.listings))

    def entries(
        self, painter: Painter, created: int, taken: Collection[str] = ()
    ) -> list[ModelEntry]:
        """The list as it is now. created: when the server started, seconds since 1970.

        taken: names of what paints; a server may list the same, and they are listed once.
        """
        named = [*self.named, *self._found(taken)]
        if not named and self.stand_in:
            named = [self.stand_in]
        return [_entry(each, painter, created) for each in named]

    def _found(self, taken: Collection[str]) -> Iterator[Named]:
        seen = {*taken, *(named.id for named in self.named)}
        for listing in self.listings:
            for name in listing.models.names:
                if name not in seen and listing.leads(name):
                    seen.add(name)
                    yield replace(listing.like, id=name)


def _entry(named: Named, painter: Painter, created: int) -> ModelEntry:
    return ModelEntry(
        named.id,
        created,
        named.served.upstream.capabilities,
        named.readiness() if named.readiness else None,
        upstream=named.upstream,
        stands_for=named.stands_for,
        image_tool=_tool_state(named.served, painter),
    )


def _tool_state(served: Served, painter: Painter) -> ImageToolState:
    """Whether a request that offers the tool gets a picture, and why."""
    mode, readiness = served.image_tool, painter.readiness
    paints = None if readiness.state == "absent" else painter.model
    if mode != "on":
        return ImageToolState(mode, _REASONS[mode], paints)
    if paints is None and served.upstream.capabilities.native_image_tool:
        return ImageToolState("passthrough", _REASONS["passthrough"])
    if paints is None:
        return ImageToolState("off", readiness.message)
    return ImageToolState("on", f"{paints} paints: {readiness.message}", paints)
