"""Which fields a refusal names, in the words of servers, and the request without them."""

from __future__ import annotations

from typing import Any

import pytest

from limner.wire.spare_fields import ANTHROPIC, CHAT, RESPONSES, refused_fields, without

CHAT_BODY: dict[str, Any] = {
    "model": "m",
    "messages": [],
    "temperature": 0.2,
    "top_p": 0.9,
    "presence_penalty": 0.5,
    "verbosity": "low",
    "reasoning_effort": "low",
    "user": "anna",
    "max_completion_tokens": 20,
    "logprobs": True,
    "top_logprobs": 3,
}
RESPONSES_BODY: dict[str, Any] = {
    "model": "m",
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"verbosity": "low"},
}


def named(message: str, body: dict[str, Any] = CHAT_BODY, spares: Any = CHAT) -> set[str]:
    return {spare.words[0] for spare in refused_fields(message, body, spares)}


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("Unsupported parameter: 'temperature' is not supported with this model.", {"temperature"}),
        (
            "Unsupported value: 'temperature' does not support 0.2 with this model. "
            "Only the default (1) value is supported.",
            {"temperature"},
        ),
        (
            "litellm.UnsupportedParamsError: lm_studio does not support parameters: "
            "['reasoning_effort', 'verbosity'], for model=m.",
            {"reasoning_effort", "verbosity"},
        ),
        ("Unexpected fields in the request: {'presence_penalty'}", {"presence_penalty"}),
        (
            '[{"type":"extra_forbidden","loc":["body","user"],"msg":"Extra inputs are not '
            'permitted"}]',
            {"user"},
        ),
        ("Unsupported parameter(s): `logprobs`", {"logprobs"}),
        ("Unexpected fields in the request: {'top_logprobs'}", {"top_logprobs"}),
        ("body.verbosity: property 'body.verbosity' is unsupported", {"verbosity"}),
        ('Invalid JSON payload received. Unknown name "top_p": Cannot find field.', {"top_p"}),
        ("Model m does not support parameter presence_penalty.", {"presence_penalty"}),
        (
            "Unsupported parameter: 'max_completion_tokens'. Use 'max_tokens' instead.",
            {"max_completion_tokens"},
        ),
    ],
)
def test_a_refusal_names_the_fields(message: str, names: set[str]) -> None:
    assert named(message) == names


@pytest.mark.parametrize(
    "message",
    [
        "temperature must be at most 2",
        "This model does not support image input in user messages.",
        "Unsupported parameter: 'frequency_penalty' is not supported with this model.",
        "Unknown model: 'm'",
    ],
)
def test_other_refusals_name_none_of_them(message: str) -> None:
    assert named(message) == set()


def test_thoughts_and_their_summary_are_told_apart() -> None:
    summary = "Unsupported parameter: 'reasoning.summary' is not supported with this model."
    assert named(summary, RESPONSES_BODY, RESPONSES) == {"reasoning.summary"}
    effort = summary.replace("summary", "effort")
    assert named(effort, RESPONSES_BODY, RESPONSES) == {"reasoning_effort"}


def test_a_field_within_another_leaves_it_or_takes_it_along() -> None:
    summary, verbosity = (
        refused_fields(f"Unsupported parameter: '{name}'", RESPONSES_BODY, RESPONSES)
        for name in ("reasoning.summary", "text.verbosity")
    )
    spared = without(RESPONSES_BODY, summary | verbosity)
    assert spared == {"model": "m", "reasoning": {"effort": "low"}}
    assert RESPONSES_BODY["text"] == {"verbosity": "low"}, "the request itself is not touched"


def test_a_field_may_have_another_name() -> None:
    refused = refused_fields("Unknown parameter: max_completion_tokens", CHAT_BODY, CHAT)
    spared = without({"model": "m", "max_completion_tokens": 20}, refused)
    assert spared == {"model": "m", "max_tokens": 20}


def test_an_effort_goes_wherever_it_stands() -> None:
    body = {
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low", "format": {}},
        "temperature": 1,
    }
    refused = refused_fields("adaptive thinking is not supported on this model", body, ANTHROPIC)
    assert without(body, refused) == {"output_config": {"format": {}}, "temperature": 1}
    assert without({"output_config": "odd"}, refused) == {"output_config": "odd"}
