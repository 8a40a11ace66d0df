"""Pictures of stored responses: read from their items as they are kept, told in a list of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.gallery import SHAPES, KeptPicture, PictureFilter
from limner.core.image import FORMATS, ImageFormat, Size
from limner.core.page import Listed, Page
from limner.wire import json
from limner.wire.fields import Fields, invalid_value, one_of, unknown_parameter
from limner.wire.items import Json
from limner.wire.kept import digests_in, without_pictures
from limner.wire.pages import page_json, read_page

PATH = "/v1/images"
WIDTHS = (160, 320, 640, 1024)
"""Those that thumbnails are made in; what is asked for is rounded up to one of them."""

MIN_WIDTH = 64
MAX_TEXT = 200
MAX_SEED = 2**63 - 1
"""The most that the databases keep in a column; ours end far below."""

_FILTERS = ("q", "starred", "ratio", "since", "before")
_SHOWINGS = ("width", "format", "metadata", "download")
_SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Showing:
    """How a picture's bytes are wanted.

    width: of a thumbnail, in pixels; None for the picture itself. format: None for its own.
    metadata: whether the file says how it was made. download: to a file rather than on a page.
    """

    width: int | None = None
    format: ImageFormat | None = None
    metadata: bool = True
    download: bool = False


def kept_picture(id: str, response_id: str, created_at: float, kept: bytes) -> KeptPicture | None:
    """The picture of a kept output item; None for one that was never made."""
    digests = digests_in(kept)
    if not digests:
        return None
    item = json.load(without_pictures(kept))
    named, size = item.get("output_format"), _SIZE.fullmatch(item.get("size") or "")
    seed = item.get("limner", {}).get("seed")
    return KeptPicture(
        id=id,
        response_id=response_id,
        created_at=created_at,
        digest=digests[0],
        format=named if named in FORMATS else "png",
        size=Size(int(size[1]), int(size[2])) if size else None,
        prompt=item.get("revised_prompt"),
        seed=seed if isinstance(seed, int) and seed <= MAX_SEED else None,
    )


def read_gallery_page(query: Iterable[tuple[str, str]]) -> tuple[Page, PictureFilter]:
    """Which pictures a query asks for; raises InvalidRequest."""
    asked = dict(query)
    page = read_page(asked.items(), also=_FILTERS)
    ratio = asked.get("ratio")
    return page, PictureFilter(
        text=_search(asked.get("q")),
        starred=_flag(asked, "starred"),
        shape=None if ratio is None else one_of(ratio, "ratio", SHAPES),
        since=_time(asked, "since"),
        before=_time(asked, "before"),
    )


def read_showing(query: Iterable[tuple[str, str]]) -> Showing:
    """How a query wants a picture's bytes; raises InvalidRequest."""
    asked = dict(query)
    for name in asked:
        if name not in _SHOWINGS:
            raise unknown_parameter(name)
    format, metadata = asked.get("format"), asked.get("metadata")
    if metadata is not None:
        one_of(metadata, "metadata", ("none",))
    if "width" in asked and (format or metadata):
        raise InvalidRequest(
            "A width asks for a thumbnail, which is WebP; leave out format and metadata.",
            param="width",
            code="invalid_value",
        )
    return Showing(
        width=_width(asked.get("width")),
        format=None if format is None else one_of(format, "format", FORMATS),
        metadata=metadata is None,
        download=_flag(asked, "download"),
    )


def parse_star(body: Mapping[str, Any]) -> bool:
    """The body of a change: `starred` is all that can be changed. Raises InvalidRequest."""
    change = Fields(body)
    change.allow_only({"starred"})
    change.require("starred")
    return bool(change.boolean("starred"))


def picture_json(picture: KeptPicture) -> Json:
    """One picture. url: where the bytes are, on this server."""
    return {
        "id": picture.id,
        "object": "image",
        "response_id": picture.response_id,
        "created_at": int(picture.created_at),
        "size": str(picture.size) if picture.size else None,
        "format": picture.format,
        "prompt": picture.prompt,
        "seed": picture.seed,
        "starred": picture.starred,
        "url": f"{PATH}/{picture.id}",
    }


def gallery_json(listed: Listed[KeptPicture]) -> Json:
    """A page of pictures."""
    return page_json([picture_json(picture) for picture in listed.entries], listed.has_more)


def deleted_json(id: str) -> Json:
    return {"id": id, "object": "image.deleted", "deleted": True}


def no_such_picture(id: str) -> InvalidRequest:
    """The same for pictures unknown, foreign, failed and deleted."""
    return InvalidRequest(f"Image with id '{id}' not found.", param="id", status=404)


def _search(text: str | None) -> str | None:
    if text is not None and len(text) > MAX_TEXT:
        raise invalid_value("q", text, f"a text of at most {MAX_TEXT} characters")
    return text or None


def _flag(asked: Mapping[str, str], name: str, yes: Collection[str] = ("true", "1")) -> bool:
    value = asked.get(name, "false")
    if value not in (*yes, "false", "0"):
        raise invalid_value(name, value, "true or false")
    return value in yes


def _time(asked: Mapping[str, str], name: str) -> int | None:
    value = asked.get(name)
    if value is not None and not _NUMBER.fullmatch(value):
        raise invalid_value(name, value, "a time in seconds since 1970")
    return None if value is None else int(value)


def _width(value: str | None) -> int | None:
    if value is None:
        return None
    if not (_NUMBER.fullmatch(value) and MIN_WIDTH <= int(value) <= WIDTHS[-1]):
        raise invalid_value("width", value, f"an integer in [{MIN_WIDTH}, {WIDTHS[-1]}]")
    return next(width for width in WIDTHS if width >= int(value))
