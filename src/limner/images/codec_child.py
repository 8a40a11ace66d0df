"""The process that decodes strangers' pictures; `codec.SandboxedCodec` runs it as a script.

It can do nothing but compute: before the first picture it gives up opening files and sockets,
starting processes, and all memory and processor time beyond what the largest picture needs. What a
decoder's bug could reach is the pictures of the same minute.

On standard input: two lengths (4 bytes each, big-endian), a JSON object, a picture; on standard
output the same. It imports nothing of Limner, so that it starts fast and knows nothing.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
from io import BytesIO
from typing import Any, BinaryIO

from PIL import Image, ImageFile, ImageOps, PngImagePlugin, UnidentifiedImageError

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 10
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
PNG_LEVEL = 1
"""Level 6 would take three times as long for files a little smaller."""
QUALITIES = (90, 75, 60)
THUMBNAIL_QUALITY = 80
SHRINK = 0.7

PngImagePlugin.MAX_TEXT_MEMORY = 16 * 1024 * 1024
ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = None  # `_opened` has a stricter limit, for edges too


class RefusedError(Exception):
    """The picture is to blame; args: code and message."""


def main() -> None:
    """Work until standard input ends."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    _warm_up()
    _give_up_rights()
    while head := source.read(8):
        lengths = struct.unpack(">II", head)
        job, content = json.loads(source.read(lengths[0])), source.read(lengths[1])
        _allow_cpu()
        try:
            format, written = _do(job, content)
        except RefusedError as error:
            _answer(sink, {"code": error.args[0], "message": error.args[1]})
        except MemoryError:
            _answer(sink, {"code": "image_too_large", "message": "it takes too much memory"})
            return
        except Exception:
            # Pillow raises whatever its parsers stumble upon, from SyntaxError to struct.error, and
            # what it says may quote the file.
            _answer(sink, {"code": "image_parse_error", "message": "its file is broken"})
        else:
            _answer(sink, {"format": format}, written)


def _warm_up() -> None:
    """Have all modules imported that Pillow would otherwise look for with the first picture."""
    Image.init()
    turned = Image.Exif()
    turned[0x0112] = 6
    for format in FORMATS:
        out = BytesIO()
        Image.new("RGB", (2, 2)).save(out, format, exif=turned)
        _plain(_opened(out.getvalue(), 4, 2))


def _give_up_rights() -> None:
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 0,
    }
    for limit, value in limits.items():
        _, most = resource.getrlimit(limit)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, value))


def _allow_cpu() -> None:
    """Give the next picture its time; the kernel ends the process that takes more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    seconds = int(used.ru_utime + used.ru_stime) + CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, most))


def _answer(sink: BinaryIO, answer: dict[str, Any], content: bytes = b"") -> None:
    head = json.dumps(answer).encode()
    sink.write(struct.pack(">II", len(head), len(content)) + head)
    sink.write(content)
    sink.flush()


def _do(job: dict[str, Any], content: bytes) -> tuple[str, bytes]:
    """The format and the bytes of the picture that was asked for."""
    image = _plain(_opened(content, job["max_pixels"], job["max_edge_px"]))
    match job["do"]:
        case "write":
            return job["format"], _written(image, job["format"], job["quality"])
        case "scale":
            return _scaled(image, job["format"], job["edge_px"], job["bytes"])
        case "thumbnail":
            image.thumbnail((job["width_px"], job["max_edge_px"]), Image.Resampling.LANCZOS)
            return "webp", _written(image, "webp", THUMBNAIL_QUALITY)
        case unknown:
            raise ValueError(unknown)


def _opened(content: bytes, max_pixels: int, max_edge_px: int) -> Image.Image:
    """The picture's first frame, whose pixels are only read when they are few enough."""
    try:
        image: Image.Image = Image.open(BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise RefusedError("unsupported_image_media_type", f"it is none of {known}") from None
    width, height = image.size
    if width * height > max_pixels or max(width, height) > max_edge_px:
        limits = f"{max_pixels} pixels and {max_edge_px} px an edge"
        raise RefusedError("image_too_large", f"it has {width}x{height} px, more than {limits}")
    image.load()
    return image


def _plain(image: Image.Image) -> Image.Image:
    """The pixels alone, upright, as RGB or RGBA of 8 bits; no metadata, profile or second frame."""
    if image.mode in ("I", "I;16", "I;16B"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:
        # Broken metadata do not make the pixels worth less.
        image = image.copy()
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.info.clear()
    return image


def _written(image: Image.Image, format: str, quality: int) -> bytes:
    out = BytesIO()
    if format == "png":
        image.save(out, "png", compress_level=PNG_LEVEL)
    elif format == "jpeg":
        if image.mode == "RGBA":
            ground = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(ground, image).convert("RGB")
        # Pillow's JPEG would read 0 as "choose for me".
        image.save(out, "jpeg", quality=max(1, quality))
    else:
        image.save(out, "webp", quality=quality)
    return out.getvalue()


def _scaled(image: Image.Image, format: str, edge_px: int, max_bytes: int) -> tuple[str, bytes]:
    """As few changes as do: the edge first, then the format, the quality, and the size again."""
    image.thumbnail((edge_px, edge_px), Image.Resampling.LANCZOS)
    if format == "png" and len(content := _written(image, format, 100)) <= max_bytes:
        return format, content
    lossy = "webp" if image.mode == "RGBA" else "jpeg"
    while True:
        for quality in QUALITIES:
            if len(content := _written(image, lossy, quality)) <= max_bytes:
                return lossy, content
        if max(image.size) <= 16:
            raise RefusedError("image_too_large", f"it cannot be made to fit {max_bytes} bytes")
        image = image.resize([max(1, int(edge * SHRINK)) for edge in image.size])


if __name__ == "__main__":
    main()
