"""What upstreams say beside words and calls: seals, phases, log probabilities, adjustments."""

from __future__ import annotations

from limner.core import events as shown
from limner.core.items import FunctionCall, Message, Reasoning, TextPart
from limner.core.turn import (
    MessageEnded,
    MessagePhase,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    TextDelta,
    TextLogprobs,
    TurnEnded,
)
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


def messages(recorded: Recorded) -> list[shown.MessageItem]:
    return [item for item in recorded.response.output if isinstance(item, shown.MessageItem)]


def test_a_phase_belongs_to_the_next_message_or_the_one_under_way() -> None:
    recorded = Recorded()
    recorded.feed(MessagePhase("commentary"), ReasoningDelta("Hm."), TextDelta("I draw."))
    (added,) = [
        event.item
        for event in recorded.events
        if isinstance(event, shown.OutputItemAdded) and isinstance(event.item, shown.MessageItem)
    ]
    assert added.phase == "commentary"
    recorded.feed(MessageEnded(), TextDelta("Done"), MessagePhase("final_answer"), MessageEnded())
    recorded.feed(RefusalDelta("No."), TurnEnded())
    assert [item.phase for item in messages(recorded)] == ["commentary", "final_answer", None]


def test_the_next_turn_gets_the_phase_back() -> None:
    recorded = Recorded()
    recorded.feed(MessagePhase("commentary"), TextDelta("I draw."), *draw("a"), TurnEnded())
    recorded.feed(painted())
    said = Message("assistant", (TextPart("I draw."),), phase="commentary")
    assert recorded.turn.items[1] == said


A, B, C = ({"token": token, "logprob": -0.5} for token in "abc")


def test_log_probabilities_come_with_their_text_and_stand_in_its_part() -> None:
    recorded = Recorded()
    recorded.feed(TextDelta("a", (A,)), TextDelta("bc", (B, C)), RefusalDelta("no"), TurnEnded())
    deltas = [event for event in recorded.events if isinstance(event, shown.OutputTextDelta)]
    assert [event.logprobs for event in deltas] == [(A,), (B, C)]
    (done,) = [event for event in recorded.events if isinstance(event, shown.OutputTextDone)]
    assert done.logprobs == (A, B, C)
    assert messages(recorded)[0].parts[0] == TextPart("abc", (), (A, B, C))


def test_what_the_upstream_says_of_the_whole_text_counts_in_the_end() -> None:
    recorded = Recorded()
    recorded.feed(TextLogprobs((C,)), ReasoningDelta("Hm."), TextLogprobs((C,)))
    recorded.feed(TextDelta("a", (A,)), TextLogprobs((B,)), MessageEnded(), TextDelta("b"))
    recorded.feed(TurnEnded())
    first, second = messages(recorded)
    assert (first.parts, second.parts) == ((TextPart("a", (), (B,)),), (TextPart("b"),))
