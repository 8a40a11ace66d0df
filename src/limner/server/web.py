"""The chat page: files of the package, read once, served from memory.

Nothing of a request's path is ever looked up on disk: the table of files is made at start. The
policy lets the page load from this server alone, and run no script that is not one of its files.
Comments and indentation of our own stay here: they are a sixth of what would be sent. Comments of
others are their licences, and go along.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.errors import InvalidRequest
from limner.server.content import has_tag

PREFIX = "/web"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FOR_READERS = re.compile(
    rb"^[ \t]*(?:/\*(?:[^*]|\*(?!/))*\*/[ \t]*\n|//[^\n]*\n|(?<=[ \t]))", re.MULTILINE
)
_WRITTEN_HERE = {".css", ".js"}
_OTHERS = "vendor"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    packed: bytes
    media_type: str
    tag: str


def web_routes(folder: Path) -> list[Route]:
    """folder: with `index.html`; files of other kinds than a page's are left out."""
    files = dict(_read(folder))

    async def page(request: Request) -> Response:
        return _reply(request, files["index.html"])

    async def file(request: Request) -> Response:
        found = files.get(request.path_params["path"])
        if found is None:
            raise InvalidRequest("There is no such file.", code="not_found", status=404)
        return _reply(request, found)

    return [Route("/", page), Route(PREFIX + "/{path:path}", file)]


def _read(folder: Path) -> Iterator[tuple[str, _File]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in _TYPES:
            content = _content(path)
            packed = gzip.compress(content, mtime=0)
            tag = f'"{sha256(content).hexdigest()[:32]}"'
            file = _File(content, packed, _TYPES[path.suffix], tag)
            yield path.relative_to(folder).as_posix(), file


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix in _WRITTEN_HERE and path.parent.name != _OTHERS:
        return _FOR_READERS.sub(b"", content)
    return content


def _reply(request: Request, file: _File) -> Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": POLICY,
        "ETag": file.tag,
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if has_tag(request.headers.get("if-none-match", ""), file.tag):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.packed, headers=headers, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)
