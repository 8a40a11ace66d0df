"""Replies of the Responses API, tidy and untidy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.image import ImageCompleted, ImageFailed, PartialImage, Resolved, Size
from limner.core.turn import (
    AnnotationAdded,
    CallDelta,
    CallEnded,
    CallStarted,
    MessageEnded,
    MessagePhase,
    OpaqueEnded,
    OpaqueProgress,
    OpaqueStarted,
    PictureEnded,
    PicturePreview,
    PictureStarted,
    RefusalDelta,
    TextDelta,
    TextLogprobs,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    Usage,
)
from limner.wire.responses_reply import ResponsesReplyDecoder
from tests.core.recorded import Recorded
from tests.pictures import picture
from tests.scripted_responses import USAGE, call, event, item, message, reply

SOURCE = {"type": "url_citation", "url": "https://example.org"}
END = TurnEnded(Usage(10, 5, 2, 1))
PICTURE = picture(4, 4)
BASE64 = pybase64.b64encode(PICTURE.content).decode()
LOOK = Resolved(Size(4, 4), output_format="png")
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"q": "x"}}
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "seal"}


def decode(*pieces: bytes, partial_images: int = 0) -> list[TurnEvent]:
    decoder = ResponsesReplyDecoder(
        id_prefix="call_x", partial_images=partial_images, limit_bytes=10_000
    )
    events = [event for data in pieces for event in decoder.feed(data)]
    events += decoder.flush()
    assert decoder.is_finished
    assert decoder.feed(event("output_text.delta", delta="late")) == decoder.flush() == []
    return events


def turn(*pieces: bytes, **response: Any) -> list[TurnEvent]:
    return decode(*reply(*pieces, **response).pieces)


def added(value: dict[str, Any], index: int | None = 0) -> bytes:
    return event("output_item.added", output_index=index, item=value)


def done(value: dict[str, Any], index: int | None = 0) -> bytes:
    return event("output_item.done", output_index=index, item=value)


def said(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "content": content, **fields}


def inside(type_: str, **fields: Any) -> bytes:
    return event(type_, item_id="msg_1", output_index=0, content_index=0, **fields)


def failed(events: list[TurnEvent]) -> TurnFailed:
    assert isinstance(events[-1], TurnFailed), events
    return events[-1]


# Words


def test_words_come_in_deltas_with_usage() -> None:
    assert turn(*message(0, "Hel", "lo")) == [
        TextDelta("Hel"),
        TextDelta("lo"),
        MessageEnded(),
        END,
    ]


def test_words_without_deltas_are_taken_from_what_is_done() -> None:
    opened = added(said())
    assert turn(opened, inside("output_text.done", text="a"))[0] == TextDelta("a")
    assert turn(opened, inside("refusal.done", refusal="no"))[0] == RefusalDelta("no")
    parts = {"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}, "odd"
    assert turn(done(said(*parts))) == [  # type: ignore[arg-type]
        TextDelta("a"),
        MessageEnded(),
        RefusalDelta("no"),
        MessageEnded(),
        END,
    ]


def test_a_phase_stands_before_the_words_of_its_message() -> None:
    value = said({"type": "output_text", "text": "a"}, phase="commentary")
    assert turn(added(value), inside("output_text.delta", delta="a"), done(value)) == [
        MessagePhase("commentary"),
        TextDelta("a"),
        MessageEnded(),
        END,
    ]


def test_a_phase_holds_for_every_part_and_may_come_at_the_end() -> None:
    parts = {"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}
    both = [MessagePhase("x"), TextDelta("a"), MessageEnded(), MessagePhase("x")]
    assert turn(done(said(*parts, phase="x")))[:4] == both
    late = turn(added(said(phase=3)), inside("output_text.delta", delta="a"), done(said(phase="x")))
    assert late == [TextDelta("a"), MessagePhase("x"), MessageEnded(), END]


LIKELY = [{"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1}]}]
IN_FULL = [{**LIKELY[0], "bytes": [97]}]


def test_log_probabilities_pass_as_they_came_and_those_of_the_whole_part_count() -> None:
    whole = {"type": "output_text", "text": "a", "logprobs": IN_FULL}
    pieces = (
        added(said()),
        inside("output_text.delta", delta="a", logprobs=LIKELY),
        inside("output_text.done", text="a", logprobs=LIKELY),
        inside("content_part.done", part=whole),
        done(said(whole)),
    )
    likely, in_full = TextDelta("a", tuple(LIKELY)), TextLogprobs(tuple(IN_FULL))
    assert turn(*pieces) == [likely, in_full, in_full, MessageEnded(), END]
    assert turn(done(said(whole)))[0] == TextDelta("a", tuple(IN_FULL))
    assert turn(added(said()), inside("output_text.done", text="a", logprobs=LIKELY))[0] == likely


def test_odd_log_probabilities_are_passed_over() -> None:
    pieces = (
        inside("output_text.delta", delta="a", logprobs="odd"),
        inside("content_part.done", part=None),
        inside("content_part.done", part={"logprobs": [3]}),
        event("content_part.done", item_id="msg_1", content_index=1, part={"logprobs": LIKELY}),
    )
    assert turn(added(said()), *pieces)[:2] == [TextDelta("a"), MessageEnded()]


def test_refusals_come_in_deltas() -> None:
    assert turn(added(said()), inside("refusal.delta", delta="no"))[0] == RefusalDelta("no")


def test_an_empty_message_says_nothing() -> None:
    empty = said({"type": "output_text", "text": ""})
    assert turn(added(empty), done(empty)) == [MessageEnded(), END]
    assert turn(done(said(content=None)))[:-1] == [MessageEnded()]


def test_a_message_that_is_never_done_ends_with_the_reply() -> None:
    assert turn(added(said()), inside("output_text.delta", delta="a")) == [
        TextDelta("a"),
        MessageEnded(),
        END,
    ]


def test_sources_come_where_they_belong() -> None:
    part = {"type": "output_text", "text": "a", "annotations": [SOURCE, {"n": 2}]}
    assert turn(
        added(said()),
        inside("output_text.delta", delta="a"),
        inside("output_text.annotation.added", annotation_index=0, annotation=SOURCE),
        inside("output_text.annotation.added", annotation="odd"),
        done(said(part)),
    ) == [
        TextDelta("a"),
        AnnotationAdded(SOURCE),
        AnnotationAdded({"n": 2}),
        MessageEnded(),
        END,
    ]


def test_the_next_part_is_the_next_message() -> None:
    first = {"type": "output_text", "text": "a", "annotations": [SOURCE]}
    second = {"type": "output_text", "text": "b", "annotations": []}
    place = {"item_id": "msg_1", "output_index": 0}
    assert turn(
        added(said()),
        event("output_text.delta", **place, content_index=0, delta="a"),
        event("output_text.delta", **place, content_index=1, delta="b"),
        done(said(first, second)),
    ) == [TextDelta("a"), MessageEnded(), TextDelta("b"), MessageEnded(), END]


@pytest.mark.parametrize(
    "piece",
    [
        inside("output_text.delta", delta=None),
        inside("content_part.added", part={}),
        event("output_text.delta", item_id="other", output_index=7, delta="a"),
    ],
)
def test_what_says_nothing_is_passed_over(piece: bytes) -> None:
    assert turn(added(said()), piece) == [MessageEnded(), END]


# Calls


def test_a_call_comes_in_pieces() -> None:
    assert turn(*call(0, "draw", {"n": 1})) == [
        CallStarted("0", "call_0", "draw"),
        CallDelta("0", '{"n'),
        CallDelta("0", '":1}'),
        CallEnded("0", '{"n":1}'),
        END,
    ]


CALL = {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "draw"}


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        ([done({**CALL, "arguments": '{"n":1}'})], '{"n":1}'),
        ([done({**CALL, "arguments": {"n": 1}})], '{"n": 1}'),
        ([done(CALL)], ""),
        ([done({**CALL, "arguments": 7})], ""),
        (
            [
                added(CALL),
                event("function_call_arguments.delta", output_index=0, delta=None),
                event("function_call_arguments.done", output_index=0, arguments='{"n":2}'),
                event("function_call.news", output_index=0),
            ],
            '{"n":2}',
        ),
    ],
)
def test_arguments_are_found_wherever_they_stand(pieces: list[bytes], arguments: str) -> None:
    assert turn(*pieces) == [CallStarted("0", "c", "draw"), CallEnded("0", arguments), END]


def test_a_call_without_an_id_gets_one() -> None:
    assert turn(done({**CALL, "call_id": ""}))[0] == CallStarted("0", "call_x_0", "draw")
    assert turn(done({"type": "function_call"}))[0] == CallStarted("0", "call_x_0", "")


def test_a_call_whose_arguments_never_came_stays_open() -> None:
    assert turn(added(CALL)) == [CallStarted("0", "c", "draw"), END]


def test_a_call_within_a_namespace_is_the_clients_own() -> None:
    named = {**CALL, "namespace": "n"}
    assert turn(done(named))[1] == OpaqueEnded("0", named, is_for_client=True)


# Items that pass


def test_other_items_and_their_events_pass_as_they_came() -> None:
    searching = ("web_search_call.searching", {"query": "x"})
    assert turn(*item(0, SEARCH, searching)) == [
        OpaqueStarted("0", {**SEARCH, "status": "in_progress"}),
        OpaqueProgress("0", "response.web_search_call.searching", {"query": "x"}),
        OpaqueEnded("0", SEARCH),
        END,
    ]


def test_thoughts_pass_under_the_names_that_clients_know() -> None:
    delta = ("reasoning.delta", {"delta": "hm", "content_index": 0})
    (_, progress, ended, _) = turn(*item(0, THOUGHT, delta))
    fields = {"delta": "hm", "content_index": 0}
    assert progress == OpaqueProgress("0", "response.reasoning_text.delta", fields)
    assert ended == OpaqueEnded("0", THOUGHT)


def test_a_thought_gets_what_clients_need_of_it() -> None:
    bare = {"id": "rs_1", "type": "reasoning"}
    inside: list[tuple[str, dict[str, Any]]] = [
        ("reasoning_summary_text.delta", {"delta": "hm"}),
        ("reasoning_summary_part.done", {"summary_index": 1}),
        ("reasoning_text.delta", {"delta": "hm"}),
    ]
    *events, _ = turn(*item(0, bare, *inside))
    whole = {"summary": [], **bare}
    assert events == [
        OpaqueStarted("0", {**whole, "status": "in_progress"}),
        OpaqueProgress(
            "0", "response.reasoning_summary_text.delta", {"delta": "hm", "summary_index": 0}
        ),
        OpaqueProgress("0", "response.reasoning_summary_part.done", {"summary_index": 1}),
        OpaqueProgress("0", "response.reasoning_text.delta", {"delta": "hm", "content_index": 0}),
        OpaqueEnded("0", whole),
    ]


def test_an_unknown_event_about_no_item_passes() -> None:
    news = event("news", text="hi", sequence_number=4)
    assert turn(news)[0] == OpaqueProgress(None, "response.news", {"text": "hi"})


@pytest.mark.parametrize(
    ("value", "waits"),
    [
        ({"type": "custom_tool_call"}, True),
        ({"type": "mcp_approval_request"}, True),
        ({"type": "mcp_call"}, False),
        ({"type": "tool_search_call", "execution": "client"}, True),
        ({"type": "tool_search_call", "execution": "server"}, False),
    ],
)
def test_some_items_wait_for_the_client(value: dict[str, Any], waits: bool) -> None:
    assert turn(done(value))[1] == OpaqueEnded("0", value, is_for_client=waits)


def test_an_item_that_is_never_done_is_taken_from_the_end_or_as_it_began() -> None:
    begun = {**SEARCH, "status": "in_progress"}
    assert turn(added(begun), output=[SEARCH])[1] == OpaqueEnded("0", SEARCH)
    assert turn(added(begun), output=["odd"])[1] == OpaqueEnded("0", begun)


def test_an_item_is_told_by_its_index_where_its_ids_differ() -> None:
    assert turn(
        added({**SEARCH, "id": "a"}),
        event("web_search_call.searching", item_id="b", output_index=0),
        done({**SEARCH, "id": "c"}),
        event("web_search_call.completed", item_id="d", output_index=0),
        done({**SEARCH, "id": "c"}),
    ) == [
        OpaqueStarted("0", {**SEARCH, "id": "a"}),
        OpaqueProgress("0", "response.web_search_call.searching", {}),
        OpaqueEnded("0", {**SEARCH, "id": "c"}),
        END,
    ]


def test_an_item_without_an_index_is_told_by_its_id() -> None:
    assert turn(added(SEARCH, None), done(SEARCH, None)) == turn(added(SEARCH), done(SEARCH))


def test_items_with_one_index_are_told_by_their_ids() -> None:
    other = {**SEARCH, "id": "ws_2"}
    events = turn(added(SEARCH), added(other), done(SEARCH), done(other))
    assert events[2:4] == [OpaqueEnded("0", SEARCH), OpaqueEnded("1", other)]


@pytest.mark.parametrize("odd", ["odd", {}, {"id": "x_1"}, {"type": 7}])
def test_what_is_no_item_is_passed_over(odd: Any) -> None:
    assert turn(event("output_item.added", item=odd), event("output_item.done", item=odd)) == [END]
    assert turn(output=[odd]) == [END]


# Pictures


PAINTED = {"id": "ig_1", "type": "image_generation_call", "result": BASE64}


@pytest.mark.parametrize("status", ["completed", "generating"])
def test_a_picture_is_done_whatever_its_status_says(status: str) -> None:
    value = {**PAINTED, "status": status, "revised_prompt": "a cat", "action": "edit"}
    look = Resolved(Size(4, 4), "low", "opaque", "png")
    assert turn(*item(0, {**value, "quality": "low", "background": "opaque"})) == [
        PictureStarted("0"),
        PictureEnded("0", ImageCompleted(PICTURE, look), "a cat", "edit"),
        END,
    ]


def test_previews_come_as_far_as_they_were_asked_for() -> None:
    frame = ("image_generation_call.partial_image", {"partial_image_b64": BASE64})
    broken = ("image_generation_call.partial_image", {"partial_image_b64": "?"})
    generating: tuple[str, dict[str, Any]] = ("image_generation_call.generating", {})
    pieces = reply(*item(0, PAINTED, generating, broken, frame, frame)).pieces
    ended = PictureEnded("0", ImageCompleted(PICTURE, LOOK), "")
    assert decode(*pieces) == [PictureStarted("0"), ended, END]
    preview = PicturePreview("0", PartialImage(0, PICTURE, LOOK))
    assert decode(*pieces, partial_images=1) == [PictureStarted("0"), preview, ended, END]


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ({"result": None}, "server_error", "The model's server made no picture."),
        ({"result": "?"}, "server_error", "The image back end sent a picture that is not base64"),
        ({"error": {"code": "moderation_blocked", "message": "no"}}, "moderation_blocked", "no"),
    ],
)
def test_a_picture_that_failed_says_why(value: dict[str, Any], code: str, message: str) -> None:
    ended = turn(done({"type": "image_generation_call", **value}))[1]
    assert isinstance(ended, PictureEnded)
    assert isinstance(ended.outcome, ImageFailed)
    assert (ended.outcome.code, ended.outcome.message) == (code, message)


def test_a_picture_that_never_came_failed() -> None:
    ended = turn(added({"type": "image_generation_call"}))[1]
    assert isinstance(ended, PictureEnded)
    assert isinstance(ended.outcome, ImageFailed)


# The end


@pytest.mark.parametrize("type_", ["ping", "keepalive", "response.heartbeat"])
def test_fillers_are_dropped(type_: str) -> None:
    filler = b"data: " + orjson.dumps({"type": type_}) + b"\n\n"
    nameless = b'data: {"hello": 1}\n\n'
    assert turn(filler, nameless) == [END]


def test_a_reply_without_items_is_read_from_its_end() -> None:
    value = said({"type": "output_text", "text": "hi"})
    assert turn(output=[value]) == [TextDelta("hi"), MessageEnded(), END]


@pytest.mark.parametrize("status", [{"status": "completed"}, {}])
def test_a_server_that_does_not_stream_is_understood(status: dict[str, str]) -> None:
    value = said({"type": "output_text", "text": "hi"})
    body = orjson.dumps({"object": "response", "output": [value], "usage": USAGE, **status})
    assert decode(body) == [TextDelta("hi"), MessageEnded(), END]


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "max_output_tokens"),
        ({"reason": "content_filter"}, "content_filter"),
        (None, "max_output_tokens"),
    ],
)
def test_a_reply_may_be_cut_short(details: object, reason: str) -> None:
    last = turn(end="incomplete", incomplete_details=details)[-1]
    assert last == TurnEnded(Usage(10, 5, 2, 1), reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end", "fields", "code", "status", "retryable"),
    [
        ("failed", {"error": {"code": "server_error", "message": "x"}}, "server_error", 502, True),
        ("failed", {"error": {"code": "rate_limit_exceeded"}}, "rate_limit_exceeded", 429, True),
        ("failed", {}, "server_error", 502, True),
        ("cancelled", {}, "server_error", 502, True),
        ("incomplete", {"incomplete_details": {"reason": "steered"}}, "server_error", 502, True),
    ],
)
def test_a_reply_may_fail(
    end: str, fields: dict[str, Any], code: str, status: int, retryable: bool
) -> None:
    event = failed(turn(end=end, **fields))
    assert (event.code, event.status, event.retryable) == (code, status, retryable)


@pytest.mark.parametrize(
    "error",
    [
        {"type": "error", "code": "server_error", "message": "out of memory", "param": None},
        {"type": "error", "error": {"code": "server_error", "message": "out of memory"}},
        {"error": {"code": "server_error", "message": "out of memory"}},
        {"type": "response.error", "error": {"code": "server_error", "message": "out of memory"}},
    ],
)
def test_an_error_event_fails_the_turn(error: dict[str, Any]) -> None:
    piece = b"data: " + orjson.dumps(error) + b"\n\n"
    event = failed(turn(*message(0, "He"), piece))
    assert event.code == "server_error"
    assert event.message == "The language model server answered 500: out of memory"


def test_an_error_may_be_a_bare_text() -> None:
    assert failed(decode(b'{"error": "no"}')).message.endswith("500: no")


@pytest.mark.parametrize("rest", [b"", b"data: [DONE]\n\n"])
def test_a_reply_without_an_end_is_cut_off(rest: bytes) -> None:
    events = decode(*reply(*message(0, "He"), end="").pieces, rest)
    assert events[0] == TextDelta("He")
    assert "without saying" in failed(events).message


@pytest.mark.parametrize("body", [b"data: {\n\n", b"data: []\n\n", b"{" * 20_000, b"<html>"])
def test_what_is_no_reply_fails_the_turn(body: bytes) -> None:
    assert failed(decode(body)).retryable


@pytest.mark.parametrize("usage", [None, 1, {"input_tokens": True, "input_tokens_details": 1}])
def test_odd_usage_counts_nothing(usage: object) -> None:
    last = turn(usage=usage)[-1]
    assert last in (TurnEnded(), TurnEnded(Usage()))


WHOLE = b"".join(
    reply(
        *item(0, THOUGHT, ("reasoning_summary_text.delta", {"delta": "hm"})),
        *message(1, "Let me ", "söarch 🎨"),
        *item(2, SEARCH, ("web_search_call.searching", {})),
        *call(3, "draw", {"prompt": "a cat"}),
        *item(4, PAINTED),
    ).pieces
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=30))
def test_cuts_of_the_network_change_nothing(cuts: list[int]) -> None:
    places = sorted({0, len(WHOLE), *cuts})
    assert decode(*(WHOLE[a:b] for a, b in pairwise(places))) == decode(WHOLE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "msg_1", BASE64]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "content", "text", "annotations", "arguments", "code"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)
TYPES = st.sampled_from(
    [
        *("output_item.added", "output_item.done", "output_text.delta", "output_text.done"),
        *("output_text.annotation.added", "function_call_arguments.delta", "news"),
        *("image_generation_call.partial_image", "completed", "failed", "incomplete"),
    ]
)
ITEM = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["message", "function_call", "image_generation_call", "reasoning", "x"]
        )
    },
    optional={name: JSON for name in ("id", "content", "arguments", "call_id", "name", "result")},
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "item": ITEM | JSON,
        "item_id": JSON,
        "output_index": JSON,
        "content_index": JSON,
        "delta": JSON,
        "annotation": JSON,
        "response": JSON,
        "error": JSON,
    },
)


@given(st.lists(st.tuples(TYPES, EVENT), max_size=8))
def test_no_server_can_break_the_reader(script: list[tuple[str, dict[str, Any]]]) -> None:
    events = decode(*(event(type_, **fields) for type_, fields in script))
    assert isinstance(events[-1], TurnEnded | TurnFailed)
    started = [e.key for e in events if isinstance(e, CallStarted | OpaqueStarted | PictureStarted)]
    assert len(set(started)) == len(started)
    Recorded().feed(*events)
