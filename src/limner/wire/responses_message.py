"""A message of a Responses API's reply while it is being written."""

from __future__ import annotations

from typing import Any

from limner.core.items import JsonObject
from limner.core.turn import (
    AnnotationAdded,
    MessageEnded,
    MessagePhase,
    RefusalDelta,
    TextDelta,
    TextLogprobs,
    TurnEvent,
)

Json = dict[str, Any]


class OpenMessage:
    """Every content part is a message of its own, so that the offsets of its sources hold."""

    def __init__(self, value: Json) -> None:
        self.is_over = False
        self._phase = _string(value.get("phase"))
        self._part: int | None = None
        self._heard: set[int] = set()
        self._sources: dict[int, int] = {}

    def start(self) -> list[TurnEvent]:
        return []

    def read(self, type_: str, event: Json) -> list[TurnEvent]:
        part = event.get("content_index")
        part = part if isinstance(part, int) else 0
        match type_:
            case "response.output_text.delta":
                return self._say(part, event.get("delta"), event.get("logprobs"))
            case "response.refusal.delta":
                return self._refuse(part, event.get("delta"))
            case "response.output_text.done" if part not in self._heard:
                return self._say(part, event.get("text"), event.get("logprobs"))
            case "response.refusal.done" if part not in self._heard:
                return self._refuse(part, event.get("refusal"))
            case "response.content_part.done":
                whole = event.get("part")
                return self._sum_up(part, whole) if isinstance(whole, dict) else []
            case "response.output_text.annotation.added":
                return self._cite(part, event.get("annotation"))
            case _:
                return []

    def finish(self, value: Json | None) -> list[TurnEvent]:
        self.is_over = True
        value = value or {}
        content = value.get("content")
        events: list[TurnEvent] = []
        if self._phase is None and (phase := _string(value.get("phase"))):
            self._phase = phase
            events.append(MessagePhase(phase))
        for index, part in enumerate(content if isinstance(content, list) else []):
            if isinstance(part, dict):
                events += self._complete(index, part)
        return [*events, MessageEnded()]

    def _complete(self, index: int, part: Json) -> list[TurnEvent]:
        """What the whole part has and its events had not."""
        events: list[TurnEvent] = []
        if index not in self._heard:
            events += self._say(index, part.get("text"), part.get("logprobs"))
            events += self._refuse(index, part.get("refusal"))
        else:
            events += self._sum_up(index, part)
        sources = part.get("annotations")
        if isinstance(sources, list) and self._part in (None, index):
            for source in sources[self._sources.get(index, 0) :]:
                events += self._cite(index, source)
        return events

    def _say(self, part: int, text: object, logprobs: object) -> list[TurnEvent]:
        if not isinstance(text, str) or not text:
            return []
        self._heard.add(part)
        return [*self._turn_to(part), TextDelta(text, _objects(logprobs))]

    def _refuse(self, part: int, refusal: object) -> list[TurnEvent]:
        if not isinstance(refusal, str) or not refusal:
            return []
        self._heard.add(part)
        return [*self._turn_to(part), RefusalDelta(refusal)]

    def _sum_up(self, part: int, whole: Json) -> list[TurnEvent]:
        """Log probabilities of the open part: here they are told in full, with the bytes."""
        told = _objects(whole.get("logprobs"))
        return [TextLogprobs(told)] if told and part == self._part else []

    def _cite(self, part: int, annotation: object) -> list[TurnEvent]:
        if not isinstance(annotation, dict):
            return []
        self._sources[part] = self._sources.get(part, 0) + 1
        return [*self._turn_to(part), AnnotationAdded(annotation)]

    def _turn_to(self, part: int) -> list[TurnEvent]:
        if part == self._part:
            return []
        events: list[TurnEvent] = [] if self._part is None else [MessageEnded()]
        if self._phase:
            events.append(MessagePhase(self._phase))
        self._part = part
        return events


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _objects(values: object) -> tuple[JsonObject, ...]:
    found = values if isinstance(values, list) else []
    return tuple(value for value in found if isinstance(value, dict))
