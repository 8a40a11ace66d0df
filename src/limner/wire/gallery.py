"""Pictures of stored responses: read from their items as they are kept, told in a list of ours."""

from __future__ import annotations

from limner.core.errors import InvalidRequest
from limner.core.gallery import KeptPicture
from limner.core.image import FORMATS
from limner.core.page import Listed
from limner.wire import json
from limner.wire.items import Json
from limner.wire.kept import digests_in, without_pictures
from limner.wire.pages import page_json

PATH = "/v1/images"


def kept_picture(id: str, response_id: str, created_at: float, kept: bytes) -> KeptPicture | None:
    """The picture of a kept output item; None for one that was never made."""
    digests = digests_in(kept)
    if not digests:
        return None
    item = json.load(without_pictures(kept))
    named = item.get("output_format")
    return KeptPicture(
        id=id,
        response_id=response_id,
        created_at=created_at,
        digest=digests[0],
        format=named if named in FORMATS else "png",
        size=item.get("size"),
        prompt=item.get("revised_prompt"),
    )


def gallery_json(listed: Listed[KeptPicture]) -> Json:
    """A page of pictures. url: where the bytes are, on this server."""
    entries: list[Json] = [
        {
            "id": picture.id,
            "object": "image",
            "response_id": picture.response_id,
            "created_at": int(picture.created_at),
            "size": picture.size,
            "format": picture.format,
            "prompt": picture.prompt,
            "url": f"{PATH}/{picture.id}",
        }
        for picture in listed.entries
    ]
    return page_json(entries, listed.has_more)


def no_such_picture(id: str) -> InvalidRequest:
    """The same for pictures unknown, foreign, failed and deleted."""
    return InvalidRequest(f"Image with id '{id}' not found.", param="id", status=404)
