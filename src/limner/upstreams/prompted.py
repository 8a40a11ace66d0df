"""Function calling for models that have none: they are told in words, and call in their text.

Whether a model has it is the operator's to say (`prompted`), or shows itself (`auto`): a server
that refuses a request for its functions is asked again without them, and from then on for that
model.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from limner.core.fitting import LOG_PROBABILITIES
from limner.core.items import FunctionCall, FunctionCallOutput
from limner.core.ports import Upstream
from limner.core.turn import TurnEvent, TurnFailed, TurnRequest, UpstreamCapabilities
from limner.wire.prompted_reply import PromptedReply
from limner.wire.prompted_request import render_prompted_request

NO_LOGPROBS = (
    "include: log probabilities are not returned where calls are read out of the model's text."
)
ADJUSTMENT = (
    "tools: the language model has no function calling; it was asked in words to write its calls "
    "into its text."
)

# Said by Ollama, Groq and llama.cpp; by vLLM; by older llama.cpp; by OpenRouter; by Mistral;
# by LiteLLM.
_REFUSALS = re.compile(
    r"not support(?:ed)? (?:tool|function)|tool (?:call|use)(?:ing)?`? is not supported"
    r"|enable-auto-tool-choice|tools param requires|unsupported param: tools"
    r"|no endpoints found that support tool|function calling is not enabled"
    r"|not support parameters: [\[{].*'tools'",
    re.IGNORECASE,
)


class PromptedUpstream:
    """The port `Upstream` over one that may have no function calling."""

    def __init__(self, upstream: Upstream, tools: Literal["auto", "prompted"]) -> None:
        self._upstream = upstream
        self._tools = tools
        self._without_functions: set[str] = set()

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return replace(self._upstream.capabilities, tools=self._tools)

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        if self._tools == "auto" and request.model not in self._without_functions:
            async with aclosing(self._upstream.stream(request)) as events:
                first = await anext(events)
                if not (request.tools and _refuses_functions(first)):
                    yield first
                    async for event in events:
                        yield event
                    return
            self._without_functions.add(request.model)
        async with aclosing(self._prompted(request)) as events:
            async for event in events:
                yield event

    async def _prompted(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        is_plain = not request.tools and not any(
            isinstance(item, FunctionCall | FunctionCallOutput) for item in request.items
        )
        asked = request if is_plain else _without_logprobs(render_prompted_request(request))
        told = (ADJUSTMENT, NO_LOGPROBS) if request.sampling.logprobs else (ADJUSTMENT,)
        reply = PromptedReply(
            {tool.name for tool in request.tools},
            id_prefix=f"call_{secrets.token_hex(8)}",
            adjustments=told,
        )
        async with aclosing(self._upstream.stream(asked)) as events:
            async for event in events:
                if is_plain:
                    yield event
                    continue
                for read in reply.feed(event):
                    yield read
                if reply.is_finished:
                    return


def _without_logprobs(request: TurnRequest) -> TurnRequest:
    """Text that is held back and cut is no longer made of whole tokens."""
    return replace(
        request,
        sampling=replace(request.sampling, logprobs=False, top_logprobs=None),
        include=tuple(value for value in request.include if value != LOG_PROBABILITIES),
    )


def _refuses_functions(event: TurnEvent) -> bool:
    return isinstance(event, TurnFailed) and _REFUSALS.search(event.message) is not None
