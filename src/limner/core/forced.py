"""A picture that the client demands comes also over a model that answers in words instead.

The words stay, as a message before the picture; then the run makes the call itself, of what the
user said last, and tells the client so. A model that refuses, in a refusal of its own, is not
overruled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from limner.core.events import MessageItem, OutputItem
from limner.core.hosted_calls import HostedCalls
from limner.core.items import Item, Message, RefusalPart, TextPart
from limner.core.request import AllowedTools, ImageToolChoice, ResponseRequest

MAX_PROMPT_CHARS = 4000

ADJUSTMENT = (
    "tool_choice: the model did not call the image tool; the picture was made from the user's last "
    "words."
)


def forces_picture(request: ResponseRequest) -> bool:
    """Whether the client's choice leaves the model nothing but the image tool."""
    if request.image_tool is None:
        return False
    match request.tool_choice:
        case ImageToolChoice():
            return True
        case "required":
            return not (request.functions or request.hosted_tools)
        case AllowedTools(required=True, image_tool=True, functions=functions, hosted=hosted):
            return not (functions or hosted)
        case _:
            return False


def owes_picture(
    request: ResponseRequest, hosted: HostedCalls, output: Sequence[OutputItem]
) -> bool:
    """Whether the client demands a picture that may still be made and was not called for."""
    return (
        forces_picture(request)
        and not hosted.has_called
        and hosted.may_paint
        and not has_refused(output)
    )


def has_refused(written: Iterable[OutputItem]) -> bool:
    """Whether the model said no in so many words."""
    said = (part for item in written if isinstance(item, MessageItem) for part in item.parts)
    return any(isinstance(part, RefusalPart) for part in said)


def prompt_for(items: Sequence[Item], written: Iterable[OutputItem]) -> str:
    """What the user said last, or else what the model just wrote; bounded, "" where all is mute."""
    said = (item.text for item in items if isinstance(item, Message) and item.role == "user")
    told = (
        part.text
        for item in written
        if isinstance(item, MessageItem)
        for part in item.parts
        if isinstance(part, TextPart)
    )
    spoken = [text for text in said if text.strip()][-1:] or list(told)
    return "\n".join(spoken).strip()[:MAX_PROMPT_CHARS]
