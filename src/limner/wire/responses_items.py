"""The items of a Responses API's reply while they are being written: one reader for each kind."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from limner.core.arguments import dump
from limner.core.image import ImageCompleted, ImageData, ImageFailed, PartialImage, Resolved
from limner.core.point import asks_client
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    OpaqueEnded,
    OpaqueProgress,
    OpaqueStarted,
    PictureEnded,
    PicturePreview,
    PictureStarted,
    TurnEvent,
)
from limner.wire.images_picture import read_picture
from limner.wire.picture_size import measure
from limner.wire.responses_message import OpenMessage

Json = dict[str, Any]

_NEEDED: dict[str, Json] = {"reasoning": {"summary": []}}
_INDEXES = {
    "response.reasoning_summary": "summary_index",
    "response.reasoning_text": "content_index",
}
"""What clients need of a thought and of its events, and some servers (LiteLLM) leave out."""

OURS = frozenset({"type", "sequence_number", "output_index", "item_id", "stream_id"})
"""Of an event: what is said anew for our client."""


class OpenItem(Protocol):
    """One item. is_over: whether nothing more of it counts."""

    is_over: bool

    def start(self) -> list[TurnEvent]: ...

    def read(self, type_: str, event: Json) -> list[TurnEvent]:
        """Take an event within the item."""
        ...

    def finish(self, value: Json | None) -> list[TurnEvent]:
        """Take the whole item; None where the server did not say it again, though all is done."""
        ...


def open_item(value: Json, key: str, *, id_prefix: str, partial_images: int) -> OpenItem:
    """The reader for an item that begins. key: unique in the turn."""
    match value.get("type"):
        case "message":
            return OpenMessage(value)
        case "function_call" if value.get("namespace") is None:
            call_id = value.get("call_id")
            named = isinstance(call_id, str) and call_id
            return _OpenCall(key, str(call_id) if named else f"{id_prefix}_{key}", value)
        case "image_generation_call":
            return _OpenPicture(key, partial_images)
        case _:
            return _OpenOpaque(key, value)


class _OpenCall:
    """A function that the client, or our run, is to answer."""

    def __init__(self, key: str, call_id: str, value: Json) -> None:
        self.is_over = False
        self._started = CallStarted(key, call_id, str(value.get("name") or ""))
        self._deltas: list[str] = []
        self._arguments: object = None

    def start(self) -> list[TurnEvent]:
        return [self._started]

    def read(self, type_: str, event: Json) -> list[TurnEvent]:
        match type_:
            case "response.function_call_arguments.delta":
                delta = event.get("delta")
                if isinstance(delta, str) and delta:
                    self._deltas.append(delta)
                    return [CallDelta(self._started.key, delta)]
            case "response.function_call_arguments.done":
                self._arguments = event.get("arguments")
        return []

    def finish(self, value: Json | None) -> list[TurnEvent]:
        """Without the whole item, or the word that the arguments are, the call stays open."""
        arguments = self._arguments if value is None else value.get("arguments", self._arguments)
        if value is None and arguments is None:
            return []
        self.is_over = True
        if isinstance(arguments, dict):
            arguments = dump(arguments)
        whole = arguments if isinstance(arguments, str) else ""
        return [CallEnded(self._started.key, "".join(self._deltas) or whole)]


class _OpenPicture:
    """A picture that the upstream paints itself; done is done, whatever its status says."""

    def __init__(self, key: str, partial_images: int) -> None:
        self.is_over = False
        self._key = key
        self._previews_left = partial_images
        self._previews = 0

    def start(self) -> list[TurnEvent]:
        return [PictureStarted(self._key)]

    def read(self, type_: str, event: Json) -> list[TurnEvent]:
        """Servers send a preview unasked, which is the picture itself: asked for is what counts."""
        if not type_.endswith(".partial_image") or not self._previews_left:
            return []
        image = read_picture({"b64_json": event.get("partial_image_b64")})
        if isinstance(image, ImageFailed):
            return []
        preview = PartialImage(self._previews, image, _look(event, image))
        self._previews_left -= 1
        self._previews += 1
        return [PicturePreview(self._key, preview)]

    def finish(self, value: Json | None) -> list[TurnEvent]:
        self.is_over = True
        value = value or {}
        prompt = value.get("revised_prompt")
        action: Literal["generate", "edit"] = (
            "edit" if value.get("action") == "edit" else "generate"
        )
        outcome = _outcome(value)
        return [PictureEnded(self._key, outcome, prompt if isinstance(prompt, str) else "", action)]


class _OpenOpaque:
    """Any other item, passed as it came, and no less whole than clients take it."""

    def __init__(self, key: str, value: Json) -> None:
        self.is_over = False
        self._key = key
        self._needed = _NEEDED.get(value["type"], {})
        self._value = self._needed | value

    def start(self) -> list[TurnEvent]:
        return [OpaqueStarted(self._key, self._value)]

    def read(self, type_: str, event: Json) -> list[TurnEvent]:
        fields = {name: value for name, value in event.items() if name not in OURS}
        for beginning, index in _INDEXES.items():
            if type_.startswith(beginning):
                fields.setdefault(index, 0)
        return [OpaqueProgress(self._key, type_, fields)]

    def finish(self, value: Json | None) -> list[TurnEvent]:
        self.is_over = True
        value = self._needed | value if value else self._value
        return [OpaqueEnded(self._key, value, is_for_client=asks_client(value))]


def _outcome(value: Json) -> ImageCompleted | ImageFailed:
    if value.get("result"):
        image = read_picture({"b64_json": value["result"]})
        if isinstance(image, ImageFailed):
            return image
        return ImageCompleted(image, _look(value, image))
    error = value.get("error")
    error = error if isinstance(error, dict) else {}
    code, message = error.get("code"), error.get("message")
    return ImageFailed(
        message if isinstance(message, str) else "The model's server made no picture.",
        code=code if isinstance(code, str) else "server_error",
    )


def _look(value: Json, image: ImageData) -> Resolved:
    quality, background = value.get("quality"), value.get("background")
    return Resolved(
        size=measure(image),
        quality=quality if isinstance(quality, str) else None,
        background=background if isinstance(background, str) else None,
        output_format=image.format,
    )
