"""Jobs as rows keep them: the order and the outcome as JSON of our own, pictures in base64."""

from __future__ import annotations

from typing import Any

import orjson
import pybase64

from limner.core.image import (
    ImageCompleted,
    ImageData,
    ImageFailed,
    ImageRequest,
    ImageUsage,
    Resolved,
    Size,
)
from limner.core.job import JobOrder
from limner.core.lora import Lora
from limner.wire import json

Json = dict[str, Any]


def order_record(order: JobOrder) -> bytes:
    return _dump(order)


def read_order(record: bytes) -> JobOrder:
    fields: Json = json.load(record)
    request: Json = fields.pop("request")
    request |= {
        "size": _size(request["size"]),
        "images": tuple(map(_image, request["images"])),
        "mask": _image(request["mask"]) if request["mask"] else None,
        "loras": _loras(request),
    }
    adjustments = tuple(fields.pop("adjustments"))
    return JobOrder(ImageRequest(**request), adjustments=adjustments, **fields)


def pictures_of(order: JobOrder) -> list[bytes]:
    """The pictures that the record of an order holds."""
    request = order.request
    images = (*request.images, request.mask) if request.mask else request.images
    return [image.content for image in images]


def outcome_record(outcome: ImageCompleted | ImageFailed) -> bytes:
    return _dump(outcome)


def read_outcome(record: bytes) -> ImageCompleted | ImageFailed:
    fields: Json = json.load(record)
    if "image" not in fields:
        return ImageFailed(**fields)
    resolved, usage = fields["resolved"], fields["usage"]
    resolved |= {
        "size": _size(resolved["size"]),
        "adjustments": tuple(resolved["adjustments"]),
        "loras": _loras(resolved),
    }
    return ImageCompleted(
        _image(fields["image"]),
        Resolved(**resolved),
        ImageUsage(**usage) if usage else None,
        fields["picture"],
    )


def _dump(value: JobOrder | ImageCompleted | ImageFailed) -> bytes:
    """Values are JSON's own objects of their fields; only bytes need help."""
    return orjson.dumps(value, default=pybase64.b64encode_as_string)


def _image(value: Json) -> ImageData:
    return ImageData(pybase64.b64decode(value["content"], validate=True), value["format"])


def _loras(fields: Json) -> tuple[Lora, ...]:
    """Rows of earlier versions have none."""
    return tuple(Lora(**each) for each in fields.get("loras", ()))


def _size(value: Json | None) -> Size | None:
    return Size(**value) if value else None
