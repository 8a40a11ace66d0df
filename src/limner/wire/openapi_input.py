"""JSON Schemas of what requests are made of: items, their parts, pictures, tools, choices."""

from __future__ import annotations

from limner.core.image import FORMATS, MAX_PARTIAL_IMAGES, MAX_SEED
from limner.core.lora import MAX_WEIGHT
from limner.wire.image_tool import (
    ACTIONS,
    BACKGROUNDS,
    FIDELITIES,
    MASK,
    MAX_MODEL,
    MODERATIONS,
    QUALITIES,
)
from limner.wire.input_items import DECLARING, MAX_NAME, MAX_PARTS, MAX_TOOLS
from limner.wire.loras import MAX_LORAS
from limner.wire.loras import MAX_NAME as MAX_LORA_NAME
from limner.wire.openapi_fates import with_fates
from limner.wire.openapi_schema import (
    ANY_OBJECT,
    Json,
    array,
    asked,
    boolean,
    choice,
    either,
    integer,
    number,
    or_null,
    ref,
    text,
)
from limner.wire.request_fields import IMAGE_TOOL_FIELDS
from limner.wire.tools import MAX_DESCRIPTION, MAX_TYPE

DATA_URL = "data:image/png;base64,…"
FUNCTION_NAME = "^[a-zA-Z0-9_-]{1,64}$"
SIZE = "^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$"
ANYTHING: Json = {}
"""Of what is read over, since it describes the past."""

_OWN_TYPES = (
    *("message", "function_call", "function_call_output", "reasoning", "image_generation_call"),
    *("item_reference", *sorted(DECLARING)),
)
_OWN_TOOLS = ("function", "image_generation")


def _kind(name: str) -> Json:
    return {"const": name, "type": "string"}


PICTURE = {
    "image_url": text("A data URL, or an http(s) URL that this server fetches."),
    "file_id": text("Of an upload.", least=1, most=MAX_NAME),
}
NAMED_PICTURE = asked({}, PICTURE, "Exactly one of the two.")

LORA = asked(
    {"name": text(least=1, most=MAX_LORA_NAME)}, {"weight": number(-MAX_WEIGHT, MAX_WEIGHT)}
)

_ID = text(most=MAX_NAME)
_CALL_ID = text(least=1, most=MAX_NAME)
_TEXT_PART = asked(
    {"type": choice(("input_text", "output_text")), "text": text()},
    {"annotations": array(ANY_OBJECT), "logprobs": ANYTHING, "prompt_cache_breakpoint": ANYTHING},
)
_REFUSAL_PART = asked({"type": _kind("refusal"), "refusal": text()})
_IMAGE_PART = asked(
    {"type": _kind("input_image")},
    {
        **PICTURE,
        "detail": choice(("auto", "low", "high", "original")),
        "prompt_cache_breakpoint": ANYTHING,
    },
)
_PARTS = either(text(), array(ref("InputPart"), most=MAX_PARTS))
_TEXTS = array({**ANY_OBJECT, "properties": {"text": text()}, "required": ["text"]}, most=MAX_PARTS)

_MESSAGE = asked(
    {"role": choice(("user", "assistant", "system", "developer")), "content": _PARTS},
    {"type": _kind("message"), "id": _ID, "status": ANYTHING, "phase": ANYTHING},
)
_FUNCTION_CALL = asked(
    {
        "type": _kind("function_call"),
        "call_id": _CALL_ID,
        "name": _CALL_ID,
        "arguments": text(),
    },
    {
        "id": _ID,
        **dict.fromkeys(("status", "namespace", "caller", "async"), ANYTHING),
    },
)
_FUNCTION_CALL_OUTPUT = asked(
    {"type": _kind("function_call_output"), "call_id": _CALL_ID, "output": _PARTS},
    {
        "id": _ID,
        **dict.fromkeys(("status", "name", "namespace", "caller", "created_by"), ANYTHING),
    },
)
_REASONING = asked(
    {"type": _kind("reasoning")},
    {
        "id": _ID,
        "summary": _TEXTS,
        "content": _TEXTS,
        "encrypted_content": text(),
        "status": ANYTHING,
    },
)
_IMAGE_CALL = asked(
    {"type": _kind("image_generation_call"), "id": _CALL_ID},
    {
        "result": text("Base64; without it the stored picture of this id."),
        "revised_prompt": text(),
        "error": {
            "type": "object",
            "properties": {"message": text(), "code": or_null(_ID), "type": or_null(_ID)},
            "required": ["message"],
        },
        **dict.fromkeys(
            ("status", "action", "size", "quality", "background", "output_format"), ANYTHING
        ),
        **dict.fromkeys(("svg_usage", "limner"), ANYTHING),
    },
)
_REFERENCE = asked({"id": _CALL_ID}, {"type": _kind("item_reference")}, "A stored item.")
_DECLARED = array(ref("Tool"), most=MAX_TOOLS)
_ADDITIONAL_TOOLS = asked(
    {"type": _kind("additional_tools"), "role": _kind("developer"), "tools": _DECLARED},
    {"id": ANYTHING, "status": ANYTHING},
)
_FOUND_TOOLS: Json = {
    "type": "object",
    "properties": {"type": _kind("tool_search_output"), "tools": _DECLARED},
    "required": ["type", "tools"],
}


def _another(kinds: tuple[str, ...], most: int, about: str) -> Json:
    """An object of a type that is not read here."""
    kind = {**text(least=1, most=most), "not": {"enum": list(kinds)}}
    return {**ANY_OBJECT, "properties": {"type": kind}, "required": ["type"], "description": about}


_FUNCTION = asked(
    {"type": _kind("function"), "name": text(form=FUNCTION_NAME)},
    {
        "description": text(most=MAX_DESCRIPTION),
        "parameters": ANY_OBJECT,
        "strict": boolean(),
        **dict.fromkeys(("allowed_callers", "async", "defer_loading", "output_schema"), ANYTHING),
    },
)
_TOOL_FIELDS = {
    "model": text(least=1, most=MAX_MODEL),
    "size": text(form=SIZE),
    "quality": choice(QUALITIES),
    "background": choice(BACKGROUNDS),
    "output_format": choice(FORMATS),
    "moderation": choice(MODERATIONS),
    "action": choice(ACTIONS),
    "input_fidelity": choice(FIDELITIES),
    "output_compression": integer(0, 100),
    "partial_images": integer(0, MAX_PARTIAL_IMAGES),
    MASK: NAMED_PICTURE,
    "n": {"const": 1, "type": "integer"},
    "seed": integer(0, MAX_SEED),
    "loras": array(LORA, most=MAX_LORAS),
}
_IMAGE_TOOL = asked(
    {"type": _kind("image_generation")}, with_fates(_TOOL_FIELDS, IMAGE_TOOL_FIELDS)
)

_MODE = choice(("none", "auto", "required"))
_SELECTOR: Json = {
    "type": "object",
    "properties": {"type": text(least=1, most=MAX_TYPE)},
    "required": ["type"],
    "description": "One of `tools`, by its type, and a function by its name.",
}
_ALLOWED = asked(
    {
        "type": _kind("allowed_tools"),
        "mode": choice(("auto", "required")),
        "tools": array(_SELECTOR, most=MAX_TOOLS),
    }
)
TOOL_CHOICE = either(_MODE, _ALLOWED, _SELECTOR)

SCHEMAS: dict[str, Json] = {
    "InputPart": either(_TEXT_PART, _IMAGE_PART, _REFUSAL_PART),
    "InputItem": either(
        _MESSAGE,
        _FUNCTION_CALL,
        _FUNCTION_CALL_OUTPUT,
        _REASONING,
        _IMAGE_CALL,
        _REFERENCE,
        _ADDITIONAL_TOOLS,
        _FOUND_TOOLS,
        _another(_OWN_TYPES, MAX_NAME, "Any other item, for an upstream that takes it."),
    ),
    "ImageTool": _IMAGE_TOOL,
    "Tool": either(
        _FUNCTION,
        ref("ImageTool"),
        _another(_OWN_TOOLS, MAX_TYPE, "Any other tool, for an upstream that runs it."),
    ),
}
