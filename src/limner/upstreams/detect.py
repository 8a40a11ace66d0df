"""Which dialect a model server speaks, found out by asking it what costs nothing.

1. Addresses of OpenAI and Anthropic are known.
2. `GET /models`: Anthropic's list and Anthropic's errors look like nobody else's.
3. An empty request to `/chat/completions`, `/responses` and `/messages`, in this order: it is
   refused where the route exists, and unknown where it does not. Most servers speak Chat
   Completions best, whatever else they offer; a better choice is the operator's to name.

Harmony is never found this way: it needs a vocabulary that only the operator can point to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Literal
from urllib.parse import urlsplit

from limner.core.errors import UpstreamError
from limner.core.ports import Upstream
from limner.core.turn import TurnEvent, TurnFailed, TurnRequest, UpstreamCapabilities
from limner.upstreams.http import UpstreamHttp
from limner.wire import json

logger = logging.getLogger(__name__)

Detected = Literal["chat", "responses", "anthropic"]

PATIENCE_S = 5.0
_KNOWN_HOSTS: dict[str, Detected] = {
    "api.openai.com": "responses",
    "api.anthropic.com": "anthropic",
}
_NATIVE_IMAGE_TOOL = ("api.openai.com", ".openai.azure.com")
_ROUTES: tuple[tuple[str, Detected], ...] = (
    ("chat/completions", "chat"),
    ("responses", "responses"),
    ("messages", "anthropic"),
)
_NO_SUCH_ROUTE = frozenset({404, 405, 501})


def known_dialect(url: str) -> Detected | None:
    """The dialect of an address that needs no asking."""
    return _KNOWN_HOSTS.get(urlsplit(url).hostname or "")


def has_image_tool(url: str) -> bool:
    """Whether the server at this address is known to run the hosted image tool itself."""
    return (urlsplit(url).hostname or "").endswith(_NATIVE_IMAGE_TOOL)


async def detect(http: UpstreamHttp) -> Detected:
    """Ask the server; raises UpstreamError where it cannot be reached."""
    async with asyncio.timeout(PATIENCE_S):
        if _is_anthropic((await http.probe("GET", "models"))[1]):
            return "anthropic"
        for path, kind in _ROUTES:
            status, _ = await http.probe("POST", path, b"{}")
            if status not in _NO_SUCH_ROUTE:
                return kind
    return "chat"


class DetectedUpstream:
    """The port `Upstream` over a server whose dialect is found out as soon as it answers.

    open_kind: makes the upstream of a dialect, once. until_known: the capabilities until then.
    """

    def __init__(
        self,
        http: UpstreamHttp,
        open_kind: Callable[[str], Awaitable[Upstream]],
        until_known: UpstreamCapabilities,
    ) -> None:
        self._http = http
        self._open_kind = open_kind
        self._until_known = until_known
        self._found: Upstream | None = None
        self._asking = asyncio.Lock()

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._found.capabilities if self._found else self._until_known

    async def find(self) -> Upstream:
        """Ask unless it is known; raises UpstreamError where the server cannot be reached."""
        async with self._asking:
            if self._found is None:
                try:
                    kind = await detect(self._http)
                except TimeoutError:
                    raise UpstreamError(
                        "The language model server does not say what it is within "
                        f"{PATIENCE_S:g} s; --llm-kind can name its dialect",
                        code="upstream_timeout",
                        status=504,
                        retryable=True,
                    ) from None
                logger.info("dialect found", extra={"action": "detect", "kind": kind})
                self._found = await self._open_kind(kind)
            return self._found

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        try:
            upstream = await self.find()
        except UpstreamError as error:
            yield TurnFailed(
                error.message, error.code, error.status, error.retryable, error.retry_after_s
            )
            return
        async with aclosing(upstream.stream(request)) as events:
            async for event in events:
                yield event


def _is_anthropic(body: bytes) -> bool:
    try:
        value = json.load(body)
    except ValueError:
        return False
    if not isinstance(value, dict):
        return False
    if value.get("type") == "error":
        return isinstance(value.get("error"), dict)
    models = value.get("data")
    first = models[0] if isinstance(models, list) and models else None
    return isinstance(first, dict) and first.get("type") == "model"
