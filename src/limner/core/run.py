"""The machine of one response: what the model and the painter say goes in, what the client sees and
what is to be done next comes out.

A response is one or more turns of the language model. A turn is read to its end; then the pictures
that it called for are painted one after the other, in the order in which the calls were complete;
then the next turn tells the model how that went. The response ends when a turn calls for nothing
that we can answer, when it calls the client's own functions, or when a limit is reached.

A model that must call the image tool and does not is helped out: see `forced`. A picture that fails
is a failed item which the model reads; only the language model's failure fails the response. At any
time one thing at most is under way outside: a turn or a picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from limner.core.actions import DEFAULT_LIMITS, Action, Limits, StartImage, StartTurn
from limner.core.arguments import dump
from limner.core.events import (
    Response,
    ResponseCompleted,
    ResponseCreated,
    ResponseDenied,
    ResponseError,
    ResponseEvent,
    ResponseFailed,
    ResponseIncomplete,
    ResponseInProgress,
    ResponseStatus,
    TerminalEvent,
)
from limner.core.forced import ADJUSTMENT, owes_picture, prompt_for
from limner.core.history import recall, replay
from limner.core.hosted_calls import HostedCalls
from limner.core.image import (
    ImageCapabilities,
    ImageEvent,
)
from limner.core.image_tool import (
    DISABLED,
    GATE_MESSAGE,
    Denial,
    never_finished,
    offered_function,
    tool_name,
)
from limner.core.items import FunctionCall
from limner.core.offer import make_offer
from limner.core.point import Begun, Point, Spent, cancelled, lost, said
from limner.core.request import ResponseRequest
from limner.core.sources import number_pictures, sources_of
from limner.core.transcript import Transcript
from limner.core.turn import (
    IncompleteReason,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
    Usage,
)
from limner.core.turn_reader import TurnReader


class ResponseRun:
    """One response. A new run already holds its first events and its first action.

    new_id: makes a fresh id that begins with the prefix given, such as `msg_`.
    clock: tells the seconds since 1970. painter: what can be asked of the image back end.
    denial: what a call of the hosted tool becomes where the tool was not offered.
    begun: where the response has begun elsewhere; what was open there is closed first.
    Raises InvalidRequest when no name is left for the image function.
    """

    def __init__(
        self,
        request: ResponseRequest,
        *,
        response_id: str,
        new_id: Callable[[str], str],
        clock: Callable[[], float],
        painter: ImageCapabilities | None = None,
        limits: Limits = DEFAULT_LIMITS,
        denial: Denial = "recover",
        begun: Begun | None = None,
    ) -> None:
        point = begun.point if begun else Point()
        made, spent = point.picture_count, point.spent
        self._new_id = new_id
        self._clock = clock
        self._painter = painter
        self._limits = limits
        self._turns = spent.turns
        self._usage = spent.usage
        self._action: Action | None = None
        self.is_finished = False
        created_at = begun.created_at if begun else int(clock())
        self._response = first_response(request, response_id, created_at, "in_progress")
        self._transcript = Transcript(new_id, point)
        self._open(begun)
        request = replace(request, items=(*request.items, *said(self._transcript.output)))
        self._request = request
        self._image_name = tool_name(request.functions, request.items, request.taken_names)
        self._items = recall(request.items, self._image_name)
        self._hosted = HostedCalls(
            request,
            self._transcript,
            limit=limits.pictures,
            can=painter,
            denial=denial,
            made=made,
            usage=spent.image_usage,
        )
        self._turn = self._start_turn()
        if point.waits_for_client or spent.turns >= limits.turns:
            self._complete()
        elif self._tokens_left() == 0:
            self._finish(ResponseIncomplete, "incomplete", incomplete="max_output_tokens")

    @property
    def id(self) -> str:
        return self._response.id

    @property
    def is_waiting(self) -> bool:
        """Whether what was started last has more to say that the run wants to hear."""
        return not self.is_finished and self._action is None

    @property
    def spent(self) -> Spent:
        """What the events so far do not tell."""
        turns = self._turns - (self._turn.end is None)
        return Spent(turns, self._usage, self._hosted.usage, self._transcript.prompts)

    def events(self) -> list[ResponseEvent]:
        """Hand over what the client must see and has not seen yet."""
        return self._transcript.events()

    def action(self) -> Action | None:
        """Hand over what to do next; None while waiting and after the end."""
        action, self._action = self._action, None
        return action

    def receive(self, event: TurnEvent | ImageEvent) -> None:
        """Take one event of what was started last.

        Raises RuntimeError for an event that nothing asked for: a bug of whoever sent it.
        """
        if not self.is_waiting or isinstance(event, ImageEvent) != self._hosted.is_painting:
            raise RuntimeError(f"nothing asked for this {type(event).__name__}")
        if isinstance(event, ImageEvent):
            self._hosted.receive(event)
        else:
            self._turn.receive(event)
            if isinstance(event, TurnEnded):
                self._account(event)
            elif self._hosted.is_denied:
                self._deny()
        self._advance()

    def fail(self, error: ResponseError) -> None:
        """End the response as failed, with every item closed; does nothing after the end."""
        if not self.is_finished:
            self._finish(ResponseFailed, "failed", error=error)

    def cancel(self) -> None:
        """End the response as cancelled, with every item closed; does nothing after the end."""
        if not self.is_finished:
            self._transcript.abandon(cancelled())
            self._finish(ResponseIncomplete, "cancelled")

    def _open(self, begun: Begun | None) -> None:
        """Say what a client must hear first, or close what another process left open."""
        if begun is None:
            self._transcript.lifecycle(ResponseCreated, self._response)
        if begun is None or not begun.point.has_begun:
            self._transcript.lifecycle(ResponseInProgress, self._response)
        if begun is not None:
            self._transcript.abandon(lost(is_repeatable=begun.is_repeatable))

    def _deny(self) -> None:
        """End the response with an event of its own before `response.failed`, as the gate asks."""
        error = ResponseError(DISABLED, GATE_MESSAGE, status=400)
        self._transcript.end_words()
        self._transcript.abandon(never_finished())
        failed = replace(self._response, status="failed", error=error)
        self._transcript.lifecycle(ResponseDenied, failed)
        self.fail(error)

    def _advance(self) -> None:
        """Move on: to the next picture, to the next turn, or to the end."""
        turn = self._turn
        if turn.end is None or self._hosted.is_painting:
            return
        if isinstance(turn.end, TurnFailed):
            self.fail(_error_of(turn.end))
        elif turn.has_open_calls and turn.end.incomplete is None:
            self.fail(ResponseError("server_error", "The model left a function call unfinished."))
        elif request := self._hosted.start_next():
            self._action = StartImage(request)
        elif turn.end.incomplete is not None:
            self._finish(ResponseIncomplete, "incomplete", incomplete=turn.end.incomplete)
        else:
            self._end_or_ask_again(turn)

    def _end_or_ask_again(self, turn: TurnReader) -> None:
        answers = self._hosted.take_answers()
        is_over = not answers or turn.calls_client
        is_last = self._turns == self._limits.turns
        owes = owes_picture(self._request, self._hosted, self._transcript.output)
        if owes and (is_over or is_last):
            self._call_instead(turn)
        elif not answers or turn.calls_client or (turn.is_helped and is_last):
            self._complete()
        elif is_last:
            self._complete(f"The model was stopped after {self._turns} turns while it called on.")
        elif self._tokens_left() == 0:
            self._finish(ResponseIncomplete, "incomplete", incomplete="max_output_tokens")
        else:
            self._items += replay(self._transcript.output[turn.first_item :], answers)
            self._turn = self._start_turn()

    def _call_instead(self, turn: TurnReader) -> None:
        """Call in the model's place; that must not be lost even in the last turn."""
        turn.is_helped = True
        prompt = prompt_for(self._items, self._transcript.output)
        call = FunctionCall(self._new_id("call_"), self._image_name, dump({"prompt": prompt}))
        self._hosted.add(call, replace(turn.offer, image=self._image_name))
        self._adjust(ADJUSTMENT)
        self._advance()

    def _start_turn(self) -> TurnReader:
        request = self._request
        self._turns += 1
        sources = sources_of(request.items, self._transcript.output)
        self._hosted.sources = sources
        offer = make_offer(
            request,
            offered_function(self._image_name, request.image_tool, sources, self._painter),
            is_first=self._turns == 1,
            is_last=self._turns == self._limits.turns,
            may_paint=self._hosted.may_paint,
            has_past_calls=self._hosted.has_past_calls,
        )
        self._action = StartTurn(
            TurnRequest(
                request.model,
                number_pictures(self._items, sources),
                instructions=request.instructions,
                tools=offer.tools,
                tool_choice=offer.choice,
                parallel_tool_calls=request.parallel_tool_calls,
                sampling=replace(request.sampling, max_output_tokens=self._tokens_left()),
                user=request.user,
                hosted_tools=offer.hosted,
                include=request.include,
                max_tool_calls=self._hosted.calls_left if offer.hosted else None,
            )
        )
        return TurnReader(offer, self._transcript, self._hosted)

    def _tokens_left(self) -> int | None:
        """What earlier turns leave of the client's `max_output_tokens`; None for no limit."""
        limit = self._request.sampling.max_output_tokens
        if limit is None or self._usage is None:
            return limit
        return max(limit - self._usage.output_tokens, 0)

    def _account(self, end: TurnEnded) -> None:
        if end.usage is not None:
            self._usage = (self._usage or Usage()) + end.usage
        self._adjust(*end.adjustments)

    def _adjust(self, *adjustments: str) -> None:
        """Tell the client, once, what is not done as asked."""
        told = dict.fromkeys((*self._response.adjustments, *adjustments))
        self._response = replace(self._response, adjustments=tuple(told))

    def _complete(self, *adjustments: str) -> None:
        self._adjust(*adjustments)
        self._finish(ResponseCompleted, "completed", completed_at=int(self._clock()))

    def _finish(
        self,
        event: Callable[[int, Response], TerminalEvent],
        status: ResponseStatus,
        *,
        completed_at: int | None = None,
        error: ResponseError | None = None,
        incomplete: IncompleteReason | None = None,
    ) -> None:
        """Close what is open and say the last word."""
        self._transcript.abandon(never_finished())
        self._response = replace(
            self._response,
            status=status,
            output=self._transcript.output,
            usage=self._usage,
            image_usage=self._hosted.usage,
            completed_at=completed_at,
            error=error,
            incomplete=incomplete,
        )
        self._action = None
        self.is_finished = True
        self._transcript.lifecycle(event, self._response)


def first_response(
    request: ResponseRequest, id: str, created_at: int, status: ResponseStatus
) -> Response:
    """A response of which nothing is there yet."""
    return Response(
        id, created_at, status, request.model, echo=request.echo, adjustments=request.adjustments
    )


def _error_of(failure: TurnFailed) -> ResponseError:
    return ResponseError(
        failure.code,
        failure.message,
        status=failure.status,
        retryable=failure.retryable,
        retry_after_s=failure.retry_after_s,
        param=failure.param,
    )
