"""The core's events as OpenAI's JSON and as server-sent events.

Source: OpenAI API reference, "Streaming events".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from limner.core.events import (
    ContentPartAdded,
    ContentPartDone,
    FunctionCallArgumentsDelta,
    FunctionCallArgumentsDone,
    ImageCallCompleted,
    ImageCallGenerating,
    ImageCallInProgress,
    ImageCallPartialImage,
    ImageCallProgress,
    NumberedEvent,
    OpaqueEvent,
    OutputItemAdded,
    OutputItemDone,
    OutputRefusalDelta,
    OutputRefusalDone,
    OutputTextAnnotationAdded,
    OutputTextDelta,
    OutputTextDone,
    ReasoningTextDelta,
    ReasoningTextDone,
    Response,
    ResponseCompleted,
    ResponseCreated,
    ResponseDenied,
    ResponseEvent,
    ResponseFailed,
    ResponseIncomplete,
    ResponseInProgress,
    ResponseQueued,
)
from limner.wire import json, sse
from limner.wire.items import Json, item_json, look, part_json
from limner.wire.pictures import to_base64
from limner.wire.responses import response_json

EVENT_TYPES: Mapping[type[NumberedEvent], str] = {
    ResponseCreated: "response.created",
    ResponseQueued: "response.queued",
    ResponseInProgress: "response.in_progress",
    ResponseCompleted: "response.completed",
    ResponseFailed: "response.failed",
    ResponseIncomplete: "response.incomplete",
    ResponseDenied: "response.error",
    OutputItemAdded: "response.output_item.added",
    OutputItemDone: "response.output_item.done",
    ContentPartAdded: "response.content_part.added",
    ContentPartDone: "response.content_part.done",
    OutputTextDelta: "response.output_text.delta",
    OutputTextDone: "response.output_text.done",
    OutputTextAnnotationAdded: "response.output_text.annotation.added",
    OutputRefusalDelta: "response.refusal.delta",
    OutputRefusalDone: "response.refusal.done",
    ReasoningTextDelta: "response.reasoning_text.delta",
    ReasoningTextDone: "response.reasoning_text.done",
    FunctionCallArgumentsDelta: "response.function_call_arguments.delta",
    FunctionCallArgumentsDone: "response.function_call_arguments.done",
    ImageCallInProgress: "response.image_generation_call.in_progress",
    ImageCallGenerating: "response.image_generation_call.generating",
    ImageCallPartialImage: "response.image_generation_call.partial_image",
    ImageCallCompleted: "response.image_generation_call.completed",
}

_LifecycleEvent = (
    ResponseCreated
    | ResponseQueued
    | ResponseInProgress
    | ResponseCompleted
    | ResponseFailed
    | ResponseIncomplete
)
_TextEvent = (
    OutputTextDelta
    | OutputTextDone
    | OutputTextAnnotationAdded
    | OutputRefusalDelta
    | OutputRefusalDone
    | ReasoningTextDelta
    | ReasoningTextDone
)


def encode_event(event: ResponseEvent) -> bytes:
    """One frame of the stream. Progress, which OpenAI's API does not know, becomes a comment."""
    if isinstance(event, ImageCallProgress):
        return sse.comment(b"progress " + json.dump(_progress_json(event)))
    body = event_json(event)
    return sse.encode(body["type"], json.dump(body))


def event_json(event: NumberedEvent) -> Json:
    """One event as OpenAI's JSON object."""
    return {
        "type": event.type if isinstance(event, OpaqueEvent) else EVENT_TYPES[type(event)],
        "sequence_number": event.sequence_number,
        **_event_fields(event),
    }


def _event_fields(event: NumberedEvent) -> Json:
    match event:
        case ContentPartAdded() | ContentPartDone():
            place = _place(event.output_index, event.item_id, event.content_index)
            return {**place, "part": part_json(event.part)}
        case FunctionCallArgumentsDelta(_, index, item_id, delta):
            return {**_place(index, item_id), "delta": delta}
        case FunctionCallArgumentsDone(_, index, item_id, arguments):
            return {**_place(index, item_id), "arguments": arguments}
        case ImageCallInProgress() | ImageCallGenerating() | ImageCallCompleted():
            return _place(event.output_index, event.item_id)
        case ImageCallPartialImage():
            return _partial_image_fields(event)
        case OutputItemAdded() | OutputItemDone():
            return {"output_index": event.output_index, "item": item_json(event.item)}
        case OpaqueEvent():
            return _opaque_fields(event)
        case ResponseDenied(response=response):
            return _denial_fields(response)
        case _ if isinstance(event, _LifecycleEvent):
            return {"response": response_json(event.response)}
        case _:
            return _text_fields(event)


def _text_fields(event: _TextEvent) -> Json:
    place = _place(event.output_index, event.item_id, event.content_index)
    match event:
        case OutputTextDelta():
            return {**place, "delta": event.delta, "logprobs": list(event.logprobs)}
        case OutputTextDone():
            return {**place, "text": event.text, "logprobs": list(event.logprobs)}
        case OutputTextAnnotationAdded(annotation_index=index, annotation=annotation):
            return {**place, "annotation_index": index, "annotation": annotation}
        case OutputRefusalDelta() | ReasoningTextDelta():
            return {**place, "delta": event.delta}
        case OutputRefusalDone():
            return {**place, "refusal": event.refusal}
        case ReasoningTextDone():
            return {**place, "text": event.text}
        case _:
            assert_never(event)


def _opaque_fields(event: OpaqueEvent) -> Json:
    if event.output_index is None or event.item_id is None:
        return dict(event.fields)
    return {**event.fields, **_place(event.output_index, event.item_id)}


def _place(output_index: int, item_id: str, content_index: int | None = None) -> Json:
    place: Json = {"item_id": item_id, "output_index": output_index}
    if content_index is not None:
        place["content_index"] = content_index
    return place


def _partial_image_fields(event: ImageCallPartialImage) -> Json:
    return {
        **_place(event.output_index, event.item_id),
        "partial_image_index": event.partial_image_index,
        "partial_image_b64": to_base64(event.image),
        **look(event.image, event.resolved),
    }


def _denial_fields(response: Response) -> Json:
    """OpenAI's API has no such event; the vLLM servers that send it say the status as `code`."""
    error = response.error
    assert error is not None, "a denied response says why"
    said = {
        "message": error.message,
        "type": "invalid_request_error",
        "param": None,
        "code": error.status,
    }
    return {"response": {"id": response.id, "status": response.status}, "error": said}


def _progress_json(event: ImageCallProgress) -> Json:
    return {
        "item_id": event.item_id,
        "output_index": event.output_index,
        "step": event.step,
        "steps": event.steps,
        "queue_position": event.queue_position,
        "eta_s": event.eta_s,
    }
