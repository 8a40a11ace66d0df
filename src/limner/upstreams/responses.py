"""A language model behind a server of the Responses API: OpenAI's own, or one of its kin."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from limner.core.turn import TurnEnded, TurnEvent, TurnFailed, TurnRequest, UpstreamCapabilities
from limner.upstreams.http import UpstreamHttp
from limner.upstreams.reply import read_reply
from limner.upstreams.spared import SparedRequests
from limner.wire.responses_reply import ResponsesReplyDecoder
from limner.wire.responses_request import ENCRYPTED_REASONING, render_responses_request
from limner.wire.spare_fields import RESPONSES


class ResponsesUpstream:
    """The port `Upstream` over the Responses API.

    http: open, and closed by its owner.
    model: the server's name of the model; None passes on what the client asked for.
    """

    def __init__(
        self,
        http: UpstreamHttp,
        *,
        model: str | None = None,
        capabilities: UpstreamCapabilities | None = None,
    ) -> None:
        self._http = http
        self._model = model
        self._capabilities = capabilities or UpstreamCapabilities(
            model or "responses", hosted_tools=True, encrypted_reasoning=True, logprobs=True
        )
        self._without_seals: set[str] = set()
        self._requests = SparedRequests(RESPONSES)

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._capabilities

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`.

        A model that has no sealed thoughts may refuse the question for them; it is asked again
        without, and from then on.
        """
        if request.model not in self._without_seals:
            async with aclosing(self._ask(request, sealed=True)) as events:
                first = await anext(events)
                if not _refuses_seals(first):
                    yield first
                    async for event in events:
                        yield event
                    return
            self._without_seals.add(request.model)
        async with aclosing(self._ask(request, sealed=False)) as events:
            async for event in events:
                yield _told(event) if ENCRYPTED_REASONING in request.include else event

    def _ask(self, request: TurnRequest, *, sealed: bool) -> AsyncGenerator[TurnEvent, None]:
        body = render_responses_request(
            request, model=self._model, vision=self._capabilities.vision, sealed=sealed
        )

        def send(body: bytes) -> AsyncGenerator[TurnEvent, None]:
            decoder = ResponsesReplyDecoder(
                id_prefix=f"call_{secrets.token_hex(8)}", partial_images=_partial_images(request)
            )
            return read_reply(self._http, "responses", body, decoder)

        return self._requests.ask(body, send)


def _refuses_seals(event: TurnEvent) -> bool:
    """OpenAI: "Encrypted content is not supported with this model"; others name the value."""
    if not isinstance(event, TurnFailed) or event.retryable:
        return False
    said = event.message.lower()
    return "encrypted content is not supported" in said or ENCRYPTED_REASONING in said


def _told(event: TurnEvent) -> TurnEvent:
    if not isinstance(event, TurnEnded):
        return event
    return replace(event, adjustments=("include: this model has no encrypted reasoning.",))


def _partial_images(request: TurnRequest) -> int:
    """How many previews the client asked of the upstream's own image tool."""
    for tool in request.hosted_tools:
        asked = tool.get("partial_images")
        if tool.get("type") == "image_generation" and isinstance(asked, int):
            return asked
    return 0
