"""A language model that says nothing: for requests that only prepare what later ones go on from."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from limner.core.turn import TurnEnded, TurnEvent, TurnRequest, UpstreamCapabilities


class SilentUpstream:
    """The port `Upstream` in place of one with these capabilities."""

    def __init__(self, capabilities: UpstreamCapabilities) -> None:
        self._capabilities = capabilities

    @property
    def capabilities(self) -> UpstreamCapabilities:
        return self._capabilities

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        """Yield the end of the turn."""
        yield TurnEnded()
