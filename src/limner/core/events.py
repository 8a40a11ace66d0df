"""What the client sees of a response: its events and output items, under OpenAI's names.

Source: OpenAI API reference, "Responses" and "Streaming events". Values only: who numbers them is
`transcript`, who writes them as JSON is the wire floor. Pictures are bytes here.

Each event carries its `sequence_number` (from 0, no gaps). `ImageCallProgress` is ours: it has no
number, and clients of the official SDK never see it as an event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from limner.core.image import ImageData, ImageUsage, Resolved
from limner.core.items import (
    FunctionCallStatus,
    ImageCallError,
    JsonObject,
    RefusalPart,
    TextPart,
)
from limner.core.request import Echo
from limner.core.turn import IncompleteReason, Usage

ItemStatus = FunctionCallStatus
ImageCallStatus = Literal["in_progress", "generating", "completed", "failed"]
ResponseStatus = Literal["queued", "in_progress", "completed", "failed", "incomplete", "cancelled"]


@dataclass(frozen=True, slots=True)
class ReasoningTextPart:
    text: str


MessagePart = TextPart | RefusalPart
ContentPart = MessagePart | ReasoningTextPart


@dataclass(frozen=True, slots=True)
class MessageItem:
    """Words of the assistant. parts is empty while the item is in progress.

    phase: see `items.Message`.
    """

    id: str
    status: ItemStatus
    parts: tuple[MessagePart, ...] = ()
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class ReasoningItem:
    """The model's thinking as text. parts is empty while the item is in progress.

    encrypted_content: what its upstream wants back with it; comes with the end, if at all.
    """

    id: str
    status: ItemStatus
    parts: tuple[ReasoningTextPart, ...] = ()
    encrypted_content: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionCallItem:
    """A call that the client answers. arguments is empty while the item is in progress."""

    id: str
    status: ItemStatus
    call_id: str
    name: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ImageCallItem:
    """A call of the hosted tool.

    Only `completed` has image, action and resolved; only `failed` has error. revised_prompt, the
    words that were painted, comes with the end of the call, however it ends.
    """

    id: str
    status: ImageCallStatus
    revised_prompt: str | None = None
    image: ImageData | None = None
    resolved: Resolved | None = None
    action: Literal["generate", "edit"] | None = None
    error: ImageCallError | None = None


@dataclass(frozen=True, slots=True)
class OpaqueItem:
    """An item that the upstream made and the client understands.

    id: what the client sees, the upstream's own unless that is taken. value: as it came.
    """

    id: str
    value: JsonObject

    @property
    def status(self) -> str:
        return str(self.value.get("status") or "completed")


OutputItem = MessageItem | ReasoningItem | FunctionCallItem | ImageCallItem | OpaqueItem


@dataclass(frozen=True, slots=True)
class ResponseError:
    """Why a response failed. code: such as `server_error` or `rate_limit_exceeded`.

    status, retryable, retry_after_s, param: for an HTTP reply, where nothing has been sent yet;
    see `errors.UpstreamError`.
    """

    code: str
    message: str
    status: int = 500
    retryable: bool = False
    retry_after_s: float | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A response as it stands at one moment.

    created_at, completed_at: whole seconds since 1970. usage: language-model tokens summed over the
    turns; image_usage: those of the picture calls that reported any, never part of `usage`.
    adjustments: what is not done as asked, one sentence each.
    """

    id: str
    created_at: int
    status: ResponseStatus
    model: str
    output: tuple[OutputItem, ...] = ()
    completed_at: int | None = None
    usage: Usage | None = None
    image_usage: ImageUsage | None = None
    error: ResponseError | None = None
    incomplete: IncompleteReason | None = None
    echo: Echo = field(default_factory=Echo)
    adjustments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Event:
    sequence_number: int


@dataclass(frozen=True, slots=True)
class _ItemEvent(_Event):
    output_index: int
    item_id: str


@dataclass(frozen=True, slots=True)
class _PartEvent(_ItemEvent):
    content_index: int


@dataclass(frozen=True, slots=True)
class ResponseCreated(_Event):
    response: Response


@dataclass(frozen=True, slots=True)
class ResponseQueued(_Event):
    response: Response


@dataclass(frozen=True, slots=True)
class ResponseInProgress(_Event):
    response: Response


@dataclass(frozen=True, slots=True)
class ResponseCompleted(_Event):
    response: Response


@dataclass(frozen=True, slots=True)
class ResponseFailed(_Event):
    response: Response


@dataclass(frozen=True, slots=True)
class ResponseIncomplete(_Event):
    """Also the end of a cancelled response, for which OpenAI's API has no event."""

    response: Response


@dataclass(frozen=True, slots=True)
class ResponseDenied(_Event):
    """The model called the hosted image tool, which was not offered; `response.failed` follows."""

    response: Response


@dataclass(frozen=True, slots=True)
class OutputItemAdded(_Event):
    output_index: int
    item: OutputItem


@dataclass(frozen=True, slots=True)
class OutputItemDone(_Event):
    output_index: int
    item: OutputItem


@dataclass(frozen=True, slots=True)
class ContentPartAdded(_PartEvent):
    """The part is empty."""

    part: ContentPart


@dataclass(frozen=True, slots=True)
class ContentPartDone(_PartEvent):
    part: ContentPart


@dataclass(frozen=True, slots=True)
class OutputTextDelta(_PartEvent):
    delta: str
    logprobs: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputTextDone(_PartEvent):
    text: str
    logprobs: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputTextAnnotationAdded(_PartEvent):
    annotation_index: int
    annotation: JsonObject


@dataclass(frozen=True, slots=True)
class OutputRefusalDelta(_PartEvent):
    delta: str


@dataclass(frozen=True, slots=True)
class OutputRefusalDone(_PartEvent):
    refusal: str


@dataclass(frozen=True, slots=True)
class ReasoningTextDelta(_PartEvent):
    delta: str


@dataclass(frozen=True, slots=True)
class ReasoningTextDone(_PartEvent):
    text: str


@dataclass(frozen=True, slots=True)
class FunctionCallArgumentsDelta(_ItemEvent):
    delta: str


@dataclass(frozen=True, slots=True)
class FunctionCallArgumentsDone(_ItemEvent):
    arguments: str


@dataclass(frozen=True, slots=True)
class ImageCallInProgress(_ItemEvent):
    pass


@dataclass(frozen=True, slots=True)
class ImageCallGenerating(_ItemEvent):
    pass


@dataclass(frozen=True, slots=True)
class ImageCallPartialImage(_ItemEvent):
    """A real preview. partial_image_index counts from 0 within the item."""

    partial_image_index: int
    image: ImageData
    resolved: Resolved


@dataclass(frozen=True, slots=True)
class ImageCallCompleted(_ItemEvent):
    pass


@dataclass(frozen=True, slots=True)
class OpaqueEvent(_Event):
    """What an upstream says within an opaque item, or about none."""

    type: str
    fields: JsonObject
    output_index: int | None = None
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class ImageCallProgress:
    """Ours, without a number: how far a picture is; fields as in `image.ImageProgress`."""

    output_index: int
    item_id: str
    step: int
    steps: int
    queue_position: int | None = None
    eta_s: float | None = None


TerminalEvent = ResponseCompleted | ResponseFailed | ResponseIncomplete
NumberedEvent = (
    ResponseCreated
    | ResponseQueued
    | ResponseInProgress
    | TerminalEvent
    | ResponseDenied
    | OutputItemAdded
    | OutputItemDone
    | ContentPartAdded
    | ContentPartDone
    | OutputTextDelta
    | OutputTextDone
    | OutputTextAnnotationAdded
    | OutputRefusalDelta
    | OutputRefusalDone
    | ReasoningTextDelta
    | ReasoningTextDone
    | FunctionCallArgumentsDelta
    | FunctionCallArgumentsDone
    | ImageCallInProgress
    | ImageCallGenerating
    | ImageCallPartialImage
    | ImageCallCompleted
    | OpaqueEvent
)
ResponseEvent = NumberedEvent | ImageCallProgress
