"""All language models of the server: the one of the flags, or those of the file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from limner.app.model_list import Listing, ModelList, Named
from limner.app.upstreams import (
    ModelServer,
    http_limits,
    http_to_list,
    model_server,
    open_server_of_models,
)
from limner.config import Settings
from limner.config.patience import CircuitLimits, Timeouts
from limner.config.upstreams import UpstreamEntry, read_upstreams
from limner.core.circuit import Circuit
from limner.core.errors import ConfigError
from limner.core.gate import ImageToolMode
from limner.core.ports import Finish, Upstream
from limner.core.routing import Route, Routes
from limner.gateway.several import GuardedUpstream, Select, Served, Several, always
from limner.upstreams.http import HttpLimits
from limner.upstreams.intent import IntentUpstream
from limner.upstreams.listed import ListedModels, NamedByServer

NAME = "limner"
"""The model's name where the operator gave none: clients must send one."""
THE_ONE = "llm"
"""What messages call the server of `--llm`, whose address is nobody's business."""
LISTING = HttpLimits(connect_s=5, first_byte_s=10, idle_s=10, retries=0)


@dataclass(frozen=True, slots=True)
class LanguageModels:
    """keys: those of the file, each with its mode of the image tool, if it has one of its own."""

    select: Select
    list: ModelList
    keys: Mapping[str, ImageToolMode | None] = field(default_factory=dict, repr=False)


async def open_language_models(
    settings: Settings,
    stack: AsyncExitStack,
    finish: Finish | None = None,
    by_their_names: bool = False,
) -> LanguageModels:
    """Open them; raises ConfigError for what cannot be. The stack closes them in the end.

    finish: what is done to pictures that they paint themselves. by_their_names: the server of the
    flags has several, each to be asked for by the name that it lists; the model of the flags stands
    for all other names.
    """
    if settings.config is not None:
        return await _open_file(settings.config, settings.harmony_vocab, finish, stack)
    server = model_server(settings)
    if server is None:
        named = Named(settings.llm_model or NAME, Served(IntentUpstream(), settings.image_tool))
        return LanguageModels(_always(named), ModelList((named,)))
    server = replace(server, finish=finish)
    listed, usual = None, server.model
    if usual is None or by_their_names:
        listed = await _listed(server, stack)
        server = replace(server, model=None)
    upstream = await open_server_of_models(server, stack)
    if usual and listed:
        upstream = NamedByServer(upstream, listed, usual)
    guarded = _guarded(
        upstream,
        THE_ONE,
        settings.llm_timeouts,
        settings.llm_circuit,
        settings.llm_max_output_tokens,
    )
    served = Served(guarded, settings.image_tool)
    named = Named(usual or NAME, served, readiness=lambda: guarded.readiness)
    listings = (Listing(listed, named, lambda name: True),) if listed else ()
    models = ModelList((named,), listings) if usual else ModelList((), listings, stand_in=named)
    return LanguageModels(_always(named), models)


async def _open_file(
    path: Path, harmony_vocab: Path | None, finish: Finish | None, stack: AsyncExitStack
) -> LanguageModels:
    file = read_upstreams(path, os.environ)
    routes = Routes(entry.route for entry in file.upstreams)
    served: dict[str, Served] = {}
    named: list[Named] = []
    listings: list[Listing] = []
    for entry in file.upstreams:
        server = server_of(entry, harmony_vocab)
        server = server and replace(server, finish=finish)
        upstream = _guarded(
            await _open_entry(path, entry, server, stack),
            entry.name,
            entry.timeouts,
            entry.circuit,
            entry.max_output_tokens,
        )
        served[entry.name] = Served(upstream, entry.image_tool)
        named += _names(entry.route, served[entry.name], upstream)
        if server and entry.route.all_patterns:
            listed = await _listed(server, stack)
            listings.append(_listing(entry.name, listed, served[entry.name], upstream, routes))
    keys = {entry.key: entry.image_tool for entry in file.keys}
    models = ModelList(tuple(named), tuple(listings))
    return LanguageModels(Several(routes, served), models, keys)


def _always(named: Named) -> Select:
    return always(named.served.upstream, named.served.image_tool)


async def _listed(server: ModelServer, stack: AsyncExitStack) -> ListedModels:
    http = await stack.enter_async_context(http_to_list(server, LISTING))
    return await stack.enter_async_context(ListedModels(http, time.monotonic))


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
    path: Path, entry: UpstreamEntry, server: ModelServer | None, stack: AsyncExitStack
) -> Upstream:
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


def _listing(
    name: str, listed: ListedModels, served: Served, upstream: GuardedUpstream, routes: Routes
) -> Listing:
    like = Named("", served, name, readiness=lambda: upstream.readiness)
    return Listing(listed, like, lambda model: routes.leads(model, name))
