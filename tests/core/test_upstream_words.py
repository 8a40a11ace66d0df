"""What upstreams say beside words and calls: seals on thoughts, and adjustments."""

from __future__ import annotations

from limner.core import events as shown
from limner.core.items import FunctionCall, Reasoning
from limner.core.turn import ReasoningDelta, ReasoningSealed, TextDelta, TurnEnded
from tests.core.recorded import Recorded, draw, painted


def test_a_seal_ends_the_thought_under_way() -> None:
    recorded = Recorded()
    assert recorded.feed(ReasoningDelta("Hm."), ReasoningSealed("s1"), ReasoningDelta("Ah.")) == [
        "added #0 reasoning",
        "part added #0/0",
        "thought #0/0 Hm.",
        "thought done #0/0 Hm.",
        "part done #0/0",
        "done #0 reasoning completed",
        "added #1 reasoning",
        "part added #1/0",
        "thought #1/0 Ah.",
    ]
    recorded.feed(TurnEnded())
    first, second = recorded.response.output
    assert isinstance(first, shown.ReasoningItem)
    assert isinstance(second, shown.ReasoningItem)
    assert (first.encrypted_content, second.encrypted_content) == ("s1", None)


def test_a_seal_may_stand_for_a_thought_without_words() -> None:
    recorded = Recorded()
    assert recorded.feed(TextDelta("Hi."), ReasoningSealed("s1"))[-3:] == [
        "done #0 message completed",
        "added #1 reasoning",
        "done #1 reasoning completed",
    ]
    recorded.feed(TurnEnded())
    assert recorded.response.output[1] == shown.ReasoningItem(
        "rs_2", "completed", encrypted_content="s1"
    )


def test_the_next_turn_gets_the_seals_back_before_the_calls() -> None:
    recorded = Recorded()
    recorded.feed(ReasoningDelta("Hm."), ReasoningSealed("s1"), ReasoningSealed("s2"))
    recorded.feed(*draw("a"), TurnEnded(), painted())
    _, *replayed = recorded.turn.items
    assert replayed[:2] == [
        Reasoning("Hm.", encrypted_content="s1"),
        Reasoning("", encrypted_content="s2"),
    ]
    assert isinstance(replayed[2], FunctionCall)


def test_what_an_upstream_could_not_do_is_told_once() -> None:
    recorded = Recorded()
    recorded.feed(*draw("a"), TurnEnded(adjustments=("no penalty", "no thinking")), painted())
    recorded.feed(TurnEnded(adjustments=("no penalty",)))
    assert recorded.response.adjustments == ("no penalty", "no thinking")
