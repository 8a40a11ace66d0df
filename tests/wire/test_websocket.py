"""The Responses API over a WebSocket: messages of clients, events and errors as they go out."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.errors import InvalidRequest, LimnerError, StoreError, UpstreamError
from limner.wire import json, sse
from limner.wire.websocket import (
    Create,
    OutEvent,
    Steer,
    error_text,
    events_of,
    lane_of,
    message_text,
    read_message,
    steer_accepted,
    steer_failed,
    steer_pending,
)

SAID = {"role": "user", "content": "faster"}
STEER = Steer("resp_1", "faster", [SAID], "steer_1")


def create(**more: object) -> Create:
    asked = read_message({"type": "response.create", "model": "any", **more})
    assert isinstance(asked, Create)
    return asked


def steer(**more: object) -> Steer:
    message = {"type": "response.steer", "previous_response_id": "resp_1", "input": "faster"}
    asked = read_message({**message, **more})
    assert isinstance(asked, Steer)
    return asked


def test_a_request_is_the_body_of_a_streamed_one() -> None:
    assert create(input="hi") == Create({"model": "any", "input": "hi", "stream": True})
    named = create(stream_id="left", generate=False)
    assert (named.stream_id, named.generate) == ("left", False)
    assert named.body == {"model": "any", "stream": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stream", False),
        ("stream", 1),
        ("background", True),
        ("stream_options", {}),
        ("background_options", {}),
    ],
)
def test_what_a_websocket_does_not_have_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        create(**{name: value})
    assert (refusal.value.param, refusal.value.code) == (name, "unsupported_parameter")
    assert create(**{name: None}).body == {"model": "any", "stream": True}


def test_what_is_so_anyway_may_be_said() -> None:
    assert create(stream=True, background=False) == create()


@pytest.mark.parametrize("lane", ["", "a b", "x" * 65, 7, "ü"])
def test_a_lane_is_a_short_word(lane: object) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        lane_of({"stream_id": lane})
    assert refusal.value.code == "invalid_stream_id"


def test_other_messages_are_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="type"):
        read_message({})
    with pytest.raises(InvalidRequest, match=r"response\.stop"):
        read_message({"type": "response.stop"})


def test_steering_is_words_of_the_user() -> None:
    assert steer() == Steer("resp_1", "faster", [SAID])
    assert steer(input=[{**SAID, "type": "message"}]).items == [{**SAID, "type": "message"}]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": [{**SAID, "role": "system"}]}, "input[0]"),
        ({"input": [{**SAID, "type": "function_call_output"}]}, "input[0]"),
        ({"input": [{**SAID, "id": "msg_1"}]}, "input[0].id"),
        ({"previous_response_id": None}, "previous_response_id"),
        ({"stream_id": "left"}, "stream_id"),
    ],
)
def test_other_steering_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        steer(**more)
    assert refusal.value.param == param


@pytest.mark.parametrize(
    ("own", "then"), [("hi", [{"role": "user", "content": "hi"}]), ([SAID], [SAID]), (None, [])]
)
def test_steering_comes_before_the_clients_own_input(own: object, then: list[Any]) -> None:
    taken = create(input=own).prepended([STEER])
    assert taken.body["input"] == [SAID, *then]
    assert taken.carries == (STEER,)


def test_a_successor_has_the_same_settings() -> None:
    asked = create(input="hi", temperature=1, generate=False, stream_id="left")
    after = asked.successor("resp_1", [STEER])
    assert after.body == {
        **asked.body,
        "previous_response_id": "resp_1",
        "input": [SAID],
    }
    assert (after.generate, after.stream_id, after.carries) == (True, "left", (STEER,))


def test_frames_become_messages() -> None:
    end = json.dump({"type": "response.completed", "response": {"id": "resp_1"}})
    frames = b"".join(
        (
            sse.comment(b"progress {}"),
            sse.encode("response.created", b'{"type":"response.created"}'),
            sse.encode("response.completed", end),
            sse.DONE,
        )
    )
    first, last = events_of(frames)
    assert (first.type, first.is_end, last.is_end) == ("response.created", False, True)
    assert last.response == {"id": "resp_1"}
    assert message_text(first, None) == '{"type":"response.created"}'
    assert json.load(message_text(first, 'a"b')) == {"type": first.type, "stream_id": 'a"b'}
    assert OutEvent("response.failed", b"{}").is_end


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (InvalidRequest("no", param="input", code="bad"), 400, "bad", None),
        (UpstreamError("busy", status=429, retry_after_s=1.5), 429, "server_error", "2"),
        (StoreError("full", retry_after_s=3), 503, "store_unavailable", "3"),
        (LimnerError("a bug"), 500, "server_error", None),
    ],
)
def test_errors_are_nested_and_have_their_status(
    error: LimnerError, status: int, code: str, headers: str | None
) -> None:
    said = json.load(error_text(error, "left"))
    assert (said["type"], said["status"], said["stream_id"]) == ("error", status, "left")
    assert said["error"]["code"] == code
    assert said["error"].get("headers") == ({"retry-after": headers} if headers else None)


def test_steering_is_taken_kept_waiting_and_given_back() -> None:
    accepted = json.load(steer_accepted(STEER, 3, "left"))
    assert accepted == {
        "type": "response.steer.accepted",
        "sequence_number": 3,
        "steer": {"id": "steer_1", "previous_response_id": "resp_1"},
        "stream_id": "left",
    }
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    response = {"output": [{"type": "message"}, call]}
    pending = json.load(steer_pending(STEER, response, 4, None))
    assert pending["reason"] == "waiting_for_required_input"
    assert pending["required_input"] == [
        {"type": "function_call_output", "call_id": "c", "name": "f"}
    ]
    failed = json.load(steer_failed(STEER, "response_not_found", "why", 5, None))
    assert failed["steer"] == {**accepted["steer"], "input": "faster"}
    assert failed["error"]["code"] == "response_not_found"
    unnamed = steer_failed(Steer("resp_1", 5, ()), "invalid_input", "why", 6, None)
    assert "id" not in json.load(unnamed)["steer"]
