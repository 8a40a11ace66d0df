"""Language models by what their servers speak: one constructor for each dialect."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from limner.app.vocabulary import load_vocabulary
from limner.config import Settings
from limner.config.patience import Timeouts
from limner.core.errors import ConfigError, UpstreamError
from limner.core.ports import Finish, Upstream
from limner.core.turn import UpstreamCapabilities
from limner.images.codec import SandboxedCodec
from limner.upstreams.anthropic import AnthropicUpstream, anthropic_http
from limner.upstreams.chat import ChatUpstream
from limner.upstreams.detect import DetectedUpstream, has_image_tool, known_dialect
from limner.upstreams.finished import FinishedTurns
from limner.upstreams.harmony import HarmonyUpstream
from limner.upstreams.http import HttpLimits, UpstreamHttp
from limner.upstreams.prompted import PromptedUpstream
from limner.upstreams.responses import ResponsesUpstream
from limner.wire.anthropic_thoughts import ThinkingStyle
from limner.wire.chat_request import MaxTokensField

NEXT = "it is asked again with each request; limner doctor --online looks closer"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelServer:
    """What the operator says of one language model server; see the settings of the same names.

    native_image_tool: whether it runs the hosted image tool itself; known of OpenAI's own. finish:
    what is done to the pictures that it makes so.
    """

    url: str
    kind: str = "auto"
    model: str | None = None
    key: str | None = field(default=None, repr=False)
    vision: bool = False
    tools: Literal["auto", "native", "prompted"] = "auto"
    max_tokens_field: MaxTokensField = "max_completion_tokens"
    thinking: ThinkingStyle = "adaptive"
    harmony_vocab: Path | None = None
    native_image_tool: bool = False
    limits: HttpLimits = field(default_factory=HttpLimits)
    finish: Finish | None = None

    @property
    def name(self) -> str:
        return self.model or self.kind


Opens = Callable[[ModelServer, AsyncExitStack], Awaitable[Upstream]]
"""Makes an upstream; the stack closes in the end what it opened."""


def model_server(settings: Settings) -> ModelServer | None:
    """The server that the flags name; None where they name none."""
    if settings.llm_url is None:
        return None
    return ModelServer(
        settings.llm_url,
        settings.llm_kind,
        model=settings.llm_model,
        key=settings.llm_key,
        vision=settings.llm_vision,
        tools=settings.llm_tools,
        max_tokens_field=settings.llm_max_tokens_field,
        thinking=settings.llm_thinking,
        harmony_vocab=settings.harmony_vocab,
        native_image_tool=settings.image_tool == "passthrough",
        limits=http_limits(settings.llm_timeouts, settings.llm_retries),
    )


def http_limits(times: Timeouts, retries: int) -> HttpLimits:
    """What one connection bears; a whole turn is bounded around it."""
    return HttpLimits(times.connect, times.first_byte, times.idle, retries=retries)


async def open_server_of_models(server: ModelServer, stack: AsyncExitStack) -> Upstream:
    """Open one server. Raises ConfigError for a dialect that is not spoken here."""
    kind = server.kind
    if kind == "auto":
        kind = known_dialect(server.url) or kind
    opened = _detected(server, stack) if kind == "auto" else _open(server, stack, kind)
    if server.tools == "native":
        return await opened
    return PromptedUpstream(await opened, server.tools)


async def _open(server: ModelServer, stack: AsyncExitStack, kind: str) -> Upstream:
    try:
        opens = KINDS[kind]
    except KeyError:
        raise ConfigError(
            f"--llm-kind must be auto or one of {', '.join(KINDS)}, got {kind!r}"
        ) from None
    return await opens(server, stack)


async def _detected(server: ModelServer, stack: AsyncExitStack) -> Upstream:
    """Ask at once; a server that is still down is asked again with the first request."""
    http = await _http(server, stack)
    until_known = UpstreamCapabilities(server.name, vision=server.vision)
    upstream = DetectedUpstream(http, partial(_open, server, stack), until_known)
    try:
        return await upstream.find()
    except UpstreamError as error:
        facts = {"action": "detect", "url": server.url, "why": error.message, "next": NEXT}
        logger.warning("the language model does not answer", extra=facts)
        return upstream


def http_to_list(server: ModelServer, limits: HttpLimits) -> UpstreamHttp:
    """Connections to ask which models it has; not open yet."""
    speaks_anthropic = "anthropic" in (server.kind, known_dialect(server.url))
    opens = anthropic_http if speaks_anthropic else UpstreamHttp
    return opens(server.url, key=server.key, limits=limits)


async def _http(server: ModelServer, stack: AsyncExitStack) -> UpstreamHttp:
    return await stack.enter_async_context(
        UpstreamHttp(server.url, key=server.key, limits=server.limits)
    )


async def _chat(server: ModelServer, stack: AsyncExitStack) -> Upstream:
    return ChatUpstream(
        await _http(server, stack),
        model=server.model,
        capabilities=UpstreamCapabilities(server.name, vision=server.vision, logprobs=True),
        max_tokens_field=server.max_tokens_field,
    )


async def _responses(server: ModelServer, stack: AsyncExitStack) -> Upstream:
    capabilities = UpstreamCapabilities(
        server.name,
        vision=server.vision,
        hosted_tools=True,
        logprobs=True,
        native_image_tool=server.native_image_tool or has_image_tool(server.url),
        encrypted_reasoning=True,
    )
    http = await _http(server, stack)
    upstream = ResponsesUpstream(http, model=server.model, capabilities=capabilities)
    return FinishedTurns(upstream, server.finish) if server.finish else upstream


async def _anthropic(server: ModelServer, stack: AsyncExitStack) -> Upstream:
    http = anthropic_http(server.url, key=server.key, limits=server.limits)
    codec = await stack.enter_async_context(SandboxedCodec(workers=1))
    return AnthropicUpstream(
        await stack.enter_async_context(http),
        model=server.model,
        capabilities=UpstreamCapabilities(
            server.name, vision=server.vision, encrypted_reasoning=True
        ),
        thinking=server.thinking,
        scale=codec.scaled,
    )


async def _harmony(server: ModelServer, stack: AsyncExitStack) -> Upstream:
    folder = server.harmony_vocab
    return HarmonyUpstream(
        await _http(server, stack),
        model=server.model,
        vocabulary=None if folder is None else load_vocabulary(folder),
    )


KINDS: Mapping[str, Opens] = {
    "chat": _chat,
    "responses": _responses,
    "anthropic": _anthropic,
    "harmony": _harmony,
}
