"""The Files API: uploads of pictures.

Source: OpenAI API reference, "Files". Here a file is always a picture, which its bytes must show.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from limner.core.errors import InvalidRequest
from limner.core.file import PURPOSES, File, NewFile
from limner.wire.fields import Fields, invalid_value
from limner.wire.items import Json
from limner.wire.pictures import sniff

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_FILENAME = 255
MIN_LIFE_S, MAX_LIFE_S = 3600, 30 * 24 * 3600

_ANCHOR, _SECONDS = "expires_after[anchor]", "expires_after[seconds]"
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def parse_upload(
    fields: Sequence[tuple[str, str]], files: Sequence[tuple[str, str, bytes]]
) -> NewFile:
    """Check a form. files: the name of the part, the file's name and its bytes.

    Raises InvalidRequest: 413 for files above 20 MiB, 400 for what is no picture and the like.
    """
    form = Fields(dict(fields))
    if form.get("file") is not None:
        raise InvalidRequest(
            "The part 'file' must be a file: give it a file name.",
            param="file",
            code="invalid_type",
        )
    form.allow_only({"purpose", _ANCHOR, _SECONDS})
    purpose = form.required_choice("purpose", PURPOSES)
    filename, content = _only_file(files)
    return NewFile(
        filename=_checked_name(filename),
        purpose=purpose,
        media_type=_media_type(content),
        content=content,
        expires_after_s=_life_s(form),
    )


def file_json(file: File) -> Json:
    """The File object."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.size,
        "created_at": int(file.created_at),
        "expires_at": None if file.expires_at is None else int(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def no_such_file(id: str) -> InvalidRequest:
    """The same for files unknown, foreign and deleted."""
    return InvalidRequest(f"No such File object: {id}", param="id", status=404)


def _only_file(files: Sequence[tuple[str, str, bytes]]) -> tuple[str, bytes]:
    if [name for name, _, _ in files] != ["file"]:
        got = ", ".join(repr(name) for name, _, _ in files) or "none"
        raise InvalidRequest(
            f"Expected exactly one file, in the part named 'file', got {got}.",
            param="file",
            code="missing_required_parameter" if not files else "invalid_value",
        )
    _, filename, content = files[0]
    if len(content) > MAX_FILE_BYTES:
        raise InvalidRequest(
            f"The file must have at most {MAX_FILE_BYTES} bytes, got {len(content)}.",
            param="file",
            code="file_too_large",
            status=413,
        )
    return filename, content


def _checked_name(filename: str) -> str:
    if not filename.isprintable() or len(filename) > MAX_FILENAME:
        expected = f"a name of at most {MAX_FILENAME} printable characters"
        raise InvalidRequest(
            f"Invalid file name: expected {expected}.", param="file", code="invalid_value"
        )
    return filename or "picture"


def _media_type(content: bytes) -> str:
    if kind := sniff(content):
        return f"image/{kind}"
    raise InvalidRequest(
        "The file is no picture that is read here: PNG, JPEG, WebP, GIF, BMP or TIFF.",
        param="file",
        code="unsupported_file",
    )


def _life_s(form: Fields) -> int | None:
    anchor, seconds = form.get(_ANCHOR), form.get(_SECONDS)
    if anchor is None and seconds is None:
        return None
    form.required_choice(_ANCHOR, ("created_at",))
    form.require(_SECONDS)
    if not _NUMBER.fullmatch(seconds) or not MIN_LIFE_S <= int(seconds) <= MAX_LIFE_S:
        raise invalid_value(_SECONDS, seconds, f"an integer in [{MIN_LIFE_S}, {MAX_LIFE_S}]")
    return int(seconds)
