"""Requests that are asked again without what the server refuses by name, and from then on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from limner.core.turn import TurnEnded, TurnEvent, TurnFailed
from limner.wire import json
from limner.wire.spare_fields import Spare, refused_fields, without

Json = dict[str, Any]


class SparedRequests:
    """What the models of one server turned out not to know. spares: the fields to give up."""

    def __init__(self, spares: Collection[Spare]) -> None:
        self._spares = spares
        self._refused: dict[str, frozenset[Spare]] = {}

    async def ask(
        self, body: Json, send: Callable[[bytes], AsyncGenerator[TurnEvent, None]]
    ) -> AsyncGenerator[TurnEvent, None]:
        """Yield the reply to a body that names its model; the end says what was left out.

        send: makes one request; called once more for each refusal that names further fields.
        """
        model = body["model"]
        while True:
            refused = self._refused.get(model, frozenset())
            spared = without(body, [spare for spare in self._spares if spare in refused])
            async with aclosing(send(json.dump(spared))) as events:
                first = await anext(events)
                more = _refusal(first, spared, self._spares)
                if more <= refused:
                    left_out = _told(body, spared, refused)
                    yield _with(first, left_out)
                    async for event in events:
                        yield _with(event, left_out)
                    return
            self._refused[model] = self._refused.get(model, frozenset()) | more


def _refusal(event: TurnEvent, body: Json, spares: Collection[Spare]) -> frozenset[Spare]:
    if not isinstance(event, TurnFailed) or event.retryable:
        return frozenset()
    return refused_fields(event.message, body, spares)


def _told(body: Json, spared: Json, refused: frozenset[Spare]) -> tuple[str, ...]:
    names = {spare.client for spare in refused if spare.is_in(body) and not spare.is_in(spared)}
    return tuple(
        f"{name}: left out, which this model server does not know."
        for name in sorted(name for name in names if name)
    )


def _with(event: TurnEvent, adjustments: tuple[str, ...]) -> TurnEvent:
    if not adjustments or not isinstance(event, TurnEnded):
        return event
    return replace(event, adjustments=(*event.adjustments, *adjustments))
