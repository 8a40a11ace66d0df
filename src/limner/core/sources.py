"""Which pictures a call of the image tool starts from, and whether it edits them or paints anew.

- Sources are the pictures of the context, each once, in the order in which they came: shown in
  messages and in the outputs of functions, made by earlier calls, made in this response. What a
  turn has not seen is no source of its calls, so that calls made together do not hang on which is
  painted first.
- The client's `generate` never edits and `edit` always does. With `auto` the model says which of
  the two; a model that does not say means an edit where there is a picture or a mask (OpenAI's API
  reference, "Image generation tool").
- A mask belongs to the first source; without any it is the source itself.
- A back end takes only so many sources. The last ones count, for "make it blue" is said of what
  was seen last; a mask keeps the first one. What is left out is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from limner.core.events import ImageCallItem, OutputItem
from limner.core.image import ImageCapabilities, ImageData
from limner.core.items import (
    FunctionCallOutput,
    ImageCall,
    ImageCallError,
    ImagePart,
    Item,
    Message,
    Opaque,
    Part,
)
from limner.core.request import ImageTool

Action = Literal["generate", "edit"]

MAX_SOURCES = 16
"""As many as one edit of OpenAI's Images API takes."""

USER_ERROR = "image_generation_user_error"
_UNUSED_MASK = "input_image_mask was not used: this is a new picture, not an edit."


@dataclass(frozen=True, slots=True)
class Wish:
    """What a model's call asks for. image: the number of the source meant, the first is 1."""

    prompt: str
    action: Action | None = None
    image: int | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What a call starts from. adjustments: see `Resolved`."""

    images: tuple[ImageData, ...] = ()
    mask: ImageData | None = None
    adjustments: tuple[str, ...] = ()

    @property
    def action(self) -> Action:
        return "edit" if self.images else "generate"


def sources_of(items: Iterable[Item], output: Iterable[OutputItem] = ()) -> tuple[ImageData, ...]:
    """The sources of a context. output: what the response has shown the client so far."""
    found = [picture for item in items for picture in _pictures(item)]
    made = [item.image for item in output if isinstance(item, ImageCallItem) and item.image]
    return tuple({picture.content: picture for picture in (*found, *made)}.values())


def number_pictures(items: Iterable[Item], sources: Sequence[ImageData]) -> tuple[Item, ...]:
    """Write on each picture which source it is, for models that choose one by its number."""
    numbers = {picture.content: number for number, picture in enumerate(sources, 1)}

    def numbered(part: Part) -> Part:
        if not isinstance(part, ImagePart):
            return part
        return replace(part, number=numbers.get(part.source.content))

    return tuple(
        replace(item, parts=tuple(map(numbered, item.parts)))
        if isinstance(item, Message | FunctionCallOutput)
        and any(isinstance(part, ImagePart) for part in item.parts)
        else item
        for item in items
    )


def actions_of(
    tool: ImageTool, sources: Sequence[ImageData], can: ImageCapabilities | None
) -> tuple[Action, ...]:
    """What the model is to choose from; nothing where there is nothing to edit."""
    can = can and can.of(tool.model)
    if tool.action == "generate" or can is None or not can.edits:
        return ()
    if not sources and tool.mask is None:
        return ()
    return ("edit",) if tool.action == "edit" else ("generate", "edit")


def basis_of(
    tool: ImageTool,
    wish: Wish,
    sources: Sequence[ImageData],
    can: ImageCapabilities | None,
) -> Basis | ImageCallError:
    """Decide what a call starts from, or why it cannot be; the model reads the reason."""
    can = can and can.of(tool.model)
    action = tool.action
    if action == "auto":
        action = wish.action or ("edit" if sources or tool.mask else "generate")
    if action == "generate":
        return Basis() if tool.mask is None else Basis(adjustments=(_UNUSED_MASK,))
    if can is None or not can.edits:
        if "edit" in (tool.action, wish.action):
            return _no_edits()
        said = "No picture was edited: the image back end here paints new ones only."
        return Basis(adjustments=(said,))
    if tool.mask is not None:
        return _masked(tool.mask, sources, can)
    if not sources:
        return _no_source(may_generate=tool.action == "auto")
    if wish.image is None:
        return _latest(sources, can)
    if not 1 <= wish.image <= len(sources):
        return _no_such_image(wish.image, len(sources))
    return Basis((sources[wish.image - 1],))


def _pictures(item: Item) -> Iterator[ImageData]:
    match item:
        case Message(parts=parts) | FunctionCallOutput(parts=parts):
            for part in parts:
                if isinstance(part, ImagePart):
                    yield part.source
        case ImageCall(result=ImageData() as picture):
            yield picture
        case Opaque(pictures=pictures):
            yield from pictures
        case _:
            pass


def _room(can: ImageCapabilities) -> int:
    return min(can.max_images or MAX_SOURCES, MAX_SOURCES)


def _latest(sources: Sequence[ImageData], can: ImageCapabilities) -> Basis:
    room, there = _room(can), len(sources)
    if there <= room:
        return Basis(tuple(sources))
    said = f"Of the {there} pictures in the conversation only the last {room} could be edited."
    return Basis(tuple(sources[-room:]), adjustments=(said,))


def _masked(mask: ImageData, sources: Sequence[ImageData], can: ImageCapabilities) -> Basis:
    room, there = _room(can), len(sources)
    if there <= room:
        return Basis(tuple(sources) or (mask,), mask)
    first, *rest = sources
    behind = f" and the last {room - 1}" if room > 1 else ""
    said = (
        f"Of the {there} pictures in the conversation only the first, to which the mask belongs,"
        f"{behind} could be edited."
    )
    return Basis((first, *rest[there - room :]), mask, (said,))


def _no_edits() -> ImageCallError:
    return ImageCallError(
        "The image back end here paints new pictures only. Call again with a prompt that describes "
        "the whole picture, and without an action.",
        code="edits_not_supported",
        type=USER_ERROR,
    )


def _no_source(*, may_generate: bool) -> ImageCallError:
    instead = ", or call again with the action generate for a new picture" if may_generate else ""
    return ImageCallError(
        f"There is no picture in this conversation to edit. Ask the user to send one{instead}.",
        code="no_source_image",
        type=USER_ERROR,
    )


def _no_such_image(number: int, there: int) -> ImageCallError:
    return ImageCallError(
        f"There is no image {number} in this conversation; the images are 1 to {there}. Call again "
        "with one of these numbers, or without one.",
        code="no_such_image",
        type=USER_ERROR,
        retryable=True,
    )
