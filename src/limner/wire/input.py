"""The `input` of a response request: a string or items, read into the core's items.

Clients send back what they received, whole, so every field of an item that was ever an output is
known here. Some describe the past and ask for nothing: `status`, `phase`, `logprobs`, `action` and
the like are read over, and so are hints for caches (`prompt_cache_breakpoint`). Items of other
types, and calls within a namespace, are kept as they came, for an upstream that understands them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from limner.core.errors import InvalidRequest
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
from limner.wire.fields import MAX_STRING, Fields, string, unsupported, wrong_type
from limner.wire.pictures import MAX_IMAGE_BYTES, shown_picture, stored_picture

MAX_ITEMS = 10_000
MAX_PARTS = 1_000
MAX_IMAGES = 500
MAX_NAME = 256
MAX_IMAGE_TEXT = MAX_IMAGE_BYTES * 2
"""Loose bound for the characters of a picture; the exact one is told in bytes."""

_ROLES: tuple[Role, ...] = ("user", "assistant", "system", "developer")
_DETAILS: tuple[Detail, ...] = ("auto", "low", "high", "original")
_PART_TYPES = ("input_text", "output_text", "refusal", "input_image")


def parse_input(request: Fields) -> tuple[Item, ...]:
    """The items of a request's `input`; raises InvalidRequest."""
    request.require("input")
    value = request.get("input")
    if isinstance(value, str):
        return (Message("user", (TextPart(string(value, request.at("input"), MAX_STRING)),)),)
    if not isinstance(value, list):
        raise wrong_type(request.at("input"), "a string or an array", value)
    entries = request.objects("input", max_length=MAX_ITEMS)
    if not entries:
        raise InvalidRequest(
            "Invalid 'input': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            param="input",
            code="empty_array",
        )
    items = tuple(_item(entry) for entry in entries)
    _check_image_count(items)
    return items


def _item(entry: Fields) -> Item:
    kind = entry.string("type")
    if kind is None and entry.get("role") is not None:
        kind = "message"
    if kind == "item_reference" or (kind is None and entry.get("id") is not None):
        raise unsupported(
            entry.path, "Items are not stored on this server: send the whole item in its place."
        )
    entry = Fields({**entry.values, "type": kind}, entry.path)
    kind = entry.required_string("type", max_length=MAX_NAME)
    if kind in _DECLARING:
        raise unsupported(entry.path, "Declare tools in 'tools' of the request.")
    if kind not in _READERS or (kind == "function_call" and entry.get("namespace") is not None):
        return Opaque(entry.values)
    known, read = _READERS[kind]
    entry.allow_only(known)
    return read(entry)


def _message(entry: Fields) -> Message:
    return Message(
        role=entry.required_choice("role", _ROLES),
        parts=_parts(entry, "content"),
        id=entry.string("id", max_length=MAX_NAME),
    )


def _function_call(entry: Fields) -> FunctionCall:
    return FunctionCall(
        call_id=entry.required_string("call_id", min_length=1, max_length=MAX_NAME),
        name=entry.required_string("name", min_length=1, max_length=MAX_NAME),
        arguments=entry.required_string("arguments"),
        id=entry.string("id", max_length=MAX_NAME),
    )


def _function_call_output(entry: Fields) -> FunctionCallOutput:
    return FunctionCallOutput(
        call_id=entry.required_string("call_id", min_length=1, max_length=MAX_NAME),
        parts=_parts(entry, "output"),
        id=entry.string("id", max_length=MAX_NAME),
    )


def _reasoning(entry: Fields) -> Reasoning:
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


def _image_call(entry: Fields) -> ImageCall:
    if entry.get("status") is None and entry.get("result") is None:
        raise unsupported(
            entry.path,
            "Pictures are not stored on this server, so an image_generation_call cannot be named "
            "by its id alone: send the whole item with its result.",
        )
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


_DECLARING = frozenset({"additional_tools", "tool_search_output"})
"""Items that would bring tools past the checks of `tools`."""

_READERS: Mapping[str, tuple[frozenset[str], Callable[[Fields], Item]]] = {
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


def _parts(entry: Fields, name: str) -> tuple[Part, ...]:
    """A string or a list of parts, as messages and tool outputs hold them."""
    entry.require(name)
    value = entry.get(name)
    if isinstance(value, str):
        return (TextPart(string(value, entry.at(name), MAX_STRING)),)
    if not isinstance(value, list):
        raise wrong_type(entry.at(name), "a string or an array", value)
    return tuple(_part(part) for part in entry.objects(name, max_length=MAX_PARTS))


def _part(part: Fields) -> Part:
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
            return _image_part(part)


def _image_part(part: Fields) -> ImagePart:
    part.allow_only({"type", "detail", "image_url", "file_id", "prompt_cache_breakpoint"})
    url = part.string("image_url", max_length=MAX_IMAGE_TEXT)
    file_id = part.string("file_id")
    if (url is None) == (file_id is None):
        both = url is not None
        raise InvalidRequest(
            f"Expected exactly one of 'image_url' and 'file_id', got {'both' if both else 'none'}.",
            param=part.path,
            code=f"{'' if both else 'missing_'}mutually_exclusive_parameters",
        )
    if url is None:
        raise InvalidRequest(
            "Files are not stored on this server: send the picture as an 'image_url', "
            "a data URL or an http(s) URL.",
            param=part.at("file_id"),
            code="unsupported_image_source",
        )
    detail = part.choice("detail", _DETAILS)
    return ImagePart(shown_picture(url, part.at("image_url")), detail or "auto")


def _check_image_count(items: tuple[Item, ...]) -> None:
    count = sum(
        isinstance(part, ImagePart)
        for item in items
        if isinstance(item, Message | FunctionCallOutput)
        for part in item.parts
    )
    if count > MAX_IMAGES:
        raise InvalidRequest(
            f"Too many images in the input: expected at most {MAX_IMAGES}, got {count}.",
            param="input",
            code="array_above_max_length",
        )
