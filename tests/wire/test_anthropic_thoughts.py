"""Thinking between two requests, and how a request asks for it."""

from __future__ import annotations

from typing import Any

import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.turn import Sampling
from limner.wire.anthropic_thoughts import ThinkingPlan, ThinkingStyle, plan_thinking, seal, unseal

ADAPTIVE = {"type": "adaptive"}


@given(st.text(), st.text())
def test_what_is_sealed_comes_back_as_it_was(text: str, signature: str) -> None:
    thought = {"type": "thinking", "thinking": text, "signature": signature}
    redacted = {"type": "redacted_thinking", "data": signature}
    assert unseal(seal(thought)) == thought
    assert unseal(seal(redacted)) == redacted


def packed(text: str) -> str:
    return "anthropic-thinking-1:" + pybase64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "foreign",
    [
        None,
        "",
        "gAAAAABo-somebody-elses",
        "anthropic-thinking-1:",
        "anthropic-thinking-1:!",
        "anthropic-thinking-1:ж",
        packed("{broken"),
        packed("[1]"),
        packed('{"type":"text","text":"forged"}'),
        packed('{"type":["thinking"]}'),
    ],
)
def test_what_nobody_sealed_here_is_not_read(foreign: str | None) -> None:
    assert unseal(foreign) is None


def plan(
    effort: str | None,
    style: ThinkingStyle,
    max_tokens: int = 50_000,
    *,
    is_forced: bool = False,
    is_thoughtless: bool = False,
) -> tuple[ThinkingPlan, list[str]]:
    adjustments: list[str] = []
    planned = plan_thinking(
        Sampling(reasoning_effort=effort),
        style,
        max_tokens=max_tokens,
        is_forced=is_forced,
        is_thoughtless=is_thoughtless,
        adjustments=adjustments,
    )
    return planned, adjustments


@pytest.mark.parametrize("style", ["adaptive", "budget"])
@pytest.mark.parametrize(("effort", "thinking"), [(None, None), ("none", {"type": "disabled"})])
def test_without_an_effort_the_model_does_as_it_likes_and_none_forbids(
    style: Any, effort: str | None, thinking: Any
) -> None:
    planned, adjustments = plan(effort, style, is_forced=True)
    assert planned == ThinkingPlan(thinking)
    assert not planned.is_thinking
    assert adjustments == []


@pytest.mark.parametrize("effort", ["low", "medium", "high", "xhigh", "max"])
def test_newer_models_take_the_effort(effort: str) -> None:
    planned, adjustments = plan(effort, "adaptive", 16, is_thoughtless=True)
    assert planned == ThinkingPlan(ADAPTIVE, effort)
    assert planned.is_thinking
    assert adjustments == []


def test_the_least_effort_of_newer_models_is_low() -> None:
    planned, (adjustment,) = plan("minimal", "adaptive")
    assert planned == ThinkingPlan(ADAPTIVE, "low")
    assert adjustment.startswith("reasoning.effort: 'low'")


@pytest.mark.parametrize(
    ("effort", "max_tokens", "budget"),
    [
        ("minimal", 50_000, 1024),
        ("low", 50_000, 2048),
        ("medium", 50_000, 8192),
        ("high", 50_000, 16_384),
        ("xhigh", 50_000, 24_576),
        ("max", 50_000, 24_576),
        ("high", 4000, 2000),
        ("high", 2048, 1024),
    ],
)
def test_older_models_take_a_budget_that_leaves_room_for_the_answer(
    effort: str, max_tokens: int, budget: int
) -> None:
    planned, adjustments = plan(effort, "budget", max_tokens)
    assert planned == ThinkingPlan({"type": "enabled", "budget_tokens": budget})
    assert planned.is_thinking
    assert adjustments == []


@pytest.mark.parametrize(
    ("style", "circumstances", "left", "why"),
    [
        ("budget", {"max_tokens": 2047}, ThinkingPlan(), "it would need 2048 max_output_tokens"),
        ("budget", {"is_thoughtless": True}, ThinkingPlan(), "amid calls that began without"),
        ("budget", {"is_forced": True}, ThinkingPlan(), "before a call that is forced"),
        ("adaptive", {"is_forced": True}, ThinkingPlan(None, "high"), "a call that is forced"),
    ],
)
def test_what_excludes_thinking_is_told(
    style: Any, circumstances: Any, left: ThinkingPlan, why: str
) -> None:
    planned, (adjustment,) = plan("high", style, **circumstances)
    assert planned == left
    assert adjustment.startswith("reasoning.effort: no thinking")
    assert why in adjustment
