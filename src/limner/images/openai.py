"""Any Images API as an image back end: our engine next door, or somebody else's service."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from limner.core.errors import ImageError
from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest
from limner.images.connection import as_failed
from limner.images.http import ImagesHttp
from limner.wire.images_client import ImagesReplyDecoder
from limner.wire.images_dialect import ServerFacts, render_images_request

FOREIGN = ServerFacts(ImageCapabilities("images"))


class OpenAIImages:
    """The port `ImageBackend` over the Images API.

    http: open, and closed by its owner.
    server: what is known of the one at its other end. The capabilities `progress` and `seed` say
        that it knows more than OpenAI's; without `partial_images` it is never asked for a stream
        on their account.
    """

    def __init__(self, http: ImagesHttp, server: ServerFacts = FOREIGN) -> None:
        self._http = http
        self._server = server

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._server.capabilities

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield progress, previews and `request.n` pictures.

        Ends with the last `ImageCompleted`, or with `ImageFailed`. Closing the iterator closes the
        connection, which stops our engine at its next step.
        """
        order = render_images_request(request, self._server)
        if isinstance(order, ImageFailed):
            yield order
            return
        endpoint = self._server.endpoint_for(request)
        decoder = ImagesReplyDecoder(request, said=order.said)
        try:
            async with aclosing(self._http.post(order, endpoint)) as pieces:
                async for piece in pieces:
                    for event in decoder.feed(piece):
                        yield event
                    if decoder.is_finished:
                        return
            for link in decoder.links:
                if (content := await self._http.fetch(link)) is not None:
                    decoder.add(link, content)
        except ImageError as error:
            yield as_failed(error)
            return
        for event in decoder.flush():
            yield event
