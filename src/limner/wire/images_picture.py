"""One picture of an Images API's reply: its bytes, and how it was made.

- What a picture is, is read from its bytes: labels of format and size may lie or be missing.
- Settings are taken over only where they are well formed, and `auto` says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

import pybase64

from limner.core.image import (
    ImageData,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    ImageUsage,
    Resolved,
    Size,
)
from limner.wire.picture_size import measure
from limner.wire.pictures import picture, sniff

Json = dict[str, Any]

MAX_TEXT_CHARS = 500
MAX_ADJUSTMENTS = 16
SEEDS = 2**32

_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", re.ASCII)
_QUALITIES = frozenset({"low", "medium", "high", "xhigh", "max"})
_BACKGROUNDS = frozenset({"transparent", "opaque"})


def is_link(entry: object) -> bool:
    """Whether this entry of a reply names a picture instead of bringing it."""
    if not isinstance(entry, dict) or entry.get("b64_json"):
        return False
    url = entry.get("url")
    return isinstance(url, str) and bool(url) and not url.startswith("data:")


def read_picture(
    entry: Json, fetched: Mapping[str, bytes] | None = None
) -> ImageData | ImageFailed:
    """fetched: the files that were where entries said that their pictures are."""
    text = entry.get("b64_json") or entry.get("url")
    if not isinstance(text, str):
        return broken("answered without a picture")
    if is_link(entry):
        content = (fetched or {}).get(text)
        return _elsewhere() if content is None else picture_of(content)
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        content = pybase64.b64decode(text, validate=True)
    except ValueError:
        return broken("sent a picture that is not base64")
    return picture_of(content)


def picture_of(content: bytes) -> ImageData | ImageFailed:
    seen = sniff(content) or "something unknown"
    return picture(content) or broken(f"sent {seen}, not a PNG, JPEG or WebP picture")


def _elsewhere() -> ImageFailed:
    return ImageFailed(
        "The image back end answered with the URL of a picture on another server, which is not "
        "fetched; configure it to answer with b64_json",
        code="not_supported",
        status=502,
    )


def read_resolved(value: Json, request: ImageRequest, image: ImageData, picture: int) -> Resolved:
    """How this picture was made, from the event or the reply that it came with."""
    ours = ours_of(value)
    seed = ours.get("seed")
    if is_count(seed) and "picture" not in ours:
        seed += picture  # One JSON object names the first picture's; the others' follow it.
    return Resolved(
        size=measure(image),
        quality=_among(_QUALITIES, value.get("quality")),
        background=_among(_BACKGROUNDS, value.get("background")),
        output_format=image.format,
        seed=seed % SEEDS if is_count(seed) else None,
        steps=ours["steps"] if is_count(ours.get("steps")) else None,
        model=_short(ours.get("model")),
        adjustments=_adjustments(ours) if ours else _differences(request, image),
    )


def read_preview_resolved(
    value: Json, request: ImageRequest, image: ImageData, picture: int
) -> Resolved:
    """The same for a preview, which may be smaller than its picture: the size told is believed."""
    look = read_resolved(value, request, image, picture)
    said = value.get("size")
    match = _SIZE.fullmatch(said) if isinstance(said, str) else None
    size = Size(int(match[1]), int(match[2])) if match else look.size
    return replace(look, size=size, adjustments=_adjustments(ours_of(value)))


def read_progress(value: Json) -> ImageProgress | None:
    step, steps, position = value.get("step"), value.get("steps"), value.get("queue_position")
    if not is_count(step) or not is_count(steps):
        return None
    eta_s = value.get("eta_s")
    is_known = isinstance(eta_s, int | float) and not isinstance(eta_s, bool) and eta_s >= 0
    place = position if is_count(position) else None
    return ImageProgress(step, steps, place, eta_s if is_known else None)


def read_usage(usage: Json) -> ImageUsage:
    details = usage.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    image_tokens = _count(details.get("image_tokens"))
    text_tokens = _count(details.get("text_tokens"))
    if not details:
        text_tokens = _count(usage.get("input_tokens"))
    return ImageUsage(text_tokens, image_tokens, _count(usage.get("output_tokens")))


def ours_of(value: Json) -> Json:
    ours = value.get("limner")
    return ours if isinstance(ours, dict) else {}


def is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def broken(what: str) -> ImageFailed:
    return ImageFailed(f"The image back end {what}", retryable=True, status=502)


def _differences(request: ImageRequest, image: ImageData) -> tuple[str, ...]:
    """What a back end did otherwise than asked, where it does not say so itself."""
    said = []
    size = measure(image)
    if size and request.size and size != request.size:
        said.append(f"size: the image back end painted {size} instead of {request.size}.")
    if request.output_format not in (None, image.format):
        said.append(
            f"output_format: the image back end sent {image.format} instead of "
            f"{request.output_format}."
        )
    return tuple(said)


def _adjustments(ours: Json) -> tuple[str, ...]:
    said = ours.get("adjustments")
    texts = [_short(text) for text in said] if isinstance(said, list) else []
    return tuple(text for text in texts if text)[:MAX_ADJUSTMENTS]


def _among(options: frozenset[str], value: object) -> str | None:
    return value if isinstance(value, str) and value in options else None


def _short(value: object) -> str | None:
    return value[:MAX_TEXT_CHARS] if isinstance(value, str) and value else None


def _count(value: object) -> int:
    return value if is_count(value) else 0
