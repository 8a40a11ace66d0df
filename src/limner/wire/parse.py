"""The body of `POST /v1/responses`, read into the core's `ResponseRequest`.

Every field of OpenAI's API is honoured, refused by name, or reported as an adjustment:

honoured    model, input, instructions, stream, tools, tool_choice, parallel_tool_calls,
            max_tool_calls, max_output_tokens, temperature, top_p, presence_penalty,
            frequency_penalty, text, reasoning.effort, user, safety_identifier (told to the model
            server as the user, where `user` is not set), metadata (repeated in the response)
fits as is  store: false, background: false, truncation: disabled, service_tier: auto or default,
            image.context_compression: auto or disabled, stream_options.include_obfuscation: false;
            prompt_cache_key (a hint, repeated in the response); include values for items that
            never occur here
adjusted    store: true, truncation: auto, other service tiers, include of log probabilities,
            top_logprobs, reasoning.context and .mode, stream_options.include_obfuscation: true,
            image.context_compression: enabled, access_programs, prompt_cache_options,
            prompt_cache_retention
passed on   to an upstream that takes them, see `core.fitting`: hosted tools other than
            image_generation, items of other types, reasoning.summary, other include values
refused     background: true, background_options, previous_response_id, conversation, prompt,
            context_management, moderation, file ids, files, item references, masks, and whatever
            OpenAI's API does not know either

Source: OpenAI API reference, "Create a model response"; the limits are those of the Open Responses
specification where OpenAI states none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.request import Echo, ImageTool, ResponseRequest
from limner.core.turn import Sampling
from limner.wire.fields import Fields, one_of, unsupported
from limner.wire.input import Input, parse_input
from limner.wire.input_items import MAX_NAME
from limner.wire.known import NOTHING_KNOWN, Known
from limner.wire.references import conversation_id
from limner.wire.settings import MAX_COUNT, MAX_LABEL, parse_metadata, parse_sampling
from limner.wire.tools import parse_tool_choice, parse_tools, taken_names

MAX_MODEL = 256
MAX_INCLUDE = 32

_HONOURED = frozenset(
    {"model", "input", "instructions", "stream", "tools", "tool_choice", "parallel_tool_calls"}
    | {"max_tool_calls", "max_output_tokens", "temperature", "top_p", "presence_penalty"}
    | {"frequency_penalty", "text", "reasoning", "user", "safety_identifier", "metadata"}
    | {"store", "background", "truncation", "service_tier", "image", "stream_options"}
    | {"prompt_cache_key", "include", "top_logprobs", "previous_response_id", "conversation"}
)
_REFUSED = {
    "prompt": "Prompts are not stored here: send 'instructions' and 'input'.",
    "context_management": "The context is not compacted here: leave it out.",
    "moderation": "Text is not moderated here: leave it out.",
    "background_options": "Responses do not run in the background here: leave it out.",
}
_LEFT_OUT = {
    "access_programs": "has no meaning on this server.",
    "prompt_cache_options": "caching of prompts is left to the model server.",
    "prompt_cache_retention": "caching of prompts is left to the model server.",
}
_TIERS = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
_INCLUDE = {
    "message.output_text.logprobs": "log probabilities are not returned by this server.",
    "reasoning.encrypted_content": None,
    "message.input_image.image_url": None,
    "file_search_call.results": None,
    "web_search_call.results": None,
    "web_search_call.action.sources": None,
    "computer_call_output.output.image_url": None,
    "code_interpreter_call.outputs": None,
}
"""Adjustment for each value; None where it is left to the upstream, or nothing that it asks for
can occur."""


def parse_request(body: Mapping[str, Any], known: Known = NOTHING_KNOWN) -> ResponseRequest:
    """Check a request's JSON object; raises InvalidRequest with the field at fault.

    known: what was found of that which `wire.references` finds named.
    """
    request = Fields(body)
    _check_names(request)
    adjustments = [
        f"{name}: {why}" for name, why in _LEFT_OUT.items() if request.get(name) is not None
    ]
    model = request.required_string("model", min_length=1, max_length=MAX_MODEL)
    stream = request.boolean("stream") or False
    _check_context(request)
    given = parse_input(request, known)
    tools = parse_tools(request, given, known, stream=stream, adjustments=adjustments)
    _check_edit(tools.image_tool, given)
    tool_choice = parse_tool_choice(request, tools)
    sampling = parse_sampling(request, adjustments)
    user = request.string("user", max_length=MAX_LABEL)
    safety_identifier = request.string("safety_identifier", max_length=128)
    _check_delivery(request, adjustments)
    include = _include(request, adjustments)
    parallel_tool_calls = request.boolean("parallel_tool_calls")
    return ResponseRequest(
        model=model,
        items=given.items,
        stream=stream,
        instructions=request.string("instructions"),
        functions=tools.functions,
        image_tool=tools.image_tool,
        tool_choice=tool_choice,
        parallel_tool_calls=parallel_tool_calls is not False,
        max_tool_calls=request.integer("max_tool_calls", 1, MAX_COUNT),
        sampling=sampling,
        user=user or safety_identifier,
        echo=_echo(request, sampling),
        adjustments=tuple(adjustments),
        hosted_tools=tools.hosted,
        include=include,
        past=given.past,
        taken_names=taken_names(tools, given.items, tool_choice),
    )


def _check_names(request: Fields) -> None:
    request.allow_only(_HONOURED | _REFUSED.keys() | _LEFT_OUT.keys())
    for name, instead in _REFUSED.items():
        if request.get(name) is not None:
            raise unsupported(name, instead)


def _check_context(request: Fields) -> None:
    """What came before may be named in one way only."""
    request.string("previous_response_id", min_length=1, max_length=MAX_NAME)
    if isinstance(request.get("conversation"), str):
        request.string("conversation", min_length=1, max_length=MAX_NAME)
    elif conversation := request.object("conversation"):
        conversation.allow_only({"id"})
        conversation.required_string("id", min_length=1, max_length=MAX_NAME)
    names = ("previous_response_id", "conversation")
    if all(request.get(name) is not None for name in names):
        raise InvalidRequest(
            "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Ensure you "
            "are only providing one of them.",
            param="previous_response_id",
            code="mutually_exclusive_parameters",
        )


def _check_edit(tool: ImageTool | None, given: Input) -> None:
    if tool and tool.action == "edit" and tool.mask is None and not given.has_picture:
        raise InvalidRequest(
            "ImageGenTool action 'edit' requires an image, mask, or previous context",
            param="input",
            type="image_generation_user_error",
        )


def _check_delivery(request: Fields, adjustments: list[str]) -> None:
    """What concerns how a response is kept, shipped and served, rather than what it says."""
    if request.choice("truncation", ("auto", "disabled")) == "auto":
        adjustments.append("truncation: the input is never cut here.")
    if (tier := request.choice("service_tier", _TIERS)) not in (None, "auto", "default"):
        adjustments.append(f"service_tier: this server has one tier, not {tier!r}.")
    if options := request.object("stream_options"):
        options.allow_only({"include_obfuscation"})
        if options.boolean("include_obfuscation"):
            adjustments.append(f"{options.at('include_obfuscation')}: no padding is added here.")
    if image := request.object("image"):
        image.allow_only({"context_compression"})
        modes = ("auto", "enabled", "disabled")
        if image.choice("context_compression", modes) == "enabled":
            adjustments.append(
                f"{image.at('context_compression')}: pictures are shown as they came."
            )


def _include(request: Fields, adjustments: list[str]) -> tuple[str, ...]:
    """The values that are left to the upstream."""
    include = []
    for index, value in enumerate(request.array("include", max_length=MAX_INCLUDE) or []):
        path = f"{request.at('include')}[{index}]"
        if why := _INCLUDE[one_of(value, path, _INCLUDE)]:
            adjustments.append(f"{path}: {why}")
        else:
            include.append(value)
    return tuple(include)


def _echo(request: Fields, sampling: Sampling) -> Echo:
    tool_choice = request.get("tool_choice")
    return Echo(
        tools=tuple(request.get("tools") or ()),
        tool_choice="auto" if tool_choice is None else tool_choice,
        instructions=request.get("instructions"),
        metadata=parse_metadata(request),
        text=request.get("text"),
        reasoning=request.get("reasoning"),
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        truncation=request.get("truncation") or "disabled",
        max_output_tokens=sampling.max_output_tokens,
        max_tool_calls=request.get("max_tool_calls"),
        parallel_tool_calls=request.get("parallel_tool_calls") is not False,
        top_logprobs=request.get("top_logprobs") or 0,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        safety_identifier=request.get("safety_identifier"),
        prompt_cache_key=request.string("prompt_cache_key", max_length=MAX_LABEL),
        user=request.get("user"),
        background=request.boolean("background") or False,
        store=request.boolean("store") is not False,
        previous_response_id=request.get("previous_response_id"),
        conversation=conversation_id(request.get("conversation")),
    )
