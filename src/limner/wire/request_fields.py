"""What becomes of each field of `POST /v1/responses`: the table that the parser goes by.

Sources: OpenAI API reference, "Create a model response", and the types of OpenAI's Python library.
`null` counts as absent everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fate = Literal["honoured", "repeated", "passed on", "adjusted", "refused"]
"""honoured: done as asked. repeated: stands in the response and does nothing else. passed on: done
by an upstream that takes such things, reported as an adjustment with any other. adjusted: taken,
not done as asked, and reported under the response's `limner.adjustments`. refused: answered 400."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One row.

    name: the field's path. when: the value that the row is about; empty for all (other) values.
    note: for what is honoured its limits; otherwise the sentence that the client is told.
    """

    name: str
    fate: Fate
    note: str
    when: str = ""


REQUEST_FIELDS = (
    FieldRule("model", "honoured", "1 to 256 characters; chooses the language model."),
    FieldRule("input", "honoured", "A string, or 1 to 10000 items; see `input` below."),
    FieldRule("instructions", "honoured", "Not inherited through `previous_response_id`."),
    FieldRule("previous_response_id", "honoured", "A stored response; not with `conversation`."),
    FieldRule("conversation", "honoured", "An id, or an object with one."),
    FieldRule(
        "conversation",
        "adjusted",
        "nothing is added to it, since nothing is kept of a response with store: false.",
        when="with `store: false`",
    ),
    FieldRule("stream", "honoured", "Server-sent events instead of one JSON object."),
    FieldRule("store", "honoured", "True unless said otherwise."),
    FieldRule("background", "honoured", "The response goes on without the client."),
    FieldRule(
        "background_options.completion_window",
        "adjusted",
        "every response runs as soon as it can.",
        when="2h or 8h",
    ),
    FieldRule("tools", "honoured", "Up to 128: functions and `image_generation`."),
    FieldRule("tools", "passed on", "Left out where nothing runs it.", when="any other type"),
    FieldRule("tool_choice", "honoured", "All forms; a tool that was left out is refused."),
    FieldRule("parallel_tool_calls", "honoured", "True unless said otherwise."),
    FieldRule("max_tool_calls", "honoured", "From 1; hosted tools of all kinds together."),
    FieldRule("max_output_tokens", "honoured", "From 16."),
    FieldRule("temperature", "honoured", "0 to 2."),
    FieldRule("top_p", "honoured", "0 to 1."),
    FieldRule("presence_penalty", "honoured", "-2 to 2."),
    FieldRule("frequency_penalty", "honoured", "-2 to 2."),
    FieldRule("text.format", "honoured", "`text`, `json_object` or `json_schema`."),
    FieldRule("text.verbosity", "honoured", "`low`, `medium` or `high`."),
    FieldRule("reasoning.effort", "honoured", "`none` to `max`, as the model understands it."),
    FieldRule(
        "reasoning.summary",
        "passed on",
        "reasoning is shown as it is written, not summarised.",
    ),
    FieldRule("reasoning.context", "adjusted", "left to the model server.", when="not auto"),
    FieldRule("reasoning.mode", "adjusted", "left to the model server.", when="not standard"),
    FieldRule("metadata", "repeated", "Up to 16 pairs; keys to 64, values to 512 characters."),
    FieldRule("user", "honoured", "Told to the model server; up to 512 characters."),
    FieldRule("safety_identifier", "honoured", "Told as the user where `user` is not set."),
    FieldRule("prompt_cache_key", "repeated", "A hint; up to 512 characters."),
    FieldRule(
        "prompt_cache_options", "adjusted", "caching of prompts is left to the model server."
    ),
    FieldRule(
        "prompt_cache_retention", "adjusted", "caching of prompts is left to the model server."
    ),
    FieldRule("include", "passed on", "What it asks for does not occur with other upstreams."),
    FieldRule(
        "include",
        "passed on",
        "log probabilities are not returned with this language model.",
        when="message.output_text.logprobs",
    ),
    FieldRule(
        "include",
        "passed on",
        "reasoning is returned as plain text where the model shows it.",
        when="reasoning.encrypted_content",
    ),
    FieldRule("top_logprobs", "honoured", "0 to 20, with log probabilities; see `include`."),
    FieldRule(
        "top_logprobs",
        "adjusted",
        "has no effect without message.output_text.logprobs in include.",
        when="from 1, without that",
    ),
    FieldRule("truncation", "adjusted", "the input is never cut here.", when="auto"),
    FieldRule(
        "service_tier",
        "honoured",
        "Its pictures are painted when nobody waits for others.",
        when="flex, or `background` without `stream` and with auto",
    ),
    FieldRule(
        "service_tier",
        "adjusted",
        "this server has no tier above the default.",
        when="not auto, default or flex",
    ),
    FieldRule(
        "stream_options.include_obfuscation", "adjusted", "no padding is added here.", when="true"
    ),
    FieldRule(
        "image.context_compression",
        "adjusted",
        "pictures are shown as they came.",
        when="enabled",
    ),
    FieldRule("access_programs", "adjusted", "has no meaning on this server."),
    FieldRule("client_metadata", "adjusted", "has no meaning on this server."),
    FieldRule("prompt", "refused", "Prompts are not stored here: send 'instructions' and 'input'."),
    FieldRule("context_management", "refused", "The context is not compacted here: leave it out."),
    FieldRule("moderation", "refused", "Text is not moderated here: leave it out."),
)

IMAGE_TOOL_FIELDS = (
    FieldRule("model", "honoured", "The name of an image back end or of a model that it has."),
    FieldRule("size", "honoured", "`auto` or WIDTHxHEIGHT; edges of 16 to 4096 pixels."),
    FieldRule("quality", "honoured", "`low`, `medium`, `high`, `xhigh`, `max` or `auto`."),
    FieldRule("background", "honoured", "`transparent`, `opaque` or `auto`."),
    FieldRule("output_format", "honoured", "`png`, `jpeg` or `webp`."),
    FieldRule("output_format", "refused", "Such pictures are not made here.", when="gif or svg"),
    FieldRule("moderation", "honoured", "`auto` or `low`."),
    FieldRule("action", "honoured", "`generate`, `edit` or `auto`."),
    FieldRule("input_fidelity", "honoured", "`high` or `low`, where the back end has it."),
    FieldRule("output_compression", "honoured", "0 to 100."),
    FieldRule("partial_images", "honoured", "0 to 3; none without a stream."),
    FieldRule("input_image_mask", "honoured", "`image_url` or `file_id` of a PNG or WebP image."),
    FieldRule("n", "honoured", "Only 1, which OpenAI's echo of a tool has."),
    FieldRule("seed", "honoured", "0 to 4294967295, of every picture. Limner's own extension."),
    FieldRule("loras", "honoured", "Adapters by name and weight. Limner's own extension."),
    FieldRule(
        "complexity",
        "refused",
        "How much a picture is planned cannot be set here; leave it out.",
    ),
    FieldRule("frame_count", "refused", "Animated pictures are not made here; leave it out."),
    FieldRule("frame_duration_ms", "refused", "Animated pictures are not made here; leave it out."),
    FieldRule("svg", "refused", "Vector pictures are not made here; leave it out."),
)
"""What becomes of the fields of an `image_generation` tool, in the order in which they are checked.

What the image back end at hand cannot do of what is honoured here is refused or adjusted later."""


def names_of(rules: tuple[FieldRule, ...]) -> frozenset[str]:
    """The fields of the object itself."""
    return frozenset(rule.name.partition(".")[0] for rule in rules)


def notes_of(rules: tuple[FieldRule, ...], fate: Fate) -> dict[str, str]:
    """Of the fields that always have this fate: what is told."""
    return {rule.name: rule.note for rule in rules if rule.fate == fate and not rule.when}


_ADJUSTED = {
    rule.name: rule.note for rule in REQUEST_FIELDS if rule.fate == "adjusted" and rule.when
}


def adjustment(name: str, path: str = "") -> str:
    """The sentence for a value that is not done as asked. path: where it stands, if not there."""
    return f"{path or name}: {_ADJUSTED[name]}"
