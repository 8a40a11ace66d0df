"""How the model shall write: sampling, text format, reasoning; and the client's own labels."""

from __future__ import annotations

import re
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.turn import Sampling
from limner.wire.fields import Fields, invalid_value, string
from limner.wire.request_fields import adjustment

MAX_METADATA, MAX_METADATA_KEY, MAX_METADATA_VALUE = 16, 64, 512
MIN_OUTPUT_TOKENS = 16
MAX_COUNT = 2**31 - 1
MAX_LABEL = 512

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
SUMMARIES = ("auto", "concise", "detailed")
VERBOSITIES = ("low", "medium", "high")
_FORMATS = ("text", "json_object", "json_schema")
FORMAT_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)


def parse_sampling(request: Fields, adjustments: list[str], *, logprobs: bool = False) -> Sampling:
    """The knobs of writing; what cannot be turned here is appended to `adjustments`.

    logprobs: whether log probabilities are asked for, which `include` says.
    """
    text = request.object("text")
    reasoning = request.object("reasoning") or Fields({})
    return Sampling(
        temperature=request.number("temperature", 0, 2),
        top_p=request.number("top_p", 0, 1),
        max_output_tokens=request.integer("max_output_tokens", MIN_OUTPUT_TOKENS, MAX_COUNT),
        presence_penalty=request.number("presence_penalty", -2, 2),
        frequency_penalty=request.number("frequency_penalty", -2, 2),
        text_format=_text_format(text),
        verbosity=text.choice("verbosity", VERBOSITIES) if text else None,
        reasoning_effort=reasoning.choice("effort", EFFORTS),
        reasoning_summary=_reasoning_summary(reasoning, adjustments),
        logprobs=logprobs,
        top_logprobs=_top_logprobs(request, adjustments, logprobs=logprobs),
    )


def _top_logprobs(request: Fields, adjustments: list[str], *, logprobs: bool) -> int | None:
    """How many tokens beside each; servers refuse the number where nothing is to be returned."""
    top = request.integer("top_logprobs", 0, 20)
    if top and not logprobs:
        adjustments.append(adjustment("top_logprobs"))
    return top if logprobs else None


def parse_metadata(request: Fields) -> dict[str, Any]:
    """At most 16 pairs of short strings."""
    metadata = request.object("metadata")
    if metadata is None:
        return {}
    if len(metadata.values) > MAX_METADATA:
        raise InvalidRequest(
            f"Invalid 'metadata': too many properties. Expected an object with at most "
            f"{MAX_METADATA} properties, but got {len(metadata.values)} instead.",
            param="metadata",
            code="object_above_max_properties",
        )
    for name, value in metadata.values.items():
        string(name, metadata.path, MAX_METADATA_KEY)
        string(value, metadata.at(name), MAX_METADATA_VALUE)
    return dict(metadata.values)


def _text_format(text: Fields | None) -> dict[str, Any] | None:
    """`text.format` as it came; None for plain text."""
    if text is None:
        return None
    text.allow_only({"format", "verbosity"})
    form = text.object("format")
    if form is None:
        return None
    kind = form.required_choice("type", _FORMATS)
    if kind == "json_schema":
        form.allow_only({"type", "name", "schema", "description", "strict"})
        name = form.required_string("name")
        if not FORMAT_NAME.fullmatch(name):
            raise invalid_value(form.at("name"), name, "1 to 64 of the characters a-z A-Z 0-9 _ -")
        form.require("schema")
        form.object("schema")
        form.string("description")
        form.boolean("strict")
    else:
        form.allow_only({"type"})
    return None if kind == "text" else dict(form.values)


def _reasoning_summary(reasoning: Fields, adjustments: list[str]) -> str | None:
    reasoning.allow_only({"effort", "summary", "generate_summary", "context", "mode"})
    if reasoning.choice("context", ("auto", "current_turn", "all_turns")) not in (None, "auto"):
        adjustments.append(adjustment("reasoning.context"))
    if reasoning.string("mode", max_length=64) not in (None, "standard"):
        adjustments.append(adjustment("reasoning.mode"))
    older = reasoning.choice("generate_summary", SUMMARIES)
    return reasoning.choice("summary", SUMMARIES) or older
