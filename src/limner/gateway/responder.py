"""Requests that may begin, and the runs that they become."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace

from limner.core.actions import DEFAULT_LIMITS, Limits
from limner.core.gate import pass_gate
from limner.core.image_tool import Denial
from limner.core.point import Begun, Point
from limner.core.ports import ImageBackend, Upstream
from limner.core.request import ResponseRequest
from limner.core.run import ResponseRun
from limner.gateway.deadline import Deadline
from limner.gateway.driver import Step, check, drive, random_id
from limner.gateway.several import Select
from limner.wire.orders import Order
from limner.wire.parse import parse_request


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that nothing refuses any more. owner: who asks."""

    owner: str
    order: Order
    request: ResponseRequest
    upstream: Upstream = field(repr=False)


@dataclass(frozen=True, slots=True)
class Responder:
    """What answers requests. image_backend: None where nothing paints. The rest: see `respond`."""

    select: Select
    image_backend: ImageBackend | None
    denial: Denial = "recover"
    limits: Limits = DEFAULT_LIMITS
    new_id: Callable[[str], str] = random_id
    clock: Callable[[], float] = time.time

    def read(self, owner: str, order: Order) -> Asked:
        """Check a request against everything that could refuse it; raises InvalidRequest."""
        request = parse_request(order.body, order.known, may_be_empty=order.is_silent)
        served = self.select(request.model)
        upstream, can = served.upstream, served.upstream.capabilities
        mode = order.mode or served.image_tool
        request = pass_gate(request, mode, can, can_paint=self.image_backend is not None)
        request = check(replace(request, client=owner), upstream, self.image_backend)
        return Asked(owner, order, request, upstream)

    def begin(self, asked: Asked, id: str, begun: tuple[int, Point] | None = None) -> ResponseRun:
        """A run that waits to be driven. begun: when it was created, and where it goes on."""
        painter = self.image_backend.capabilities if self.image_backend else None
        is_repeatable = painter is not None and painter.repeatable
        return ResponseRun(
            asked.request,
            response_id=id,
            new_id=self.new_id,
            clock=self.clock,
            painter=painter,
            limits=self.limits,
            denial=self.denial,
            begun=Begun(*begun, is_repeatable) if begun else None,
        )

    def drive(
        self, asked: Asked, run: ResponseRun, deadline: Deadline
    ) -> AsyncGenerator[Step, None]:
        """See `driver.drive`."""
        return drive(
            run, upstream=asked.upstream, image_backend=self.image_backend, deadline=deadline
        )
