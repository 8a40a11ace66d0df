"""Words of a client to a response that is under way: they begin its successor when it ends.

OpenAI's API allows a steered response to end early, as incomplete; here it runs to its own end, so
that no picture is thrown away half painted. Where it ends with calls for the client, the words wait
for the request that brings their outputs.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from limner.core.errors import InvalidRequest
from limner.wire.websocket import (
    Create,
    OutEvent,
    Steer,
    required_input,
    steer_accepted,
    steer_failed,
    steer_pending,
)

MAX_PENDING = 8
MAX_ENDED = 256
"""How many ended responses are told apart from those that never were."""

T = TypeVar("T")
Send = Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class _Open:
    """A response under way, or waiting for outputs of the client's."""

    asked: Create
    steers: list[Steer] = field(default_factory=list)


class Steering:
    """The steering of one connection. send: one message to the client."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._open: dict[str, _Open] = {}
        self._waiting: dict[str, _Open] = {}
        self._ended: dict[str, None] = {}
        self._number = 0

    def open(self, response_id: str, asked: Create) -> None:
        """A response has begun."""
        self._open[response_id] = _Open(asked)

    async def take(self, steer: Steer) -> None:
        """Accept words for a response under way, or give them back."""
        target = self._open.get(steer.previous_response_id)
        if target is None:
            is_over = steer.previous_response_id in self._ended
            code = "response_already_completed" if is_over else "response_not_found"
            await self._give_back(steer, code, "No such response is under way on this connection.")
        elif target.asked.body.get("conversation") is not None:
            why = "A response of a conversation cannot be steered."
            await self._give_back(steer, "steering_not_supported", why)
        elif len(target.steers) == MAX_PENDING:
            why = f"At most {MAX_PENDING} submissions may wait for one response."
            await self._give_back(steer, "too_many_pending_steers", why)
        else:
            steer = replace(steer, id=f"steer_{secrets.token_hex(24)}")
            target.steers.append(steer)
            lane = target.asked.stream_id
            await self._send(steer_accepted(steer, self._next_number(), lane))

    async def refuse(self, message: Mapping[str, Any], error: InvalidRequest) -> bool:
        """Give back what is no steering as it should be; False for what is none at all."""
        id = message.get("previous_response_id")
        if message.get("type") != "response.steer" or not isinstance(id, str):
            return False
        await self._give_back(Steer(id, message.get("input"), ()), "invalid_input", error.message)
        return True

    def resumed(self, asked: Create) -> Create:
        """A request that goes on from a response with words waiting takes them along."""
        id = asked.body.get("previous_response_id")
        waiting = self._waiting.get(id) if isinstance(id, str) else None
        if waiting is None or waiting.asked.stream_id != asked.stream_id:
            return asked
        del self._waiting[str(id)]
        return asked.prepended(waiting.steers)

    async def follow(
        self, asked: Create, response_id: str | None, end: OutEvent | None
    ) -> Create | None:
        """What a response that is over leads to, if it was steered.

        response_id: None where it never began. end: its last event, None where it had none.
        """
        if response_id is None:
            for steer in asked.carries:
                why = "The response that was to begin with this could not be made."
                await self._give_back(steer, "successor_creation_failed", why)
            return None
        ended = self._open.pop(response_id)
        _add(self._ended, response_id, None)
        if not ended.steers:
            return None
        if end is None or end.type != "response.completed":
            for steer in ended.steers:
                why = "The response did not complete, so nothing goes on from it."
                await self._give_back(steer, "response_not_active", why)
            return None
        response = end.response
        if not required_input(response):
            return asked.successor(response_id, ended.steers)
        _add(self._waiting, response_id, ended)
        for steer in ended.steers:
            number = self._next_number()
            await self._send(steer_pending(steer, response, number, asked.stream_id))
        return None

    async def _give_back(self, steer: Steer, code: str, why: str) -> None:
        target = self._open.get(steer.previous_response_id)
        lane = target.asked.stream_id if target else None
        await self._send(steer_failed(steer, code, why, self._next_number(), lane))

    def _next_number(self) -> int:
        number, self._number = self._number, self._number + 1
        return number


def _add(known: dict[str, T], id: str, value: T) -> None:
    known[id] = value
    while len(known) > MAX_ENDED:
        del known[next(iter(known))]
