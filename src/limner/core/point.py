"""Where a response stands between two steps of its run, read back from its events.

A run that its process did not end goes on in another one from the last step that was kept. What is
done stays done, what is open is closed, and the model is asked again with all of it in view.
Events of one step are kept together or not at all, so an item is never found half closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from limner.core.events import (
    ContentPartAdded,
    ContentPartDone,
    FunctionCallArgumentsDelta,
    FunctionCallItem,
    ImageCallItem,
    ImageCallPartialImage,
    MessageItem,
    NumberedEvent,
    OpaqueItem,
    OutputItem,
    OutputItemAdded,
    OutputItemDone,
    OutputRefusalDelta,
    OutputTextAnnotationAdded,
    OutputTextDelta,
    ReasoningItem,
    ReasoningTextDelta,
    ReasoningTextPart,
    ResponseInProgress,
)
from limner.core.image import ImageUsage
from limner.core.items import (
    ImageCall,
    ImageCallError,
    Item,
    JsonObject,
    Message,
    Opaque,
    Reasoning,
    TextPart,
)
from limner.core.open_items import OpenCall, OpenOpaque, OpenPicture, OpenWords, Place
from limner.core.turn import Usage

_FOR_CLIENT = frozenset(
    {"custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call"}
    | {"mcp_approval_request", "function_call"}
)
_CUT_OFF = "(Your answer broke off here. Go on exactly where it ends, and repeat nothing.)"
"""A user says so, since not every model takes a developer in the middle of a conversation."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What events do not tell of a response under way.

    turns: those that ended. usage, image_usage: of these turns and of the pictures done.
    prompts: of the open pictures, by item id.
    """

    turns: int = 0
    usage: Usage | None = None
    image_usage: ImageUsage | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)


NOTHING_SPENT = Spent()


@dataclass(slots=True)
class Point:
    """next_number: of the next event. has_begun: whether `response.in_progress` has been said.

    done: items by output index. The rest is open: words, calls and opaque items by a key of their
    own, pictures by their place.
    """

    next_number: int = 0
    has_begun: bool = False
    done: dict[int, OutputItem] = field(default_factory=dict)
    words: OpenWords | None = None
    calls: dict[str, OpenCall] = field(default_factory=dict)
    pictures: dict[Place, OpenPicture] = field(default_factory=dict)
    opaque: dict[str, OpenOpaque] = field(default_factory=dict)
    spent: Spent = NOTHING_SPENT

    @property
    def places(self) -> list[Place]:
        """All items, done and open."""
        closed = [Place(index, item.id) for index, item in self.done.items()]
        calls = [call.place for call in self.calls.values()]
        opaque = [item.place for item in self.opaque.values()]
        words = [self.words.place] if self.words else []
        return [*closed, *calls, *opaque, *self.pictures, *words]

    @property
    def waits_for_client(self) -> bool:
        """Whether a call is complete that only the client can answer: the response is over."""
        return any(
            item.status == "completed" and asks_client(item.value)
            if isinstance(item, OpaqueItem)
            else isinstance(item, FunctionCallItem) and item.status == "completed"
            for item in self.done.values()
        )

    @property
    def picture_count(self) -> int:
        done = sum(isinstance(item, ImageCallItem) for item in self.done.values())
        return done + len(self.pictures)


@dataclass(frozen=True, slots=True)
class Begun:
    """A response that another process began, at `created_at` (seconds since 1970), and left.

    is_repeatable: whether asking for a lost picture again costs nothing but time.
    """

    created_at: int
    point: Point
    is_repeatable: bool = False


def asks_client(item: JsonObject) -> bool:
    """Whether an item of another type than `function_call` waits for the client's answer."""
    if item.get("type") == "tool_search_call":
        return item.get("execution") == "client"
    return item.get("type") in _FOR_CLIENT


def read_back(events: Iterable[NumberedEvent], spent: Spent = NOTHING_SPENT) -> Point:
    """The point after these events: all of a response, from its first, ending with a step."""
    point = Point(spent=spent)
    for event in events:
        point.next_number = event.sequence_number + 1
        match event:
            case ResponseInProgress():
                point.has_begun = True
            case OutputItemAdded(output_index=index, item=item):
                _open(point, Place(index, item.id), item)
            case OutputItemDone(output_index=index, item=item):
                _close(point, Place(index, item.id))
                point.done[index] = item
            case FunctionCallArgumentsDelta(item_id=item_id, delta=delta):
                point.calls[item_id].deltas.append(delta)
            case ImageCallPartialImage(output_index=index, item_id=item_id):
                point.pictures[Place(index, item_id)].partial_images += 1
            case _:
                if point.words is not None:
                    _fill(point.words, event)
    return point


def _open(point: Point, place: Place, item: OutputItem) -> None:
    match item:
        case MessageItem(phase=phase):
            point.words = OpenWords(place, TextPart, phase=phase)
        case ReasoningItem():
            point.words = OpenWords(place, ReasoningTextPart)
        case FunctionCallItem(id, _, call_id, name):
            point.calls[id] = OpenCall(place, call_id, name)
        case ImageCallItem(id):
            point.pictures[place] = OpenPicture(point.spent.prompts.get(id, ""))
        case OpaqueItem(id, value):
            point.opaque[id] = OpenOpaque(place, value)
        case _:
            assert_never(item)


def _close(point: Point, place: Place) -> None:
    point.calls.pop(place.item_id, None)
    point.opaque.pop(place.item_id, None)
    point.pictures.pop(place, None)
    if point.words is not None and point.words.place == place:
        point.words = None


def _fill(words: OpenWords, event: NumberedEvent) -> None:
    match event:
        case ContentPartAdded(part=part):
            words.kind = type(part)
        case ContentPartDone(part=part):
            words.take_part()
            words.parts.append(part)
        case OutputTextDelta(delta=delta, logprobs=logprobs):
            words.deltas.append(delta)
            words.logprobs += logprobs
        case OutputRefusalDelta(delta=delta) | ReasoningTextDelta(delta=delta):
            words.deltas.append(delta)
        case OutputTextAnnotationAdded(annotation=annotation):
            words.annotations.append(annotation)
        case _:
            pass


def said(done: Iterable[OutputItem]) -> tuple[Item, ...]:
    """Say what a response has written so far as items of its own input, as a later turn would.

    Left out is what nobody can read on from: thoughts and calls that broke off.
    """
    items = [item for output in done if (item := _said(output)) is not None]
    if items and isinstance(items[-1], Message):
        items.append(Message("user", (TextPart(_CUT_OFF),)))
    return tuple(items)


def _said(item: OutputItem) -> Item | None:
    match item:
        case MessageItem(parts=parts, phase=phase):
            return Message("assistant", parts, phase=phase) if parts else None
        case ReasoningItem(status="completed", parts=parts, encrypted_content=encrypted_content):
            text = "".join(part.text for part in parts)
            return Reasoning(text, encrypted_content=encrypted_content)
        case ImageCallItem(id, _, prompt, image, error=error):
            return ImageCall(id, prompt or "", image, error)
        case OpaqueItem(value=value) if item.status == "completed":
            return Opaque(value)
        case _:
            return None


def lost(*, is_repeatable: bool) -> ImageCallError:
    """What became of a picture whose process stopped; see `Begun`."""
    if is_repeatable:
        said = "The server stopped before this picture was done."
        return ImageCallError(said, code="server_error", retryable=True)
    return ImageCallError(
        "The server stopped while this picture was being made. Whether it was made, and paid for, "
        "is not known; do not ask again unless the user wants that.",
        code="outcome_unknown",
    )


def cancelled() -> ImageCallError:
    return ImageCallError("The user cancelled this response.", code="cancelled")
