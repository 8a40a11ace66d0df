"""The lanes of one WebSocket."""

from __future__ import annotations

import asyncio

import pytest

from limner.core.errors import InvalidRequest
from limner.server.lanes import Lanes, SocketLimits


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (SocketLimits(lanes=1), "1 lanes under way, this would make it 2"),
        (SocketLimits(requests=1), "1 requests"),
        (SocketLimits(request_bytes=9), "9 bytes"),
    ],
)
async def test_what_has_left_its_lane_makes_room(limits: SocketLimits, what: str) -> None:
    lanes = Lanes(limits)
    in_lane = lanes.enter("left", 5)
    with pytest.raises(InvalidRequest, match=what) as refusal:
        lanes.check_room("right", 5)
    assert refusal.value.code == "websocket_connection_limit_reached"
    async with in_lane:
        pass
    lanes.check_room("right", 5)


async def test_a_lane_takes_turns_in_order() -> None:
    lanes = Lanes(SocketLimits())
    entered = [lanes.enter("left", 1) for _ in range(3)]
    said: list[int] = []

    async def speak(number: int) -> None:
        async with entered[number]:
            said.append(number)
            await asyncio.sleep(0)
            said.append(number)

    await asyncio.gather(*(speak(number) for number in range(3)))
    assert said == [0, 0, 1, 1, 2, 2]
