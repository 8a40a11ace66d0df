"""The one impure loop of a response: does what the run asks for and feeds it with what comes back.

A run has one thing under way at a time, so the loop needs no tasks of its own. It reads only as
fast as the client takes the events. Closing the iterator, or cancelling who waits for it, closes
the turn or the picture under way and waits until that has stopped.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import assert_never

from limner.core.actions import DEFAULT_LIMITS, Action, Limits, StartImage, StartTurn
from limner.core.events import (
    ImageCallItem,
    OutputItemDone,
    ResponseDenied,
    ResponseError,
    ResponseEvent,
)
from limner.core.fitting import fit
from limner.core.image import ImageEvent
from limner.core.image_tool import Denial, check_gate, denied, tool_name
from limner.core.picture_fitting import fit_image_tool
from limner.core.point import Spent
from limner.core.ports import ImageBackend, Upstream
from limner.core.request import ResponseRequest
from limner.core.run import ResponseRun
from limner.core.turn import TurnEvent
from limner.gateway.deadline import DEFAULT_DEADLINE_S, Deadline, PassedError

logger = logging.getLogger(__name__)

Source = AsyncGenerator[TurnEvent, None] | AsyncGenerator[ImageEvent, None]


def random_id(prefix: str) -> str:
    """A fresh id in OpenAI's manner: the prefix and 48 random hexadecimal digits."""
    return f"{prefix}{secrets.token_hex(24)}"


@dataclass(frozen=True, slots=True)
class Step:
    """What one event from outside led to. spent: as it stands after it; see `core.point`."""

    events: Sequence[ResponseEvent]
    spent: Spent


def check(
    request: ResponseRequest, upstream: Upstream, image_backend: ImageBackend | None
) -> ResponseRequest:
    """The request as it goes on to this upstream.

    Raises InvalidRequest when the client offers the image tool and there is no back end, when no
    name is left for it, or when the upstream cannot take the request.
    """
    request = fit(request, upstream.capabilities)
    check_gate(request, can_paint=image_backend is not None)
    tool_name(request.functions, request.items, request.taken_names)
    if image_backend is not None:
        request = fit_image_tool(request, image_backend.capabilities)
    return request


async def respond(
    request: ResponseRequest,
    *,
    upstream: Upstream,
    image_backend: ImageBackend | None,
    response_id: str = "",
    new_id: Callable[[str], str] = random_id,
    clock: Callable[[], float] = time.time,
    limits: Limits = DEFAULT_LIMITS,
    denial: Denial = "recover",
    deadline_s: float = DEFAULT_DEADLINE_S,
) -> AsyncGenerator[ResponseEvent, None]:
    """Yield the events of one response; the last numbered one is terminal, whatever happens.

    The first two events come before the upstream is asked. response_id: a new one by default.
    new_id: makes ids from a prefix; clock: seconds since 1970; deadline_s: the longest that the
    whole response may take; denial: what a call of the image tool becomes that was not offered.
    Raises InvalidRequest before the first event, as `check` does.
    """
    request = check(request, upstream, image_backend)
    run = ResponseRun(
        request,
        response_id=response_id or new_id("resp_"),
        new_id=new_id,
        clock=clock,
        painter=image_backend.capabilities if image_backend else None,
        limits=limits,
        denial=denial,
    )
    steps = drive(
        run, upstream=upstream, image_backend=image_backend, deadline=Deadline(deadline_s)
    )
    async with aclosing(steps):
        async for step in steps:
            for event in step.events:
                yield event


async def drive(
    run: ResponseRun, *, upstream: Upstream, image_backend: ImageBackend | None, deadline: Deadline
) -> AsyncGenerator[Step, None]:
    """Do what the run asks for until it ends, which a deadline that is cancelled makes it do."""
    yield _step(run)
    while (action := run.action()) is not None:
        try:
            async with aclosing(_source(action, run.id, upstream, image_backend)) as source:
                while run.is_waiting:
                    run.receive(await _next(source, deadline))
                    yield _step(run)
        except PassedError:
            deadline.finish(run)
        except Exception:
            logger.exception("response failed by a bug", extra={"response_id": run.id})
            run.fail(ResponseError("server_error", "The server made an error; its log says more."))
        yield _step(run)


def _step(run: ResponseRun) -> Step:
    step = Step(run.events(), run.spent)
    for event in step.events:
        _log_denial(event, run.id)
    return step


def _log_denial(event: ResponseEvent, response_id: str) -> None:
    match event:
        case OutputItemDone(item=ImageCallItem(error=error)):
            is_denied = error == denied()
        case _:
            is_denied = isinstance(event, ResponseDenied)
    if is_denied:
        facts = {"action": "denied", "response_id": response_id}
        logger.warning("image generation denied", extra=facts)


def _source(
    action: Action, response_id: str, upstream: Upstream, image_backend: ImageBackend | None
) -> Source:
    match action:
        case StartTurn(request):
            return upstream.stream(request)
        case StartImage(image_request):
            assert image_backend is not None, "the gate lets no image call through without one"
            return image_backend.generate(replace(image_request, response_id=response_id))
        case _:
            assert_never(action)


async def _next(source: Source, deadline: Deadline) -> TurnEvent | ImageEvent:
    async with deadline.hold():
        try:
            return await anext(source)
        except StopAsyncIteration:
            raise RuntimeError("the source ended without its terminal event") from None
