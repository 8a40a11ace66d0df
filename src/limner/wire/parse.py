"""The body of `POST /v1/responses`, read into the core's `ResponseRequest`.

Every field of OpenAI's API is honoured, refused by name, or reported as an adjustment: which, says
the table in `wire.request_fields`. What the upstream or the image back end at hand cannot do of it
is told later, by `core.fitting` and `core.picture_fitting`.

The limits are those of the Open Responses specification where OpenAI states none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.fitting import LOG_PROBABILITIES
from limner.core.image import Priority
from limner.core.request import Echo, ImageTool, ResponseRequest
from limner.core.sources import sources_of
from limner.core.turn import Sampling
from limner.wire.fields import Fields, one_of, unsupported
from limner.wire.input import Input, parse_input
from limner.wire.input_items import MAX_NAME
from limner.wire.known import NOTHING_KNOWN, Known
from limner.wire.references import conversation_id
from limner.wire.request_fields import REQUEST_FIELDS, adjustment, names_of, notes_of
from limner.wire.settings import MAX_COUNT, MAX_LABEL, parse_metadata, parse_sampling
from limner.wire.tools import parse_tool_choice, parse_tools, taken_names

MAX_MODEL = 256
MAX_INCLUDE = 32

_NAMES = names_of(REQUEST_FIELDS)
_REFUSED = notes_of(REQUEST_FIELDS, "refused")
_LEFT_OUT = notes_of(REQUEST_FIELDS, "adjusted")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
WINDOWS = ("soonest", "2h", "8h")
COMPRESSIONS = ("auto", "enabled", "disabled")
INCLUDE = (
    LOG_PROBABILITIES,
    "reasoning.encrypted_content",
    "message.input_image.image_url",
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
)


def parse_request(
    body: Mapping[str, Any], known: Known = NOTHING_KNOWN, *, may_be_empty: bool = False
) -> ResponseRequest:
    """Check a request's JSON object; raises InvalidRequest with the field at fault.

    known: what was found of that which `wire.references` finds named. may_be_empty: the input.
    """
    request = Fields(body)
    _check_names(request)
    adjustments = [
        f"{name}: {why}" for name, why in _LEFT_OUT.items() if request.get(name) is not None
    ]
    model = request.required_string("model", min_length=1, max_length=MAX_MODEL)
    stream = request.boolean("stream") or False
    _check_context(request)
    given = parse_input(request, known, may_be_empty=may_be_empty)
    tools = parse_tools(request, given, known, stream=stream, adjustments=adjustments)
    _check_edit(tools.image_tool, given)
    tool_choice = parse_tool_choice(request, tools)
    include = _include(request)
    sampling = parse_sampling(request, adjustments, logprobs=LOG_PROBABILITIES in include)
    user = request.string("user", max_length=MAX_LABEL)
    safety_identifier = request.string("safety_identifier", max_length=128)
    _check_delivery(request, adjustments)
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
        priority=_priority(request, stream=stream),
        hosted_tools=tools.hosted,
        include=include,
        past=given.past,
        taken_names=taken_names(tools, given.items, tool_choice),
    )


def _check_names(request: Fields) -> None:
    request.allow_only(_NAMES)
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
    if tool and tool.action == "edit" and tool.mask is None and not sources_of(given.items):
        raise InvalidRequest(
            "ImageGenTool action 'edit' requires an image, mask, or previous context",
            param="input",
            type="image_generation_user_error",
        )


def _check_delivery(request: Fields, adjustments: list[str]) -> None:
    """What concerns how a response is kept, shipped and served, rather than what it says."""
    if options := request.object("background_options"):
        options.allow_only({"completion_window"})
        if options.choice("completion_window", WINDOWS) not in (None, "soonest"):
            adjustments.append(adjustment(options.at("completion_window")))
    if request.get("conversation") is not None and request.boolean("store") is False:
        adjustments.append(adjustment("conversation"))
    if request.choice("truncation", ("auto", "disabled")) == "auto":
        adjustments.append(adjustment("truncation"))
    if request.choice("service_tier", TIERS) not in (None, "auto", "default", "flex"):
        adjustments.append(adjustment("service_tier"))
    if options := request.object("stream_options"):
        options.allow_only({"include_obfuscation"})
        if options.boolean("include_obfuscation"):
            adjustments.append(adjustment(options.at("include_obfuscation")))
    if image := request.object("image"):
        image.allow_only({"context_compression"})
        if image.choice("context_compression", COMPRESSIONS) == "enabled":
            adjustments.append(adjustment(image.at("context_compression")))


def _include(request: Fields) -> tuple[str, ...]:
    """The values, all of which are left to the upstream."""
    values = request.array("include", max_length=MAX_INCLUDE) or []
    return tuple(
        one_of(value, f"{request.at('include')}[{index}]", INCLUDE)
        for index, value in enumerate(values)
    )


def _priority(request: Fields, *, stream: bool) -> Priority:
    """Whether somebody waits for the pictures, as the tier says, or else the way of delivery."""
    tier = request.get("service_tier") or "auto"
    is_left = tier == "auto" and not stream and request.boolean("background")
    return "background" if tier == "flex" or is_left else "interactive"


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
        service_tier="flex" if request.get("service_tier") == "flex" else "default",
        background=request.boolean("background") or False,
        store=request.boolean("store") is not False,
        previous_response_id=request.get("previous_response_id"),
        conversation=conversation_id(request.get("conversation")),
    )
