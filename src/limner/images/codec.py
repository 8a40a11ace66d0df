"""The port `Codec` over processes that can do nothing but read and write pictures.

Decoders of picture formats are large, old and in C, and strangers choose what they read. So they
run in children without files, network, environment or much memory (`codec_child`). What makes one
of them crash, or takes it too long, is a picture that is refused, and nothing more.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from limner.core.errors import InvalidRequest
from limner.core.image import FORMATS, ImageData, ImageFormat, Size
from limner.wire import json
from limner.wire.picture_size import measure
from limner.wire.pictures import MAX_IMAGE_BYTES, sniff

MAX_PIXELS = 33_000_000
MAX_EDGE_PX = 8192
WORKERS = 2
PATIENCE_S = 60.0
"""For one picture, waiting for a free worker not counted; processor time ends far earlier."""

_SCRIPT = Path(__file__).with_name("codec_child.py")
_LIMITS = f"{MAX_PIXELS} pixels and {MAX_EDGE_PX} px an edge"


class SandboxedCodec:
    """Use as `async with`. Children start with the first pictures and end with the body.

    Every method raises InvalidRequest (400), with a code of OpenAI's API, for what is no picture
    of a known format, is broken or too large: 33 megapixels, 8192 px an edge, 20 MiB.
    """

    def __init__(self, *, workers: int = WORKERS, patience_s: float = PATIENCE_S) -> None:
        self._turns = asyncio.Semaphore(workers)
        self._patience_s = patience_s
        self._idle: list[Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._idle:
            await _end(self._idle.pop())

    async def readable(self, content: bytes) -> ImageData:
        """A picture of PNG, JPEG, WebP, GIF, BMP or TIFF as PNG: the first frame, upright, with
        its transparency, and not a byte of what else the file held."""
        return await self._write(content, "png", 100)

    async def encode(
        self, image: ImageData, format: ImageFormat, compression: int | None = None
    ) -> ImageData:
        """The same picture in another format; transparency becomes white in a JPEG."""
        return await self._write(image.content, format, 100 if compression is None else compression)

    async def scaled(self, image: ImageData, *, max_edge_px: int, max_bytes: int) -> ImageData:
        """The picture itself where it is within the limits, else one that is, maybe lossy."""
        size = measure(image)
        if size and _edge(size) <= max_edge_px and len(image.content) <= max_bytes:
            return image
        limits = {"edge_px": max_edge_px, "bytes": max_bytes}
        return await self._ask({"do": "scale", "format": image.format, **limits}, image.content)

    async def thumbnail(self, image: ImageData, *, width_px: int) -> ImageData:
        """A small WebP of it, this wide, or as wide as the picture is where that is less."""
        return await self._ask({"do": "thumbnail", "width_px": width_px}, image.content)

    async def _write(self, content: bytes, format: ImageFormat, quality: int) -> ImageData:
        return await self._ask({"do": "write", "format": format, "quality": quality}, content)

    async def _ask(self, job: dict[str, Any], content: bytes) -> ImageData:
        _check_head(content)
        job = {**job, "max_pixels": MAX_PIXELS, "max_edge_px": MAX_EDGE_PX}
        async with self._turns:
            child = await self._child()
            try:
                async with asyncio.timeout(self._patience_s):
                    answer, written = await _exchange(child, json.dump(job), content)
            except (TimeoutError, EOFError, OSError):
                await _end(child)
                raise _refused("image_parse_error", "it cannot be decoded") from None
            except BaseException:
                await _end(child)
                raise
            self._idle.append(child)
        if "code" in answer:
            raise _refused(answer["code"], answer["message"])
        return ImageData(written, answer["format"])

    async def _child(self) -> Process:
        while self._idle:
            if (child := self._idle.pop()).returncode is None:
                return child
        command = [sys.executable, "-I", str(_SCRIPT)]
        return await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, cwd="/"
        )


async def _exchange(child: Process, job: bytes, content: bytes) -> tuple[dict[str, Any], bytes]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(struct.pack(">II", len(job), len(content)) + job)
    child.stdin.write(content)
    await child.stdin.drain()
    head, tail = struct.unpack(">II", await child.stdout.readexactly(8))
    answer = json.load(await child.stdout.readexactly(head))
    return answer, await child.stdout.readexactly(tail)


async def _end(child: Process) -> None:
    with suppress(ProcessLookupError):
        child.kill()
    await child.wait()


def _check_head(content: bytes) -> None:
    """What can be refused without a child: nothing, too many bytes, and a header's large promises.

    Some decoders make room for all pixels as they open a file, so headers are read before.
    """
    if not content:
        raise _refused("empty_image_file", "it is empty")
    if len(content) > MAX_IMAGE_BYTES:
        why = f"it has {len(content)} bytes, more than {MAX_IMAGE_BYTES}"
        raise _refused("image_file_too_large", why)
    kind = sniff(content)
    size = measure(ImageData(content, kind)) if kind in FORMATS else None
    if size and (size.width * size.height > MAX_PIXELS or _edge(size) > MAX_EDGE_PX):
        raise _refused("image_too_large", f"it has {size} px, more than {_LIMITS}")


def _edge(size: Size) -> int:
    return max(size.width, size.height)


def _refused(code: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"The picture cannot be used: {why}.", code=code)
