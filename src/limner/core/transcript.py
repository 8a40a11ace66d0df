"""What the client sees of a response: output items, their indexes and ids, numbered events.

Rules kept here and nowhere else:
- an item is added once, filled, and done once; nothing names it before or after;
- output_index follows the order of adding; sequence_number has no gaps;
- at most one item of words is open at a time; calls and pictures may be open beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Literal, ParamSpec

from limner.core.events import (
    ContentPartAdded,
    ContentPartDone,
    FunctionCallArgumentsDelta,
    FunctionCallArgumentsDone,
    ImageCallCompleted,
    ImageCallGenerating,
    ImageCallInProgress,
    ImageCallItem,
    ImageCallPartialImage,
    ImageCallProgress,
    ItemStatus,
    NumberedEvent,
    OpaqueEvent,
    OpaqueItem,
    OutputItem,
    OutputItemAdded,
    OutputItemDone,
    OutputTextAnnotationAdded,
    ReasoningItem,
    ReasoningTextPart,
    Response,
    ResponseEvent,
)
from limner.core.image import ImageCompleted, ImageProgress, PartialImage
from limner.core.items import ImageCallError, JsonObject, RefusalPart, TextPart
from limner.core.open_items import (
    PART_DELTA,
    PART_DONE,
    OpenCall,
    OpenOpaque,
    OpenPicture,
    OpenWords,
    PartKind,
    Place,
)
from limner.core.point import Point

P = ParamSpec("P")


class Transcript:
    """The output of one response. new_id: makes a fresh id that begins with the prefix given.

    point: where it goes on, which this takes over.
    """

    def __init__(self, new_id: Callable[[str], str], point: Point | None = None) -> None:
        point = point or Point()
        places = point.places
        self._new_id = new_id
        self._events: list[ResponseEvent] = []
        self._sequence_number = point.next_number
        self._items_added = len(places)
        self._done = point.done
        self._words = point.words
        self._phase: str | None = None
        self._calls = point.calls
        self._pictures = point.pictures
        self._opaque = point.opaque
        self._ids = {place.item_id for place in places}

    @property
    def output(self) -> tuple[OutputItem, ...]:
        """The items that are done, in their order."""
        return tuple(item for _, item in sorted(self._done.items(), key=lambda entry: entry[0]))

    @property
    def prompts(self) -> dict[str, str]:
        """What the open pictures are painted from, by item id."""
        return {place.item_id: picture.prompt for place, picture in self._pictures.items()}

    def events(self) -> list[ResponseEvent]:
        """Hand over what has happened since the last call."""
        events, self._events = self._events, []
        return events

    def lifecycle(
        self, event: Callable[[int, Response], NumberedEvent], response: Response
    ) -> None:
        self._emit(event, response)

    def write(self, kind: PartKind, delta: str, logprobs: tuple[JsonObject, ...] = ()) -> None:
        """Add to the open part of this kind; opens what must be open, closes what must not.

        logprobs: of text alone.
        """
        if not delta:
            return
        words = self._words
        if words is None or words.kind is not kind:
            words = self._open_part(kind)
        words.deltas.append(delta)
        words.logprobs += logprobs
        told = (delta, logprobs) if logprobs else (delta,)
        self._emit(PART_DELTA[kind], *self._part_place(words), *told)

    def tell_logprobs(self, logprobs: tuple[JsonObject, ...]) -> None:
        """Those of the whole open text; nothing where none is open."""
        words = self._words
        if words is not None and words.kind is TextPart:
            words.logprobs[:] = logprobs

    def tell_phase(self, phase: str) -> None:
        """Of the open message, or else of the next one."""
        words = self._words
        if words is not None and words.kind is not ReasoningTextPart:
            words.phase = phase
        else:
            self._phase = phase

    def annotate(self, annotation: JsonObject) -> None:
        """Add a source to the open text."""
        words = self._words
        if words is None or words.kind is not TextPart:
            words = self._open_part(TextPart)
        index = len(words.annotations)
        words.annotations.append(annotation)
        self._emit(OutputTextAnnotationAdded, *self._part_place(words), index, annotation)

    def end_words(self, status: ItemStatus = "completed") -> None:
        """Close the open message or reasoning item, if there is one."""
        words, self._words = self._words, None
        if words is not None:
            self._end_part(words)
            self._finish(words.place, words.item(status))

    def seal_reasoning(self, encrypted_content: str) -> None:
        """Close the open reasoning item, or add one without words."""
        words = self._words
        if words is not None and words.kind is ReasoningTextPart:
            words.encrypted_content = encrypted_content
            self.end_words()
        else:
            self.end_words()
            place = self._place("rs_")
            item = ReasoningItem(place.item_id, "in_progress")
            self._emit(OutputItemAdded, place.output_index, item)
            sealed = ReasoningItem(place.item_id, "completed", encrypted_content=encrypted_content)
            self._finish(place, sealed)

    def _open_part(self, kind: PartKind) -> OpenWords:
        words = self._words
        if words is not None and ReasoningTextPart not in (kind, words.kind):
            self._end_part(words)
            words.kind = kind
        else:
            self.end_words()
            prefix = "rs_" if kind is ReasoningTextPart else "msg_"
            words = self._words = OpenWords(self._place(prefix), kind)
            if kind is not ReasoningTextPart:
                words.phase, self._phase = self._phase, None
            self._emit(OutputItemAdded, words.place.output_index, words.item("in_progress"))
        self._emit(ContentPartAdded, *self._part_place(words), kind(""))
        return words

    def _end_part(self, words: OpenWords) -> None:
        place = self._part_place(words)
        part = words.take_part()
        text = part.refusal if isinstance(part, RefusalPart) else part.text
        logprobs = part.logprobs if isinstance(part, TextPart) else ()
        self._emit(PART_DONE[words.kind], *place, *((text, logprobs) if logprobs else (text,)))
        self._emit(ContentPartDone, *place, part)
        words.parts.append(part)

    def _part_place(self, words: OpenWords) -> tuple[int, str, int]:
        return words.place.output_index, words.place.item_id, len(words.parts)

    def start_call(self, key: str, call_id: str, name: str) -> None:
        self.end_words()
        call = self._calls[key] = OpenCall(self._place("fc_"), call_id, name)
        self._emit(OutputItemAdded, call.place.output_index, call.item("in_progress", ""))

    def write_arguments(self, key: str, delta: str) -> None:
        call = self._calls[key]
        if delta:
            call.deltas.append(delta)
            self._emit_in(FunctionCallArgumentsDelta, call.place, delta)

    def end_call(self, key: str, arguments: str) -> None:
        """Close a call. It has at least one delta, and its arguments are never empty text."""
        arguments = arguments or "{}"
        if not self._calls[key].deltas:
            self.write_arguments(key, arguments)
        call = self._calls.pop(key)
        self._emit_in(FunctionCallArgumentsDone, call.place, arguments)
        self._finish(call.place, call.item("completed", arguments))

    def start_picture(self, prompt: str) -> Place:
        self.end_words()
        place = self._place("ig_")
        self._pictures[place] = OpenPicture(prompt)
        self._emit(OutputItemAdded, place.output_index, ImageCallItem(place.item_id, "in_progress"))
        self._emit_in(ImageCallInProgress, place)
        self._emit_in(ImageCallGenerating, place)
        return place

    def report_progress(self, place: Place, progress: ImageProgress) -> None:
        self._events.append(
            ImageCallProgress(
                place.output_index,
                place.item_id,
                progress.step,
                progress.steps,
                progress.queue_position,
                progress.eta_s,
            )
        )

    def show_partial_image(self, place: Place, preview: PartialImage, *, limit: int) -> None:
        """Number and show a preview; those beyond the limit are dropped."""
        picture = self._pictures[place]
        if picture.partial_images < limit:
            index = picture.partial_images
            self._emit_in(ImageCallPartialImage, place, index, preview.image, preview.resolved)
            picture.partial_images += 1

    def complete_picture(
        self,
        place: Place,
        painted: ImageCompleted,
        action: Literal["generate", "edit"] = "generate",
    ) -> None:
        picture = self._pictures.pop(place)
        self._emit_in(ImageCallCompleted, place)
        item = ImageCallItem(
            place.item_id,
            "completed",
            revised_prompt=picture.prompt,
            image=painted.image,
            resolved=painted.resolved,
            action=action,
        )
        self._finish(place, item)

    def fail_picture(self, place: Place, error: ImageCallError) -> None:
        prompt = self._pictures.pop(place).prompt
        item = ImageCallItem(place.item_id, "failed", revised_prompt=prompt, error=error)
        self._finish(place, item)

    def tell_prompt(self, place: Place, prompt: str) -> None:
        """What an open picture is painted from, where that is known late."""
        self._pictures[place].prompt = prompt

    def start_opaque(self, key: str, value: JsonObject) -> None:
        self.end_words()
        place = self._place("item_", value.get("id"))
        self._opaque[key] = OpenOpaque(place, value)
        self._emit(OutputItemAdded, place.output_index, OpaqueItem(place.item_id, value))

    def pass_on(self, key: str | None, type: str, fields: JsonObject) -> None:
        """Number an event of the upstream's own; key: the open item that it is about, if any."""
        if key is None:
            self._emit(OpaqueEvent, type, fields)
        else:
            place = self._opaque[key].place
            self._emit(OpaqueEvent, type, fields, place.output_index, place.item_id)

    def end_opaque(self, key: str, value: JsonObject) -> None:
        place = self._opaque.pop(key).place
        self._finish(place, OpaqueItem(place.item_id, value))

    def abandon(self, error: ImageCallError) -> None:
        """Close what is open: words, calls and opaque items as incomplete, pictures as failed."""
        self.end_words("incomplete")
        for call in self._calls.values():
            self._finish(call.place, call.item("incomplete", "".join(call.deltas)))
        self._calls.clear()
        for key, item in list(self._opaque.items()):
            self.end_opaque(key, item.cut_short())
        for place in list(self._pictures):
            self.fail_picture(place, error)

    def _place(self, prefix: str, wish: object = None) -> Place:
        """The next place. wish: an id to keep, unless another item has it."""
        fits = isinstance(wish, str) and wish and wish not in self._ids
        place = Place(self._items_added, str(wish) if fits else self._new_id(prefix))
        self._ids.add(place.item_id)
        self._items_added += 1
        return place

    def _finish(self, place: Place, item: OutputItem) -> None:
        self._done[place.output_index] = item
        self._emit(OutputItemDone, place.output_index, item)

    def _emit_in(
        self,
        event: Callable[Concatenate[int, int, str, P], NumberedEvent],
        place: Place,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        self._emit(event, place.output_index, place.item_id, *args, **kwargs)

    def _emit(
        self,
        event: Callable[Concatenate[int, P], NumberedEvent],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        self._events.append(event(self._sequence_number, *args, **kwargs))
        self._sequence_number += 1
