"""Output items and their parts as OpenAI's JSON. Pictures become base64 here and nowhere before."""

from __future__ import annotations

from typing import Any, assert_never

from limner.core.events import (
    ContentPart,
    FunctionCallItem,
    ImageCallItem,
    MessageItem,
    OpaqueItem,
    OutputItem,
    ReasoningItem,
    ReasoningTextPart,
)
from limner.core.image import ImageData, Resolved
from limner.core.items import RefusalPart, TextPart
from limner.wire.pictures import to_base64

Json = dict[str, Any]


def item_json(item: OutputItem) -> Json:
    """One output item."""
    match item:
        case MessageItem(id, status, parts, phase):
            content = [part_json(part) for part in parts]
            rest: Json = {"type": "message", "role": "assistant", "content": content}
            if phase is not None:
                rest["phase"] = phase
        case ReasoningItem(id, status, parts, encrypted_content):
            content = [part_json(part) for part in parts]
            rest = {"type": "reasoning", "summary": [], "content": content}
            if encrypted_content is not None:
                rest["encrypted_content"] = encrypted_content
        case FunctionCallItem(id, status, call_id, name, arguments):
            rest = {"type": "function_call", "call_id": call_id, "name": name}
            rest["arguments"] = arguments
        case ImageCallItem(id, status):
            rest = {"type": "image_generation_call", **_image_call_fields(item)}
        case OpaqueItem(id, value):
            return {**value, "id": id}
        case _:
            assert_never(item)
    return {"id": id, "status": status, **rest}


def part_json(part: ContentPart) -> Json:
    match part:
        case TextPart(text, annotations, logprobs):
            said = {"text": text, "annotations": list(annotations), "logprobs": list(logprobs)}
            return {"type": "output_text", **said}
        case RefusalPart(refusal):
            return {"type": "refusal", "refusal": refusal}
        case ReasoningTextPart(text):
            return {"type": "reasoning_text", "text": text}
        case _:
            assert_never(part)


def look(image: ImageData, resolved: Resolved) -> Json:
    """What is known of how a picture was made; what the back end did not say is left out."""
    size = str(resolved.size) if resolved.size else None
    known = {"size": size, "quality": resolved.quality, "background": resolved.background}
    return {
        "output_format": image.format,
        **{name: value for name, value in known.items() if value is not None},
    }


def extras(**said: object) -> Json:
    """What is ours, under its one key; nothing when there is nothing to say."""
    extras = {name: value for name, value in said.items() if value is not None and value != []}
    return {"limner": extras} if extras else {}


def _image_call_fields(item: ImageCallItem) -> Json:
    fields: Json = {}
    if item.action:
        fields["action"] = item.action
    if item.revised_prompt is not None:
        fields["revised_prompt"] = item.revised_prompt
    if item.image:
        fields["result"] = to_base64(item.image)
        fields |= look(item.image, item.resolved or Resolved())
    if item.resolved:
        fields |= extras(
            model=item.resolved.model,
            seed=item.resolved.seed,
            steps=item.resolved.steps,
            adjustments=list(item.resolved.adjustments),
        )
    if error := item.error:
        fields["error"] = {
            "code": error.code,
            "message": error.message,
            "param": None,
            "type": error.type,
        }
    return fields
