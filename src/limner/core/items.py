"""What a conversation is made of: the items of a turn, in one vocabulary for all dialects.

Names are those of OpenAI's Responses API. Values are normalised: the wire floor has already checked
types and turned base64 into bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from limner.core.image import ImageData

JsonObject = Mapping[str, Any]

Role = Literal["user", "assistant", "system", "developer"]
Detail = Literal["low", "high", "auto", "original"]
FunctionCallStatus = Literal["in_progress", "completed", "incomplete"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """annotations: the sources of the text, as its upstream named them.

    logprobs: how likely each token was, as the API writes it; empty unless it was asked for.
    """

    text: str
    annotations: tuple[JsonObject, ...] = ()
    logprobs: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusalPart:
    refusal: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture shown to the model.

    number: which of the conversation's pictures it is, from 1, as a model may name it; see
    `sources`.
    """

    source: ImageData
    detail: Detail = "auto"
    number: int | None = None


Part = TextPart | RefusalPart | ImagePart


@dataclass(frozen=True, slots=True)
class Message:
    """phase: what a message of the assistant is to its model, such as `commentary`."""

    role: Role
    parts: tuple[Part, ...]
    id: str | None = None
    phase: str | None = None

    @property
    def text(self) -> str:
        """All text of the message, parts joined by line breaks."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """arguments: a JSON text, as the model wrote it."""

    call_id: str
    name: str
    arguments: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionCallOutput:
    call_id: str
    parts: tuple[Part, ...]
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A model's thinking, replayed to it with the calls that followed.

    encrypted_content: opaque to us; only its own upstream can read it.
    source: the whole item as the client sent it, for an upstream that speaks the same API.
    """

    text: str
    id: str | None = None
    encrypted_content: str | None = None
    source: JsonObject | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ImageCallError:
    """Why a past image call failed; OpenAI's field names."""

    message: str
    code: str | None = None
    type: str = "image_generation_server_error"
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class ImageCall:
    """An `image_generation_call` of the past, echoed by the client.

    result is None when the call failed or the client stripped the bytes.
    """

    id: str
    revised_prompt: str
    result: ImageData | None
    error: ImageCallError | None = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """An item that only an upstream of the Responses API understands: its JSON, as it came.

    pictures: those in it, which can be edited all the same.
    """

    value: JsonObject
    pictures: tuple[ImageData, ...] = field(default=(), compare=False)

    @property
    def type(self) -> str:
        return str(self.value.get("type"))


Item = Message | FunctionCall | FunctionCallOutput | Reasoning | ImageCall | Opaque
