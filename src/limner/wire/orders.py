"""A response as it was ordered: all that another process needs to run it, as one JSON text.

The request itself and what was found under the names in it are kept together, so that a run that
goes on later sees what its first one saw, whatever has been deleted in the meantime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.gate import ImageToolMode
from limner.core.image import ImageData
from limner.core.turn import JsonObject
from limner.wire import json
from limner.wire.items import Json
from limner.wire.known import Known
from limner.wire.listed_items import listed_items
from limner.wire.pictures import data_url, stored_picture, to_base64
from limner.wire.references import is_reference


@dataclass(frozen=True, slots=True)
class Order:
    """body: the request as it came. mode: of the key that it came with. is_silent: the model is
    not asked yet, so that nothing needs to be said."""

    body: JsonObject
    known: Known
    mode: ImageToolMode | None = None
    is_silent: bool = False


def dump_order(order: Order) -> bytes:
    """What `load_order` reads."""
    known = order.known
    return json.dump(
        {
            "body": order.body,
            "history": list(known.history),
            "items": dict(known.items),
            "files": {name: _picture_json(image) for name, image in known.files.items()},
            "urls": {name: _picture_json(image) for name, image in known.urls.items()},
            "mode": order.mode,
            "is_silent": order.is_silent,
        }
    )


def load_order(text: bytes) -> Order:
    """What `dump_order` wrote."""
    order = json.load(text)
    known = Known(
        order["history"], order["items"], _pictures(order["files"]), _pictures(order["urls"])
    )
    return Order(order["body"], known, order["mode"], order.get("is_silent", False))


def own_input(order: Order, new_id: Callable[[str], str]) -> list[JsonObject]:
    """The request's own items as they are kept: whole, each with an id, its pictures inside.

    What they named stands in its place, since files and addresses may be gone when it is wanted.
    """
    given = order.body.get("input", "")
    if isinstance(given, str):
        return listed_items(given, new_id)
    whole = [_resolved(item, order.known) for item in given]
    return listed_items(whole, new_id)


def _resolved(item: JsonObject, known: Known) -> JsonObject:
    id = str(item.get("id"))
    is_bare = item.get("type") == "image_generation_call" and not item.get("result")
    if (is_bare or is_reference(item)) and id in known.items:
        return known.items[id]
    carried = {
        name: [_with_picture(part, known) for part in item[name]]
        for name in ("content", "output")
        if isinstance(item.get(name), list)
    }
    return {**item, **carried}


def _with_picture(part: Any, known: Known) -> Any:
    if not isinstance(part, Mapping) or part.get("type") != "input_image":
        return part
    # Items of unknown types are not checked: what they hold may be anything.
    file_id, url = (str(part.get(name)) for name in ("file_id", "image_url"))
    image = known.files.get(file_id) or known.urls.get(url)
    if image is None:
        return part
    said = {name: value for name, value in part.items() if name != "file_id"}
    return {**said, "image_url": data_url(image)}


def _picture_json(image: ImageData) -> Json:
    return {"b64_json": to_base64(image)}


def _pictures(texts: Mapping[str, Json]) -> dict[str, ImageData]:
    return {name: stored_picture(text["b64_json"], name) for name, text in texts.items()}
