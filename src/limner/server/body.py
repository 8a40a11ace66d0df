"""Bodies of requests: JSON, or forms where pictures are uploaded; whole, and within limits.

The content type is insisted on because browsers send `text/plain` and forms to any host without
asking, but `application/json` only after a preflight, which this server does not grant. Forms need
no preflight: for them it is `guard.SiteGuard` that refuses the pages of other sites.
Senders that stop or trickle are dropped by the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from limner.core.errors import InvalidRequest
from limner.server.errors import MAX_QUOTED_CHARS
from limner.wire import json

MIB = 1024 * 1024
DEFAULT_LIMIT_BYTES = 64 * MIB
"""Holds sixteen pictures of 3 MB, as base64, in a conversation."""

PARSED_ASIDE_BYTES = MIB
"""Larger bodies are parsed in a thread: a hostile 10 MB of brackets takes a second."""


@dataclass(frozen=True, slots=True)
class FormLimits:
    """What a form may hold. field_bytes: of one field that is no file."""

    body_bytes: int = DEFAULT_LIMIT_BYTES
    files: int = 17
    fields: int = 64
    field_bytes: int = MIB


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form. filename: as the client says, never a path to open."""

    filename: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """A form's parts by their names, in the order of the body; a name may come several times."""

    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, Upload], ...] = ()


async def read_json(request: Request, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> dict[str, Any]:
    """Read the body, one JSON object.

    Raises InvalidRequest: 415 for another content type or an encoding, 413 above the limit, 400 for
    what is not strict JSON; ClientDisconnect when the client left before the end.
    """
    _check_headers(request, "application/json")
    body = await read_bytes(request, limit_bytes)
    if not body:
        raise InvalidRequest(
            "The request body is empty; a JSON object is needed.", code="invalid_json"
        )
    if len(body) > PARSED_ASIDE_BYTES:
        return await asyncio.to_thread(json.load_body, body)
    return json.load_body(body)


async def read_form(request: Request, limits: FormLimits | None = None) -> Form:
    """Read the body, one form of several parts (RFC 7578).

    Raises InvalidRequest: 415 for another content type or an encoding, 413 above the size of the
    body, 400 for what is no form or has too many or too large parts; ClientDisconnect.
    """
    limits = limits or FormLimits()
    _check_headers(request, "multipart/form-data")
    _check_charset(request)
    parser = _FormParser(
        request.headers,
        _pieces(request, limits.body_bytes),
        max_files=limits.files,
        max_fields=limits.fields,
        max_part_size=limits.field_bytes,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        message = f"The request body is not an acceptable form: {error.message}"
        raise InvalidRequest(message, code="invalid_form") from None
    fields, files = [], []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.append((name, Upload(value.filename or "", await value.read())))
        else:
            fields.append((name, value))
    await form.close()
    return Form(tuple(fields), tuple(files))


async def read_bytes(request: Request, limit_bytes: int) -> bytes:
    """Read the body, whatever it is; raises InvalidRequest (413) above the limit."""
    return b"".join([piece async for piece in _pieces(request, limit_bytes)])


class _FormParser(MultiPartParser):
    """Keeps files in memory, never on the disk, and refuses a form that is cut off."""

    spool_max_size = 0
    _is_whole = False

    async def parse(self) -> FormData:
        self.stream = self._to_the_end(self.stream)
        return await super().parse()

    def on_end(self) -> None:
        self._is_whole = True

    async def _to_the_end(self, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for piece in pieces:
            yield piece
        if not self._is_whole:
            raise MultiPartException("it ends before its last boundary.")


async def _pieces(request: Request, limit_bytes: int) -> AsyncGenerator[bytes, None]:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise _too_large(f"{int(declared)} bytes", limit_bytes)
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit_bytes:
            raise _too_large("more", limit_bytes)
        yield piece


def _check_headers(request: Request, media_type: str) -> None:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != media_type:
        raise InvalidRequest(
            f"Content-Type must be {media_type}, got {_quoted(content_type)}.",
            code="unsupported_content_type",
            status=415,
        )
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise InvalidRequest(
            f"Content-Encoding {_quoted(encoding)} is not supported; send the body as it is.",
            code="unsupported_content_encoding",
            status=415,
        )


def _check_charset(request: Request) -> None:
    """Forms are UTF-8 (RFC 7578, section 5.1.2); other codecs make texts that JSON cannot hold."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    charset = options.get(b"charset", b"utf-8").decode("latin-1")
    if charset.lower() != "utf-8":
        raise InvalidRequest(
            f"The charset of a form must be utf-8, got {_quoted(charset)}.",
            code="unsupported_content_type",
            status=415,
        )


def _quoted(value: str) -> str:
    return repr(value[:MAX_QUOTED_CHARS]) if value else "none"


def _too_large(got: str, limit_bytes: int) -> InvalidRequest:
    return InvalidRequest(
        f"The request body must be at most {limit_bytes} bytes, got {got}.",
        code="request_too_large",
        status=413,
    )
