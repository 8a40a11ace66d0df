"""A language model that paints by itself, and whose pictures leave as all others do."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from limner.core.image import ImageCompleted
from limner.core.picture_facts import PictureFacts
from limner.core.ports import Finish, Upstream
from limner.core.turn import PictureEnded, TurnEvent, TurnRequest, UpstreamCapabilities


class FinishedTurns:
    """The port `Upstream` over another. Previews stay as they come, and cost nothing."""

    def __init__(self, upstream: Upstream, finish: Finish) -> None:
        self._upstream = upstream
        self._finish = finish

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._upstream.capabilities

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the turn's events as the model writes; ends with `TurnEnded` or `TurnFailed`."""
        async with aclosing(self._upstream.stream(request)) as events:
            async for event in events:
                if isinstance(event, PictureEnded) and isinstance(event.outcome, ImageCompleted):
                    asked = PictureFacts(event.prompt, model=_model(request), action=event.action)
                    event = replace(event, outcome=await self._finish(event.outcome, asked))
                yield event


def _model(request: TurnRequest) -> str | None:
    """What the client asked to paint with; the server does not tell what it took."""
    for tool in request.hosted_tools:
        if tool.get("type") == "image_generation" and isinstance(tool.get("model"), str):
            return str(tool["model"])
    return None
