"""`POST /v1/images/edits` as it is served: a form with files, or JSON that names its pictures.

Sources: OpenAI API reference, "Create image edit"; the forms are those that the official clients
write (RFC 7578): one file `image`, or several `image[]` or `image[0]`; numbers and booleans as
text, and `loras` as the text of its JSON. Beyond OpenAI's: `strength`, and the fields that
`wire.images` names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData, Size
from limner.wire import json
from limner.wire.fields import Fields, cut, invalid_value, unknown_parameter
from limner.wire.image_tool import FIDELITIES
from limner.wire.images import REFUSED, ImagesCall, read_call
from limner.wire.loras import FIELD as LORAS
from limner.wire.picture_size import has_alpha, measure
from limner.wire.pictures import MAX_IMAGE_BYTES, data_of, is_elsewhere, picture

PATH = "/v1/images/edits"
MAX_IMAGES = 16

MARKUP = {"markup": "Drawings over a picture are not read here: send a mask, or say it in words."}
_ALSO = frozenset({"images", "mask", "input_fidelity", "strength"})
_IMAGE = re.compile(r"image(\[\d{0,4}\])?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,15}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_INTEGERS = frozenset({"n", "output_compression", "partial_images", "seed", "steps"})
_NUMBERS = frozenset({"guidance_scale", "strength"})
_BOOLEANS = frozenset({"stream", "progress"})


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture within the request: whole bytes of a file of any format. path: of the field."""

    path: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Linked:
    """A picture at an http(s) URL."""

    path: str
    url: str


@dataclass(frozen=True, slots=True)
class Filed:
    """A picture that was uploaded before."""

    path: str
    file_id: str


NamedPicture = Sent | Linked | Filed


@dataclass(frozen=True, slots=True)
class EditCall:
    """A checked request whose pictures are still to be found; 1 to 16 of them."""

    call: ImagesCall
    images: tuple[NamedPicture, ...]
    mask: NamedPicture | None = None


def parse_edit(body: Mapping[str, Any]) -> EditCall:
    """Check a JSON body; raises InvalidRequest at the first field that is wrong."""
    fields = Fields(body)
    call = _call(fields)
    images = fields.objects("images", max_length=MAX_IMAGES)
    if not images:
        raise _missing("images")
    mask = fields.object("mask")
    return EditCall(call, tuple(map(_reference, images)), _reference(mask) if mask else None)


def parse_edit_form(
    texts: Iterable[tuple[str, str]], files: Sequence[tuple[str, bytes]]
) -> EditCall:
    """Check a form's parts, by their names in their order; raises InvalidRequest."""
    call = _call(Fields(_values(texts)))
    images = [content for name, content in files if _IMAGE.fullmatch(name)]
    masks = [content for name, content in files if name == "mask"]
    for name, _ in files:
        _check_name(name, is_known=name == "mask" or bool(_IMAGE.fullmatch(name)))
    if not images:
        raise _missing("image")
    for name, found, most in (("image", images, MAX_IMAGES), ("mask", masks, 1)):
        if len(found) > most:
            raise _too_many(name, len(found), most)
    paths = ["image"] if len(images) == 1 else [f"image[{i}]" for i in range(len(images))]
    return EditCall(
        call,
        tuple(_sent(path, content) for path, content in zip(paths, images, strict=True)),
        _sent("mask", masks[0]) if masks else None,
    )


def with_pictures(
    edit: EditCall, images: Sequence[ImageData], mask: ImageData | None
) -> ImagesCall:
    """The call, now that its pictures are there; raises InvalidRequest for a mask that is none."""
    if edit.mask and mask:
        check_mask(mask, images[0], edit.mask.path)
    request = replace(edit.call.request, images=tuple(images), mask=mask)
    return replace(edit.call, request=request)


def check_mask(mask: ImageData, source: ImageData, path: str) -> None:
    """A mask says with its alpha where the first picture may change, so it is as large as that.

    Cameras turn pictures by a note in the JPEG, which is not read here: edges may be swapped there.
    """
    if not has_alpha(mask):
        raise InvalidRequest(
            "The mask has no alpha channel. Expected a PNG or WebP picture that is transparent "
            "where the first image may change.",
            param=path,
            code="invalid_image_file",
        )
    size, expected = measure(mask), measure(source)
    sizes = {expected}
    if expected and source.format == "jpeg":
        sizes.add(Size(expected.height, expected.width))
    if size not in sizes:
        raise InvalidRequest(
            f"The mask is {size} pixels large. Expected the size of the first image, {expected}.",
            param=path,
            code="invalid_image_file",
        )


def read_picture(content: bytes, path: str) -> ImageData | None:
    """A picture in a format that everything here reads; None for a file of another kind.

    Raises InvalidRequest for one whose header is broken.
    """
    image = picture(content)
    if image and measure(image) is None:
        raise InvalidRequest(
            f"The file is a broken {image.format.upper()} picture: its size cannot be read.",
            param=path,
            code="invalid_image_file",
        )
    return image


def _call(fields: Fields) -> ImagesCall:
    call = read_call(fields, _ALSO, MARKUP)
    request = replace(
        call.request,
        input_fidelity=fields.choice("input_fidelity", FIDELITIES),
        strength=fields.number("strength", 0, 1),
    )
    return replace(call, request=request)


def _reference(entry: Fields) -> NamedPicture:
    """`{"image_url": …}` or `{"file_id": …}`."""
    entry.allow_only({"image_url", "file_id"})
    url, file_id = entry.string("image_url"), entry.string("file_id", min_length=1, max_length=256)
    if (url is None) == (file_id is None):
        excess = "mutually_exclusive" if file_id is not None else "missing_mutually_exclusive"
        raise InvalidRequest(
            f"Invalid '{entry.path}': expected exactly one of 'image_url' and 'file_id'.",
            param=entry.path,
            code=f"{excess}_parameters",
        )
    if file_id is not None:
        return Filed(entry.at("file_id"), file_id)
    assert url is not None
    path = entry.at("image_url")
    if url[:5].lower() == "data:":
        return Sent(path, data_of(url, path))
    if is_elsewhere(url):
        return Linked(path, url)
    raise invalid_value(path, url, "a data URL of an image, or an http(s) URL")


def _sent(path: str, content: bytes) -> Sent:
    if len(content) > MAX_IMAGE_BYTES:
        raise InvalidRequest(
            f"The picture is too large: expected at most {MAX_IMAGE_BYTES} bytes, got "
            f"{len(content)}.",
            param=path,
            code="image_file_too_large",
        )
    return Sent(path, content)


def _values(texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A form's fields as JSON would have them; what cannot be read so stays text."""
    values: dict[str, Any] = {}
    for name, text in texts:
        if name in ("mask", "images") or _IMAGE.fullmatch(name):
            raise invalid_value(cut(name), text, "a file, in a part of the form with a file name")
        _check_name(name, is_known="[" not in name)
        if name in values:
            raise invalid_value(cut(name), text, "one part of this name, not several")
        if "\0" in text:
            raise invalid_value(name, text, "text without the character NUL, as in JSON")
        values[name] = _value(name, text)
    return values


def _value(name: str, text: str) -> Any:
    if name in _INTEGERS and _INTEGER.fullmatch(text):
        return int(text)
    if name in _NUMBERS and _NUMBER.fullmatch(text):
        return float(text)
    if name == LORAS:
        return _json(text)
    if name in _BOOLEANS and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def _json(text: str) -> Any:
    try:
        return json.load(text)
    except ValueError:
        return text


def _check_name(name: str, *, is_known: bool) -> None:
    """Refuse a part that nothing reads; `svg[model]` belongs to `svg`."""
    if is_known:
        return
    whole = name.partition("[")[0]
    if whole in REFUSED or whole in MARKUP:
        read_call(Fields({whole: name}), refused=MARKUP)
    raise unknown_parameter(name)


def _missing(path: str) -> InvalidRequest:
    return InvalidRequest(
        f"Missing required parameter: '{path}'. An edit needs 1 to {MAX_IMAGES} pictures.",
        param=path,
        code="missing_required_parameter",
    )


def _too_many(path: str, got: int, most: int) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid '{path}': too many files. Expected at most {most}, but got {got} instead.",
        param=path,
        code="array_above_max_length",
    )
