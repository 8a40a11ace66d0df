"""The pictures of an edit on their way to ComfyUI: uploaded, then named in the workflow.

Source: ComfyUI documentation, "Routes", `/upload/image`; its node LoadImage, whose mask is 1 where
the file is transparent, which is what OpenAI's masks mean.
"""

from __future__ import annotations

import zlib

from limner.core.image import ImageData, ImageFailed, ImageRequest
from limner.wire.comfyui_workflow import Workflow
from limner.wire.images_picture import broken
from limner.wire.images_plain import read_object
from limner.wire.kept import digest_of

UPLOAD_FOLDER = "temp"
"""Is emptied when ComfyUI starts; uploads cannot be deleted over its API."""

UPLOAD_FIELDS = (("type", UPLOAD_FOLDER), ("overwrite", "true"))


def _clear(edge_px: int) -> ImageData:
    """A PNG of grey with alpha (PNG specification 11.2) that is transparent everywhere."""
    head = edge_px.to_bytes(4, "big") * 2 + b"\x08\x04\0\0\0"
    pixels = zlib.compress((b"\0" + bytes(2 * edge_px)) * edge_px, 9)
    chunks = ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    parts = [
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in chunks
    ]
    return ImageData(b"\x89PNG\r\n\x1a\n" + b"".join(parts), "png")


ALL_CLEAR = _clear(64)
"""The size of the mask that LoadImage itself makes for a picture without alpha."""


def uploads_for(workflow: Workflow, request: ImageRequest) -> dict[str, ImageData]:
    """The files that an edit's workflow loads; a mask that nobody gave lets all be repainted."""
    mask = {"mask": request.mask or ALL_CLEAR} if "mask" in workflow.names else {}
    return {"image": request.images[0], **mask} if request.is_edit else {}


def upload_name(image: ImageData) -> str:
    """Of a file that is uploaded: the same bytes are kept once."""
    return f"limner-{digest_of(image.content)}.{image.format}"


def read_uploaded(body: bytes) -> str | ImageFailed:
    """What a node LoadImage calls a file that was uploaded (`folder_paths.annotated_filepath`)."""
    value = read_object(body)
    match value.get("name"), value.get("subfolder", ""), value.get("type", "input"):
        case (str(name), str(subfolder), str(folder)) if name:
            return f"{subfolder}/{name} [{folder}]" if subfolder else f"{name} [{folder}]"
        case _:
            return broken("took a picture without saying its name")
