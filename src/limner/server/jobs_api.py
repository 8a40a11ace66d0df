"""The job API: pictures by `POST /generate`, at once or fetched later.

Its shapes are those of a FastAPI service that painted with Z-Image, whose clients work unchanged;
failures, though, are HTTP errors here.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.errors import ImageError, InvalidRequest, StoreError
from limner.core.job import Job, JobOrder
from limner.gateway.jobs import Jobs
from limner.server.body import MIB, read_json
from limner.server.errors import json_response
from limner.server.guard import check_may_paint, owner_of
from limner.server.streaming import while_client_waits
from limner.wire.jobs import (
    Painter,
    accepted_json,
    health_json,
    info_json,
    pending_json,
    picture_headers,
    result_json,
    status_json,
)
from limner.wire.jobs_edit import parse_edit_job
from limner.wire.jobs_fields import Faults
from limner.wire.jobs_request import JobDefaults, parse_job

BODY_LIMIT_BYTES = MIB

Endpoint = Callable[[Request], Awaitable[Response]]


def jobs_routes(jobs: Jobs, painter: Callable[[], Painter], defaults: JobDefaults) -> list[Route]:
    """jobs: open, and closed by its owner. painter: what paints, as of now."""
    api = _JobsApi(jobs, painter, defaults)
    routes: list[tuple[str, str, Endpoint]] = [
        ("GET", "/health", api.health),
        ("GET", "/info", api.info),
        ("POST", "/generate", api.generate),
        ("POST", "/generate/async", api.generate_async),
        ("POST", "/modify", api.modify),
        ("POST", "/modify/async", api.modify_async),
        ("GET", "/job/{id}", api.status),
        ("DELETE", "/job/{id}", api.cancel),
        ("GET", "/job/{id}/result", api.result),
        ("GET", "/job/{id}/image", api.image),
    ]
    return [Route(path, _in_detail(endpoint), methods=[verb]) for verb, path, endpoint in routes]


class _JobsApi:
    def __init__(self, jobs: Jobs, painter: Callable[[], Painter], defaults: JobDefaults) -> None:
        self._jobs = jobs
        self._painter = painter
        self._defaults = defaults

    async def health(self, request: Request) -> Response:
        """200 when pictures can be painted, 503 while or where they cannot."""
        painter, jobs = self._painter(), self._jobs
        body = health_json(
            painter,
            waiting=jobs.queue.waiting,
            max_queue=jobs.queue.max_waiting,
            max_concurrent=jobs.queue.max_concurrent,
        )
        return json_response(body, 200 if painter.readiness.state == "ready" else 503)

    async def info(self, request: Request) -> Response:
        return json_response(info_json(self._painter(), self._defaults))

    async def generate(self, request: Request) -> Response:
        """The finished job. A client that leaves cancels it."""
        return await self._at_once(request, await self._order(request))

    async def generate_async(self, request: Request) -> Response:
        return await self._later(request, await self._order(request))

    async def modify(self, request: Request) -> Response:
        """As `generate`, of a picture to edit."""
        return await self._at_once(request, await self._edit(request))

    async def modify_async(self, request: Request) -> Response:
        return await self._later(request, await self._edit(request))

    async def _at_once(self, request: Request, order: JobOrder | Faults) -> Response:
        if isinstance(order, Faults):
            return _unprocessable(order)
        owner = owner_of(request)
        id = (await self._jobs.submit(order, owner, attended=True)).id
        try:
            async with while_client_waits(request.receive):
                job = await self._jobs.wait(owner, id)
        except BaseException:
            await self._jobs.cancel(owner, id)
            raise
        if job is None:
            raise _not_found()
        if job.failure:
            status, retry_after_s = job.failure.status, job.failure.retry_after_s
            return _reply(result_json(job), status, retry_after_s)
        return _reply(result_json(job), 200 if job.picture else 503)

    async def _later(self, request: Request, order: JobOrder | Faults) -> Response:
        if isinstance(order, Faults):
            return _unprocessable(order)
        job = await self._jobs.submit(order, owner_of(request))
        return json_response(accepted_json(job, self._jobs.position(job.id)))

    async def status(self, request: Request) -> Response:
        job = await self._found(request)
        return json_response(status_json(job, self._jobs.position(job.id)))

    async def cancel(self, request: Request) -> Response:
        """Stops the job where it is not over yet; answers what has become of it."""
        job = await self._jobs.cancel(owner_of(request), request.path_params["id"])
        if job is None:
            raise _not_found()
        return json_response(status_json(job, None))

    async def result(self, request: Request) -> Response:
        job = await self._found(request)
        return self._unfinished(job) or json_response(result_json(job))

    async def image(self, request: Request) -> Response:
        job = await self._found(request)
        if unfinished := self._unfinished(job):
            return unfinished
        assert job.picture is not None
        image = job.picture.image
        return Response(image.content, 200, picture_headers(job), image.media_type)

    def _unfinished(self, job: Job) -> Response | None:
        """What is said of a job that has no picture: not yet, or never."""
        match job.status:
            case "completed":
                return None
            case "failed":
                return json_response(result_json(job), 500)
            case "cancelled":
                return json_response(result_json(job), 410)
            case _:
                return json_response(pending_json(job, self._jobs.position(job.id)), 202)

    async def _order(self, request: Request) -> JobOrder | Faults:
        check_may_paint(request)
        body = await read_json(request, BODY_LIMIT_BYTES)
        return parse_job(body, self._jobs.capabilities, self._defaults, secrets.randbits(32))

    async def _edit(self, request: Request) -> JobOrder | Faults:
        check_may_paint(request)
        body = await read_json(request)
        return parse_edit_job(body, self._jobs.capabilities, secrets.randbits(32))

    async def _found(self, request: Request) -> Job:
        job = await self._jobs.get(owner_of(request), request.path_params["id"])
        if job is None:
            raise _not_found()
        return job


def _in_detail(endpoint: Endpoint) -> Endpoint:
    """Say refusals in this API's form instead of OpenAI's."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except InvalidRequest as error:
            if error.status == 400:
                fault = {"type": error.code, "loc": ["body"], "msg": error.message}
                return _unprocessable(Faults((fault,)))
            return _reply({"detail": error.message}, error.status, error.retry_after_s)
        except (ImageError, StoreError) as error:
            return _reply({"detail": error.message}, error.status, error.retry_after_s)

    return answer


def _unprocessable(faults: Faults) -> Response:
    return json_response({"detail": list(faults.detail)}, 422)


def _reply(body: Mapping[str, Any], status: int, retry_after_s: float | None = None) -> Response:
    headers = {"Retry-After": str(math.ceil(retry_after_s))} if retry_after_s else None
    return json_response(body, status, headers)


def _not_found() -> InvalidRequest:
    return InvalidRequest("Job not found", code="not_found", status=404)
