"""The model that says nothing."""

from __future__ import annotations

from limner.core.turn import TurnEnded, TurnRequest, UpstreamCapabilities
from limner.gateway.silent import SilentUpstream


async def test_its_turn_ends_at_once_under_the_name_of_the_other() -> None:
    upstream = SilentUpstream(UpstreamCapabilities("the other"))
    assert upstream.capabilities.name == "the other"
    events = [event async for event in upstream.stream(TurnRequest(model="any", items=()))]
    assert events == [TurnEnded()]
