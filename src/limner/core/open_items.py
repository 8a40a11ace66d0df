"""Output items under way: what has been said of them so far, and the item as it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from limner.core.events import (
    ContentPart,
    FunctionCallItem,
    ItemStatus,
    MessageItem,
    NumberedEvent,
    OutputRefusalDelta,
    OutputRefusalDone,
    OutputTextDelta,
    OutputTextDone,
    ReasoningItem,
    ReasoningTextDelta,
    ReasoningTextDone,
    ReasoningTextPart,
)
from limner.core.items import JsonObject, RefusalPart, TextPart

PartKind = type[TextPart] | type[RefusalPart] | type[ReasoningTextPart]
PartEvent = Callable[..., NumberedEvent]
"""Made of its number, the part's place, its words, and of text how likely its tokens were."""

PART_DELTA: dict[PartKind, PartEvent] = {
    TextPart: OutputTextDelta,
    RefusalPart: OutputRefusalDelta,
    ReasoningTextPart: ReasoningTextDelta,
}
PART_DONE: dict[PartKind, PartEvent] = {
    TextPart: OutputTextDone,
    RefusalPart: OutputRefusalDone,
    ReasoningTextPart: ReasoningTextDone,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands in the output."""

    output_index: int
    item_id: str


@dataclass(slots=True)
class OpenWords:
    """An open message or reasoning item; its last part is open, and still without its text."""

    place: Place
    kind: PartKind
    parts: list[ContentPart] = field(default_factory=list)
    deltas: list[str] = field(default_factory=list)
    annotations: list[JsonObject] = field(default_factory=list)
    logprobs: list[JsonObject] = field(default_factory=list)
    encrypted_content: str | None = None
    phase: str | None = None

    def take_part(self) -> ContentPart:
        """The open part with all that was written into it; the next one begins empty."""
        text = "".join(self.deltas)
        annotations, logprobs = tuple(self.annotations), tuple(self.logprobs)
        self.deltas.clear()
        self.annotations.clear()
        self.logprobs.clear()
        return TextPart(text, annotations, logprobs) if self.kind is TextPart else self.kind(text)

    def item(self, status: ItemStatus) -> MessageItem | ReasoningItem:
        if self.kind is ReasoningTextPart:
            thoughts = (part for part in self.parts if isinstance(part, ReasoningTextPart))
            return ReasoningItem(
                self.place.item_id, status, tuple(thoughts), self.encrypted_content
            )
        said = (part for part in self.parts if not isinstance(part, ReasoningTextPart))
        return MessageItem(self.place.item_id, status, tuple(said), self.phase)


@dataclass(slots=True)
class OpenCall:
    """An open call of the client's."""

    place: Place
    call_id: str
    name: str
    deltas: list[str] = field(default_factory=list)

    def item(self, status: ItemStatus, arguments: str) -> FunctionCallItem:
        return FunctionCallItem(self.place.item_id, status, self.call_id, self.name, arguments)


@dataclass(slots=True)
class OpenOpaque:
    """An open item of the upstream's own."""

    place: Place
    value: JsonObject

    def cut_short(self) -> JsonObject:
        status = {"status": "incomplete"} if "status" in self.value else {}
        return {**self.value, **status}


@dataclass(slots=True)
class OpenPicture:
    """An open call of the image tool."""

    prompt: str
    partial_images: int = 0
