"""The Images API as it is served (OpenAI API reference, "Images"); its edits' own: `images_edits`.

Beyond OpenAI's: `seed`, `steps`, `guidance_scale`, `loras` and `service_tier` in the request, and
`progress: true`, which adds events `image_generation.progress` or `image_edit.progress` to a
stream. What the reply says beyond OpenAI's stands under the one key `limner`.

Within a stream an error must be nested under `error`: the official clients take a flat one for a
partial image, and raise nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from limner.core.errors import ImageError, LimnerError
from limner.core.image import (
    FORMATS,
    MAX_PARTIAL_IMAGES,
    MAX_SEED,
    ImageCompleted,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    ImageUsage,
    PartialImage,
)
from limner.wire import json, sse
from limner.wire.errors import error_json
from limner.wire.fields import Fields, unsupported
from limner.wire.image_tool import (
    BACKGROUNDS,
    MODERATIONS,
    NOT_OFFERED,
    model_id,
    picture_size,
    unless_auto,
)
from limner.wire.items import extras
from limner.wire.loras import read_loras
from limner.wire.pictures import to_base64
from limner.wire.settings import MAX_LABEL

PATH = "/v1/images/generations"
MAX_PROMPT = 32_000
MAX_N = 10
MAX_STEPS = 1000
MAX_GUIDANCE = 100

TIERS = ("auto", "default", "flex")
"""`flex`: behind all that somebody waits for; named as in the Responses API."""
QUALITIES = ("low", "medium", "high", "xhigh", "max", "auto", "standard", "hd")

_KNOWN = frozenset(
    {"prompt", "model", "n", "size", "quality", "background", "output_format", "moderation"}
    | {"output_compression", "partial_images", "stream", "response_format", "safety_identifier"}
    | {"user", "seed", "steps", "guidance_scale", "loras", "progress", "service_tier"}
)
REFUSED = NOT_OFFERED | {"style": "Say the style in the prompt; leave this out."}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ImagesCall:
    """A checked request, and how its reply shall come.

    progress: whether the stream tells of steps. safety_identifier: echoed, as OpenAI does, and
    nothing else. adjustments: what of the request is not done as asked.
    """

    request: ImageRequest
    stream: bool = False
    progress: bool = False
    safety_identifier: str | None = None
    adjustments: tuple[str, ...] = ()


def parse_images_request(body: Mapping[str, Any]) -> ImagesCall:
    """Check a request's body field by field; raises InvalidRequest at the first that is wrong."""
    return read_call(Fields(body))


def read_call(
    fields: Fields, also: Collection[str] = (), refused: Mapping[str, str] | None = None
) -> ImagesCall:
    """What pictures from words and edits have in common.

    also: further names, which are read elsewhere. refused: further names, each with what to do
    instead.
    """
    for name, instead in {**REFUSED, **(refused or {})}.items():
        if fields.get(name) is not None:
            raise unsupported(name, instead)
    fields.allow_only({*_KNOWN, *also})
    request = _request(fields)
    stream = fields.boolean("stream") or False
    progress = fields.boolean("progress") or False
    if fields.choice("response_format", ("b64_json", "url")) == "url":
        raise unsupported("response_format", "Pictures are sent, not stored: ask for 'b64_json'.")
    user = fields.string("user", max_length=MAX_LABEL)
    identifier = fields.string("safety_identifier", max_length=MAX_LABEL)
    without_effect = () if stream else _for_streams_only(request, progress)
    return ImagesCall(request, stream, progress, identifier or user or None, without_effect)


def as_error(failed: ImageFailed) -> ImageError:
    """A back end's failure, where it is the whole reply's."""
    return ImageError(
        failed.message,
        code=failed.code,
        type=failed.type,
        retryable=failed.retryable,
        status=failed.status,
        param=failed.param,
        retry_after_s=failed.retry_after_s,
        was_taken=failed.was_taken,
    )


def encode_reply(call: ImagesCall, pictures: Sequence[ImageCompleted], created: int) -> bytes:
    """The whole reply. pictures: in their order, at least one. created: epoch seconds."""
    resolved = pictures[0].resolved
    known: Json = {
        "background": resolved.background,
        "output_format": pictures[0].image.format,
        "quality": resolved.quality,
        "size": str(resolved.size) if resolved.size else None,
        "safety_identifier": call.safety_identifier,
    }
    usage = [picture.usage for picture in pictures if picture.usage]
    if usage:
        known["usage"] = _usage(sum(usage, ImageUsage()))
    return json.dump(
        {"created": created, "data": [{"b64_json": to_base64(each.image)} for each in pictures]}
        | {name: value for name, value in known.items() if value is not None}
        | _extras(call, pictures[0])
    )


def encode_event(
    call: ImagesCall, event: ImageProgress | PartialImage | ImageCompleted, now: int
) -> bytes:
    """One frame of a stream. now: epoch seconds."""
    match event:
        case ImageProgress():
            body: Json = {"step": event.step, "steps": event.steps}
            if event.queue_position is not None:
                body["queue_position"] = event.queue_position
            if event.eta_s is not None:
                body["eta_s"] = event.eta_s
            return _frame(call, "progress", body)
        case PartialImage():
            body = _picture(call, event, now) | {"partial_image_index": event.index}
            return _frame(call, "partial_image", body)
        case ImageCompleted():
            body = _picture(call, event, now) | {"usage": _usage(event.usage or ImageUsage())}
            if call.safety_identifier:
                body["safety_identifier"] = call.safety_identifier
            return _frame(call, "completed", body)
        case _:
            assert_never(event)


def encode_failure(error: LimnerError) -> bytes:
    """The frame that ends a stream which failed."""
    body = error_json(error)
    if isinstance(error, ImageError):
        body["error"] |= extras(
            status=error.status, retryable=error.retryable, retry_after_s=error.retry_after_s
        )
    return sse.encode("error", json.dump(body))


def _request(fields: Fields) -> ImageRequest:
    return ImageRequest(
        fields.required_string("prompt", min_length=1, max_length=MAX_PROMPT),
        model=model_id(fields),
        n=fields.integer("n", 1, MAX_N) or 1,
        size=picture_size(fields),
        quality=unless_auto(fields.choice("quality", QUALITIES)),
        background=unless_auto(fields.choice("background", BACKGROUNDS)),
        output_format=fields.choice("output_format", FORMATS),
        output_compression=fields.integer("output_compression", 0, 100),
        moderation=unless_auto(fields.choice("moderation", MODERATIONS)),
        partial_images=fields.integer("partial_images", 0, MAX_PARTIAL_IMAGES) or 0,
        seed=fields.integer("seed", 0, MAX_SEED),
        steps=fields.integer("steps", 1, MAX_STEPS),
        guidance_scale=fields.number("guidance_scale", 0, MAX_GUIDANCE),
        loras=read_loras(fields),
        client=fields.string("user", max_length=MAX_LABEL) or "",
        priority="background" if fields.choice("service_tier", TIERS) == "flex" else "interactive",
    )


def _for_streams_only(request: ImageRequest, progress: bool) -> tuple[str, ...]:
    names = []
    if request.partial_images:
        names.append("partial_images")
    if progress:
        names.append("progress")
    return tuple(f"{name}: has no effect without stream: true." for name in names)


def _picture(call: ImagesCall, event: PartialImage | ImageCompleted, now: int) -> Json:
    """What both picture events have. These fields are required: `auto` where nothing is known."""
    resolved = event.resolved
    return {
        "b64_json": to_base64(event.image),
        "created_at": now,
        "size": str(resolved.size or "auto"),
        "quality": resolved.quality or "auto",
        "background": resolved.background or "auto",
        "output_format": event.image.format,
        **_extras(call, event, picture=event.picture),
    }


def _extras(
    call: ImagesCall, event: PartialImage | ImageCompleted, picture: int | None = None
) -> Json:
    resolved = event.resolved
    return extras(
        picture=picture,
        model=resolved.model,
        seed=resolved.seed,
        steps=resolved.steps,
        adjustments=[*call.adjustments, *resolved.adjustments],
    )


def _usage(usage: ImageUsage) -> Json:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "text_tokens": usage.input_text_tokens,
            "image_tokens": usage.input_image_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"image_tokens": usage.output_tokens, "text_tokens": 0},
        "total_tokens": usage.total_tokens,
    }


def _frame(call: ImagesCall, kind: str, body: Json) -> bytes:
    name = f"{'image_edit' if call.request.is_edit else 'image_generation'}.{kind}"
    return sse.encode(name, json.dump({"type": name, **body}))
