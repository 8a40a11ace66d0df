"""A turn as a request of the Responses API (OpenAI API reference, `POST /v1/responses`).

Rules kept here:
- the server keeps nothing (`store: false`), so all that it needs comes with every request: the
  thoughts before their calls, sealed by itself, and its own items as they came;
- ids that we gave to items never go there, nor `previous_response_id` or pictures as
  `image_generation_call`: it would look for what it does not have;
- text alone is sent as a string: small servers know nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImagePart,
    Item,
    Message,
    Opaque,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
)
from limner.core.turn import (
    FunctionTool,
    HostedChoice,
    NamedChoice,
    Sampling,
    ToolChoice,
    TurnRequest,
)
from limner.wire.anthropic_thoughts import unseal
from limner.wire.listed_items import as_it_came
from limner.wire.picture_words import words_of
from limner.wire.pictures import data_url

Json = dict[str, Any]

ENCRYPTED_REASONING = "reasoning.encrypted_content"


def render_responses_request(
    request: TurnRequest,
    *,
    model: str | None = None,
    vision: bool = True,
    sealed: bool = True,
) -> Json:
    """Say a turn in the words of the Responses API, streamed.

    model: the server's own name of the model, where it differs from the client's.
    vision: False puts a line of text in the place of each picture.
    sealed: whether to ask for the seals of thoughts; models that do not think may refuse that.
    """
    include = [value for value in request.include if value != ENCRYPTED_REASONING]
    if sealed:
        include.append(ENCRYPTED_REASONING)
    body: Json = {
        "model": model or request.model,
        "input": [entry for item in request.items for entry in _entries(item, vision)],
        "stream": True,
        "store": False,
        **_tools(request),
        **_sampling(request.sampling),
        "user": request.user,
        "instructions": request.instructions or None,
        "include": include or None,
    }
    return {name: value for name, value in body.items() if value is not None}


def _tools(request: TurnRequest) -> Json:
    tools = [*(_function(tool) for tool in request.tools), *map(dict, request.hosted_tools)]
    if not tools:
        return {}
    return {
        "tools": tools,
        "tool_choice": _tool_choice(request.tool_choice),
        "parallel_tool_calls": None if request.parallel_tool_calls else False,
        "max_tool_calls": request.max_tool_calls,
    }


def _function(tool: FunctionTool) -> Json:
    described = {} if tool.description is None else {"description": tool.description}
    # OpenAI takes a missing `strict` for true, which not every schema bears; null is no demand.
    return {
        "type": "function",
        "name": tool.name,
        **described,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }


def _tool_choice(choice: ToolChoice) -> str | Json | None:
    match choice:
        case NamedChoice(name):
            return {"type": "function", "name": name}
        case HostedChoice(selector):
            return dict(selector)
        case "auto":
            return None
        case _:
            return choice


def _sampling(sampling: Sampling) -> Json:
    reasoning = {"effort": sampling.reasoning_effort, "summary": sampling.reasoning_summary}
    text = {"format": sampling.text_format, "verbosity": sampling.verbosity}
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "max_output_tokens": sampling.max_output_tokens,
        "top_logprobs": sampling.top_logprobs,
        "reasoning": _given(reasoning),
        "text": _given(text),
    }


def _given(values: Json) -> Json | None:
    return {name: value for name, value in values.items() if value is not None} or None


def _entries(item: Item, vision: bool) -> list[Json]:
    match item:
        case Message(role="assistant"):
            return _assistant(item.parts, item.phase, vision)
        case Message(role, parts):
            return [{"type": "message", "role": role, "content": _content(parts, vision)}]
        case FunctionCall(call_id, name, arguments):
            call = {"call_id": call_id, "name": name, "arguments": arguments}
            return [{"type": "function_call", **call}]
        case FunctionCallOutput(call_id, parts):
            output = {"call_id": call_id, "output": _content(parts, vision)}
            return [{"type": "function_call_output", **output}]
        case Reasoning():
            return _thought(item)
        case Opaque(value):
            return [as_it_came(value)]
        case ImageCall():
            raise TypeError("an ImageCall must be rewritten to a call and its output first")
        case _:
            assert_never(item)


def _thought(item: Reasoning) -> list[Json]:
    """A thought as its server sent it; what another dialect sealed says nothing here."""
    source = item.source or {}
    if unseal(item.encrypted_content) or not (item.encrypted_content or source.get("content")):
        return []
    return [dict(source)] if source else []


def _assistant(parts: Sequence[Part], phase: str | None, vision: bool) -> list[Json]:
    """What the model said; pictures, which this dialect lets only users show, follow."""
    pictures = [part for part in parts if vision and isinstance(part, ImagePart)]
    said = [_said(part) for part in parts if part not in pictures]
    plain = len(said) == 1 and said[0]["type"] == "output_text" and not said[0]["annotations"]
    entries: list[Json] = []
    if said:
        content = said[0]["text"] if plain else said
        is_in = {} if phase is None else {"phase": phase}
        entries.append({"type": "message", "role": "assistant", "content": content, **is_in})
    if pictures:
        shown: tuple[Part, ...] = (TextPart("Pictures of the assistant:"), *pictures)
        entries.append({"type": "message", "role": "user", "content": _content(shown, vision)})
    return entries


def _said(part: Part) -> Json:
    if isinstance(part, RefusalPart):
        return {"type": "refusal", "refusal": part.refusal}
    annotations = list(part.annotations) if isinstance(part, TextPart) else []
    return {"type": "output_text", "text": words_of(part), "annotations": annotations}


def _content(parts: Sequence[Part], vision: bool) -> str | list[Json]:
    if len(parts) == 1 and isinstance(parts[0], TextPart):
        return parts[0].text
    return [_input_part(part, vision) for part in parts]


def _input_part(part: Part, vision: bool) -> Json:
    if not vision or not isinstance(part, ImagePart):
        return {"type": "input_text", "text": words_of(part)}
    return {"type": "input_image", "detail": part.detail, "image_url": data_url(part.source)}
