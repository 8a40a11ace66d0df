"""The events of a response read back from the frames that clients got.

Only what `core.point` asks for is read in full; of other events it needs the number alone. What a
frame does not say, such as how a turn was counted, is kept beside it as `Spent`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from limner.core.events import (
    ContentPart,
    ContentPartAdded,
    ContentPartDone,
    FunctionCallArgumentsDelta,
    FunctionCallItem,
    ImageCallItem,
    ImageCallPartialImage,
    MessageItem,
    NumberedEvent,
    OpaqueEvent,
    OpaqueItem,
    OutputItem,
    OutputItemAdded,
    OutputItemDone,
    OutputRefusalDelta,
    OutputTextAnnotationAdded,
    OutputTextDelta,
    ReasoningItem,
    ReasoningTextDelta,
    ReasoningTextPart,
    Response,
    ResponseInProgress,
)
from limner.core.image import ImageData, ImageUsage, Resolved, Size
from limner.core.items import ImageCallError, RefusalPart, TextPart
from limner.core.point import NOTHING_SPENT, Spent
from limner.core.turn import Usage
from limner.wire import json, sse
from limner.wire.items import Json
from limner.wire.pictures import stored_picture

_UNREAD = ImageData(b"", "png")


def read_frames(frames: Iterable[bytes]) -> list[NumberedEvent]:
    """The events in these frames, as `wire.events.encode_event` wrote them."""
    decoder = sse.SseDecoder()
    return [read_event(json.load(event.data)) for frame in frames for event in decoder.feed(frame)]


def read_event(event: Json) -> NumberedEvent:
    """One event from its JSON object."""
    number = event["sequence_number"]
    read = _READERS.get(event["type"])
    return read(number, event) if read else OpaqueEvent(number, event["type"], {})


def _part_place(event: Json) -> tuple[int, str, int]:
    return event["output_index"], event["item_id"], event["content_index"]


_READERS: Mapping[str, Callable[[int, Json], NumberedEvent]] = {
    "response.in_progress": lambda number, event: ResponseInProgress(
        number, Response(event["response"]["id"], 0, "in_progress", "")
    ),
    "response.output_item.added": lambda number, event: OutputItemAdded(
        number, event["output_index"], read_item(event["item"])
    ),
    "response.output_item.done": lambda number, event: OutputItemDone(
        number, event["output_index"], read_item(event["item"])
    ),
    "response.content_part.added": lambda number, event: ContentPartAdded(
        number, *_part_place(event), _part(event["part"])
    ),
    "response.content_part.done": lambda number, event: ContentPartDone(
        number, *_part_place(event), _part(event["part"])
    ),
    "response.output_text.delta": lambda number, event: OutputTextDelta(
        number, *_part_place(event), event["delta"], tuple(event["logprobs"])
    ),
    "response.output_text.annotation.added": lambda number, event: OutputTextAnnotationAdded(
        number, *_part_place(event), event["annotation_index"], event["annotation"]
    ),
    "response.refusal.delta": lambda number, event: OutputRefusalDelta(
        number, *_part_place(event), event["delta"]
    ),
    "response.reasoning_text.delta": lambda number, event: ReasoningTextDelta(
        number, *_part_place(event), event["delta"]
    ),
    "response.function_call_arguments.delta": lambda number, event: FunctionCallArgumentsDelta(
        number, event["output_index"], event["item_id"], event["delta"]
    ),
    "response.image_generation_call.partial_image": lambda number, event: ImageCallPartialImage(
        number,
        event["output_index"],
        event["item_id"],
        event["partial_image_index"],
        _UNREAD,
        Resolved(),
    ),
}


def read_item(item: Json) -> OutputItem:
    """One output item, as `wire.items.item_json` wrote it."""
    id, status = item["id"], item.get("status")
    match item["type"]:
        case "message":
            parts = tuple(map(_part, item["content"]))
            return MessageItem(id, status, parts, item.get("phase"))  # type: ignore[arg-type]
        case "reasoning" if "content" in item:
            thoughts = tuple(ReasoningTextPart(part["text"]) for part in item["content"])
            return ReasoningItem(id, status, thoughts, item.get("encrypted_content"))  # type: ignore[arg-type]
        case "function_call" if "namespace" not in item:
            call = item["call_id"], item["name"], item["arguments"]
            return FunctionCallItem(id, status, *call)  # type: ignore[arg-type]
        case "image_generation_call":
            return _picture(item)
        case _:
            return OpaqueItem(id, item)


def _part(part: Json) -> ContentPart:
    match part["type"]:
        case "output_text":
            return TextPart(part["text"], tuple(part["annotations"]), tuple(part["logprobs"]))
        case "refusal":
            return RefusalPart(part["refusal"])
        case _:
            return ReasoningTextPart(part["text"])


def _picture(item: Json) -> ImageCallItem:
    error = item.get("error")
    result = item.get("result")
    return ImageCallItem(
        item["id"],
        item["status"],
        revised_prompt=item.get("revised_prompt"),
        image=stored_picture(result, "result") if result else None,
        resolved=_resolved(item) if result else None,
        action=item.get("action"),
        error=ImageCallError(error["message"], error["code"], error["type"]) if error else None,
    )


def _resolved(item: Json) -> Resolved:
    ours = item.get("limner", {})
    size = Size(*map(int, item["size"].split("x"))) if "size" in item else None
    return Resolved(
        size,
        item.get("quality"),
        item.get("background"),
        item["output_format"],
        ours.get("seed"),
        ours.get("steps"),
        ours.get("model"),
        tuple(ours.get("adjustments", ())),
    )


def spent_json(spent: Spent) -> str:
    """What `read_spent` reads."""
    return json.dump(asdict(spent)).decode()


def read_spent(text: str) -> Spent:
    """What `spent_json` wrote; an empty text is nothing."""
    if not text:
        return NOTHING_SPENT
    said: dict[str, Any] = json.load(text)
    usage, image_usage = said["usage"], said["image_usage"]
    return Spent(
        said["turns"],
        Usage(**usage) if usage else None,
        ImageUsage(**image_usage) if image_usage else None,
        said["prompts"],
    )
