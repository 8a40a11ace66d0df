"""The pictures that an edit names, wherever they are: in the request, at a URL, among uploads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.core.ports import Codec, Files
from limner.wire.images import ImagesCall
from limner.wire.images_edits import (
    EditCall,
    Filed,
    Linked,
    NamedPicture,
    Sent,
    read_picture,
    with_pictures,
)

FetchAll = Callable[[Iterable[str]], Awaitable[Mapping[str, ImageData]]]

INVALID = "invalid_image_file"
"""What OpenAI's Images API says of whatever is no whole picture. In responses each has a code."""
_NO_PICTURE = frozenset({"empty_image_file", "image_parse_error", "unsupported_image_media_type"})


@dataclass(frozen=True, slots=True)
class PictureSources:
    """Where pictures may come from beside the request itself; None refuses by name.

    fetch: gets the pictures at some URLs, within what one request may have; raises InvalidRequest.
    codec: reads the formats that nothing else here reads.
    """

    fetch: FetchAll | None = None
    files: Files | None = None
    codec: Codec | None = None

    async def complete(self, edit: EditCall, owner: str) -> ImagesCall:
        """The call with its pictures; raises InvalidRequest at the field of one that is not there.

        owner: whose uploads may be named.
        """
        fetched = await self._fetched(edit)
        images = [await self._find(named, fetched, owner) for named in edit.images]
        mask = await self._find(edit.mask, fetched, owner) if edit.mask else None
        return with_pictures(edit, images, mask)

    async def _fetched(self, edit: EditCall) -> Mapping[str, ImageData]:
        named = (*edit.images, edit.mask)
        linked = [picture for picture in named if isinstance(picture, Linked)]
        if not linked:
            return {}
        if self.fetch is None:
            raise _unsupported(linked[0].path, "Pictures are not fetched here: send the file.")
        return await self.fetch(picture.url for picture in linked)

    async def _find(
        self, named: NamedPicture, fetched: Mapping[str, ImageData], owner: str
    ) -> ImageData:
        match named:
            case Sent():
                return await self._read(named.content, named.path)
            case Linked():
                return fetched[named.url]
            case Filed():
                return await self._read(await self._upload(named, owner), named.path)
            case _:
                assert_never(named)

    async def _upload(self, named: Filed, owner: str) -> bytes:
        if self.files is None:
            raise _unsupported(named.path, "Uploads are not kept here: send the file.")
        content = await self.files.picture(owner, named.file_id)
        if content is None:
            raise InvalidRequest(
                f"File with id {named.file_id!r} not found. Expected the id of a file of yours.",
                param=named.path,
                code="image_file_not_found",
            )
        return content

    async def _read(self, content: bytes, path: str) -> ImageData:
        image = read_picture(content, path)
        if image is not None:
            return image
        if self.codec is None:
            raise InvalidRequest(
                "The file is no picture that can be read here. Expected PNG, JPEG or WebP.",
                param=path,
                code=INVALID,
            )
        try:
            return await self.codec.readable(content)
        except InvalidRequest as error:
            code = INVALID if error.code in _NO_PICTURE else error.code
            raise InvalidRequest(
                error.message, param=path, code=code, status=error.status, type=error.type
            ) from None


def _unsupported(path: str, why: str) -> InvalidRequest:
    return InvalidRequest(why, param=path, code="unsupported_image_source")
