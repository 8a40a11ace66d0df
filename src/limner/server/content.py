"""Stored bytes as replies of their own: cached for ever, harmless in a browser.

What is stored never changes under its id, so its digest is a strong validator (RFC 9110, 8.8.3).
The bytes come from models and strangers: nothing may run in them, and no other site may show them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

_ALWAYS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def content_response(
    request: Request,
    load: Callable[[], Awaitable[bytes]],
    *,
    digest: str,
    media_type: str,
    filename: str,
    download: bool = False,
) -> Response:
    """The bytes of a digest, or 304 for a client that has them. load: gets the bytes.

    digest: of just these bytes, or what they alone are made of. download: to a file.
    """
    tag = f'"{digest}"'
    headers = {**_ALWAYS, "ETag": tag, "Content-Disposition": _disposition(filename, download)}
    if has_tag(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(await load(), headers=headers, media_type=media_type)


def has_tag(if_none_match: str, tag: str) -> bool:
    """Whether a client that sends this header has what the tag stands for (RFC 9110, 13.1.2)."""
    given = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in given or "*" in given


def _disposition(filename: str, download: bool) -> str:
    """RFC 6266: a plain name for old readers, the whole one in UTF-8 for all others."""
    plain = "".join(char if char.isalnum() or char in "._-" else "_" for char in filename)
    plain = plain.encode("ascii", "replace").decode().replace("?", "_")
    kind = "attachment" if download else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
