"""Any Images API as an image back end: our engine next door, or somebody else's service."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from limner.core.errors import ImageError
from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest
from limner.images.connection import as_failed
from limner.images.http import ImagesHttp
from limner.wire import json
from limner.wire.images_client import ImagesReplyDecoder, render_images_request

FOREIGN = ImageCapabilities("images", progress=False, seed=False)


class OpenAIImages:
    """The port `ImageBackend` over the Images API.

    http: open, and closed by its owner.
    capabilities: `progress` and `seed` say that it is our own engine, which knows more than OpenAI;
        `partial_images=False` never asks it for a stream on their account.
    model: the server's name of the model, where the client asked for none.
    """

    def __init__(
        self,
        http: ImagesHttp,
        *,
        model: str | None = None,
        capabilities: ImageCapabilities = FOREIGN,
    ) -> None:
        self._http = http
        self._model = model
        self._capabilities = capabilities

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._capabilities

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield progress, previews and `request.n` pictures.

        Ends with the last `ImageCompleted`, or with `ImageFailed`. Closing the iterator closes the
        connection, which stops our engine at its next step.
        """
        body = render_images_request(request, self._capabilities, model=self._model)
        if isinstance(body, ImageFailed):
            yield body
            return
        decoder = ImagesReplyDecoder(request)
        try:
            async with aclosing(self._http.post(json.dump(body))) as pieces:
                async for piece in pieces:
                    for event in decoder.feed(piece):
                        yield event
                    if decoder.is_finished:
                        return
        except ImageError as error:
            yield as_failed(error)
            return
        for event in decoder.flush():
            yield event
