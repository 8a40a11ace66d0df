"""Raw completions of gpt-oss as turn events."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    ReasoningDelta,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    Usage,
)
from limner.wire.harmony_parser import TOKENS
from limner.wire.harmony_reply import NO_ANSWER, HarmonyReplyDecoder

DONE = b"data: [DONE]\n\n"
THINKS = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"
ANSWERS = "<|channel|>final<|message|>Hi."
CALLS = "<|channel|>commentary to=functions.draw <|constrain|>json<|message|>"
ARGUMENTS = '{"prompt":"a cat"}'
A_CALL: list[TurnEvent] = [
    CallStarted("call_0", "call_x_0", "draw"),
    CallDelta("call_0", ARGUMENTS),
    CallEnded("call_0", ARGUMENTS),
]


def sse(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def chunk(text: object = "", finish: str | None = None, **fields: Any) -> bytes:
    return sse({"choices": [{"index": 0, "text": text, "finish_reason": finish, **fields}]})


def decode(*pieces: bytes, **options: Any) -> list[TurnEvent]:
    decoder = HarmonyReplyDecoder(names={"draw"}, id_prefix="call_x", limit_bytes=10_000, **options)
    events = [event for data in pieces for event in decoder.feed(data)]
    events += decoder.flush()
    assert decoder.is_finished
    assert decoder.feed(chunk("late")) == decoder.flush() == []
    return events


def failure(events: list[TurnEvent]) -> TurnFailed:
    last = events[-1]
    assert isinstance(last, TurnFailed)
    return last


def test_thoughts_and_an_answer_with_usage() -> None:
    usage = sse({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}})
    events = decode(chunk(THINKS), chunk(ANSWERS), chunk("", "stop"), usage, DONE)
    assert events == [ReasoningDelta("Hm."), TextDelta("Hi."), TurnEnded(Usage(5, 7))]


def test_a_preamble_and_a_call_whose_last_token_the_server_keeps_to_itself() -> None:
    preamble = "<|channel|>commentary<|message|>I will.<|end|><|start|>assistant"
    events = decode(chunk(preamble), chunk(CALLS + ARGUMENTS, "stop"), DONE)
    assert events == [TextDelta("I will."), *A_CALL, TurnEnded()]


def test_arguments_come_in_pieces() -> None:
    events = decode(chunk(CALLS + '{"pro'), chunk('mpt":"a cat"}<|call|>', "stop"), DONE)
    assert events == [
        CallStarted("call_0", "call_x_0", "draw"),
        CallDelta("call_0", '{"pro'),
        CallDelta("call_0", 'mpt":"a cat"}'),
        CallEnded("call_0", ARGUMENTS),
        TurnEnded(),
    ]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert decode(chunk(f"{CALLS}<|call|>", "stop"), DONE)[:-1] == [
        CallStarted("call_0", "call_x_0", "draw"),
        CallDelta("call_0", "{}"),
        CallEnded("call_0", "{}"),
    ]


def test_several_calls_are_told_apart() -> None:
    call = f"{CALLS}{ARGUMENTS}<|end|><|start|>assistant"
    events = decode(chunk(call), chunk(call, "stop"), DONE)
    started = [event for event in events if isinstance(event, CallStarted)]
    assert [(event.key, event.call_id) for event in started] == [
        ("call_0", "call_x_0"),
        ("call_1", "call_x_1"),
    ]


def test_a_call_of_the_hosted_tool_keeps_its_address() -> None:
    text = f"<|channel|>analysis to=images.generate code<|message|>{ARGUMENTS}<|call|>"
    assert decode(chunk(text, "stop"), DONE)[0] == CallStarted(
        "call_0", "call_x_0", "images.generate"
    )


def test_a_reply_goes_on_where_the_prompt_began_it() -> None:
    assert decode(chunk(ARGUMENTS, "stop"), DONE, prefill=CALLS) == [*A_CALL, TurnEnded()]
    begun = "<|channel|>commentary to=functions"
    text = f".draw <|constrain|>json<|message|>{ARGUMENTS}<|call|>"
    assert decode(chunk(text, "stop"), DONE, prefill=begun) == [*A_CALL, TurnEnded()]


def test_only_thoughts_are_no_answer_and_the_client_is_told() -> None:
    text = "<|channel|>analysis<|message|>4.<|return|>"
    assert decode(chunk(text, "stop"), DONE, adjustments=("x",)) == [
        ReasoningDelta("4."),
        TurnEnded(adjustments=("x", NO_ANSWER)),
    ]


def test_a_server_that_does_not_stop_is_left() -> None:
    decoder = HarmonyReplyDecoder(names={"draw"}, id_prefix="call_x")
    assert decoder.feed(chunk(f"{CALLS}{ARGUMENTS}<|call|><|start|>")) == A_CALL
    assert decoder.feed(chunk("functions.draw to=assistant<|channel|>")) == [TurnEnded()]
    assert decoder.is_finished


def test_a_call_that_is_cut_short_stays_open() -> None:
    assert decode(chunk(CALLS + '{"pro', "length"), DONE) == [
        CallStarted("call_0", "call_x_0", "draw"),
        CallDelta("call_0", '{"pro'),
        TurnEnded(incomplete="max_output_tokens"),
    ]


def test_a_reply_that_came_to_its_end_is_not_cut_short() -> None:
    text = f"{ANSWERS}<|return|>"
    assert decode(chunk(text, "length"), DONE) == [TextDelta("Hi."), TurnEnded()]
    assert decode(chunk(text)) == [TextDelta("Hi."), TurnEnded()]


def test_thoughts_that_are_cut_short_are_told_by_their_reason() -> None:
    text = "<|channel|>analysis<|message|>Hm"
    assert decode(chunk(text, "length"), DONE)[-1] == TurnEnded(incomplete="max_output_tokens")


def test_a_reply_without_its_end_is_broken_off() -> None:
    assert decode(chunk(ANSWERS), DONE) == [TextDelta("Hi."), TurnEnded()]
    assert "without saying" in failure(decode(chunk(ANSWERS))).message
    assert decode(chunk(ANSWERS, "stop")) == [TextDelta("Hi."), TurnEnded()]


def test_a_server_may_answer_all_at_once() -> None:
    whole = {"choices": [{"text": ANSWERS, "finish_reason": "stop"}]}
    assert decode(orjson.dumps(whole)) == [TextDelta("Hi."), TurnEnded()]


@pytest.mark.parametrize(
    "odd",
    [{}, {"choices": None}, {"choices": []}, {"choices": [5]}, {"choices": [{"text": 5}]}],
)
def test_odd_pieces_mean_nothing(odd: object) -> None:
    assert decode(sse(odd), chunk(ANSWERS, "stop"), DONE) == [TextDelta("Hi."), TurnEnded()]


@pytest.mark.parametrize(
    "odd", [{"error": {"message": "no"}}, {"object": "error", "message": "no"}]
)
def test_an_error_within_the_reply_is_a_failure(odd: object) -> None:
    assert failure(decode(chunk(THINKS), sse(odd))).message.endswith("no")


def test_what_is_no_json_is_a_failure() -> None:
    assert "not JSON" in failure(decode(b"data: {\n\n")).message
    assert "too much" in failure(decode(chunk("x" * 20_000))).message
    assert "not JSON" in failure(decode(b'{"choices"')).message


NUMBERS = {name: number for number, name in TOKENS.items()}
WORDS = {1: "final", 2: "Hi <|call|>"}


def test_tokens_count_more_than_the_text_that_they_spell() -> None:
    tokens = [NUMBERS["channel"], 1, NUMBERS["message"], 2, NUMBERS["return"], "x"]
    events = decode(
        chunk("Hi", token_ids=tokens),
        chunk("", "stop", token_ids=[]),
        DONE,
        decode=lambda numbers: "".join(WORDS[number] for number in numbers),
    )
    assert events == [TextDelta("Hi <|call|>"), TurnEnded()]


def test_a_server_that_sends_no_tokens_is_read_by_its_text() -> None:
    events = decode(chunk(ANSWERS, "stop"), DONE, decode=lambda numbers: "")
    assert events == [TextDelta("Hi."), TurnEnded()]


def test_tokens_that_nobody_asked_for_are_left_alone() -> None:
    events = decode(chunk(ANSWERS, "stop", token_ids=[1, 2]), DONE)
    assert events == [TextDelta("Hi."), TurnEnded()]


@given(st.lists(st.integers(1, 400), max_size=8))
def test_bytes_may_be_cut_anywhere(cuts: list[int]) -> None:
    reply = b"".join(
        (chunk(THINKS), chunk("<|channel|>final<|message|>"), chunk("é", "stop"), DONE)
    )
    places = [0, *sorted(min(cut, len(reply)) for cut in cuts), len(reply)]
    pieces = [reply[a:b] for a, b in pairwise(places)]
    assert decode(*pieces) == [ReasoningDelta("Hm."), TextDelta("é"), TurnEnded()]


@given(st.binary(max_size=200), st.text(max_size=50))
def test_garbage_ends_in_exactly_one_terminal_event(garbage: bytes, text: str) -> None:
    for pieces in ([garbage], [chunk(text), garbage], [chunk(text, "stop")]):
        events = decode(*pieces)
        assert [isinstance(event, TurnEnded | TurnFailed) for event in events].count(True) == 1
        assert isinstance(events[-1], TurnEnded | TurnFailed)
