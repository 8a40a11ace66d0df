"""A language model behind any Chat Completions server."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.turn import TurnEvent, TurnRequest, UpstreamCapabilities
from limner.upstreams.http import UpstreamHttp
from limner.upstreams.reply import read_reply, refused
from limner.upstreams.spared import SparedRequests
from limner.wire.chat_reply import ChatReplyDecoder
from limner.wire.chat_request import MaxTokensField, render_chat_request
from limner.wire.spare_fields import CHAT


class ChatUpstream:
    """The port `Upstream` over Chat Completions.

    http: open, and closed by its owner.
    model: the server's name of the model; None passes on what the client asked for.
    """

    def __init__(
        self,
        http: UpstreamHttp,
        *,
        model: str | None = None,
        capabilities: UpstreamCapabilities | None = None,
        max_tokens_field: MaxTokensField = "max_completion_tokens",
    ) -> None:
        self._http = http
        self._model = model
        self._capabilities = capabilities or UpstreamCapabilities(model or "chat", logprobs=True)
        self._max_tokens_field = max_tokens_field
        self._requests = SparedRequests(CHAT)

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._capabilities

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        try:
            body = self._render(request)
        except InvalidRequest as error:
            yield refused(error)
            return

        def send(body: bytes) -> AsyncGenerator[TurnEvent, None]:
            decoder = ChatReplyDecoder(
                id_prefix=f"call_{secrets.token_hex(8)}", logprobs=request.sampling.logprobs
            )
            return read_reply(self._http, "chat/completions", body, decoder)

        async with aclosing(self._requests.ask(body, send)) as events:
            async for event in events:
                yield event

    def _render(self, request: TurnRequest) -> dict[str, Any]:
        return render_chat_request(
            request,
            model=self._model,
            vision=self._capabilities.vision,
            max_tokens_field=self._max_tokens_field,
        )
