"""The function that a language model sees in place of the hosted tool `image_generation`.

The model writes a prompt and, where there is a picture that could be edited, whether to edit it:
size, format and the rest are the client's choice. Where nothing can paint, the gate refuses the
tool before anything starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from limner.core.arguments import parse_arguments
from limner.core.errors import InvalidRequest
from limner.core.image import ImageCapabilities, ImageData, ImageRequest
from limner.core.items import FunctionCall, ImageCallError, Item
from limner.core.request import ImageTool, ResponseRequest
from limner.core.sources import USER_ERROR, Action, Basis, Wish, actions_of
from limner.core.turn import FunctionTool

NAME = "image_generation"
MAX_SUFFIX = 1000
DISABLED = "image_generation_disabled"

Denial = Literal["recover", "error"]
"""What a call of the hosted tool that nobody offered becomes: a failed item, after which the model
goes on, or the end of the response."""

_ADDRESSES = (f"{NAME}.", "images.")
_NUMBER = re.compile("[0-9]{1,3}")

GATE_MESSAGE = (
    "Image generation tools are disabled. Start vLLM with a multimodal model or pass "
    "--image-service-config pointing to an external image API."
)

_DESCRIPTION = (
    "Paints a picture from a text prompt and shows it to the user. Use it for every request for "
    "something to look at: a drawing, photo, logo, icon, diagram. Call it at once, without asking "
    "for confirmation; do not describe the picture afterwards unless asked. One call paints one "
    "picture."
)
_EDITS = (
    " It can also edit a picture of this conversation: the prompt then describes the picture as it "
    "is to be afterwards."
)
_EDITS_BY_WORDS = (
    " It can also edit a picture of this conversation: the prompt then says what to change in it, "
    "and what is to stay."
)
_PROMPT = "What to paint, complete in itself: subject, setting, composition, style, colours."
_ACTION = (
    "`edit` changes what is already in this conversation; `generate` paints a new picture, also "
    "where another was only talked about."
)
_IMAGE = "Which picture to edit, counted from the first in this conversation; usually left out."


def check_gate(request: ResponseRequest, *, can_paint: bool) -> None:
    """Raise InvalidRequest when the client offers the image tool and nothing can paint."""
    if request.image_tool is not None and not can_paint:
        raise InvalidRequest(
            GATE_MESSAGE,
            param=request.image_tool.path,
            code=DISABLED,
        )


def is_hosted_address(name: str) -> bool:
    """Whether a call names the hosted tool itself, as models do that know it without our function.

    No function has such a name: OpenAI allows them no dots.
    """
    return name.startswith(_ADDRESSES)


def tool_name(
    functions: Iterable[FunctionTool], items: Iterable[Item], others: Iterable[str] = ()
) -> str:
    """Return a name that neither the client's functions nor the calls of the past use.

    others: further names that are taken. Raises InvalidRequest when `image_generation` and all its
    numbered forms are.
    """
    taken = {*others, *(tool.name for tool in functions)}
    taken |= {item.name for item in items if isinstance(item, FunctionCall)}
    for name in (NAME, *(f"{NAME}_{number}" for number in range(2, MAX_SUFFIX + 1))):
        if name not in taken:
            return name
    raise InvalidRequest(
        f"The names {NAME} to {NAME}_{MAX_SUFFIX} are all taken by functions; rename one of them.",
        param="tools",
        code="invalid_value",
    )


def function_tool(
    name: str, actions: Sequence[Action] = (), *, sources: int = 0, by_words: bool = False
) -> FunctionTool:
    """The function. actions: what the model may choose from; none where it has no choice.

    sources: how many pictures it may tell apart by their numbers. by_words: edits are told what to
    change.
    """
    edits = _EDITS_BY_WORDS if by_words else _EDITS
    properties: dict[str, Any] = {"prompt": {"type": "string", "description": _PROMPT}}
    if actions:
        chosen = {"type": "string", "enum": list(actions), "description": _ACTION}
        properties["action"] = chosen
        if sources > 1:
            number = {"type": "integer", "minimum": 1, "maximum": sources}
            properties["image"] = {**number, "description": _IMAGE}
    return FunctionTool(
        name,
        description=_DESCRIPTION + edits if actions else _DESCRIPTION,
        parameters={
            "type": "object",
            "properties": properties,
            # Where there is a choice the model should make it; one that does not is understood too.
            "required": ["action"] if len(actions) > 1 else [],
            "additionalProperties": False,
        },
        strict=False,
    )


def offered_function(
    name: str,
    tool: ImageTool | None,
    sources: Sequence[ImageData],
    can: ImageCapabilities | None,
) -> FunctionTool:
    """The function as a turn offers it. tool: None where it only stands for past calls.

    With a mask there is no choice among sources: see `sources`.
    """
    if tool is None:
        return function_tool(name)
    actions = actions_of(tool, sources, can)
    told_apart = 0 if tool.mask is not None else len(sources)
    by_words = can is not None and can.edits_by_words
    return function_tool(name, actions, sources=told_apart, by_words=by_words)


def wish_of(arguments: str) -> Wish:
    """Read a call's arguments. What they do not say, or say otherwise than asked, is left open."""
    said = parse_arguments(arguments) or {}
    prompt, action, image = said.get("prompt"), said.get("action"), said.get("image")
    if isinstance(image, str) and _NUMBER.fullmatch(image):
        image = int(image)
    return Wish(
        prompt.encode(errors="replace").decode() if isinstance(prompt, str) else "",
        action if action in ("generate", "edit") else None,
        image if isinstance(image, int) and not isinstance(image, bool) else None,
    )


def image_request(
    tool: ImageTool, prompt: str, basis: Basis, request: ResponseRequest
) -> ImageRequest:
    """Say a call in the back end's words. Nobody would see partial images without a stream."""
    return ImageRequest(
        prompt,
        model=tool.model,
        size=tool.size,
        quality=tool.quality,
        background=tool.background,
        output_format=tool.output_format,
        output_compression=tool.output_compression,
        moderation=tool.moderation,
        partial_images=tool.partial_images if request.stream else 0,
        seed=tool.seed,
        loras=tool.loras,
        images=basis.images,
        mask=basis.mask,
        input_fidelity=tool.input_fidelity if basis.images else None,
        client=request.client,
        priority=request.priority,
    )


def denied() -> ImageCallError:
    return ImageCallError(GATE_MESSAGE, code=DISABLED, type="invalid_request_error")


def no_prompt() -> ImageCallError:
    return ImageCallError(
        'The call has no prompt. Call again with arguments such as {"prompt": "a red kite over a '
        'green hill"}.',
        code="missing_prompt",
        type=USER_ERROR,
        retryable=True,
    )


def budget_exhausted(limit: int) -> ImageCallError:
    return ImageCallError(
        f"This response has already made {limit} pictures, the most that it may. Do not call "
        "again; answer with what there is.",
        code="tool_call_budget_exhausted",
        type=USER_ERROR,
    )


def never_finished() -> ImageCallError:
    return ImageCallError(
        "The response ended before this picture was done.", code="server_error", retryable=True
    )


def too_many_calls(limit: int) -> ImageCallError:
    return ImageCallError(
        f"The user allows {limit} tool calls in a response (max_tool_calls) and all are used. Do "
        "not call again; answer with what there is.",
        code="max_tool_calls_reached",
        type="invalid_request_error",
    )


def not_offered(name: str, offered: Iterable[str]) -> ImageCallError:
    names = ", ".join(sorted(offered))
    return ImageCallError(
        f"The function {name} may not be called here. "
        + (f"These may: {names}." if names else "Answer in words; no function may be called."),
        code="function_not_offered",
        type="invalid_request_error",
    )
