"""A run under test, its events said briefly: `text #0/0 Hello` is a delta of item 0, part 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from itertools import count
from typing import assert_never

from limner.core import events as shown
from limner.core.actions import DEFAULT_LIMITS, Limits, StartImage, StartTurn
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageRequest,
    PartialImage,
    Resolved,
    Size,
)
from limner.core.image_tool import Denial
from limner.core.items import Message, TextPart
from limner.core.request import ImageTool, ResponseRequest
from limner.core.run import ResponseRun
from limner.core.turn import CallDelta, CallEnded, CallStarted, FunctionTool, TurnEvent, TurnRequest

WEATHER = FunctionTool("get_weather", "Tells the weather.", {"type": "object"})
USER = Message("user", (TextPart("Draw a cat."),))
CAT = ImageData(b"a cat", "png")
RESOLVED = Resolved(size=Size(256, 256), output_format="png")


def numbered_ids() -> Callable[[str], str]:
    numbers = count(1)
    return lambda prefix: f"{prefix}{next(numbers)}"


def asking(
    *,
    image_tool: ImageTool | None = ImageTool(index=0),  # noqa: B008 - a frozen value
    stream: bool = True,
    **settings: object,
) -> ResponseRequest:
    settings = {"items": (USER,)} | settings
    return ResponseRequest("llm", stream=stream, image_tool=image_tool, **settings)  # type: ignore[arg-type]


def call(key: str, name: str, arguments: str) -> tuple[TurnEvent, ...]:
    return CallStarted(key, f"call_{key}", name), *ends(key, arguments)


def ends(key: str, arguments: str) -> tuple[TurnEvent, ...]:
    return CallDelta(key, arguments), CallEnded(key, arguments)


def draw(key: str, prompt: str = "a cat", name: str = "image_generation") -> tuple[TurnEvent, ...]:
    return call(key, name, f'{{"prompt": "{prompt}"}}')


def painted(content: bytes = CAT.content) -> ImageCompleted:
    return ImageCompleted(ImageData(content, "png"), RESOLVED)


def preview(index: int = 0, content: bytes = b"a blur") -> PartialImage:
    return PartialImage(index, ImageData(content, "png"), RESOLVED)


class Recorded:
    """Feeds a run and keeps what came out. A turn or picture that it starts is its `action`.

    painted: what was asked of each picture that was finished.
    """

    def __init__(
        self,
        request: ResponseRequest | None = None,
        *,
        painter: ImageCapabilities | None = None,
        limits: Limits = DEFAULT_LIMITS,
        denial: Denial = "recover",
    ) -> None:
        self.request = request or asking()
        self.painted: list[ImageRequest] = []
        self.run = ResponseRun(
            self.request,
            response_id="resp_0",
            new_id=numbered_ids(),
            clock=lambda: 1000.5,
            painter=painter,
            limits=limits,
            denial=denial,
        )
        self.action = self.run.action()
        self.opening = self.run.events()
        self.events = list(self.opening)

    def feed(self, *events: TurnEvent | ImageEvent) -> list[str]:
        """Feed events; return what the client sees of it."""
        for event in events:
            if isinstance(event, ImageCompleted):
                self.painted.append(self.image.request)
            self.run.receive(event)
            self.action = self.run.action() or self.action
        return self.drain()

    def drain(self) -> list[str]:
        fresh = self.run.events()
        self.events += fresh
        return [brief(event) for event in fresh]

    @property
    def turn(self) -> TurnRequest:
        assert isinstance(self.action, StartTurn)
        return self.action.request

    @property
    def image(self) -> StartImage:
        assert isinstance(self.action, StartImage)
        return self.action

    def response_items(self) -> int:
        """How many items the client has been shown so far."""
        return sum(isinstance(event, shown.OutputItemAdded) for event in self.events)

    @property
    def response(self) -> shown.Response:
        assert self.run.is_finished
        last = self.events[-1]
        assert isinstance(last, shown.TerminalEvent)
        return last.response


def brief(event: shown.ResponseEvent) -> str:
    """Say an event in a few words."""
    match event:
        case shown.ResponseCreated():
            return "created"
        case shown.ResponseInProgress():
            return "in_progress"
        case shown.ResponseCompleted():
            return "COMPLETED"
        case shown.ResponseFailed(response=response):
            assert response.error is not None
            return f"FAILED {response.error.code}"
        case shown.ResponseDenied(response=response):
            assert response.error is not None
            return f"DENIED {response.error.message}"
        case shown.ResponseIncomplete(response=response):
            return f"INCOMPLETE {response.incomplete}"
        case shown.OutputItemAdded(_, index, item):
            return f"added #{index} {_kind(item)}"
        case shown.OutputItemDone(_, index, item):
            return f"done #{index} {_kind(item)} {item.status}"
        case shown.ImageCallProgress(index, _, step, steps):
            return f"progress #{index} {step}/{steps}"
        case _:
            return _inside(event)


# What each event inside an item is called here, and the field that it is about.
_INSIDE: dict[type, tuple[str, str]] = {
    shown.ContentPartAdded: ("part added", ""),
    shown.ContentPartDone: ("part done", ""),
    shown.OutputTextDelta: ("text", "delta"),
    shown.OutputTextDone: ("text done", "text"),
    shown.OutputTextAnnotationAdded: ("annotation", "annotation_index"),
    shown.OutputRefusalDelta: ("refusal", "delta"),
    shown.OutputRefusalDone: ("refusal done", "refusal"),
    shown.ReasoningTextDelta: ("thought", "delta"),
    shown.ReasoningTextDone: ("thought done", "text"),
    shown.FunctionCallArgumentsDelta: ("arguments", "delta"),
    shown.FunctionCallArgumentsDone: ("arguments done", "arguments"),
    shown.ImageCallInProgress: ("image in_progress", ""),
    shown.ImageCallGenerating: ("image generating", ""),
    shown.ImageCallPartialImage: ("partial image", "partial_image_index"),
    shown.ImageCallCompleted: ("image completed", ""),
}


def _inside(event: shown.ResponseEvent) -> str:
    if isinstance(event, shown.OpaqueEvent):
        return event.type if event.output_index is None else f"{event.type} #{event.output_index}"
    name, field = _INSIDE[type(event)]
    fields = asdict(event)
    place = f"#{fields['output_index']}"
    if "content_index" in fields:
        place += f"/{fields['content_index']}"
    return f"{name} {place} {fields[field]}" if field else f"{name} {place}"


def _kind(item: shown.OutputItem) -> str:
    match item:
        case shown.MessageItem():
            return "message"
        case shown.ReasoningItem():
            return "reasoning"
        case shown.FunctionCallItem():
            return "call"
        case shown.ImageCallItem():
            return "image"
        case shown.OpaqueItem(value=value):
            return str(value["type"])
        case _:
            assert_never(item)
