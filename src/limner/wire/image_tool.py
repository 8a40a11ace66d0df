"""One `image_generation` entry of `tools`, checked field by field in a fixed order.

OpenAI's fields of today, less what nothing here can do; those are refused by name. `seed` and
`loras` are our own, as in the Images API here. Whether the back end at hand can do what is asked is
told later (`core.picture_fitting`).
"""

from __future__ import annotations

import re

from limner.core.image import FORMATS, MAX_PARTIAL_IMAGES, MAX_SEED, Fidelity, ImageData, Size
from limner.core.request import ImageTool
from limner.core.turn import JsonObject
from limner.wire.fields import Fields, invalid_value, unknown_parameter, unsupported
from limner.wire.input_items import named_picture
from limner.wire.known import Known
from limner.wire.loras import read_loras
from limner.wire.pictures import data_url
from limner.wire.request_fields import IMAGE_TOOL_FIELDS, names_of, notes_of

MIN_EDGE_PX, MAX_EDGE_PX = 16, 4096
MAX_MODEL = 256
MASK = "input_image_mask"

QUALITIES = ("low", "medium", "high", "xhigh", "max", "auto")
BACKGROUNDS = ("transparent", "opaque", "auto")
MODERATIONS = ("auto", "low")
ACTIONS = ("generate", "edit", "auto")
FIDELITIES: tuple[Fidelity, ...] = ("high", "low")

NOT_OFFERED = notes_of(IMAGE_TOOL_FIELDS, "refused")
_KNOWN = names_of(IMAGE_TOOL_FIELDS) - NOT_OFFERED.keys() - {"n"} | {"type"}
_OURS = frozenset({"seed", "loras"})
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", re.ASCII)


def parse_image_tool(entry: Fields, index: int, known: Known) -> ImageTool:
    """Check one entry; raises InvalidRequest. index: see `ImageTool`. known: where masks are."""
    _check_names(entry)
    model = model_id(entry)
    size = picture_size(entry)
    quality = entry.choice("quality", QUALITIES)
    background = entry.choice("background", BACKGROUNDS)
    output_format = entry.choice("output_format", FORMATS)
    moderation = entry.choice("moderation", MODERATIONS)
    action = entry.choice("action", ACTIONS)
    fidelity = entry.choice("input_fidelity", FIDELITIES)
    compression = entry.integer("output_compression", 0, 100)
    partial_images = entry.integer("partial_images", 0, MAX_PARTIAL_IMAGES)
    mask = _mask(entry, known)
    seed = entry.integer("seed", 0, MAX_SEED)
    loras = read_loras(entry)
    return ImageTool(
        index=index,
        model=model,
        size=size,
        quality=unless_auto(quality),
        background=unless_auto(background),
        output_format=output_format,
        output_compression=compression,
        moderation=unless_auto(moderation),
        partial_images=partial_images or 0,
        action=action or "auto",
        input_fidelity=fidelity,
        mask=mask,
        seed=seed,
        loras=loras,
        path=entry.path,
        declared=_whole(entry, mask),
    )


def _check_names(entry: Fields) -> None:
    for name, value in entry.values.items():
        if name in _KNOWN or value is None:
            continue
        if name in NOT_OFFERED:
            raise unsupported(entry.at(name), NOT_OFFERED[name])
        if name == "n" and value == 1 and not isinstance(value, bool):
            continue  # OpenAI takes no `n` but echoes `n: 1`, and clients send the echo back.
        raise unknown_parameter(entry.at(name))


def model_id(entry: Fields) -> str | None:
    value = entry.get("model")
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= MAX_MODEL):
        raise invalid_value(entry.at("model"), value, "a non-empty model id")
    return value


def picture_size(entry: Fields) -> Size | None:
    value = entry.get("size")
    if value is None or value == "auto":
        return None
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        size = Size(int(match[1]), int(match[2]))
        if (
            MIN_EDGE_PX
            <= min(size.width, size.height)
            <= max(size.width, size.height)
            <= MAX_EDGE_PX
        ):
            return size
    raise invalid_value(
        entry.at("size"),
        value,
        f"'auto' or WIDTHxHEIGHT, such as '1024x1024', with edges of {MIN_EDGE_PX} to "
        f"{MAX_EDGE_PX} pixels",
    )


def _mask(entry: Fields, known: Known) -> ImageData | None:
    """The mask's picture, which must have an alpha channel: there it says where to paint."""
    path, value = entry.at(MASK), entry.get(MASK)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid_value(path, value, "an object with 'image_url' or 'file_id'")
    mask = Fields(value, path)
    mask.allow_only({"image_url", "file_id"})
    image = named_picture(mask, known, both_at=mask.at("file_id"))
    if image.format == "jpeg":
        named = "image_url" if mask.get("file_id") is None else "file_id"
        raise invalid_value(
            mask.at(named), "image/jpeg", "a PNG or WebP image, since a mask is an alpha channel"
        )
    return image


def _whole(entry: Fields, mask: ImageData | None) -> JsonObject:
    """The entry as a server can read it that knows neither our uploads nor what we fetch.

    Nor does it know what is our own extension.
    """
    values = {name: value for name, value in entry.values.items() if name not in _OURS}
    if mask is not None:
        values[MASK] = {"image_url": data_url(mask)}
    return values


def unless_auto(value: str | None) -> str | None:
    """`auto` says the same as nothing: the choice is left to the back end."""
    return None if value == "auto" else value
