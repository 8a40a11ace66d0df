"""The Files API: pictures uploaded once, named by their id ever after."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.file import File
from limner.server.body import MIB, FormLimits, read_form
from limner.server.content import content_response
from limner.server.errors import json_response
from limner.server.guard import owner_of
from limner.store.files import StoredFiles
from limner.wire.files import MAX_FILE_BYTES, file_json, no_such_file, parse_upload
from limner.wire.pages import page_json, read_page

FORM_LIMITS = FormLimits(body_bytes=MAX_FILE_BYTES + MIB, files=1, fields=8, field_bytes=1024)
MOST_LISTED = 10_000


def files_routes(files: StoredFiles) -> list[Route]:
    """Upload, list, get, download and delete."""

    async def create(request: Request) -> Response:
        form = await read_form(request, FORM_LIMITS)
        parts = [(name, upload.filename, upload.content) for name, upload in form.files]
        new = parse_upload(form.fields, parts)
        return json_response(file_json(await files.add(owner_of(request), new)))

    async def list_files(request: Request) -> Response:
        query = request.query_params
        page = read_page(
            query.multi_items(), default=MOST_LISTED, most=MOST_LISTED, also=("purpose",)
        )
        found = await files.page(owner_of(request), page, query.get("purpose"))
        return json_response(page_json([file_json(file) for file in found.entries], found.has_more))

    async def get(request: Request) -> Response:
        return json_response(file_json(await find(request)))

    async def content(request: Request) -> Response:
        file = await find(request)
        return await content_response(
            request,
            lambda: files.content(file),
            digest=file.digest,
            media_type=file.media_type,
            filename=file.filename,
        )

    async def delete(request: Request) -> Response:
        id = request.path_params["id"]
        if not await files.delete(owner_of(request), id):
            raise no_such_file(id)
        return json_response({"id": id, "object": "file", "deleted": True})

    async def find(request: Request) -> File:
        id = request.path_params["id"]
        if file := await files.get(owner_of(request), id):
            return file
        raise no_such_file(id)

    return [
        Route("/v1/files", create, methods=["POST"]),
        Route("/v1/files", list_files, methods=["GET"]),
        Route("/v1/files/{id}", get, methods=["GET"]),
        Route("/v1/files/{id}", delete, methods=["DELETE"]),
        Route("/v1/files/{id}/content", content, methods=["GET"]),
    ]
