"""Replies of Anthropic Messages servers, tidy and untidy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from anthropic.types import RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    Usage,
)
from limner.wire.anthropic_reply import AnthropicReplyDecoder
from limner.wire.anthropic_thoughts import seal

OFFICIAL: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {
        "input_tokens": 5,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 3,
        "output_tokens": 1,
    },
}
SPENT = Usage(10, 7, 3)


def sse(kind: str, **fields: Any) -> bytes:
    data = orjson.dumps({"type": kind, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def start(index: int, type: str, **block: Any) -> bytes:
    return sse("content_block_start", index=index, content_block={"type": type, **block})


def delta(index: int, type: str, **fields: Any) -> bytes:
    return sse("content_block_delta", index=index, delta={"type": f"{type}_delta", **fields})


def stop(index: int) -> bytes:
    return sse("content_block_stop", index=index)


def text(index: int, *pieces: str) -> bytes:
    deltas = b"".join(delta(index, "text", text=piece) for piece in pieces)
    return start(index, "text", text="") + deltas + stop(index)


def thought(index: int, text: str, signature: str) -> bytes:
    return (
        start(index, "thinking", thinking="", signature="")
        + delta(index, "thinking", thinking=text)
        + delta(index, "signature", signature=signature)
        + stop(index)
    )


def call(index: int, *pieces: str, id: object = "toolu_1", name: object = "draw") -> bytes:
    deltas = b"".join(delta(index, "input_json", partial_json=piece) for piece in pieces)
    return start(index, "tool_use", id=id, name=name, input={}) + deltas + stop(index)


def reason(reason: str | None, **fields: Any) -> bytes:
    ended = {"stop_reason": reason, "stop_sequence": None, **fields}
    return sse("message_delta", delta=ended, usage={"output_tokens": 7})


BEGIN = sse("message_start", message=MESSAGE)
PING = sse("ping")
STOP = sse("message_stop")


def decoded(*pieces: bytes, spent: Usage | None = None) -> AnthropicReplyDecoder:
    decoder = AnthropicReplyDecoder(id_prefix="call_x", spent=spent)
    for piece in pieces:
        decoder.feed(piece)
    decoder.flush()
    return decoder


def decode(*pieces: bytes, limit_bytes: int = 10_000) -> list[TurnEvent]:
    decoder = AnthropicReplyDecoder(id_prefix="call_x", limit_bytes=limit_bytes)
    events = [event for data in pieces for event in decoder.feed(data)]
    events += decoder.flush()
    assert decoder.is_finished
    assert decoder.feed(text(9, "late")) == decoder.flush() == []
    return events


def failure(events: list[TurnEvent]) -> TurnFailed:
    last = events[-1]
    assert isinstance(last, TurnFailed)
    return last


TIDY = [
    BEGIN,
    PING,
    thought(0, "Hm.", "c2ln"),
    start(1, "redacted_thinking", data="b3BhcXVl"),
    stop(1),
    text(2, "Grüße, ", "мир"),
    call(3, '{"prompt":', ' "cat"}'),
    call(4, id="toolu_2"),
    reason("tool_use"),
    STOP,
]
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "b3BhcXVl"}


def test_thoughts_text_calls_and_usage_come_in_their_order() -> None:
    assert decode(*TIDY) == [
        ReasoningDelta("Hm."),
        ReasoningSealed(seal(SIGNED)),
        ReasoningSealed(seal(REDACTED)),
        TextDelta("Grüße, "),
        TextDelta("мир"),
        CallStarted("call_0", "toolu_1", "draw"),
        CallDelta("call_0", '{"prompt":'),
        CallDelta("call_0", ' "cat"}'),
        CallEnded("call_0", '{"prompt": "cat"}'),
        CallStarted("call_1", "toolu_2", "draw"),
        CallDelta("call_1", "{}"),
        CallEnded("call_1", "{}"),
        TurnEnded(Usage(10, 7, 3)),
    ]


def test_the_official_types_know_the_streams_that_are_tested_here() -> None:
    for frame in b"".join(TIDY).split(b"\n\n"):
        if frame and b"ping" not in frame:
            OFFICIAL.validate_json(frame.partition(b"data: ")[2])


@pytest.mark.parametrize(
    ("stop_reason", "incomplete"),
    [
        ("end_turn", None),
        ("stop_sequence", None),
        ("tool_use", None),
        ("some_later_reason", None),
        ("max_tokens", "max_output_tokens"),
        ("model_context_window_exceeded", "max_output_tokens"),
    ],
)
def test_the_stop_reason_says_whether_the_reply_is_whole(stop_reason: str, incomplete: Any) -> None:
    assert decode(BEGIN, reason(stop_reason), STOP) == [TurnEnded(SPENT, incomplete)]


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"type": "refusal", "category": "bio", "explanation": "Not this."}, "Not this."),
        ({"type": "refusal", "category": None, "explanation": None}, None),
        (None, None),
    ],
)
def test_a_refusal_is_said_and_cuts_the_reply(details: Any, words: str | None) -> None:
    events = decode(BEGIN, text(0, "Well"), reason("refusal", stop_details=details), STOP)
    assert events == [
        TextDelta("Well"),
        RefusalDelta(words or "The provider of the model stopped this reply."),
        TurnEnded(SPENT, "content_filter"),
    ]


def test_usage_is_a_sum_of_which_later_counts_hold() -> None:
    counts = {
        "input_tokens": 6,
        "cache_read_input_tokens": None,
        "output_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert decode(BEGIN, sse("message_delta", delta={}, usage=counts), STOP) == [
        TurnEnded(Usage(11, 20, 3, 4))
    ]
    assert decode(reason("end_turn")) == [TurnEnded(Usage(0, 7))]
    assert decode(sse("message_delta", delta={"stop_reason": "end_turn"}), STOP) == [TurnEnded()]


def test_usage_of_earlier_replies_of_the_turn_is_added() -> None:
    assert decoded(BEGIN, spent=Usage(1, 1)).usage == Usage(11, 2, 3)
    assert decoded(PING, spent=Usage(1, 1)).usage == Usage(1, 1)


def test_a_pause_gives_the_content_back_as_it_came_and_ends_nothing() -> None:
    query = delta(1, "input_json", partial_json='{"query":') + delta(
        1, "input_json", partial_json='"cats"}'
    )
    searched: dict[str, Any] = {
        "type": "web_search_tool_result",
        "tool_use_id": "srv_1",
        "content": [],
    }
    cited = {"type": "char_location", "cited_text": "cat"}
    stream = [
        BEGIN,
        thought(0, "Hm.", "c2ln"),
        start(1, "server_tool_use", id="srv_1", name="web_search", input={}) + query + stop(1),
        start(2, **searched) + stop(2),
        start(3, "server_tool_use", id="srv_2", name="odd", input={}),
        delta(3, "input_json", partial_json="{broken") + stop(3),
        text(4, " "),
        start(5, "text", text="A ") + delta(5, "text", text="cat."),
        delta(5, "citations", citation=cited) + delta(5, "citations", citation=cited) + stop(5),
        reason("pause_turn"),
        STOP,
    ]
    assert decode(*stream) == [
        ReasoningDelta("Hm."),
        ReasoningSealed(seal(SIGNED)),
        TextDelta(" "),
        TextDelta("A "),
        TextDelta("cat."),
    ]
    assert decoded(*stream).paused == [
        SIGNED,
        {
            "type": "server_tool_use",
            "id": "srv_1",
            "name": "web_search",
            "input": {"query": "cats"},
        },
        searched,
        {"type": "server_tool_use", "id": "srv_2", "name": "odd", "input": {}},
        {"type": "text", "text": "A cat.", "citations": [cited, cited]},
    ]


@pytest.mark.parametrize("content", [b"", call(0, "{}")])
def test_a_pause_over_nothing_or_over_calls_of_ours_ends_the_turn(content: bytes) -> None:
    stream = (BEGIN, content, reason("pause_turn"), STOP)
    assert decode(*stream)[-1] == TurnEnded(SPENT)
    assert decoded(*stream).paused is None


def test_broken_arguments_are_passed_on_as_they_are() -> None:
    assert decode(BEGIN, call(0, '{"prompt": "cat'), reason("tool_use"), STOP)[-2:] == [
        CallEnded("call_0", '{"prompt": "cat'),
        TurnEnded(SPENT),
    ]


@pytest.mark.parametrize("end", [stop(0), b""])
def test_a_call_that_was_cut_amid_its_arguments_stays_open(end: bytes) -> None:
    cut = call(0, '{"prompt": "cat').removesuffix(stop(0)) + end
    events = decode(BEGIN, cut, reason("max_tokens"), STOP)
    assert events[-2:] == [
        CallDelta("call_0", '{"prompt": "cat'),
        TurnEnded(SPENT, "max_output_tokens"),
    ]


def test_a_thought_that_was_cut_has_no_seal() -> None:
    cut = start(0, "thinking", thinking="") + delta(0, "thinking", thinking="Hm")
    assert decode(BEGIN, cut, reason("max_tokens"), STOP) == [
        ReasoningDelta("Hm"),
        TurnEnded(SPENT, "max_output_tokens"),
    ]


def test_missing_ends_of_blocks_are_forgiven() -> None:
    stream = b"".join((text(0, "a"), call(1, "{}"), call(1, '{"n":1}', id="toolu_2")))
    for index in (0, 1):
        stream = stream.replace(stop(index), b"")
    assert decode(BEGIN, stream, reason("tool_use"), STOP)[-4:] == [
        CallStarted("call_1", "toolu_2", "draw"),
        CallDelta("call_1", '{"n":1}'),
        CallEnded("call_1", '{"n":1}'),
        TurnEnded(SPENT),
    ]


@pytest.mark.parametrize("id", ["toolu_1", "", None, 7])
def test_a_missing_id_and_one_used_twice_are_replaced(id: object) -> None:
    events = decode(BEGIN, call(0, "{}"), call(1, "{}", id=id), reason("tool_use"))
    assert [e.call_id for e in events if isinstance(e, CallStarted)] == ["toolu_1", "call_x_1"]


@pytest.mark.parametrize("name", ["", None])
def test_an_unnamed_call_fails_the_turn(name: object) -> None:
    assert "without naming" in failure(decode(BEGIN, call(0, name=name))).message


def test_blocks_that_come_whole_with_their_start_are_read() -> None:
    stream = [
        start(0, "thinking", thinking="Hm.", signature="c2ln") + stop(0),
        start(1, "text", text="Hi.") + stop(1),
        start(2, "tool_use", id="t", name="draw", input={"n": 1}) + stop(2),
    ]
    assert decode(*stream, reason("tool_use"), STOP) == [
        ReasoningDelta("Hm."),
        ReasoningSealed(seal(SIGNED)),
        TextDelta("Hi."),
        CallStarted("call_0", "t", "draw"),
        CallDelta("call_0", '{"n":1}'),
        CallEnded("call_0", '{"n":1}'),
        TurnEnded(Usage(0, 7)),
    ]


def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    content = [
        {"type": "text", "text": "Here."},
        {"type": "tool_use", "id": "t", "name": "draw", "input": {"n": 1}},
        "odd",
    ]
    body = orjson.dumps(MESSAGE | {"content": content, "stop_reason": "tool_use"})
    assert decode(b"\n" + body[:9], body[9:]) == [
        TextDelta("Here."),
        CallStarted("call_0", "t", "draw"),
        CallDelta("call_0", '{"n":1}'),
        CallEnded("call_0", '{"n":1}'),
        TurnEnded(Usage(10, 1, 3)),
    ]
    assert decode(orjson.dumps({"type": "message", "content": None})) == [TurnEnded()]


@pytest.mark.parametrize(
    "odd",
    [
        b": ping\n\n",
        b"data: {}\n\n",
        sse("some_later_event", index=0),
        sse("message_start", message=None),
        sse("message_delta", delta=None, usage=None),
        stop(7),
        start(8, "some_later_block", data="x") + delta(8, "some_later", data="y") + stop(8),
        start(8, "text", text="") + delta(8, "text", text=None) + stop(8),
        sse("content_block_start", index=None, content_block=None),
        start(8, "text") + sse("content_block_delta", index=8, delta={"type": ["odd"]}),
    ],
)
def test_filler_and_what_is_unknown_say_nothing(odd: bytes) -> None:
    events = decode(BEGIN, text(0, "a"), odd, reason("end_turn"), STOP)
    assert events == [TextDelta("a"), TurnEnded(SPENT)]


def test_one_of_stop_reason_and_stop_may_be_missing() -> None:
    assert decode(BEGIN, text(0, "a"), STOP)[-1] == TurnEnded(Usage(10, 1, 3))
    assert decode(BEGIN, text(0, "a"), reason("end_turn"))[-1] == TurnEnded(SPENT)
    assert decode(BEGIN, text(0, "a"), b"data: [DONE]\n\n")[-1] == TurnEnded(Usage(10, 1, 3))


def test_a_reply_with_neither_has_been_cut_off() -> None:
    assert failure(decode(BEGIN, text(0, "a"))).retryable


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"data: {broken\n\n", "not JSON"),
        (b"", "without saying"),
        (delta(0, "text", text="a"), "a piece of a content block that it had not begun"),
        (b"data: " + b"x" * 20_000, "too much at once"),
    ],
)
def test_what_no_dialect_allows_is_a_failure(body: bytes, what: str) -> None:
    assert what in failure(decode(body)).message


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", ("overloaded_error", 503, True)),
        ("rate_limit_error", ("rate_limit_error", 429, True)),
        ("timeout_error", ("timeout_error", 504, True)),
        ("api_error", ("api_error", 502, True)),
        ("invalid_request_error", ("invalid_request_error", 502, False)),
        ("authentication_error", ("authentication_error", 502, False)),
        (None, ("server_error", 502, True)),
    ],
)
def test_an_error_in_the_stream_fails_the_turn(
    kind: str | None, expected: tuple[str, int, bool]
) -> None:
    stream = BEGIN + text(0, "a") + sse("error", error={"type": kind, "message": "Oh."}) + STOP
    events = decode(stream)
    assert events[0] == TextDelta("a")
    failed = failure(events)
    assert (failed.code, failed.status, failed.retryable) == expected
    assert ("Oh." in failed.message) == (kind != "authentication_error")


STREAM = b"\xef\xbb\xbf" + b"".join(TIDY).replace(b"\n\n", b"\r\n\r\n", 3)


@given(st.lists(st.integers(0, len(STREAM)), max_size=40).map(sorted))
def test_any_split_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    pieces = [STREAM[start:end] for start, end in pairwise([0, *cuts, len(STREAM)])]
    assert decode(*pieces) == decode(*TIDY)


FRAMES = [
    *TIDY,
    *(start(i, k) for i in (0, 1) for k in ("text", "thinking", "tool_use", "odd")),
    *(delta(i, k, text="a", partial_json="{", thinking="t") for i in (0, 1) for k in ("text", "x")),
    delta(0, "input_json", partial_json="{}"),
    stop(0),
    reason("max_tokens"),
    reason("pause_turn"),
    reason("refusal"),
    sse("error"),
]


@given(st.lists(st.sampled_from(FRAMES), max_size=12))
def test_whatever_comes_the_turn_ends_once_and_its_calls_are_in_order(frames: list[bytes]) -> None:
    decoder = AnthropicReplyDecoder(id_prefix="x")
    events = [event for frame in frames for event in decoder.feed(frame)] + decoder.flush()
    ends = [event for event in events if isinstance(event, TurnEnded | TurnFailed)]
    assert len(ends) == (decoder.paused is None)
    assert events[-1:] == ends or not ends
    pieces: dict[str, str] = {}
    for event in events:
        match event:
            case CallStarted(key):
                assert key not in pieces
                pieces[key] = ""
            case CallDelta(key, arguments):
                pieces[key] += arguments
            case CallEnded(key, arguments):
                assert pieces[key] == arguments
