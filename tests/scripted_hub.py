"""A Hugging Face Hub on loopback that has one folder, as its client library asks for it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class ScriptedHub:
    """files: by name. breaks: names whose first download ends after half. asked: (name, range)."""

    name: str
    files: dict[str, bytes]
    gated: bool = False
    breaks: set[str] = field(default_factory=set)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, folder: Path) -> ScriptedHub:
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return cls(name, {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/models/{owner}/{name}/revision/{revision}", self._info),
                Route("/api/models/{owner}/{name}/tree/{revision}", self._tree),
                Route("/api/models/{owner}/{name}", self._info),
                Route("/{owner}/{name}/resolve/{revision}/{path:path}", self._file),
            ]
        )

    def _refusal(self, request: Request) -> Response | None:
        if "{owner}/{name}".format(**request.path_params) != self.name:
            return Response("", 401, {"X-Error-Code": "RepoNotFound"})
        if self.gated:
            return Response("", 401, {"X-Error-Code": "GatedRepo"})
        return None

    async def _info(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        siblings = [{"rfilename": name} for name in self.files]
        return JSONResponse({"id": self.name, "sha": COMMIT, "siblings": siblings})

    async def _tree(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse(
            [
                {"type": "file", "path": name, "size": len(content), "oid": _oid(content)}
                for name, content in self.files.items()
            ]
        )

    async def _file(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        name = request.path_params["path"]
        if name not in self.files:
            return Response("", 404, {"X-Error-Code": "EntryNotFound"})
        content = self.files[name]
        headers = {
            "ETag": f'"{_oid(content)}"',
            "X-Repo-Commit": COMMIT,
            "Accept-Ranges": "bytes",
        }
        if request.method == "HEAD":
            return Response("", headers={**headers, "Content-Length": str(len(content))})
        asked = request.headers.get("range")
        self.asked.append((name, asked))
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        part, status = content[start:], 206 if start else 200
        headers["Content-Length"] = str(len(part))
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if name in self.breaks:
            self.breaks.remove(name)
            return StreamingResponse(_half(part), status, headers)
        return Response(part, status, headers)


async def _half(content: bytes) -> AsyncIterator[bytes]:
    """Less than the header says: the server then closes the connection."""
    yield content[: len(content) // 2]


def _oid(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
