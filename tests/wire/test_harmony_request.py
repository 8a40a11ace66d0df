"""Turns as requests for raw completions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from limner.core.turn import (
    FunctionTool,
    HostedChoice,
    NamedChoice,
    Sampling,
    ToolChoice,
    TurnRequest,
)
from limner.wire.harmony_request import HarmonyRequest, render_harmony_request
from tests.wire.harmony_conversation import says

ASKED = TurnRequest("m", (says("user", "Hi"),), tools=(FunctionTool("draw"),))


def render(sampling: Sampling | None = None, **options: Any) -> HarmonyRequest:
    return render_harmony_request(replace(ASKED, sampling=sampling or Sampling()), **options)


def choosing(choice: ToolChoice, request: TurnRequest = ASKED) -> HarmonyRequest:
    return render_harmony_request(replace(request, tool_choice=choice))


def test_a_request_keeps_special_tokens_and_stops_at_calls() -> None:
    body = render().body
    prompt = body.pop("prompt")
    assert prompt.endswith("<|start|>user<|message|>Hi<|end|><|start|>assistant")
    assert "type draw = () => any;" in prompt
    assert body == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": None,
        "stop": ["<|return|>", "<|call|>"],
        "stop_token_ids": [200002, 200012],
        "skip_special_tokens": False,
        "spaces_between_special_tokens": False,
        "add_special_tokens": False,
        "preserved_tokens": [
            "<|endoftext|>",
            "<|return|>",
            "<|constrain|>",
            "<|channel|>",
            "<|start|>",
            "<|end|>",
            "<|message|>",
            "<|call|>",
        ],
    }


def test_what_the_client_asks_for_is_passed_on() -> None:
    sampling = Sampling(
        temperature=0.0,
        top_p=0.5,
        max_output_tokens=9,
        presence_penalty=1.0,
        frequency_penalty=-1.0,
    )
    asked = render_harmony_request(replace(ASKED, sampling=sampling, user="u"), model="theirs")
    expected = {
        "model": "theirs",
        "temperature": 0.0,
        "top_p": 0.5,
        "max_tokens": 9,
        "presence_penalty": 1.0,
        "frequency_penalty": -1.0,
        "user": "u",
    }
    assert asked.body | expected == asked.body
    assert asked.adjustments == ()


def test_the_model_is_told_the_date() -> None:
    assert "Current date: 2026-01-31\n" in render(date="2026-01-31").body["prompt"]


def test_a_prompt_may_be_tokens() -> None:
    body = render(encode=lambda text: [len(text)]).body
    assert body["prompt"][:3] == [200006, len("system"), 200008]
    assert body["prompt"][-2:] == [200006, len("assistant")]
    assert body["return_token_ids"] is True


@pytest.mark.parametrize(
    ("asked", "effort", "told"),
    [
        (None, "medium", ()),
        ("high", "high", ()),
        ("minimal", "low", ("reasoning.effort is low: the model knows low, medium and high.",)),
        (
            "utmost",
            "medium",
            ("reasoning.effort is medium: the model knows low, medium and high.",),
        ),
    ],
)
def test_the_nearest_effort_is_taken(asked: str | None, effort: str, told: tuple[str, ...]) -> None:
    request = render(Sampling(reasoning_effort=asked))
    assert f"Reasoning: {effort}\n" in request.body["prompt"]
    assert request.adjustments == told


def test_what_cannot_be_done_is_told() -> None:
    sampling = Sampling(verbosity="low", text_format={"type": "json_object"})
    assert render(sampling).adjustments == (
        "text.verbosity was left out: the model does not know it.",
        "text.format is asked of the model in words; nothing enforces it.",
    )
    assert render(Sampling(text_format={"type": "text"})).adjustments == ()


def test_a_forced_call_is_begun_for_the_model() -> None:
    asked = choosing(NamedChoice("draw"))
    assert asked.prefill == ("<|channel|>commentary to=functions.draw <|constrain|>json<|message|>")
    assert asked.body["prompt"].endswith(f"<|start|>assistant{asked.prefill}")


def test_any_call_is_begun_up_to_its_name() -> None:
    assert choosing("required").prefill == "<|channel|>commentary to=functions"
    assert choosing("required", replace(ASKED, tools=())).prefill == ""


def test_a_hosted_tool_of_its_own_is_a_bug() -> None:
    with pytest.raises(TypeError, match="refused before"):
        choosing(HostedChoice({"type": "web_search"}))


def test_a_model_that_may_not_call_is_told_of_no_functions() -> None:
    asked = choosing("none")
    assert "namespace functions" not in asked.body["prompt"]
    assert asked.prefill == ""
