"""One turn as it is read: words and the client's calls go to the transcript, our own are kept back.

A turn that fails, or stops inside a call, leaves items open; who ends the response closes them.
"""

from __future__ import annotations

from typing import assert_never

from limner.core.events import ReasoningTextPart
from limner.core.hosted_calls import HostedCalls
from limner.core.image import MAX_PARTIAL_IMAGES, ImageCompleted, ImageFailed
from limner.core.items import FunctionCall, ImageCallError, RefusalPart, TextPart
from limner.core.offer import Offer
from limner.core.open_items import Place
from limner.core.transcript import Transcript
from limner.core.turn import (
    AnnotationAdded,
    CallDelta,
    CallEnded,
    CallStarted,
    MessageEnded,
    MessagePhase,
    OpaqueEnded,
    OpaqueProgress,
    OpaqueStarted,
    PassedEvent,
    PictureEnded,
    PicturePreview,
    PictureStarted,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    TextDelta,
    TextLogprobs,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    WordsEvent,
)


class TurnReader:
    """The turn under way, or the one whose pictures are being painted.

    is_helped: whether a call was made in the model's place; see `forced`.
    """

    def __init__(self, offer: Offer, transcript: Transcript, hosted: HostedCalls) -> None:
        self.offer = offer
        self._transcript = transcript
        self._hosted = hosted
        self._open_calls: dict[str, CallStarted] = {}
        self._pictures: dict[str, Place] = {}
        self.first_item = len(transcript.output)
        self.calls_client = False
        self.is_helped = False
        self.end: TurnEnded | TurnFailed | None = None

    @property
    def has_open_calls(self) -> bool:
        return bool(self._open_calls)

    def receive(self, event: TurnEvent) -> None:
        """Take the next event; raises KeyError for a call that is not open."""
        match event:
            case CallStarted():
                self._start_call(event)
            case CallDelta():
                self._continue_call(event)
            case CallEnded(key, arguments):
                self._end_call(self._open_calls.pop(key), arguments)
            case TurnEnded(incomplete=incomplete):
                self._transcript.end_words("completed" if incomplete is None else "incomplete")
                self.end = event
            case TurnFailed():
                self.end = event
            case (
                OpaqueStarted()
                | OpaqueProgress()
                | OpaqueEnded()
                | PictureStarted()
                | PicturePreview()
                | PictureEnded()
            ):
                self._pass_on(event)
            case _:
                self._write(event)

    def _write(self, event: WordsEvent) -> None:
        match event:
            case MessagePhase(phase):
                self._transcript.tell_phase(phase)
            case TextDelta(text, logprobs):
                self._transcript.write(TextPart, text, logprobs)
            case TextLogprobs(logprobs):
                self._transcript.tell_logprobs(logprobs)
            case AnnotationAdded(annotation):
                self._transcript.annotate(annotation)
            case RefusalDelta(refusal):
                self._transcript.write(RefusalPart, refusal)
            case MessageEnded():
                self._transcript.end_words()
            case ReasoningDelta(text):
                self._transcript.write(ReasoningTextPart, text)
            case ReasoningSealed(encrypted_content):
                self._transcript.seal_reasoning(encrypted_content)
            case _:
                assert_never(event)

    def _pass_on(self, event: PassedEvent) -> None:
        match event:
            case OpaqueStarted(key, value):
                self._transcript.start_opaque(key, value)
            case OpaqueProgress():
                self._transcript.pass_on(event.key, event.type, event.fields)
            case OpaqueEnded(key, value, is_for_client):
                self.calls_client |= is_for_client
                if not is_for_client and str(value.get("type")).endswith("_call"):
                    self._hosted.note_passed()
                self._transcript.end_opaque(key, value)
            case PictureStarted(key):
                self._pictures[key] = self._transcript.start_picture("")
            case PicturePreview(key, preview):
                place = self._pictures[key]
                self._transcript.show_partial_image(place, preview, limit=MAX_PARTIAL_IMAGES)
            case PictureEnded():
                self._end_picture(event)
            case _:
                assert_never(event)

    def _end_picture(self, event: PictureEnded) -> None:
        place = self._pictures.pop(event.key)
        self._hosted.note_passed()
        self._transcript.tell_prompt(place, event.prompt)
        match event.outcome:
            case ImageCompleted():
                self._transcript.complete_picture(place, event.outcome, event.action)
            case ImageFailed(message, code, type_, retryable):
                error = ImageCallError(message, code, type_, retryable)
                self._transcript.fail_picture(place, error)
            case _:
                assert_never(event.outcome)

    def _start_call(self, call: CallStarted) -> None:
        if call.key in self._open_calls:
            raise RuntimeError(f"two open calls have the key {call.key!r}")
        self._open_calls[call.key] = call
        if self._is_clients(call):
            self.calls_client = True
            self._transcript.start_call(call.key, call.call_id, call.name)

    def _continue_call(self, delta: CallDelta) -> None:
        if self._is_clients(self._open_calls[delta.key]):
            self._transcript.write_arguments(delta.key, delta.arguments)

    def _end_call(self, call: CallStarted, arguments: str) -> None:
        if self._is_clients(call):
            self._transcript.end_call(call.key, arguments)
        else:
            self._hosted.add(FunctionCall(call.call_id, call.name, arguments), self.offer)

    def _is_clients(self, call: CallStarted) -> bool:
        return call.name in self.offer.functions
