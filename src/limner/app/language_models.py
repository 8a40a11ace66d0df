"""All language models of the server: the one of the flags, or those of the file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from limner.app.upstreams import (
    ModelServer,
    http_limits,
    model_server,
    open_server_of_models,
)
from limner.config import Settings
from limner.config.patience import CircuitLimits, Timeouts
from limner.config.upstreams import UpstreamEntry, read_upstreams
from limner.core.circuit import Circuit
from limner.core.errors import ConfigError
from limner.core.gate import ImageToolMode
from limner.core.ports import Upstream
from limner.core.readiness import Readiness
from limner.core.routing import Route, Routes
from limner.gateway.several import GuardedUpstream, Select, Served, Several, always
from limner.upstreams.intent import IntentUpstream
from limner.wire.jobs import Painter
from limner.wire.models import ImageToolState, ModelEntry

NAME = "limner"
"""The model's name where the operator gave none: clients must send one."""
THE_ONE = "llm"
"""What messages call the server of `--llm`, whose address is nobody's business."""

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
class LanguageModels:
    """keys: those of the file, each with its mode of the image tool, if it has one of its own."""

    select: Select
    named: tuple[Named, ...]
    keys: Mapping[str, ImageToolMode | None] = field(default_factory=dict, repr=False)

    def entries(self, painter: Painter, created: int) -> list[ModelEntry]:
        """The list as it is now. created: when the server started, seconds since 1970."""
        return [
            ModelEntry(
                named.id,
                created,
                named.served.upstream.capabilities,
                named.readiness() if named.readiness else None,
                upstream=named.upstream,
                stands_for=named.stands_for,
                image_tool=_tool_state(named.served, painter),
            )
            for named in self.named
        ]


async def open_language_models(settings: Settings, stack: AsyncExitStack) -> LanguageModels:
    """Open them; raises ConfigError for what cannot be. The stack closes them in the end."""
    if settings.config is not None:
        return await _open_file(settings.config, settings.harmony_vocab, stack)
    name, server = settings.llm_model or NAME, model_server(settings)
    if server is None:
        served = Served(IntentUpstream(), settings.image_tool)
        return LanguageModels(always(served.upstream, served.image_tool), (Named(name, served),))
    opened = await open_server_of_models(server, stack)
    upstream = _guarded(
        opened,
        THE_ONE,
        settings.llm_timeouts,
        settings.llm_circuit,
        settings.llm_max_output_tokens,
    )
    served = Served(upstream, settings.image_tool)
    named = Named(name, served, readiness=lambda: upstream.readiness)
    return LanguageModels(always(served.upstream, served.image_tool), (named,))


async def _open_file(
    path: Path, harmony_vocab: Path | None, stack: AsyncExitStack
) -> LanguageModels:
    file = read_upstreams(path, os.environ)
    served: dict[str, Served] = {}
    named: list[Named] = []
    for entry in file.upstreams:
        opened = await _open_entry(path, entry, harmony_vocab, stack)
        upstream = _guarded(
            opened, entry.name, entry.timeouts, entry.circuit, entry.max_output_tokens
        )
        served[entry.name] = Served(upstream, entry.image_tool)
        named += _names(entry.route, served[entry.name], upstream)
    routes = Routes(entry.route for entry in file.upstreams)
    keys = {entry.key: entry.image_tool for entry in file.keys}
    return LanguageModels(Several(routes, served), tuple(named), keys)


def _guarded(
    upstream: Upstream,
    name: str,
    times: Timeouts,
    limits: CircuitLimits,
    max_output_tokens: int | None,
) -> GuardedUpstream:
    return GuardedUpstream(
        upstream,
        name=name,
        circuit=Circuit(time.monotonic, failures=limits.failures, rest_s=limits.rest),
        total_s=times.total,
        max_output_tokens=max_output_tokens,
    )


async def _open_entry(
    path: Path, entry: UpstreamEntry, harmony_vocab: Path | None, stack: AsyncExitStack
) -> Upstream:
    server = server_of(entry, harmony_vocab)
    if server is None:
        return IntentUpstream()
    try:
        return await open_server_of_models(server, stack)
    except ConfigError as error:
        raise ConfigError(f"{path}: upstreams.{entry.name}: {error.message}") from None


def server_of(entry: UpstreamEntry, harmony_vocab: Path | None) -> ModelServer | None:
    """The server that a table of the file describes; None for the built-in rules."""
    if entry.url is None:
        return None
    return ModelServer(
        entry.url,
        entry.kind,
        key=entry.key,
        vision=entry.vision,
        tools=entry.tools,
        max_tokens_field=entry.token_limit_field,
        thinking=entry.thinking,
        harmony_vocab=harmony_vocab,
        native_image_tool=entry.image_tool == "passthrough",
        limits=http_limits(entry.timeouts, entry.retries),
    )


def _names(route: Route, served: Served, upstream: GuardedUpstream) -> Iterator[Named]:
    for name in route.names:
        stands_for = route.aliases.get(name)
        yield Named(name, served, route.upstream, stands_for, lambda: upstream.readiness)


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
