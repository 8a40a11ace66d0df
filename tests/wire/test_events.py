"""Every event, item and response as exact JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pybase64
import pytest

from limner.core import events as e
from limner.core.image import ImageData, ImageUsage, Resolved, Size
from limner.core.items import ImageCallError, RefusalPart, TextPart
from limner.core.request import Echo
from limner.core.turn import Usage
from limner.wire import json
from limner.wire.events import EVENT_TYPES, encode_event, event_json
from limner.wire.items import item_json
from limner.wire.responses import response_json

CONTENT = b"\x89PNG\r\n\x1a\n"
BASE64 = pybase64.b64encode(CONTENT).decode()
PICTURE = ImageData(CONTENT, "png")
RESPONSE = e.Response("resp_1", 100, "in_progress", "m")
TEXT_PART = {"type": "output_text", "text": "hi", "annotations": [], "logprobs": []}
PLACE = {"item_id": "x_1", "output_index": 2}
PART_PLACE = {**PLACE, "content_index": 1}
CALL = e.FunctionCallItem("fc_1", "completed", "call_1", "f", "{}")
CALL_JSON = {
    "id": "fc_1",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "f",
    "arguments": "{}",
}

DENIED = replace(RESPONSE, status="failed", error=e.ResponseError("x", "No.", status=400))

EVENTS: list[tuple[e.NumberedEvent, str, dict[str, Any]]] = [
    (e.ResponseCreated(7, RESPONSE), "created", {"response": response_json(RESPONSE)}),
    (e.ResponseQueued(7, RESPONSE), "queued", {"response": response_json(RESPONSE)}),
    (e.ResponseInProgress(7, RESPONSE), "in_progress", {"response": response_json(RESPONSE)}),
    (e.ResponseCompleted(7, RESPONSE), "completed", {"response": response_json(RESPONSE)}),
    (e.ResponseFailed(7, RESPONSE), "failed", {"response": response_json(RESPONSE)}),
    (e.ResponseIncomplete(7, RESPONSE), "incomplete", {"response": response_json(RESPONSE)}),
    (
        e.ResponseDenied(7, DENIED),
        "error",
        {
            "response": {"id": "resp_1", "status": "failed"},
            "error": {
                "message": "No.",
                "type": "invalid_request_error",
                "param": None,
                "code": 400,
            },
        },
    ),
    (e.OutputItemAdded(7, 2, CALL), "output_item.added", {"output_index": 2, "item": CALL_JSON}),
    (e.OutputItemDone(7, 2, CALL), "output_item.done", {"output_index": 2, "item": CALL_JSON}),
    (
        e.ContentPartAdded(7, 2, "x_1", 1, TextPart("hi")),
        "content_part.added",
        {**PART_PLACE, "part": TEXT_PART},
    ),
    (
        e.ContentPartDone(7, 2, "x_1", 1, RefusalPart("no")),
        "content_part.done",
        {**PART_PLACE, "part": {"type": "refusal", "refusal": "no"}},
    ),
    (
        e.ContentPartDone(7, 2, "x_1", 1, e.ReasoningTextPart("hm")),
        "content_part.done",
        {**PART_PLACE, "part": {"type": "reasoning_text", "text": "hm"}},
    ),
    (
        e.OutputTextAnnotationAdded(7, 2, "x_1", 1, 0, {"type": "url_citation"}),
        "output_text.annotation.added",
        {**PART_PLACE, "annotation_index": 0, "annotation": {"type": "url_citation"}},
    ),
    (
        e.OutputTextDelta(7, 2, "x_1", 1, "h"),
        "output_text.delta",
        {**PART_PLACE, "delta": "h", "logprobs": []},
    ),
    (
        e.OutputTextDelta(7, 2, "x_1", 1, "h", ({"token": "h"},)),
        "output_text.delta",
        {**PART_PLACE, "delta": "h", "logprobs": [{"token": "h"}]},
    ),
    (
        e.OutputTextDone(7, 2, "x_1", 1, "hi"),
        "output_text.done",
        {**PART_PLACE, "text": "hi", "logprobs": []},
    ),
    (
        e.OutputTextDone(7, 2, "x_1", 1, "hi", ({"token": "hi"},)),
        "output_text.done",
        {**PART_PLACE, "text": "hi", "logprobs": [{"token": "hi"}]},
    ),
    (e.OutputRefusalDelta(7, 2, "x_1", 1, "n"), "refusal.delta", {**PART_PLACE, "delta": "n"}),
    (e.OutputRefusalDone(7, 2, "x_1", 1, "no"), "refusal.done", {**PART_PLACE, "refusal": "no"}),
    (
        e.ReasoningTextDelta(7, 2, "x_1", 1, "h"),
        "reasoning_text.delta",
        {**PART_PLACE, "delta": "h"},
    ),
    (
        e.ReasoningTextDone(7, 2, "x_1", 1, "hm"),
        "reasoning_text.done",
        {**PART_PLACE, "text": "hm"},
    ),
    (
        e.FunctionCallArgumentsDelta(7, 2, "x_1", "{"),
        "function_call_arguments.delta",
        {**PLACE, "delta": "{"},
    ),
    (
        e.FunctionCallArgumentsDone(7, 2, "x_1", "{}"),
        "function_call_arguments.done",
        {**PLACE, "arguments": "{}"},
    ),
    (e.ImageCallInProgress(7, 2, "x_1"), "image_generation_call.in_progress", PLACE),
    (e.ImageCallGenerating(7, 2, "x_1"), "image_generation_call.generating", PLACE),
    (e.ImageCallCompleted(7, 2, "x_1"), "image_generation_call.completed", PLACE),
    (
        e.ImageCallPartialImage(
            7, 2, "x_1", 1, PICTURE, Resolved(Size(256, 128), "low", "opaque", "png", seed=5)
        ),
        "image_generation_call.partial_image",
        {
            **PLACE,
            "partial_image_index": 1,
            "partial_image_b64": BASE64,
            "output_format": "png",
            "size": "256x128",
            "quality": "low",
            "background": "opaque",
        },
    ),
]


@pytest.mark.parametrize(("event", "kind", "fields"), EVENTS)
def test_an_event_is_its_type_its_number_and_its_fields(
    event: e.NumberedEvent, kind: str, fields: dict[str, Any]
) -> None:
    expected = {"type": f"response.{kind}", "sequence_number": 7, **fields}
    assert event_json(event) == expected
    assert encode_event(event) == (
        f"event: response.{kind}\n".encode() + b"data: " + json.dump(event_json(event)) + b"\n\n"
    )


def test_no_event_is_left_without_a_type() -> None:
    assert set(EVENT_TYPES) == set(get_args(e.NumberedEvent)) - {e.OpaqueEvent}
    assert {type(event) for event, _, _ in EVENTS} == set(EVENT_TYPES)


def test_what_an_upstream_says_by_itself_keeps_its_own_fields() -> None:
    fields = {"query": "cats", "output_index": 7}
    event = e.OpaqueEvent(3, "response.web_search_call.searching", fields, 1, "ws_1")
    assert event_json(event) == {
        "type": "response.web_search_call.searching",
        "sequence_number": 3,
        "query": "cats",
        "item_id": "ws_1",
        "output_index": 1,
    }
    news = e.OpaqueEvent(4, "response.news", {"text": "hi"})
    assert event_json(news) == {"type": "response.news", "sequence_number": 4, "text": "hi"}
    item = e.OpaqueItem("ws_1", {"id": "theirs", "type": "web_search_call", "extra": [1]})
    assert event_json(e.OutputItemAdded(5, 0, item))["item"] == {
        "id": "ws_1",
        "type": "web_search_call",
        "extra": [1],
    }


def test_sources_stand_in_their_event_and_in_their_part() -> None:
    source = {"type": "url_citation", "url": "https://example.org"}
    added = event_json(e.OutputTextAnnotationAdded(3, 0, "msg_1", 0, 1, source))
    assert (added["annotation_index"], added["annotation"]) == (1, source)
    part = TextPart("a", (source,))
    assert event_json(e.ContentPartDone(4, 0, "msg_1", 0, part))["part"]["annotations"] == [source]


def test_progress_is_a_comment_that_clients_of_openai_pass_over() -> None:
    assert encode_event(e.ImageCallProgress(2, "ig_1", 3, 8)) == (
        b': progress {"item_id":"ig_1","output_index":2,"step":3,"steps":8,'
        b'"queue_position":null,"eta_s":null}\n\n'
    )


def test_a_message_in_progress_and_done() -> None:
    assert item_json(e.MessageItem("msg_1", "in_progress")) == {
        "id": "msg_1",
        "type": "message",
        "status": "in_progress",
        "role": "assistant",
        "content": [],
    }
    assert item_json(e.MessageItem("msg_1", "completed", (TextPart("hi"),)))["content"] == [
        TEXT_PART
    ]


def test_reasoning_is_content_without_summary() -> None:
    item = e.ReasoningItem("rs_1", "completed", (e.ReasoningTextPart("hm"),))
    assert item_json(item) == {
        "id": "rs_1",
        "type": "reasoning",
        "status": "completed",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "hm"}],
    }


def test_a_sealed_thought_carries_its_seal() -> None:
    item = e.ReasoningItem("rs_1", "completed", encrypted_content="s1")
    assert item_json(item) == {
        "id": "rs_1",
        "type": "reasoning",
        "status": "completed",
        "summary": [],
        "content": [],
        "encrypted_content": "s1",
    }


def test_an_image_call_under_way_has_no_result_key() -> None:
    assert item_json(e.ImageCallItem("ig_1", "in_progress")) == {
        "id": "ig_1",
        "type": "image_generation_call",
        "status": "in_progress",
    }


def test_a_finished_image_call_says_how_it_was_made() -> None:
    resolved = Resolved(
        Size(256, 256), "low", "opaque", "png", 7, 8, "tiny", ("size: rounded to 256x256.",)
    )
    item = e.ImageCallItem("ig_1", "completed", "a cat", PICTURE, resolved, "generate")
    assert item_json(item) == {
        "id": "ig_1",
        "type": "image_generation_call",
        "status": "completed",
        "action": "generate",
        "revised_prompt": "a cat",
        "result": BASE64,
        "output_format": "png",
        "size": "256x256",
        "quality": "low",
        "background": "opaque",
        "limner": {
            "model": "tiny",
            "seed": 7,
            "steps": 8,
            "adjustments": ["size: rounded to 256x256."],
        },
    }


@pytest.mark.parametrize("resolved", [None, Resolved()])
def test_what_the_back_end_did_not_say_is_left_out(resolved: Resolved | None) -> None:
    item = e.ImageCallItem("ig_1", "completed", "a cat", PICTURE, resolved, "generate")
    assert item_json(item) == {
        "id": "ig_1",
        "type": "image_generation_call",
        "status": "completed",
        "action": "generate",
        "revised_prompt": "a cat",
        "result": BASE64,
        "output_format": "png",
    }


def test_a_failed_image_call_has_its_error_and_no_result() -> None:
    error = ImageCallError("queue is full", "queue_full", retryable=True)
    assert item_json(e.ImageCallItem("ig_1", "failed", "a cat", error=error)) == {
        "id": "ig_1",
        "type": "image_generation_call",
        "status": "failed",
        "revised_prompt": "a cat",
        "error": {
            "code": "queue_full",
            "message": "queue is full",
            "param": None,
            "type": "image_generation_server_error",
        },
    }


DEFAULTS = {
    "id": "resp_1",
    "object": "response",
    "created_at": 100,
    "completed_at": None,
    "status": "in_progress",
    "background": False,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "model": "m",
    "output": [],
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "conversation": None,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": None,
    "user": None,
}


def test_a_response_has_every_key_from_the_start() -> None:
    assert response_json(RESPONSE) == DEFAULTS


def test_a_finished_response_repeats_the_request_and_counts_apart() -> None:
    schema = {"type": "json_schema", "name": "x", "schema": {}}
    echoed: dict[str, Any] = {
        "tool_choice": {"type": "image_generation"},
        "instructions": "be kind",
        "metadata": {"a": "b"},
        "temperature": 0,
        "top_p": 0.5,
        "truncation": "auto",
        "max_output_tokens": 16,
        "max_tool_calls": 2,
        "parallel_tool_calls": False,
        "top_logprobs": 3,
        "presence_penalty": 1,
        "frequency_penalty": -1,
        "safety_identifier": "s",
        "prompt_cache_key": "p",
        "user": "u",
    }
    image_tool = {"type": "image_generation", "size": "256x256", "quality": None}
    echo = Echo(
        background=True,
        store=False,
        previous_response_id="resp_0",
        conversation="conv_1",
        tools=(image_tool, {"type": "function", "name": "f"}),
        text={"format": schema, "verbosity": None},
        reasoning={"effort": "low"},
        **echoed,
    )
    response = e.Response(
        "resp_1",
        100,
        "completed",
        "m",
        output=(CALL,),
        completed_at=105,
        usage=Usage(10, 5, 4, 3),
        image_usage=ImageUsage(8, 2, 272),
        echo=echo,
        adjustments=("user: not told.",),
    )
    assert response_json(response) == {
        **DEFAULTS,
        **echoed,
        "background": True,
        "store": False,
        "previous_response_id": "resp_0",
        "conversation": {"id": "conv_1"},
        "status": "completed",
        "completed_at": 105,
        "output": [CALL_JSON],
        "tools": [
            image_tool,
            {
                "type": "function",
                "name": "f",
                "description": None,
                "parameters": None,
                "strict": None,
            },
        ],
        "text": {"format": schema, "verbosity": "medium"},
        "reasoning": {"effort": "low", "summary": None},
        "usage": {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 3},
            "total_tokens": 15,
        },
        "tool_usage": {
            "image_gen": {
                "input_tokens": 10,
                "input_tokens_details": {"image_tokens": 2, "text_tokens": 8},
                "output_tokens": 272,
                "output_tokens_details": {"image_tokens": 272, "text_tokens": 0},
                "total_tokens": 282,
            },
            "web_search": {"num_requests": 0},
        },
        "limner": {"adjustments": ["user: not told."]},
    }


def test_a_failed_response_says_why() -> None:
    error = e.ResponseError("server_error", "the model server hung up")
    response = e.Response("resp_1", 100, "failed", "m", error=error)
    assert response_json(response) == {
        **DEFAULTS,
        "status": "failed",
        "error": {"code": "server_error", "message": "the model server hung up"},
    }


def test_an_incomplete_response_says_what_cut_it() -> None:
    response = e.Response("resp_1", 100, "incomplete", "m", incomplete="max_output_tokens")
    assert response_json(response) == {
        **DEFAULTS,
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
    }
