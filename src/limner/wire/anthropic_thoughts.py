"""Thinking of Anthropic's models between two requests, and how a request asks for it.

Blocks of thinking carry a signature and must come back as they were, in front of the calls that
they led to, or the API refuses the request. They travel as `Reasoning.encrypted_content`: a text
that names its version, opaque to everyone else. (Anthropic docs, "Thinking" and "Thinking in tool
and multi-turn workflows".)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import pybase64

from limner.core.turn import Sampling
from limner.wire import json

Json = dict[str, Any]

ThinkingStyle = Literal["adaptive", "budget"]
"""How a model is told to think: by an effort alone (Claude 4.6 and later), or by a number of tokens
(up to Claude 4.6, and most other servers of this API)."""

THOUGHTS = ("thinking", "redacted_thinking")
MIN_BUDGET = 1024

_SEAL = "anthropic-thinking-1:"
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384}
_MAX_BUDGET = 24_576


def seal(block: Json) -> str:
    """Pack a block of thinking, whole, as it came."""
    return _SEAL + pybase64.b64encode(json.dump(block)).decode("ascii")


def unseal(text: str | None) -> Json | None:
    """Unpack what `seal` packed; None for what another upstream, or nobody, made."""
    if text is None or not text.startswith(_SEAL):
        return None
    try:
        block = json.load(pybase64.b64decode(text.removeprefix(_SEAL), validate=True))
    except ValueError:
        return None
    return block if isinstance(block, dict) and block.get("type") in THOUGHTS else None


def budget_of(sampling: Sampling) -> int:
    """Tokens that a thought of the effort asked for may take; 0 where none is asked for."""
    effort = sampling.reasoning_effort
    return 0 if effort in (None, "none") else _BUDGETS.get(effort, _MAX_BUDGET)


@dataclass(frozen=True, slots=True)
class ThinkingPlan:
    """thinking: the request's field. effort: for its `output_config`. None leaves either out."""

    thinking: Json | None = None
    effort: str | None = None

    @property
    def is_thinking(self) -> bool:
        return self.thinking is not None and self.thinking["type"] != "disabled"


def plan_thinking(
    sampling: Sampling,
    style: ThinkingStyle,
    *,
    max_tokens: int,
    is_forced: bool,
    is_thoughtless: bool,
    adjustments: list[str],
) -> ThinkingPlan:
    """How a turn thinks, at the effort that the client asks for; as the model likes without one.

    max_tokens: of the reply, thoughts included. is_forced: whether the model must call a function.
    is_thoughtless: whether the turn goes on that began without a thought. Both exclude a budget;
    a forced call goes without thinking in either style, since not every model can have both.
    """
    effort = sampling.reasoning_effort
    if effort is None:
        return ThinkingPlan()
    if effort == "none":
        return ThinkingPlan({"type": "disabled"})
    if effort == "minimal" and style == "adaptive":
        effort = "low"
        adjustments.append("reasoning.effort: 'low', the least that this model knows.")
    plan = ThinkingPlan(effort=effort if style == "adaptive" else None)
    budget = min(budget_of(sampling), max_tokens // 2)
    if is_forced:
        adjustments.append("reasoning.effort: no thinking before a call that is forced.")
    elif style == "adaptive":
        return replace(plan, thinking={"type": "adaptive"})
    elif is_thoughtless:
        adjustments.append("reasoning.effort: no thinking amid calls that began without thoughts.")
    elif budget < MIN_BUDGET:
        adjustments.append(
            f"reasoning.effort: no thinking; it would need {2 * MIN_BUDGET} max_output_tokens."
        )
    else:
        return replace(plan, thinking={"type": "enabled", "budget_tokens": budget})
    return plan
