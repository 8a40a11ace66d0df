"""One item of a response request's input, read into the core's items.

Clients send back what they received, whole, so every field of an item that was ever an output is
known here. Some describe the past and ask for nothing: `status`, `logprobs`, `action` and the like
are read over, and so are hints for caches (`prompt_cache_breakpoint`). Items of other
types, and calls within a namespace, are kept as they came, for an upstream that understands them.
Tools that items bring along are declared like those of `tools`: see `wire.input`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.core.items import (
    Detail,
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImageCallError,
    ImagePart,
    Item,
    Message,
    Opaque,
    Part,
    Reasoning,
    RefusalPart,
    Role,
    TextPart,
)
from limner.wire.fields import MAX_STRING, Fields, cut, string, unsupported, wrong_type
from limner.wire.known import Known
from limner.wire.pictures import MAX_IMAGE_BYTES, shown_picture, stored_picture

IMAGE_TOOL = "image_generation"
DECLARING = frozenset({"additional_tools", "tool_search_output"})
"""Items that bring tools along."""

MAX_PARTS = 1_000
MAX_TOOLS = 128
MAX_NAME = 256
MAX_IMAGE_TEXT = MAX_IMAGE_BYTES * 2
"""Loose bound for the characters of a picture; the exact one is told in bytes."""

_CALLS = ("function_call", "function_call_output")
_ROLES: tuple[Role, ...] = ("user", "assistant", "system", "developer")
_DETAILS: tuple[Detail, ...] = ("auto", "low", "high", "original")
_PART_TYPES = ("input_text", "output_text", "refusal", "input_image")


def read_item(entry: Fields, known: Known) -> Item:
    """One item that is there whole, or whose picture alone was left out; raises InvalidRequest."""
    kind = entry.string("type")
    if kind is None and entry.get("role") is not None:
        kind = "message"
    entry = Fields({**entry.values, "type": kind}, entry.path)
    kind = entry.required_string("type", min_length=1, max_length=MAX_NAME)
    if kind in DECLARING:
        return _without_image_tool(entry)
    if kind not in _READERS or (kind in _CALLS and entry.get("namespace") is not None):
        return Opaque(entry.values, _pictures_of(entry, known))
    fields, read = _READERS[kind]
    entry.allow_only(fields)
    return read(entry, known)


def _pictures_of(entry: Fields, known: Known) -> tuple[ImageData, ...]:
    """The pictures in the output of a call, as of `custom_tool_call_output`.

    What cannot be read here is the upstream's to judge.
    """
    output = entry.get("output")
    found = []
    for at, part in enumerate(output if isinstance(output, list) else ()):
        url = part.get("image_url") if isinstance(part, dict) else None
        if isinstance(url, str):
            with suppress(InvalidRequest):
                path = f"{entry.at('output')}[{at}].image_url"
                found.append(shown_picture(url, path, known.urls))
    return tuple(found)


def _without_image_tool(entry: Fields) -> Opaque:
    """The image tool runs here; an upstream that knows such items shall not be offered another."""
    if entry.get("type") == "additional_tools":
        entry.allow_only({"type", "id", "role", "tools", "status"})
        entry.required_choice("role", ("developer",))
    entry.require("tools")
    tools = entry.objects("tools", max_length=MAX_TOOLS)
    others = [tool.values for tool in tools if tool.get("type") != IMAGE_TOOL]
    return Opaque({**entry.values, "tools": others})


def _message(entry: Fields, known: Known) -> Message:
    return Message(
        role=entry.required_choice("role", _ROLES),
        parts=_parts(entry, "content", known),
        id=entry.string("id", max_length=MAX_NAME),
        phase=entry.string("phase", max_length=MAX_NAME),
    )


def _function_call(entry: Fields, known: Known) -> FunctionCall:
    return FunctionCall(
        call_id=entry.required_string("call_id", min_length=1, max_length=MAX_NAME),
        name=entry.required_string("name", min_length=1, max_length=MAX_NAME),
        arguments=entry.required_string("arguments"),
        id=entry.string("id", max_length=MAX_NAME),
    )


def _function_call_output(entry: Fields, known: Known) -> FunctionCallOutput:
    return FunctionCallOutput(
        call_id=entry.required_string("call_id", min_length=1, max_length=MAX_NAME),
        parts=_parts(entry, "output", known),
        id=entry.string("id", max_length=MAX_NAME),
    )


def _reasoning(entry: Fields, known: Known) -> Reasoning:
    texts = [
        [part.required_string("text") for part in entry.objects(name, max_length=MAX_PARTS)]
        for name in ("content", "summary")
    ]
    return Reasoning(
        text="\n".join(texts[0] or texts[1]),
        id=entry.string("id", max_length=MAX_NAME),
        encrypted_content=entry.string("encrypted_content"),
        source=entry.values,
    )


def _image_call(entry: Fields, known: Known) -> ImageCall:
    result = entry.string("result", max_length=MAX_IMAGE_TEXT)
    return ImageCall(
        id=entry.required_string("id", min_length=1, max_length=MAX_NAME),
        revised_prompt=entry.string("revised_prompt") or "",
        result=stored_picture(result, entry.at("result")) if result else None,
        error=_image_error(entry.object("error")),
    )


def _image_error(error: Fields | None) -> ImageCallError | None:
    if error is None:
        return None
    return ImageCallError(
        message=error.required_string("message"),
        code=error.string("code", max_length=MAX_NAME),
        type=error.string("type", max_length=MAX_NAME) or "image_generation_server_error",
    )


_READERS: Mapping[str, tuple[frozenset[str], Callable[[Fields, Known], Item]]] = {
    "message": (frozenset({"type", "id", "role", "content", "status", "phase"}), _message),
    "function_call": (
        frozenset(
            {"type", "id", "call_id", "name", "arguments", "status", "namespace", "caller", "async"}
        ),
        _function_call,
    ),
    "function_call_output": (
        frozenset(
            {"type", "id", "call_id", "output", "status", "name", "namespace", "caller"}
            | {"created_by"}
        ),
        _function_call_output,
    ),
    "reasoning": (
        frozenset({"type", "id", "summary", "content", "encrypted_content", "status"}),
        _reasoning,
    ),
    "image_generation_call": (
        frozenset(
            {"type", "id", "status", "result", "revised_prompt", "error", "action", "size"}
            | {"quality", "background", "output_format", "svg_usage", "limner"}
        ),
        _image_call,
    ),
}


def _parts(entry: Fields, name: str, known: Known) -> tuple[Part, ...]:
    """A string or a list of parts, as messages and tool outputs hold them."""
    entry.require(name)
    value = entry.get(name)
    if isinstance(value, str):
        return (TextPart(string(value, entry.at(name), MAX_STRING)),)
    if not isinstance(value, list):
        raise wrong_type(entry.at(name), "a string or an array", value)
    return tuple(_part(part, known) for part in entry.objects(name, max_length=MAX_PARTS))


def _part(part: Fields, known: Known) -> Part:
    if part.get("type") == "input_file":
        raise unsupported(part.path, "Files are not read here: send text or images.")
    match part.required_choice("type", _PART_TYPES):
        case "input_text" | "output_text":
            part.allow_only({"type", "text", "annotations", "logprobs", "prompt_cache_breakpoint"})
            annotations = part.objects("annotations", max_length=MAX_PARTS)
            return TextPart(
                part.required_string("text"), tuple(entry.values for entry in annotations)
            )
        case "refusal":
            part.allow_only({"type", "refusal"})
            return RefusalPart(part.required_string("refusal"))
        case _:
            detail = part.choice("detail", _DETAILS)
            return ImagePart(_picture(part, known), detail or "auto")


def _picture(part: Fields, known: Known) -> ImageData:
    part.allow_only({"type", "detail", "image_url", "file_id", "prompt_cache_breakpoint"})
    return named_picture(part, known, both_at=part.path)


def named_picture(holder: Fields, known: Known, *, both_at: str) -> ImageData:
    """The picture that an object names by exactly one of `image_url` and `file_id`.

    both_at: the path to blame when it has both.
    """
    url = holder.string("image_url", max_length=MAX_IMAGE_TEXT)
    file_id = holder.string("file_id", max_length=MAX_NAME)
    if (url is None) == (file_id is None):
        both = url is not None
        raise InvalidRequest(
            f"Expected exactly one of 'image_url' and 'file_id', got {'both' if both else 'none'}.",
            param=both_at if both else holder.path,
            code=f"{'' if both else 'missing_'}mutually_exclusive_parameters",
        )
    if url is not None:
        return shown_picture(url, holder.at("image_url"), known.urls)
    assert file_id is not None
    if file_id not in known.files:
        raise InvalidRequest(
            f"File with id '{cut(file_id)}' not found.",
            param=holder.at("file_id"),
            code="image_file_not_found",
        )
    return known.files[file_id]
