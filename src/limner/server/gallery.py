"""The pictures of stored responses: a list, newest first, and each one's bytes.

Both are Limner's own; OpenAI's API hands pictures out only within their responses.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.server.content import content_response
from limner.server.errors import json_response
from limner.server.guard import owner_of
from limner.store.gallery import Gallery
from limner.wire.gallery import PATH, gallery_json, no_such_picture
from limner.wire.pages import read_page


def gallery_routes(gallery: Gallery) -> list[Route]:
    """List and show."""

    async def list_pictures(request: Request) -> Response:
        page = read_page(request.query_params.multi_items())
        return json_response(gallery_json(await gallery.page(owner_of(request), page)))

    async def show(request: Request) -> Response:
        id = f"ig_{request.path_params['rest']}"
        picture = await gallery.get(owner_of(request), id)
        if picture is None:
            raise no_such_picture(id)
        return await content_response(
            request,
            lambda: gallery.content(picture),
            digest=picture.digest,
            media_type=picture.media_type,
            filename=picture.filename,
        )

    return [
        Route(PATH, list_pictures, methods=["GET"]),
        Route(f"{PATH}/ig_{{rest}}", show, methods=["GET"]),
    ]
