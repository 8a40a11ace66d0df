"""Replies of Chat Completions servers, tidy and untidy."""

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
    RefusalDelta,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    Usage,
)
from limner.wire.chat_reply import ChatReplyDecoder

DONE = b"data: [DONE]\n\n"
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


def sse(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    return sse({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def piece(index: int | None = None, id: object = None, **function: Any) -> dict[str, Any]:
    entry = {"index": index, "id": id, "function": function}
    return {name: value for name, value in entry.items() if value is not None}


def calls(*entries: object) -> bytes:
    return chunk(tool_calls=list(entries))


def decode(*pieces: bytes, limit_bytes: int = 10_000, logprobs: bool = False) -> list[TurnEvent]:
    decoder = ChatReplyDecoder(id_prefix="call_x", logprobs=logprobs, limit_bytes=limit_bytes)
    events = [event for data in pieces for event in decoder.feed(data)]
    events += decoder.flush()
    assert decoder.is_finished
    assert decoder.feed(chunk(content="late")) == decoder.flush() == []
    return events


def a_call(number: int, call_id: str, name: str, arguments: str) -> list[TurnEvent]:
    key = f"call_{number}"
    return [CallStarted(key, call_id, name), CallDelta(key, arguments), CallEnded(key, arguments)]


def in_order(*calls: list[TurnEvent]) -> list[TurnEvent]:
    """Calls begin one after the other and all end at the end of the reply."""
    begun = [event for call in calls for event in call if not isinstance(event, CallEnded)]
    ended = [event for call in calls for event in call if isinstance(event, CallEnded)]
    return [*begun, *ended, TurnEnded()]


def failure(events: list[TurnEvent]) -> TurnFailed:
    last = events[-1]
    assert isinstance(last, TurnFailed)
    return last


def test_text_thought_refusal_and_usage_come_in_their_order() -> None:
    assert decode(
        chunk(role="assistant", content=""),
        chunk(reasoning_content="Let me "),
        chunk(reasoning="think", reasoning_content=None),
        chunk(content="He"),
        chunk(content="llo"),
        chunk(refusal="no"),
        chunk("stop"),
        sse({"choices": [], "usage": USAGE}),
        DONE,
    ) == [
        ReasoningDelta("Let me "),
        ReasoningDelta("think"),
        TextDelta("He"),
        TextDelta("llo"),
        RefusalDelta("no"),
        TurnEnded(Usage(5, 7, 2, 3)),
    ]


def test_a_thought_under_both_names_is_one_thought() -> None:
    events = decode(chunk("stop", reasoning="hm", reasoning_content="hm"), DONE)
    assert events == [ReasoningDelta("hm"), TurnEnded()]


def test_an_empty_thought_is_none_and_line_ends_within_one_are_kept() -> None:
    blank = decode(chunk(reasoning_content="\n\n"), chunk("stop", content="Yes."), DONE)
    assert blank == [TextDelta("Yes."), TurnEnded()]
    thought = [chunk(reasoning_content=text) for text in ("\n", "Let me", "\n", "think")]
    events = decode(*thought, chunk("stop"), DONE)
    assert events[:-1] == [ReasoningDelta(text) for text in ("Let me", "\n", "think")]


def test_a_list_of_parts_is_read_for_its_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, "odd", {"type": "x"}]
    assert decode(chunk("stop", content=parts), DONE) == [TextDelta("ab"), TurnEnded()]


@pytest.mark.parametrize(
    ("finish", "incomplete"),
    [
        ("stop", None),
        ("tool_calls", None),
        ("function_call", None),
        ("length", "max_output_tokens"),
        ("content_filter", "content_filter"),
    ],
)
def test_the_finish_reason_says_whether_the_reply_is_whole(finish: str, incomplete: Any) -> None:
    assert decode(chunk(finish), DONE) == [TurnEnded(incomplete=incomplete)]


def test_a_call_in_pieces() -> None:
    assert decode(
        calls(piece(0, "a", name="draw", arguments="")),
        calls(piece(0, arguments='{"prompt":')),
        calls(piece(0, arguments='"cat"}')),
        chunk("tool_calls"),
        DONE,
    ) == [
        CallStarted("call_0", "a", "draw"),
        CallDelta("call_0", '{"prompt":'),
        CallDelta("call_0", '"cat"}'),
        CallEnded("call_0", '{"prompt":"cat"}'),
        TurnEnded(),
    ]


def test_a_whole_call_in_one_chunk_that_claims_to_stop() -> None:
    entry = piece(0, "a", name="draw", arguments='{"prompt":"cat"}')
    assert decode(chunk("stop", tool_calls=[entry]), DONE) == [
        *a_call(0, "a", "draw", '{"prompt":"cat"}'),
        TurnEnded(),
    ]


@pytest.mark.parametrize("id", ["a", ""], ids=["with an id", "without"])
def test_id_and_name_repeated_in_every_piece_are_one_call(id: str) -> None:
    events = decode(
        calls(piece(0, id, name="draw", arguments='{"prompt":')),
        calls(piece(0, id, name="draw", arguments='{"deep":1}')),
        calls(piece(0, id, name="draw", arguments="}")),
        chunk("tool_calls"),
    )
    assert events[0] == CallStarted("call_0", id or "call_x_0", "draw")
    assert events[-2:] == [CallEnded("call_0", '{"prompt":{"deep":1}}'), TurnEnded()]


def test_a_fresh_id_without_a_name_continues_the_call() -> None:
    events = decode(
        calls(piece(0, "a", name="draw", arguments="{")),
        calls(piece(0, "b", arguments="}")),
        chunk("tool_calls"),
    )
    assert events[-2:] == [CallEnded("call_0", "{}"), TurnEnded()]


def test_a_name_that_comes_late_starts_the_call_late() -> None:
    assert decode(
        calls(piece(0, "a")),
        calls(piece(0, arguments="{")),
        calls(piece(0, name="draw", arguments="}")),
        calls(piece(1, "b")),
        calls(piece(1, name="wipe")),
        chunk("tool_calls"),
    ) == [
        CallStarted("call_0", "a", "draw"),
        CallDelta("call_0", "{"),
        CallDelta("call_0", "}"),
        CallStarted("call_1", "b", "wipe"),
        CallEnded("call_0", "{}"),
        CallDelta("call_1", "{}"),
        CallEnded("call_1", "{}"),
        TurnEnded(),
    ]


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(
            [
                piece(0, "a", name="draw", arguments='{"n":1}'),
                piece(0, "b", name="draw", arguments='{"n":2}'),
            ],
            id="equal index, other id",
        ),
        pytest.param(
            [
                piece(None, "a", name="draw", arguments='{"n":1}'),
                piece(None, "b", name="draw", arguments='{"n":2}'),
            ],
            id="no index",
        ),
        pytest.param(
            [
                piece(0, "a", name="draw", arguments={"n": 1}),
                piece(1, "b", name="draw", arguments={"n": 2}),
            ],
            id="objects for arguments",
        ),
    ],
)
def test_parallel_calls_are_told_apart(entries: list[object]) -> None:
    expected = in_order(a_call(0, "a", "draw", '{"n":1}'), a_call(1, "b", "draw", '{"n":2}'))
    assert decode(calls(*entries), chunk("tool_calls")) == expected
    assert decode(*map(calls, entries), chunk("tool_calls"), DONE) == expected


@pytest.mark.parametrize(("first", "second"), [("draw", "draw"), ("draw", "wipe")])
def test_parallel_calls_without_ids_and_indexes_are_told_apart(first: str, second: str) -> None:
    entries = [piece(name=first, arguments='{"n":1}'), piece(name=second, arguments='{"n":2}')]
    assert decode(calls(*entries), chunk("tool_calls")) == in_order(
        a_call(0, "call_x_0", first, '{"n":1}'), a_call(1, "call_x_1", second, '{"n":2}')
    )


def test_an_id_used_twice_is_replaced() -> None:
    entries = [piece(0, "a", name="draw", arguments="{}"), piece(1, "a", name="draw")]
    events = decode(calls(*entries), chunk("stop"))
    assert [e.call_id for e in events if isinstance(e, CallStarted)] == ["a", "call_x_1"]


def test_interleaved_pieces_find_their_calls() -> None:
    events = decode(
        calls(piece(0, "a", name="draw"), piece(1, "b", name="draw")),
        calls(piece(1, arguments='{"n":2}')),
        calls(piece(0, arguments='{"n":1}')),
        chunk("tool_calls"),
    )
    assert events[-3:] == [
        CallEnded("call_0", '{"n":1}'),
        CallEnded("call_1", '{"n":2}'),
        TurnEnded(),
    ]


def test_broken_arguments_are_passed_on_as_they_are() -> None:
    entry = piece(0, "a", name="draw", arguments='{"prompt": "cat')
    assert decode(chunk("stop", tool_calls=[entry]))[-2] == CallEnded("call_0", '{"prompt": "cat')


def test_an_unnamed_call_fails_the_turn() -> None:
    assert "without naming" in failure(decode(calls(piece(0, "a")), chunk("stop"))).message


@pytest.mark.parametrize(
    "odd",
    [
        b"data: {}\n\n",
        b": ping\n\n",
        b"data:\n\n",
        sse({"choices": None, "usage": None}),
        sse({"choices": []}),
        sse({"choices": ["odd"]}),
        sse({"choices": [{"delta": None, "finish_reason": None}]}),
        sse({"choices": [{"delta": {"content": None, "tool_calls": None}}]}),
        calls("odd"),
        sse({"choices": [], "usage": {"prompt_tokens": None}}),
    ],
)
def test_filler_and_nulls_say_nothing(odd: bytes) -> None:
    events = decode(chunk(content="a"), odd, chunk("stop"), DONE)
    assert events[:-1] == [TextDelta("a")]
    assert isinstance(events[-1], TurnEnded)


def test_a_null_function_is_a_call_without_a_name() -> None:
    assert isinstance(decode(calls({"index": 0, "function": None}), chunk("stop"))[-1], TurnFailed)


def test_a_missing_done_is_forgiven() -> None:
    assert decode(chunk("stop", content="a")) == [TextDelta("a"), TurnEnded()]
    assert decode(chunk("stop", content="a"), b"data: [DONE]") == [TextDelta("a"), TurnEnded()]


def test_a_missing_finish_reason_is_forgiven_when_done_is_said() -> None:
    assert decode(chunk(content="a"), DONE) == [TextDelta("a"), TurnEnded()]


def test_a_reply_with_neither_has_been_cut_off() -> None:
    failed = failure(decode(chunk(content="a")))
    assert failed.retryable
    assert failed.status == 502


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"data: {broken\n\n", "not JSON"),
        (b"data: [1]\n\n", "an array"),
        (b"data: \xff\n\n", "not JSON"),
        (b"<html>oops</html>", "without saying"),
        (b"", "without saying"),
        (b"data: " + b"x" * 20_000, "too much at once"),
        (b"{" + b" " * 20_000, "too much at once"),
        (b"{broken", "not JSON"),
        (b"{}", "without saying"),
    ],
)
def test_what_no_dialect_allows_is_a_failure(body: bytes, what: str) -> None:
    assert what in failure(decode(body)).message


def test_what_follows_a_failure_in_the_same_bytes_is_not_read() -> None:
    assert len(decode(b"data: {broken\n\n" + chunk("stop") + DONE)) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"error": {"message": "boom", "code": "oops"}},
            TurnFailed("The language model server answered 500: boom", "oops", 502, True),
        ),
        (
            {"object": "error", "message": "too long", "code": 400},
            TurnFailed("The language model server answered 400: too long", "upstream_400", 502),
        ),
        (
            {"error": {"message": "slow down", "code": "429"}},
            TurnFailed(
                "The language model server answered 429: slow down",
                "rate_limit_exceeded",
                429,
                True,
            ),
        ),
    ],
)
def test_an_error_in_the_stream_fails_the_turn(error: object, expected: TurnFailed) -> None:
    assert decode(chunk(content="a"), sse(error)) == [TextDelta("a"), expected]


def whole(**fields: Any) -> bytes:
    return orjson.dumps({"object": "chat.completion", "usage": USAGE, **fields})


def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    message = {
        "content": "Here.",
        "refusal": None,
        "tool_calls": [
            {"id": "", "function": {"name": "draw", "arguments": '{"n":1}'}},
            {"id": "", "function": {"name": "draw", "arguments": {}}},
        ],
    }
    body = b"\n " + whole(choices=[{"message": message, "finish_reason": "stop"}])
    assert decode(body[:1], body[1:9], body[9:]) == [
        TextDelta("Here."),
        CallStarted("call_0", "call_x_0", "draw"),
        CallDelta("call_0", '{"n":1}'),
        CallStarted("call_1", "call_x_1", "draw"),
        CallDelta("call_1", "{}"),
        CallEnded("call_0", '{"n":1}'),
        CallEnded("call_1", "{}"),
        TurnEnded(Usage(5, 7, 2, 3)),
    ]


def test_a_whole_message_needs_no_finish_reason() -> None:
    body = whole(choices=[{"message": {"content": "a"}}])
    assert decode(body) == [TextDelta("a"), TurnEnded(Usage(5, 7, 2, 3))]


STREAM = b"".join(
    (
        b"\xef\xbb\xbf",
        chunk(role="assistant"),
        chunk(content="Grüße, мир"),
        calls(piece(0, "a", name="draw", arguments="{")),
        calls(piece(0, arguments='"n":"ё"}')),
        chunk("tool_calls").replace(b"\n", b"\r\n"),
        sse({"choices": [], "usage": USAGE}),
        DONE,
    )
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=40).map(sorted))
def test_any_split_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *cuts, len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(edges)]
    assert decode(*pieces) == decode(STREAM)
    assert decode(STREAM)[-1] == TurnEnded(Usage(5, 7, 2, 3))


def likely(*tokens: str, **delta: Any) -> bytes:
    content = [{"token": token, "logprob": -0.5, "bytes": [*token.encode()]} for token in tokens]
    choice = {"index": 0, "delta": delta, "logprobs": {"content": content}}
    return sse({"choices": [choice]})


def entry(token: str) -> dict[str, Any]:
    return {"token": token, "bytes": [*token.encode()], "logprob": -0.5, "top_logprobs": []}


def test_log_probabilities_come_with_the_text_of_their_tokens() -> None:
    pieces = (
        likely("th", reasoning="th"),
        likely("a", content="a"),
        likely("h", content=""),  # the first half of a character
        likely("i", content="\u00e9"),
        likely("{", tool_calls=[piece(0, "c", name="f", arguments="{}")]),
        likely("b", content="b"),
        likely("", content=""),
        chunk("stop"),
    )
    asked = decode(*pieces, DONE, logprobs=True)
    texts = [event for event in asked if isinstance(event, TextDelta)]
    assert texts == [
        TextDelta("a", (entry("a"),)),
        TextDelta("\u00e9", (entry("h"), entry("i"))),
        TextDelta("b", (entry("b"),)),
    ]
    assert asked[-1] == TurnEnded()
    unasked = decode(*pieces, DONE)
    assert [event.logprobs for event in unasked if isinstance(event, TextDelta)] == [()] * 3


def test_log_probabilities_are_as_whole_as_clients_take_them() -> None:
    others = [{"token": "b", "logprob": -1, "bytes": None}, "odd"]
    content = [{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": others}, "odd"]
    choice = {"delta": {"content": "a"}, "logprobs": {"content": content, "refusal": None}}
    (text, end) = decode(sse({"choices": [choice]}), chunk("stop"), DONE, logprobs=True)
    top = [{"token": "b", "bytes": [], "logprob": -1}]
    told = {"token": "a", "bytes": [], "logprob": -0.5, "top_logprobs": top}
    assert (text, end) == (TextDelta("a", (told,)), TurnEnded())


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, "odd"])
def test_a_server_that_tells_none_is_told_of(logprobs: object) -> None:
    choice = {"delta": {"content": "a"}, "logprobs": logprobs}
    (*_, end) = decode(sse({"choices": [choice]}), chunk("stop"), DONE, logprobs=True)
    said = ("include: the model server told no log probabilities.",)
    assert end == TurnEnded(adjustments=said)
    (*_, end) = decode(calls(piece(0, "c", name="f")), chunk("stop"), DONE, logprobs=True)
    assert end == TurnEnded()
