"""A turn of a gpt-oss model as a request for a raw completion (`POST /v1/completions`).

The fields beyond OpenAI's are vLLM's (special tokens stay in the text, and in the prompt are not
added to) and llama.cpp's (`preserved_tokens`: special tokens that it shows). Servers pass over
those that they do not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from limner.core.turn import FunctionTool, HostedChoice, NamedChoice, TurnRequest
from limner.wire.harmony_parser import TOKENS
from limner.wire.harmony_render import (
    CHANNEL,
    CONSTRAIN,
    MESSAGE,
    Effort,
    Prompt,
    render_conversation,
    spell,
    tokens_of,
)

Json = dict[str, Any]

STOPS = {"<|return|>": 200002, "<|call|>": 200012}
"""What ends the reply. Beyond a call the model would invent its result."""

_EFFORTS: dict[str, Effort] = {
    "none": "low",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}


@dataclass(frozen=True, slots=True)
class HarmonyRequest:
    """body: the request. prefill: the beginning of the reply, which we have written ourselves.

    adjustments: what is not done as asked, one sentence each.
    """

    body: Json
    prefill: str
    adjustments: tuple[str, ...]


def render_harmony_request(
    request: TurnRequest,
    *,
    model: str | None = None,
    date: str | None = None,
    encode: Callable[[str], Sequence[int]] | None = None,
) -> HarmonyRequest:
    """Say a turn as a prompt, streamed, with usage.

    model: the server's own name of the model, where it differs from the client's. date: today.
    encode: the tokens of text; None sends the prompt as text.
    Raises InvalidRequest when calls and outputs do not pair.
    """
    sampling = request.sampling
    effort = _EFFORTS.get(sampling.reasoning_effort or "medium", "medium")
    tools = _tools(request)
    prefill = _prefill(request, tools)
    prompt = (*render_conversation(request, tools, effort=effort, date=date), *prefill)
    body: Json = {
        "model": model or request.model,
        "prompt": spell(prompt) if encode is None else tokens_of(prompt, encode),
        "stream": True,
        "stream_options": {"include_usage": True},
        # Null where the client sets no limit: without the field most stop after 16 tokens.
        "max_tokens": sampling.max_output_tokens,
        "stop": list(STOPS),
        "stop_token_ids": list(STOPS.values()),
        "skip_special_tokens": False,
        "spaces_between_special_tokens": False,
        "add_special_tokens": False,
        "preserved_tokens": [f"<|{name}|>" for name in TOKENS.values()],
    }
    optional = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "user": request.user,
        "return_token_ids": None if encode is None else True,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    return HarmonyRequest(body, spell(prefill), _adjustments(request, effort))


def _tools(request: TurnRequest) -> tuple[FunctionTool, ...]:
    """A model that may not call is not told what it could call; past calls need no declaration."""
    return () if request.tool_choice == "none" else request.tools


def _prefill(request: TurnRequest, tools: Sequence[FunctionTool]) -> Prompt:
    """A forced call is begun for the model, so that it can only go on with it."""
    match request.tool_choice:
        case NamedChoice(name):
            header = f"commentary to=functions.{name} "
            return (CHANNEL, header, CONSTRAIN, "json", MESSAGE)
        case HostedChoice():
            raise TypeError("a hosted tool cannot be chosen here: the choice is refused before")
        case "required" if tools:
            return (CHANNEL, "commentary to=functions")
        case _:
            return ()


def _adjustments(request: TurnRequest, effort: Effort) -> tuple[str, ...]:
    sampling = request.sampling
    told = []
    if sampling.reasoning_effort not in (None, effort):
        told.append(f"reasoning.effort is {effort}: the model knows low, medium and high.")
    if sampling.verbosity is not None:
        told.append("text.verbosity was left out: the model does not know it.")
    if sampling.text_format is not None and sampling.text_format.get("type") != "text":
        told.append("text.format is asked of the model in words; nothing enforces it.")
    return tuple(told)
