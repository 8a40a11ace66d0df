"""A service with the job API as an image back end: a job is submitted, polled and fetched."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing

from limner.core.errors import ImageError
from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest
from limner.images.connection import HttpLimits, as_failed, too_slow
from limner.images.plain import QUICK, PlainServer, checked, one_by_one
from limner.wire.image_jobs import (
    CAPABILITIES,
    OPTIONS,
    JobIsDone,
    cannot_edit,
    order_picture,
    read_accepted,
    read_job_failure,
    read_result,
    read_status,
    refused_order,
    render_edit,
    render_job,
)
from limner.wire.images import as_error
from limner.wire.images_plain import refusal

logger = logging.getLogger(__name__)

CANCEL_S = 10
MISSING = "upstream_404"


def image_jobs_server(
    base_url: str, *, key: str | None = None, limits: HttpLimits | None = None
) -> PlainServer:
    """The connections to such a service; raises ConfigError for an address that cannot be one."""
    return PlainServer(base_url, key=key, limits=limits or QUICK, read_failure=read_job_failure)


class ImageJobs:
    """The port `ImageBackend` over the job API.

    server: open, and closed by its owner. poll_s: how often a job is asked about. patience_s: how
    long one is waited for, its time in the queue included.
    """

    def __init__(
        self, server: PlainServer, *, poll_s: float = 0.5, patience_s: float = 1800
    ) -> None:
        self._server = server
        self._poll_s = poll_s
        self._patience_s = patience_s

    @property
    def capabilities(self) -> ImageCapabilities:
        return CAPABILITIES

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield the place in the queue and `request.n` pictures, one job for each; no previews.

        Ends with the last `ImageCompleted`, or with `ImageFailed`. Closing the iterator cancels the
        job, where the service can.
        """
        if refused := refusal(request, self.capabilities, OPTIONS) or refused_order(request):
            yield refused
            return
        async with aclosing(one_by_one(request, self._paint)) as events:
            async for event in events:
                yield event

    async def _paint(self, request: ImageRequest, picture: int) -> AsyncGenerator[ImageEvent, None]:
        try:
            if id := await self._submit(request):
                async with aclosing(self._until_done(id)) as events:
                    async for event in events:
                        yield event
                result = await self._server.fetch("GET", f"job/{id}/result")
            else:
                result = await self._edited(request)
            yield checked(read_result(result, order_picture(request, picture)))
        except ImageError as error:
            yield as_failed(error)

    async def _submit(self, request: ImageRequest) -> str | None:
        """The job's id; None where a service edits only while one waits, as the older one does."""
        if not request.is_edit:
            body = render_job(request)
            return checked(read_accepted(await self._server.fetch("POST", "generate/async", body)))
        try:
            body = render_edit(request)
            return checked(read_accepted(await self._server.fetch("POST", "modify/async", body)))
        except ImageError as error:
            if error.code != MISSING:
                raise
            return None

    async def _edited(self, request: ImageRequest) -> bytes:
        try:
            return await self._server.fetch(
                "POST", "modify", render_edit(request), patience_s=self._patience_s
            )
        except ImageError as error:
            raise as_error(cannot_edit()) if error.code == MISSING else error from None

    async def _until_done(self, id: str) -> AsyncGenerator[ImageEvent, None]:
        """What `_wait` yields; a job that is not over at the end is cancelled."""
        is_over = False
        try:
            async with aclosing(self._wait(id)) as events:
                async for event in events:
                    yield event
            is_over = True
        finally:
            if not is_over:
                await self._cancel(id)

    async def _wait(self, id: str) -> AsyncGenerator[ImageEvent, None]:
        """Yield what changes until the job is done; raises ImageError when it fails."""
        last: ImageEvent | None = None
        for _ in range(math.ceil(self._patience_s / self._poll_s)):
            status = read_status(await self._server.fetch("GET", f"job/{id}"))
            match status:
                case JobIsDone():
                    return
                case ImageFailed():
                    checked(status)
                case _ if status != last:
                    last = status
                    yield status
            await asyncio.sleep(self._poll_s)
        raise too_slow(self._patience_s)

    async def _cancel(self, id: str) -> None:
        """Ask to drop a job; services older than this request paint it all the same."""
        try:
            async with asyncio.timeout(CANCEL_S):
                await self._server.fetch("DELETE", f"job/{id}")
        except (ImageError, TimeoutError) as error:
            logger.info("job cannot be cancelled", extra={"why": str(error)})
