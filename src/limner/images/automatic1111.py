"""AUTOMATIC1111's web UI, or Forge, as an image back end: one request paints, polling shows how.

The server paints one picture at a time, and what waits for it there cannot be taken back. So our
pictures wait here for one another, and of ours it has one at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from limner.core.errors import ImageError
from limner.core.image import ImageCapabilities, ImageEvent, ImageRequest
from limner.images.connection import HttpLimits, as_failed
from limner.images.plain import PlainServer, checked, one_by_one
from limner.wire.automatic1111 import (
    CAPABILITIES,
    OPTIONS,
    ProgressReader,
    order_picture,
    path_for,
    read_automatic1111_failure,
    read_is_ours,
    read_reply,
    render_order,
)
from limner.wire.images_plain import refusal

logger = logging.getLogger(__name__)

NOT_FOUND = 404
POLL_TIMEOUT_S = 10
STOP_S = 30


def automatic1111_server(
    base_url: str, *, key: str | None = None, limits: HttpLimits | None = None
) -> PlainServer:
    """The connections to such a server. key: `user:password`, as its flag --api-auth has it.

    Raises ConfigError for an address that cannot be one, and for a key without its colon.
    """
    return PlainServer(
        base_url,
        key=key,
        scheme="Basic",
        limits=limits,
        read_failure=read_automatic1111_failure,
    )


class Automatic1111:
    """The port `ImageBackend` over `/sdapi/v1`.

    server: open, and closed by its owner. model: the checkpoint where the client names none; unset,
    the server's own. poll_s: how often it is asked how far it is.
    """

    def __init__(
        self, server: PlainServer, *, model: str | None = None, poll_s: float = 0.5
    ) -> None:
        self._server = server
        self._model = model
        self._poll_s = poll_s
        self._turn = asyncio.Lock()

    @property
    def capabilities(self) -> ImageCapabilities:
        return CAPABILITIES

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield progress, previews and `request.n` pictures, one request for each.

        Ends with the last `ImageCompleted`, or with `ImageFailed`. Closing the iterator interrupts
        the picture if the server is painting it, and waits until it has stopped.
        """
        if refused := refusal(request, self.capabilities, OPTIONS):
            yield refused
            return
        async with aclosing(one_by_one(request, self._paint)) as events:
            async for event in events:
                yield event

    async def _paint(self, request: ImageRequest, picture: int) -> AsyncGenerator[ImageEvent, None]:
        painting = order_picture(request, picture, self._model)
        task_id = f"task(limner-{uuid4().hex})"
        body = render_order(painting, task_id)
        progress = ProgressReader(painting)
        async with self._turn:
            reply = asyncio.create_task(self._server.fetch("POST", path_for(request), body))
            # Nobody may be left to hear of a failure; asyncio would complain about that.
            reply.add_done_callback(lambda task: task.cancelled() or task.exception())
            try:
                while not (await asyncio.wait({reply}, timeout=self._poll_s))[0]:
                    for event in progress.read(await self._poll(task_id)):
                        yield event
                yield checked(read_reply(reply.result(), painting))
            except ImageError as error:
                yield as_failed(error)
            finally:
                if not reply.done():
                    await self._stop(reply, task_id)

    async def _poll(self, task_id: str) -> bytes:
        """How far our picture is; nothing when that cannot be told. Failures are the request's."""
        try:
            async with asyncio.timeout(POLL_TIMEOUT_S):
                if await self._is_ours(task_id):
                    return await self._server.fetch("GET", "sdapi/v1/progress")
        except (ImageError, TimeoutError) as error:
            logger.debug("no progress", extra={"why": str(error)})
        return b""

    async def _is_ours(self, task_id: str) -> bool:
        """Whether the server paints our picture now, and not somebody else's.

        Without its web UI it cannot say; then all it paints was asked over this API, and by us as
        far as can be known.
        """
        about = {"id_task": task_id, "live_preview": False}
        try:
            return read_is_ours(await self._server.fetch("POST", "internal/progress", about))
        except ImageError as error:
            if error.code != f"upstream_{NOT_FOUND}":
                raise
            return True

    async def _stop(self, reply: asyncio.Task[bytes], task_id: str) -> None:
        """Interrupt our picture, and wait for the reply, which then comes at the next step."""
        try:
            async with asyncio.timeout(STOP_S):
                if await self._is_ours(task_id):
                    await self._server.fetch("POST", "sdapi/v1/interrupt", {})
                    await asyncio.wait({reply})
                else:
                    logger.warning("picture waits behind another, and will be painted for no one")
        except (ImageError, TimeoutError) as error:
            logger.warning("picture may still be painted", extra={"why": str(error)})
        finally:
            reply.cancel()
            await asyncio.wait({reply})
