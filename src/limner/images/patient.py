"""Patience with a busy image server.

Only 429 is asked again, and only before anything was answered: whether a picture was painted, and
paid for, is not known after other failures. The wait ends with whoever waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import aiohttp
from yarl import URL

from limner.images.connection import Connection

logger = logging.getLogger(__name__)

TOO_MANY_REQUESTS = 429

Body = bytes | aiohttp.FormData | None


class PatientConnection(Connection):
    """A `Connection` that asks again as often and as late as its limits and the server say."""

    async def open_patiently(
        self,
        method: str,
        url: URL,
        write: Callable[[], Body],
        *,
        patience_s: float | None = None,
    ) -> aiohttp.ClientResponse:
        """The 200 that a request comes to; raises ImageError for everything else.

        write: makes the body, anew for each attempt. patience_s: see `open`.
        """
        for attempt in range(self._limits.retries):
            response = await self.open(method, url, write(), patience_s=patience_s)
            if response.status == 200:
                return response
            refusal = await self.refusal(response)
            wait_s = refusal.retry_after_s
            if wait_s is None:
                wait_s = self._limits.retry_wait_s * 2**attempt
            is_busy = response.status == TOO_MANY_REQUESTS and refusal.retryable
            if not is_busy or wait_s > self._limits.max_retry_wait_s:
                raise refusal
            logger.info("image back end is asked again", extra={"wait_s": wait_s})
            await asyncio.sleep(wait_s)
        response = await self.open(method, url, write(), patience_s=patience_s)
        if response.status != 200:
            raise await self.refusal(response)
        return response
