"""A response on its way to a client that waits for it.

As long as the model has not said anything a failure is an HTTP status; for that the opening events
are held back. A response that fails later keeps what it has made.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from operator import itemgetter

from limner.core.errors import LimnerError, UpstreamError
from limner.core.events import (
    ImageCallProgress,
    OutputItem,
    OutputItemDone,
    Response,
    ResponseCompleted,
    ResponseCreated,
    ResponseError,
    ResponseEvent,
    ResponseFailed,
    ResponseIncomplete,
    ResponseInProgress,
    TerminalEvent,
)
from limner.gateway.record import count_pictures, refusal
from limner.wire import sse
from limner.wire.events import encode_event

logger = logging.getLogger(__name__)

_Lifecycle = (
    ResponseCreated | ResponseInProgress | ResponseCompleted | ResponseFailed | ResponseIncomplete
)


@dataclass(slots=True)
class Course:
    """How far a response has come: for its last word, should we fail, and for the log.

    held: frames that wait for the model's first word. done: output items, by their index.
    """

    request_id: str
    is_stream: bool
    began: float = field(default_factory=time.perf_counter)
    response: Response | None = None
    next_number: int = 0
    held: list[bytes] = field(default_factory=list)
    done: dict[int, OutputItem] = field(default_factory=dict)

    def follow(self, event: ResponseEvent) -> None:
        if isinstance(event, ImageCallProgress):
            return
        self.next_number = event.sequence_number + 1
        if isinstance(event, _Lifecycle):
            self.response = event.response
        elif isinstance(event, OutputItemDone):
            self.done[event.output_index] = event.item

    def release(self) -> bytes:
        """Hand over what was held."""
        held, self.held = b"".join(self.held), []
        return held

    def last_word(self, error: LimnerError) -> bytes:
        """End the stream after `error`: with `response.failed`, and all that must precede it."""
        if self.response is None:
            return self.release()
        failed = self.response
        if failed.error is None:
            reason = ResponseError("server_error", error.message)
            output = tuple(item for _, item in sorted(self.done.items(), key=itemgetter(0)))
            failed = replace(failed, status="failed", error=reason, output=output)
        return self.release() + encode_event(ResponseFailed(self.next_number, failed)) + sse.DONE

    def log(self) -> None:
        """The one line of a response that began; without anyone's words or pictures."""
        if self.response is None:
            return
        status = self.response.status
        facts = {
            "action": "response",
            "request_id": self.request_id,
            "response_id": self.response.id,
            "status": "cancelled" if status == "in_progress" else status,
            "stream": self.is_stream,
            "pictures": count_pictures(self.response),
            "seconds": round(time.perf_counter() - self.began, 3),
        }
        logger.info("response ended", extra=facts)


async def frames(
    events: AsyncGenerator[ResponseEvent, None], course: Course
) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, ResponseCreated | ResponseInProgress):
                    course.follow(event)
                    course.held.append(encode_event(event))
                elif isinstance(event, ResponseFailed) and course.held:
                    course.response = event.response
                    raise _refusal(event.response)
                else:
                    course.follow(event)
                    ending = sse.DONE if isinstance(event, TerminalEvent) else b""
                    yield course.release() + encode_event(event) + ending
    finally:
        course.log()


async def final(events: AsyncGenerator[ResponseEvent, None], course: Course) -> Response:
    try:
        async with aclosing(events):
            async for event in events:
                course.follow(event)
    finally:
        course.log()
    response = course.response
    assert response is not None, "a run begins with its response"
    if response.status == "failed" and not response.output:
        raise _refusal(response)
    return response


def _refusal(response: Response) -> UpstreamError:
    assert response.error is not None, "a failed response says why"
    return refusal(response.error)
