"""A picture's options held against what a back end can do, before anything is painted.

What would change the picture and cannot be had is refused by name; what has no effect is reported.
A back end may still refuse, or say more, when it is called: not everything is known before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from limner.core.errors import InvalidRequest
from limner.core.image import ImageCapabilities, ImageRequest
from limner.core.request import ImageTool, ResponseRequest

Options = TypeVar("Options", bound=ImageTool | ImageRequest)


def fit_image_tool(request: ResponseRequest, can: ImageCapabilities) -> ResponseRequest:
    """The request as the back end that will paint for it can be asked; raises InvalidRequest."""
    tool = request.image_tool
    if tool is None:
        return request
    fitted, said = fit_image(tool, can, path=tool.path, mask="input_image_mask")
    return replace(request, image_tool=fitted, adjustments=(*request.adjustments, *said))


def fit_image(
    asked: Options, can: ImageCapabilities, *, path: str = "", mask: str = "mask"
) -> tuple[Options, tuple[str, ...]]:
    """Return what of the options this back end can be asked, and what is done otherwise.

    path: of the object that holds the options, such as `tools[0]`; empty for the body itself.
    mask: the name of the mask's field there. Raises InvalidRequest with the path of the field.
    """
    can = can.of(asked.model)
    at = f"{path}." if path else ""
    _check_size(asked, can, f"{at}size")
    _check_background(asked, can, f"{at}background")
    _check_loras(asked, can, f"{at}loras")
    if asked.mask is not None and not (can.edits and can.mask):
        raise _unsupported(f"{at}{mask}", f"The image back end {can.name!r} takes no masks.")
    if isinstance(asked, ImageTool):
        _check_action(asked, can, f"{at}action")
    else:
        _check_call(asked, can, at)
    said: tuple[str, ...] = ()
    if asked.input_fidelity is not None and not can.input_fidelity:
        asked, said = replace(asked, input_fidelity=None), (_no_effect(at, "input_fidelity", can),)
    if isinstance(asked, ImageTool) and asked.seed is not None and not can.seed:
        asked, said = replace(asked, seed=None), (*said, _no_effect(at, "seed", can))
    return asked, said


def _check_size(asked: ImageTool | ImageRequest, can: ImageCapabilities, path: str) -> None:
    """Sizes between those that a back end lists are its own to round, and to tell."""
    if asked.size is None:
        return
    low, high = can.min_edge_px or 1, can.max_edge_px
    edges = (asked.size.width, asked.size.height)
    if min(edges) < low or (high is not None and max(edges) > high):
        bounds = f"at least {low}" if high is None else f"{low} to {high}"
        raise InvalidRequest(
            f"Invalid value: '{asked.size}'. The image back end {can.name!r} paints edges of "
            f"{bounds} pixels.",
            param=path,
            code="invalid_value",
        )


def _check_background(asked: ImageTool | ImageRequest, can: ImageCapabilities, path: str) -> None:
    if asked.background != "transparent":
        return
    if can.transparent is False:
        raise _not_among(path, "transparent", ("opaque", "auto"))
    if asked.output_format == "jpeg":
        raise InvalidRequest(
            "Invalid value: 'transparent'. A JPEG has no transparent background: choose 'png' or "
            "'webp' as the output format.",
            param=path,
            code="invalid_value",
        )


def _check_loras(asked: ImageTool | ImageRequest, can: ImageCapabilities, path: str) -> None:
    if not asked.loras or can.loras is None:
        return
    if not can.loras:
        raise _unsupported(path, f"The image back end {can.name!r} has no adapters.")
    left = list(can.loras)
    for position, each in enumerate(asked.loras):
        if each.name not in left:
            others = left if each.name in can.loras else can.loras
            raise _not_among(f"{path}[{position}].name", each.name, others)
        left.remove(each.name)  # each is worn once


def _check_action(asked: ImageTool, can: ImageCapabilities, path: str) -> None:
    if asked.action == "edit" and not can.edits:
        raise _not_among(path, "edit", ("generate", "auto"))


def _check_call(asked: ImageRequest, can: ImageCapabilities, at: str) -> None:
    """What only a call of the Images API has."""
    if can.max_n is not None and asked.n > can.max_n:
        raise InvalidRequest(
            f"Invalid value: {asked.n}. Expected an integer <= {can.max_n}.",
            param=f"{at}n",
            code="integer_above_max_value",
        )
    if asked.images and not can.edits:
        raise _unsupported(f"{at}image", f"The image back end {can.name!r} edits no pictures.")
    if can.max_images is not None and len(asked.images) > can.max_images:
        raise InvalidRequest(
            f"Invalid '{at}image': array too long. Expected an array with maximum length "
            f"{can.max_images}, but got an array with length {len(asked.images)} instead.",
            param=f"{at}image",
            code="array_above_max_length",
        )
    if asked.strength is not None and not can.strength:
        raise _unsupported(f"{at}strength", f"The image back end {can.name!r} has no such setting.")


def _no_effect(at: str, name: str, can: ImageCapabilities) -> str:
    return f"{at}{name}: has no effect on the image back end {can.name!r}."


def _not_among(path: str, value: str, options: Iterable[str]) -> InvalidRequest:
    listed = ", ".join(f"'{option}'" for option in options)
    return InvalidRequest(
        f"Invalid value: '{value}'. Supported values are: {listed}.",
        param=path,
        code="invalid_value",
    )


def _unsupported(path: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"Unsupported parameter: '{path}'. {why}", param=path, code="unsupported_parameter"
    )
