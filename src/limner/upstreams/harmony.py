"""gpt-oss behind a server of raw completions: prompts and replies are Harmony, written by us."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from limner.core.errors import InvalidRequest
from limner.core.turn import TurnEvent, TurnRequest, UpstreamCapabilities
from limner.upstreams.http import UpstreamHttp
from limner.upstreams.reply import read_reply, refused
from limner.wire import json
from limner.wire.harmony_reply import HarmonyReplyDecoder
from limner.wire.harmony_request import HarmonyRequest, render_harmony_request


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """encode: the tokens of text, in which nothing is special. decode: their text again, with
    U+FFFD for what is no character."""

    encode: Callable[[str], Sequence[int]]
    decode: Callable[[Sequence[int]], str]


class HarmonyUpstream:
    """The port `Upstream` over raw completions of a gpt-oss model, which cannot see pictures.

    http: open, and closed by its owner.
    model: the server's name of the model; None passes on what the client asked for.
    vocabulary: prompts are tokens; None makes them text with special tokens spelled out.
    today: the model is told the date.
    """

    def __init__(
        self,
        http: UpstreamHttp,
        *,
        model: str | None = None,
        vocabulary: Vocabulary | None = None,
        today: Callable[[], datetime.date] = datetime.date.today,
    ) -> None:
        self._http = http
        self._model = model
        self._vocabulary = vocabulary
        self._today = today
        self._capabilities = UpstreamCapabilities(
            model or "harmony", vision=False, parallel_tool_calls=False
        )

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._capabilities

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        try:
            asked = self._render(request)
        except InvalidRequest as error:
            yield refused(error)
            return
        decoder = HarmonyReplyDecoder(
            names={tool.name for tool in request.tools},
            id_prefix=f"call_{secrets.token_hex(8)}",
            prefill=asked.prefill,
            adjustments=asked.adjustments,
            decode=self._vocabulary.decode if self._vocabulary else None,
        )
        reply = read_reply(self._http, "completions", json.dump(asked.body), decoder)
        async with aclosing(reply) as events:
            async for event in events:
                yield event

    def _render(self, request: TurnRequest) -> HarmonyRequest:
        return render_harmony_request(
            request,
            model=self._model,
            date=self._today().isoformat(),
            encode=self._vocabulary.encode if self._vocabulary else None,
        )
