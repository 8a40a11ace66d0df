"""A turn as an Anthropic Messages request (Anthropic API reference, "Create a Message").

Anthropic's API has fewer knobs than the Responses API: what it cannot do is reported, in words for
the client, and done as nearly as it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from limner.core.items import FunctionCall
from limner.core.turn import FunctionTool, NamedChoice, Sampling, ToolChoice, TurnRequest
from limner.wire.anthropic_messages import AnthropicMessages, sent_name
from limner.wire.anthropic_thoughts import ThinkingStyle, budget_of, plan_thinking

Json = dict[str, Any]

DEFAULT_MAX_TOKENS = 8192
"""Tokens of a reply where the client sets no limit, since the API demands one; thinking comes on
top. Every model of Anthropic's that is still served can write as much."""

_JSON_ONLY = "Answer with one JSON object and with nothing else."


@dataclass(frozen=True, slots=True)
class AnthropicRequest:
    """body: the request's JSON. adjustments: what of it is not as asked, one sentence each."""

    body: Json
    adjustments: tuple[str, ...] = ()

    def continued(self, content: Sequence[Json]) -> AnthropicRequest:
        """Send a paused reply back, so that the server goes on with it."""
        *messages, last = self.body["messages"]
        if last["role"] == "assistant":
            messages.append({"role": "assistant", "content": [*last["content"], *content]})
        else:
            messages += [last, {"role": "assistant", "content": [*content]}]
        return AnthropicRequest(self.body | {"messages": messages}, self.adjustments)


def render_anthropic_request(
    request: TurnRequest,
    *,
    model: str | None = None,
    vision: bool = True,
    thinking: ThinkingStyle = "adaptive",
    max_tokens: int = DEFAULT_MAX_TOKENS,
) -> AnthropicRequest:
    """Say a turn in the words of Anthropic's Messages API, streamed.

    model: the server's own name of the model, where it differs from the client's.
    max_tokens: of the reply where the client sets no limit.
    Raises InvalidRequest when calls and outputs do not pair.
    """
    adjustments: list[str] = []
    messages = AnthropicMessages(request.items, request.instructions, vision=vision)
    if messages.left_out:
        adjustments.append(
            f"input: {messages.left_out} pictures are told to the model in words, since its server "
            "takes no more of them, or none so large."
        )
    sampling = request.sampling
    limit = sampling.max_output_tokens or max_tokens + budget_of(sampling)
    plan = plan_thinking(
        sampling,
        thinking,
        max_tokens=limit,
        is_forced=bool(request.tools) and request.tool_choice not in ("auto", "none"),
        is_thoughtless=messages.is_thoughtless,
        adjustments=adjustments,
    )
    fields = {
        "model": model or request.model,
        "max_tokens": limit,
        "stream": True,
        "system": messages.system + _format_in_words(sampling, adjustments),
        "messages": messages.messages,
        "thinking": plan.thinking,
        "output_config": _present({"effort": plan.effort, "format": _format(sampling)}),
        "metadata": _present({"user_id": request.user}),
        **_tools(request),
        **_sampling(sampling, is_thinking=plan.is_thinking, adjustments=adjustments),
    }
    body = {name: value for name, value in fields.items() if value not in (None, [], {})}
    return AnthropicRequest(body, tuple(adjustments))


def _present(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _tools(request: TurnRequest) -> Json:
    """The API refuses calls in the conversation where no tool is declared: those are declared."""
    if not request.tools:
        names = {sent_name(item.name) for item in request.items if isinstance(item, FunctionCall)}
        stubs = [{"name": name, "input_schema": {"type": "object"}} for name in sorted(names)]
        return {"tools": stubs, "tool_choice": {"type": "none"}} if stubs else {}
    tools = [_tool(tool) for tool in request.tools]
    choice = _tool_choice(request.tool_choice)
    if not request.parallel_tool_calls and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return (
        {"tools": tools} if choice == {"type": "auto"} else {"tools": tools, "tool_choice": choice}
    )


def _tool(tool: FunctionTool) -> Json:
    return _present(
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": {"type": "object", **(tool.parameters or {})},
            "strict": tool.strict or None,
        }
    )


def _tool_choice(choice: ToolChoice) -> Json:
    match choice:
        case NamedChoice(name):
            return {"type": "tool", "name": name}
        case "required":
            return {"type": "any"}
        case _:
            return {"type": choice}


def _format(sampling: Sampling) -> Json | None:
    form = sampling.text_format or {}
    if form.get("type") != "json_schema":
        return None
    return {"type": "json_schema", "schema": form["schema"]}


def _format_in_words(sampling: Sampling, adjustments: list[str]) -> list[Json]:
    if (sampling.text_format or {}).get("type") != "json_object":
        return []
    adjustments.append("text.format: JSON is asked of the model in words, and not enforced.")
    return [{"type": "text", "text": _JSON_ONLY}]


def _sampling(sampling: Sampling, *, is_thinking: bool, adjustments: list[str]) -> Json:
    absent = {
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "text.verbosity": None if sampling.verbosity == "medium" else sampling.verbosity,
    }
    for name, value in absent.items():
        if value:
            adjustments.append(f"{name}: left out, which this model server does not know.")
    fields = _present({"temperature": sampling.temperature, "top_p": sampling.top_p})
    if is_thinking:
        adjustments += [f"{name}: left out, since the model thinks." for name in fields]
        return {}
    if fields.get("temperature", 0) > 1:
        adjustments.append("temperature: 1, the highest that this model server knows.")
        fields["temperature"] = 1
    return fields
