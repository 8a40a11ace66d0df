"""The official `openai` SDK as the judge: it sends the requests and reads whatever comes back.

A loopback server joins the product's own parts, from the body to the frames; what the language
model and the painter say is scripted: a list of replies, one for each thing that they are asked.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import openai
import pybase64
import pydantic
import pytest
from openai.types.responses import ResponseStreamEvent

from limner.core.errors import InvalidRequest
from limner.core.events import ImageCallProgress, Response, ResponseEvent, TerminalEvent
from limner.core.image import (
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageUsage,
    PartialImage,
    Resolved,
    Size,
)
from limner.core.request import ResponseRequest
from limner.core.run import ResponseRun
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
from limner.wire import json, sse
from limner.wire.errors import error_json, error_status
from limner.wire.events import encode_event, event_json
from limner.wire.parse import parse_request
from limner.wire.responses import response_json
from limner.wire.responses_reply import ResponsesReplyDecoder
from tests import scripted_responses as upstream

Reply = tuple[TurnEvent | ImageEvent, ...]

PNG = b"\x89PNG\r\n\x1a\n painted"
PNG_BASE64 = pybase64.b64encode(PNG).decode()
LOOK = Resolved(Size(256, 256), "low", "opaque", "png", seed=7, steps=8, model="tiny")
DONE = TurnEnded(Usage(10, 5, 2, 1))
TOOLS: list[Any] = [
    {"type": "image_generation", "partial_images": 2},
    {"type": "function", "name": "get_weather", "parameters": {}, "strict": None},
]


def says(*texts: str) -> Reply:
    return (*(TextDelta(text) for text in texts), DONE)


def call(key: str, name: str, arguments: str) -> Reply:
    halves = arguments[:5], arguments[5:]
    deltas = (CallDelta(key, half) for half in halves)
    return (CallStarted(key, f"call_{key}", name), *deltas, CallEnded(key, arguments))


def draws(key: str) -> Reply:
    return call(key, "image_generation", '{"prompt":"a red circle"}')


def paints(previews: int = 0) -> Reply:
    picture = ImageData(PNG, "png")
    return (
        ImageProgress(0, 8, queue_position=1),
        *(PartialImage(index, picture, LOOK) for index in range(previews)),
        ImageProgress(8, 8),
        ImageCompleted(picture, LOOK, ImageUsage(8, 0, 100)),
    )


def heard(*pieces: bytes) -> Reply:
    """What our run hears of an upstream that speaks the Responses API itself."""
    decoder = ResponsesReplyDecoder(id_prefix="call", partial_images=2)
    return tuple(decoder.feed(b"".join(upstream.reply(*pieces).pieces)))


def cited() -> list[bytes]:
    """Text with the sources that the upstream names."""
    web = {"type": "url_citation", "url": "https://example.org", "title": "Cats"}
    sources = [
        {**web, "start_index": 0, "end_index": 4},
        {"type": "file_citation", "file_id": "file_1", "filename": "cats.txt", "index": 4},
    ]
    part = {"type": "output_text", "text": "Cats.", "annotations": sources}
    value = {"id": "msg_up", "type": "message", "role": "assistant", "content": [part]}
    added = [
        ("output_text.annotation.added", {"content_index": 0, "annotation": source})
        for source in sources
    ]
    said = ("output_text.delta", {"content_index": 0, "delta": "Cats."})
    return upstream.item(5, value, said, *added)


def thought() -> list[bytes]:
    text = {"type": "summary_text", "text": "Hm."}
    place = {"summary_index": 0}
    value = {"id": "rs_up", "type": "reasoning", "summary": [text], "encrypted_content": "seal"}
    return upstream.item(
        0,
        value,
        ("reasoning_summary_part.added", {**place, "part": {**text, "text": ""}}),
        ("reasoning_summary_text.delta", {**place, "delta": "Hm."}),
        ("reasoning_summary_text.done", {**place, "text": "Hm."}),
        ("reasoning_summary_part.done", {**place, "part": text}),
    )


def hosted_calls() -> list[bytes]:
    web: dict[str, Any] = {"id": "ws_up", "type": "web_search_call", "status": "completed"}
    web["action"] = {"type": "search", "query": "cats"}
    files: dict[str, Any] = {"id": "fs_up", "type": "file_search_call", "status": "completed"}
    files["queries"] = ["cats"]
    code: dict[str, Any] = {"id": "ci_up", "type": "code_interpreter_call", "status": "completed"}
    logs = {"type": "logs", "logs": "2"}
    code |= {"code": "1 + 1", "container_id": "cntr_1", "outputs": [logs]}
    states = ("in_progress", "searching", "completed")
    web_states: list[tuple[str, dict[str, Any]]] = [(f"web_search_call.{s}", {}) for s in states]
    return [
        *upstream.item(1, web, *web_states),
        *upstream.item(2, files, ("file_search_call.searching", {})),
        *upstream.item(
            3,
            code,
            ("code_interpreter_call_code.delta", {"delta": "1 + 1"}),
            ("code_interpreter_call_code.done", {"code": "1 + 1"}),
            ("code_interpreter_call.interpreting", {}),
        ),
    ]


def painted_upstream() -> list[bytes]:
    value = {"id": "ig_up", "type": "image_generation_call", "status": "generating"}
    value |= {"result": PNG_BASE64, "revised_prompt": "a cat", "quality": "low"}
    frame = {"partial_image_index": 0, "partial_image_b64": PNG_BASE64}
    return upstream.item(4, value, ("image_generation_call.partial_image", frame))


COMPLETED: dict[str, list[Reply]] = {
    "what a Responses upstream does by itself": [
        heard(*thought(), *hosted_calls(), *painted_upstream(), *cited())
    ],
    "its thought, then our image": [
        heard(*thought(), *upstream.call(1, "image_generation", {"prompt": "a cat"})),
        paints(previews=1),
        heard(*cited()),
    ],
    "its items under one id": [heard(*hosted_calls(), *hosted_calls())],
    "text": [says("Hel", "lo.")],
    "reasoning, then text": [(ReasoningDelta("Hm"), ReasoningDelta("m."), *says("Yes."))],
    "sealed reasoning": [(ReasoningSealed("s1"), *says("Yes."))],
    "refusal": [(TextDelta("I "), RefusalDelta("won't."), DONE)],
    "no words at all": [(DONE,)],
    "one image": [(*draws("a"), DONE), paints(), says("Here.")],
    "partial images": [(TextDelta("Well,"), *draws("a"), DONE), paints(previews=2), says("Here.")],
    "two images at once": [(*draws("a"), *draws("b"), DONE), paints(1), paints(2), says("Here.")],
    "two images in turn": [(*draws("a"), DONE), paints(), (*draws("b"), DONE), paints(), (DONE,)],
    "failure, then recovery": [
        (*draws("a"), DONE),
        (ImageFailed("queue is full", "queue_full", retryable=True),),
        (*draws("b"), DONE),
        paints(previews=1),
        says("Here."),
    ],
    "the client's own call": [(*call("a", "get_weather", '{"city":"Oslo"}'), DONE)],
    "mixed calls": [(*draws("a"), *call("b", "get_weather", '{"city":"Oslo"}'), DONE), paints()],
}
CUT: dict[str, list[Reply]] = {
    "failed": [(TextDelta("He"), TurnFailed("the model server hung up"))],
    "failed after an image": [(*draws("a"), DONE), paints(), (TurnFailed("gone"),)],
    "incomplete": [(TextDelta("He"), TurnEnded(incomplete="max_output_tokens"))],
}


def run(request: ResponseRequest, script: list[Reply]) -> Iterator[ResponseEvent]:
    numbers = itertools.count()
    response_run = ResponseRun(
        request,
        response_id="resp_1",
        new_id=lambda prefix: f"{prefix}{next(numbers)}",
        clock=lambda: 100.0,
    )
    replies = iter(script)
    yield from response_run.events()
    while response_run.action():
        for said in next(replies):
            response_run.receive(said)
            yield from response_run.events()
    assert response_run.is_finished
    assert not list(replies)


def final(events: list[ResponseEvent]) -> Response:
    assert isinstance(events[-1], TerminalEvent)
    return events[-1].response


@dataclass
class Server:
    """Answers each request by the next script; notes the last one."""

    scripts: list[list[Reply]]
    request: ResponseRequest | None = None

    def answer(self, body: bytes) -> tuple[int, str, bytes]:
        try:
            self.request = parse_request(json.load_body(body))
        except InvalidRequest as error:
            return error_status(error), "application/json", json.dump(error_json(error))
        events = list(run(self.request, self.scripts.pop(0)))
        if not self.request.stream:
            return 200, "application/json", json.dump(response_json(final(events)))
        frames = (encode_event(event) + sse.KEEPALIVE for event in events)
        return 200, "text/event-stream", b"".join(frames) + sse.DONE


@contextmanager
def served(*scripts: list[Reply]) -> Iterator[tuple[openai.OpenAI, Server]]:
    """An SDK client whose requests are answered by these scripts, on loopback."""
    server = Server(list(scripts))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, media_type, answer = server.answer(body)
            self.send_response(status)
            self.send_header("content-type", media_type)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{http.server_port}/v1"
        try:
            with openai.OpenAI(api_key="none", base_url=url, max_retries=0) as client:
                yield client, server
        finally:
            http.shutdown()
            thread.join()


def asked(stream: bool = True) -> ResponseRequest:
    body = {"model": "m", "input": "draw", "tools": TOOLS, "stream": stream}
    return parse_request(json.load_body(json.dump(body)))


OURS = {"store", "presence_penalty", "frequency_penalty", "limner"}


def unknown_keys(value: object) -> set[str]:
    """Keys that the SDK's types do not declare, at any depth."""
    if isinstance(value, pydantic.BaseModel):
        inner = [getattr(value, name) for name in type(value).model_fields]
        return set(value.model_extra or {}).union(*map(unknown_keys, inner))
    if isinstance(value, list):
        return set().union(*map(unknown_keys, value))
    return set()


@pytest.mark.parametrize("script", [COMPLETED, CUT], ids=["completed", "cut"])
def test_every_event_is_one_of_the_sdks_typed_events(script: dict[str, list[Reply]]) -> None:
    judge: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseStreamEvent)
    for name, replies in script.items():
        events = [e for e in run(asked(), replies) if not isinstance(e, ImageCallProgress)]
        for number, event in enumerate(events):
            body = json.load(json.dump(event_json(event)))
            typed = judge.validate_python(body)
            assert (typed.type, typed.sequence_number) == (body["type"], number), name
            assert unknown_keys(typed) <= OURS, name


@pytest.mark.parametrize("name", COMPLETED)
def test_the_sdks_strict_helper_reaches_the_final_response(name: str) -> None:
    with (
        served(COMPLETED[name]) as (client, _),
        client.responses.stream(model="m", input="draw", tools=TOOLS) as stream,
    ):
        response = stream.get_final_response()
    expected = final(list(run(asked(), COMPLETED[name])))
    assert (response.id, response.status) == (expected.id, "completed")
    ids = [item.to_dict()["id"] for item in response.output]
    assert ids == [item.id for item in expected.output]


@pytest.mark.parametrize("name", COMPLETED | CUT)
def test_the_sdks_plain_iteration_sees_every_event_in_order(name: str) -> None:
    script = (COMPLETED | CUT)[name]
    with (
        served(script) as (client, _),
        client.responses.create(model="m", input="draw", tools=TOOLS, stream=True) as stream,
    ):
        seen = [event.to_dict() for event in stream]
    events = [e for e in run(asked(), script) if not isinstance(e, ImageCallProgress)]
    assert seen == [event_json(event) for event in events]


@pytest.mark.parametrize("name", COMPLETED | CUT)
def test_without_a_stream_the_response_is_the_same_less_partial_images(name: str) -> None:
    script = (COMPLETED | CUT)[name]
    with served(script) as (client, _):
        response = client.responses.create(model="m", input="draw", tools=TOOLS)
    assert response.to_dict() == response_json(final(list(run(asked(stream=False), script))))
    assert unknown_keys(response) <= OURS


def test_pictures_reach_the_client_whole() -> None:
    with (
        served(COMPLETED["partial images"]) as (client, _),
        client.responses.stream(model="m", input="draw", tools=TOOLS) as stream,
    ):
        previews = [
            (event.partial_image_index, event.partial_image_b64, event.to_dict()["size"])
            for event in stream
            if event.type == "response.image_generation_call.partial_image"
        ]
        response = stream.get_final_response()
    assert previews == [(0, PNG_BASE64, "256x256"), (1, PNG_BASE64, "256x256")]
    picture = response.output[1]
    assert picture.type == "image_generation_call"
    assert picture.result == PNG_BASE64
    assert picture.size == "256x256"
    assert picture.to_dict()["limner"] == {"model": "tiny", "seed": 7, "steps": 8}
    assert response.usage
    assert response.usage.total_tokens == 30
    assert response.tool_usage
    assert response.tool_usage.image_gen.total_tokens == 108


def test_the_response_repeats_the_clients_own_tools_and_choice() -> None:
    choice: Any = {"type": "image_generation"}
    with served(COMPLETED["one image"]) as (client, _):
        response = client.responses.create(model="m", input="x", tools=TOOLS, tool_choice=choice)
    body = response.to_dict()
    assert body["tools"] == [TOOLS[0], {**TOOLS[1], "description": None}]
    assert body["tool_choice"] == choice


@pytest.mark.parametrize("name", COMPLETED)
def test_the_whole_output_can_be_sent_back(name: str) -> None:
    with served(COMPLETED[name], [says("Yes.")]) as (client, server):
        first = client.responses.create(model="m", input="draw", tools=TOOLS)
        history: Any = [{"role": "user", "content": "draw"}, *first.output]
        for item in first.output:
            if item.type == "function_call":
                output = {"type": "function_call_output", "call_id": item.call_id, "output": "0 °C"}
                history.append(output)
        history.append({"role": "user", "content": "Good?"})
        second = client.responses.create(model="m", input=history, tools=TOOLS)
    assert second.output_text == "Yes."
    assert server.request
    assert len(server.request.items) == len(history)


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_reaches_the_client_as_a_bad_request(stream: bool) -> None:
    tools: Any = [{"type": "image_generation", "quality": "best"}]
    with served() as (client, _), pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="m", input="draw", tools=tools, stream=stream)
    assert caught.value.code == "invalid_value"
    assert caught.value.param == "tools[0].quality"
    assert caught.value.type == "invalid_request_error"
