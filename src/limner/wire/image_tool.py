"""One `image_generation` entry of `tools`, checked field by field in a fixed order.

OpenAI's fields of today, less what nothing here can do yet; those are refused by name. Free sizes
are accepted within bounds: whether a back end takes this very one is its own to say, when called.
"""

from __future__ import annotations

import re

from limner.core.image import FORMATS, MAX_PARTIAL_IMAGES, Size
from limner.core.request import ImageTool
from limner.wire.fields import Fields, invalid_value, unknown_parameter, unsupported

MIN_EDGE_PX, MAX_EDGE_PX = 16, 4096
MAX_MODEL = 256

QUALITIES = ("low", "medium", "high", "auto")
BACKGROUNDS = ("transparent", "opaque", "auto")
MODERATIONS = ("auto", "low")
ACTIONS = ("generate", "edit", "auto")
FIDELITIES = ("high", "low")

_KNOWN = frozenset(
    {"type", "model", "size", "quality", "background", "output_format", "output_compression"}
    | {"moderation", "partial_images", "input_fidelity", "input_image_mask", "action"}
)
NOT_OFFERED = {
    "complexity": "How much a picture is planned cannot be set here; leave it out.",
    "frame_count": "Animated pictures are not made here; leave it out.",
    "frame_duration_ms": "Animated pictures are not made here; leave it out.",
    "svg": "Vector pictures are not made here; leave it out.",
}
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", re.ASCII)


def parse_image_tool(entry: Fields, index: int, adjustments: list[str]) -> ImageTool:
    """Check one entry; what it asks without effect is appended to `adjustments`."""
    _check_names(entry)
    model = model_id(entry)
    size = picture_size(entry)
    quality = entry.choice("quality", QUALITIES)
    background = entry.choice("background", BACKGROUNDS)
    output_format = entry.choice("output_format", FORMATS)
    moderation = entry.choice("moderation", MODERATIONS)
    action = entry.choice("action", ACTIONS)
    if action == "edit":
        raise unsupported(entry.at("action"), "Pictures are not edited here: send 'generate'.")
    fidelity = entry.choice("input_fidelity", FIDELITIES)
    compression = entry.integer("output_compression", 0, 100)
    partial_images = entry.integer("partial_images", 0, MAX_PARTIAL_IMAGES)
    _check_mask(entry)
    if fidelity is not None:
        adjustments.append(
            f"{entry.at('input_fidelity')}: has no effect, since pictures are not edited here."
        )
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


def _check_mask(entry: Fields) -> None:
    path, mask = entry.at("input_image_mask"), entry.get("input_image_mask")
    if mask is None:
        return
    if not isinstance(mask, dict):
        raise invalid_value(path, mask, "an object")
    raise unsupported(path, "Pictures are not edited here: leave the mask out.")


def unless_auto(value: str | None) -> str | None:
    """`auto` says the same as nothing: the choice is left to the back end."""
    return None if value == "auto" else value
