"""A language model behind an Anthropic Messages server: Anthropic's own, or one of its kin."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from limner.core.errors import InvalidRequest, UpstreamError
from limner.core.turn import TurnEnded, TurnEvent, TurnFailed, TurnRequest, UpstreamCapabilities
from limner.upstreams.fitted_pictures import PictureLimits, Scale, fitted
from limner.upstreams.http import HttpLimits, UpstreamHttp
from limner.upstreams.reply import read_reply, refused
from limner.upstreams.spared import SparedRequests
from limner.wire import json
from limner.wire.anthropic_count import counted, read_count
from limner.wire.anthropic_pictures import (
    FEW_PICTURES,
    MAX_CHARS,
    MAX_EDGE_OF_MANY_PX,
    MAX_EDGE_PX,
    MAX_PICTURE_CHARS,
)
from limner.wire.anthropic_reply import AnthropicReplyDecoder
from limner.wire.anthropic_request import (
    DEFAULT_MAX_TOKENS,
    AnthropicRequest,
    render_anthropic_request,
)
from limner.wire.anthropic_thoughts import ThinkingStyle
from limner.wire.spare_fields import ANTHROPIC

PICTURE_LIMITS = PictureLimits(
    max_edge_px=MAX_EDGE_PX,
    max_bytes=MAX_PICTURE_CHARS // 4 * 3,
    few=FEW_PICTURES,
    max_edge_of_many_px=MAX_EDGE_OF_MANY_PX,
    all_bytes=MAX_CHARS // 4 * 3,
)

log = logging.getLogger(__name__)

API_VERSION = "2023-06-01"
MAX_REPLIES = 8
"""How often a reply that pauses is sent back in one turn, the first request included."""


def anthropic_http(
    base_url: str, *, key: str | None = None, limits: HttpLimits | None = None
) -> UpstreamHttp:
    """Connections with the headers that the API demands; raises ConfigError for a bad address."""
    return UpstreamHttp(
        base_url,
        key=key,
        key_header="x-api-key",
        headers={"anthropic-version": API_VERSION},
        limits=limits,
    )


class AnthropicUpstream:
    """The port `Upstream` over Anthropic's Messages API.

    http: open, of `anthropic_http`, and closed by its owner.
    model: the server's name of the model; None passes on what the client asked for.
    max_tokens: of a reply where the client sets no limit.
    scale: makes pictures fit that are too large for the API; None leaves them out, in words.
    """

    def __init__(
        self,
        http: UpstreamHttp,
        *,
        model: str | None = None,
        capabilities: UpstreamCapabilities | None = None,
        thinking: ThinkingStyle = "adaptive",
        max_tokens: int = DEFAULT_MAX_TOKENS,
        scale: Scale | None = None,
    ) -> None:
        self._http = http
        self._model = model
        known = capabilities or UpstreamCapabilities(model or "anthropic")
        self._capabilities = replace(known, encrypted_reasoning=True)
        self._thinking = thinking
        self._max_tokens = max_tokens
        self._scale = scale
        self._requests = SparedRequests(ANTHROPIC)

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._capabilities

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        try:
            rendered = await self._render(request)
        except InvalidRequest as error:
            yield refused(error)
            return
        decoder = self._decoder()
        for _ in range(MAX_REPLIES):
            # What a refusal says is no reply: the same decoder reads the next answer.
            send = partial(read_reply, self._http, "messages", decoder=decoder)
            async with aclosing(self._requests.ask(rendered.body, send)) as events:
                async for event in events:
                    if isinstance(event, TurnEnded):
                        told = (*rendered.adjustments, *event.adjustments)
                        event = replace(event, adjustments=told)
                    yield event
            if decoder.paused is None:
                return
            rendered = rendered.continued(decoder.paused)
            decoder = self._decoder(decoder)
        yield TurnFailed(f"The language model server paused {MAX_REPLIES} times in one turn")

    async def count(self, request: TurnRequest) -> int | None:
        """The turn's input tokens (Anthropic API reference, "Count tokens in a Message")."""
        try:
            body = json.dump(counted((await self._render(request)).body))
            async with aclosing(self._http.post("messages/count_tokens", body)) as pieces:
                return read_count(b"".join([piece async for piece in pieces]))
        except (InvalidRequest, UpstreamError) as error:
            log.info("upstream does not count", extra={"why": error.message})
            return None

    def _decoder(self, before: AnthropicReplyDecoder | None = None) -> AnthropicReplyDecoder:
        return AnthropicReplyDecoder(
            id_prefix=f"call_{secrets.token_hex(8)}", spent=before.usage if before else None
        )

    async def _render(self, request: TurnRequest) -> AnthropicRequest:
        smaller = 0
        if self._scale and self._capabilities.vision:
            request, smaller = await fitted(request, PICTURE_LIMITS, self._scale)
        rendered = render_anthropic_request(
            request,
            model=self._model,
            vision=self._capabilities.vision,
            thinking=self._thinking,
            max_tokens=self._max_tokens,
        )
        if not smaller:
            return rendered
        told = f"input: {smaller} pictures were made smaller, to what the model's server takes."
        return replace(rendered, adjustments=(*rendered.adjustments, told))
