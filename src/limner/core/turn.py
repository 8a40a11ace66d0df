"""One request to a language model and the events of its reply, whatever dialect carries them.

Order of events in a turn: any number of deltas and calls, in the order in which the model wrote
them; then exactly one `TurnEnded` or `TurnFailed`, the last event. A call's `key` is unique in its
turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from limner.core.image import ImageCompleted, ImageFailed, PartialImage
from limner.core.items import Item
from limner.core.items import JsonObject as JsonObject


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function the model may call. parameters: a JSON Schema object, None for "any"."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class NamedChoice:
    """The model must call this function."""

    name: str


@dataclass(frozen=True, slots=True)
class HostedChoice:
    """The model must use this hosted tool of its own server. selector: as the client sent it."""

    selector: JsonObject


ToolChoice = Literal["none", "auto", "required"] | NamedChoice | HostedChoice


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model writes. None leaves the upstream's default.

    text_format: the Responses API's `text.format` object. The three behind it are its strings.
    logprobs: whether to tell how likely each token was. top_logprobs: beside how many others.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    text_format: JsonObject | None = None
    verbosity: str | None = None
    reasoning_effort: str | None = None
    reasoning_summary: str | None = None
    logprobs: bool = False
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What an upstream is asked.

    items hold no `ImageCall`: the run has rewritten them to calls and their outputs. hosted_tools,
    include: for upstreams with the capability `hosted_tools`, as the client sent them.
    max_tool_calls: how many more the client allows of hosted tools.
    """

    model: str
    items: tuple[Item, ...]
    instructions: str | None = None
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    sampling: Sampling = field(default_factory=Sampling)
    user: str | None = None
    hosted_tools: tuple[JsonObject, ...] = ()
    include: tuple[str, ...] = ()
    max_tool_calls: int | None = None


@dataclass(frozen=True, slots=True)
class MessagePhase:
    """What the message under way, or else the next one, is to its model."""

    phase: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """logprobs: of its tokens, where they were asked for and the upstream tells them."""

    text: str
    logprobs: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class TextLogprobs:
    """Those of the whole text under way, in place of what its deltas brought."""

    logprobs: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True)
class AnnotationAdded:
    """A source of the text under way, as the upstream names it."""

    annotation: JsonObject


@dataclass(frozen=True, slots=True)
class MessageEnded:
    """The next words belong to another message."""


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    refusal: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningSealed:
    """Ends the thought under way, or stands for one without words.

    encrypted_content: what the upstream wants back with the thought; see `items.Reasoning`.
    """

    encrypted_content: str


@dataclass(frozen=True, slots=True)
class CallStarted:
    key: str
    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    key: str
    arguments: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """arguments: the whole JSON text, equal to the deltas joined."""

    key: str
    arguments: str


@dataclass(frozen=True, slots=True)
class OpaqueStarted:
    """An item that only client and upstream understand. value: its JSON, with upstream's id."""

    key: str
    value: JsonObject


@dataclass(frozen=True, slots=True)
class OpaqueProgress:
    """What happens within such an item; key is None for what belongs to no item.

    fields: the event less its type, its numbers and the id of its item.
    """

    key: str | None
    type: str
    fields: JsonObject


@dataclass(frozen=True, slots=True)
class OpaqueEnded:
    """value: the whole item. is_for_client: whether the client must answer it."""

    key: str
    value: JsonObject
    is_for_client: bool = False


@dataclass(frozen=True, slots=True)
class PictureStarted:
    """The upstream paints by its own image tool."""

    key: str


@dataclass(frozen=True, slots=True)
class PicturePreview:
    key: str
    preview: PartialImage


@dataclass(frozen=True, slots=True)
class PictureEnded:
    """prompt: the words that were painted, where the upstream tells them."""

    key: str
    outcome: ImageCompleted | ImageFailed
    prompt: str
    action: Literal["generate", "edit"] = "generate"


@dataclass(frozen=True, slots=True)
class Usage:
    """Language-model tokens, under the Responses API's names."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


IncompleteReason = Literal["max_output_tokens", "content_filter"]


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The model stopped by itself, or was cut short for the reason named.

    adjustments: what the upstream could not do as asked, one sentence each, for the client.
    """

    usage: Usage | None = None
    incomplete: IncompleteReason | None = None
    adjustments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The upstream failed; fields as in `errors.UpstreamError`."""

    message: str
    code: str = "server_error"
    status: int = 502
    retryable: bool = False
    retry_after_s: float | None = None
    param: str | None = None


WordsEvent = (
    MessagePhase
    | TextDelta
    | TextLogprobs
    | AnnotationAdded
    | RefusalDelta
    | MessageEnded
    | ReasoningDelta
    | ReasoningSealed
)
"""What the model says and thinks."""

PassedEvent = (
    OpaqueStarted | OpaqueProgress | OpaqueEnded | PictureStarted | PicturePreview | PictureEnded
)
"""What an upstream does by itself while the client watches."""

TurnEvent = WordsEvent | CallStarted | CallDelta | CallEnded | PassedEvent | TurnEnded | TurnFailed


@dataclass(frozen=True, slots=True)
class UpstreamCapabilities:
    """What a language model can do: data read by the rules, never a check of its name.

    hosted_tools: takes tools and items of every kind, and `reasoning.summary`, as OpenAI's API
        does. native_image_tool: its own `image_generation` is one of those tools.
    encrypted_reasoning: returns thoughts with what it wants back with them.
    built_in: answers by rules of our own, without a model.
    logprobs: can be asked how likely the tokens of its text were.
    tools: whether it calls functions by itself, is prompted to call in its text, or shows which
        (`auto`) when it is asked.
    """

    name: str
    vision: bool = True
    parallel_tool_calls: bool = True
    hosted_tools: bool = False
    native_image_tool: bool = False
    encrypted_reasoning: bool = False
    built_in: bool = False
    tools: Literal["auto", "native", "prompted"] = "native"
    logprobs: bool = False
