"""The calls that we answer ourselves: painted one after the other, failed, or refused.

A call of the image tool becomes an item as soon as it is complete, and every such item ends as
completed or failed. A call that was not offered is refused behind the client's back: the model
alone reads why; except one of the hosted tool by its own address, which is denied in the open.
The hosted call itself, its name and its id never reach the client.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import assert_never

from limner.core.arguments import dump, parse_arguments
from limner.core.history import Answer, painted, refused
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    ImageUsage,
    PartialImage,
)
from limner.core.image_tool import (
    Denial,
    budget_exhausted,
    denied,
    image_request,
    is_hosted_address,
    no_prompt,
    not_offered,
    too_many_calls,
    wish_of,
)
from limner.core.items import FunctionCall, ImageCall, ImageCallError
from limner.core.offer import Offer
from limner.core.open_items import Place
from limner.core.request import ImageTool, ResponseRequest
from limner.core.sources import Basis, Wish, basis_of
from limner.core.transcript import Transcript

_Announced = tuple[FunctionCall, Wish, Place]
_Dispatched = tuple[FunctionCall, Basis, Place]


class HostedCalls:
    """The calls of one response. limit: the most pictures that the painter is asked for.

    made, usage: pictures that this response has had before, in another process, and their cost.
    can: what the painter can do; None where it is not known, and then nothing is edited.
    sources: the pictures that the calls of the turn under way may edit; the run sets them.
    is_denied: whether a call was such that, by `denial`, it ends the response.
    """

    def __init__(
        self,
        request: ResponseRequest,
        transcript: Transcript,
        *,
        limit: int,
        can: ImageCapabilities | None = None,
        denial: Denial = "recover",
        made: int = 0,
        usage: ImageUsage | None = None,
    ) -> None:
        self._is_offered = request.image_tool is not None
        self._tool = request.image_tool or ImageTool(index=0)
        self._request = request
        self._can = can
        self.sources: tuple[ImageData, ...] = ()
        self._max_tool_calls = request.max_tool_calls
        self._limit = limit
        self._denial = denial
        self.is_denied = False
        self._transcript = transcript
        self._announced = self._dispatched = made
        self._queue: deque[_Announced] = deque()
        self._painting: _Dispatched | None = None
        self._answers: list[Answer] = []
        self.has_past_calls = any(isinstance(item, ImageCall) for item in request.items)
        self.usage = usage

    @property
    def is_painting(self) -> bool:
        return self._painting is not None

    @property
    def has_called(self) -> bool:
        """Whether a picture has been called for, by whomever and with whatever success."""
        return self._announced > 0

    @property
    def may_paint(self) -> bool:
        """Whether the client's `max_tool_calls` leaves room for one more call."""
        return self.calls_left != 0

    @property
    def calls_left(self) -> int | None:
        """What is left of the client's `max_tool_calls`; None for no limit."""
        limit = self._max_tool_calls
        return None if limit is None else max(limit - self._announced, 0)

    def note_passed(self) -> None:
        """Count a hosted call that the upstream ran itself."""
        self._announced += 1

    def take_answers(self) -> list[Answer]:
        answers, self._answers = self._answers, []
        return answers

    def add(self, call: FunctionCall, offer: Offer) -> None:
        """Take a complete call that is not the client's: announce it, or refuse it."""
        wish = wish_of(call.arguments)
        # Servers parse the arguments of past calls: crooked ones go back mended.
        arguments = dump(parse_arguments(call.arguments) or {})
        by_address = is_hosted_address(call.name)
        name = offer.image if by_address and offer.image is not None else call.name
        call = FunctionCall(call.call_id, name, arguments)
        if by_address and not self._is_offered:
            self._deny(call, wish.prompt)
        elif call.name != offer.image:
            self._answers.append(refused(call, not_offered(call.name, offer.names)))
        elif self._max_tool_calls is not None and not self.may_paint:
            self._answers.append(refused(call, too_many_calls(self._max_tool_calls)))
        else:
            self._announced += 1
            self.has_past_calls = True
            self._queue.append((call, wish, self._transcript.start_picture(wish.prompt)))

    def start_next(self) -> ImageRequest | None:
        """Return what to paint next; calls that cannot be painted fail on the way."""
        while self._queue:
            call, wish, place = self._queue.popleft()
            basis = self._basis(wish)
            if isinstance(basis, ImageCallError):
                self._fail(call, place, basis)
            else:
                self._dispatched += 1
                self._painting = call, basis, place
                return image_request(self._tool, wish.prompt, basis, self._request)
        return None

    def _basis(self, wish: Wish) -> Basis | ImageCallError:
        if not wish.prompt.strip():
            return no_prompt()
        if self._dispatched == self._limit:
            return budget_exhausted(self._limit)
        return basis_of(self._tool, wish, self.sources, self._can)

    def receive(self, event: ImageEvent) -> None:
        """Take what the painter says about the picture under way."""
        assert self._painting is not None, "nothing is being painted"
        call, basis, place = self._painting
        match event:
            case ImageProgress():
                self._transcript.report_progress(place, event)
            case PartialImage():
                limit = self._tool.partial_images if self._request.stream else 0
                self._transcript.show_partial_image(place, event, limit=limit)
            case ImageCompleted(usage=usage):
                self._painting = None
                if usage is not None:
                    self.usage = usage if self.usage is None else self.usage + usage
                self._transcript.complete_picture(place, _told(event, basis), basis.action)
                self._answers.append(painted(call, place.item_id, event.image))
            case ImageFailed(message, code, type_, retryable):
                self._painting = None
                self._fail(call, place, ImageCallError(message, code, type_, retryable))
            case _:
                assert_never(event)

    def _deny(self, call: FunctionCall, prompt: str) -> None:
        if self._denial == "error":
            self.is_denied = True
        else:
            self._fail(call, self._transcript.start_picture(prompt), denied())

    def _fail(self, call: FunctionCall, place: Place, error: ImageCallError) -> None:
        self._transcript.fail_picture(place, error)
        self._answers.append(refused(call, error, item_id=place.item_id))


def _told(event: ImageCompleted, basis: Basis) -> ImageCompleted:
    said = (*basis.adjustments, *event.resolved.adjustments)
    return replace(event, resolved=replace(event.resolved, adjustments=said))
