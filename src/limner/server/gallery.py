"""The pictures of stored responses: a list, newest first, and each one's bytes.

All of it is Limner's own; OpenAI's API hands pictures out only within their responses.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.gallery import KeptPicture
from limner.core.ports import Codec
from limner.server.body import read_json
from limner.server.content import content_response
from limner.server.errors import json_response
from limner.server.guard import owner_of
from limner.server.picture_files import PictureFiles
from limner.store.gallery import Gallery
from limner.wire.gallery import (
    PATH,
    deleted_json,
    gallery_json,
    no_such_picture,
    parse_star,
    picture_json,
    read_gallery_page,
    read_showing,
)

_BODY_BYTES = 4096


def gallery_routes(gallery: Gallery, codec: Codec) -> list[Route]:
    """List, show, star and delete. codec: makes thumbnails and other formats."""
    api = _Api(gallery, PictureFiles(gallery, codec))
    one = f"{PATH}/ig_{{rest}}"
    return [
        Route(PATH, api.list_pictures, methods=["GET"]),
        Route(one, api.show, methods=["GET"]),
        Route(one, api.star, methods=["POST"]),
        Route(one, api.delete, methods=["DELETE"]),
    ]


class _Api:
    def __init__(self, gallery: Gallery, files: PictureFiles) -> None:
        self._gallery = gallery
        self._files = files

    async def list_pictures(self, request: Request) -> Response:
        page, wanted = read_gallery_page(request.query_params.multi_items())
        listed = await self._gallery.page(owner_of(request), page, wanted)
        return json_response(gallery_json(listed))

    async def show(self, request: Request) -> Response:
        showing = read_showing(request.query_params.multi_items())
        id = _id(request)
        picture = _there(await self._gallery.get(owner_of(request), id), id)
        file = await self._files.shown(picture, showing)
        return await content_response(
            request,
            file.load,
            digest=file.digest,
            media_type=f"image/{file.format}",
            filename=picture.filename(file.format),
            download=showing.download,
        )

    async def star(self, request: Request) -> Response:
        starred = parse_star(await read_json(request, _BODY_BYTES))
        id = _id(request)
        return json_response(
            picture_json(_there(await self._gallery.star(owner_of(request), id, starred), id))
        )

    async def delete(self, request: Request) -> Response:
        id = _id(request)
        if not await self._gallery.delete(owner_of(request), id):
            raise no_such_picture(id)
        return json_response(deleted_json(id))


def _id(request: Request) -> str:
    return f"ig_{request.path_params['rest']}"


def _there(picture: KeptPicture | None, id: str) -> KeptPicture:
    if picture is None:
        raise no_such_picture(id)
    return picture
